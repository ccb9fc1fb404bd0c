"""Published plans in this worker's memory: built off the requests' path, swapped whole."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

import numpy as np

from pricebid import store
from pricebid.errors import PricebidError
from pricebid.live.bids import CampaignLimits, build_bids
from pricebid.live.clock import Clock
from pricebid.live.explored import Explored
from pricebid.live.prices import FILE, PlanPrices, ShopPrices, numbers, read_table
from pricebid.live.snapshot import PriceSnapshot, build_prices
from pricebid_api import logs
from pricebid_api.errors import Problem
from pricebid_api.shops import digest_of, load_shop, settings_of
from pricebid_api.uploads import table_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from pricebid.live.bids import BidSnapshot
    from pricebid.live.tokens import Signer
    from pricebid.store import PlanInfo, Published, Store
    from pricebid.store.plans import Kind
    from pricebid.tables import Settings
    from pricebid_api.budgets import Budgets
    from pricebid_api.heavy import Heavy

PRICED: tuple[Kind, ...] = ("price", "joint")
BID: tuple[Kind, ...] = ("bid", "joint")
LAWS = "exploration"  # the learner whose state holds what is drawn from now
_MOST_ABSENT = 10_000
_FORGET_SECONDS = 2.0  # for how long it is remembered that a shop has nothing to quote from
_HEAVY_SECONDS = 600.0
_NO_AIM = {"objective": "units"}  # current prices have floors where costs are known, and need none


@dataclass(frozen=True, kw_only=True)
class Shelf:
    """What a worker quotes for one shop.

    Parameters
    ----------
    shop : str
        The shop.
    prices : PriceSnapshot
        Prices.
    signer : Signer
        Signs and verifies this shop's decisions.
    settings : Settings
        Currency, decimals, time zone.
    tables : str
        Digest of the tables that current prices and floors were taken from.
    published_at : int
        When the plan in force was published, microseconds; 0 where none was.
    laws : int
        Version of what was learnt for exploration.
    """

    shop: str
    prices: PriceSnapshot
    signer: Signer
    settings: Settings
    tables: str
    published_at: int
    laws: int = 0


@dataclass(frozen=True, kw_only=True)
class _Found:
    """What the store says of a shop."""

    settings: Settings
    tables: str
    published: Published | None
    plans: tuple[PlanPrices, ...]
    quotes: ShopPrices | None
    inputs: str
    policy: dict[str, Any]
    tried: tuple[Explored, ...] = ()


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
    """

    def __init__(
        self, db: Store, where: str | Path, *, heavy: Heavy, signer: Callable[[str], Signer], budgets: Budgets
    ) -> None:
        self._db = db
        self._where = where
        self._heavy = heavy
        self._signer = signer
        self._budgets = budgets
        self._shelves: dict[str, Shelf] = {}
        self._absent: dict[str, float] = {}
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()  # those that somebody holds
        self.serial = 0

    def get(self, shop: str) -> Shelf | None:
        """Give what is quoted for a shop; None where this worker has not been asked for it yet."""
        return self._shelves.get(shop)

    def shelves(self) -> tuple[Shelf, ...]:
        """Give all of them."""
        return tuple(self._shelves.values())

    async def need(self, shop: str) -> Shelf:
        """Give what is quoted for a shop that has no shelf yet: made once, then kept fresh by the poller.

        Raises
        ------
        NotFound
            There is no such shop, or it has neither a published plan nor tables with prices.
        """
        if time.monotonic() - self._absent.get(shop, float("-inf")) > _FORGET_SECONDS:
            await self.load(shop)
        found = self._shelves.get(shop)
        if found is None:
            raise store.NotFound(
                f"shop {shop!r} has nothing to quote from: no published plan, and no tables with prices"
            )
        return found

    async def need_bids(self, shop: str) -> None:
        """Take up a shop's published bids, where this worker has not been asked for them yet."""
        if time.monotonic() - self._absent.get(f"bids of {shop}", float("-inf")) > _FORGET_SECONDS:
            self._remember(f"bids of {shop}")
            async with self._locks.setdefault(shop, asyncio.Lock()):
                if self._budgets.get(shop) is None:  # the poller may have been quicker
                    await asyncio.to_thread(self._load_bids, shop)

    async def refresh(self) -> None:
        """Take up what was published since the last look."""
        news = await asyncio.to_thread(store.published_since, self._db, self.serial)
        for shop in {one.shop for one in news}:
            await self.load(shop)
        if news:
            self.serial = max(one.serial for one in news)

    async def refresh_tables(self) -> None:
        """Take up current prices and floors of tables that were loaded anew."""
        for shelf in self.shelves():
            settings, tables = await asyncio.to_thread(_tables, self._db, shelf.shop)
            if tables != shelf.tables or settings != shelf.settings:
                await self.load(shelf.shop)

    async def refresh_laws(self) -> None:
        """Take up the laws that were learnt since the last look."""
        shelves = [one for one in self.shelves() if one.prices.explores]
        if not shelves:
            return
        versions = await asyncio.to_thread(store.state_versions, self._db, LAWS)
        for shelf in shelves:
            lock = self._locks.setdefault(shelf.shop, asyncio.Lock())
            # One that is being built reads the newest law itself, or finds it at the next look.
            if versions.get(shelf.shop, 0) != shelf.laws and not lock.locked():
                async with lock:
                    self._shelves[shelf.shop] = await asyncio.to_thread(_learned, self._db, self._shelves[shelf.shop])

    async def load(self, shop: str) -> None:
        """Build a shop's shelf from the store; an error is logged, and what was quoted stays."""
        async with self._locks.setdefault(shop, asyncio.Lock()):
            try:
                await asyncio.to_thread(self._load_bids, shop)
                await self._load(shop)
            except store.NotFound:
                self._shelves.pop(shop, None)
                self._remember(shop)
            except (PricebidError, Problem) as error:
                self._remember(shop)
                logs.log.warning("shop %s: what is quoted could not be renewed: %s", shop, error)
            except Exception:  # noqa: BLE001 - whatever it was, other shops have news too
                self._remember(shop)
                logs.log.exception("shop %s: what is quoted could not be renewed", shop)

    def _remember(self, absent: str) -> None:
        """Remember for a moment that there is nothing, so that not every request looks for it."""
        if len(self._absent) >= _MOST_ABSENT:
            self._absent.clear()
        self._absent[absent] = time.monotonic()

    async def _load(self, shop: str) -> None:
        found = await asyncio.to_thread(_look, self._db, shop)
        if found.quotes is None and not found.tables:
            raise store.NotFound(f"shop {shop!r} has no tables yet")
        before, moved = self._shelves.get(shop), bool(found.tables) and found.inputs != found.tables
        if found.quotes is not None:  # at once, from what lies beside the plan
            quotes = _no_lower(found.quotes, before.prices) if before is not None and moved else found.quotes
            await asyncio.to_thread(self._put, shop, found, quotes, found.tables and found.inputs)
        if moved:  # and then with the tables as they are now
            try:
                data = await self._heavy.run(_HEAVY_SECONDS, shop_prices, self._where, shop, found.policy)
            except PricebidError as error:
                if found.quotes is None:
                    raise store.NotFound(f"shop {shop!r} has no tables that can be quoted from") from None
                logs.log.warning("shop %s: floors stay as they were when the plan was made: %s", shop, error)
                self._shelves[shop] = replace(self._shelves[shop], tables=found.tables)
                return
            await asyncio.to_thread(self._put, shop, found, ShopPrices.from_bytes(data), found.tables)

    def _load_bids(self, shop: str) -> None:
        found = published_bids(self._db, shop)
        if found is None:
            self._budgets.drop(shop)
            return
        self._budgets.open(shop, *found)

    def _put(self, shop: str, found: _Found, now: ShopPrices, tables: str) -> None:
        before = self._shelves.get(shop)
        serial = 0 if found.published is None else found.published.serial
        prices = build_prices(
            shop,
            found.settings,
            now=now,
            plans=found.plans,
            exploration=[one.exploration() for one in found.tried],
            serial=serial,
            previous=None if before is None else before.prices,
        )
        shelf = Shelf(
            shop=shop,
            prices=prices,
            signer=self._signer(shop) if before is None else before.signer,
            settings=found.settings,
            tables=tables,
            published_at=0 if found.published is None else found.published.at,
        )
        self._shelves[shop] = _learned(self._db, shelf) if prices.explores else shelf


