"""One worker's part of the day's ad budgets: slices leased from the store ahead of need, pacing, and what feedback says was spent."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from pricebid import live, store
from pricebid.errors import PricebidError
from pricebid_api import logs
from pricebid_api.pacing import NAME, DayPaces, of_bids

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import date

    from pricebid.live.bids import BidSnapshot
    from pricebid.live.budgets import Grant
    from pricebid.store import Store
    from pricebid_api.settings import Settings

MICRO = 1_000_000
_BATCH = 10_000
_REPLAYED = 50_000  # events that a worker goes through where nothing of the day is kept yet
_MOST_SLICES = 4  # laid in per budget, where one runs out between two ticks
_CALM_SECONDS = 10.0  # after so long with half the use, half as many are laid in
_LONGEST_IDLE = 3_600.0  # seconds for which an unused slice waits, where one that went back was missed again and again
_ANSWERED_SECONDS = 86_400  # how long a slice may wait in stock for its use; unused ones go back long before
_AHEAD = 10 * MICRO  # microseconds before midnight from which tomorrow's slices are leased


@dataclass(kw_only=True, slots=True)
class _Shelf:
    """What is laid in of one budget for one day.

    Parameters
    ----------
    since : float
        When ``want`` was last looked at, or last grew.
    idle : float
        Seconds after which unused slices go back.
    used : float
        When something was last asked for.
    held : list of Grant
        Slices, the oldest first.
    want : int
        How many there should be after a tick.
    asked : int, optional
        The most that was asked for since the last tick; None: nothing was.
    taken : int
        Slices handed out since the last tick.
    most : int
        The most that were handed out between two ticks since ``since``.
    short : bool
        Somebody got nothing since the last tick.
    """

    since: float
    idle: float
    used: float
    held: list[Grant] = field(default_factory=list)
    want: int = 1
    asked: int | None = None
    taken: int = 0
    most: int = 0
    short: bool = False

    def turn(self, now: float) -> None:
        """Begin the time to the next tick: want more where slices ran out, fewer where half as many have done for long."""
        self.most = max(self.most, self.taken)
        self.used = self.used if self.asked is None else now
        if self.short and self.taken:  # not where none was there to begin with: one will do then
            self.want, self.since, self.most = min(2 * self.want, _MOST_SLICES), now, 0
        elif now - self.since >= _CALM_SECONDS:
            if self.most <= self.want // 2:
                self.want = max(1, self.want // 2)
            self.since, self.most = now, 0
        self.asked, self.taken, self.short = None, 0, False


class Stock:
    """Slices leased ahead, so that no request waits for the store: what `live.BudgetBook` asks for is here, or comes next tick.

    Parameters
    ----------
    db : Store
        The ledger that all workers share.
    shop, worker : str
        Whose budgets, and for whom.
    share : float
        Share of a budget that a slice has.
    idle : float
        Seconds after which an unused slice goes back; twice as many each time that the next bid missed it.
    clock : callable
        Seconds, never going back.
    """

    def __init__(
        self,
        db: Store,
        *,
        shop: str,
        worker: str,
        share: float,
        idle: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._db = db
        self._shop = shop
        self._worker = worker
        self._share = share
        self._idle = idle
        self._clock = clock
        self._lock = threading.Lock()
        self._shelves: dict[tuple[str, date], _Shelf] = {}
        self._cleared: dict[tuple[str, date], float] = {}  # after which time idle
        self._settled: list[tuple[str, int]] = []

    def lease(self, campaign: str, day: date, *, budget: int, amount: int, until: int) -> Grant | None:
        """Give the slice in stock, if there is one; at once, whatever the store does.

        It may be smaller than what is asked for: the last of a budget is spent from small slices.
        """
        del budget, until
        with self._lock:
            key = (campaign, day)
            shelf = self._shelf(key)
            shelf.asked = max(amount, shelf.asked or 0)
            went_back = self._cleared.pop(key, None) is not None
            if not shelf.held:
                shelf.short = True
                # Bids that come rarely would find none each time, if none ever waited longer than the last.
                if went_back:
                    shelf.idle = min(2 * shelf.idle, _LONGEST_IDLE)
                return None
            shelf.taken += 1
            return shelf.held.pop(0)

    def settle(self, grant: str, spent: int) -> None:
        """Note what was spent of a slice; told to the store at the next tick."""
        with self._lock:
            self._settled.append((grant, spent))

    def refill(self, days: Sequence[date], budgets: Mapping[str, int]) -> None:
        """Tell the store what is settled, give back what nobody uses, lease what is wanted; blocking."""
        with self._lock:
            settled, self._settled = self._settled, []
            self._cleared = {key: after for key, after in self._cleared.items() if key[1] in days}
            asked = {}
            for key, shelf in list(self._shelves.items()):
                if shelf.asked is not None:
                    asked[key] = shelf.asked
                settled += [(one.id, 0) for one in self._turned(key, shelf, wanted=key[1] in days)]
        self._tell(settled)
        for (campaign, day), amount in asked.items():
            budget = budgets.get(campaign)
            if budget is not None and day in days:
                while self._lacks((campaign, day)):
                    if not self._lease(campaign, day, budget, max(amount, int(budget * self._share))):
                        break

    def _turned(self, key: tuple[str, date], shelf: _Shelf, *, wanted: bool) -> list[Grant]:
        """Begin the time to the next tick; gives the slices that are to go back."""
        now = self._clock()
        shelf.turn(now)
        idle = now - shelf.used > shelf.idle
        if idle or not wanted:
            del self._shelves[key]
            if idle and wanted:
                self._cleared[key] = shelf.idle
            return shelf.held
        back, shelf.held = shelf.held[shelf.want :], shelf.held[: shelf.want]
        return back

    def _shelf(self, key: tuple[str, date]) -> _Shelf:
        found = self._shelves.get(key)
        if found is None:
            now, idle = self._clock(), self._cleared.get(key, self._idle)
            found = self._shelves[key] = _Shelf(since=now, used=now, idle=idle)
        return found

    def _lacks(self, key: tuple[str, date]) -> bool:
        with self._lock:
            shelf = self._shelf(key)
            return len(shelf.held) < shelf.want

    def first(self, days: Sequence[date], budgets: Mapping[str, int]) -> None:
        """Ask for a slice of every budget that has none in stock."""
        with self._lock:
            for day in days:
                for campaign in budgets:
                    shelf = self._shelf((campaign, day))
                    shelf.asked = shelf.asked or 0

    def close(self) -> None:
        """Give everything back."""
        with self._lock:
            held = [one for shelf in self._shelves.values() for one in shelf.held]
            settled = [*self._settled, *((one.id, 0) for one in held)]
            self._settled, self._shelves = [], {}
        self._tell(settled)

    def _lease(self, campaign: str, day: date, budget: int, amount: int) -> bool:
        found = store.lease(
            self._db,
            self._shop,
            campaign,
            day.isoformat(),
            budget=budget / MICRO,
            amount=max(amount, 1) / MICRO,
            worker=self._worker,
            seconds=_ANSWERED_SECONDS,
        )
        if found is not None:
            with self._lock:
                grant = live.Grant(id=found.id, amount=round(found.amount * MICRO))
                self._shelf((campaign, day)).held.append(grant)
        return found is not None

    def _tell(self, settled: Sequence[tuple[str, int]]) -> None:
        for at, (grant, spent) in enumerate(settled):
            try:
                store.settle(self._db, self._shop, grant, spent / MICRO)
            except store.NotFound:  # the shop was erased
                continue
            except PricebidError:
                with self._lock:
                    self._settled += settled[at:]
                raise


@dataclass(kw_only=True)
class Purse:
    """What a worker may spend for one shop.

    Parameters
    ----------
    shop : str
        The shop.
    snapshot : BidSnapshot
        The bids in force.
    book : BudgetBook
        Slices, and what is set aside of them.
    stock : Stock
        Slices leased ahead.
    paces : DayPaces
        Pacing of the shop's day, as far as feedback has told; swapped whole.
    cursor : int
        Number of the last feedback event that was taken up.
    """

    shop: str
    snapshot: BidSnapshot
    book: live.BudgetBook
    stock: Stock
    paces: DayPaces
    cursor: int
    opportunities: dict[str, float] = field(default_factory=dict)


class Budgets:
    """The purses of one worker.

    Parameters
    ----------
    db : Store
        The ledger.
    worker : str
        This worker's name.
    settings : Settings
        Share of a slice, and when it goes back.
    """

    def __init__(self, db: Store, worker: str, settings: Settings) -> None:
        self._db = db
        self._worker = worker
        self._settings = settings
        self._purses: dict[str, Purse] = {}
        # One for each shop ever met: a purse that is dropped while it is refilled would leave what is leased by then.
        self._turns: dict[str, threading.Lock] = {}

    def get(self, shop: str) -> Purse | None:
        """Give the purse of a shop."""
        return self._purses.get(shop)

    def open(self, shop: str, snapshot: BidSnapshot, opportunities: dict[str, float]) -> None:
        """Begin, or go on, to spend for a shop under newly published bids; blocking."""
        with self._turn(shop):
            self._open(shop, snapshot, opportunities)

    def _open(self, shop: str, snapshot: BidSnapshot, opportunities: dict[str, float]) -> None:
        purse = self._purses.get(shop)
        if purse is not None and purse.snapshot.clock == snapshot.clock:
            purse.book.set_budgets(snapshot.budgets)
            purse.snapshot, purse.opportunities = snapshot, opportunities
            purse.paces = purse.paces.under(snapshot, opportunities)
        else:
            if purse is not None:  # of another time zone: its days are others
                self._close(purse)
            leasing = live.LeaseSettings(share=self._settings.lease_share, retry=0)
            stock = Stock(
                self._db,
                shop=shop,
                worker=self._worker,
                share=self._settings.lease_share,
                idle=self._settings.lease_seconds,
            )
            paces, cursor = _resumed(self._db, shop, snapshot, opportunities)
            purse = Purse(
                shop=shop,
                snapshot=snapshot,
                book=live.BudgetBook(stock, clock=snapshot.clock, budgets=snapshot.budgets, settings=leasing),
                stock=stock,
                paces=paces,
                cursor=cursor,
                opportunities=opportunities,
            )
        self._refill(purse, store.now(), first=True)
        self._purses[shop] = purse

    def drop(self, shop: str) -> None:
        """Spend no more for a shop, and give back what was leased; blocking."""
        with self._turn(shop):
            purse = self._purses.pop(shop, None)
            if purse is not None:
                self._close(purse)

    def _close(self, purse: Purse) -> None:
        purse.book.tick(store.now(), closing=True)
        purse.stock.close()

    def tick(self) -> None:
        """Take up feedback, give back and lease slices; blocking, called every half second."""
        for shop in list(self._purses):
            with self._turn(shop):
                purse = self._purses.get(shop)
                if purse is None:  # dropped meanwhile
                    continue
                try:
                    self._charge(purse)
                    self._refill(purse, store.now())
                except PricebidError as error:
                    logs.log.warning("budgets of shop %s: %s", shop, error)

    def close(self) -> None:
        """Take up the last feedback, and give everything back of which nothing is set aside."""
        for shop in list(self._purses):
            try:
                with self._turn(shop):
                    purse = self._purses.get(shop)
                    if purse is not None:
                        self._charge(purse)
                self.drop(shop)
            except PricebidError as error:
                logs.log.warning("leases of shop %s stay open until they are settled: %s", shop, error)

    def _turn(self, shop: str) -> threading.Lock:
        return self._turns.setdefault(shop, threading.Lock())

    def _refill(self, purse: Purse, now: int, *, first: bool = False) -> None:
        clock = purse.snapshot.clock
        today, soon = clock.day(now), clock.day(now + _AHEAD)
        days = [today] if soon == today else [today, soon]
        if first or today != purse.paces.day or soon != today:
            purse.stock.first(days, purse.snapshot.budgets)
        if today > purse.paces.day:
            purse.paces = DayPaces.start(purse.snapshot, purse.opportunities, today)
        purse.book.tick(now)
        purse.stock.refill([*days, today - timedelta(days=1)], purse.snapshot.budgets)

    def _charge(self, purse: Purse) -> None:
        """Take up what feedback says of bids: every worker hears of all of it, and counts what was its own."""
        while True:
            events, cursor = store.unfolded(self._db, purse.shop, after=purse.cursor, limit=_BATCH)
            bids = of_bids(events)
            for one in bids:
                purse.book.charge(one.decision_id, round((one.cost or 0.0) * MICRO), final=one.clicks is not None)
            if bids:
                purse.paces = purse.paces.folded(purse.snapshot, purse.opportunities, bids)
            purse.cursor = cursor
            if len(events) < _BATCH:
                return


def _resumed(db: Store, shop: str, snapshot: BidSnapshot, opportunities: dict[str, float]) -> tuple[DayPaces, int]:
    """Give pacing as the learning job has kept it, and the feedback from which it is to go on; the latest where it kept none."""
    kept, today = store.get_state(db, shop, NAME), snapshot.clock.day(store.now())
    start = DayPaces.start(snapshot, opportunities, today)
    if kept is None:
        return start, max(0, store.count_feedback(db, shop) - _REPLAYED)
    if not kept.data:
        return start, kept.cursor
    found = DayPaces.from_bytes(kept.data, snapshot, opportunities)
    return (found if found.day == today else start), kept.cursor
