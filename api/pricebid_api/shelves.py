"""What a worker quotes for one shop: made of what the store says is in force, immutable, swapped whole."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from pricebid import store
from pricebid.errors import PricebidError
from pricebid.live.snapshot import PriceSnapshot, build_prices
from pricebid_api import logs

if TYPE_CHECKING:
    from pricebid.live.prices import ShopPrices
    from pricebid.live.tokens import Signer
    from pricebid.store import Store
    from pricebid.tables import Settings
    from pricebid_api.in_force import Found

LAWS = "exploration"  # the learner whose state holds what is drawn from now


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

    def shows(self, found: Found) -> bool:
        """Whether it quotes the plan that the store says is in force, in the shop's currency and time."""
        return self.prices.serial == found.serial and self.settings == found.settings

    def without_plan(self) -> Shelf:
        """Give the shelf that quotes current prices only: what is left at once of a plan that was taken back."""
        prices, none = self.prices, np.empty(0, dtype=np.int64)
        bare = replace(
            prices, plans=(), start=none, end=none, minor=prices.minor[-1:], why=prices.why[-1:], laws=(), serial=0
        )
        return replace(self, prices=bare, published_at=0)


def made_of(
    db: Store, shop: str, found: Found, now: ShopPrices, *, tables: str, signer: Signer, before: Shelf | None
) -> Shelf:
    """Make a shelf, off the requests' path.

    Parameters
    ----------
    db : Store
        Where what was learnt for exploration is.
    shop : str
        The shop.
    found : Found
        What is in force.
    now : ShopPrices
        Current prices and floors.
    tables : str
        Digest of the tables that those were taken from.
    signer : Signer
        Signs the shop's decisions.
    before : Shelf, optional
        What is quoted now.
    """
    prices = build_prices(
        shop,
        found.settings,
        now=now,
        plans=found.plans,
        exploration=[one.exploration() for one in found.tried],
        serial=found.serial,
        previous=None if before is None else before.prices,
    )
    shelf = Shelf(
        shop=shop,
        prices=prices,
        signer=signer,
        settings=found.settings,
        tables=tables,
        published_at=0 if found.published is None else found.published.at,
    )
    return learned(db, shelf) if prices.explores else shelf


def no_lower(now: ShopPrices, before: PriceSnapshot) -> ShopPrices:
    """Give prices with no floor below that of the snapshot before: its tables may be newer than those of the plan."""
    slot = before.index.slots_of(now.keys)
    held = before.floor.reshape(-1, before.index.hours).max(axis=1)[slot] / 10**before.decimals
    return replace(now, floor=np.where(slot < 0, now.floor, np.fmax(now.floor, held)))


def learned(db: Store, shelf: Shelf) -> Shelf:
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
