"""Prices for one buyer at a time."""

import numpy as np
import pytest

from pricebid.errors import InputError
from pricebid.learning import GaussianPrior, Outcome, logit_pricing

LADDER = np.arange(0.5, 8.0, 0.1)


def earn(policy, theta, rng, buyers, batch=10):
    """Share of what one who knows theta earns."""
    state, got, best = policy.start(), 0.0, 0.0
    for _ in range(buyers // batch):
        context = np.concatenate([np.ones((batch, 1)), rng.standard_normal((batch, len(theta) - 1))], axis=1)
        option = policy.choose_many(state, rng, batch, context=context).option
        chance = 1 / (1 + np.exp(LADDER - (context @ theta)[:, None]))
        got += (LADDER[option] * chance[np.arange(batch), option]).sum()
        best += (LADDER * chance).max(axis=1).sum()
        bought = rng.random(batch) < chance[np.arange(batch), option]
        log = [
            Outcome(option=int(k), units=float(u), context=x) for k, u, x in zip(option, bought, context, strict=True)
        ]
        state = policy.update(state, log)
    return got / best, state


def test_it_earns_nearly_what_one_who_knows_the_buyers_earns():
    shares = []
    for seed in range(6):
        rng = np.random.default_rng(seed)
        theta = np.append(2.0, rng.normal(0.0, np.sqrt(0.6), 4))
        policy = logit_pricing(prices=LADDER, context=5, scale=1.0, scale_known=True)
        shares.append(earn(policy, theta, rng, 1_000)[0])
    assert np.mean(shares) >= 0.975


def test_a_scale_that_was_guessed_wrong_is_learnt():
    theta = np.array([3.0, 1.0])
    guessed = logit_pricing(prices=LADDER, context=2, scale=2.0, spread=1.0)
    _, state = earn(guessed, theta, np.random.default_rng(0), 3_000)
    assert 1.0 / state.mean[0, -1] == pytest.approx(1.0, abs=0.25)
    np.testing.assert_allclose(state.mean[0, :-1] / state.mean[0, -1], theta, atol=0.4)


def test_a_prior_of_theta_is_in_money_whatever_the_scale():
    told = GaussianPrior(mean=[4.0, 1.0], covariance=[0.2, 0.1])
    policy = logit_pricing(prices=LADDER, context=2, scale=2.0, scale_known=True, theta=told)
    state = policy.start()
    np.testing.assert_allclose(state.mean[0], [2.0, 0.5, 0.5])
    covariance = state.root[0] @ state.root[0].T
    np.testing.assert_allclose(np.diag(covariance)[:2] * 4.0, [0.2, 0.1], rtol=1e-5)


def test_cost_counts_and_masked_prices_are_not_asked():
    rng = np.random.default_rng(1)
    theta = GaussianPrior(mean=[3.0], covariance=1e-6)
    at_cost = logit_pricing(prices=LADDER, context=1, cost=2.0, scale_known=True, theta=theta)
    option = at_cost.choose(at_cost.start(), rng, context=[1.0]).option
    assert LADDER[option] == pytest.approx(LADDER[((LADDER - 2.0) / (1 + np.exp(LADDER - 3.0))).argmax()], abs=0.11)
    dear = LADDER >= 5.0
    picks = at_cost.choose_many(at_cost.start(), rng, 50, context=[1.0], available=dear)
    assert dear[picks.option].all()


@pytest.mark.parametrize("terms", [{"scale": 0.0}, {"scale": np.nan}, {"cost": np.inf}, {"context": 0}, {"prices": []}])
def test_terms_that_make_no_sense_are_refused(terms):
    with pytest.raises(InputError):
        logit_pricing(**{"prices": LADDER, "context": 2, **terms})
