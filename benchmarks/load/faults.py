"""Kill the service again and again under load, and account for all that it acknowledged: ``python -m benchmarks.load.faults``.

`pricebid serve` with web workers and a job worker answers quotes, bids with spend, feedback, jobs and publishes; at
random moments all of it, one web worker, its job worker or the process above them gets SIGKILL. What callers were told
is then looked up in the store, thing by thing.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING
from urllib.request import Request, urlopen

from benchmarks.load import deployment
from benchmarks.load.accounts import account
from benchmarks.load.deployment import CALLER, CATALOG, SALES, SHOP, Deployment
from benchmarks.load.traffic import Traffic

from pricebid import store

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.load.accounts import Account

_KINDS = ("all", "web", "jobs", "server")
_WEIGHTS = (0.5, 0.25, 0.1, 0.15)
_DRAIN_SECONDS = 400.0
_BUDGET = 100_000.0


@dataclass(frozen=True, kw_only=True)
class Run:
    """What one run did and found.

    Parameters
    ----------
    database : str
        ``sqlite`` or ``postgresql``.
    kills : dict of str to int
        How often what was killed.
    seconds : float
        How long it took.
    orphans : int
        Kills of the process above the workers after which these went on.
    accounts : tuple of Account
        What was accounted for.
    wrong : tuple of str
        Answers that should not be.
    """

    database: str
    kills: dict[str, int]
    seconds: float
    orphans: int
    accounts: tuple[Account, ...]
    wrong: tuple[str, ...]

    @property
    def holds(self) -> bool:
        """Whether nothing was lost and nothing counted twice."""
        return all(one.holds for one in self.accounts) and not self.wrong and not self.orphans


def main(arguments: Sequence[str] | None = None) -> list[dict[str, object]]:
    """Kill and account on each database; gives the rows of the table.

    Raises
    ------
    SystemExit
        Something was lost, or counted twice.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load.faults", description=__doc__.split("\n")[0])
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--databases", nargs="+", choices=("sqlite", "postgresql"), default=["sqlite", "postgresql"])
    parser.add_argument("--workers", type=int, default=2, help="web workers")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--light", action="store_true", help="tables are checked in threads: starts sooner")
    given = parser.parse_args(arguments)
    runs = []
    for database in given.databases:
        with TemporaryDirectory(prefix="pricebid-faults-") as folder:
            if database == "sqlite":
                runs.append(run(Path(folder), None, given))
            else:
                from scripts.with_postgres import running

                with running(durable=True) as url:
                    runs.append(run(Path(folder), url, given))
        show(runs[-1])
    if not all(one.holds for one in runs):
        sys.exit("something acknowledged is lost, or counted twice: see above")
    return [{"database": one.database, **asdict(row)} for one in runs for row in one.accounts]


def run(folder: Path, database_url: str | None, given: argparse.Namespace) -> Run:
    """Kill the service under load, then account."""
    rng, begun = random.Random(given.seed), time.monotonic()  # noqa: S311 - moments to kill at
    settings = {"lease_share": "0.001"} | ({"heavy": "thread"} if given.light else {})
    server = Deployment(
        home=folder / "home", database_url=database_url, workers=given.workers, job_workers=1, settings=settings
    )
    db = store.open_store(server.store)
    kills: list[tuple[str, float]] = []
    orphans = 0
    with ExitStack() as stack:
        stack.callback(db.close)
        stack.callback(server.kill)
        key = _prepare(db, server)
        traffic = stack.enter_context(Traffic(server.port, key, db, seed=given.seed))
        for number in range(given.kills):
            time.sleep(rng.uniform(0.3, 2.5))
            kind = rng.choices(_KINDS, _WEIGHTS)[0] if number else "all"
            if kind == "web" and given.workers == 1:
                kind = "server"  # one worker answers in the server's own process
            at, ended = _kill(server, kind, rng)
            kills.append((kind, at))
            orphans += not ended
            if kind in ("all", "server"):
                server.start()
            server.wait()
        time.sleep(1.0)
        traffic.stop()  # before what waits is done
        _drain(db)
        server.stop()
        found = account(db, traffic.journal, [at for _, at in kills])
    counts = {kind: sum(one == kind for one, _ in kills) for kind in _KINDS}
    return Run(
        database="postgresql" if database_url else "sqlite",
        kills=counts,
        seconds=time.monotonic() - begun,
        orphans=orphans,
        accounts=tuple(found),
        wrong=tuple(traffic.journal.wrong),
    )


def _prepare(db: store.Store, server: Deployment) -> str:
    """Make shop, plans and key, and load the tables."""
    deployment.open_shop(db)
    for plan in (deployment.price_plan(db), deployment.bid_plan(db, budget=_BUDGET)):
        deployment.publish(db, plan)
    key = store.create_key(db, shop=SHOP, scopes=["admin"], name=CALLER, by="load")[0]
    server.start()
    server.wait()
    for table, text in (("sales", SALES), ("catalog", CATALOG)):
        headers = {"Content-Type": "text/csv", "Authorization": f"Bearer {key}"}
        path = f"{server.url}/v1/shops/{SHOP}/tables/{table}"
        with urlopen(Request(path, text.encode(), headers, method="PUT"), timeout=120) as answer:  # noqa: S310 - our own
            json.loads(answer.read())
    return key


def _kill(server: Deployment, kind: str, rng: random.Random) -> tuple[float, bool]:
    """Kill; gives when, seconds since 1970, and whether nothing outlived the process that has to answer for it."""
    running = server.tree()
    chosen = {
        "all": [*running],
        "web": [pid for pid, what in running.items() if what == "web"][:: rng.choice((1, -1))][:1],
        "jobs": [pid for pid, what in running.items() if what in ("jobs", "job")],
        "server": [pid for pid, what in running.items() if what == "server"],
    }[kind]
    server.kill(chosen)
    at = time.time()
    if kind == "all":
        server.kill()  # what was started while the others were killed
        return at, server.gone()
    if kind != "server" or server.gone():
        return at, True
    server.kill()
    server.gone()
    return at, False


def _drain(db: store.Store) -> None:
    """Wait until no job waits or runs."""
    end = time.monotonic() + _DRAIN_SECONDS
    while time.monotonic() < end:
        depth = store.queue_depth(db)
        if not sum(count for (_, state), count in depth.items() if state in ("queued", "running")):
            return
        time.sleep(0.2)


def show(done: Run) -> None:
    """Print the table of one run."""
    kills = ", ".join(f"{kind} {count}" for kind, count in done.kills.items() if count)
    print(f"\n{done.database}: {sum(done.kills.values())} kills ({kills}) in {done.seconds:,.0f} s")
    print(f"{'':<16} {'acknowledged':>12} {'found':>10} {'lost':>6} {'twice':>6}")
    for one in done.accounts:
        mark = "" if one.holds else "  <- DOES NOT HOLD"
        print(
            f"{one.what:<16} {one.acknowledged:>12,} {one.found:>10,} {one.lost:>6,} {one.twice:>6,}  {one.remark}{mark}"
        )
    if done.orphans:
        print(f"{done.orphans} times workers outlived the process that started them")
    for text in done.wrong[:10]:
        print(f"unexpected answer: {text}")


if __name__ == "__main__":
    main()
