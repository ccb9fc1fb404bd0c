"""The curve of own wins: censored as it is, it finds the market; budgets and limits find their multipliers on it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pricebid.bidding.pacing_curve import BINS, HOME, STEP, Curve, Owed, Prior, Wins

NOTHING = Prior(spend=0.0, log_multiplier=0.0, weight=0.0)


def uniform_wins(multipliers, *, auctions, seed=0):
    """Value 1, rival bids uniform on 0 to 1, bid with each multiplier in turn."""
    rng = np.random.default_rng(seed)
    wins = Wins(origin=np.log(multipliers[0]) - HOME * STEP)
    for multiplier in multipliers:
        price = rng.random(auctions)
        cost = price[price < multiplier]
        wins = wins.added(np.log(multiplier), auctions, np.ones(len(cost)), cost)
        wins = wins.closed(np.log(multiplier), keep=1.0, period=1.0, prior=NOTHING)
    return wins


def test_wins_at_several_multipliers_add_up_to_the_true_curve_below_the_highest():
    curve = uniform_wins([0.3, 0.9, 0.5], auctions=100_000).curve(NOTHING)
    for multiplier in (0.1, 0.25, 0.45, 0.8):
        log = np.log(multiplier)
        assert curve.cost_at(log) == pytest.approx(multiplier**2 / 2, rel=0.03)
        assert curve.value_at(log) == pytest.approx(multiplier, rel=0.03)


def test_above_what_was_bid_the_curve_goes_on_as_it_came():
    # Spend goes as the square of the multiplier: an elasticity of 2, drawn a little towards what is believed.
    curve = uniform_wins([0.3], auctions=100_000).curve(NOTHING)
    assert curve.cost_at(np.log(0.45)) == pytest.approx(0.45**2 / 2, rel=0.2)


def test_before_anything_is_seen_the_belief_counts_and_fades_as_wins_come():
    prior = Prior(spend=0.2, log_multiplier=np.log(0.5), weight=1_000.0)
    empty = Wins(origin=np.log(0.5) - HOME * STEP)
    assert empty.curve(prior).cost_at(np.log(0.5)) == pytest.approx(0.2, rel=0.1)
    seen = uniform_wins([0.5], auctions=200_000).curve(prior)
    assert seen.cost_at(np.log(0.49)) == pytest.approx(0.49**2 / 2, rel=0.05)


@settings(max_examples=50, deadline=None)
@given(logs=st.lists(st.floats(-12.0, 12.0), min_size=1, max_size=8), seed=st.integers(0, 1_000))
def test_the_grid_follows_the_multiplier_and_loses_no_money(logs, seed):
    rng = np.random.default_rng(seed)
    wins, paid = Wins(origin=-HOME * STEP), 0.0
    for log in logs:
        worth = rng.exponential(1.0, 5)
        cost = worth * np.exp(log) * rng.random(5)
        wins = wins.added(log, 20, worth, cost)
        paid += cost.sum()
        wins = wins.closed(log, keep=1.0, period=10.0, prior=NOTHING)
        assert 0 <= (log - wins.origin) / STEP <= BINS
    assert wins.cost.sum() == pytest.approx(paid)
    assert wins.auctions.sum() == pytest.approx(20 * len(logs))
    curve = wins.curve(NOTHING)
    assert np.isfinite(curve.cost).all()
    assert (np.diff(curve.cost) >= 0).all()
    assert (np.diff(curve.value) >= 0).all()


def square_curve():
    log = np.log(0.01) + STEP * np.arange(1.0, BINS + 1.0)
    multiplier = np.exp(log)
    return Curve(log_multiplier=log, cost=multiplier**2 / 2, value=multiplier)


@pytest.mark.parametrize("spend", [0.001, 0.05, 2.0])
def test_a_budget_finds_the_multiplier_that_spends_it(spend):
    found = np.exp(square_curve().within_budget(np.array([spend])))
    assert found == pytest.approx(np.sqrt(2 * spend), rel=0.01)


def owed(**terms):
    usual = {"limit": 0.3, "ratio": 1.0, "safe": np.log(0.3), "owed": 0.0, "left": np.inf, "burst": 1.0}
    return Owed(**{**usual, **terms})


def test_a_limit_finds_the_multiplier_whose_average_it_is():
    found = np.exp(square_curve().within_limit(np.array([1_000.0]), owed()))
    assert found == pytest.approx(0.6, rel=0.02)


@pytest.mark.parametrize("slack", [0.0, 10.0, 40.0])
def test_slack_is_used_up_just_at_the_end(slack):
    ahead = 1_000.0
    multiplier = float(np.exp(square_curve().within_limit(np.array([ahead]), owed(owed=-slack)))[0])
    assert ahead * (multiplier**2 / 2 - 0.3 * multiplier) == pytest.approx(slack, abs=3.0)


def test_what_cannot_be_repaid_is_repaid_with_the_safe_multiplier():
    found = square_curve().within_limit(np.array([10.0]), owed(owed=1_000.0))
    assert np.exp(found) == pytest.approx(0.3)


def test_nothing_won_yet_is_no_reason_to_bid_beyond_the_limit():
    empty = Wins(origin=-HOME * STEP).curve(NOTHING)
    assert np.exp(empty.within_limit(np.array([10.0]), owed())) == pytest.approx(0.3)


def test_bursts_leave_less_room_above_the_limit_but_never_less_than_what_money_is_left_for():
    curve, ahead = square_curve(), np.array([1_000.0])
    calm = float(curve.within_limit(ahead, owed(owed=-20.0))[0])
    restless = float(curve.within_limit(ahead, owed(owed=-20.0, burst=5.0))[0])
    bound = float(curve.within_limit(ahead, owed(owed=-20.0, burst=5.0, left=250.0))[0])
    assert np.log(0.6) < restless < bound <= calm


def test_surprise_is_told_from_sampling_noise():
    steady = uniform_wins([0.5] * 30, auctions=500)
    assert steady.unrest(0.1) < 0.05
    rng = np.random.default_rng(1)
    wins = Wins(origin=-HOME * STEP)
    for _ in range(30):
        price = rng.random(500) * np.exp(rng.normal(0, 0.6))
        cost = price[price < 0.5]
        wins = wins.added(np.log(0.5), 500, np.ones(len(cost)), cost)
        wins = wins.closed(np.log(0.5), keep=0.95, period=1.0, prior=NOTHING)
    assert wins.unrest(0.1) > 0.1
