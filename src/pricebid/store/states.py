"""States of learners: values that are replaced whole, together with how much feedback they have folded in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError

from pricebid.store.connect import now
from pricebid.store.errors import Busy
from pricebid.store.job_claims import hold
from pricebid.store.schema import learner_states
from pricebid.store.shops import kept, no_shop

if TYPE_CHECKING:
    from pricebid.store.connect import Store
    from pricebid.store.job_claims import Claim


@dataclass(frozen=True, kw_only=True)
class LearnerState:
    """A learner's state.

    Parameters
    ----------
    data : bytes
        As the learner wrote it.
    cursor : int
        Number of the last event of feedback that is folded in.
    version : int
        From 1, rising by one per change.
    updated_at : int
        Microseconds since 1970, UTC.
    """

    data: bytes
    cursor: int
    version: int
    updated_at: int


def get_state(db: Store, shop: str, learner: str) -> LearnerState | None:
    """Give the state of a learner of a shop; None where it has none yet."""
    mine = (learner_states.c.shop == shop) & (learner_states.c.learner == learner)
    with db.read() as conn:
        row = conn.execute(select(learner_states).where(mine)).one_or_none()
    if row is None:
        return None
    return LearnerState(data=bytes(row.data), cursor=row.cursor, version=row.version, updated_at=row.updated_at)


def state_versions(db: Store, learner: str) -> dict[str, int]:
    """Give the version of a learner's state for each shop that has one: what a worker asks to see whether there is news."""
    query = select(learner_states.c.shop, learner_states.c.version).where(learner_states.c.learner == learner)
    with db.read() as conn:
        return {row.shop: row.version for row in conn.execute(query)}


def put_state(
    db: Store,
    shop: str,
    learner: str,
    data: bytes,
    *,
    cursor: int,
    expected_version: int,
    claim: Claim | None = None,
) -> int:
    """Replace the state of a learner, if nobody else has since it was read.

    State and cursor change together: whatever happens, each event is in the state once.

    Parameters
    ----------
    db : Store
        Open.
    shop, learner : str
        Whose.
    data : bytes
        The new state.
    cursor : int
        Number of the last event folded in.
    expected_version : int
        Version of the state that this one was made from; 0: there was none.
    claim : Claim, optional
        Only while this job is the worker's who folded: a shop of the same name, made anew, has jobs of its own.

    Returns
    -------
    int
        The new version.

    Raises
    ------
    Busy
        Another process was quicker: read, fold and put again.
    NotFound
        There is no such shop.
    LeaseLost
        The job is not that worker's any more, or is gone with its shop.
    """
    mine = (learner_states.c.shop == shop) & (learner_states.c.learner == learner)
    version = expected_version + 1
    values = {"data": data, "cursor": cursor, "version": version, "updated_at": now()}
    late = Busy(f"the state of learner {learner!r} is no longer at version {expected_version}: fold into the new one")
    try:
        with db.write() as conn:
            if claim is not None:
                hold(conn, claim)  # and its shop
            elif not kept(conn, shop):
                raise no_shop(shop)
            if expected_version == 0:
                conn.execute(insert(learner_states).values(shop=shop, learner=learner, **values))
                return version
            then = (learner_states.c.version == expected_version) & mine
            if conn.execute(update(learner_states).where(then).values(**values)).rowcount != 1:
                raise late
    except IntegrityError as error:
        raise late from error
    return version
