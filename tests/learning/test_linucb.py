"""LinUCB: the bound of Li et al. 2010, computed by hand."""

import numpy as np
import pytest

from pricebid.errors import InputError
from pricebid.learning import LinUCB, Outcome, PerOption


def test_it_takes_the_highest_bound():
    rng = np.random.default_rng(0)
    policy = LinUCB(features=PerOption(options=3, context=2), alpha=1.5)
    log = [
        Outcome(option=int(rng.integers(3)), units=float(rng.normal()), context=rng.standard_normal(2))
        for _ in range(30)
    ]
    state = policy.update(policy.start(), log)
    for _ in range(50):
        x = rng.standard_normal(2)
        bounds = []
        for option in range(3):
            rows = np.array([o.context for o in log if o.option == option])
            rewards = np.array([o.units for o in log if o.option == option])
            gram = np.eye(2) + rows.T @ rows
            bounds.append(x @ np.linalg.solve(gram, rows.T @ rewards) + 1.5 * np.sqrt(x @ np.linalg.solve(gram, x)))
        pick = policy.choose(state, rng, context=x)
        assert pick.option == int(np.argmax(bounds))
        assert pick.propensity == 1.0


def test_equals_share_and_the_untried_is_tried():
    policy = LinUCB(features=PerOption(options=2, context=1))
    rng = np.random.default_rng(0)
    assert policy.choose(policy.start(), rng, context=[1.0]).probabilities.tolist() == [0.5, 0.5]
    state = policy.update(policy.start(), [Outcome(option=0, units=0.5, context=[1.0])] * 10)
    assert policy.choose(state, rng, context=[1.0]).option == 1


def test_a_negative_alpha_is_refused():
    with pytest.raises(InputError, match="alpha"):
        LinUCB(features=PerOption(options=2, context=1), alpha=-0.1)
