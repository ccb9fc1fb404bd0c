"""Several server processes spend one day's budget at once: ``python -m benchmarks.load.race``.

An ad network asks for bids as fast as it gets them, each click costs the whole bid, and every outcome is told at once.
What all clicks together cost must never exceed the budget; and little of it may be left when no bid is given any more.
"""

from __future__ import annotations

import argparse
import random
import threading
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from benchmarks.load import deployment
from benchmarks.load.deployment import CAMPAIGN, KEYWORDS, SHOP, Deployment
from benchmarks.load.traffic import Caller
from sqlalchemy import select

from pricebid import store
from pricebid.store.schema import leases

if TYPE_CHECKING:
    from collections.abc import Sequence

_QUIET_SECONDS = 4.0


@dataclass(kw_only=True)
class Spending:
    """What an ad network sees.

    Parameters
    ----------
    cost : float
        What all clicks cost, money.
    clicks, lost, refused : int
        Bids that were clicked, bids that won nothing, and answers that said not to bid.
    last : float
        When the last bid above 0 came, seconds of `time.monotonic`.
    """

    cost: float = 0.0
    clicks: int = 0
    lost: int = 0
    refused: int = 0
    last: float = field(default_factory=time.monotonic)


@dataclass(frozen=True, kw_only=True)
class Row:
    """How a race ended.

    Parameters
    ----------
    database : str
        Which.
    workers : int
        Server processes.
    spenders : int
        Those of them that spent something.
    budget, spent, left : float
        Money.
    clicks : int
        How many.
    seconds : float
        Until the last bid.
    """

    database: str
    workers: int
    spenders: int
    budget: float
    spent: float
    left: float
    clicks: int
    seconds: float


def main(arguments: Sequence[str] | None = None) -> list[dict[str, object]]:
    """Race on each database; gives the rows of the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load.race", description=__doc__.split("\n")[0])
    parser.add_argument("--budget", type=float, default=100.0)
    parser.add_argument("--bid", type=float, default=0.5)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--databases", nargs="+", choices=("sqlite", "postgresql"), default=["sqlite", "postgresql"])
    given = parser.parse_args(arguments)
    rows = []
    for database in given.databases:
        with TemporaryDirectory(prefix="pricebid-race-") as folder:
            if database == "sqlite":
                rows.append(race(Path(folder), None, given.budget, given.bid, given.workers))
            else:
                from scripts.with_postgres import running

                with running(durable=True) as url:
                    rows.append(race(Path(folder), url, given.budget, given.bid, given.workers))
    print(f"{'':<12} {'workers':>7} {'budget':>9} {'spent':>9} {'left':>7} {'clicks':>7} {'seconds':>8}")
    for one in rows:
        print(
            f"{one.database:<12} {one.workers:>7} {one.budget:>9.2f} {one.spent:>9.2f} {one.left:>7.2f} {one.clicks:>7,} {one.seconds:>8.1f}"
        )
    return [asdict(one) for one in rows]


def race(folder: Path, database_url: str | None, budget: float, bid: float, workers: int) -> Row:
    """Spend a budget until nobody gives a bid any more."""
    server = Deployment(
        home=folder / "home",
        database_url=database_url,
        workers=workers,
        settings={"heavy": "thread", "poll_seconds": "0.1", "lease_share": "0.05"},
    )
    db = store.open_store(server.store)
    try:
        deployment.open_shop(db)
        deployment.publish(db, deployment.bid_plan(db, budget=budget, bid=bid, impressions=0))
        key = store.create_key(db, shop=SHOP, scopes=["quote", "feedback"], name="network", by="load")[0]
        server.start()
        server.wait()
        begun, stop = time.monotonic(), threading.Event()
        seen = [Spending() for _ in range(2 * workers)]
        threads = [
            threading.Thread(target=_network, args=(server.port, key, one, at, stop)) for at, one in enumerate(seen)
        ]
        for thread in threads:
            thread.start()
        # Bids are refused for a moment whenever a slice is used up; long silence of all means that nothing is left.
        while time.monotonic() - max(one.last for one in seen) < _QUIET_SECONDS:
            time.sleep(0.05)
        stop.set()
        for thread in threads:
            thread.join()
        server.stop()
        spent = sum(one.cost for one in seen)
        return Row(
            database="postgresql" if database_url else "sqlite",
            workers=workers,
            spenders=len(_spenders(db)),
            budget=budget,
            spent=round(spent, 2),
            left=round(budget - spent, 2),
            clicks=sum(one.clicks for one in seen),
            seconds=round(max(one.last for one in seen) - begun, 1),
        )
    finally:
        server.kill()
        db.close()


def _network(port: int, key: str, seen: Spending, number: int, stop: threading.Event) -> None:
    """Ask for bids, let most of them be clicked, and tell what each cost."""
    rng, caller, events = random.Random(number), Caller(port, key), 0  # noqa: S311 - which auctions are won
    while not stop.is_set():
        items = [{"keyword": word, "campaign": CAMPAIGN} for word in rng.sample(KEYWORDS, 2)]
        found = caller.call("POST", f"/v1/shops/{SHOP}/bids/quotes", {"items": items})
        if found is None or found[0] != 200:
            stop.wait(0.05)
            continue
        outcomes = []
        for one in found[1]["items"]:
            if not one["bid"]:
                seen.refused += 1
                continue
            seen.last = time.monotonic()
            clicked = rng.random() < 0.7
            seen.clicks, seen.lost = seen.clicks + clicked, seen.lost + (not clicked)
            seen.cost += one["bid"] * clicked
            events += 1
            outcome = {"event_id": f"{number}-{events}", "decision_id": one["decision_id"], "clicks": int(clicked)}
            outcomes.append(outcome | {"cost": one["bid"] * clicked})
        if outcomes:
            answer = caller.call("POST", f"/v1/shops/{SHOP}/feedback", {"events": outcomes})
            if answer is None or answer[0] != 200:
                raise RuntimeError(f"feedback was refused: {answer}")
        else:
            stop.wait(0.02)
    caller.close()


def _spenders(db: store.Store) -> set[str]:
    """Give the server processes that spent something."""
    with db.read() as conn:
        return {row.worker for row in conn.execute(select(leases.c.worker).where(leases.c.spent > 0))}


if __name__ == "__main__":
    main()
