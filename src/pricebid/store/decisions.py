"""The log of quotes: one record per request, written in batches off the path, its losses counted.

Each worker numbers its records from 1. What a worker that is killed had not yet written is lost, and is counted as
soon as somebody notes how far its numbers went: its own next record, or what it left outside the database.
"""

from __future__ import annotations

from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, delete, or_, select, text

from pricebid.store.bulk import insert_new
from pricebid.store.connect import now
from pricebid.store.paging import Page, checked_limit, page_of, place_of
from pricebid.store.schema import decisions, log_workers, shops
from pricebid.store.shops import kept, last_erasure, no_shop

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection, Row

    from pricebid.store.connect import Store

_COUNT = text(
    "INSERT INTO log_workers (worker, issued, written, noted_at) VALUES (:worker, :issued, :written, :at) "
    "ON CONFLICT (worker) DO UPDATE SET "
    "issued = CASE WHEN excluded.issued > log_workers.issued THEN excluded.issued ELSE log_workers.issued END, "
    "written = log_workers.written + excluded.written, noted_at = excluded.noted_at"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class DecisionRecord:
    """What one request was answered.

    Parameters
    ----------
    id : str
        UUIDv7.
    at : int
        When, microseconds since 1970, UTC.
    worker : str
        Which process answered, by a name that no other process ever has.
    seq : int
        Its number among that worker's records, from 1 without gaps, over all shops.
    kind : str
        ``price`` or ``bid``.
    request : str
        Id of the request.
    items : bytes
        What was asked and given, compact; nothing in the store looks inside.
    """

    id: str
    at: int
    worker: str
    seq: int
    kind: str
    request: str
    items: bytes


@dataclass(frozen=True, kw_only=True)
class Loss:
    """How complete the log of one worker is.

    Parameters
    ----------
    worker : str
        Which.
    issued : int
        Highest number that one of its records is known to have.
    written : int
        Records of it that arrived.
    lost : int
        The difference. Records on their way count until they arrive.
    noted_at : int
        When this was last heard of, microseconds since 1970, UTC.
    """

    worker: str
    issued: int
    written: int
    lost: int
    noted_at: int


_NAMES = ("at", "worker", "seq", "kind", "request", "items")
_VALUES = attrgetter(*_NAMES)


def add_decisions(db: Store, shop: str, records: Sequence[DecisionRecord], *, since_made: bool = False) -> int:
    """Write records of a shop; those that are there already are left as they are, so a batch may be sent again.

    Parameters
    ----------
    db : Store
        Open.
    shop : str
        Whose.
    records : sequence of DecisionRecord
        In any order.
    since_made : bool
        Leave out those from before the shop was made, where one of that name was erased: they are of that one, and late.

    Returns
    -------
    int
        How many were new.

    Raises
    ------
    NotFound
        There is no such shop (any more).
    """
    new = 0
    with db.write() as conn:
        if not kept(conn, shop):
            raise no_shop(shop)
        first = _begin(conn, shop, records) if since_made else 0
        groups: dict[str, list[DecisionRecord]] = {}
        for record in records:
            if record.at >= first:
                groups.setdefault(record.worker, []).append(record)
        for worker in sorted(groups):  # in order, so that two batches never wait for each other
            rows = [(record.id, shop, *_VALUES(record)) for record in groups[worker]]
            written = insert_new(conn, decisions, rows)
            issued = max(record.seq for record in groups[worker])
            conn.execute(_COUNT, {"worker": worker, "issued": issued, "written": written, "at": now()})
            new += written
    return new


def _begin(conn: Connection, shop: str, records: Sequence[DecisionRecord]) -> int:
    """Give the moment from which on records are the shop's own.

    One from before the shop was made may also come of two clocks that differ: it is late only where a shop was erased.
    """
    made = int(conn.execute(select(shops.c.created_at).where(shops.c.shop == shop)).scalar_one())
    early = any(record.at < made for record in records)
    return made if early and last_erasure(conn, shop) else 0


def list_decisions(
    db: Store, shop: str, *, limit: int = 100, cursor: str | None = None, since: int | None = None
) -> Page[DecisionRecord]:
    """List the records of a shop, newest first.

    Parameters
    ----------
    db : Store
        Open.
    shop : str
        Whose.
    limit : int
        Rows of the page, 1 to 1000.
    cursor : str, optional
        Of the page before.
    since : int, optional
        Only from this moment on, microseconds since 1970, UTC.

    Returns
    -------
    Page of DecisionRecord
        Empty for a shop that is not there.

    Raises
    ------
    InputError
        The limit or cursor is none.
    """
    query = select(decisions).where(decisions.c.shop == shop)
    if since is not None:
        query = query.where(decisions.c.at >= since)
    if cursor is not None:
        at, last = place_of(cursor, int, str)
        query = query.where(or_(decisions.c.at < at, and_(decisions.c.at == at, decisions.c.id < last)))
    query = query.order_by(decisions.c.at.desc(), decisions.c.id.desc()).limit(checked_limit(limit) + 1)
    with db.read() as conn:
        found = [_record(row) for row in conn.execute(query)]
    return page_of(found, limit, lambda record: (record.at, record.id))


def next_decisions(
    db: Store, shop: str, *, kind: str, after: tuple[int, str], before: int, limit: int = 1000
) -> tuple[DecisionRecord, ...]:
    """Give the records of a kind between a place and a moment, oldest first: how a learner goes through the log.

    Records are written a little after they were made, so read only up to a moment that lies some seconds back.

    Parameters
    ----------
    db : Store
        Open.
    shop : str
        Whose.
    kind : str
        ``price`` or ``bid``.
    after : (int, str)
        Time and id of the last record read before; ``(0, "")`` at the start.
    before : int
        Only from before this moment, microseconds since 1970, UTC.
    limit : int
        At most so many.
    """
    at, last = after
    later = or_(decisions.c.at > at, and_(decisions.c.at == at, decisions.c.id > last))
    mine = and_(decisions.c.shop == shop, decisions.c.at >= at, decisions.c.at < before, decisions.c.kind == kind)
    query = select(decisions).where(mine, later).order_by(decisions.c.at, decisions.c.id).limit(limit)
    with db.read() as conn:
        return tuple(_record(row) for row in conn.execute(query))


def drop_decisions(db: Store, shop: str, *, before: int) -> int:
    """Drop the records of a shop from before a moment; the counts of losses stay.

    Parameters
    ----------
    db : Store
        Open.
    shop : str
        Whose.
    before : int
        Microseconds since 1970, UTC.

    Returns
    -------
    int
        How many went.
    """
    with db.write() as conn:
        return conn.execute(delete(decisions).where(decisions.c.shop == shop, decisions.c.at < before)).rowcount


def note_loss(db: Store, worker: str, *, issued: int) -> None:
    """Note how far a worker's numbers went, as it left it outside the database before it was killed.

    Parameters
    ----------
    db : Store
        Open.
    worker : str
        Which.
    issued : int
        The highest number that it gave. Lower than what is known changes nothing.
    """
    with db.write() as conn:
        conn.execute(_COUNT, {"worker": worker, "issued": issued, "written": 0, "at": now()})


def losses(db: Store) -> tuple[Loss, ...]:
    """Tell how complete the log of each worker is, by name; complete ones too."""
    with db.read() as conn:
        rows = conn.execute(select(log_workers).order_by(log_workers.c.worker)).all()
    return tuple(
        Loss(
            worker=row.worker,
            issued=row.issued,
            written=row.written,
            lost=row.issued - row.written,
            noted_at=row.noted_at,
        )
        for row in rows
    )


def _record(row: Row[Any]) -> DecisionRecord:
    return DecisionRecord(id=row.id, **dict(zip(_NAMES, _VALUES(row), strict=True)))
