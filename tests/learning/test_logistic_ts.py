"""Logistic Thompson sampling and its model: the mode is the true mode, and folding the past keeps it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from pricebid.errors import InputError
from pricebid.learning import Crossed, Discount, GaussianPrior, LogisticThompson, Outcome, PerOption

CROSSED = Crossed(of_options=[[1.0, 0.0], [1.0, 1.0]], context=2)


def told(rng, n, theta):
    log = []
    for at in range(n):
        context, option = rng.standard_normal(2), int(rng.integers(2))
        chance = 1 / (1 + np.exp(-CROSSED.of(context[None], np.array([option]))[0] @ theta))
        log.append(Outcome(option=option, units=float(rng.random() < chance), context=context, time=float(at)))
    return log


def laid_out(log):
    rows = np.array([CROSSED.of(np.array([o.context]), np.array([o.option]))[0] for o in log])
    return rows, np.array([o.units for o in log])


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(1, 60), keep=st.floats(0.9, 1.0), size=st.floats(0.1, 6.0))
def test_the_mean_is_the_mode_of_the_weighted_posterior(seed, n, keep, size):
    rng = np.random.default_rng(seed)
    log = told(rng, n, size * rng.standard_normal(4))
    policy = LogisticThompson(features=CROSSED, prior=GaussianPrior(covariance=4.0), forgetting=Discount(keep=keep))
    state = policy.update(policy.start(), log)
    rows, reward = laid_out(log)
    weight = keep ** (n - 1.0 - np.arange(n))

    def loss(theta):
        predictor = rows @ theta
        return theta @ theta / 8 - (weight * (reward * predictor - np.logaddexp(0, predictor))).sum()

    def slope(theta):
        return theta / 4 - rows.T @ (weight * (reward - 1 / (1 + np.exp(-rows @ theta))))

    due = minimize(loss, np.zeros(4), jac=slope, method="BFGS", options={"gtol": 1e-9}).x
    np.testing.assert_allclose(state.mean[0], due, atol=1e-5)
    bend = weight / (2 + 2 * np.cosh(rows @ state.mean[0]))
    np.testing.assert_allclose(
        np.linalg.inv(state.root[0] @ state.root[0].T), np.eye(4) / 4 + (bend[:, None] * rows).T @ rows, atol=1e-6
    )


def test_folding_the_past_hardly_moves_the_posterior_and_bounds_memory():
    rng = np.random.default_rng(1)
    log = told(rng, 3_000, np.array([0.5, -1.0, 0.3, 0.8]))
    exact = LogisticThompson(features=CROSSED, held=10_000)
    folded = LogisticThompson(features=CROSSED, held=128)
    whole, state = exact.update(exact.start(), log), folded.start()
    for begin in range(0, 3_000, 25):
        state = folded.update(state, log[begin : begin + 25])
        assert len(state.rows) <= 128
    spread = np.sqrt(np.diag(whole.root[0] @ whole.root[0].T))
    assert (np.abs(state.mean - whole.mean)[0] <= 0.15 * spread).all()
    np.testing.assert_allclose(np.diag(state.root[0] @ state.root[0].T), spread**2, rtol=0.05)


def test_options_with_parameters_of_their_own_give_the_same_as_crossed_ones_that_pick_them_out():
    rng = np.random.default_rng(2)
    apart = LogisticThompson(features=PerOption(options=3, context=2))
    picked_out = LogisticThompson(features=Crossed(of_options=np.eye(3), context=2))
    log = [
        Outcome(option=int(rng.integers(3)), units=float(rng.integers(2)), context=rng.standard_normal(2))
        for _ in range(60)
    ]
    one, two = apart.update(apart.start(), log), picked_out.update(picked_out.start(), log)
    np.testing.assert_allclose(one.mean.ravel(), two.mean[0], atol=1e-6)
    block = two.root[0] @ two.root[0].T
    for option in range(3):
        part = slice(2 * option, 2 * option + 2)
        np.testing.assert_allclose(one.root[option] @ one.root[option].T, block[part, part], atol=1e-6)


def test_worth_and_cost_count():
    features = PerOption(options=2, context=1)
    log = [Outcome(option=k, units=float(at % 4 < 2 + k), context=[1.0]) for at in range(200) for k in (0, 1)]
    by_rate = LogisticThompson(features=features, spread=0.0)
    state = by_rate.update(by_rate.start(), log)
    rng = np.random.default_rng(0)
    assert by_rate.choose(state, rng, context=[1.0]).option == 1
    by_money = LogisticThompson(features=features, spread=0.0, worth=[2.0, 1.0])
    assert by_money.choose(state, rng, context=[1.0]).option == 0
    by_cost = LogisticThompson(features=features, spread=0.0, cost=[0.0, 0.5])
    assert by_cost.choose(state, rng, context=[1.0]).option == 0


def test_rewards_outside_0_to_1_and_terms_that_make_no_sense_are_refused():
    policy = LogisticThompson(features=CROSSED)
    for units in (-0.1, 1.5, np.nan):
        with pytest.raises(InputError, match="outcomes"):
            policy.update(policy.start(), [Outcome(option=0, units=units, context=[1.0, 0.0])])
    for terms in ({"held": 1}, {"worth": [1.0, 2.0, 3.0]}, {"cost": np.nan}, {"spread": -1.0}, {"draws": 0}):
        with pytest.raises(InputError):
            LogisticThompson(features=CROSSED, **terms)


def test_extreme_contexts_and_endless_success_stay_finite():
    policy = LogisticThompson(features=PerOption(options=2, context=1))
    log = [Outcome(option=0, units=1.0, context=[1e6])] * 50 + [Outcome(option=1, units=1.0, context=[1e-6])] * 50
    state = policy.update(policy.start(), log)
    assert np.isfinite(state.mean).all()
    assert np.isfinite(state.root).all()
