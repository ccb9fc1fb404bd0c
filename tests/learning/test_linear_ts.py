"""Linear Thompson sampling and its model: the posterior is that of Bayesian regression, weighted where it forgets."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pricebid.errors import InputError
from pricebid.learning import Crossed, Discount, GaussianPrior, LinearThompson, Outcome, PerOption

CROSSED = Crossed(of_options=[[1.0, 0.0], [1.0, 1.0], [0.0, 2.0]], context=2)


def told(rng, n, options=3, context=2):
    return [
        Outcome(
            option=int(rng.integers(options)),
            units=float(rng.normal()),
            context=rng.standard_normal(context),
            time=float(at),
        )
        for at in range(n)
    ]


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(1, 40), keep=st.floats(0.8, 1.0), noise=st.floats(0.2, 3.0))
def test_the_posterior_is_that_of_weighted_bayesian_regression(seed, n, keep, noise):
    rng = np.random.default_rng(seed)
    root = rng.standard_normal((4, 4))
    prior = GaussianPrior(mean=rng.standard_normal(4), covariance=root @ root.T + np.eye(4))
    policy = LinearThompson(features=CROSSED, prior=prior, noise=noise, forgetting=Discount(keep=keep))
    log = told(rng, n)
    state = policy.update(policy.start(), log)
    rows = np.array([CROSSED.of(np.array([o.context]), np.array([o.option]))[0] for o in log])
    weight = keep ** (n - 1.0 - np.arange(n)) / noise**2
    precision = np.linalg.inv(np.asarray(prior.covariance)) + (weight[:, None] * rows).T @ rows
    shift = np.linalg.solve(np.asarray(prior.covariance), prior.mean) + rows.T @ (weight * [o.units for o in log])
    np.testing.assert_allclose(state.mean[0], np.linalg.solve(precision, shift), atol=1e-8)
    np.testing.assert_allclose(state.root[0] @ state.root[0].T, np.linalg.inv(precision), atol=1e-8)


def test_options_with_parameters_of_their_own_do_not_learn_from_each_other():
    policy = LinearThompson(features=PerOption(options=3, context=2))
    log = [Outcome(option=1, units=2.0, context=[1.0, 0.5])] * 5
    state = policy.update(policy.start(), log)
    np.testing.assert_array_equal(state.mean[[0, 2]], 0.0)
    assert state.mean[1].min() > 0.0


@pytest.mark.parametrize("features", [CROSSED, PerOption(options=3, context=2)], ids=["crossed", "per option"])
def test_the_mean_law_is_how_often_each_option_is_best_under_the_posterior(features):
    rng = np.random.default_rng(3)
    policy = LinearThompson(features=features)
    state = policy.update(policy.start(), told(rng, 12))
    context = np.array([1.0, -0.3])
    law = policy.choose_many(state, rng, 4_000, context=context).probabilities.mean(axis=0)
    normal = rng.standard_normal((100_000, *state.mean.shape))
    parameters = state.mean + np.einsum("bwv,nbv->nbw", state.root, normal)
    scores = np.einsum("ow,now->no", features.of_all(context[None])[0], parameters[:, features.block])
    best = np.bincount(scores.argmax(axis=1), minlength=3) / len(scores)
    np.testing.assert_allclose(law, best, atol=0.01)


def test_without_spread_it_takes_what_seems_best():
    policy = LinearThompson(features=PerOption(options=2, context=1), spread=0.0)
    state = policy.update(policy.start(), [Outcome(option=1, units=1.0, context=[1.0])])
    assert policy.choose(state, np.random.default_rng(0), context=[1.0]).probabilities.tolist() == [0.0, 1.0]
    assert policy.choose(state, np.random.default_rng(0), context=[-1.0]).option == 0


def test_each_context_of_a_batch_has_its_own_law():
    policy = LinearThompson(features=PerOption(options=2, context=2), noise=0.1)
    log = [Outcome(option=k, units=float(k == kind), context=np.eye(2)[kind]) for k in (0, 1) for kind in (0, 1)] * 20
    state = policy.update(policy.start(), log)
    picks = policy.choose_many(state, np.random.default_rng(0), 6, context=np.eye(2)[[0, 1, 0, 1, 1, 0]])
    assert picks.option.tolist() == [0, 1, 0, 1, 1, 0]


@pytest.mark.parametrize(
    ("terms", "message"),
    [
        ({"noise": 0.0}, "noise"),
        ({"spread": -1.0}, "spread"),
        ({"draws": 0}, "draws"),
        ({"prior": GaussianPrior(mean=[0.0, 0.0])}, "prior"),
        ({"prior": GaussianPrior(covariance=-1.0)}, "eigenvalue"),
    ],
)
def test_terms_that_make_no_sense_are_refused(terms, message):
    with pytest.raises(InputError, match=message):
        LinearThompson(features=CROSSED, **terms)
    with pytest.raises(InputError, match="finite"):
        GaussianPrior(mean=np.nan)