def _no_lower(now: ShopPrices, before: PriceSnapshot) -> ShopPrices:
    """Give prices with no floor below that of the snapshot before: its tables may be newer than those of the plan."""
    slot = before.index.slots_of(now.keys)
    held = before.floor.reshape(-1, before.index.hours).max(axis=1)[slot] / 10**before.decimals
    return replace(now, floor=np.where(slot < 0, now.floor, np.fmax(now.floor, held)))


def shop_prices(where: str | Path, shop: str, policy: dict[str, Any]) -> bytes:
    """Give current prices and floors of a shop's tables as they are now; runs in a process of its own."""
    from pricebid.policy import Policy

    db = store.open_store(where, migrate=False)
    try:
        return ShopPrices.of_shop(load_shop(db, shop).shop, Policy.from_mapping(policy)).to_bytes()
    finally:
        db.close()


def published_bids(db: Store, shop: str) -> tuple[BidSnapshot, dict[str, float]] | None:
    """Give the bids in force, and the auctions that their plan expects per day by campaign; None where none are."""
    found = in_force(db, shop, BID)
    if found is None:
        return None
    settings, _ = _tables(db, shop)
    files = store.plan_files(db, shop, str(found.plan_id))
    snapshot = build_bids(shop, settings, files=files, limits=_campaigns(db, shop), serial=found.serial)
    return snapshot, _opportunities(files)


