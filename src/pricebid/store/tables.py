"""The tables of shops: loaded whole, dropped whole, and only upon what was seen when they were checked."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, func, insert, select, text

from pricebid.store.audit import append
from pricebid.store.connect import now
from pricebid.store.errors import Changed, Erased, NotFound
from pricebid.store.schema import audit, shop_tables, shops
from pricebid.store.shops import checked_name, forget, kept, last_erasure, locked, no_shop, refuse_in_force

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection

    from pricebid.store.connect import Store

_KEPT = 2  # versions of a table: the one in use, and the one before
_DROPPED = "table.dropped"
_LIMITS, _LIMITED = "campaigns", ("bid", "joint")  # budgets and greatest bids, and the plans that keep within them
_MAKE = text(
    "INSERT INTO shops (shop, settings, created_at, updated_at) VALUES (:shop, '{}', :at, :at) "
    "ON CONFLICT (shop) DO NOTHING"
)


@dataclass(frozen=True, kw_only=True)
class TableInfo:
    """A table that is loaded.

    Parameters
    ----------
    shop, name : str
        Which.
    version : int
        From 1; each load counts one further, also after the table was dropped.
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


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What a table is checked beside, as it was seen before: what is stored upon it must find it so still.

    Parameters
    ----------
    shop : str
        The shop's name.
    made : bool
        Whether there is such a shop.
    erased : int
        Number of the audit row of the last erasure of a shop of that name; 0 where there was none.
    settings : str
        The shop's, as JSON.
    tables : mapping of str to int
        The version in use of each table.
    """

    shop: str
    made: bool
    erased: int
    settings: str
    tables: Mapping[str, int]


_TABLE_COLUMNS = [column for column in shop_tables.c if column.name != "data"]


def see_shop(db: Store, shop: str, *, since: Seen | None = None) -> Seen:
    """See what a table of a shop is checked beside; the shop need not be there yet.

    Parameters
    ----------
    db : Store
        Open.
    shop : str
        Which.
    since : Seen, optional
        What was seen before: an erasure since then ends the work that began with it.

    Raises
    ------
    Erased
        The shop was erased since.
    """
    with db.read() as conn:
        # Whatever comes between these reads, on PostgreSQL, differs from what is found when it is stored.
        erased = last_erasure(conn, shop)
        settings = conn.execute(select(shops.c.settings).where(shops.c.shop == shop)).scalar()
        tables = _versions(conn, shop)
    if since is not None and erased != since.erased:
        raise _gone(shop)
    return Seen(shop=shop, made=settings is not None, erased=erased, settings=settings or "{}", tables=tables)


def put_table(  # noqa: PLR0913 - what it is, and the conditions
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
    seen: Seen | None = None,
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
    seen : Seen, optional
        What it was checked beside: only if settings and other tables are still the same. A shop that was not there is
        made with its table; one that was erased since is not. Beside ``over``, only that it was not erased: what is
        made from one version alone needs no other table.

    Returns
    -------
    TableInfo
        Of the new version.

    Raises
    ------
    NotFound
        There is no such shop, and nobody saw that there was none.
    Erased
        The shop was erased since it was seen.
    Changed
        Another version than ``over`` is in use by now, or the shop is not as it was seen.
    InputError
        The shop is not there, and its name is none.
    """
    moment = now()
    mine = (shop_tables.c.shop == shop) & (shop_tables.c.name == table)
    with db.write() as conn:
        made = seen is not None and not seen.made and _make(conn, shop, moment)
        _hold(conn, shop, seen, but=table, beside=over is None)
        used = _in_use(conn, shop, table)
        if over not in (None, used):
            raise _other(shop, table)
        version = (used or _dropped(conn, shop, table)) + 1
        facts = {"digest": digest, "rows": rows, "bytes": len(data), "by": by, "loaded_at": moment}
        conn.execute(insert(shop_tables).values(shop=shop, name=table, version=version, data=data, **facts))
        oldest = version if drop_versions else version - _KEPT + 1
        conn.execute(delete(shop_tables).where(mine, shop_tables.c.version < oldest))
        if made:
            append(conn, shop=shop, who=by, what="shop.made", detail={"settings": {}})
        detail = {"version": version, "rows": rows, "bytes": len(data)}
        append(conn, shop=shop, who=by, what="table.loaded", subject=table, digest=digest, detail=detail)
    if drop_versions:
        forget(db)
    return TableInfo(
        shop=shop, name=table, version=version, digest=digest, rows=rows, bytes=len(data), by=by, loaded_at=moment
    )


