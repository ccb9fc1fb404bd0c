"""Shops: their settings, the tables loaded for them, and how everything of a shop is erased."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from pricebid.errors import InputError
from pricebid.store.audit import append
from pricebid.store.connect import WAIT_SECONDS, now
from pricebid.store.errors import Busy, NotFound
from pricebid.store.paging import Page, checked_limit, page_of, place_of
from pricebid.store.schema import api_keys, audit, decisions, erasing, feedback, plans, secrets, shop_tables, shops

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection, Row

    from pricebid.store.connect import Store

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}\Z")
_FORGET_MILLISECONDS = 2000
_KEPT = 2  # versions of a table: the one in use, and the one before


@dataclass(frozen=True, kw_only=True)
class ShopInfo:
    """A shop.

    Parameters
    ----------
    shop : str
        Its name.
    settings : mapping
        As its owner set them.
    created_at, updated_at : int
        Microseconds since 1970, UTC.
    """

    shop: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    created_at: int
    updated_at: int


@dataclass(frozen=True, kw_only=True)
class TableInfo:
    """A table that is loaded.

    Parameters
    ----------
    shop, name : str
        Which.
    version : int
        From 1; each load counts one further.
    digest : str
        SHA-256 of its bytes, hexadecimal.
    rows, bytes : int
        How large.
    by : str
        Who loaded it.
    loaded_at : int
        Microseconds since 1970, UTC.
    """

    shop: str
    name: str
    version: int
    digest: str
    rows: int
    bytes: int
    by: str
    loaded_at: int


_TABLE_COLUMNS = [column for column in shop_tables.c if column.name != "data"]


def put_shop(db: Store, shop: str, *, by: str, settings: Mapping[str, Any] | None = None) -> ShopInfo:
    """Make a shop, or change its settings; nothing happens where both are as asked.

    Parameters
    ----------
    db : Store
        Open.
    shop : str
        Its name: a letter or digit, then letters, digits, ``_``, ``.``, ``-``; at most 63.
    by : str
        Who, for the audit log.
    settings : mapping, optional
        Replace the ones before; left as they are where not given.

    Returns
    -------
    ShopInfo
        As it now is.

    Raises
    ------
    InputError
        The name is none.
    """
    if not _NAME.match(shop):
        raise InputError(
            f"{shop[:80]!r} cannot name a shop: use a letter or digit, then up to 62 letters, digits, '_', '.' or '-'"
        )
    moment = now()
    try:
        with db.write() as conn:
            row = conn.execute(select(shops).where(shops.c.shop == shop).with_for_update(key_share=True)).one_or_none()
            found = None if row is None else _shop(row)
            wanted = (found.settings if found else {}) if settings is None else dict(settings)
            if found is not None and found.settings == wanted:
                return found
            values = {"settings": json.dumps(wanted, sort_keys=True), "updated_at": moment}
            if found is None:
                conn.execute(insert(shops).values(shop=shop, created_at=moment, **values))
            else:
                conn.execute(update(shops).where(shops.c.shop == shop).values(**values))
            append(conn, shop=shop, who=by, what="shop.set" if found else "shop.made", detail={"settings": wanted})
    except IntegrityError:  # another process made it at the same time
        return put_shop(db, shop, by=by, settings=settings)
    created = moment if found is None else found.created_at
    return ShopInfo(shop=shop, settings=wanted, created_at=created, updated_at=moment)


def get_shop(db: Store, shop: str) -> ShopInfo | None:
    """Give a shop; None where there is none of that name."""
    with db.read() as conn:
        row = conn.execute(select(shops).where(shops.c.shop == shop)).one_or_none()
    return None if row is None else _shop(row)


def list_shops(db: Store, *, limit: int = 100, cursor: str | None = None) -> Page[ShopInfo]:
    """List all shops by name. Not for a caller who may see one shop only.

    Raises
    ------
    InputError
        The limit or cursor is none.
    """
    query = select(shops).order_by(shops.c.shop).limit(checked_limit(limit) + 1)
    if cursor is not None:
        query = query.where(shops.c.shop > place_of(cursor, str)[0])
    with db.read() as conn:
        found = [_shop(row) for row in conn.execute(query)]
    return page_of(found, limit, lambda info: (info.shop,))


def put_table(  # noqa: PLR0913 - what it is, and two conditions
    db: Store,
    shop: str,
    table: str,
    data: bytes,
    *,
    rows: int,
    digest: str,
    by: str,
    drop_versions: bool = False,
    over: int | None = None,
) -> TableInfo:
    """Replace a table whole; readers see the old one until this is committed, then the new one.

    Parameters
    ----------
    db : Store
        Open.
    shop, table : str
        Which.
    data : bytes
        Parquet, checked by the caller.
    rows : int
        How many it holds.
    digest : str
        SHA-256 of ``data``, hexadecimal.
    by : str
        Who, for the audit log.
    drop_versions : bool
        Whether the version before goes at once, as when a person's rows were taken out. Otherwise it stays until
        the next load, for jobs that began with it.
    over : int, optional
        Only if this version is the one in use, for whoever made the new one from it; in any case unless given.

    Returns
    -------
    TableInfo
        Of the new version.

    Raises
    ------
    NotFound
        There is no such shop.
    Busy
        Another version than ``over`` is in use by now.
    """
    moment = now()
    mine = (shop_tables.c.shop == shop) & (shop_tables.c.name == table)
    with db.write() as conn:
        locked(conn, shop)
        newest = select(shop_tables.c.version).where(mine).order_by(shop_tables.c.version.desc()).limit(1)
        last = conn.execute(newest).scalar() or 0
        if over not in (None, last):
            raise Busy(f"table {table} of shop {shop!r} was loaded anew meanwhile; try again")
        version = last + 1
        facts = {"digest": digest, "rows": rows, "bytes": len(data), "by": by, "loaded_at": moment}
        conn.execute(insert(shop_tables).values(shop=shop, name=table, version=version, data=data, **facts))
        oldest = version if drop_versions else version - _KEPT + 1
        conn.execute(delete(shop_tables).where(mine, shop_tables.c.version < oldest))
        detail = {"version": version, "rows": rows, "bytes": len(data)}
        append(conn, shop=shop, who=by, what="table.loaded", subject=table, digest=digest, detail=detail)
    if drop_versions:
        forget(db)
    return TableInfo(
        shop=shop, name=table, version=version, digest=digest, rows=rows, bytes=len(data), by=by, loaded_at=moment
    )


def get_tables(db: Store, shop: str) -> tuple[TableInfo, ...]:
    """Give the tables of a shop that are in use, by name; none for a shop that is not there."""
    query = (
        select(*_TABLE_COLUMNS)
        .where(shop_tables.c.shop == shop)
        .order_by(shop_tables.c.name, shop_tables.c.version.desc())
    )
    newest: dict[str, TableInfo] = {}
    with db.read() as conn:
        for row in conn.execute(query):
            newest.setdefault(row.name, TableInfo(**row._mapping))  # noqa: SLF001 - SQLAlchemy's public name
    return tuple(newest.values())


def table_bytes(db: Store, shop: str, table: str, version: int | None = None) -> bytes:
    """Give what was loaded.

    Parameters
    ----------
    db : Store
        Open.
    shop, table : str
        Which.
    version : int, optional
        The one in use unless given; the one before it can be had too.

    Returns
    -------
    bytes
        Parquet.

    Raises
    ------
    NotFound
        No such table or version in this shop (any more).
    """
    query = select(shop_tables.c.data).where(shop_tables.c.shop == shop, shop_tables.c.name == table)
    if version is not None:
        query = query.where(shop_tables.c.version == version)
    with db.read() as conn:
        data = conn.execute(query.order_by(shop_tables.c.version.desc()).limit(1)).scalar()
    if data is None:
        which = f"table {table!r}" if version is None else f"version {version} of table {table!r}"
        raise NotFound(f"there is no {which} in shop {shop!r}")
    return bytes(data)


def erase_shop(db: Store, shop: str, *, by: str) -> None:
    """Erase everything of a shop, keys and audit rows included; one audit row that says so stays.

    On SQLite what is erased is overwritten in the file; PostgreSQL keeps the bytes, which no query finds, until their
    space is used again or ``VACUUM FULL`` is run. Backups made before hold it still.

    Parameters
    ----------
    db : Store
        Open.
    shop : str
        Which.
    by : str
        Who, for the row that stays.

    Raises
    ------
    NotFound
        There is no such shop.
    """
    with db.write() as conn:
        if conn.execute(select(shops.c.shop).where(shops.c.shop == shop).with_for_update()).scalar() is None:
            raise NotFound(f"there is no shop {shop!r}")
        conn.execute(insert(erasing).values(shop=shop))
        erased = {
            part.name: conn.execute(delete(part).where(part.c.shop == shop)).rowcount
            for part in (audit, feedback, decisions, plans, api_keys, secrets)
        }
        conn.execute(delete(shops).where(shops.c.shop == shop))  # all else belongs to it and goes with it
        conn.execute(delete(erasing).where(erasing.c.shop == shop))
        append(conn, shop=shop, who=by, what="shop.erased", subject=shop, detail={"rows": erased})
    forget(db)


def locked(conn: Connection, shop: str) -> None:
    """Let nobody else who asks for this work on the shop until the transaction ends; new rows of others may come.

    Raises
    ------
    NotFound
        There is no such shop.
    """
    query = select(shops.c.shop).where(shops.c.shop == shop).with_for_update(key_share=True)
    if conn.execute(query).scalar() is None:
        raise NotFound(f"there is no shop {shop!r}")


def forget(db: Store) -> None:
    """Have what was deleted overwritten on the disk, as far as others who read at this moment let us.

    SQLite alone: deleted rows are blank in its log already, and this folds the log into the file. PostgreSQL has no
    such thing; ``VACUUM FULL`` rewrites its tables without what was deleted, and locks them meanwhile.
    """
    if db.dialect != "sqlite":
        return
    connection = db.engine.raw_connection()
    try:
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {_FORGET_MILLISECONDS}")
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        cursor.execute(f"PRAGMA busy_timeout = {WAIT_SECONDS * 1000:.0f}")
    finally:
        connection.close()


def _shop(row: Row[Any]) -> ShopInfo:
    values = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name
    return ShopInfo(**(values | {"settings": json.loads(values["settings"])}))
