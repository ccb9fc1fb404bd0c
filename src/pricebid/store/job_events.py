"""What happened to a job, in order: what server-sent events are made from."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, insert, select

from pricebid.store.schema import job_events

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection

    from pricebid.store.connect import Store

QUEUED, STARTED, PROGRESS, PART = "queued", "started", "progress", "part"
TAKEN_OVER, RELEASED, RETRY, CANCEL = "taken_over", "released", "retry", "cancel_requested"
DONE, FAILED, CANCELLED = "done", "failed", "cancelled"
LAST = (DONE, FAILED, CANCELLED)
"""Kinds after which nothing more happens to a job."""


@dataclass(frozen=True, kw_only=True)
class JobEvent:
    """One thing that happened to a job.

    Parameters
    ----------
    id : int
        Rises from event to event of one job; where to go on reading.
    job_id : str
        The job.
    at : int
        Microseconds since 1970, UTC.
    kind : str
        ``queued``, ``started``, ``progress``, ``part``, ``taken_over``, ``released``, ``retry``, ``cancel_requested``,
        ``done``, ``failed``, ``cancelled``.
    data : mapping
        What it says, in plain values: such as the stage and the share done.
    """

    id: int
    job_id: str
    at: int
    kind: str
    data: Mapping[str, Any]

    @property
    def last(self) -> bool:
        """True where nothing more will happen to the job."""
        return self.kind in LAST


def events(db: Store, job_id: str, *, after: int = 0, limit: int = 1000) -> tuple[JobEvent, ...]:
    """Give what happened to a job, the oldest first; nothing where there is no such job.

    Parameters
    ----------
    db : Store
        Open.
    job_id : str
        The job.
    after : int
        Id of the last event already known; 0 for all.
    limit : int
        At most this many.

    Returns
    -------
    tuple of JobEvent
    """
    wanted = (
        select(job_events)
        .where(job_events.c.job_id == job_id, job_events.c.id > after)
        .order_by(job_events.c.id)
        .limit(limit)
    )
    with db.read() as conn:
        rows = conn.execute(wanted).all()
    return tuple(
        JobEvent(id=row.id, job_id=row.job_id, at=row.at, kind=row.kind, data=json.loads(row.data)) for row in rows
    )


def note(conn: Connection, job_id: str, kind: str, *, at: int, **data: Any) -> None:  # noqa: ANN401 - plain values
    """Write an event in the transaction of what it tells, the job's row locked before: so ids rise as events follow."""
    conn.execute(insert(job_events).values(job_id=job_id, at=at, kind=kind, data=json.dumps(data, allow_nan=False)))


def count_since_part(conn: Connection, job_id: str, kind: str) -> int:
    """Count the events of a kind since the last part that was done: misfortunes without any way made between."""
    last_part = (
        select(func.coalesce(func.max(job_events.c.id), 0))
        .where(job_events.c.job_id == job_id, job_events.c.kind == PART)
        .scalar_subquery()
    )
    counted = select(func.count()).where(
        job_events.c.job_id == job_id, job_events.c.kind == kind, job_events.c.id > last_part
    )
    return int(conn.execute(counted).scalar_one())
