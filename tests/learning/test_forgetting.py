"""Sums that forget: the same whatever came first, and what is left is what the formula says."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pricebid.errors import InputError
from pricebid.learning import Discount, Outcome, Window
from pricebid.learning.forgetting import read_times

KINDS = [Discount(), Discount(keep=0.9), Window(periods=10.0, bins=5), Window(periods=3.0, bins=1)]
logs = st.lists(st.tuples(st.floats(0, 60), st.integers(0, 2), st.floats(-5, 5)), min_size=1, max_size=30)


def add(forgetting, sums, log):
    times, row, values = (np.array(part) for part in zip(*log, strict=True))
    return forgetting.add(sums, times.astype(float), row.astype(np.int64), values.astype(float))


@pytest.mark.parametrize("forgetting", KINDS, ids=str)
@settings(max_examples=40, deadline=None)
@given(log=logs, seed=st.integers(0, 99), cut=st.integers(0, 30))
def test_order_and_batches_make_no_difference(forgetting, log, seed, cut):
    together = add(forgetting, forgetting.start((3,)), log)
    shuffled = [log[at] for at in np.random.default_rng(seed).permutation(len(log))]
    parted = forgetting.start((3,))
    for part in (shuffled[:cut], shuffled[cut:]):
        parted = add(forgetting, parted, part) if part else parted
    np.testing.assert_allclose(forgetting.total(parted), forgetting.total(together), atol=1e-9)
    assert parted.latest == together.latest


@settings(max_examples=40, deadline=None)
@given(log=logs, keep=st.floats(0.5, 1.0))
def test_a_discounted_sum_weighs_by_age(log, keep):
    forgetting = Discount(keep=keep)
    total = forgetting.total(add(forgetting, forgetting.start((3,)), log))
    latest = max(time for time, _, _ in log)
    due = np.zeros(3)
    for time, row, value in log:
        due[row] += keep ** (latest - time) * value
    np.testing.assert_allclose(total, due, atol=1e-9)


@settings(max_examples=40, deadline=None)
@given(log=logs)
def test_a_window_holds_its_latest_stretches(log):
    forgetting = Window(periods=10.0, bins=5)
    total = forgetting.total(add(forgetting, forgetting.start((3,)), log))
    newest = np.floor(max(time for time, _, _ in log) / 2.0)
    due = np.zeros(3)
    for time, row, value in log:
        due[row] += value if np.floor(time / 2.0) > newest - 5 else 0.0
    np.testing.assert_allclose(total, due, atol=1e-9)


def test_what_has_no_time_comes_one_period_after_the_latest():
    outcomes = [Outcome(option=0, units=1.0, time=time) for time in (None, 7.0, None, 2.0, None)]
    assert read_times(outcomes, 3.0).tolist() == [4.0, 7.0, 8.0, 2.0, 9.0]


@pytest.mark.parametrize("time", [-1.0, np.nan, np.inf])
def test_a_time_that_makes_no_sense_is_refused(time):
    with pytest.raises(InputError, match="time"):
        read_times([Outcome(option=0, units=1.0, time=time)], 0.0)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Discount(keep=0.0),
        lambda: Discount(keep=1.1),
        lambda: Window(periods=0.0),
        lambda: Window(periods=np.inf),
        lambda: Window(periods=1.0, bins=0),
    ],
)
def test_forgetting_that_makes_no_sense_is_refused(make):
    with pytest.raises(InputError):
        make()
