"""What a killed worker leaves of a day's budget that nobody can spend: ``python -m benchmarks.load.held``.

A web worker answers bids under a budget that lasts the day: one bid every few hundred milliseconds, one in ten clicked, every
outcome told within a second; perhaps after a burst. Then it gets SIGKILL, and the ledger says what its slices still hold.
"""

from __future__ import annotations

import argparse
import random
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from benchmarks.load import deployment
from benchmarks.load.deployment import CAMPAIGN, KEYWORDS, SHOP, Deployment
from benchmarks.load.traffic import Caller

from pricebid import store

if TYPE_CHECKING:
    from collections.abc import Sequence

_EVERY, _BID, _CLICKED = 0.3, 0.5, 0.1
_BUDGET = 86_400 / _EVERY * _BID * _CLICKED  # lasts the day


@dataclass(frozen=True, kw_only=True)
class Row:
    """What one kill left.

    Parameters
    ----------
    load : str
        ``calm``, or ``burst`` before the calm.
    seconds : float
        For which the worker had answered.
    slices : int
        Unsettled ones.
    held : float
        Share of the day's budget that they count for.
    unspent : float
        Share of it that they hold and nobody was charged for.
    """

    load: str
    seconds: float
    slices: int
    held: float
    unspent: float


def main(arguments: Sequence[str] | None = None) -> list[dict[str, object]]:
    """Kill a worker so often under each load; gives the rows of the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load.held", description=__doc__.split("\n")[0])
    parser.add_argument("--kills", type=int, default=4, help="under each load")
    parser.add_argument(
        "--seconds", type=float, nargs=2, default=(5.0, 45.0), help="of calm before a kill: least and most"
    )
    parser.add_argument("--burst", type=float, default=3.0, help="seconds of a burst before the calm")
    given = parser.parse_args(arguments)
    rng, rows = random.Random(1), []  # noqa: S311 - moments to kill at
    print(f"{'':<6} {'seconds':>8} {'slices':>7} {'held':>7} {'unspent':>8}", flush=True)
    for load in ("calm", "burst"):
        for _ in range(given.kills):
            with TemporaryDirectory(prefix="pricebid-held-") as folder:
                one = killed(Path(folder), load, rng.uniform(*given.seconds), given.burst if load == "burst" else 0.0)
            rows.append(one)
            print(f"{load:<6} {one.seconds:>8.1f} {one.slices:>7} {one.held:>7.1%} {one.unspent:>8.1%}", flush=True)
        mine = [one for one in rows if one.load == load]
        most, mean = max(one.held for one in mine), sum(one.held for one in mine) / len(mine)
        print(f"{load:<6} held: mean {mean:.1%}, most {most:.1%}", flush=True)
    return [asdict(one) for one in rows]


def killed(folder: Path, load: str, calm: float, burst: float) -> Row:
    """Answer bids for a while, kill the worker, and read the ledger."""
    server = Deployment(home=folder / "home", settings={"heavy": "thread"})
    db = store.open_store(server.store)
    try:
        deployment.open_shop(db)
        deployment.publish(db, deployment.bid_plan(db, budget=_BUDGET, bid=_BID, impressions=0))
        key = store.create_key(db, shop=SHOP, scopes=["quote", "feedback"], name="network", by="load")[0]
        server.start()
        server.wait()
        begun, spent = time.monotonic(), 0.0
        if burst:
            threads = [threading.Thread(target=_bids, args=(server.port, key, at, burst, 0.0, 10)) for at in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        spent += _bids(server.port, key, 9, calm, _EVERY, 1)
        server.kill()
        seconds = time.monotonic() - begun
        server.gone()
        left = store.unsettled(db, SHOP)
        held = sum(one.amount for one in left)
        charged = sum(one.cost or 0.0 for one in store.unfolded(db, SHOP, after=0, limit=1_000_000)[0])
        settled = sum(one.spent for one in store.spend_of(db, SHOP, left[0].day)) if left else 0.0
        unspent = held - max(0.0, charged - settled)
        return Row(load=load, seconds=seconds, slices=len(left), held=held / _BUDGET, unspent=unspent / _BUDGET)
    finally:
        server.kill()
        db.close()


def _bids(port: int, key: str, number: int, seconds: float, every: float, items: int) -> float:
    """Ask for bids for so long; gives what clicks on them cost."""
    rng, caller, spent = random.Random(number), Caller(port, key), 0.0  # noqa: S311 - which auctions are won
    end, events = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        words = [{"keyword": rng.choice(KEYWORDS), "campaign": CAMPAIGN} for _ in range(items)]
        found = caller.call("POST", f"/v1/shops/{SHOP}/bids/quotes", {"items": words})
        outcomes = []
        for one in found[1]["items"] if found and found[0] == 200 else ():
            if one["bid"]:
                events += 1
                clicked = int(rng.random() < _CLICKED)
                outcome = {"event_id": f"{number}-{events}", "decision_id": one["decision_id"], "clicks": clicked}
                outcomes.append(outcome | {"cost": one["bid"] * clicked})
                spent += one["bid"] * clicked
        time.sleep(every)
        if outcomes:
            caller.call("POST", f"/v1/shops/{SHOP}/feedback", {"events": outcomes})
    caller.close()
    return spent


if __name__ == "__main__":
    main()
