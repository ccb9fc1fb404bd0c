"""What one server process on one core carries: ``python -m benchmarks.load.capacity``.

Quotes of one item and of a thousand as fast as they are answered, then at half of the floor with their latencies, and
feedback into each database; the client has another core. Last, what a million offers take of a worker's memory.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import time
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np
from benchmarks.load import wire
from benchmarks.load.cpu import OFFERS, SHOP, asked, prepare, request, spent
from benchmarks.load.deployment import Deployment

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from benchmarks.load.wire import Measured

_FLOORS = {1: 1500.0, 1000: 100_000.0}  # items per second of one core
_CONNECTIONS = {1: 16, 1000: 4}
_BATCH = 5_000


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the table.

    Parameters
    ----------
    what : str
        Which load.
    rate : float
        Items or events per second.
    p50, p99 : float
        Milliseconds; NaN where they are not asked.
    core : float
        Share of one core that the server used.
    floor : str
        What is asked for.
    """

    what: str
    rate: float
    p50: float
    p99: float
    core: float
    floor: str


def main(arguments: Sequence[str] | None = None) -> list[dict[str, object]]:
    """Measure; prints the table and gives its rows."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load.capacity", description=__doc__.split("\n")[0])
    parser.add_argument("--seconds", type=float, default=10.0, help="how long each load lasts")
    parser.add_argument("--events", type=int, default=200_000, help="of feedback")
    parser.add_argument("--offers", type=int, default=1_000_000, help="whose memory is measured; 0 leaves it out")
    parser.add_argument("--databases", nargs="+", choices=("sqlite", "postgresql"), default=["sqlite", "postgresql"])
    given = parser.parse_args(arguments)
    rows: list[Row] = []
    with TemporaryDirectory(prefix="pricebid-load-") as folder, apart() as cores:
        rows += quotes(Path(folder) / "quotes", given.seconds, cores)
        for database in given.databases:
            if database == "sqlite":
                rows.append(feedback(Path(folder) / "feedback", None, given.events, cores))
            else:
                from scripts.with_postgres import running

                with running(durable=True) as url:
                    rows.append(feedback(Path(folder) / "postgres", url, given.events, cores))
        print(f"{'':<34} {'per second':>12} {'p50 ms':>8} {'p99 ms':>8} {'of a core':>9}  floor")
        for one in rows:
            print(f"{one.what:<34} {one.rate:>12,.0f} {one.p50:>8.2f} {one.p99:>8.2f} {one.core:>9.0%}  {one.floor}")
        found: list[dict[str, object]] = [asdict(one) for one in rows]
        if given.offers:
            megabytes = memory(Path(folder) / "memory", given.offers, cores) / 1e6
            print(f"{given.offers:,} offers take {megabytes:,.0f} MB of a worker's memory (floor: 500 MB per million)")
            found.append({"what": "memory", "offers": given.offers, "megabytes": megabytes})
    return found


@contextmanager
def apart() -> Iterator[set[int] | None]:
    """Keep this process off one core, and give that one to the server; None where there is only one core."""
    if not hasattr(os, "sched_setaffinity") or len(os.sched_getaffinity(0)) < 2:
        yield None
        return
    before = os.sched_getaffinity(0)
    first = min(before)
    os.sched_setaffinity(0, before - {first})
    try:
        yield {first}
    finally:
        os.sched_setaffinity(0, before)


def _server(home: Path, cores: set[int] | None, database_url: str | None = None) -> Deployment:
    limits = {"rate_per_second": "1e9", "burst": "1e9"}
    return Deployment(home=home, database_url=database_url, settings=limits, cores=cores)


def quotes(home: Path, seconds: float, cores: set[int] | None) -> list[Row]:
    """Quote as fast as possible, then at half of the floor."""
    key = prepare(home)
    server = _server(home, cores)
    server.start()
    rows = []
    try:
        server.wait()
        rng = np.random.default_rng(0)
        for count, floor in _FLOORS.items():
            body = asked(count)
            messages = [request(f"/v1/shops/{SHOP}/quotes", body, key)]
            name = "1 item" if count == 1 else f"{count:,} items"
            many = _CONNECTIONS[count]
            asyncio.run(wire.flood(server.port, messages, connections=many, seconds=1.0))  # warm
            with _used(server) as core:
                most = asyncio.run(wire.flood(server.port, messages, connections=many, seconds=seconds))
            rows.append(_row(f"quotes of {name}, flat out", most, core, count, f"{floor:,.0f}"))
            rate = floor / count / 2
            with _used(server) as core:
                half = asyncio.run(
                    wire.spread(server.port, messages, connections=64, rate=rate, seconds=seconds, rng=rng)
                )
            rows.append(_row(f"quotes of {name}, half of that", half, core, count, "p99 20 ms"))
    finally:
        server.stop()
    return rows


def _row(what: str, load: Measured, core: list[float], count: int, floor: str) -> Row:
    p50, p99 = (load.quantile(share) * 1e3 for share in (0.5, 0.99))
    return Row(what=what, rate=load.rate * count, p50=p50, p99=p99, core=core[0] / load.seconds, floor=floor)


@contextmanager
def _used(server: Deployment) -> Iterator[list[float]]:
    """Give the CPU seconds that the server's process spends in the block, once it is over."""
    assert server.process is not None  # noqa: S101 - it runs
    before, found = spent(server.process.pid), [0.0]
    yield found
    found[0] = spent(server.process.pid) - before