def _learned(db: Store, shelf: Shelf) -> Shelf:
    """Give a shelf that draws from the newest law of its plan."""
    from pricebid_api.worker.trials import learned_law

    state = store.get_state(db, shelf.shop, LAWS)
    if state is None:
        return shelf
    try:
        law = learned_law(state.data)
        prices = shelf.prices if law is None else shelf.prices.weighted(*law)
    except PricebidError as error:
        logs.log.warning("shop %s: what was learnt of prices cannot be used: %s", shelf.shop, error)
        prices = shelf.prices
    return replace(shelf, prices=prices, laws=state.version)


def _tables(db: Store, shop: str) -> tuple[Settings, str]:
    info = store.get_shop(db, shop)
    if info is None:
        raise store.NotFound(f"there is no shop {shop!r}")
    settings, held = settings_of(info.settings), store.get_tables(db, shop)
    return settings, digest_of({one.name: one.digest for one in held}, settings) if held else ""


def _look(db: Store, shop: str) -> _Found:
    settings, tables = _tables(db, shop)
    newest = in_force(db, shop, PRICED)
    if newest is None:
        return _Found(
            settings=settings, tables=tables, published=None, plans=(), quotes=None, inputs="", policy=dict(_NO_AIM)
        )
    info = store.get_plan(db, shop, str(newest.plan_id))
    files = store.plan_files(db, shop, info.id)
    clock = Clock(settings.timezone)
    plan = PlanPrices.from_files(files, clock=clock)
    plans = (*_before(db, info, plan, clock), plan)
    quotes = ShopPrices.from_bytes(files[FILE]) if FILE in files else ShopPrices.of_plan(files)
    return _Found(
        settings=settings,
        tables=tables,
        published=newest,
        plans=plans,
        quotes=quotes,
        inputs=info.facts.inputs,
        policy=_policy(files),
        tried=_tried(db, info, plans, files),
    )


def _tried(
    db: Store, info: PlanInfo, plans: tuple[PlanPrices, ...], files: Mapping[str, bytes]
) -> tuple[Explored, ...]:
    """Give what each of the plans lets try."""
    found = [Explored.from_files(files)]
    if len(plans) > 1 and info.replaced is not None:
        found.append(Explored.from_files(store.plan_files(db, info.shop, info.replaced)))
    return tuple(one for one in found if one is not None)


def in_force(db: Store, shop: str, kinds: tuple[Kind, ...]) -> Published | None:
    """Give what is in force of several kinds: the one published last."""
    found = [one for one in (store.published(db, shop, kind) for kind in kinds) if one is not None and one.plan_id]
    return max(found, key=lambda one: one.serial, default=None)


def _campaigns(db: Store, shop: str) -> CampaignLimits | None:
    try:
        table = table_of("campaigns", store.table_bytes(db, shop, "campaigns"))
    except store.NotFound:
        return None
    return CampaignLimits(
        campaigns=[str(label) for label in table.text("campaign").rows],
        min_bid=table.numbers("min_bid"),
        max_bid=table.numbers("max_bid"),
        daily_budget=table.numbers("daily_budget"),
    )


def _opportunities(files: dict[str, bytes]) -> dict[str, float]:
    """Give the auctions that a plan of bids expects per day, by campaign; "" is all of them."""
    table = read_table(files, "bids")
    each = np.nan_to_num(numbers(table, "impressions"))
    names = table.column("campaign").to_pylist() if "campaign" in table.column_names else [""] * len(table)
    found: dict[str, float] = {"": float(each.sum())}
    for name in {*names} - {"", None}:
        found[str(name)] = float(each[[one == name for one in names]].sum())
    return {name: count for name, count in found.items() if count >= 1}


def _policy(files: dict[str, bytes]) -> dict[str, Any]:
    from pricebid.live.prices import plan_json

    policy = plan_json(files).get("policy")
    return dict(policy) if isinstance(policy, dict) else dict(_NO_AIM)


def _before(db: Store, info: PlanInfo, plan: PlanPrices, clock: Clock) -> tuple[PlanPrices, ...]:
    """Give the plan that was replaced, where the new one begins later: until then it stays in effect."""
    if info.replaced is None or plan.start <= store.now():
        return ()
    try:
        return (PlanPrices.from_files(store.plan_files(db, info.shop, info.replaced), clock=clock),)
    except PricebidError:
        return ()
