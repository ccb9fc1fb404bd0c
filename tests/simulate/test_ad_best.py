"""The best bids against brute force, their bound, and how they answer to the budget."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pricebid.simulate import AdMarket, AdMarketSettings, AdTruth, BidGrid, best_bids, best_free, draw_ad_market

SMALL = AdMarketSettings(keywords=12, campaigns=2, days=7)


def market(kind: AdMarketSettings = SMALL, seed: int = 0) -> AdMarket:
    return draw_ad_market(kind, np.random.default_rng(seed))


def tiny(auction: str = "second") -> AdTruth:
    """Two keywords of one campaign whose day has two different halves."""
    night = np.arange(24) < 12
    return AdTruth(
        entity=np.arange(2),
        campaign=np.zeros(2, dtype=np.int64),
        auctions=np.where(night, [[3.0], [5.0]], [[8.0], [4.0]]),
        level=np.where(night, [[-1.6], [-1.2]], [[-1.0], [-1.1]]),
        spread=np.array([0.5, 0.7]),
        click_rate=np.array([0.1, 0.2]),
        conversion_rate=np.where(night, [[0.05], [0.03]], [[0.02], [0.015]]),
        revenue=np.array([40.0, 50.0]),
        margin=np.array([0.4, 0.4]),
        auction=auction,
    )


@pytest.mark.parametrize("auction", ["second", "first"])
@pytest.mark.parametrize("share", [0.25, 0.6, np.inf])
def test_the_best_is_that_of_brute_force_on_a_tiny_market(auction: str, share: float) -> None:
    truth = tiny(auction)
    grid = BidGrid(step=0.05, low=0.5, high=1.5, multiplier_step=0.25)
    full = best_bids(truth, grid=grid)
    budget = share * full.cost
    bids = np.round(np.arange(0.0, 2.001, 0.05), 10)
    night = np.arange(24) < 12
    best = 0.0
    for one, two in itertools.product(grid.multipliers, repeat=2):
        times = np.where(night, one, two)[None, :]
        ladder = [truth.outcomes(np.full(2, bid), times) for bid in bids]
        profit = np.stack([step.profit for step in ladder])
        cost = np.stack([step.cost for step in ladder])
        both, paid = profit[:, None, 0] + profit[None, :, 1], cost[:, None, 0] + cost[None, :, 1]
        best = max(best, float(np.where(paid <= budget + 1e-12, both, -np.inf).max()))
    found = best_bids(truth, budget, grid=grid)
    assert found.cost <= budget + 1e-9
    # Brute force holds multipliers alike within a half; the search may set each hour on its own, which is worth a bit
    # where the budget falls between two steps.
    assert found.profit >= 0.995 * best
    assert found.profit <= best_free(truth, budget)[1] + 1e-9


@pytest.mark.parametrize("auction", ["second", "first"])
def test_free_bids_cannot_be_improved_anywhere(auction: str) -> None:
    truth = market(replace(SMALL, auction=auction)).truth
    bids, profit = best_free(truth)
    cells = truth.outcomes_at(bids).profit
    assert cells.sum() == pytest.approx(profit)
    for factor in (0.8, 0.98, 1.02, 1.25):
        assert (truth.outcomes_at(bids * factor).profit <= cells + 1e-12).all()


def test_free_bids_within_a_budget_satisfy_the_conditions_of_optimality() -> None:
    truth = market().truth
    _, most = best_free(truth)
    budget = 0.3 * truth.outcomes_at(best_free(truth)[0]).cost.sum()
    bids, profit = best_free(truth, budget)
    cost = truth.outcomes_at(bids).cost.sum()
    assert cost == pytest.approx(budget, rel=1e-6)
    assert profit < most
    # One price of money for all: a little more in any cell earns the same per unit spent.
    step = 1e-4
    more = truth.outcomes_at(bids * (1 + step))
    here = truth.outcomes_at(bids)
    spent = more.cost - here.cost
    price = ((more.profit - here.profit) / np.maximum(spent, 1e-300))[spent > 1e-9]
    assert price.std() < 0.01 * price.mean()


def test_the_best_scores_1_and_nothing_within_the_budget_beats_the_bound() -> None:
    drawn = market()
    best = drawn.best()
    score = drawn.score(best.bid, best.multiplier)
    assert score.share == pytest.approx(1.0)
    assert score.spend <= 1 + 1e-9
    assert drawn.best(dayparts=False).profit <= best.profit
    assert best.profit <= drawn.best_free() + 1e-9
    assert best.profit >= 0.97 * drawn.best_free()
    grid = BidGrid()
    np.testing.assert_allclose(best.bid / grid.step, np.round(best.bid / grid.step), atol=1e-6)
    assert np.isin(best.multiplier, grid.multipliers).all()


def test_more_budget_never_earns_less_and_is_worth_less_and_less() -> None:
    drawn = market()
    budgets = drawn.budget * np.array([0.25, 0.5, 1.0, 2.0, 4.0, 100.0])
    free = np.array([drawn.best_free(budget) for budget in budgets])
    found = np.array([drawn.best(budget).profit for budget in budgets])
    assert (np.diff(free) >= -1e-9).all()
    assert (np.diff(np.diff(free) / np.diff(budgets)) <= 1e-9).all()
    assert (np.diff(found) >= -1e-9).all()
    assert (found <= free + 1e-9).all()


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000), share=st.floats(0.05, 1.5), auction=st.sampled_from(["second", "first"]))
def test_the_budget_is_kept_on_any_market(seed: int, share: float, auction: str) -> None:
    drawn = market(replace(SMALL, keywords=4, auction=auction, budget_share=share), seed)
    best = best_bids(drawn.truth, drawn.budget, rounds=2)
    outcomes = drawn.truth.outcomes(best.bid, best.multiplier)
    assert outcomes.cost.sum() <= drawn.budget * (1 + 1e-9)
    assert best.profit == pytest.approx(outcomes.profit.sum())
    assert (best.bid >= 0).all()


def test_a_budget_below_the_price_of_any_click_buys_nearly_nothing() -> None:
    drawn = market()
    assert drawn.best(1e-9).cost <= 1e-9
    assert drawn.best_free(1e-9) >= 0.0
