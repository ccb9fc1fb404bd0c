"""What workers do with jobs: take one, keep it, checkpoint its parts, finish it, give it back, fail it.

A job that runs is its worker's until the lease ends; heartbeats prolong it. Where they stop, any worker takes the job
over and goes on from the last part that is done. Every write names worker and attempt, and is refused once another has
taken over: a worker that was only slow cannot write a result twice (a fencing token, Kleppmann 2016, "How to do
distributed locking").
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, delete, exists, func, insert, select, text, update

from pricebid.store import job_events as happened
from pricebid.store.errors import StoreError
from pricebid.store.jobs import Job, Problem, clock, end, job_of
from pricebid.store.schema import job_parts, jobs
from pricebid.store.shops import kept

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sqlalchemy import Connection, Row, Select

    from pricebid.store.connect import Store

LEASE_SECONDS = 15.0
BACKOFF_SECONDS, MAX_BACKOFF_SECONDS = 2.0, 300.0
MAX_LOST = 20
"""Workers that a job may lose in a row, no part done between: after that it is taken for what kills them."""

_CLAIMS = 0x70726963  # "pric": the advisory lock that lets one worker at a time choose a job on PostgreSQL
_TRIES = 5


class LeaseLost(StoreError):  # noqa: N818 - reads as what it says
    """The job is another worker's by now, or has ended, or is gone with its shop: stop, nothing more can be written."""


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A job that a worker has taken, as it then stood.

    Parameters
    ----------
    job : Job
        Its `worker` and `attempts` are the token that every write shows.
    seconds : float
        Length of the lease.
    """

    job: Job
    seconds: float = LEASE_SECONDS


@dataclass(frozen=True, kw_only=True)
class Part:
    """A part of a job that is done.

    Parameters
    ----------
    part : int
        Its number.
    digest : str
        SHA-256 of its result.
    done_at : int
        Microseconds since 1970, UTC.
    """

    part: int
    digest: str
    done_at: int


# -- taking one -----------------------------------------------------------------------------------------------------


def claim(
    db: Store, worker: str, *, seconds: float = LEASE_SECONDS, kinds: Sequence[str] | None = None
) -> Claim | None:
    """Take the job that should run next, if there is one.

    First those whose worker has been silent for longer than its lease. Then shops take turns: the one with the fewest
    jobs running, and among those the one whose last job began the longest ago; within a shop by priority, then by age.
    A shop never runs two jobs of one kind at once.

    Parameters
    ----------
    db : Store
        Open.
    worker : str
        Who takes it: a name that no other worker has.
    seconds : float
        Length of the lease; heartbeats should come three times as often.
    kinds : sequence of str, optional
        Only these; any where not given.

    Returns
    -------
    Claim or None
    """
    with db.read() as conn:  # an idle worker asks often, and must not hold up those who write
        at = clock(conn)
        if conn.execute(_lapsed(at, kinds)).first() is None and conn.execute(_waiting(at, kinds)).first() is None:
            return None
    with db.write() as conn:
        if conn.dialect.name == "postgresql":
            conn.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _CLAIMS})
        at = clock(conn)
        taken = _take_over(conn, worker, at, seconds, kinds) or _take(conn, worker, at, seconds, kinds)
        if taken is None:
            return None
        row = conn.execute(select(jobs).where(jobs.c.id == taken)).one()
        return Claim(job=job_of(row), seconds=seconds)


def _lapsed(at: int, kinds: Sequence[str] | None) -> Select[Any]:
    wanted = select(jobs).where(jobs.c.state == "running", jobs.c.lease_until < at).order_by(jobs.c.lease_until)
    return wanted if kinds is None else wanted.where(jobs.c.kind.in_(kinds))


def _waiting(at: int, kinds: Sequence[str] | None) -> Select[Any]:
    same, other, every = jobs.alias(), jobs.alias(), jobs.alias()
    busy = exists().where(same.c.shop == jobs.c.shop, same.c.kind == jobs.c.kind, same.c.state == "running")
    running = (
        select(other.c.shop, func.count().label("count"))
        .where(other.c.state == "running")
        .group_by(other.c.shop)
        .subquery()
    )
    # Each is one look into an index, however many jobs there have been.
    last = select(func.max(every.c.started_at)).where(every.c.shop == jobs.c.shop).scalar_subquery()
    wanted = (
        select(jobs.c.id)
        .outerjoin(running, running.c.shop == jobs.c.shop)
        .where(jobs.c.state == "queued", jobs.c.run_after <= at, ~busy)
        .order_by(
            func.coalesce(running.c.count, 0),
            func.coalesce(last, 0),
            jobs.c.priority.desc(),
            jobs.c.created_at,
            jobs.c.id,
        )
        .limit(1)
    )
    return wanted if kinds is None else wanted.where(jobs.c.kind.in_(kinds))


def _take_over(conn: Connection, worker: str, at: int, seconds: float, kinds: Sequence[str] | None) -> str | None:
    for row in conn.execute(_lapsed(at, kinds)).all():
        still = and_(jobs.c.id == row.id, jobs.c.state == "running", jobs.c.lease_until < at)
        if conn.execute(select(jobs.c.id).where(still).with_for_update()).first() is None:
            continue  # its worker has been heard again between
        lost = happened.count_since_part(conn, row.id, happened.TAKEN_OVER)
        if row.cancel_requested:
            end(conn, row.id, "cancelled", at=at)
        elif lost >= MAX_LOST:
            sentence = f"{lost + 1} workers were lost at it one after another; it may need more memory than they have"
            _failed(conn, row.id, Problem(code="worker-lost", sentence=sentence), at)
        else:
            _assign(conn, row.id, worker, at, seconds)
            happened.note(conn, row.id, happened.TAKEN_OVER, at=at, worker=worker, from_worker=row.worker)
            return str(row.id)
    return None


def _take(conn: Connection, worker: str, at: int, seconds: float, kinds: Sequence[str] | None) -> str | None:
    for _ in range(_TRIES):
        found = conn.execute(_waiting(at, kinds)).scalar_one_or_none()
        if found is None:
            return None
        still = and_(jobs.c.id == found, jobs.c.state == "queued")
        if conn.execute(select(jobs.c.id).where(still).with_for_update()).first() is not None:
            _assign(conn, found, worker, at, seconds)
            happened.note(conn, found, happened.STARTED, at=at, worker=worker)
            return str(found)
    return None


def _assign(conn: Connection, job_id: str, worker: str, at: int, seconds: float) -> None:
    conn.execute(
        update(jobs)
        .where(jobs.c.id == job_id)
        .values(
            state="running",
            worker=worker,
            attempts=jobs.c.attempts + 1,
            lease_until=at + _microseconds(seconds),
            heartbeat_at=at,
            started_at=func.coalesce(jobs.c.started_at, at),
        )
    )


# -- keeping it -----------------------------------------------------------------------------------------------------


def heartbeat(db: Store, claim: Claim) -> bool:
    """Prolong the lease.

    Returns
    -------
    bool
        True where somebody wants the job cancelled.

    Raises
    ------
    LeaseLost
        It is not this worker's any more.
    """
    with db.write() as conn:
        row = hold(conn, claim)
        at = clock(conn)
        beat = {"heartbeat_at": at, "lease_until": at + _microseconds(claim.seconds)}
        conn.execute(update(jobs).where(jobs.c.id == row.id).values(**beat))
        return bool(row.cancel_requested)


def report(db: Store, claim: Claim, stage: str, share: float) -> bool:
    """Say what is being done, and what share of the job is.

    Returns
    -------
    bool
        True where somebody wants the job cancelled.

    Raises
    ------
    LeaseLost
        It is not this worker's any more.
    """
    share = min(max(share, 0.0), 1.0)
    with db.write() as conn:
        row = hold(conn, claim)
        conn.execute(update(jobs).where(jobs.c.id == row.id).values(stage=stage, progress=share))
        happened.note(conn, row.id, happened.PROGRESS, at=clock(conn), stage=stage, share=round(share, 4))
        return bool(row.cancel_requested)


def checkpoint(
    db: Store,
    claim: Claim,
    part: int,
    data: bytes,
    *,
    name: str = "",
    within: Callable[[Connection], None] | None = None,
) -> bool:
    """Keep the result of a part: whoever takes the job over goes on after it.

    Parameters
    ----------
    db : Store
        Open.
    claim : Claim
        As taken.
    part : int
        Its number; a part that is there already stays as it is.
    data : bytes
        Its result.
    name : str
        What it is, for people.
    within : callable, optional
        Called with the connection, to write something else in the same transaction.

    Returns
    -------
    bool
        True where somebody wants the job cancelled.

    Raises
    ------
    LeaseLost
        It is not this worker's any more; nothing is written.
    """
    with db.write() as conn:
        row = hold(conn, claim)
        there = select(job_parts.c.part).where(job_parts.c.job_id == row.id, job_parts.c.part == part)
        if conn.execute(there).first() is None:
            at = clock(conn)
            kept = {"state": "done", "result": data, "digest": _digest(data), "done_at": at}
            conn.execute(insert(job_parts).values(job_id=row.id, part=part, **kept))
            happened.note(conn, row.id, happened.PART, at=at, part=part, name=name, bytes=len(data))
            if within is not None:
                within(conn)
        return bool(row.cancel_requested)


def parts(db: Store, job_id: str) -> tuple[Part, ...]:
    """List the parts of a job that are done, by number."""
    columns = (job_parts.c.part, job_parts.c.digest, job_parts.c.done_at)
    wanted = select(*columns).where(job_parts.c.job_id == job_id).order_by(job_parts.c.part)
    with db.read() as conn:
        return tuple(Part(part=row.part, digest=row.digest, done_at=row.done_at) for row in conn.execute(wanted))


def part_data(db: Store, job_id: str, part: int) -> bytes | None:
    """Give the result of a part, None where it is not done.

    Raises
    ------
    StoreError
        It is not what was kept: the database is damaged.
    """
    wanted = select(job_parts.c.result, job_parts.c.digest).where(
        job_parts.c.job_id == job_id, job_parts.c.part == part
    )
    with db.read() as conn:
        row = conn.execute(wanted).first()
    if row is None:
        return None
    data = bytes(row.result)
    if _digest(data) != row.digest:
        raise StoreError(f"part {part} of job {job_id} is damaged: its digest is not the one kept beside it")
    return data


# -- ending it ------------------------------------------------------------------------------------------------------


def finish(
    db: Store,
    claim: Claim,
    result: Mapping[str, Any],
    *,
    keep: Sequence[int] = (),
    within: Callable[[Connection], None] | None = None,
) -> None:
    """End a job with its result, in one transaction: all of it is there once, or none of it.

    Parameters
    ----------
    db : Store
        Open.
    claim : Claim
        As taken.
    result : mapping
        Plain JSON values.
    keep : sequence of int
        Parts that are results themselves; the others are dropped.
    within : callable, optional
        Called with the connection, to write something else in the same transaction, such as a plan.

    Raises
    ------
    LeaseLost
        It is not this worker's any more; nothing is written.
    """
    with db.write() as conn:
        row = hold(conn, claim)
        if within is not None:
            within(conn)
        conn.execute(delete(job_parts).where(job_parts.c.job_id == row.id, job_parts.c.part.not_in(list(keep))))
        conn.execute(update(jobs).where(jobs.c.id == row.id).values(result=json.dumps(dict(result), allow_nan=False)))
        end(conn, row.id, "done", at=clock(conn))


def fail(db: Store, claim: Claim, problem: Problem, *, retry: bool) -> None:
    """End a try that failed: for good, or until it is tried again.

    Parameters
    ----------
    db : Store
        Open.
    claim : Claim
        As taken.
    problem : Problem
        Why.
    retry : bool
        Whether another try may go better. It waits 2, 4, 8, ... seconds, at most 5 minutes; after ``max_attempts``
        failures in a row, no part done between, the job has failed for good.

    Raises
    ------
    LeaseLost
        It is not this worker's any more.
    """
    with db.write() as conn:
        row = hold(conn, claim)
        at = clock(conn)
        tries = 1 + happened.count_since_part(conn, row.id, happened.RETRY)
        if row.cancel_requested:
            end(conn, row.id, "cancelled", at=at)
        elif retry and tries < row.max_attempts:
            wait = min(BACKOFF_SECONDS * 2.0 ** (tries - 1), MAX_BACKOFF_SECONDS)
            _requeue(conn, row.id, run_after=at + _microseconds(wait), error=problem.to_json())
            told = {"code": problem.code, "sentence": problem.sentence, "tries": tries, "wait": wait}
            happened.note(conn, row.id, happened.RETRY, at=at, **told)
        else:
            _failed(conn, row.id, problem, at)


def release(db: Store, claim: Claim) -> None:
    """Give a job back, to be gone on with at once by whoever is free: how a worker leaves that is told to stop.

    Raises
    ------
    LeaseLost
        It is not this worker's any more.
    """
    with db.write() as conn:
        row = hold(conn, claim)
        at = clock(conn)
        if row.cancel_requested:
            end(conn, row.id, "cancelled", at=at)
        else:
            _requeue(conn, row.id, run_after=at)
            happened.note(conn, row.id, happened.RELEASED, at=at, worker=row.worker)


def stop(db: Store, claim: Claim) -> None:
    """Say that a job has been stopped, as was asked for.

    Raises
    ------
    LeaseLost
        It is not this worker's any more.
    """
    with db.write() as conn:
        end(conn, hold(conn, claim).id, "cancelled", at=clock(conn))


def hold(conn: Connection, claim: Claim) -> Row[Any]:
    """Lock the job's row within the caller's transaction, if the job is still this worker's.

    Raises
    ------
    LeaseLost
        It is not.
    """
    job = claim.job
    mine = and_(
        jobs.c.id == job.id,
        jobs.c.state == "running",
        jobs.c.worker == job.worker,
        jobs.c.attempts == job.attempts,
    )
    kept(conn, job.shop)
    row = conn.execute(select(jobs).where(mine).with_for_update()).first()
    if row is None:
        raise LeaseLost(f"job {job.id} is not {job.worker}'s any more: another has taken it over, or it has ended")
    return row


def _requeue(conn: Connection, job_id: str, **values: Any) -> None:  # noqa: ANN401 - plain values
    again = {"state": "queued", "worker": None, "lease_until": None, **values}
    conn.execute(update(jobs).where(jobs.c.id == job_id).values(**again))


def _failed(conn: Connection, job_id: str, problem: Problem, at: int) -> None:
    conn.execute(update(jobs).where(jobs.c.id == job_id).values(error=problem.to_json()))
    end(conn, job_id, "failed", at=at, code=problem.code, sentence=problem.sentence)


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _microseconds(seconds: float) -> int:
    return round(seconds * 1e6)
