"""States on disk, and ids that were seen."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest

from pricebid.errors import ModelError
from pricebid.learning import BetaThompson, Outcome, load_state, save_state
from pricebid.learning.ids import SeenIds, fresh


@dataclass(frozen=True, kw_only=True, eq=False)
class Inner:
    numbers: np.ndarray
    name: str | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Outer:
    inner: Inner
    at: int
    rate: float
    done: bool
    grows: np.ndarray


OUTER = Outer(
    inner=Inner(numbers=np.array([[1.5, np.nan], [-0.0, np.inf]]), name="a"),
    at=3,
    rate=float("nan"),
    done=True,
    grows=np.empty(0, dtype=np.int64),
)


def test_every_kind_of_field_comes_back_as_it_was():
    back = load_state(save_state(OUTER), like=OUTER)
    assert (back.inner.name, back.at, back.done) == ("a", 3, True)
    assert np.isnan(back.rate)
    np.testing.assert_array_equal(back.inner.numbers, OUTER.inner.numbers)
    assert np.signbit(back.inner.numbers[1, 0])
    assert not back.inner.numbers.flags.writeable


def test_an_axis_that_starts_empty_may_have_grown_and_no_other():
    grown = replace(OUTER, grows=np.arange(5))
    np.testing.assert_array_equal(load_state(save_state(grown), like=OUTER).grows, np.arange(5))
    wider = replace(OUTER, inner=Inner(numbers=np.zeros((3, 2))))
    with pytest.raises(ModelError, match=r"inner.numbers is float64\[3, 2\], due is float64\[2, 2\]"):
        load_state(save_state(wider), like=OUTER)
    other = replace(OUTER, inner=Inner(numbers=np.zeros((2, 2), dtype=np.int64)))
    with pytest.raises(ModelError, match="int64"):
        load_state(save_state(other), like=OUTER)


def test_what_cannot_be_stored_without_pickle_is_refused():
    with pytest.raises(ModelError, match="inner is a list"):
        save_state(replace(OUTER, inner=[1, 2]))
    with pytest.raises(ModelError, match="grows is a ndarray"):
        save_state(replace(OUTER, grows=np.array([None, {}], dtype=object)))


def test_the_version_is_checked_before_anything_is_read():
    stored = save_state(BetaThompson(options=2).start())
    with pytest.raises(ModelError, match="no stored state of this version"):
        load_state(stored.replace(b"state 1", b"state 2"), like=BetaThompson(options=2).start())


def outcomes(names):
    return [Outcome(option=0, units=0.0, id=name) for name in names]


def test_ids_are_remembered_for_a_window_and_not_longer():
    seen, new = fresh(SeenIds.none(4), outcomes(["a", "b", "a", None, None, "c"]))
    assert [outcome.id for outcome in new] == ["a", "b", None, None, "c"]
    seen, new = fresh(seen, outcomes(["d", "e", "b"]))
    assert [outcome.id for outcome in new] == ["d", "e"]
    # Five were seen: the ring of four holds b to e.
    assert len(fresh(seen, outcomes(["b", "c", "d", "e"]))[1]) == 0
    assert len(fresh(seen, outcomes(["a"]))[1]) == 1


def test_a_batch_larger_than_the_window_keeps_its_latest_ids():
    names = [str(at) for at in range(11)]
    seen, new = fresh(SeenIds.none(4), outcomes(names))
    assert len(new) == 11
    assert len(fresh(seen, outcomes(names[-4:]))[1]) == 0
    one_by_one = SeenIds.none(4)
    for outcome in outcomes(names):
        one_by_one, _ = fresh(one_by_one, [outcome])
    np.testing.assert_array_equal(one_by_one.digests, seen.digests)
    assert one_by_one.count == seen.count == 11
