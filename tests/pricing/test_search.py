"""The search against closed forms and brute force."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from scipy.special import lambertw

import pricebid.pricing.search as module
from pricebid.demand.response import LogitResponse, LogLinearResponse
from pricebid.errors import Infeasible
from pricebid.optimize import Limit
from pricebid.pricing.economics import excesses, limit_totals
from pricebid.pricing.grid import Grid
from pricebid.pricing.search import search


def isoelastic(elasticity: float, price: float = 5.0) -> LogLinearResponse:
    return LogLinearResponse(
        current=np.array([price]), base=np.array([[100.0]]), groups=np.zeros(1, int),
        own_mean=np.array([elasticity]), cross_mean=np.zeros(1),
    )  # fmt: skip


@pytest.mark.parametrize("elasticity", [-1.5, -2.0, -4.0])
def test_one_isoelastic_offer_gets_the_inverse_elasticity_markup(tools: Any, elasticity: float) -> None:
    problem = tools.problem(
        isoelastic(elasticity), np.array([3.0]), Grid.of_step(0.01, 2), (np.array([3.0]), np.array([20.0]))
    )
    found = search(problem, problem.response.current)
    assert found.price[0] == pytest.approx(3.0 * elasticity / (1 + elasticity), abs=0.0051)
    assert found.gap == 0.0
    assert found.exact


def test_inelastic_revenue_goes_to_the_top_of_the_ladder_and_elastic_revenue_to_the_bottom(tools: Any) -> None:
    for elasticity, price in ((-0.7, 6.0), (-1.3, 4.0)):
        problem = tools.problem(
            isoelastic(elasticity), np.array([3.0]), Grid.of_step(0.01, 2), (np.array([4.0]), np.array([6.0])),
            weights=(0.0, 1.0, 0.0),
        )  # fmt: skip
        assert search(problem, problem.response.current).price[0] == price


@pytest.mark.parametrize("seed", range(4))
def test_a_logit_category_earns_the_closed_form_s_profit(tools: Any, seed: int) -> None:
    """Equal mark-up (1 + W) / b, profit M W / b with W = W(sum exp(a - b c - 1)): Li & Huh 2011, from Anderson et al."""
    rng = np.random.default_rng(seed)
    n, slope, market = 8, 1.3, 1000.0
    cost = rng.uniform(1, 3, n)
    attraction = rng.normal(4, 1, n)
    response = LogitResponse(
        current=np.round(cost + rng.uniform(0.5, 2, n), 2), groups=np.zeros(n, int), market=np.array([market]),
        attraction=attraction, slope=np.full(n, slope),
    )  # fmt: skip
    problem = tools.problem(response, cost, Grid.of_step(0.001, 3), (cost, cost + 6.0))
    found = search(problem, response.current)
    w = lambertw(np.exp(attraction - slope * cost - 1.0).sum()).real
    assert found.value == pytest.approx(market * w / slope, rel=1e-6)
    assert found.value <= market * w / slope * (1 + 1e-12)
    np.testing.assert_allclose(found.price - cost, (1 + w) / slope, atol=0.02)


def brute_force(problem: Any) -> float:
    options = problem.ladder.chunk(0, int(problem.ladder.sizes.max()))
    best = -np.inf
    for combination in itertools.product(*[np.flatnonzero(row) for row in options.allowed]):
        price = options.pick(np.array(combination))
        outcomes = problem.outcomes(price)
        worth = outcomes["objective"].sum()
        if worth > best and problem.feasible(price, outcomes):
            best = worth
    return best


def small(tools: Any, seed: int, kind: str, *, limited: bool) -> Any:
    response, cost = tools.random_response(seed, kind)
    grid = Grid.of_endings((0.19, 0.49, 0.79, 0.99), 2) if seed % 3 else Grid.of_step(0.35, 2)
    ends = (response.current * 0.8, response.current * 1.25)
    now = tools.problem(response, cost, grid, ends).economics.outcomes(response, response.current, ("units",))
    rng = np.random.default_rng(1000 + seed)
    limits = (
        Limit("units", at_least=rng.uniform(0.7, 1.0) * now["units"].sum()),
        Limit("profit", at_least=rng.uniform(0, 0.3), per="revenue"),
        Limit("changes", at_most=float(rng.integers(1, 5))),
    )
    return tools.problem(response, cost, grid, ends, limits=limits if limited else ())


@pytest.mark.parametrize("kind", ["log-linear", "logit"])
@pytest.mark.parametrize(("limited", "seeds"), [(False, 12), (True, 6)])
def test_small_categories_reach_brute_force_without_enumerating(
    tools: Any, monkeypatch: pytest.MonkeyPatch, kind: str, *, limited: bool, seeds: int
) -> None:
    monkeypatch.setattr(module, "enumerable", lambda _: False)
    for seed in range(seeds):
        problem = small(tools, seed, kind, limited=limited)
        best = brute_force(problem)
        if best == -np.inf:
            with pytest.raises(Infeasible):
                search(problem, problem.ladder.nearest(problem.response.current))
            continue
        found = search(problem, problem.ladder.nearest(problem.response.current))
        assert found.value >= best - 1e-3 * abs(best), seed
        assert problem.feasible(found.price, problem.outcomes(found.price)), seed


def test_few_plans_are_all_tried_and_the_bound_is_then_exact(tools: Any) -> None:
    problem = small(tools, 2, "logit", limited=True)
    found = search(problem, problem.ladder.nearest(problem.response.current))
    assert found.value == pytest.approx(brute_force(problem), rel=1e-12)
    assert found.exact
    assert found.gap == 0.0


@pytest.mark.parametrize("seed", range(3))
def test_limits_hold_on_true_totals_and_the_objective_does_not_fall(tools: Any, seed: int) -> None:
    response, cost = tools.random_response(seed, "log-linear", n=60)
    ends = (response.current * 0.85, response.current * 1.15)
    economics = tools.problem(response, cost, Grid.of_step(0.01, 2), ends).economics
    now = economics.outcomes(response, response.current, ("units", "revenue", "objective"))
    limits = (
        Limit("units", at_least=0.97 * now["units"].sum()),
        Limit("revenue", at_least=now["revenue"].sum()),
        Limit("changes", at_most=20.0),
        Limit("discount", at_most=0.002 * now["revenue"].sum()),
    )
    problem = tools.problem(response, cost, Grid.of_step(0.01, 2), ends, limits=limits)
    found = search(problem, response.current)
    outcomes = problem.outcomes(found.price)
    assert not excesses(limit_totals(outcomes, limits), limits).any()
    assert found.value == pytest.approx(outcomes["objective"].sum(), rel=1e-12)
    assert found.value > now["objective"].sum()
    assert found.value <= found.bound
    assert found.gap < 4e-3  # what is left is the limits' integrality: an integer program finds no better picks


def test_a_single_move_from_the_plan_never_pays(tools: Any) -> None:
    response, cost = tools.random_response(7, "log-linear", n=30)
    problem = tools.problem(response, cost, Grid.of_step(0.01, 2), (response.current * 0.8, response.current * 1.2))
    found = search(problem, response.current)
    options = problem.ladder.chunk(0, int(problem.ladder.sizes.max()))
    table = problem.table(found.price, options.prices)["objective"]
    here = problem.outcomes(found.price)["objective"]
    best = np.where(options.allowed, table, -np.inf).max(axis=1)
    assert (best <= here + 1e-9 * np.abs(here).sum()).all()


def test_limits_that_cannot_hold_are_refused_with_what_is_reachable(tools: Any) -> None:
    response, cost = tools.random_response(3, "logit", n=12)
    now = response.units(response.current).sum()
    limits = (Limit("units", at_least=3.0 * now, label="min_units_ratio"),)
    problem = tools.problem(
        response, cost, Grid.of_step(0.01, 2), (response.current * 0.95, response.current * 1.05), limits=limits
    )
    with pytest.raises(Infeasible, match="min_units_ratio") as caught:
        search(problem, response.current)
    conflict = caught.value.conflicts[0]
    assert conflict.limit == pytest.approx(3.0 * now)
    assert now < conflict.reachable < 3.0 * now


def test_the_search_repeats_itself(tools: Any) -> None:
    response, cost = tools.random_response(5, "log-linear", n=40)
    limits = (Limit("units", at_least=response.units(response.current).sum()),)
    ends = (response.current * 0.85, response.current * 1.15)
    found = [
        search(tools.problem(response, cost, Grid.of_step(0.01, 2), ends, limits=limits), response.current)
        for _ in range(2)
    ]
    np.testing.assert_array_equal(found[0].price, found[1].price)
    assert found[0].bound == found[1].bound


def test_short_stock_is_counted_and_raises_the_price(tools: Any) -> None:
    response = LogLinearResponse(
        current=np.array([5.0]), base=np.array([[100.0]]), groups=np.zeros(1, int), own_mean=np.array([-3.0]),
        cross_mean=np.zeros(1), dispersion=np.array([0.05]),
    )  # fmt: skip
    ends = (np.array([3.0]), np.array([9.0]))
    free, short = (
        search(
            tools.problem(response, np.array([3.0]), Grid.of_step(0.01, 2), ends, available=np.array([stock])),
            response.current,
        )
        for stock in (np.nan, 60.0)
    )
    assert short.price[0] > free.price[0] + 0.3
    assert short.value < free.value
