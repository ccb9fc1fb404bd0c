"""What was really bid, and what values are worth, told from bids and wins."""

from __future__ import annotations

import numpy as np
import pytest

from pricebid.bidding.pacing_outcome import checked_outcome
from pricebid.bidding.pacing_scale import Scale, exact_multiplier


def batch(rng, multiplier, *, count=500, ratio=1.0, sd=0.0):
    """Auctions bid with a multiplier, a fifth of them won, and values that come with a ratio and noise."""
    value = rng.lognormal(0, 1, count)
    won = rng.random(count) < 0.2
    got = value * ratio * np.exp(rng.normal(-(sd**2) / 2, sd, count))
    bid = multiplier * value
    return checked_outcome(value=np.where(won, got, 0.0), bid=bid, won=won, cost=np.where(won, bid / 2, 0.0))


def learnt(multipliers, *, ratio, sd, bend, seed=0):
    """The scale after batches that were bid with other multipliers than the state's, which is 1."""
    rng = np.random.default_rng(seed)
    scale, expected = Scale(), 0.0
    for multiplier in multipliers:
        outcome = batch(rng, multiplier, ratio=ratio, sd=sd)
        scale = scale.added(outcome, 1.0)
        scale = scale.judged(1 / 48, expected=expected, bend=bend, period=400.0)
        expected += float(outcome.bid.sum()) / np.exp(scale.shift)
    return scale


def test_values_that_come_short_are_known_to_where_the_multiplier_is_sure():
    # 48 batches of 100 wins with noise of 50 %: the mean is known to about 1.5 %.
    scale = learnt(np.ones(48), ratio=0.8, sd=0.5, bend=0.0)
    assert np.exp(scale.ratio) == pytest.approx(0.8, rel=0.05)
    assert scale.shift == pytest.approx(0.0, abs=1e-9)


def test_a_multiplier_that_wanders_off_is_told_from_values_that_come_short():
    scale = learnt(np.exp(np.linspace(0, 0.5, 48)), ratio=0.9, sd=0.5, bend=0.5)
    assert scale.shift == pytest.approx(0.5, abs=0.2)
    assert np.exp(scale.ratio) == pytest.approx(0.9, rel=0.12)


def test_a_multiplier_that_is_told_needs_no_guess():
    scale = learnt(np.ones(10), ratio=1.0, sd=0.5, bend=0.5).shifted(0.3)
    assert scale.shift == 0.3
    assert scale.doubt[1, 1] == 0.0
    assert np.linalg.eigvalsh(scale.doubt).min() >= -1e-12


def test_values_far_from_what_was_thought_possible_are_believed_at_once():
    scale = learnt(np.ones(2), ratio=0.5, sd=0.1, bend=0.0)
    assert np.exp(scale.ratio) == pytest.approx(0.5, rel=0.1)


def test_the_grain_of_conversions_is_one_and_that_of_exact_values_none():
    rng = np.random.default_rng(0)
    value = np.full(20_000, 0.03)
    conversions = (rng.random(len(value)) < value).astype(float)
    sure = np.ones(len(value), dtype=bool)
    noisy = Scale().added(checked_outcome(value=conversions, bid=2 * value, won=sure, cost=value), 2.0)
    assert noisy.grain(600.0) == pytest.approx(1.0, rel=0.15)
    exact = Scale().added(checked_outcome(value=value, bid=2 * value, won=sure, cost=value), 2.0)
    assert exact.grain(600.0) == pytest.approx(0.0, abs=1e-12)


def test_exact_values_tell_the_multiplier_through_lower_slots():
    rng = np.random.default_rng(0)
    value = rng.lognormal(0, 1, 200)
    exposure = rng.choice([1.0, 0.8, 0.48], 200)
    assert exact_multiplier(1.7 * value, exposure * value) == pytest.approx(1.7)
    assert exact_multiplier(1.7 * value, exposure * value, guesses=(1.6,)) == pytest.approx(1.7)
    assert exact_multiplier(1.7 * value, exposure * value, guesses=(1.0,)) is None


def test_one_win_that_fits_the_guess_is_enough():
    assert exact_multiplier(np.array([3.0]), np.array([2.0]), guesses=(1.5,)) == 1.5
    assert exact_multiplier(np.array([3.0]), np.array([2.0])) is None


@pytest.mark.parametrize("kind", ["conversions", "noise", "nothing"])
def test_noisy_values_tell_no_exact_multiplier(kind):
    rng = np.random.default_rng(1)
    value = np.full(300, 0.03) if kind == "conversions" else rng.lognormal(0, 1, 300)
    got = (rng.random(300) < value).astype(float) if kind == "conversions" else value * rng.lognormal(0, 0.3, 300)
    if kind == "nothing":
        value, got = value[:0], got[:0]
    assert exact_multiplier(2 * value, got) is None
