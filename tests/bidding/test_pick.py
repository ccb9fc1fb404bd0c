"""Limits per campaign inside limits in all: nested picks against all at once."""

from __future__ import annotations

import time

import numpy as np
import pytest
from scipy.special import ndtr

from pricebid.bidding.limits import BidLimit, broken
from pricebid.bidding.pick import pick
from pricebid.optimize import Effort, choose


def table(campaigns: int, keywords: int, options: int = 16, seed: int = 0) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Bid ladders of second-price keywords, and the campaign of each."""
    rng = np.random.default_rng(seed)
    n = campaigns * keywords
    value, auctions, level = rng.lognormal(0, 0.5, n), rng.lognormal(3, 1, n), rng.normal(-0.3, 0.4, n)
    bid = value[:, None] * np.concatenate([[0.0], np.geomspace(0.05, 1.2, options - 1)])
    with np.errstate(divide="ignore"):
        score = (np.log(bid) - level[:, None]) / 0.6
    clicks = auctions[:, None] * ndtr(score)
    cost = auctions[:, None] * np.exp(level[:, None] + 0.18) * ndtr(score - 0.6)
    outcomes = {
        "cost": cost,
        "conversions": 0.05 * clicks,
        "revenue": 2.0 * value[:, None] * clicks,
        "objective": value[:, None] * clicks - cost,
    }
    return outcomes, np.repeat(np.arange(campaigns), keywords)


def budget(amount: float, campaign: int | None = None) -> BidLimit:
    return BidLimit(kind="daily_budget", asked=amount, campaign=campaign, title=f"budget of {campaign}")


def free_cost(outcomes: dict[str, np.ndarray], campaign: np.ndarray) -> np.ndarray:
    best = outcomes["objective"].argmax(axis=1)
    return np.bincount(campaign, outcomes["cost"][np.arange(len(best)), best])


@pytest.mark.parametrize("shared", [0, 1])
def test_nested_picks_are_as_good_as_picks_all_at_once(shared: int) -> None:
    outcomes, campaign = table(4, 30)
    spent = free_cost(outcomes, campaign)
    own = tuple(budget(share * spent[at], at) for at, share in enumerate((0.3, 0.6, 0.95)))
    limits = (*(budget(0.5 * spent.sum()),) * shared, *own)
    picked = pick(outcomes, limits, campaign, incumbent=np.zeros(len(campaign), dtype=np.int64))
    whole = choose(
        outcomes,
        maximise="objective",
        limits=[limit.kernel(campaign) for limit in limits],
        effort=Effort(gap=1e-3, milp_options=0),
    )
    assert picked.value >= whole.bound * (1 - 2e-3)
    assert picked.value <= whole.bound * (1 + 1e-9)
    assert picked.shadow_prices == pytest.approx(whole.shadow_prices, rel=0.05, abs=0.02)


def test_ratios_and_budgets_nest_too() -> None:
    outcomes, campaign = table(3, 40, seed=1)
    spent = free_cost(outcomes, campaign)
    limits = (
        budget(0.6 * spent.sum()),
        BidLimit(kind="min_roas", asked=4.0, campaign=None, title="roas"),
        BidLimit(kind="max_cpa", asked=6.0, campaign=0, title="cpa"),
        budget(0.2 * spent[1], 1),
        BidLimit(kind="min_roas", asked=6.0, campaign=2, title="own roas"),
    )
    picked = pick(outcomes, limits, campaign, incumbent=np.zeros(len(campaign), dtype=np.int64))
    at = {name: values[np.arange(len(campaign)), picked.option] for name, values in outcomes.items()}
    assert not broken(limits, at, campaign).any()
    whole = choose(
        outcomes,
        maximise="objective",
        limits=[limit.kernel(campaign) for limit in limits],
        effort=Effort(gap=1e-3, milp_options=0),
    )
    assert picked.value >= whole.bound * 0.99


def test_two_hundred_campaigns_with_a_budget_each_take_seconds() -> None:
    outcomes, campaign = table(200, 10)
    spent = free_cost(outcomes, campaign)
    limits = (budget(0.35 * spent.sum()), *(budget(0.5 * one, at) for at, one in enumerate(spent)))
    begun = time.process_time()
    picked = pick(outcomes, limits, campaign, incumbent=np.zeros(len(campaign), dtype=np.int64), gap=1e-3)
    assert time.process_time() - begun < 20
    at = {name: values[np.arange(len(campaign)), picked.option] for name, values in outcomes.items()}
    assert not broken(limits, at, campaign).any()
    # The Lagrangian at these shadow prices bounds every pick.
    price = picked.shadow_prices[0] + picked.shadow_prices[1:][campaign]
    bound = (outcomes["objective"] - price[:, None] * outcomes["cost"]).max(axis=1).sum()
    bound += sum(limit.bound * one for limit, one in zip(limits, picked.shadow_prices, strict=True))
    assert picked.value >= 0.98 * bound


def test_what_is_picked_is_worth_no_less_than_the_incumbent() -> None:
    outcomes, campaign = table(2, 5)
    incumbent = outcomes["objective"].argmax(axis=1)
    picked = pick(outcomes, (), campaign, incumbent=incumbent)
    assert picked.value == pytest.approx(outcomes["objective"].max(axis=1).sum())
