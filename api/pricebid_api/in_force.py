"""What is in force in a shop, read from the store: its plans, its bids, and what its tables say now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pricebid import store
from pricebid.errors import PricebidError
from pricebid.live.bids import CampaignLimits, build_bids
from pricebid.live.clock import Clock
from pricebid.live.explored import Explored
from pricebid.live.prices import FILE, PlanPrices, ShopPrices, numbers, read_table
from pricebid_api.shops import digest_of, load_shop, settings_of
from pricebid_api.uploads import table_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pricebid.live.bids import BidSnapshot
    from pricebid.store import PlanInfo, Published, Store
    from pricebid.store.plans import Kind
    from pricebid.tables import Settings

PRICED: tuple[Kind, ...] = ("price", "joint")
BID: tuple[Kind, ...] = ("bid", "joint")
_NO_AIM = {"objective": "units"}  # current prices have floors where costs are known, and need none


@dataclass(frozen=True, kw_only=True)
class Found:
    """What the store says of a shop.

    Parameters
    ----------
    settings : Settings
        Currency, decimals, time zone.
    tables : str
        Digest of its tables and settings; empty where it has no tables.
    published : Published, optional
        The plan of prices in force.
    plans : tuple of PlanPrices
        That plan, and before it the one that is in effect until it begins.
    quotes : ShopPrices, optional
        Current prices and floors as they were when the plan was made.
    inputs : str
        Digest of the tables and settings that the plan was made from.
    policy : mapping
        The plan's.
    tried : tuple of Explored
        Which other prices may be tried.
    """

    settings: Settings
    tables: str
    published: Published | None
    plans: tuple[PlanPrices, ...]
    quotes: ShopPrices | None
    inputs: str
    policy: dict[str, Any]
    tried: tuple[Explored, ...] = ()

    @property
    def serial(self) -> int:
        """Number of the publish; 0 where no plan is in force."""
        return 0 if self.published is None else self.published.serial

    @property
    def moved(self) -> bool:
        """Whether the tables are others than those that the plan was made from: its floors may be of yesterday."""
        return bool(self.tables) and self.inputs != self.tables


def look(db: Store, shop: str) -> Found:
    """Give what the store says of a shop now.

    Raises
    ------
    NotFound
        There is no such shop.
    PricebidError
        Its plan in force cannot be read.
    """
    settings, tables = tables_of(db, shop)
    newest = in_force(db, shop, PRICED)
    if newest is None:
        return Found(
            settings=settings, tables=tables, published=None, plans=(), quotes=None, inputs="", policy=dict(_NO_AIM)
        )
    info = store.get_plan(db, shop, str(newest.plan_id))
    files = store.plan_files(db, shop, info.id)
    clock = Clock(settings.timezone)
    plan = PlanPrices.from_files(files, clock=clock)
    plans = (*_before(db, info, plan, clock), plan)
    quotes = ShopPrices.from_bytes(files[FILE]) if FILE in files else ShopPrices.of_plan(files)
    return Found(
        settings=settings,
        tables=tables,
        published=newest,
        plans=plans,
        quotes=quotes,
        inputs=info.facts.inputs,
        policy=_policy(files),
        tried=_tried(db, info, plans, files),
    )


def tables_of(db: Store, shop: str) -> tuple[Settings, str]:
    """Give a shop's settings, and one digest for its tables and settings; empty where it has no tables.

    Raises
    ------
    NotFound
        There is no such shop.
    """
    info = store.get_shop(db, shop)
    if info is None:
        raise store.NotFound(f"there is no shop {shop!r}")
    settings, held = settings_of(info.settings), store.get_tables(db, shop)
    return settings, digest_of({one.name: one.digest for one in held}, settings) if held else ""


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


def published_bids(db: Store, shop: str) -> tuple[BidSnapshot, dict[str, float]] | None:
    """Give the bids in force, and the auctions that their plan expects per day by campaign; None where none are."""
    found = in_force(db, shop, BID)
    if found is None:
        return None
    settings, _ = tables_of(db, shop)
    files = store.plan_files(db, shop, str(found.plan_id))
    snapshot = build_bids(shop, settings, files=files, limits=_campaigns(db, shop), serial=found.serial)
    return snapshot, _opportunities(files)


def shop_prices(where: str | Path, shop: str, policy: dict[str, Any]) -> bytes:
    """Give current prices and floors of a shop's tables as they are now; runs in a process of its own."""
    from pricebid.policy import Policy

    db = store.open_store(where, migrate=False)
    try:
        return ShopPrices.of_shop(load_shop(db, shop).shop, Policy.from_mapping(policy)).to_bytes()
    finally:
        db.close()


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
