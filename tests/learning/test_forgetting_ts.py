"""Arms that drift."""

import numpy as np
import pytest

from pricebid.errors import InputError
from pricebid.learning import BetaThompson, Discount, ForgettingThompson, GaussianThompson, Outcome, Window


def log_of(rng, n, *, money=False):
    return [
        Outcome(
            option=int(rng.integers(3)),
            units=float(rng.normal() if money else rng.integers(2)),
            time=float(at),
            id=str(at),
        )
        for at in range(n)
    ]


@pytest.mark.parametrize("arms", [BetaThompson(options=3), GaussianThompson(options=3, prior_mean=2.0)])
def test_without_forgetting_it_draws_as_the_arms_do(arms):
    log = log_of(np.random.default_rng(0), 60, money=isinstance(arms, GaussianThompson))
    policy = ForgettingThompson(arms=arms, forgetting=Discount(keep=1.0))
    mine, theirs = policy.update(policy.start(), log), arms.update(arms.start(), log)
    for seed in range(5):
        one = policy.choose_many(mine, np.random.default_rng(seed), 50)
        two = arms.choose_many(theirs, np.random.default_rng(seed), 50)
        np.testing.assert_allclose(one.probabilities, two.probabilities, atol=1e-12)
        np.testing.assert_array_equal(one.option, two.option)


@pytest.mark.parametrize("forgetting", [Discount(keep=0.99), Window(periods=200.0)], ids=["discount", "window"])
def test_it_follows_what_one_that_never_forgets_does_not(forgetting):
    def late_share(policy):
        rng = np.random.default_rng(1)
        state, right = policy.start(), 0.0
        for at in range(1_400):
            best = 0 if at < 1_000 else 1
            pick = policy.choose(state, rng)
            right += pick.probabilities[best] if 1_100 <= at < 1_400 else 0.0
            paid = rng.random() < (0.6 if pick.option == best else 0.3)
            state = policy.update(state, [Outcome(option=pick.option, units=float(paid), time=float(at))])
        return right / 300

    arms = BetaThompson(options=2)
    assert late_share(ForgettingThompson(arms=arms, forgetting=forgetting)) >= 0.7
    assert late_share(arms) <= 0.6


def test_an_arm_that_nothing_counts_for_any_more_is_as_at_the_start():
    arms = BetaThompson(options=2)
    policy = ForgettingThompson(arms=arms, forgetting=Window(periods=10.0))
    state = policy.update(policy.start(), [Outcome(option=0, units=0.0, time=0.0)] * 500)
    state = policy.update(state, [Outcome(option=1, units=0.0, time=100.0)])
    np.testing.assert_array_equal(policy.forgetting.total(state.sums)[0], 0.0)


def test_rewards_that_the_arms_cannot_have_are_refused():
    policy = ForgettingThompson(arms=BetaThompson(options=2), forgetting=Discount(keep=0.9))
    with pytest.raises(InputError, match="rewards"):
        policy.update(policy.start(), [Outcome(option=0, units=2.0)])
