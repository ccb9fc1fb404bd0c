"""Priors from draws and from others keep means and variances, and pay."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pricebid.errors import InputError
from pricebid.learning import (
    BetaThompson,
    Crossed,
    GaussianThompson,
    LogisticThompson,
    Outcome,
    beta_prior,
    gaussian_prior,
    logistic_prior,
    mean_prior,
    pooled_beta,
    pooled_prior,
)


@settings(max_examples=30, deadline=None)
@given(mean=st.floats(0.02, 0.98), weight=st.floats(1.0, 500.0))
def test_a_beta_prior_keeps_mean_and_variance(mean, weight):
    drawn = np.random.default_rng(0).beta(mean * weight, (1 - mean) * weight, (4_000, 1))
    wins, losses = beta_prior(drawn)
    total = wins + losses
    assert wins / total == pytest.approx(drawn.mean(), rel=1e-6)
    assert wins * losses / total**2 / (total + 1) == pytest.approx(drawn.var(), rel=1e-6)
    half = np.add(*beta_prior(drawn, trust=0.5))
    assert half == pytest.approx(max(total / 2, 0.1))
    assert np.add(*beta_prior(drawn, most=0.7)) == pytest.approx(0.7)


def test_draws_that_never_differ_or_are_coin_flips_give_a_prior_all_the_same():
    wins, losses = beta_prior([[0.0, 0.3, 1.0, 0.0], [0.0, 0.3, 1.0, 1.0]])
    assert (wins > 0).all()
    assert (losses > 0).all()
    assert wins[1] + losses[1] == pytest.approx(1_000.0)
    assert wins[3] + losses[3] == pytest.approx(0.1)
    BetaThompson(options=4, prior_wins=wins, prior_losses=losses)


def test_a_prior_of_mean_rewards_is_worth_as_many_rewards_as_their_draws_say():
    drawn = np.random.default_rng(0).normal([5.0, 7.0], [0.5, 0.1], (50_000, 2))
    mean, weight = mean_prior(drawn, noise=2.0)
    np.testing.assert_allclose(mean, [5.0, 7.0], atol=0.01)
    np.testing.assert_allclose(weight, [16.0, 400.0], rtol=0.03)
    GaussianThompson(options=2, prior_mean=mean, prior_weight=weight)


def test_draws_of_parameters_give_their_mean_and_covariance():
    rng = np.random.default_rng(0)
    drawn = rng.standard_normal((200, 3)) @ rng.standard_normal((3, 3))
    prior = gaussian_prior(drawn, trust=0.5)
    np.testing.assert_allclose(prior.mean, drawn.mean(axis=0))
    np.testing.assert_allclose(prior.covariance, np.cov(drawn.T) / 0.5, rtol=1e-6)
    blocks = gaussian_prior(drawn.reshape(100, 2, 3))
    np.testing.assert_allclose(np.asarray(blocks.covariance)[1], np.cov(drawn[1::2].T), rtol=1e-6)
    few = gaussian_prior(drawn[:2])
    assert np.linalg.eigvalsh(few.covariance).min() > 0


def test_draws_of_probabilities_give_the_parameters_behind_them():
    rng = np.random.default_rng(0)
    features = Crossed(of_options=[[1.0, -1.0], [1.0, -2.0], [1.0, -3.0]])
    parameters = rng.normal([2.0, 1.0], [0.3, 0.1], (500, 2))
    design = features.of_all(np.zeros((1, 0)))[0]
    prior = logistic_prior(1 / (1 + np.exp(-parameters @ design.T)), design)
    np.testing.assert_allclose(prior.mean, parameters.mean(axis=0), atol=1e-9)
    np.testing.assert_allclose(prior.covariance, np.cov(parameters.T), rtol=1e-6)
    start = LogisticThompson(features=features, prior=prior).start()
    np.testing.assert_allclose(start.mean[0], prior.mean)


def test_members_tell_how_far_rates_lie_apart():
    rng = np.random.default_rng(0)
    tried = rng.integers(20, 2_000, 4_000).astype(float)
    won = rng.binomial(tried.astype(int), rng.beta(6.0, 54.0, 4_000)).astype(float)
    wins, losses = pooled_beta(won, tried)
    assert wins / (wins + losses) == pytest.approx(0.1, abs=0.005)
    assert wins + losses == pytest.approx(60.0, rel=0.15)
    alike = rng.binomial(500, 0.2, 300).astype(float)
    assert np.sum(pooled_beta(alike, np.full(300, 500.0))) >= 300.0


def test_groups_tell_how_far_parameters_lie_apart():
    rng = np.random.default_rng(0)
    between, error = np.array([[1.0, 0.5], [0.5, 0.8]]), np.array([[0.3, 0.0], [0.0, 0.6]])
    truth = rng.multivariate_normal([1.0, -2.0], between, 3_000)
    told = truth + rng.multivariate_normal([0.0, 0.0], error, 3_000)
    prior = pooled_prior(told, np.tile(error, (3_000, 1, 1)))
    np.testing.assert_allclose(prior.mean, [1.0, -2.0], atol=0.08)
    np.testing.assert_allclose(prior.covariance, between, atol=0.1)
    alike = pooled_prior(told[:5], np.tile(100.0 * error, (5, 1, 1)))
    assert np.linalg.eigvalsh(alike.covariance).min() > 0


def test_a_warm_start_pays():
    def earn(policy, truth, seed):
        rng = np.random.default_rng(seed)
        state, got = policy.start(), 0.0
        for _ in range(20):
            option = policy.choose_many(state, rng, 10).option
            got += truth[option].sum()
            state = policy.update(state, [Outcome(option=int(k), units=float(rng.random() < truth[k])) for k in option])
        return got / 200 / truth.max()

    rng = np.random.default_rng(1)
    centre = np.array([0.1, 0.2, 0.3, 0.35, 0.25, 0.15])
    drawn = np.clip(centre * rng.lognormal(0.0, 0.25, (540, 6)), 0.0, 1.0)
    wins, losses = beta_prior(drawn[:500])
    warm = BetaThompson(options=6, prior_wins=wins, prior_losses=losses)
    cold = BetaThompson(options=6)
    gains = [earn(warm, truth, seed) - earn(cold, truth, seed) for seed, truth in enumerate(drawn[500:])]
    assert np.mean(gains) > 4 * np.std(gains) / np.sqrt(len(gains))


@pytest.mark.parametrize(
    "make",
    [
        lambda: beta_prior([[0.2, 1.2], [0.1, 0.1]]),
        lambda: beta_prior([0.2, 0.3]),
        lambda: beta_prior([[0.2], [0.3]], trust=0.0),
        lambda: beta_prior([[0.2], [0.3]], most=np.inf),
        lambda: mean_prior([[0.2], [np.nan]], noise=1.0),
        lambda: mean_prior([[0.2], [0.3]], noise=0.0),
        lambda: gaussian_prior([[1.0, 2.0]]),
        lambda: logistic_prior([[0.2], [0.3]], [[1.0], [1.0]]),
        lambda: logistic_prior([[0.2], [0.3]], [[1.0, 2.0]]),
        lambda: pooled_beta([1.0], [3.0]),
        lambda: pooled_beta([4.0, 1.0], [3.0, 3.0]),
        lambda: pooled_prior([[1.0], [2.0]], [[[1.0]]]),
    ],
)
def test_what_makes_no_sense_is_refused(make):
    with pytest.raises(InputError):
        make()
