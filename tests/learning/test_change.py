"""Changes of arms: found soon, dated well, seldom imagined."""

import numpy as np
import pytest

from pricebid.errors import InputError
from pricebid.learning import (
    BetaThompson,
    ChangeDetector,
    ChangingThompson,
    GaussianThompson,
    Outcome,
    Scattered,
    Window,
)

ONE = np.zeros(20, dtype=np.int64)


def watch(detector, rewards, begin=0, state=None):
    """Twenty periods at a time; stops at the first alarm."""
    state = detector.start(1) if state is None else state
    for at in range(0, len(rewards), 20):
        times = np.arange(begin + at, begin + at + 20.0)
        state = detector.update(state, times, ONE, np.stack([np.ones(20), rewards[at : at + 20]], axis=1))
        if state.alarms.any():
            break
    return state


def test_false_alarms_are_as_rare_as_stated():
    # At a stated 20 %, 60 runs have more than 21 alarms with probability 0.2 %; looked at 50 times each.
    detector = ChangeDetector(false_alarm=0.2)
    rng = np.random.default_rng(0)
    alarms = sum(int(watch(detector, (rng.random(1_000) < 0.3).astype(float)).alarms[0]) for _ in range(60))
    assert alarms <= 21


@pytest.mark.parametrize(("before", "after"), [(0.3, 0.6), (0.6, 0.3)])
def test_a_change_is_found_and_dated(before, after):
    for seed in range(5):
        rng = np.random.default_rng(seed)
        state = watch(ChangeDetector(), (rng.random(1_600) < np.where(np.arange(1_600) < 1_000, before, after)) * 1.0)
        assert state.alarms[0] == 1
        assert 1_000 < state.latest < 1_300
        assert abs(state.since[0] * 20 - 1_000) <= 100
        assert state.total[0, 1] / state.total[0, 0] == pytest.approx(after, abs=0.25)


def test_money_changes_too_and_shares_between_0_and_1():
    rng = np.random.default_rng(0)
    money = rng.normal(np.where(np.arange(1_600) < 1_000, 5.0, 6.0), 2.0)
    detector = ChangeDetector(family=Scattered(noise=2.0, centre=4.0))
    assert abs(watch(detector, money).since[0] * 20 - 1_000) <= 100
    shares = rng.beta(np.where(np.arange(1_600) < 1_000, 1.0, 6.0), 2.0)
    assert abs(watch(ChangeDetector(), shares).since[0] * 20 - 1_000) <= 100


def test_after_an_alarm_what_is_late_from_before_is_left_out():
    rng = np.random.default_rng(1)
    detector = ChangeDetector()
    state = watch(detector, (rng.random(1_600) < np.where(np.arange(1_600) < 1_000, 0.2, 0.8)) * 1.0)
    late = detector.update(state, np.array([500.0]), np.array([0]), np.array([[1.0, 1.0]]))
    np.testing.assert_array_equal(late.total, state.total)
    later = detector.update(state, np.array([state.latest]), np.array([0]), np.array([[1.0, 1.0]]))
    np.testing.assert_array_equal(later.total, state.total + 1.0)


def test_what_left_the_window_still_counts_and_order_makes_no_difference():
    detector = ChangeDetector(window=Window(periods=100.0, bins=10))
    rng = np.random.default_rng(2)
    rewards = (rng.random(400) < 0.4).astype(float)
    log = np.stack([np.ones(400), rewards], axis=1)
    state = detector.update(detector.start(1), np.arange(400.0), np.zeros(400, dtype=int), log)
    np.testing.assert_allclose(state.total[0], [400.0, rewards.sum()])
    order = rng.permutation(400)
    shuffled = detector.start(1)
    for part in np.array_split(order, 9):
        shuffled = detector.update(shuffled, part.astype(float), np.zeros(len(part), dtype=int), log[part])
    np.testing.assert_allclose(shuffled.bins, state.bins)
    np.testing.assert_allclose(shuffled.older, state.older)


@pytest.mark.parametrize("together", [False, True])
def test_an_alarm_drops_the_past_of_one_arm_or_of_all(together):
    rng = np.random.default_rng(3)
    detector = ChangeDetector(together=together)
    state = detector.start(2)
    for begin in range(0, 1_500, 20):
        times = np.repeat(np.arange(begin, begin + 20.0), 2)
        option = np.tile([0, 1], 20)
        chance = np.where((option == 1) & (times >= 1_000), 0.7, 0.3)
        statistics = np.stack([np.ones(40), rng.random(40) < chance], axis=1)
        state = detector.update(state, times, option, statistics)
    assert state.alarms.tolist() == [0, 1]
    assert state.since[1] == pytest.approx(50, abs=4)
    assert state.since[0] == (state.since[1] if together else 0)
    assert state.total[0, 0] == (state.total[1, 0] if together else 1_500)


def test_a_watching_policy_follows_a_change_that_one_that_never_forgets_does_not():
    def earn(policy, seed):
        rng = np.random.default_rng(seed)
        state, got = policy.start(), 0.0
        for begin in range(0, 3_000, 10):
            option = policy.choose_many(state, rng, 10).option
            chance = np.array([0.5, 0.3] if begin < 1_500 else [0.1, 0.3])[option]
            got += chance.sum() if begin >= 1_500 else 0.0
            log = [
                Outcome(option=int(k), units=float(rng.random() < p), time=float(begin + at))
                for at, (k, p) in enumerate(zip(option, chance, strict=True))
            ]
            state = policy.update(state, log)
        return got / 1_500

    arms = BetaThompson(options=2)
    watching = np.mean([earn(ChangingThompson(arms=arms), seed) for seed in range(3)])
    assert watching >= 0.27
    assert watching >= np.mean([earn(arms, seed) for seed in range(3)]) + 0.03


def test_exploration_is_part_of_the_law():
    policy = ChangingThompson(arms=BetaThompson(options=4), explore=0.2)
    state = policy.update(policy.start(), [Outcome(option=k, units=float(k == 2)) for k in range(4)] * 50)
    law = policy.choose(state, np.random.default_rng(0)).probabilities
    np.testing.assert_allclose(law, [0.05, 0.05, 0.85, 0.05])
    law = policy.choose(state, np.random.default_rng(0), available=[True, False, True, False]).probabilities
    np.testing.assert_allclose(law, [0.1, 0.0, 0.9, 0.0])


@pytest.mark.parametrize(
    "make",
    [
        lambda: ChangeDetector(false_alarm=0.0),
        lambda: ChangeDetector(window=Window(periods=10.0, bins=1)),
        lambda: ChangingThompson(arms=BetaThompson(options=2), explore=1.0),
        lambda: ChangingThompson(arms=GaussianThompson(options=2)),
    ],
)
def test_terms_that_make_no_sense_are_refused(make):
    with pytest.raises(InputError):
        make()
