"""CPU time of the server per quote request, beside the bare endpoint of `bare.py`: ``python -m benchmarks.load.cpu``.

Both are served by uvicorn with the same event loop and HTTP parser; one keep-alive connection sends requests one after
the other, and the server process' own CPU time is divided by their number. The service checks a key, counts, logs,
signs each decision and keeps the quote log meanwhile.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np

from pricebid import store
from pricebid.live.keys import OfferKeys
from pricebid.live.prices import FILE, ShopPrices
from pricebid.tables.identify import new_id

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

OFFERS = 10_000
SHOP = "bench"


def main(arguments: Sequence[str] | None = None) -> list[dict[str, object]]:
    """Measure and print; gives the rows."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load.cpu", description=__doc__.split("\n")[0])
    parser.add_argument("--seconds", type=float, default=3.0, help="how long each case is driven")
    parser.add_argument("--rounds", type=int, default=3, help="how often; the least of them counts")
    seconds, rounds = (given := parser.parse_args(arguments)).seconds, given.rounds
    rows: dict[int, dict[str, float]] = {}
    with TemporaryDirectory() as home:
        key = prepare(Path(home))
        with (
            serving(["benchmarks.load.bare:app"], {}) as bare,
            serving(["pricebid_api.app:from_environment", "--factory"], {"PRICEBID_HOME": home}) as ours,
        ):
            for count in (1, 1000):
                body = asked(count)
                cases = {
                    "bare, pydantic": (bare, request("/pydantic", body)),
                    "bare, msgspec": (bare, request("/msgspec", body)),
                    "quotes": (ours, request(f"/v1/shops/{SHOP}/quotes", body, key)),
                }
                rows[count] = {
                    name: min(cpu(*server, message, seconds) for _ in range(rounds))
                    for name, (server, message) in cases.items()
                }
    table: list[dict[str, object]] = []
    for count, found in rows.items():
        least = found["bare, pydantic"]
        for name, each in found.items():
            table.append({"items": count, "what": name, "milliseconds": each * 1e3, "of_bare": each / least})
            print(
                f"{count:>5} items  {name:<15} {each * 1e3:8.3f} ms CPU  {each / least:5.2f} x bare  {count / each:12,.0f} items/s of one core"
            )
    return table


def prepare(
    home: Path, offers: int = OFFERS, *, database_url: str | None = None, scopes: Sequence[str] = ("quote",)
) -> str:
    """Publish a plan of made-up prices in a store, and give a key that may ask for quotes."""
    rng = np.random.default_rng(0)
    skus = [f"sku-{at:07d}" for at in range(offers)]
    price = np.round(rng.uniform(1.0, 100.0, offers), 2)
    keys = {"sku": skus, "region": ["north"] * offers}
    prices = ShopPrices(
        keys=OfferKeys.of(keys),
        current=price,
        floor=price * 0.8,
        ceiling=np.full(offers, np.nan),
        fixed=np.zeros(offers, dtype=bool),
    )
    today = time.strftime("%Y-%m-%d", time.gmtime(time.time() - 86_400))
    plan = {"id": new_id(), "start": today, "horizon": 30, "period": "day", "policy": {"objective": "units"}}
    csv = "sku,region,price\n" + "".join(
        f"{sku},north,{value * 0.95:.2f}\n" for sku, value in zip(skus, price, strict=True)
    )
    files = {"plan.json": json.dumps(plan).encode(), "prices.csv": csv.encode(), FILE: prices.to_bytes()}
    db = store.open_store(database_url or home)
    try:
        store.put_shop(db, SHOP, by="bench", settings={"currency": "EUR"})
        facts = store.PlanFacts(solution="optimal", items=offers)
        info = store.add_plan(db, SHOP, "price", files=files, facts=facts, by="bench")
        store.approve_plan(db, SHOP, info.id, by="bench")
        store.publish_plan(db, SHOP, info.id, by="bench")
        return store.create_key(db, shop=SHOP, scopes=scopes, name="bench", by="bench")[0]
    finally:
        db.close()


def asked(count: int) -> bytes:
    """Give a body that asks for so many prices."""
    return json.dumps(
        {"items": [{"sku": f"sku-{at * 7 % OFFERS:07d}", "region": "north"} for at in range(count)]}
    ).encode()


def request(path: str, body: bytes, key: str = "") -> bytes:
    """Give a whole request as it goes over the wire."""
    lines = [
        f"POST {path} HTTP/1.1",
        "Host: localhost",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
    ]
    lines += [f"Authorization: Bearer {key}"] if key else []
    return "\r\n".join([*lines, "", ""]).encode() + body


@contextmanager
def serving(what: list[str], environment: dict[str, str]) -> Iterator[tuple[int, int]]:
    """Serve an application in a process of its own; yields its port and process id."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "uvicorn", *what, "--port", str(port), "--no-access-log", "--log-level", "warning"]
    env = {**os.environ, "OPENBLAS_NUM_THREADS": "1", **environment}
    with subprocess.Popen(command, env=env, stderr=subprocess.DEVNULL) as process:
        try:
            for _ in range(200):
                try:
                    socket.create_connection(("127.0.0.1", port)).close()
                    break
                except OSError:
                    time.sleep(0.1)
            yield port, process.pid
        finally:
            process.terminate()


def cpu(port: int, process: int, message: bytes, seconds: float) -> float:
    """Give the CPU seconds that a server spends on one request."""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for _ in range(20):
            exchange(connection, message)
        begun, before, count = time.monotonic(), spent(process), 0
        while time.monotonic() - begun < seconds:
            exchange(connection, message)
            count += 1
        time.sleep(0.6)  # what is written behind is this load's too
        return (spent(process) - before) / count


def exchange(connection: socket.socket, message: bytes) -> bytes:
    """Send a request and read its answer whole."""
    connection.sendall(message)
    data = connection.recv(65_536)
    head, _, body = data.partition(b"\r\n\r\n")
    if b" 200 " not in head.split(b"\r\n", 1)[0]:
        raise RuntimeError(data[:500])
    length = int(head.lower().split(b"content-length:", 1)[1].split(b"\r\n", 1)[0])
    parts, have = [body], len(body)
    while have < length:
        parts.append(connection.recv(1 << 20))
        have += len(parts[-1])
    return b"".join(parts)


def spent(process: int) -> float:
    """Give the CPU seconds of a process so far."""
    fields = Path(f"/proc/{process}/stat").read_text(encoding="utf8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
