"""Jobs: work in the background, kept in the database until a worker has done it. See ``docs/jobs.md``.

queued -> running -> done | failed | cancelled; a failure that may pass goes back to queued, to be tried later. What
workers do with a job (take it, keep it, finish it) is in `pricebid.store.job_claims`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from sqlalchemy import and_, delete, func, insert, or_, select, text, update

from pricebid.errors import Conflict, Fault, FaultsError, Infeasible, InputError
from pricebid.store import job_events as happened
from pricebid.store.connect import now
from pricebid.store.errors import NotFound
from pricebid.store.paging import checked_limit, page_of, place_of
from pricebid.store.schema import job_parts, jobs
from pricebid.store.shops import kept
from pricebid.tables.identify import new_id

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

    from sqlalchemy import Connection, Row

    from pricebid.store.connect import Store
    from pricebid.store.paging import Page

State = Literal["queued", "running", "done", "failed", "cancelled"]
ENDED = ("done", "failed", "cancelled")
MAX_PRIORITY = 9


@dataclass(frozen=True, kw_only=True)
class Problem:
    """Why a job failed, or failed so far.

    Parameters
    ----------
    code : str
        ``infeasible``, ``bad-input``, ``internal``, ``worker-lost``, ...: the same for all failures of a sort.
    sentence : str
        What is wrong, and where it can be told, the remedy.
    faults : tuple of Fault
        Faults of tables or policy, each with its place.
    conflicts : tuple of Conflict
        Limits that cannot hold together, and by how much each would have to give.
    """

    code: str
    sentence: str
    faults: tuple[Fault, ...] = ()
    conflicts: tuple[Conflict, ...] = ()

    @classmethod
    def of(cls, error: Exception) -> Self:
        """Describe an error: those that pricebid raises on purpose in their words, others by their kind only.

        What an unexpected error says may hold anything, such as a path or a row, and goes to the log alone.
        """
        if isinstance(error, FaultsError):
            return cls(code="bad-input", sentence=str(error), faults=error.faults)
        if isinstance(error, InputError):
            return cls(code="bad-input", sentence=str(error))
        if isinstance(error, Infeasible):
            return cls(code="infeasible", sentence=str(error), conflicts=error.conflicts)
        return cls(code="internal", sentence=f"an unexpected {type(error).__name__}; the worker's log says where")

    def to_json(self) -> str:
        """Return it as the database keeps it."""
        return json.dumps(
            {
                "code": self.code,
                "sentence": self.sentence,
                "faults": [vars(one) for one in self.faults],
                "conflicts": [vars(one) for one in self.conflicts],
            }
        )

    @classmethod
    def from_json(cls, content: str) -> Self:
        """Read it back."""
        kept = json.loads(content)
        return cls(
            code=kept["code"],
            sentence=kept["sentence"],
            faults=tuple(Fault(**one) for one in kept["faults"]),
            conflicts=tuple(Conflict(**one) for one in kept["conflicts"]),
        )


@dataclass(frozen=True, kw_only=True)
class Job:
    """One job, as it stands.

    Parameters
    ----------
    id : str
        UUIDv7.
    shop, kind : str
        Whose, and what is to be done.
    policy, options : mapping
        What to aim at, and the other arguments, as they were given.
    priority : int
        0 to 9; among the jobs of one shop, higher ones come first.
    state : {"queued", "running", "done", "failed", "cancelled"}
    worker : str or None
        Who runs it, or ran it last.
    lease_until, heartbeat_at : int or None
        Until when it is that worker's, and when that worker was last heard; microseconds since 1970, UTC, as all times.
    attempts : int
        How often a worker has taken it; with `worker` it tells whose turn it is.
    max_attempts : int
        Failures in a row, no part done between, after which it has failed for good.
    run_after : int
        Not before this time.
    progress : float
        Share done, in [0, 1].
    stage : str
        What is being done.
    cancel_requested : bool
        It ends as soon as its worker sees this.
    error : Problem or None
        Why it failed, or why the last try did.
    result : mapping or None
        What came of it.
    by : str
        Who asked for it.
    created_at, started_at, ended_at : int or None
    """

    id: str
    shop: str
    kind: str
    policy: Mapping[str, Any] = field(repr=False)
    options: Mapping[str, Any] = field(repr=False)
    priority: int
    state: State
    worker: str | None
    lease_until: int | None
    heartbeat_at: int | None
    attempts: int
    max_attempts: int
    run_after: int
    progress: float
    stage: str
    cancel_requested: bool
    error: Problem | None
    result: Mapping[str, Any] | None = field(repr=False)
    by: str
    created_at: int
    started_at: int | None
    ended_at: int | None

    @property
    def ended(self) -> bool:
        """True where nothing more will happen to it."""
        return self.state in ENDED


def clock(conn: Connection) -> int:
    """Give the time by which leases are judged: the database server's own, so that workers' clocks do not count."""
    if conn.dialect.name == "sqlite":
        return now()  # all workers of a SQLite file are on one host
    return int(conn.execute(text("SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint")).scalar_one())


def submit(
    db: Store,
    shop: str,
    kind: str,
    *,
    by: str,
    policy: Mapping[str, Any] | None = None,
    options: Mapping[str, Any] | None = None,
    priority: int = 0,
    max_attempts: int = 3,
) -> Job:
    """Put a job in the queue; once this returns, it is not lost.

    Parameters
    ----------
    db : Store
        Open.
    shop, kind : str
        Whose, and what is to be done.
    by : str
        Who asks for it.
    policy, options : mapping, optional
        What to aim at, and other arguments: plain JSON values, looked at by whoever runs it.
    priority : int
        0 to 9; among the jobs of one shop, higher ones come first.
    max_attempts : int
        Failures in a row after which it has failed for good.

    Returns
    -------
    Job
        Queued.

    Raises
    ------
    NotFound
        There is no such shop.
    InputError
        Priority or max_attempts is out of range, or a value is no JSON.
    """
    if not 0 <= priority <= MAX_PRIORITY:
        raise InputError(f"priority {priority} must be from 0 to {MAX_PRIORITY}")
    if max_attempts < 1:
        raise InputError(f"max_attempts {max_attempts} must be at least 1")
    try:
        texts = [json.dumps(dict(one or {}), allow_nan=False) for one in (policy, options)]
    except (TypeError, ValueError) as error:
        raise InputError(f"policy and options must be JSON values: {error}") from None
    job_id = new_id()
    with db.write() as conn:
        if not kept(conn, shop):
            raise NotFound(f"there is no shop {shop!r}; load its tables first")
        at = clock(conn)
        conn.execute(
            insert(jobs).values(
                id=job_id,
                shop=shop,
                kind=kind,
                policy=texts[0],
                options=texts[1],
                priority=priority,
                state="queued",
                attempts=0,
                max_attempts=max_attempts,
                run_after=at,
                progress=0.0,
                stage="",
                cancel_requested=False,
                by=by,
                created_at=at,
                serial=at,
            )
        )
        happened.note(conn, job_id, happened.QUEUED, at=at, job=kind)
        return job_of(conn.execute(select(jobs).where(jobs.c.id == job_id)).one())


def submit_unless_open(db: Store, shop: str, kind: str, *, by: str) -> Job | None:
    """Put a job in the queue where none of that shop and kind waits or runs already; None where one does.

    For jobs that take up whatever there is when they run. Two that ask at the same moment may both be heard, which does no harm.
    """
    query = (
        select(jobs.c.id)
        .where(jobs.c.shop == shop, jobs.c.kind == kind, jobs.c.state.in_(("queued", "running")))
        .limit(1)
    )
    with db.read() as conn:
        if conn.execute(query).first() is not None:
            return None
    return submit(db, shop, kind, by=by)


def get_job(db: Store, job_id: str, *, shop: str | None = None) -> Job:
    """Give a job as it stands.

    Parameters
    ----------
    db : Store
        Open.
    job_id : str
        Its id.
    shop : str, optional
        The shop it must be of.

    Raises
    ------
    NotFound
        There is no such job (of this shop).
    """
    with db.read() as conn:
        row = conn.execute(select(jobs).where(jobs.c.id == job_id)).first()
    if row is None or shop not in (None, row.shop):
        raise _no_job(job_id)
    return job_of(row)


def list_jobs(
    db: Store,
    shop: str,
    *,
    limit: int = 100,
    cursor: str | None = None,
    state: State | None = None,
    kind: str | None = None,
) -> Page[Job]:
    """List the jobs of a shop, the newest first.

    Parameters
    ----------
    db : Store
        Open.
    shop : str
        Whose.
    limit : int
        Jobs of a page, 1 to 1000.
    cursor : str, optional
        Of the page before.
    state, kind : str, optional
        Only those.

    Returns
    -------
    Page of Job
        Empty for a shop that is not there.

    Raises
    ------
    InputError
        The limit or cursor is none.
    """
    query = select(jobs).where(jobs.c.shop == shop).order_by(jobs.c.created_at.desc(), jobs.c.id.desc())
    if state is not None:
        query = query.where(jobs.c.state == state)
    if kind is not None:
        query = query.where(jobs.c.kind == kind)
    if cursor is not None:
        at, last = place_of(cursor, int, str)
        older = and_(jobs.c.created_at == at, jobs.c.id < last)
        query = query.where(or_(jobs.c.created_at < at, older))
    with db.read() as conn:
        found = [job_of(row) for row in conn.execute(query.limit(checked_limit(limit) + 1))]
    return page_of(found, limit, lambda job: (job.created_at, job.id))


def cancel(db: Store, job_id: str, *, by: str, shop: str | None = None) -> Job:
    """Cancel a job: at once where it waits; where it runs, its worker stops at the next chance and then says so.

    A job that has ended stays as it is.

    Parameters
    ----------
    db : Store
        Open.
    job_id : str
        Its id.
    by : str
        Who asks for it.
    shop : str, optional
        The shop it must be of.

    Returns
    -------
    Job
        As it stands now.

    Raises
    ------
    NotFound
        There is no such job (of this shop).
    """
    with db.write() as conn:
        row = conn.execute(select(jobs).where(jobs.c.id == job_id).with_for_update()).first()
        if row is None or shop not in (None, row.shop):
            raise _no_job(job_id)
        at = clock(conn)
        if row.state == "queued":
            end(conn, job_id, "cancelled", at=at, by=by)
        elif row.state == "running" and not row.cancel_requested:
            conn.execute(update(jobs).where(jobs.c.id == job_id).values(cancel_requested=True))
            happened.note(conn, job_id, happened.CANCEL, at=at, by=by)
        return job_of(conn.execute(select(jobs).where(jobs.c.id == job_id)).one())


def end(conn: Connection, job_id: str, state: State, *, at: int, **told: Any) -> None:  # noqa: ANN401 - plain values
    """Write that a job has ended, in the transaction of what it rests on."""
    values: dict[str, Any] = {"state": state, "ended_at": at, "lease_until": None}
    if state != "done":
        conn.execute(delete(job_parts).where(job_parts.c.job_id == job_id))
    else:
        values |= {"progress": 1.0, "stage": "", "error": None}
    conn.execute(update(jobs).where(jobs.c.id == job_id).values(**values))
    happened.note(conn, job_id, state, at=at, **told)


def queue_depth(db: Store) -> Mapping[tuple[str, State], int]:
    """Count the jobs that wait or run, by kind and state; for the metrics."""
    counted = (
        select(jobs.c.kind, jobs.c.state, func.count())
        .where(or_(jobs.c.state == "queued", jobs.c.state == "running"))
        .group_by(jobs.c.kind, jobs.c.state)
    )
    with db.read() as conn:
        return {(kind, state): count for kind, state, count in conn.execute(counted)}


def drop_ended(db: Store, *, before: int, kind: str | None = None, limit: int = 1000) -> int:
    """Drop jobs that ended before a time, with their results and events; plans and models stay.

    Parameters
    ----------
    db : Store
        Open.
    before : int
        Microseconds since 1970, UTC.
    kind : str, optional
        Only jobs of this kind.
    limit : int
        At most this many at once.

    Returns
    -------
    int
        How many were dropped.
    """
    old = select(jobs.c.id).where(and_(jobs.c.state.in_(ENDED), jobs.c.ended_at < before))
    old = (old if kind is None else old.where(jobs.c.kind == kind)).limit(limit)
    with db.write() as conn:
        return conn.execute(jobs.delete().where(jobs.c.id.in_(old))).rowcount


def job_of(row: Row[Any]) -> Job:
    """Make a job of its row."""
    kept = row._mapping  # noqa: SLF001 - SQLAlchemy's documented name for it
    values = {name: value for name, value in kept.items() if name != "serial"}
    return Job(
        **values
        | {
            "policy": json.loads(row.policy),
            "options": json.loads(row.options),
            "error": None if row.error is None else Problem.from_json(row.error),
            "result": None if row.result is None else json.loads(row.result),
        }
    )


def _no_job(job_id: str) -> NotFound:
    return NotFound(f"there is no job {job_id!r:.80}")
