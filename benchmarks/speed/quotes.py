"""What a quote costs in memory and time: built from a plan's files, asked for one item and for many, tokens signed.

The baseline in the same run is writing the same answer as JSON and reading it again (orjson): what any service pays that says as
much. Memory is that of a process that builds a snapshot of offers with a sku of their own each, and then holds nothing else.
"""

from __future__ import annotations

import argparse
import gc
import io
import json
import os
import resource
import subprocess
import sys
from itertools import product
from pathlib import Path
from time import perf_counter, process_time
from typing import TYPE_CHECKING

import numpy as np

from pricebid.live import (
    BidItems,
    BudgetBook,
    Exploration,
    MemoryLeases,
    PlanPrices,
    QuoteItems,
    ShopPrices,
    Signer,
    build_bids,
    build_prices,
    quote,
    quote_bids,
)
from pricebid.live.keys import OfferKeys
from pricebid.tables import Settings
from pricebid.tables.identify import new_id

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pricebid.live import PriceSnapshot

NOW = 1_780_000_000_000_000
OPTIONS = 5
SIGNER = Signer(shop="north", keys={1: bytes(range(32))}, current=1)


def plan_files(offers: int) -> dict[str, bytes]:
    """Files of a plan with so many offers, as a plan writes them, and the shop's current prices."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    rng = np.random.default_rng(0)
    price = np.round(rng.uniform(2, 100, offers), 2)
    columns = {"sku": [f"SKU-{at:08d}" for at in range(offers)], "region": [f"region {at % 5}" for at in range(offers)]}
    stream = io.BytesIO()
    pq.write_table(pa.table({**columns, "price": price, "cost": price / 2}), stream)
    told = {"id": new_id(), "start": "2026-05-01", "horizon": 8, "period": "week"}
    none = np.full(offers, np.nan)
    now = ShopPrices(
        keys=OfferKeys.of(columns), current=np.round(price * 1.1, 2), floor=price / 2, ceiling=none, fixed=none > 0
    )
    return {
        "plan.json": json.dumps(told).encode(),
        "prices.parquet": stream.getvalue(),
        "quotes.parquet": now.to_bytes(),
    }


def built(files: Mapping[str, bytes], *, explored: bool) -> PriceSnapshot:
    """Snapshot as a worker builds it."""
    settings = Settings(currency="EUR", timezone="Europe/Berlin")
    from pricebid.live import Clock

    plan = PlanPrices.from_files(files, clock=Clock(settings.timezone))
    laws = []
    if explored:
        price = plan.price[:, None] * np.linspace(0.95, 1.05, OPTIONS)
        chance = np.tile(np.array([0.05, 0.1, 0.7, 0.1, 0.05]), (len(price), 1))
        laws.append(Exploration(plan=plan.id, keys=plan.keys, price=price, probability=chance))
    now = ShopPrices.from_bytes(files["quotes.parquet"])
    return build_prices("north", settings, now=now, plans=[plan], exploration=laws)


def resident() -> float:
    """Megabytes that this process holds now."""
    status = Path("/proc/self/statm")
    if status.exists():
        return int(status.read_text(encoding="utf-8").split()[1]) * resource.getpagesize() / 1e6
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


def child(folder: Path, *, explored: bool) -> dict[str, float]:
    """Build a snapshot in this process; seconds and megabytes that it took."""
    import pyarrow as pa

    import pricebid.live.prices  # noqa: F401 - imports are not what is measured

    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    quote_some(built(plan_files(100), explored=explored), 1, 1)
    before, began, worked = resident(), perf_counter(), process_time()
    snapshot = built(files, explored=explored)
    seconds, cpu = perf_counter() - began, process_time() - worked
    gc.collect()
    pa.default_memory_pool().release_unused()
    held, peak = resident() - before, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3 - before
    worked = process_time()
    again = build_again(snapshot, files)
    return {
        "seconds": seconds,
        "cpu": cpu,
        "again": process_time() - worked,
        "megabytes": held,
        "peak": peak,
        "offers": len(again),
    }


def build_again(snapshot: PriceSnapshot, files: Mapping[str, bytes]) -> PriceSnapshot:
    """Snapshot of another plan of the same offers, from files as before."""
    from pricebid.live import Clock

    plan = PlanPrices.from_files(files, clock=Clock("Europe/Berlin"))
    now = ShopPrices.from_bytes(files["quotes.parquet"])
    return build_prices("north", Settings(timezone="Europe/Berlin"), now=now, plans=[plan], previous=snapshot)


def quote_some(snapshot: PriceSnapshot, size: int, requests: int) -> tuple[float, float]:
    """CPU microseconds per request of quotes, and of the same answers written and read as JSON."""
    import orjson

    rng = np.random.default_rng(1)
    picked = rng.integers(0, len(snapshot.index.sku), (requests, size))
    asked = [
        QuoteItems(
            # Texts of their own, as a request brings them: their hashes are not known yet.
            sku=[snapshot.index.sku[at].encode().decode() for at in row],
            region=[snapshot.index.groups[snapshot.index.group[at]][0].encode().decode() for at in row],
        )
        for row in picked
    ]
    began = process_time()
    answers = [quote(snapshot, items, now=NOW, rng=rng, signer=SIGNER) for items in asked]
    ours = process_time() - began
    names = ("sku", "region", "price", "currency", "source", "plan", "decision_id", "propensity")
    said = [
        {"items": [
            dict(zip(names, row, strict=True))
            for row in zip(items.sku, items.region, one.price, ["EUR"] * size, one.source, one.plan, one.decision_id, one.propensity, strict=True)
        ]}
        for items, one in zip(asked, answers, strict=True)
    ]  # fmt: skip
    assert not any(one.errors for one in answers)  # noqa: S101 - errors would be cheap answers
    began = process_time()
    for one in said:
        orjson.loads(orjson.dumps(one))
    return ours / requests * 1e6, (process_time() - began) / requests * 1e6


def bid_some(keywords: int, size: int, requests: int) -> float:
    """CPU microseconds per request of bids, their money set aside."""
    rows = "".join(f"c{at % 20},word {at},exact,1.0,{0.1 + at % 90 / 100:.2f}\n" for at in range(keywords))
    hours = "".join(f"c{campaign},{hour},{1 + hour / 48:.2f}\n" for campaign, hour in product(range(20), range(24)))
    told = {"id": new_id(), "policy": {"bids": {"daily_budget": 1e6, "step": 0.01, "max_bid": 5.0}}}
    files = {
        "plan.json": json.dumps(told).encode(),
        "bids.csv": b"campaign,keyword,match_type,current_bid,bid\n" + rows.encode(),
        "dayparts.csv": b"campaign,hour,multiplier\n" + hours.encode(),
        "adjustments.csv": b"campaign,dimension,value,multiplier\nc1,device,mobile,0.8\n",
    }
    snapshot = build_bids("north", Settings(), files=files)
    book = BudgetBook(MemoryLeases(), clock=snapshot.clock, budgets=snapshot.budgets)
    rng = np.random.default_rng(2)
    asked = [
        BidItems(keyword=[f"word {at}" for at in row], campaign=[f"c{at % 20}" for at in row])
        for row in rng.integers(0, keywords, (requests, size))
    ]
    began = process_time()
    for at, items in enumerate(asked):
        quote_bids(snapshot, items, now=NOW + at * 1_000, signer=SIGNER, budgets=book)
    return (process_time() - began) / requests * 1e6


def verify_some(count: int) -> float:
    """CPU microseconds per token verified."""
    snapshot = built(plan_files(100), explored=False)
    items = QuoteItems(
        sku=snapshot.index.sku * 10, region=[snapshot.index.groups[at][0] for at in snapshot.index.group] * 10
    )
    tokens = [
        token
        for token in quote(snapshot, items, now=NOW, rng=np.random.default_rng(0), signer=SIGNER).decision_id
        if token
    ]
    tokens *= count // len(tokens) + 1
    began = process_time()
    SIGNER.verify_many(tokens, now=NOW, max_age=1)
    return (process_time() - began) / len(tokens) * 1e6


def best(measure: Callable[[], tuple[float, float]], repeat: int) -> tuple[float, float]:
    """Each of the two figures where it was lowest: what other work on the machine added is left out."""
    found = [measure() for _ in range(repeat)]
    return min(ours for ours, _ in found), min(theirs for _, theirs in found)


def main(arguments: Sequence[str] | None = None) -> list[dict[str, object]]:
    """Print the tables and return their rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--offers", type=int, default=1_000_000)
    parser.add_argument("--items", type=int, nargs="+", default=[1, 1_000], help="items per request")
    parser.add_argument("--quotes", type=int, default=20_000, help="items quoted per measurement")
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--explored", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args(arguments)
    if asked.child:
        print(json.dumps(child(asked.child, explored=asked.explored)))
        return []
    rows: list[dict[str, object]] = []
    files = plan_files(asked.offers)
    print(
        f"{'exploration':12} {'offers':>10} {'build s':>8} {'CPU s':>7} {'same offers CPU s':>18} {'MB':>7} {'MB per 1 M':>11} {'peak MB':>8}"
    )
    for explored in (False, True):
        told = in_a_process(files, explored=explored)
        per = told["megabytes"] * 1e6 / asked.offers
        rows.append({"measure": "build", "explored": explored, **told, "megabytes_per_million": per})
        print(
            f"{'all offers' if explored else 'none':12} {asked.offers:>10,} {told['seconds']:>8.2f} {told['cpu']:>7.2f} {told['again']:>18.2f} "
            f"{told['megabytes']:>7.0f} {per:>11.0f} {told['peak']:>8.0f}",
            flush=True,
        )
    print(
        f"\n{'exploration':12} {'items':>7} {'us / request':>13} {'us / item':>10} {'items / s':>11} {'orjson us':>10} {'ratio':>6}"
    )
    for explored in (False, True):
        snapshot = built(files, explored=explored)
        for size in asked.items:
            requests = max(asked.quotes // size, 1)
            ours, theirs = best(
                lambda size=size, requests=requests, held=snapshot: quote_some(held, size, requests), asked.repeat
            )
            rows.append(
                {"measure": "quote", "explored": explored, "items": size, "microseconds": ours, "orjson": theirs}
            )
            print(
                f"{'all offers' if explored else 'none':12} {size:>7,} {ours:>13.1f} {ours / size:>10.2f} {size * 1e6 / ours:>11,.0f} "
                f"{theirs:>10.1f} {ours / theirs:>6.2f}",
                flush=True,
            )
    print()
    for size in asked.items:
        each, _ = best(lambda size=size: (bid_some(1_000, size, max(asked.quotes // 4 // size, 1)), 0.0), asked.repeat)
        rows.append({"measure": "bid", "items": size, "microseconds": each})
        print(f"bids, {size:,} a request: {each:.1f} us, {each / size:.2f} us each")
    each, _ = best(lambda: (verify_some(asked.quotes), 0.0), asked.repeat)
    rows.append({"measure": "verify", "microseconds": each})
    print(f"tokens verified: {each:.2f} us each")
    return rows


def in_a_process(files: Mapping[str, bytes], *, explored: bool) -> dict[str, float]:
    """Build in a process of its own, so that nothing else is counted."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        for name, data in files.items():
            (Path(folder) / name).write_bytes(data)
        command = [
            sys.executable,
            "-m",
            "benchmarks.speed.quotes",
            "--child",
            folder,
            *(["--explored"] if explored else []),
        ]
        done = subprocess.run(
            command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2], env=os.environ
        )
    told: dict[str, float] = json.loads(done.stdout)
    return told


if __name__ == "__main__":
    main()
