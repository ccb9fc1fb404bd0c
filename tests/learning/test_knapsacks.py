"""Bandits with knapsacks: what the algorithm asks for, step by step."""

from __future__ import annotations

import numpy as np
import pytest

from pricebid.learning import Outcome, PrimalDualKnapsacks
from pricebid.simulate.seasons import Season, bound, play


def policy(**more):
    parts = {"prices": [[10.0], [20.0], [np.inf]], "usage": [[1.0]], "inventory": [50.0], "horizon": 100.0}
    return PrimalDualKnapsacks(**(parts | more))


def fed(learner, counts):
    """The state after (shown, sold) per option."""
    outcomes = [
        Outcome(option=at, units=float(turn < sold)) for at, (shown, sold) in enumerate(counts) for turn in range(shown)
    ]
    return learner.update(learner.start(), outcomes)


def law(learner, state, available=None):
    return learner.choose(state, np.random.default_rng(0), available=available).probabilities


def test_every_open_option_is_tried_before_any_is_repeated():
    learner = policy()
    np.testing.assert_allclose(law(learner, learner.start()), [0.5, 0.5, 0])
    np.testing.assert_allclose(law(learner, fed(learner, [(1, 0)])), [0, 1, 0])
    np.testing.assert_allclose(law(learner, fed(learner, [(1, 0)]), [True, False, True]), [1, 0, 0])


def test_the_highest_optimistic_reward_per_optimistic_cost_is_shown():
    learner = policy(confidence=0.5)
    shown, sold = np.array([30.0, 20.0]), np.array([24.0, 6.0])
    state = fed(learner, [(30, 24), (20, 6)])
    # Badanidiyuru, Kleinberg and Slivkins (2018), algorithm 2, written out for one resource and the time.
    radius = lambda mean: np.sqrt(0.5 * mean / shown) + 0.5 / shown  # noqa: E731
    reward, use = sold * [10.0, 20.0] / 20.0 / shown, sold / shown
    upper, lower = np.minimum(reward + radius(reward), 1), np.maximum(use - radius(use), 0)
    cost = np.column_stack([lower, [0.5, 0.5]])  # of budgets brought to 50: time costs 50 / 100
    weight = (1 + np.sqrt(np.log(2) / 50)) ** (shown @ cost)
    ratio = upper / (cost @ (weight / weight.sum()))
    assert law(learner, state).argmax() == ratio.argmax()
    np.testing.assert_allclose(learner._value_for_money(state)[:2], ratio)


def test_a_resource_that_is_used_up_fast_gets_dear():
    # The cheap price brings more per period, the dear one more per unit: which is shown depends on the stock.
    scarce, plenty = policy(inventory=[60.0], horizon=1_000.0), policy(inventory=[1_000.0], horizon=1_000.0)
    counts = [(300, 300), (300, 90)]
    assert law(scarce, fed(scarce, [(30, 30), (30, 9)])).argmax() == 1
    assert law(plenty, fed(plenty, counts)).argmax() == 0


def test_it_earns_most_of_the_bound_in_a_season():
    played = Season(
        prices=np.array([[29.9], [34.9], [39.9], [44.9], [np.inf]]),
        chances=np.array([[0.8], [0.6], [0.3], [0.1], [0.0]]),
        usage=np.ones((1, 1)),
        inventory=np.array([50.0]),
        horizon=100,
    )
    learner = PrimalDualKnapsacks(
        prices=played.prices, usage=played.usage, inventory=played.inventory, horizon=played.horizon
    )
    earned = [play(learner, played, np.random.default_rng(seed)) for seed in range(10)]
    # Measured: 91.9 % with a standard error of .3 over 60 seasons.
    assert np.mean(earned) / bound(played) == pytest.approx(0.919, abs=0.03)
