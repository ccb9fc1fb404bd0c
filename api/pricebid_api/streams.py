"""Progress of a job as server-sent events, resumed where a reader broke off."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import orjson
from starlette.responses import StreamingResponse

from pricebid.store.job_events import events
from pricebid_api.errors import Problem
from pricebid_api.schemas.base import at_time

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.types import Receive, Scope, Send

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

    def leave(self) -> None:
        """Give a place back."""
        self.open -= 1

    async def follow(self, db: Store, job_id: str, after: int) -> AsyncIterator[bytes]:
        """Yield a job's events from the one after ``after`` until it has ended, the reader leaves or the service stops."""
        begun = said = time.monotonic()
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


class Follow(StreamingResponse):
    """Sends a stream, and holds its place until it has ended, also where the reader left before anything was sent.

    Parameters
    ----------
    streams : Streams
        Whose place it takes.
    events : async iterator of bytes
        What is sent.

    Raises
    ------
    Problem
        503 where all places are taken.
    """

    def __init__(self, streams: Streams, events: AsyncIterator[bytes]) -> None:
        streams.enter()
        self._streams = streams
        super().__init__(events, media_type="text/event-stream")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._streams.leave()


def _lines(event: JobEvent) -> bytes:
    data = orjson.dumps({**event.data, "job": event.job_id, "at": at_time(event.at)}, default=str)
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (event.id, event.kind.encode(), data)
