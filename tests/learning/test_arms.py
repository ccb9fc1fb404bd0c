"""Arms: the law is the Thompson law, posteriors are the textbook's, and the best arm is found."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from pricebid.errors import InputError
from pricebid.learning import BetaThompson, GaussianThompson, Outcome


def fed(policy, rewards):
    """The state after rewards, a list per option."""
    return policy.update(policy.start(), [Outcome(option=at, units=r) for at, row in enumerate(rewards) for r in row])


def mean_law(policy, state, *, calls=60, n=1_024):
    rng = np.random.default_rng(0)
    return np.mean([policy.choose_many(state, rng, n).probabilities[0] for _ in range(calls)], axis=0)


def test_the_law_of_beta_arms_is_the_probability_of_being_best():
    policy = BetaThompson(options=2, worth=[10.0, 6.0], cost=[1.0, 0.0], prior_wins=2.0)
    state = fed(policy, [[1.0, 0.0, 0.0, 1.0], [1.0, 1.0, 0.5]])
    one, two = stats.beta(4.0, 3.0), stats.beta(4.5, 1.5)
    # The first is best where 10 p - 1 > 6 q.
    exact = integrate.quad(lambda p: one.pdf(p) * two.cdf(np.clip((10 * p - 1) / 6, 0, 1)), 0, 1)[0]
    # 61,440 draws: a standard error of at most .002.
    assert mean_law(policy, state)[0] == pytest.approx(exact, abs=0.01)


def test_the_law_of_gaussian_arms_is_the_probability_of_being_best():
    policy = GaussianThompson(options=2, noise=2.0, prior_mean=1.0, prior_weight=[1.0, 2.0])
    state = fed(policy, [[3.0, 5.0, 1.0], [2.0]])
    means = [(1.0 + 9.0) / 4, (2.0 + 2.0) / 3]
    spread = 2.0 * np.sqrt(1 / 4 + 1 / 3)
    assert mean_law(policy, state)[0] == pytest.approx(stats.norm.cdf((means[0] - means[1]) / spread), abs=0.01)


def test_gaussian_arms_with_unknown_noise_have_students_posterior():
    policy = GaussianThompson(options=1, prior_mean=100.0, prior_weight=0.5, noise_guess=3.0, noise_weight=2.0)
    rewards = np.array([101.0, 104.0, 99.0, 103.0])
    state = fed(policy, [rewards.tolist()])
    # Gelman et al., Bayesian data analysis, section 3.3.
    weight, freedom = 4.5, 6.0
    mean = (0.5 * 100.0 + rewards.sum()) / weight
    squares = 2 * 9.0 + ((rewards - rewards.mean()) ** 2).sum() + 0.5 * 4 / 4.5 * (rewards.mean() - 100.0) ** 2
    truth = stats.t(freedom, loc=mean, scale=np.sqrt(squares / freedom / weight))
    drawn = policy._sample(state, np.random.default_rng(1), 20_000)[:, 0]
    # At a p-value below 1e-4 one sound version in ten thousand would fail; the seed is fixed.
    assert stats.kstest(drawn, truth.cdf).pvalue > 1e-4


@pytest.mark.parametrize(
    ("policy", "reward"),
    [
        (BetaThompson(options=3), lambda rng, at: float(rng.random() < [0.3, 0.5, 0.7][at])),
        (GaussianThompson(options=3, noise=1.0), lambda rng, at: at + rng.standard_normal()),
        (GaussianThompson(options=3), lambda rng, at: 50.0 + 10.0 * (at + rng.standard_normal())),
    ],
    ids=["beta", "known noise", "unknown noise"],
)
def test_the_best_arm_is_found(policy, reward):
    rng = np.random.default_rng(2)
    state, late = policy.start(), []
    for _ in range(60):
        picks = policy.choose_many(state, rng, 10)
        state = policy.update(state, [Outcome(option=int(at), units=reward(rng, int(at))) for at in picks.option])
        late.extend(picks.option)
    assert np.mean(np.array(late[-200:]) == 2) > 0.85


def test_bids_and_prices_are_arms_alike():
    # A bid wins with some probability and pays its price only then: worth per win is value minus bid.
    bids = BetaThompson(options=3, worth=2.0 - np.array([0.5, 1.0, 1.5]))
    prices = BetaThompson(options=3, worth=[1.5, 1.0, 0.5])
    rewards = [[0.0] * 5, [1.0] * 5, [1.0] * 5]
    np.testing.assert_array_equal(mean_law(bids, fed(bids, rewards)), mean_law(prices, fed(prices, rewards)))


@settings(max_examples=50, deadline=None)
@given(data=st.data())
def test_laws_are_laws_and_masks_hold_whatever_came(data):
    options = data.draw(st.integers(1, 6))
    kind = data.draw(st.sampled_from([BetaThompson, GaussianThompson]))
    size = 1.0 if kind is BetaThompson else data.draw(st.sampled_from([1e-9, 1.0, 1e9]))
    policy = kind(options=options)
    rewards = data.draw(st.lists(st.tuples(st.integers(0, options - 1), st.floats(0, 1)), max_size=20))
    state = policy.update(policy.start(), [Outcome(option=at, units=size * reward) for at, reward in rewards])
    mask = np.array(data.draw(st.lists(st.booleans(), min_size=options, max_size=options)))
    mask[data.draw(st.integers(0, options - 1))] = True
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    pick = policy.choose(state, rng, available=mask)
    assert mask[pick.option]
    assert not pick.probabilities[~mask].any()
    assert pick.probabilities.sum() == pytest.approx(1, abs=1e-12)
    picks = policy.choose_many(state, rng, 30, available=mask)
    assert mask[picks.option].all()


def test_what_makes_no_sense_is_refused():
    with pytest.raises(InputError, match=r"options is 0, draws is -1"):
        BetaThompson(options=0, draws=-1)
    with pytest.raises(InputError, match="worth"):
        BetaThompson(options=3, worth=[1.0, 2.0])
    with pytest.raises(InputError, match="prior_losses"):
        BetaThompson(options=2, prior_losses=[1.0, 0.0])
    with pytest.raises(InputError, match="noise"):
        GaussianThompson(options=2, noise=0.0)
    beta = BetaThompson(options=2)
    with pytest.raises(InputError, match="GaussianThompson"):
        beta.update(beta.start(), [Outcome(option=0, units=2.0)])
    with pytest.raises(InputError, match=r"option is 2.*units have shape \[3\].*finite"):
        beta.update(
            beta.start(),
            [
                Outcome(option=2, units=0.0),
                Outcome(option=0, units=[1.0, 1.0, 1.0]),
                Outcome(option=0, units=float("nan")),
            ],
        )
