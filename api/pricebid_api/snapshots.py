"""Published plans in this worker's memory: built off the requests' path, swapped whole.

What is published is taken up in two parts. The quick one reads the plan's own files, several shops side by side: it is
what makes a publish reach every worker in time. The slow one reads a shop's tables, where they are others than those
that the plan was made from, in a process of its own; it goes on behind, one shop after the other, and nobody's quick
part waits for it.
"""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, ParamSpec, TypeVar
from weakref import WeakValueDictionary

from pricebid import store
from pricebid.errors import PricebidError
from pricebid.live.prices import ShopPrices
from pricebid_api import logs
from pricebid_api.errors import Problem
from pricebid_api.in_force import Found, look, published_bids, shop_prices, tables_of
from pricebid_api.shelves import LAWS, Shelf, learned, made_of, no_lower

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from pathlib import Path

    from pricebid.live.tokens import Signer
    from pricebid.store import Store
    from pricebid.tables import Settings as ShopSettings
    from pricebid_api.budgets import Budgets
    from pricebid_api.heavy import Heavy

P = ParamSpec("P")
T = TypeVar("T")

_MOST_ABSENT = 10_000
_FORGET_SECONDS = 2.0  # for how long it is remembered that a shop has nothing to quote from
_HEAVY_SECONDS = 600.0
_RETRY_SECONDS = 10.0
_QUICK = 4  # shops whose plans are taken up side by side
_SLOW = 1  # shops whose tables are read at once: whoever uploads or publishes waits for the same process
_AWAY = (store.Unavailable, store.Busy)


