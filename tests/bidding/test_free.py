"""The bound over free bids: valid at any shadow prices, tight at the best."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from pricebid.bidding.free import FreeBids, Prices, Reach
from pricebid.bidding.limits import BidLimit, whole

if TYPE_CHECKING:
    from types import SimpleNamespace


def relaxation(plan: SimpleNamespace) -> FreeBids:
    many = np.full(len(plan.layout.entity), np.inf)
    return FreeBids(plan.problem, Reach(low=0.0 * np.ones(len(many)), high=many))


@pytest.mark.parametrize("auction", ["second", "first"])
def test_the_bound_is_above_every_fine_grid_of_free_bids(known: SimpleNamespace, auction: str) -> None:
    landscape = known.market(5, keywords=6, campaigns=2, hours=4, auction=auction)
    plan = known.plan(landscape)
    free = relaxation(plan)
    grid = np.geomspace(0.005, 20.0, 3000)
    got = landscape.expected(np.broadcast_to(grid, (6, 4, len(grid))).copy(), plan.layout.rows)
    budget = BidLimit(kind="daily_budget", asked=5.0, campaign=None, title="b")
    roas = BidLimit(kind="min_roas", asked=3.0, campaign=1, title="r")
    for shadow in ([0.0, 0.0], [0.7, 0.0], [0.3, 0.4], [2.0, 3.0]):
        limits, prices = (budget, roas), np.array(shadow)
        at = Prices.at(plan.problem, limits, prices)
        score = at.worth[:, None, None] * got.conversions - at.money[:, None, None] * got.cost
        best = np.maximum(score.max(axis=2), 0.0).sum() + prices[0] * 5.0
        value, _ = free.lagrangian(limits, prices)
        assert value >= best - 1e-9
        # Exact in a second-price auction; in a first-price one the intervals leave a little.
        assert value <= best * (1.0 + (1e-4 if auction == "second" else 0.05))


def test_the_slope_is_that_of_the_bound(known: SimpleNamespace) -> None:
    plan = known.plan(known.market(6, keywords=8, campaigns=2))
    free = relaxation(plan)
    limits = (
        BidLimit(kind="daily_budget", asked=20.0, campaign=None, title="b"),
        BidLimit(kind="max_cpa", asked=6.0, campaign=0, title="c"),
        BidLimit(kind="min_roas", asked=4.0, campaign=1, title="r"),
    )
    at = np.array([0.5, 0.4, 0.3])
    _, slope = free.lagrangian(limits, at)
    for place in range(3):
        step = 1e-4 * np.eye(3)[place]
        above, below = free.lagrangian(limits, at + step)[0], free.lagrangian(limits, at - step)[0]
        assert slope[place] == pytest.approx((above - below) / 2e-4, rel=1e-3, abs=1e-6)


def test_a_bound_at_better_shadow_prices_is_lower(known: SimpleNamespace) -> None:
    plan = known.plan(known.market(0), "[bids]\ndaily_budget = 50.0\n[bids.dayparts]\n")
    free = relaxation(plan)
    poor = np.array([0.1])
    limits = whole(plan.limits_kept)
    assert free.bound(limits, poor).value < free.lagrangian(limits, poor)[0]
    assert free.bound(limits, poor).value == pytest.approx(plan.bound.value, rel=1e-4)


def test_bids_that_cannot_be_reached_do_not_count(known: SimpleNamespace) -> None:
    landscape = known.market(0)
    narrow = known.plan(landscape, "[bids]\nmax_bid = 0.3\n[bids.dayparts]\nmin = 0.5\nmax = 1.5")
    assert narrow.bound.value < known.plan(landscape, "[bids.dayparts]\n").bound.value
    assert narrow.found.value <= narrow.bound.value
