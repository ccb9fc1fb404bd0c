"""Limits on what one caller may ask: requests per second (a token bucket in memory) and the size of a body."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from starlette.requests import ClientDisconnect

from pricebid_api.errors import Problem, too_large

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from starlette.requests import Request

_MOST_BUCKETS = 10_000


class Buckets:
    """One token bucket per caller, in this worker's memory.

    Parameters
    ----------
    rate : float
        Tokens that come back per second.
    burst : float
        Most tokens of a bucket.
    clock : callable
        Seconds, never going back.
    """

    def __init__(self, rate: float, burst: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._burst = max(burst, 1.0)
        self._clock = clock
        self._held: dict[Hashable, tuple[float, float]] = {}

    def take(self, caller: Hashable, count: float = 1.0) -> float:
        """Take tokens; 0 where they were there, else the seconds until they will be (and nothing is taken)."""
        now = self._clock()
        tokens, since = self._held.get(caller, (self._burst, now))
        tokens = min(self._burst, tokens + (now - since) * self._rate)
        if tokens < count:
            self._held[caller] = (tokens, now)
            return (count - tokens) / self._rate if self._rate else 1.0
        if len(self._held) >= _MOST_BUCKETS and caller not in self._held:
            self._forget()
        self._held[caller] = (tokens - count, now)
        return 0.0

    def _forget(self) -> None:
        """Drop the older half: a caller who comes back finds a full bucket, as one who waited would."""
        oldest = sorted(self._held, key=lambda caller: self._held[caller][1])
        for caller in oldest[: _MOST_BUCKETS // 2]:
            del self._held[caller]


async def read_body(request: Request, limit: int) -> bytes:
    """Read a JSON body, at most ``limit`` bytes of it.

    Raises
    ------
    Problem
        413 where it is larger; 415 where it does not say that it is JSON.
    """
    head = request.scope["head"]
    kind = head.get(b"content-type", b"")
    if not kind.startswith(b"application/json"):
        # A web page can send other types to a service on this machine without asking; JSON it cannot.
        raise Problem(415, "not_json", f"Content-Type {kind[:80].decode('latin1')!r} must be application/json.")
    declared = head.get(b"content-length", b"")
    if declared.isdigit():
        if int(declared) > limit:
            raise too_large(limit)
        # The server reads no more than was declared; a body of one piece, as nearly all are, is taken as it comes.
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        body: bytes = message.get("body", b"")
        return body + await request.body() if message.get("more_body") else body
    pieces = bytearray()
    async for chunk in request.stream():
        pieces += chunk
        if len(pieces) > limit:
            raise too_large(limit)
    return bytes(pieces)
