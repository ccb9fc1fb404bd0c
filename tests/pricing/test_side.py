"""Rules between two prices."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pricebid.pricing.grid import Grid, Ladder
from pricebid.pricing.search import search
from pricebid.pricing.side import PairRule, SideRules, SpreadRule, reachable
from pricebid.pricing.sides import side_rules


def rules_of(pairs: list[tuple[int, int, float]], group: list[int], spread: float) -> SideRules:
    low, high, factor = (np.array(column) for column in zip(*pairs, strict=True)) if pairs else ([], [], [])
    pair = PairRule(
        name="order", low=np.asarray(low, dtype=np.intp), high=np.asarray(high, dtype=np.intp),
        factor=np.asarray(factor, dtype=float),
    )  # fmt: skip
    return SideRules(pairs=(pair,), spreads=(SpreadRule(name="spread", group=np.array(group), at_most=spread),))


def ladder_of(ends: list[tuple[int, int]]) -> Ladder:
    grid = Grid.of_step(1.0, 0)
    first, last = np.array(ends).T
    return Ladder(
        grids=(grid,), grid_of=np.zeros(len(ends), dtype=np.intp), first=first, last=last,
        current=first.astype(float), keep=np.zeros(len(ends), dtype=bool),
    )  # fmt: skip


def all_plans(rules: SideRules, ladder: Ladder) -> np.ndarray:
    runs = [np.arange(a, b + 1) for a, b in zip(ladder.first, ladder.last, strict=True)]
    plans = [np.array(plan, dtype=float) for plan in itertools.product(*runs)]
    return np.array([plan for plan in plans if not rules.broken(plan).any()])


ends = st.tuples(st.integers(1, 8), st.integers(0, 4)).map(lambda pair: (pair[0], pair[0] + pair[1]))


@settings(max_examples=80, deadline=None)
@given(
    ladders=st.lists(ends, min_size=4, max_size=4),
    factors=st.lists(st.sampled_from([0.5, 0.8, 1.0, 1.5]), min_size=2, max_size=2),
    spread=st.sampled_from([0.0, 0.25, 1.0]),
)
def test_reachable_keeps_exactly_the_range_of_the_plans_there_are(
    ladders: list[tuple[int, int]], factors: list[float], spread: float
) -> None:
    rules = rules_of([(0, 1, factors[0]), (1, 2, factors[1])], [-1, 0, -1, 0], spread)
    ladder = ladder_of(ladders)
    plans = all_plans(rules, ladder)
    cut, stuck = reachable(rules, ladder)
    assert stuck.any() == (len(plans) == 0)
    if len(plans):
        np.testing.assert_array_equal(cut.first, plans.min(axis=0))
        np.testing.assert_array_equal(cut.last, plans.max(axis=0))
        assert not rules.broken(cut.ends()[0]).any()


def test_orders_by_size_and_brand_and_the_region_spread_are_read_from_the_policy(tools: Any) -> None:
    shop = tools.shop()
    offers = shop.offers
    policy = tools.policy(
        '[price]\nmax_region_spread = 0.1\n[[rules]]\norder = { by = "size", per_unit = true, min_gap = 0.05 }\n'
        '[[rules]]\ncategory = "a"\norder = { by = "brand", values = ["y", "x"], min_gap = 0.02 }'
    )
    rules = side_rules(policy, offers)
    assert set(rules.names) == {"order by size per unit", "order by brand", "max_region_spread 0.1"}
    by_size, by_brand = rules.pairs
    for low, high, factor in zip(by_size.low, by_size.high, by_size.factor, strict=True):
        assert offers.size[low] > offers.size[high]
        assert (offers.brand[low], offers.region[low]) == (offers.brand[high], offers.region[high])
        assert factor == offers.size[low] / offers.size[high] / 1.05
    assert {(offers.brand[a], offers.brand[b]) for a, b in zip(by_brand.low, by_brand.high, strict=True)} == {
        ("x", "y")
    }
    spread = rules.spreads[0].group
    assert len(np.unique(spread)) == len(np.unique(offers.sku))


def test_the_search_keeps_a_uniform_price_over_regions_and_finds_the_best_one(tools: Any) -> None:
    response, cost = tools.random_response(11, "log-linear", n=6)
    rules = SideRules(spreads=(SpreadRule(name="spread", group=np.array([0, 0, 0, -1, -1, -1]), at_most=0.0),))
    bounds = (np.full(6, 2.0), np.full(6, 7.0))
    problem = tools.problem(response, cost, Grid.of_step(0.01, 2), bounds, side=rules)
    problem = replace(problem, ladder=reachable(rules, problem.ladder)[0])
    found = search(problem, problem.ladder.ends()[0])
    assert len(np.unique(found.price[:3])) == 1
    best = found.price.copy()
    for price in np.arange(2.0, 7.0, 0.01):
        best[:3] = round(price, 2)
        assert problem.outcomes(best)["objective"].sum() <= found.value * (1 + 1e-9)


def test_offers_can_be_taken_out_of_all_rules() -> None:
    rules = rules_of([(0, 1, 1.0), (1, 2, 1.0)], [0, -1, 0, 0], 0.1)
    less = rules.without(np.array([True, False, False, False]))
    assert (len(less.pairs[0].low), less.spreads[0].group.tolist()) == (1, [-1, -1, 0, 0])
    assert not less.broken(np.array([9.0, 1.0, 1.0, 1.05])).any()
