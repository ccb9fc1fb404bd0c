"""What every policy does alike when it chooses: laws under masks, batches, and what it refuses."""

import numpy as np
import pytest

from pricebid.errors import InputError
from pricebid.learning import (
    BestArm,
    BetaThompson,
    BlindPricing,
    ChangingThompson,
    ForgettingThompson,
    GaussianThompson,
    LinearThompson,
    LinUCB,
    LogisticThompson,
    PerOption,
    PrimalDualKnapsacks,
    ThompsonLP,
    Window,
)

SEASON = {"prices": np.array([10.0, 12.0, np.inf]), "usage": [[1.0]], "inventory": [50.0], "horizon": 40.0}
FEATURES = PerOption(options=3, context=2)
POLICIES = [
    BetaThompson(options=3),
    GaussianThompson(options=3),
    ForgettingThompson(arms=BetaThompson(options=3), forgetting=Window(periods=50.0)),
    ChangingThompson(arms=BetaThompson(options=3)),
    BestArm(options=3),
    ThompsonLP(**SEASON),
    PrimalDualKnapsacks(**SEASON),
    BlindPricing(**SEASON),
    LinearThompson(features=FEATURES),
    LogisticThompson(features=FEATURES),
    LinUCB(features=FEATURES),
]
each_policy = pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: type(policy).__name__)


def context(policy):
    return {"context": [1.0, 0.5]} if hasattr(policy, "features") else {}


@each_policy
@pytest.mark.parametrize("available", [None, [True, False, True], [False, False, True]])
def test_a_pick_comes_from_the_law_that_it_states(policy, available):
    pick = policy.choose(policy.start(), np.random.default_rng(0), available=available, **context(policy))
    allowed = np.ones(3, dtype=bool) if available is None else np.array(available)
    assert pick.probabilities.sum() == pytest.approx(1.0)
    assert (pick.probabilities[~allowed] == 0).all()
    assert pick.propensity == pick.probabilities[pick.option] > 0


@each_policy
def test_each_choice_of_a_batch_keeps_to_its_own_mask(policy):
    masks = np.array([[True, False, True], [False, True, True], [True, True, True], [False, False, True]] * 20)
    picks = policy.choose_many(policy.start(), np.random.default_rng(0), 80, available=masks, **context(policy))
    np.testing.assert_allclose(picks.probabilities.sum(axis=1), 1.0)
    assert (picks.probabilities[~masks] == 0).all()
    assert masks[np.arange(80), picks.option].all()
    np.testing.assert_array_equal(picks.propensity, picks.probabilities[np.arange(80), picks.option])


@each_policy
def test_a_batch_of_none_is_empty_and_one_of_less_is_refused(policy):
    state, rng = policy.start(), np.random.default_rng(0)
    picks = policy.choose_many(state, rng, 0, **context(policy))
    assert picks.option.shape == (0,)
    assert picks.probabilities.shape == (0, 3)
    with pytest.raises(InputError, match="n is -1; give how many"):
        policy.choose_many(state, rng, -1, **context(policy))


@each_policy
def test_the_same_generator_gives_the_same_picks(policy):
    one, two = (
        policy.choose_many(policy.start(), np.random.default_rng(7), 50, **context(policy)).option for _ in range(2)
    )
    np.testing.assert_array_equal(one, two)