def drop_table(db: Store, shop: str, table: str, *, by: str, over: int | None = None, seen: Seen | None = None) -> None:
    """Drop a table, the version before included; other tables stay. On SQLite its bytes are overwritten in the file.

    Parameters
    ----------
    db : Store
        Open.
    shop, table : str
        Which.
    by : str
        Who, for the audit log.
    over : int, optional
        Only if this version is the one in use, so that one that was loaded meanwhile is not lost; in any case unless given.
    seen : Seen, optional
        Only if settings and other tables are still the same, for whoever checked that these hold without it. Beside
        ``over``, only that the shop was not erased.

    Raises
    ------
    NotFound
        There is no such shop, or no such table in it.
    Erased
        The shop was erased since it was seen.
    Changed
        Another version than ``over`` is in use by now, or the shop is not as it was seen.
    InForce
        It is ``campaigns``, and a plan that bids is in force: its bids would know no limit any more.
    """
    mine = (shop_tables.c.shop == shop) & (shop_tables.c.name == table)
    with db.write() as conn:
        _hold(conn, shop, seen, but=table, beside=over is None)
        version = _in_use(conn, shop, table)
        if not version:
            raise no_table(shop, table)
        if over not in (None, version):
            raise _other(shop, table)
        if table == _LIMITS:
            said = f"table {table} of shop {shop!r} holds the budgets and greatest bids of"
            refuse_in_force(conn, shop, said=said, to="drop it; or load it anew with other limits", kinds=_LIMITED)
        newest = select(shop_tables.c.rows).where(mine, shop_tables.c.version == version)
        detail = {"version": version, "rows": conn.execute(newest).scalar_one()}
        conn.execute(delete(shop_tables).where(mine))
        append(conn, shop=shop, who=by, what=_DROPPED, subject=table, detail=detail)
    forget(db)


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
        raise no_table(shop, table, version)
    return bytes(data)


def no_table(shop: str, table: str, version: int | None = None) -> NotFound:
    """Say that a shop has no such table, or not that version of it."""
    which = f"table {table!r}" if version is None else f"version {version} of table {table!r}"
    return NotFound(f"there is no {which} in shop {shop!r}")


def unless_erased(conn: Connection, seen: Seen) -> None:
    """Hold a shop against its erasure until the transaction ends, where it was not erased since it was seen.

    Raises
    ------
    Erased
        It was.
    """
    kept(conn, seen.shop)
    if last_erasure(conn, seen.shop) != seen.erased:
        raise _gone(seen.shop)


def _make(conn: Connection, shop: str, moment: int) -> bool:
    """Make a shop unless somebody was quicker; where somebody is about to, wait for that."""
    return conn.execute(_MAKE, {"shop": checked_name(shop), "at": moment}).rowcount == 1


def _hold(conn: Connection, shop: str, seen: Seen | None, *, but: str, beside: bool) -> None:
    """Lock a shop that is as it was seen, one of its tables aside; that was not erased, where nothing beside it counts."""
    if seen is None:
        locked(conn, shop)
        return
    held = select(shops.c.settings).where(shops.c.shop == shop).with_for_update(key_share=True)
    settings = conn.execute(held).scalar()
    if last_erasure(conn, shop) != seen.erased:  # asked once the lock is held: nobody can erase it any more
        raise _gone(shop)
    if settings is None:
        raise no_shop(shop)
    if not beside:
        return
    others, before = _versions(conn, shop), dict(seen.tables)
    others.pop(but, None)
    before.pop(but, None)
    if (settings, others) != (seen.settings, before):
        raise Changed(f"other tables or settings of shop {shop!r} were changed meanwhile; try again")


def _versions(conn: Connection, shop: str) -> dict[str, int]:
    newest = select(shop_tables.c.name, func.max(shop_tables.c.version)).where(shop_tables.c.shop == shop)
    return {name: int(version) for name, version in conn.execute(newest.group_by(shop_tables.c.name)).all()}


def _in_use(conn: Connection, shop: str, table: str) -> int:
    """Give the version of a table that is in use, 0 where there is none."""
    mine = (shop_tables.c.shop == shop) & (shop_tables.c.name == table)
    return int(conn.execute(select(func.max(shop_tables.c.version)).where(mine)).scalar() or 0)


def _dropped(conn: Connection, shop: str, table: str) -> int:
    """Give the last version that a dropped table had: no other contents ever come under the number of what is gone."""
    gone = (audit.c.shop == shop) & (audit.c.what == _DROPPED) & (audit.c.subject == table)
    detail: Any = conn.execute(select(audit.c.detail).where(gone).order_by(audit.c.id.desc()).limit(1)).scalar()
    return 0 if detail is None else int(json.loads(detail)["version"])


def _other(shop: str, table: str) -> Changed:
    return Changed(f"table {table} of shop {shop!r} was loaded anew or dropped meanwhile; try again")


def _gone(shop: str) -> Erased:
    return Erased(f"shop {shop!r} was erased meanwhile; what was begun before is not kept")
