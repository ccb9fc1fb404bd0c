"""A shop in the store as the engine reads it: its tables, checked, and its settings."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from pricebid import store
from pricebid.errors import Fault, TableError
from pricebid.tables.settings import Settings
from pricebid_api.settings import Guards
from pricebid_api.uploads import table_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pricebid.store import Store
    from pricebid.tables import Shop

_SHOP = {one.name for one in fields(Settings)}
_GUARDS = {one.name for one in fields(Guards)}


@dataclass(frozen=True, kw_only=True)
class LoadedShop:
    """A shop read from the store.

    Parameters
    ----------
    shop : Shop
        Its tables, checked.
    digest : str
        SHA-256 over the digests of its tables and its settings: what a model or plan was made from.
    loaded_at : int
        When the newest table was loaded, microseconds since 1970.
    """

    shop: Shop
    digest: str
    loaded_at: int


def load_shop(db: Store, shop: str) -> LoadedShop:
    """Read a shop from the store.

    Raises
    ------
    NotFound
        There is no such shop.
    TableError
        It has no tables, or they contradict each other.
    """
    from pricebid.tables import Shop

    info = get_shop(db, shop)
    held = store.get_tables(db, shop)
    if not held:
        raise TableError([Fault(table="sales", message=f"shop {shop} has no tables yet; PUT them first")])
    tables = tuple(table_of(one.name, store.table_bytes(db, shop, one.name, one.version)) for one in held)
    settings = settings_of(info.settings)
    return LoadedShop(
        shop=Shop(tables=tables, settings=settings),
        digest=digest_of({one.name: one.digest for one in held}, settings),
        loaded_at=max(one.loaded_at for one in held),
    )


def get_shop(db: Store, shop: str) -> store.ShopInfo:
    """Give a shop.

    Raises
    ------
    NotFound
        There is no such shop.
    """
    info = store.get_shop(db, shop)
    if info is None:
        raise store.NotFound(f"there is no shop {shop!r}")
    return info


def settings_of(stored: Mapping[str, Any]) -> Settings:
    """Give the part of a shop's stored settings that ``shop.toml`` has in a folder.

    Raises
    ------
    TableError
        A value is outside its range.
    """
    return Settings(**{key: value for key, value in stored.items() if key in _SHOP and value is not None})


def guards_of(base: Guards, stored: Mapping[str, Any]) -> Guards:
    """Give the guards of a shop."""
    given = stored.get("guards")
    return Guards.of(base, given if isinstance(given, dict) else {})


def digest_of(tables: Mapping[str, str], settings: Settings) -> str:
    """Give one digest for all that a shop holds."""
    lines = [f"{name} {digest}" for name, digest in sorted(tables.items())]
    return hashlib.sha256("\n".join([*lines, repr(settings)]).encode()).hexdigest()
