"""Feedback on its way to the store: requests that wait at the same time are committed together, each told its own result."""

from __future__ import annotations

import asyncio
from collections import Counter
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pricebid import store
from pricebid_api.shops import get_shop

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pricebid.store import FeedbackEvent, Store
    from pricebid_api.writer import Writer

_MOST_TOGETHER = 20_000  # events of one transaction


@dataclass(frozen=True, kw_only=True)
class Kept:
    """What became of one request's events.

    Parameters
    ----------
    accepted, duplicates : int
        New events, now on the disk; and known ones.
    """

    accepted: int
    duplicates: int


@dataclass(frozen=True)
class _Asked:
    shop: str
    make: Callable[[], Sequence[FeedbackEvent]]
    done: Future[Kept] = field(default_factory=Future)


class Inbox:
    """Takes the events of requests, and commits them in groups.

    While one group is being written, the next one gathers: no request waits for company, and under load the cost of a
    commit is shared by all who came meanwhile.

    Parameters
    ----------
    db : Store
        Where they go.
    writer : Writer
        The thread that writes.
    """

    def __init__(self, db: Store, writer: Writer) -> None:
        self._db = db
        self._writer = writer
        self._waiting: list[_Asked] = []

    async def put(self, shop: str, make: Callable[[], Sequence[FeedbackEvent]]) -> Kept:
        """Keep a request's events; returns once they are committed.

        Parameters
        ----------
        shop : str
            Whose.
        make : callable
            Gives the events; called in the writer's thread, since verifying ten thousand tokens takes a while.

        Raises
        ------
        NotFound
            There is no such shop.
        """
        asked = _Asked(shop, make)
        self._waiting.append(asked)
        await self._writer.run(self._drain)
        return await asyncio.wrap_future(asked.done)

    def _drain(self) -> None:
        """Write all who wait; a request that an earlier call took along finds nothing left to do."""
        waiting, self._waiting = self._waiting, []
        groups: dict[str, list[tuple[_Asked, Sequence[FeedbackEvent]]]] = {}
        for asked in waiting:
            try:
                events = asked.make()
            except Exception as error:  # noqa: BLE001 - it is this request's, and not the others'
                asked.done.set_exception(error)
                continue
            group = groups.setdefault(asked.shop, [])
            if sum(len(one) for _, one in group) + len(events) > _MOST_TOGETHER:
                self._commit(asked.shop, group)
                group.clear()
            group.append((asked, events))
        for shop, group in groups.items():
            self._commit(shop, group)

    def _commit(self, shop: str, group: Sequence[tuple[_Asked, Sequence[FeedbackEvent]]]) -> None:
        together = [event for _, events in group for event in events]
        try:
            if together:
                doubles = store.add_feedback(self._db, shop, together).duplicate_ids
            else:
                get_shop(self._db, shop)  # nothing to keep for it, and yet it must be there
                doubles = ()
        except Exception as error:  # noqa: BLE001 - each request tells its caller
            for asked, _ in group:
                asked.done.set_exception(error)
            return
        results = share([events for _, events in group], doubles)
        for (asked, _), kept in zip(group, results, strict=True):
            asked.done.set_result(kept)


def share(requests: Sequence[Sequence[FeedbackEvent]], duplicate_ids: Sequence[str]) -> list[Kept]:
    """Tell each request of a group its own result: of events named alike the first is the one that counts."""
    left = Counter(duplicate_ids)
    found = []
    for events in reversed(requests):
        doubles = 0
        for event in reversed(events):
            if left[event.event_id]:
                left[event.event_id] -= 1
                doubles += 1
        found.append(Kept(accepted=len(events) - doubles, duplicates=doubles))
    return found[::-1]
