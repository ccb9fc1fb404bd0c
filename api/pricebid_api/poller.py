"""What a worker looks after while it runs: keys, published plans, figures; and what it would say if asked whether it is ready."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING

from pricebid import store
from pricebid.errors import PricebidError
from pricebid.store import jobs
from pricebid_api import logs
from pricebid_api.upkeep import Upkeep

if TYPE_CHECKING:
    from pricebid_api.auth import Keys
    from pricebid_api.budgets import Budgets
    from pricebid_api.metrics import Metrics
    from pricebid_api.recorder import Recorder
    from pricebid_api.settings import Settings
    from pricebid_api.snapshots import Snapshots

_FIGURES_SECONDS = 5.0
_SILENT_SECONDS = 5.0
_STOP_SECONDS = 10.0
_QUICK_SECONDS = 0.5  # for which a look waits for plans that take longer to take up


class Poller:
    """Looks at the store every so often.

    Parameters
    ----------
    db : Store
        The store.
    keys, snapshots, recorder, budgets, metrics
        What is kept fresh, and what is counted.
    settings : Settings
        Time between two looks, and when learning is due.
    """

    def __init__(
        self,
        db: store.Store,
        *,
        keys: Keys,
        snapshots: Snapshots,
        recorder: Recorder,
        budgets: Budgets,
        metrics: Metrics,
        settings: Settings,
    ) -> None:
        self._db = db
        self._keys = keys
        self._snapshots = snapshots
        self._recorder = recorder
        self._budgets = budgets
        self._metrics = metrics
        self._seconds = settings.poll_seconds
        self._upkeep = Upkeep(db, settings)
        self._answered = float("-inf")
        self._loaded = False
        self._figures_at = float("-inf")
        self._stopping = asyncio.Event()
        self._tasks: tuple[asyncio.Task[None], ...] = ()

    def start(self) -> None:
        """Begin to look."""
        self._tasks = (
            asyncio.create_task(self._forever(self._keys_now)),
            asyncio.create_task(self._forever(self._plans_now)),
            asyncio.create_task(self._forever(self._budgets_now)),
            asyncio.create_task(self._forever(self._figures_now)),
            asyncio.create_task(self._forever(self._upkeep_now)),
        )

    async def stop(self) -> None:
        """Look no more; a look that has begun is ended first, since its connection is in use."""
        self._stopping.set()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_STOP_SECONDS)
        for task in self._tasks:
            task.cancel()
        await self._snapshots.stop()

    def reasons(self) -> list[str]:
        """Give why this worker should get no traffic; nothing where it should."""
        reasons = []
        silent = time.monotonic() - self._answered
        if silent > _SILENT_SECONDS:
            since = "never answered" if silent == float("inf") else f"not answered for {silent:,.0f} s"
            reasons.append(f"the store has {since}")
        if not self._loaded:
            reasons.append("published plans are being loaded")
        late = self._recorder.late_seconds
        if late > _SILENT_SECONDS:
            reasons.append(f"the quote log could not be written for {late:,.0f} s")
        return reasons

    async def _forever(self, look: object) -> None:
        assert callable(look)  # noqa: S101 - one of ours
        while not self._stopping.is_set():
            try:
                await look()
            except PricebidError as error:
                logs.log.warning("the store does not answer: %s", error)
            except Exception:  # noqa: BLE001 - whatever it was, the next look is due
                logs.log.exception("a look at the store failed")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), self._seconds)

    async def _keys_now(self) -> None:
        await asyncio.to_thread(self._keys.refresh, self._db)
        self._answered = time.monotonic()

    async def _plans_now(self) -> None:
        await self._snapshots.refresh(_QUICK_SECONDS)
        await self._snapshots.refresh_laws()
        self._loaded = self._loaded or self._snapshots.settled
        self._metrics.snapshot_serial.set(self._snapshots.serial)

    async def _budgets_now(self) -> None:
        await asyncio.to_thread(self._budgets.tick)

    async def _upkeep_now(self) -> None:
        await asyncio.to_thread(self._upkeep.look)

    async def _figures_now(self) -> None:
        if time.monotonic() - self._figures_at < _FIGURES_SECONDS:
            return
        self._figures_at = time.monotonic()
        await self._snapshots.refresh_tables()
        await asyncio.to_thread(self._count)

    def _count(self) -> None:
        depth = jobs.queue_depth(self._db)
        for state in ("queued", "running"):
            self._metrics.queue.labels(state).set(sum(count for (_, found), count in depth.items() if found == state))
        now = store.now()
        for shelf in self._snapshots.shelves():
            if shelf.published_at:
                self._metrics.plan_age.labels(shelf.shop, "price").set((now - shelf.published_at) / 1e6)
            day = shelf.prices.clock.day(now).isoformat()
            for spent in store.spend_of(self._db, shelf.shop, day):
                self._metrics.spent.labels(shelf.shop, spent.campaign).set(spent.spent)
            model = store.latest_model(self._db, shelf.shop)
            if model is not None:
                self._metrics.model_age.labels(shelf.shop).set((now - model.created_at) / 1e6)
