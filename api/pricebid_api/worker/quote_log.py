"""The quote log as learners read it: once, forward, up to a moment by which records have arrived."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pricebid import store
from pricebid_api.entries import words_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from pricebid.live.clock import Clock
    from pricebid.store import FeedbackEvent
    from pricebid_api.worker.work import Work

GRACE = 5_000_000
"""Microseconds after which a record is taken to have arrived: workers write a few times a second. One that comes later is not
counted, which takes the same share of every price."""
_RECORDS = 500
_QUARTER = 900_000_000
_DIGEST = re.compile("[0-9a-f]{16}").fullmatch


@dataclass(frozen=True, kw_only=True)
class Place:
    """How far the log has been read: time and id of a record."""

    at: int = 0
    last: str = ""


@dataclass(frozen=True, kw_only=True, eq=False)
class Shown:
    """Prices that were given out, one row each.

    Parameters
    ----------
    plan : uint64[quote, 2]
        Words of the plan's id.
    item : uint64[quote]
        Digest of the offer.
    option : int64[quote]
        Option of a law; -1 where none was drawn.
    price : float64[quote]
        Money.
    at : int64[quote]
        When, microseconds.
    """

    plan: NDArray[np.uint64]
    item: NDArray[np.uint64]
    option: NDArray[np.int64]
    price: NDArray[np.float64]
    at: NDArray[np.int64]

    @classmethod
    def of(cls, words: NDArray[np.uint64]) -> Shown:
        """Read words of decision tokens, uint64[quote, 7]; see `pricebid.live.tokens`."""
        first, second = words[:, 0], words[:, 1]
        decimals = (second & np.uint64(0xF)).astype(np.int64)
        return cls(
            plan=words[:, 3:5],
            item=words[:, 5],
            option=(first & np.uint64(0xFFFF)).astype(np.int64) - 1,
            price=(second >> np.uint64(20)).astype(np.float64) / 10.0**decimals,
            at=(first >> np.uint64(16)).astype(np.int64) * 1_000,
        )


def shown_since(work: Work, place: Place, *, now: int | None = None) -> Iterator[tuple[Shown, Place]]:
    """Give what was quoted since a place, portion by portion, each with the place after it."""
    before = (store.now() if now is None else now) - GRACE
    while True:
        work.signals.check()
        found = store.next_decisions(
            work.db, work.job.shop, kind="price", after=(place.at, place.last), before=before, limit=_RECORDS
        )
        if not found:
            return
        place = Place(at=found[-1].at, last=found[-1].id)
        yield Shown.of(np.concatenate([words_of(one.items) for one in found])), place
        if len(found) < _RECORDS:
            return


def digests_of(events: Sequence[FeedbackEvent]) -> NDArray[np.uint64]:
    """Give the digest of the offer that each event's decision was about, uint64[event]; 0, which is no offer's, where it names none."""
    return np.array([int(one.item, 16) if _DIGEST(one.item) else 0 for one in events], dtype=np.uint64)


def days(clock: Clock, at: NDArray[np.int64]) -> NDArray[np.int64]:
    """Give the local days of instants as days since 1970, int64[instant]."""
    quarter, where = np.unique(at // _QUARTER, return_inverse=True)
    day = [np.datetime64(clock.day(int(one) * _QUARTER)).astype(np.int64) for one in quarter]
    return np.array(day, dtype=np.int64)[where]
