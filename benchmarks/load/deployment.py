"""A real `pricebid serve` in processes of its own, to be loaded, fuzzed and killed; and a small shop to run it with."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from pricebid import store
from pricebid.live.keys import OfferKeys
from pricebid.live.prices import FILE, ShopPrices
from pricebid.tables.identify import new_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

SHOP = "live"
CALLER = "caller"
SKUS = ("tea", "milk", "bread", "salt")
REGIONS = ("north", "south")
KEYWORDS = tuple(f"word {at}" for at in range(20))
CAMPAIGN = "brand"
_PATIENCE_SECONDS = 240.0  # a machine may have other things to do

SALES = "date,sku,region,units,price\n" + "".join(
    f"2026-0{month}-01,{sku},{region},{20 + 3 * month - 2 * at},{price}\n"
    for month in range(1, 7)
    for at, (sku, price) in enumerate(zip(SKUS, (4.0, 1.2, 2.5, 0.9), strict=True))
    for region in REGIONS
)
CATALOG = "sku,cost,category,price\ntea,2.5,drinks,4.2\nmilk,0.7,drinks,1.25\nbread,1.1,food,2.45\nsalt,0.3,food,0.95\n"


@dataclass(kw_only=True)
class Deployment:
    """One `pricebid serve`, with its workers, as a session of processes of its own.

    Parameters
    ----------
    home : Path
        Folder of its state.
    database_url : str, optional
        PostgreSQL; SQLite in the folder unless given.
    workers, job_workers : int
        How many.
    settings : dict of str to str
        Further ``PRICEBID_`` variables.
    cores : set of int, optional
        Cores that it may use; all unless given.
    """

    home: Path
    database_url: str | None = None
    workers: int = 1
    job_workers: int = 0
    settings: dict[str, str] = field(default_factory=dict)
    cores: set[int] | None = None
    port: int = 0
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self.home.mkdir(parents=True, exist_ok=True)
        self.port = self.port or free_port()

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def store(self) -> str | Path:
        """What `open_store` takes."""
        return self.database_url or self.home

    @property
    def log(self) -> Path:
        """Where its processes log."""
        return self.home.with_name(f"{self.home.name}.log")

    def start(self) -> None:
        """Start it; `wait` for it to answer."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PRICEBID_")}
        environment |= {"OPENBLAS_NUM_THREADS": "1", "PRICEBID_HOME": str(self.home)}
        if self.database_url:
            environment["PRICEBID_DATABASE_URL"] = self.database_url
        environment |= {f"PRICEBID_{name.upper()}": value for name, value in self.settings.items()}
        command = [sys.executable, "-m", "pricebid", "serve", "--port", str(self.port)]
        command += ["--workers", str(self.workers), "--job-workers", str(self.job_workers)]
        with self.log.open("ab") as log, _on(self.cores):
            self.process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)

    def wait(self) -> float:
        """Wait until a worker is ready; gives the seconds that took.

        Raises
        ------
        TimeoutError
            It did not become ready.
        """
        begun = time.monotonic()
        while time.monotonic() - begun < _PATIENCE_SECONDS:
            if self.process is None or self.process.poll() is not None:
                break
            try:
                with urllib.request.urlopen(f"{self.url}/readyz", timeout=10):  # noqa: S310 - our own server
                    return time.monotonic() - begun
            except (OSError, urllib.error.URLError):
                time.sleep(0.05)
        raise TimeoutError(f"pricebid serve did not start: {self.log.read_text(errors='replace')[-2000:]}")

    def tree(self) -> dict[int, str]:
        """Give what runs of it: ``server``, ``web``, ``jobs``, ``job`` or ``other``, by process id."""
        return tree(self.process.pid) if self.process else {}

    def kill(self, pids: Iterable[int] | None = None) -> None:
        """Kill processes, without a chance to do anything; all that run unless told which."""
        for pid in self.tree() if pids is None else pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        if self.process is not None:
            self.process.poll()

    def gone(self, seconds: float = 60.0) -> bool:
        """Wait until nothing runs of it any more."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if not self.tree():
                if self.process is not None:
                    self.process.wait(5)
                return True
            time.sleep(0.05)
        return False

    def stop(self) -> None:
        """Tell it to stop, and wait until it has."""
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.kill()
            raise


@contextmanager
def _on(cores: set[int] | None) -> Iterator[None]:
    """Have what is started in the block run on these cores alone."""
    if cores is None:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def tree(session: int) -> dict[int, str]:
    """Give the processes of a session that run, by what they are for."""
    found: dict[int, str] = {}
    parents: dict[int, int] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text(encoding="utf8").rpartition(")")[2].split()
            words = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if fields[0] == "Z" or int(fields[3]) != session:
            continue
        pid = int(folder.name)
        parents[pid] = int(fields[1])
        found[pid] = (
            "job"
            if "worker.child" in words
            else "jobs"
            if "pricebid worker" in words
            else "server"
            if "pricebid serve" in words
            else "web"
            if "spawn_main" in words
            else "other"
        )
    # What a web worker has started itself checks tables: not a web worker.
    return {pid: "heavy" if kind == "web" and found.get(parents[pid]) == "web" else kind for pid, kind in found.items()}


def free_port() -> int:
    """Give a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def open_shop(db: store.Store, shop: str = SHOP) -> None:
    """Make the shop, with guards that hold no plan for its age or for how much it moves."""
    guards = {"max_data_age_days": None, "max_share_moved": None, "profit_below_interval": False}
    store.put_shop(db, shop, by="load", settings={"currency": "EUR", "guards": guards})


