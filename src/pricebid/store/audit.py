"""The audit log: who did what to which shop, when, and from which inputs. Rows are added and never changed.

A row is written in the transaction of the step that it tells of: either both are there or neither. Its number is
taken from a counter that stays locked until that transaction ends, so numbers have no gaps and rise in the order of
commits: a reader that has seen number n has seen all before it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, select, text

from pricebid.store.connect import now
from pricebid.store.paging import Page, checked_limit, page_of, place_of
from pricebid.store.schema import audit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection, Row

    from pricebid.store.connect import Store

_NEXT = text(
    "INSERT INTO counters (name, value) VALUES (:name, 1) "
    "ON CONFLICT (name) DO UPDATE SET value = counters.value + 1 RETURNING value"
)


@dataclass(frozen=True, kw_only=True)
class AuditRow:
    """One step.

    Parameters
    ----------
    id : int
        Its number, from 1 without gaps (rows of erased shops aside).
    at : int
        When, microseconds since 1970, UTC.
    shop : str
        Of which shop; empty where it concerns none.
    who : str
        Who took it: the name of a key, a user or a command.
    what : str
        What was done, such as ``plan.published``.
    subject : str
        To what: a plan, a table, a key.
    digest : str
        SHA-256 of what it was done with, hexadecimal; empty where there is none.
    detail : mapping
        What else is worth knowing later.
    """

    id: int
    at: int
    shop: str
    who: str
    what: str
    subject: str
    digest: str
    detail: Mapping[str, Any] = field(default_factory=dict)


def append(
    conn: Connection,
    *,
    shop: str,
    who: str,
    what: str,
    subject: str = "",
    digest: str = "",
    detail: Mapping[str, object] | None = None,
) -> int:
    """Add a row within the caller's transaction; best as its last statement, for the log waits until that ends.

    Parameters
    ----------
    conn : Connection
        Of ``Store.write``.
    shop, who, what, subject, digest, detail
        See `AuditRow`.

    Returns
    -------
    int
        The row's number.
    """
    number = next_number(conn, "audit")
    row = {"shop": shop, "who": who, "what": what, "subject": subject, "digest": digest}
    conn.execute(insert(audit).values(id=number, at=now(), detail=json.dumps(detail or {}, sort_keys=True), **row))
    return number


def next_number(conn: Connection, name: str) -> int:
    """Count one further, in the caller's transaction; others who count the same wait for its end.

    Parameters
    ----------
    conn : Connection
        Of ``Store.write``.
    name : str
        What is counted.

    Returns
    -------
    int
        1 the first time.
    """
    return int(conn.execute(_NEXT, {"name": name}).scalar_one())


def list_audit(
    db: Store, shop: str, *, limit: int = 100, cursor: str | None = None, what: str | None = None
) -> Page[AuditRow]:
    """List the steps of a shop, newest first.

    Parameters
    ----------
    db : Store
        Open.
    shop : str
        Name; empty: the steps that concern no shop.
    limit : int
        Rows of the page, 1 to 1000.
    cursor : str, optional
        Of the page before.
    what : str, optional
        Only these steps.

    Returns
    -------
    Page of AuditRow
        Empty for a shop that was never there.

    Raises
    ------
    InputError
        The limit or cursor is none.
    """
    query = select(audit).where(audit.c.shop == shop).order_by(audit.c.id.desc()).limit(checked_limit(limit) + 1)
    if what is not None:
        query = query.where(audit.c.what == what)
    if cursor is not None:
        query = query.where(audit.c.id < place_of(cursor, int)[0])
    with db.read() as conn:
        rows = [_row(row) for row in conn.execute(query)]
    return page_of(rows, limit, lambda row: (row.id,))


def _row(row: Row[Any]) -> AuditRow:
    values = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name
    return AuditRow(**(values | {"detail": json.loads(values["detail"])}))
