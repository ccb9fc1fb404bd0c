"""Shops: their settings, and how everything of a shop is erased. Their tables are in `pricebid.store.tables`."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from pricebid.errors import InputError
from pricebid.store.audit import append
from pricebid.store.connect import WAIT_SECONDS, now
from pricebid.store.errors import InForce, NotFound
from pricebid.store.money import Money
from pricebid.store.paging import Page, checked_limit, page_of, place_of
from pricebid.store.schema import api_keys, audit, decisions, erasing, feedback, plans, publications, secrets, shops

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Connection, Row

    from pricebid.store.connect import Store

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}\Z")
_FORGET_MILLISECONDS = 2000
_ERASED = "shop.erased"
_ERASURE = 0x65726173  # "eras": the advisory locks for whose turn it is with a shop


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
    InForce
        The currency or its decimals would change, and a plan is in force that was made in those of now.
    """
    checked_name(shop)
    moment = now()
    try:
        with db.write() as conn:
            row = conn.execute(select(shops).where(shops.c.shop == shop).with_for_update(key_share=True)).one_or_none()
            found = None if row is None else _shop(row)
            wanted = (found.settings if found else {}) if settings is None else dict(settings)
            if found is not None and found.settings == wanted:
                return found
            if found is not None:
                _keep_money(conn, found, wanted)
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


def _keep_money(conn: Connection, shop: ShopInfo, wanted: Mapping[str, Any]) -> None:
    """Refuse to change the money below a plan in force, whose numbers would be quoted in another; the shop is locked."""
    now_in, then = Money.of(shop.settings), Money.of(wanted)
    if now_in == then:
        return
    refuse_in_force(conn, shop.shop, said=f"shop {shop.shop!r} counts in {now_in}, and so does", to=f"change to {then}")


def refuse_in_force(
    conn: Connection, shop: str, *, said: str, to: str, kinds: Sequence[str] = ("price", "bid", "joint")
) -> None:
    """Refuse what a plan in force of some kinds does not stand; the shop is locked, so none is published meanwhile.

    Raises
    ------
    InForce
        There is one.
    """
    mine = (publications.c.shop == shop) & publications.c.kind.in_(kinds) & publications.c.plan_id.is_not(None)
    query = select(publications.c.kind, publications.c.plan_id).where(mine).order_by(publications.c.serial)
    plan = conn.execute(query).first()
    if plan is not None:
        raise InForce(
            f"{said} the {plan.kind} plan {plan.plan_id}, which is in force: "
            f"take it back first (POST /v1/shops/{shop}/plans/{plan.plan_id}/rollback), then {to}"
        )


def settings_in(conn: Connection, shop: str) -> dict[str, Any]:
    """Give a shop's settings within the caller's transaction, which has locked the shop."""
    found: dict[str, Any] = json.loads(conn.execute(select(shops.c.settings).where(shops.c.shop == shop)).scalar_one())
    return found


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
        _queue(conn, shop, alone=True)
        if conn.execute(select(shops.c.shop).where(shops.c.shop == shop).with_for_update()).scalar() is None:
            raise no_shop(shop)
        conn.execute(insert(erasing).values(shop=shop))
        erased = {
            part.name: conn.execute(delete(part).where(part.c.shop == shop)).rowcount
            # The audit last: whoever is about to revoke a key of the shop has written its row by then.
            for part in (feedback, decisions, plans, api_keys, secrets, audit)
        }
        conn.execute(delete(shops).where(shops.c.shop == shop))  # all else belongs to it and goes with it
        conn.execute(delete(erasing).where(erasing.c.shop == shop))
        append(conn, shop=shop, who=by, what=_ERASED, subject=shop, detail={"rows": erased})
    forget(db)


def last_erasure(conn: Connection, shop: str) -> int:
    """Give the number of the audit row of the last erasure of a shop of that name; 0 where there was none."""
    gone = (audit.c.shop == shop) & (audit.c.what == _ERASED)
    return int(conn.execute(select(func.max(audit.c.id)).where(gone)).scalar() or 0)


def locked(conn: Connection, shop: str) -> None:
    """Let nobody else who asks for this work on the shop until the transaction ends; new rows of others may come.

    Raises
    ------
    NotFound
        There is no such shop.
    """
    query = select(shops.c.shop).where(shops.c.shop == shop).with_for_update(key_share=True)
    if conn.execute(query).scalar() is None:
        raise no_shop(shop)


def kept(conn: Connection, shop: str) -> bool:
    """Hold a shop against its erasure until the transaction ends; False where there is none.

    Asked for before any row of the shop is locked: the erasure locks the shop first and its rows after, and two who lock
    in another order than each other wait for ever.
    """
    _queue(conn, shop, alone=False)
    held = select(shops.c.shop).where(shops.c.shop == shop).with_for_update(read=True, key_share=True)
    return conn.execute(held).scalar() is not None


def _queue(conn: Connection, shop: str, *, alone: bool) -> None:
    """Wait for one's turn: PostgreSQL lets those who share a row pass whoever waits to have it alone, for ever if need be."""
    if conn.dialect.name == "postgresql":
        lock = func.pg_advisory_xact_lock if alone else func.pg_advisory_xact_lock_shared
        conn.execute(select(lock(_ERASURE, func.hashtext(shop))))


def no_shop(shop: str) -> NotFound:
    """Say that there is no such shop."""
    return NotFound(f"there is no shop {shop!r}")


def checked_name(shop: str) -> str:
    """Give a name that a shop may have.

    Raises
    ------
    InputError
        It is none.
    """
    if not _NAME.match(shop):
        raise InputError(
            f"{shop[:80]!r} cannot name a shop: use a letter or digit, then up to 62 letters, digits, '_', '.' or '-'"
        )
    return shop


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
