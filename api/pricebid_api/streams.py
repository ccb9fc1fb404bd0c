"""Progress of a job as server-sent events, resumed where a reader broke off."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from typing import TYPE_CHECKING

import orjson
from starlette.responses import StreamingResponse

from pricebid.errors import PricebidError
from pricebid.store import jobs
from pricebid.store.job_events import events
from pricebid_api.errors import Problem
from pricebid_api.schemas.base import at_time

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from starlette.types import Receive, Scope, Send

    from pricebid.store import Store
    from pricebid.store.job_events import JobEvent

_LOOK_SECONDS = 0.25
_ALIVE_SECONDS = 15.0
_SHARES = 4  # at most one part in so many of the places is one caller's
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
        self._share = max(1, most // _SHARES)
        self._of: Counter[str] = Counter()
        self.closing = asyncio.Event()

    @property
    def open(self) -> int:
        """How many are open."""
        return self._of.total()

    def enter(self, whose: str) -> None:
        """Take a place.

        Parameters
        ----------
        whose : str
            By whom it is counted.

        Raises
        ------
        Problem
            503 where all are taken, 429 where one has a quarter of them.
        """
        if self.open >= self._most:
            raise Problem(503, "busy", "Too many progress streams are open; ask GET /v1/jobs/{id} instead.")
        if self._of[whose] >= self._share:
            detail = f"You have {self._share} progress streams open already; ask GET /v1/jobs/{{id}} instead."
            raise Problem(429, "too_many", detail, headers={"Retry-After": "5"})
        self._of[whose] += 1

    def leave(self, whose: str) -> None:
        """Give a place back."""
        self._of[whose] -= 1
        if not self._of[whose]:
            del self._of[whose]

    async def follow(
        self, db: Store, job_id: str, after: int, *, holds: Callable[[], Awaitable[bool]]
    ) -> AsyncIterator[bytes]:
        """Yield a job's events until it has ended, the reader leaves or may read no more, or the service stops.

        Parameters
        ----------
        db : Store
            Where they are.
        job_id : str
            The job.
        after : int
            The last event that the reader has.
        holds : callable
            Tells whether the reader would still be let in.
        """
        begun = said = time.monotonic()
        yield b"retry: 1000\n\n"
        while not self.closing.is_set() and time.monotonic() - begun < _LONGEST_SECONDS:
            try:
                if not await holds():
                    return
                found = await asyncio.to_thread(events, db, job_id, after=after)
            except PricebidError:  # it is too late for a status; the reader comes back, and is told what is wrong
                return
            for event in found:
                yield _lines(event)
                after, said = event.id, time.monotonic()
                if event.last:
                    return
            if found:
                continue
            if time.monotonic() - said > _ALIVE_SECONDS:
                if not await asyncio.to_thread(_is_there, db, job_id):  # its shop was erased
                    return
                yield b": still here\n\n"
                said = time.monotonic()
            await asyncio.sleep(_LOOK_SECONDS)


class Follow(StreamingResponse):
    """Sends a stream, and holds its place until it has ended, also where the reader left before anything was sent.

    Parameters
    ----------
    streams : Streams
        Whose place it takes.
    whose : str
        By whom the place is counted.
    events : async iterator of bytes
        What is sent.

    Raises
    ------
    Problem
        503 where all places are taken, 429 where one has a quarter of them.
    """

    def __init__(self, streams: Streams, whose: str, events: AsyncIterator[bytes]) -> None:
        streams.enter(whose)
        self._streams, self._whose = streams, whose
        super().__init__(events, media_type="text/event-stream")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._streams.leave(self._whose)


def _is_there(db: Store, job_id: str) -> bool:
    try:
        jobs.get_job(db, job_id)
    except PricebidError:
        return False
    return True


def _lines(event: JobEvent) -> bytes:
    data = orjson.dumps({**event.data, "job": event.job_id, "at": at_time(event.at)}, default=str)
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (event.id, event.kind.encode(), data)
