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
    from collections.abc import Mapping, Sequence
    from datetime import date

    from pricebid.live.bids import BidSnapshot
    from pricebid.live.budgets import Grant
    from pricebid.store import Store
    from pricebid_api.settings import Settings

MICRO = 1_000_000
_BATCH = 10_000
_REPLAYED = 50_000  # events that a worker goes through where nothing of the day is kept yet
_SLICES, _MOST_SLICES = 4, 16  # laid in per budget: at first, and where they run out between two ticks
_ANSWERED_SECONDS = 86_400  # how long a slice may wait in stock for its use; unused ones go back long before
_AHEAD = 10 * MICRO  # microseconds before midnight from which tomorrow's slices are leased


@dataclass(kw_only=True, slots=True)
class _Held:
    grant: Grant
    since: float


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
        Seconds after which an unused slice goes back.
    """

    def __init__(self, db: Store, *, shop: str, worker: str, share: float, idle: float) -> None:
        self._db = db
        self._shop = shop
        self._worker = worker
        self._share = share
        self._idle = idle
        self._lock = threading.Lock()
        self._held: dict[tuple[str, date], list[_Held]] = {}
        self._want: dict[tuple[str, date], int] = {}
        self._asked: dict[tuple[str, date], int] = {}
        self._settled: list[tuple[str, int]] = []

    def lease(self, campaign: str, day: date, *, budget: int, amount: int, until: int) -> Grant | None:
        """Give the slice in stock, if there is one; at once, whatever the store does.

        It may be smaller than what is asked for: the last of a budget is spent from small slices.
        """
        del budget, until
        with self._lock:
            key = (campaign, day)
            self._asked[key] = max(amount, self._asked.get(key, 0))
            held = self._held.get(key)
            if not held:  # bids come faster than slices were laid in: lay in more
                self._want[key] = min(2 * self._want.get(key, _SLICES), _MOST_SLICES)
                return None
            return held.pop(0).grant

    def settle(self, grant: str, spent: int) -> None:
        """Note what was spent of a slice; told to the store at the next tick."""
        with self._lock:
            self._settled.append((grant, spent))

    def refill(self, days: Sequence[date], budgets: Mapping[str, int]) -> None:
        """Tell the store what is settled, give back what nobody uses, lease what is wanted; blocking."""
        with self._lock:
            settled, self._settled = self._settled, []
            asked, self._asked = self._asked, {}
            for key in list(self._held):
                aged = all(time.monotonic() - one.since > self._idle for one in self._held[key])
                if key[1] not in days or (key not in asked and aged):
                    settled += [(one.grant.id, 0) for one in self._held.pop(key)]
                    self._want.pop(key, None)
        self._tell(settled)
        for (campaign, day), amount in asked.items():
            budget = budgets.get(campaign)
            if budget is not None and day in days:
                while len(self._held.get((campaign, day), ())) < self._want.get((campaign, day), _SLICES):
                    if not self._lease(campaign, day, budget, max(amount, int(budget * self._share))):
                        break

    def first(self, days: Sequence[date], budgets: Mapping[str, int]) -> None:
        """Ask for a slice of every budget that has none in stock."""
        with self._lock:
            for day in days:
                for campaign in budgets:
                    self._asked.setdefault((campaign, day), 0)

    def close(self) -> None:
        """Give everything back."""
        with self._lock:
            settled = [*self._settled, *((one.grant.id, 0) for held in self._held.values() for one in held)]
            self._settled, self._held = [], {}
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
                held = _Held(grant=grant, since=time.monotonic())
                self._held.setdefault((campaign, day), []).append(held)
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

    def get(self, shop: str) -> Purse | None:
        """Give the purse of a shop."""
        return self._purses.get(shop)

    def open(self, shop: str, snapshot: BidSnapshot, opportunities: dict[str, float]) -> None:
        """Begin, or go on, to spend for a shop under newly published bids; blocking."""
        purse = self._purses.get(shop)
        if purse is not None and purse.snapshot.clock == snapshot.clock:
            purse.book.set_budgets(snapshot.budgets)
            purse.snapshot, purse.opportunities = snapshot, opportunities
            purse.paces = purse.paces.under(snapshot, opportunities)
        else:
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
        purse = self._purses.pop(shop, None)
        if purse is not None:
            purse.book.tick(store.now(), closing=True)
            purse.stock.close()

    def tick(self) -> None:
        """Take up feedback, give back and lease slices; blocking, called every half second."""
        for purse in list(self._purses.values()):
            try:
                self._charge(purse)
                self._refill(purse, store.now())
            except PricebidError as error:
                logs.log.warning("budgets of shop %s: %s", purse.shop, error)

    def close(self) -> None:
        """Take up the last feedback, and give everything back of which nothing is set aside."""
        for shop in list(self._purses):
            try:
                self._charge(self._purses[shop])
                self.drop(shop)
            except PricebidError as error:
                logs.log.warning("leases of shop %s stay open until they are settled: %s", shop, error)

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
