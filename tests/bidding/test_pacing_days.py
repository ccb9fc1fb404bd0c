"""Simulated days: same seed same day, curves that are what playing gives, shocks that are what they say."""

from __future__ import annotations

import numpy as np
import pytest

from pricebid.bidding import Pacer
from pricebid.errors import InputError
from pricebid.simulate.pacing_days import PacingSettings, draw_pacing_day, play


class Constant:
    """Bids one multiplier all day."""

    def __init__(self, multiplier):
        self.multiplier = multiplier

    def start(self):
        return None

    def bid(self, _state, *, value, elapsed=None):
        assert elapsed is None or 0 <= elapsed < 1
        return self.multiplier * np.asarray(value)

    def update(self, state, **_batch):
        return state


def day_of(seed=0, **settings):
    return draw_pacing_day(PacingSettings(**settings), np.random.default_rng(seed))


def test_the_same_seed_gives_the_same_day_and_another_another():
    one, two, other = day_of(0), day_of(0), day_of(1)
    np.testing.assert_array_equal(one.price, two.price)
    assert one.budget == two.budget
    assert len(one) != len(other) or (one.value != other.value).any()


@pytest.mark.parametrize("slots", [1, 3])
@pytest.mark.parametrize("batch", [None, 7])
def test_the_best_constant_multiplier_wins_what_its_curve_says_within_budget_and_limit(slots, batch):
    day = day_of(slots=slots, auctions=3_000, limit=1.1)
    multiplier, value = day.best()
    paced = play(day, Constant(multiplier * (1 + 1e-12)), batch=batch)
    assert paced.expected == pytest.approx(value, rel=1e-6)
    assert paced.spend <= day.budget * (1 + 1e-9)
    assert paced.spend <= day.limit * paced.expected * (1 + 1e-9)
    higher = play(day, Constant(multiplier * 1.02))
    assert (
        higher.spend >= day.budget * (1 - 1e-9) or higher.spend > day.limit * higher.expected or higher.expected > value
    )


def test_what_a_batch_costs_beyond_the_budget_is_cut():
    day = day_of(auctions=3_000)
    paced = play(day, Constant(100.0))
    assert paced.spend == pytest.approx(day.budget)
    assert paced.overspend > 0


def test_shocks_are_what_they_say():
    plain = day_of(3)
    per_tick = np.bincount(plain.tick, minlength=48)
    surge, outage, half = (
        np.bincount(day_of(3, shock=shock).tick, minlength=48) for shock in ("surge", "outage", "half")
    )
    assert (surge > 2.2 * per_tick).sum() == 2  # one hour is two ticks
    assert (outage == 0).sum() == 2
    assert half.sum() == pytest.approx(per_tick.sum() / 2, rel=0.05)
    leaving = day_of(3, shock="exit")
    ratio = [np.median(day.price[day.tick >= 40] / day.value[day.tick >= 40, None]) for day in (leaving, plain)]
    assert ratio[0] / ratio[1] == pytest.approx(0.7, rel=0.1)


def test_noise_has_mean_one():
    # 20,000 auctions: the mean of log-normal noise of sd 1.3 is known to 1 %, that of 600 conversions to 4 %.
    for noise, mean in (("lognormal", 1.0), ("conversions", 0.03)):
        day = day_of(noise=noise, mean_value=mean)
        assert day.worth.sum() == pytest.approx(day.value.sum(), rel=0.15)
    assert set(np.unique(day_of(noise="conversions", mean_value=0.03).worth)) == {0.0, 1.0}


def test_the_clock_runs_with_planned_traffic():
    busy = day_of(2, traffic=0.8)
    assert (np.diff(busy.elapsed) >= 0).all()
    np.testing.assert_allclose(np.quantile(busy.elapsed, [0.25, 0.5, 0.75]), [0.25, 0.5, 0.75], atol=0.02)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"noise": "loud"}, "noise"),
        ({"shock": "strike"}, "shock"),
        ({"slots": 4}, "slots"),
        ({"drift": -1.0}, "drift"),
        ({"reach": 0.0}, "reach"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings, message):
    with pytest.raises(InputError, match=message):
        PacingSettings(**settings)


def test_a_day_is_played_with_what_the_pacer_is_told():
    day = day_of(auctions=2_000)
    told = play(day, Pacer(budget=day.budget, opportunities=day.opportunities), elapsed=False)
    assert len(told.multiplier) == len(told.paid) == 48
    assert told.spend == pytest.approx(told.paid.sum())
