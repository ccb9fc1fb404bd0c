"""The keyword pool: what surely loses money is paused, and seldom wrongly; what says the same is told."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from pricebid.bidding.housekeeping import ERROR, rivals

if TYPE_CHECKING:
    from types import SimpleNamespace


def test_three_clicks_without_a_conversion_are_not_enough_and_three_hundred_are(known: SimpleNamespace) -> None:
    landscape = known.landscape(
        known.axis(["c"] * 3, ["few", "many", "sold"]),
        rate=np.array([0.03, 0.0004, 0.0004]),
        clicks=np.array([3.0, 300.0, 300.0]),
        conversions=np.array([0.0, 0.0, 1.0]),
        unsure=0.7,
        level=0.0,
    )
    plan = known.plan(landscape)
    assert list(plan.hopeless.sure) == [False, True, False]
    assert list(plan.action)[1] == "pause"
    assert plan.reason[1].startswith("No conversion in 300 clicks")
    assert "at most 0.05" in plan.reason[1]


def test_the_chance_that_one_of_all_those_paused_would_earn_is_at_most_the_error(known: SimpleNamespace) -> None:
    rng = np.random.default_rng(0)
    names = [f"k{at:03d}" for at in range(200)]
    landscape = known.landscape(
        known.axis(["c"] * 200, names), rate=rng.lognormal(-6.5, 1.0, 200), conversions=0.0, unsure=0.5, level=0.0
    )
    found = known.plan(landscape).hopeless
    assert 0 < found.sure.sum() < 200
    assert found.chance[found.sure].sum() <= ERROR
    assert found.chance[found.sure].max() <= found.chance[~found.sure].min()


def test_pauses_are_seldom_wrong_where_the_truth_is_drawn_from_the_posterior(known: SimpleNamespace) -> None:
    """Rates are drawn from the posterior 200 times: some keyword paused would have earned in about 5 % of them or less."""
    rng = np.random.default_rng(1)
    mean, sd = rng.lognormal(-6.5, 1.0, 100), 0.5
    landscape = known.landscape(
        known.axis(["c"] * 100, [f"k{at:03d}" for at in range(100)]), rate=mean, conversions=0.0, unsure=sd, level=0.0
    )
    plan = known.plan(landscape)
    sure = plan.hopeless.sure
    # A click a week: 1 / 7 per day.
    ladder = 0.01 * 2.0 ** np.arange(11)
    got = landscape.expected(np.broadcast_to(ladder, (100, 1, 11)).copy())
    first = (got.clicks[0, 0] >= 1 / 7).argmax()
    paid = got.cost[:, 0, first] / got.clicks[:, 0, first]
    wrong = 0
    for _ in range(200):
        rate = mean * np.exp(sd * rng.standard_normal(100) - sd**2 / 2)
        wrong += bool(np.any(rate[sure] * 20.0 > paid[sure]))
    # 200 draws of a probability of at most .05: more than 20 happens once in 1,000.
    assert wrong <= 20


def test_nothing_is_paused_for_losing_money_where_profit_does_not_count(known: SimpleNamespace) -> None:
    landscape = known.landscape(known.axis(["c"], ["a"]), rate=0.0001, conversions=0.0, unsure=0.3, level=0.0)
    plan = known.plan(landscape, 'objective = "revenue"\n[bids]\ndaily_budget = 1.0')
    assert not plan.hopeless.sure.any()
    assert plan.bid[0] > 0


def test_same_words_in_another_order_case_or_match_type_compete(known: SimpleNamespace) -> None:
    keys = known.axis(
        ["a", "a", "b", "b"],
        ["red shoes", "Shoes  RED", '"red" shoes', "blue shoes"],
        match_type=["exact", "broad", "phrase", "exact"],
    )
    plan = known.plan(known.landscape(keys))
    group, size = rivals(plan.layout)
    words = plan.layout.label("keyword")
    assert {str(word): int(count) for word, count in zip(words, size, strict=True)} == {
        "Shoes  RED": 3, "red shoes": 3, '"red" shoes': 3, "blue shoes": 1,
    }  # fmt: skip
    assert len(set(group[size == 3])) == 1
    assert sum("Competes with" in text for text in plan.reason) == 3
    assert any("3 keywords compete" in notice for notice in plan.notices)


def test_candidates_worth_a_bid_are_started_and_others_stay_out(known: SimpleNamespace) -> None:
    keys = known.axis(["c"] * 3, ["new", "old", "poor"])
    landscape = known.landscape(
        keys,
        rate=np.array([0.05, 0.05, 1e-7]),
        candidate=np.array([True, False, True]),
        conversions=np.array([0.0, 50.0, 0.0]),
        clicks=np.array([0.0, 900.0, 0.0]),
        level=1.0,
    )
    bid = landscape.bid.copy()
    bid[[0, 2]] = np.nan
    plan = known.plan(replace(landscape, bid=bid))
    action = dict(zip(plan.layout.label("keyword"), plan.action, strict=True))
    assert action == {"new": "start", "old": "raise", "poor": "keep"}
    frame = plan.to_frame().set_index("keyword")
    assert frame["bid"]["poor"] == 0.0
    assert np.isnan(frame["current_bid"]["new"])
    assert frame["reason"]["new"].startswith("New: judged by its words")
    assert frame["bid"]["new"] == pytest.approx(1.0, abs=0.03)