class Snapshots:
    """The shelves of one worker.

    Parameters
    ----------
    db : Store
        Where plans are published.
    where : str or Path
        The same, for a process that opens it anew.
    heavy : Heavy
        Reads shops' tables.
    signer : callable
        Gives the signer of a shop.
    budgets : Budgets
        Are told of published bids.
    patience : float
        Seconds that a request waits for tables without which its shop has nothing to quote from.
    """

    def __init__(
        self,
        db: Store,
        where: str | Path,
        *,
        heavy: Heavy,
        signer: Callable[[str], Signer],
        budgets: Budgets,
        patience: float = 20.0,
    ) -> None:
        self._db = db
        self._where = where
        self._heavy = heavy
        self._signer = signer
        self._budgets = budgets
        self._patience = patience
        self._shelves: dict[str, Shelf] = {}
        self._bids: dict[str, tuple[ShopSettings, str]] = {}  # settings and tables beside which bids were taken up
        self._absent: dict[str, float] = {}
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()  # those that somebody holds
        self._quick = asyncio.Semaphore(_QUICK)
        self._slow = asyncio.Semaphore(_SLOW)
        self._due: dict[str, asyncio.Task[None]] = {}  # quick parts that have not begun to look
        self._taking: set[asyncio.Task[None]] = set()
        self._reading: dict[str, asyncio.Task[None]] = {}
        self._first: frozenset[asyncio.Task[None]] | None = None
        self._again: set[str] = set()  # shops that the store could not be asked for
        self._failed: dict[str, float] = {}  # when a shop's plan could not be taken up for a reason that nobody foresaw
        self._threads = ThreadPoolExecutor(
            _QUICK + _SLOW + 1, thread_name_prefix="pricebid-plans"
        )  # none that keys wait for
        self._stopped = False
        self.serial = 0

    def get(self, shop: str) -> Shelf | None:
        """Give what is quoted for a shop; None where this worker has not been asked for it yet."""
        return self._shelves.get(shop)

    def shelves(self) -> tuple[Shelf, ...]:
        """Give all of them."""
        return tuple(self._shelves.values())

    @property
    def settled(self) -> bool:
        """Whether everything that was in force at the first look has been read, or could not be."""
        return self._first is not None and all(task.done() for task in self._first)

    async def need(self, shop: str) -> Shelf:
        """Give what is quoted for a shop that has no shelf yet: made once, then kept fresh by the poller.

        Raises
        ------
        NotFound
            There is no such shop, or it has neither a published plan nor tables with prices.
        Problem
            503 where its tables are still being read after a while, or the store does not answer.
        """
        if shop not in self._reading and not self._is_absent(shop):
            await self.load(shop)
        reading = self._reading.get(shop)
        if reading is not None and shop not in self._shelves:
            await asyncio.wait({reading}, timeout=self._patience)
        found = self._shelves.get(shop)
        if found is not None:
            return found
        if self._is_absent(shop):
            raise store.NotFound(
                f"shop {shop!r} has nothing to quote from: no published plan, and no tables with prices"
            )
        detail = f"What shop {shop!r} quotes from is still being read; try again in a few seconds."
        raise Problem(503, "being_loaded", detail, headers={"Retry-After": "5"})

    async def need_bids(self, shop: str) -> None:
        """Take up a shop's published bids, where this worker has not been asked for them yet."""
        absent = f"bids of {shop}"
        if self._is_absent(absent):
            return
        async with self._lock(shop):
            # Others who asked at the same moment, or the poller, may have been quicker.
            if self._budgets.get(shop) is None and not self._is_absent(absent):
                await self._aside(self._load_bids, shop)
                if self._budgets.get(shop) is None:
                    self._remember(absent)

    async def refresh(self, seconds: float | None = None) -> None:
        """Take up what was published since the last look: the quick parts; tables are read behind.

        Parameters
        ----------
        seconds : float, optional
            Wait for the quick parts no longer than this, but the first time: one that takes long then goes on behind, and
            holds up no look.
        """
        news = await self._aside(store.published_since, self._db, self.serial)
        again, self._again = self._again | self._due_again(), set()
        for shop in {one.shop for one in news} | again:
            self._take_up(shop)
        if news:
            self.serial = max(self.serial, *(one.serial for one in news))
        if self._taking:
            await asyncio.wait(self._taking, timeout=None if self._first is None else seconds)
        if self._first is None:
            self._first = frozenset(self._reading.values())

    async def refresh_tables(self) -> None:
        """Take up current prices, floors, budgets and caps of tables that were loaded anew; prices and floors are read behind."""
        for shop in {*self._shelves, *self._bids}:
            try:
                now = await self._aside(tables_of, self._db, shop)
            except store.NotFound:  # erased since
                self._take_up(shop)
                continue
            shelf = self._shelves.get(shop)
            # Bids do not wait for prices to be read: a budget or a cap may have been lowered.
            moved = self._bids.get(shop, now) != now
            if shelf is not None and shop not in self._reading:  # what is read is looked at again before it ends
                moved = moved or (shelf.settings, shelf.tables) != now
            if moved:
                self._take_up(shop)

    async def refresh_laws(self) -> None:
        """Take up the laws that were learnt since the last look."""
        shelves = [one for one in self.shelves() if one.prices.explores]
        if not shelves:
            return
        versions = await self._aside(store.state_versions, self._db, LAWS)
        for shelf in shelves:
            lock = self._lock(shelf.shop)
            # One that is being built reads the newest law itself, or finds it at the next look.
            if versions.get(shelf.shop, 0) == shelf.laws or lock.locked():
                continue
            async with lock:
                if shelf.shop in self._shelves:
                    self._shelves[shelf.shop] = await self._aside(learned, self._db, self._shelves[shelf.shop])

    async def load(self, shop: str) -> None:
        """Take up what the store says of a shop: the quick part; an error is logged, and what was quoted stays."""
        await asyncio.wait({self._take_up(shop)})

    async def stop(self) -> None:
        """Take up no more; what uses the store at this moment is ended first."""
        self._stopped = True
        tasks = [*self._taking, *self._reading.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._threads.shutdown(wait=False)

    def _due_again(self) -> set[str]:
        """Give the shops whose plans failed for no known reason a while ago: without another try the old ones would be quoted on."""
        due = {shop for shop, at in self._failed.items() if time.monotonic() - at > _RETRY_SECONDS}
        for shop in due:
            del self._failed[shop]
        return due

    def _lock(self, shop: str) -> asyncio.Lock:
        return self._locks.setdefault(shop, asyncio.Lock())

    def _is_absent(self, what: str) -> bool:
        return time.monotonic() - self._absent.get(what, float("-inf")) <= _FORGET_SECONDS

    def _remember(self, absent: str) -> None:
        """Remember for a moment that there is nothing, so that not every request looks for it."""
        if len(self._absent) >= _MOST_ABSENT:
            self._absent.clear()
        self._absent[absent] = time.monotonic()

    def _take_up(self, shop: str) -> asyncio.Task[None]:
        """Begin a shop's quick part; one that has not looked yet will see what is new too."""
        task = self._due.get(shop)
        if task is None:
            task = self._due[shop] = asyncio.create_task(self._logged(shop, self._take))
            self._taking.add(task)
            task.add_done_callback(self._taking.discard)
        return task

    async def _logged(self, shop: str, work: Callable[[str], Coroutine[None, None, None]]) -> None:
        try:
            if not self._stopped:
                await work(shop)
        except store.NotFound:
            self._remember(shop)
        except _AWAY as error:
            self._again.add(shop)
            logs.log.warning("shop %s: what is quoted will be renewed later: %s", shop, error)
        except (PricebidError, Problem) as error:
            self._remember(shop)
            logs.log.warning("shop %s: what is quoted could not be renewed: %s", shop, error)
        except Exception:  # noqa: BLE001 - whatever it was, other shops have news too
            self._remember(shop)
            self._failed[shop] = time.monotonic()
            logs.log.exception("shop %s: what is quoted could not be renewed", shop)

    async def _take(self, shop: str) -> None:
        """Put what lies beside the plan, where its floors can be relied on; have the tables read, where they moved."""
        async with self._lock(shop), self._quick:
            del self._due[shop]
            await self._aside(self._load_bids, shop)
            found = await self._looked(shop)
            if found.quotes is None and not found.tables:
                self._shelves.pop(shop, None)
                raise store.NotFound(f"shop {shop!r} has no tables yet")
            before = self._before(shop, found)
            if found.quotes is not None and not found.moved:
                if before is None or not before.shows(found) or before.tables != found.tables:
                    await self._put(shop, found, found.quotes, found.tables)
            elif before is not None and not before.shows(found):
                # At once, with no floor below that of now. Without a shelf before nothing tells what costs are now.
                if found.quotes is None:
                    self._shelves[shop] = before.without_plan()
                else:
                    await self._put(shop, found, no_lower(found.quotes, before.prices), found.inputs)
            if found.moved and (before is None or before.tables != found.tables or not before.shows(found)):
                self._read(shop)

    def _before(self, shop: str, found: Found) -> Shelf | None:
        """Give what is quoted now, unless it is money of another currency than the shop has by now."""
        before = self._shelves.get(shop)
        if before is not None and before.settings.currency != found.settings.currency:
            del self._shelves[shop]
            return None
        return before

    def _read(self, shop: str) -> None:
        """Begin a shop's slow part, where none is under way: that one looks again before it ends."""
        if shop not in self._reading:
            self._reading[shop] = asyncio.create_task(self._logged(shop, self._renew))

    async def _renew(self, shop: str) -> None:
        """Read a shop's tables until what is quoted agrees with them."""
        try:
            async with self._slow:
                async with self._lock(shop):  # a shop that is gone by now loses its shelf while nobody puts one
                    found: Found | None = await self._looked(shop)
                while found is not None and found.moved:
                    read = await self._read_tables(shop, found)
                    async with self._lock(shop):
                        found = await self._take_read(shop, found, read)
        finally:
            del self._reading[shop]  # in one go with the last look: whoever has news after it begins another

    async def _looked(self, shop: str) -> Found:
        """Ask the store for what is in force, the shop's lock held; a shop that is gone has no shelf any more."""
        try:
            return await self._aside(look, self._db, shop)
        except store.NotFound:
            self._shelves.pop(shop, None)
            raise

    async def _read_tables(self, shop: str, found: Found) -> bytes | PricebidError | Problem:
        """Give current prices and floors, or why they cannot be had."""
        try:
            return await self._heavy.run(_HEAVY_SECONDS, shop_prices, self._where, shop, found.policy)
        except _AWAY:
            raise
        except (PricebidError, Problem) as error:
            if isinstance(error, Problem) and error.code == "busy":
                raise store.Busy(error.detail) from None
            return error

    async def _take_read(self, shop: str, read_for: Found, read: bytes | PricebidError | Problem) -> Found | None:
        """Put what was read of the tables beside the plan that is in force by now; gives what is to be read still."""
        found = await self._looked(shop)
        if not found.moved:  # a plan was published that was made from these tables: its quick part has it all
            return None
        if (found.policy, found.settings) != (read_for.policy, read_for.settings):
            return found  # the newer plan's floors are others
        if isinstance(read, bytes):
            await self._put(shop, found, ShopPrices.from_bytes(read), read_for.tables)
        else:
            await self._go_on(shop, found, read_for.tables, read)
        return None if found.tables == read_for.tables else found

    async def _go_on(self, shop: str, found: Found, tables: str, error: PricebidError | Problem) -> None:
        """Go on without tables that cannot be read."""
        before = self._before(shop, found)
        if found.quotes is None and (before is None or isinstance(error, PricebidError)):
            self._shelves.pop(shop, None)
            raise store.NotFound(f"shop {shop!r} has no tables that can be quoted from")
        since = "when the plan was made" if before is None else "before"
        logs.log.warning("shop %s: floors stay as they were %s: %s", shop, since, error)
        if before is None and found.quotes is not None:
            await self._put(shop, found, found.quotes, tables)
        elif before is not None:
            self._shelves[shop] = replace(before, tables=tables)

    async def _put(self, shop: str, found: Found, now: ShopPrices, tables: str) -> None:
        """Swap a shelf, the shop's lock held: what is put was looked up after all that was put before."""
        self._shelves[shop] = await self._aside(
            made_of,
            self._db,
            shop,
            found,
            now,
            tables=tables,
            signer=self._signer(shop),
            before=self._shelves.get(shop),
        )

    async def _aside(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a function beside the event loop; whoever is cancelled waits for its end, since it uses the store."""
        running = asyncio.get_running_loop().run_in_executor(self._threads, partial(function, *args, **kwargs))
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            await asyncio.wait({running})
            if not running.cancelled():
                running.exception()  # looked at, so that nobody is told of it at the end
            raise

    def _load_bids(self, shop: str) -> None:
        """Take up bids with the limits of campaigns as they are now; what is noted beside them is never newer than they are."""
        try:
            now = tables_of(self._db, shop)
        except store.NotFound:
            now = None
        found = None if now is None else published_bids(self._db, shop)
        if now is None or found is None:
            self._bids.pop(shop, None)
            self._budgets.drop(shop)
            return
        self._budgets.open(shop, *found)
        self._bids[shop] = now