def price_plan(db: store.Store, shop: str = SHOP, *, factor: float = 1.0) -> str:
    """Put a plan of prices into the store, as a job would; gives its id."""
    keys = {"sku": [sku for sku in SKUS for _ in REGIONS], "region": [*REGIONS] * len(SKUS)}
    current = [price for price in (4.2, 1.25, 2.45, 0.95) for _ in REGIONS]
    costs = [cost for cost in (2.5, 0.7, 1.1, 0.3) for _ in REGIONS]
    import numpy as np

    prices = ShopPrices(
        keys=OfferKeys.of(keys),
        current=np.array(current),
        floor=np.array(costs),
        ceiling=np.full(len(current), np.nan),
        fixed=np.zeros(len(current), dtype=bool),
    )
    yesterday = time.strftime("%Y-%m-%d", time.gmtime(time.time() - 86_400))
    document = {"id": new_id(), "start": yesterday, "horizon": 30, "period": "day", "policy": {"objective": "units"}}
    rows = zip(keys["sku"], keys["region"], current, strict=True)
    csv = "sku,region,price\n" + "".join(f"{sku},{region},{price * factor:.2f}\n" for sku, region, price in rows)
    files = {"plan.json": json.dumps(document).encode(), "prices.csv": csv.encode(), FILE: prices.to_bytes()}
    facts = store.PlanFacts(solution="optimal", items=len(current))
    return store.add_plan(db, shop, "price", files=files, facts=facts, by="load").id


def bid_plan(db: store.Store, shop: str = SHOP, *, budget: float, bid: float = 0.5, impressions: int = 1000) -> str:
    """Put a plan of bids into the store; gives its id. Without expected impressions its bids are not paced."""
    document = {"id": new_id(), "policy": {"bids": {"daily_budget": budget, "step": 0.01}}}
    rows = "".join(f"{CAMPAIGN},{word},exact,{bid},{bid},{impressions}\n" for word in KEYWORDS)
    files = {
        "plan.json": json.dumps(document).encode(),
        "bids.csv": b"campaign,keyword,match_type,current_bid,bid,impressions\n" + rows.encode(),
        "dayparts.csv": b"campaign,hour,multiplier\n",
        "adjustments.csv": b"campaign,dimension,value,multiplier\n",
    }
    facts = store.PlanFacts(solution="optimal", items=len(KEYWORDS))
    return store.add_plan(db, shop, "bid", files=files, facts=facts, by="load").id


def publish(db: store.Store, plan: str, shop: str = SHOP) -> None:
    """Approve and publish a plan."""
    store.approve_plan(db, shop, plan, by="load")
    store.publish_plan(db, shop, plan, by="load")
