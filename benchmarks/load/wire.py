"""A load client of its own: keep-alive connections, whole requests made beforehand, latencies from when each was due."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence

    from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What a load showed.

    Parameters
    ----------
    latency : float64[request]
        Seconds from when a request was due (or sent, where it was sent as soon as possible) to the last byte of its answer.
    seconds : float
        How long the load lasted.
    """

    latency: NDArray[np.float64]
    seconds: float

    @property
    def rate(self) -> float:
        """Requests per second."""
        return len(self.latency) / self.seconds

    def quantile(self, share: float) -> float:
        """Give a quantile of the latencies, seconds."""
        return float(np.quantile(self.latency, share))


async def flood(port: int, messages: Sequence[bytes], *, connections: int, seconds: float) -> Measured:
    """Send as fast as answers come, each connection one request after the other."""
    found: list[float] = []
    begun = time.perf_counter()

    async def drive(number: int) -> None:
        async with _connected(port) as exchange:
            at = number
            while time.perf_counter() - begun < seconds:
                sent = time.perf_counter()
                await exchange(messages[at % len(messages)])
                found.append(time.perf_counter() - sent)
                at += connections

    await asyncio.gather(*(drive(number) for number in range(connections)))
    return Measured(latency=np.array(found), seconds=time.perf_counter() - begun)


async def spread(
    port: int, messages: Sequence[bytes], *, connections: int, rate: float, seconds: float, rng: np.random.Generator
) -> Measured:
    """Send at a rate, at moments of a Poisson process; a request that has to wait for a connection is late from its due time on."""
    due = np.cumsum(rng.exponential(1 / rate, int(rate * seconds)))
    waiting: Iterator[float] = iter(due.tolist())
    found: list[float] = []
    begun = time.perf_counter()

    async def drive(number: int) -> None:
        async with _connected(port) as exchange:
            for moment in waiting:  # whoever is free takes the next one
                left = begun + moment - time.perf_counter()
                if left > 0:
                    await asyncio.sleep(left)
                await exchange(messages[number % len(messages)])
                found.append(time.perf_counter() - begun - moment)

    await asyncio.gather(*(drive(number) for number in range(connections)))
    return Measured(latency=np.array(found), seconds=time.perf_counter() - begun)


async def each(port: int, messages: Sequence[bytes], *, connections: int) -> tuple[Measured, list[bytes]]:
    """Send every message once; gives the answers too."""
    waiting = iter(messages)
    found: list[float] = []
    answers: list[bytes] = []
    begun = time.perf_counter()

    async def drive() -> None:
        async with _connected(port) as exchange:
            for message in waiting:
                sent = time.perf_counter()
                answers.append(await exchange(message))
                found.append(time.perf_counter() - sent)

    await asyncio.gather(*(drive() for _ in range(connections)))
    return Measured(latency=np.array(found), seconds=time.perf_counter() - begun), answers


class _Exchange:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def __call__(self, message: bytes) -> bytes:
        """Send a request; gives the body of its answer.

        Raises
        ------
        RuntimeError
            The answer is not 200.
        """
        self._writer.write(message)
        head = await self._reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
        body = await self._reader.readexactly(length)
        if b" 200 " not in head[:20]:
            raise RuntimeError((head + body)[:500])
        return body


@asynccontextmanager
async def _connected(port: int) -> AsyncIterator[_Exchange]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**22)
    try:
        yield _Exchange(reader, writer)
    finally:
        writer.close()
        await writer.wait_closed()