def feedback(home: Path, database_url: str | None, events: int, cores: set[int] | None) -> Row:
    """Tell what came of decisions, every event once."""
    key = prepare(home, database_url=database_url, scopes=("quote", "feedback"))
    server = _server(home, cores, database_url)
    server.start()
    try:
        server.wait()
        message = request(f"/v1/shops/{SHOP}/quotes", asked(1000), key)
        _, answers = asyncio.run(wire.each(server.port, [message] * 10, connections=1))
        tokens = [item["decision_id"] for answer in answers for item in json.loads(answer)["items"]]
        bodies = []
        for first in range(0, events, _BATCH):
            batch = [
                {"event_id": f"event-{at}", "decision_id": tokens[at % len(tokens)], "units": at % 3, "revenue": 9.5}
                for at in range(first, min(first + _BATCH, events))
            ]
            bodies.append(request(f"/v1/shops/{SHOP}/feedback", json.dumps({"events": batch}).encode(), key))
        with _used(server) as core:
            load, answers = asyncio.run(wire.each(server.port, bodies, connections=3))
        accepted = sum(json.loads(answer)["accepted"] for answer in answers)
        if accepted != events:
            raise RuntimeError(f"of {events} events {accepted} were accepted")
    finally:
        server.stop()
    database = "PostgreSQL" if database_url else "SQLite"
    nan = float("nan")
    return Row(
        what=f"feedback events into {database}",
        rate=events / load.seconds,
        p50=nan,
        p99=nan,
        core=core[0] / load.seconds,
        floor="10,000",
    )


def memory(home: Path, offers: int, cores: set[int] | None) -> float:
    """Give the bytes that a worker grows by when it takes up a plan of so many offers, once that is over."""
    held = []
    for count in (OFFERS, offers + OFFERS):
        place = home / str(count)
        key = prepare(place, offers=count)
        server = _server(place, cores)
        server.start()
        try:
            server.wait()
            message = request(f"/v1/shops/{SHOP}/quotes", asked(1), key)
            asyncio.run(wire.flood(server.port, [message], connections=1, seconds=0.5))
            time.sleep(1.0)
            assert server.process is not None  # noqa: S101 - it runs
            held.append(_resident(server.process.pid))
        finally:
            server.stop()
    return held[1] - held[0]


def _resident(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="utf8").split()[1])
    return pages * float(os.sysconf("SC_PAGE_SIZE"))


if __name__ == "__main__":
    main()
