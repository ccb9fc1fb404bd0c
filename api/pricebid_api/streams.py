"""Progress of a job as server-sent events, resumed where a reader broke off."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import orjson

from pricebid.store.job_events import events
from pricebid_api.errors import Problem
from pricebid_api.schemas.base import at_time

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from pricebid.store import Store
    from pricebid.store.job_events import JobEvent

_LOOK_SECONDS = 0.25
_ALIVE_SECONDS = 15.0
_LONGEST_SECONDS = 3600.0  # a reader that wants more comes back, and is let in anew


class Streams:
    """The streams that this worker serves.

    Parameters
    ----------
    most : int
        How many at once.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self.open = 0
        self.closing = asyncio.Event()

    def enter(self) -> None:
        """Take a place.

        Raises
        ------
        Problem
            503 where all are taken.
        """
        if self.open >= self._most:
            raise Problem(503, "busy", "Too many progress streams are open; ask GET /v1/jobs/{id} instead.")
        self.open += 1

    async def follow(self, db: Store, job_id: str, after: int) -> AsyncIterator[bytes]:
        """Yield a job's events from the one after ``after`` until it has ended, the reader leaves or the service stops."""
        begun = said = time.monotonic()
        try:
            yield b"retry: 1000\n\n"
            while not self.closing.is_set() and time.monotonic() - begun < _LONGEST_SECONDS:
                found = await asyncio.to_thread(events, db, job_id, after=after)
                for event in found:
                    yield _lines(event)
                    after, said = event.id, time.monotonic()
                    if event.last:
                        return
                if found:
                    continue
                if time.monotonic() - said > _ALIVE_SECONDS:
                    yield b": still here\n\n"
                    said = time.monotonic()
                await asyncio.sleep(_LOOK_SECONDS)
        finally:
            self.open -= 1


def _lines(event: JobEvent) -> bytes:
    data = orjson.dumps({**event.data, "job": event.job_id, "at": at_time(event.at)}, default=str)
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (event.id, event.kind.encode(), data)
