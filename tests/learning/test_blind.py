"""Blind pricing: equal turns first, then the plan, and nothing but the plan."""

from __future__ import annotations

import numpy as np
import pytest

from pricebid.errors import InputError
from pricebid.learning import BlindPricing, Outcome


def policy(**more):
    parts = {"prices": [[10.0], [20.0], [np.inf]], "usage": [[1.0]], "inventory": [41.0], "horizon": 100.0}
    return BlindPricing(**(parts | {"exploration": 20.0} | more))


def followed(learner, sold, *, periods=100):
    """The options picked when every option sells as by ``sold(option, turn)``."""
    rng, state, picked = np.random.default_rng(0), learner.start(), []
    for turn in range(periods):
        option = learner.choose(state, rng).option
        picked.append(option)
        state = learner.update(state, [Outcome(option=option, units=sold(option, turn), time=float(turn))])
    return picked


def test_options_take_turns_then_follow_the_plan_in_order():
    # The cheap price always sells, the dear one every other time (turns 1, 3, 5, ...).
    picked = followed(policy(), lambda option, turn: [1.0, float(turn % 4 == 1), 0.0][option])
    assert picked[:20] == [0, 1] * 10
    # Ten and five were sold: 26 are left for 80 periods. The dear price earns 20 a unit, the cheap one 10, and at half a
    # unit a period the dear one uses up the stock: 52 periods of it, then closed.
    assert picked[20:] == [1] * 52 + [2] * 28


def test_the_plan_does_not_change_with_what_comes_later():
    # Once the exploration is over the dear price sells nothing, and is shown all the same.
    picked = followed(policy(), lambda option, turn: [1.0, float(turn % 4 == 1 and turn < 20), 0.0][option])
    assert picked[20:72] == [1] * 52


def test_the_exploration_is_two_thirds_of_the_horizon_on_a_log_scale():
    assert policy(horizon=1_000.0, exploration=None).periods == pytest.approx(100.0)
    with pytest.raises(InputError, match="exploration is 2000 periods"):
        policy(exploration=2_000.0)


def test_outcomes_of_the_exploration_are_told_by_their_time_however_late():
    learner = policy()
    early = [Outcome(option=at % 2, units=1.0, time=float(at)) for at in range(20)]
    late = [Outcome(option=0, units=0.0, time=20.0 + at) for at in range(5)]
    one = learner.update(learner.update(learner.start(), early), late)
    two = learner.update(learner.update(learner.start(), late), early)
    np.testing.assert_array_equal(one.explored, two.explored)
    np.testing.assert_array_equal(one.units, two.units)
    assert one.explored.tolist() == [10.0, 10.0, 0.0]
    # Without times, by the periods used when they come.
    untimed = [Outcome(option=at % 2, units=1.0) for at in range(25)]
    assert learner.update(learner.start(), untimed).explored.sum() == 20.0
