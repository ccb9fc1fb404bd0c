"""Slopes from counts: against the exact posterior, on known truth, and laws that stay within what they may lose."""

import numpy as np
import pytest

from pricebid.errors import InputError
from pricebid.learning.slopes import Slopes, Stakes, follow, learn_slopes

X = np.log([[0.9, 0.95, 1.0, 1.05]])
PRICE, COST = 10.0 * np.exp(X), 6.0


def prior(count=1, mean=-2.0, spread=2.0):
    return Slopes(mean=np.full(count, mean), spread=np.full(count, spread))


def stakes(count=1, units=100.0, available=(True,) * 4):
    x = np.repeat(X, count, axis=0)
    worth = np.repeat(PRICE - COST, count, axis=0)
    may = np.broadcast_to(available, x.shape).copy()
    return Stakes(x=x, worth=worth, money=worth, units=np.full(count, units), plan=np.full(count, 2), available=may)


def test_the_posterior_is_the_exact_one():
    shown, sold = np.array([[400.0, 90.0, 300.0, 210.0]]), np.array([[70.0, 12.0, 35.0, 20.0]])
    found = learn_slopes(prior(), x=X, shown=shown, sold=sold, available=X < 1)
    grid = np.linspace(-15, 10, 20_001)
    power = grid[:, None] * X
    log = (sold * power).sum(axis=1) - sold.sum() * np.log((shown * np.exp(power)).sum(axis=1)) - (grid + 2) ** 2 / 8
    weight = np.exp(log - log.max())
    weight /= weight.sum()
    mean = (weight * grid).sum()
    assert found.mean[0] == pytest.approx(mean, abs=0.03)  # mode and mean differ by that much
    assert found.spread[0] == pytest.approx(np.sqrt((weight * (grid - mean) ** 2).sum()), rel=0.01)


def test_a_level_that_moves_changes_no_slope():
    shown = np.array([[100.0, 200.0, 300.0, 50.0]])
    rate = np.exp(-3.0 * X)
    weak = learn_slopes(prior(), x=X, shown=shown, sold=0.02 * shown * rate, available=X < 1)
    strong = learn_slopes(prior(), x=X, shown=shown, sold=0.2 * shown * rate, available=X < 1)
    assert -3.0 < strong.mean[0] < weak.mean[0] < -2.0  # the prior weighs less, nothing else
    dispersed = learn_slopes(prior(), x=X, shown=shown, sold=0.2 * shown * rate, available=X < 1, dispersion=10.0)
    assert dispersed.mean[0] == pytest.approx(weak.mean[0])


def test_without_feedback_the_prior_stands_and_a_sale_without_its_log_row_breaks_nothing():
    none = np.zeros_like(X)
    found = learn_slopes(prior(), x=X, shown=none, sold=none, available=X < 1)
    assert (found.mean[0], found.spread[0]) == (-2.0, 2.0)
    sold = np.array([[0.0, 1.0, 0.0, 0.0]])
    assert np.isfinite(learn_slopes(prior(), x=X, shown=none, sold=sold, available=X < 1).mean).all()
    with pytest.raises(InputError, match="dispersion"):
        learn_slopes(prior(), x=X, shown=none, sold=none, available=X < 1, dispersion=0.5)


def test_intervals_cover_the_truth():
    rng = np.random.default_rng(1)
    count = 4_000
    truth = rng.normal(-2.0, 2.0, count)
    shown = np.full((count, 4), 500.0)
    x = np.repeat(X, count, axis=0)
    sold = rng.poisson(shown * 0.1 * np.exp(truth[:, None] * x)).astype(float)
    found = learn_slopes(prior(count), x=x, shown=shown, sold=sold, available=x < 1)
    inside = np.abs(found.mean - truth) <= 1.2816 * found.spread
    # 80 % of 4,000 within four standard errors: a right interval fails once in 16,000 seeds.
    assert abs(inside.mean() - 0.8) <= 4 * np.sqrt(0.16 / count)


@pytest.mark.parametrize(("slope", "best"), [(-9.0, 0), (-0.5, 3)])
def test_a_law_goes_to_the_best_option_as_it_becomes_known(slope, best):
    law, loss = follow(stakes(), Slopes(mean=np.array([slope]), spread=np.array([0.3])), allowance=1e6)
    assert law[0, best] > 0.99
    assert loss[0] < 0.5


def test_expected_shortfall_stays_within_the_allowance_and_goes_where_most_is_at_stake():
    rng = np.random.default_rng(2)
    count = 300
    known = Slopes(mean=rng.normal(-2.5, 1.0, count), spread=np.full(count, 2.0))
    free, unlimited = follow(stakes(count), known, allowance=1e9)
    assert unlimited.sum() > 300.0
    for allowance in (0.0, 10.0, 100.0):
        law, loss = follow(stakes(count), known, allowance=allowance)
        assert loss.sum() <= allowance + 1e-9
        assert law.sum(axis=1) == pytest.approx(1.0)
        assert (law[:, 2] >= free[:, 2] - 1e-9).all()
        if allowance:
            assert loss.sum() > 0.9 * allowance
    assert (follow(stakes(count), known, allowance=0.0)[0][:, 2] == 1.0).all()


def test_what_is_not_available_is_never_in_a_law_and_limits_hold():
    known = Slopes(mean=np.full(50, -9.0), spread=np.full(50, 1.0))
    may = np.array([False, True, True, True])
    law, _ = follow(stakes(50, available=may), known, allowance=1e9)
    assert (law[:, 0] == 0.0).all()
    assert (law[:, 1] > 0.9).all()
    changes = (np.arange(4) != 2).astype(float) * np.ones((1, 50, 1))
    held, _ = follow(stakes(50, available=may), known, allowance=1e9, rows=changes, slack=np.array([7.0]))
    assert (held * changes[0]).sum() <= 7.0 + 1e-9
    assert (held * changes[0]).sum() > 6.0
