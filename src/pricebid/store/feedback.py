"""What came of decisions: events that count once, in the order in which they were committed."""

from __future__ import annotations

from dataclasses import dataclass, fields
from operator import attrgetter
from typing import TYPE_CHECKING

from sqlalchemy import func, select, text

from pricebid.store.bulk import insert_new
from pricebid.store.connect import now
from pricebid.store.schema import feedback, feedback_heads, learner_states
from pricebid.store.shops import kept, no_shop

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from pricebid.store.connect import Store


@dataclass(frozen=True, kw_only=True, slots=True)
class FeedbackEvent:
    """What came of one decision. The same decision may have several events, such as a click and a late return.

    Parameters
    ----------
    event_id : str
        The sender's name for it; the shop's second event of that name is a duplicate.
    decision_id : str
        The token that came with the quote.
    decided_at : int
        When, microseconds since 1970, UTC.
    kind : str
        ``price`` or ``bid``.
    plan_id : str
        The plan in force then.
    item : str
        What was decided on: the offer or keyword, as the token names it.
    option : int
        Which option was picked.
    value : float
        The price or bid given, money.
    propensity : float
        Probability with which that option was picked.
    units, revenue, clicks, conversions, cost : float, optional
        What came of it; None where the event does not say.
    received_at : int
        When the store got it; set by the store.
    """

    event_id: str
    decision_id: str
    decided_at: int
    kind: str
    plan_id: str
    item: str
    option: int
    value: float
    propensity: float
    units: float | None = None
    revenue: float | None = None
    clicks: float | None = None
    conversions: float | None = None
    cost: float | None = None
    received_at: int = 0


@dataclass(frozen=True, kw_only=True)
class FeedbackResult:
    """What became of a batch of events.

    Parameters
    ----------
    accepted : int
        Events that count from now on, and are on the disk.
    duplicates : int
        Events that were there already, or twice in the batch.
    duplicate_ids : tuple of str
        Their names, in the order of the batch.
    """

    accepted: int
    duplicates: int
    duplicate_ids: tuple[str, ...]


_COLUMNS = tuple(column.name for column in feedback.columns)
_REST = _COLUMNS[_COLUMNS.index("decided_at") :]
_VALUES = attrgetter(*_REST)
_FIELDS = tuple(one.name for one in fields(FeedbackEvent))
_AS_EVENT = (feedback.c.seq, *(feedback.c["at" if name == "received_at" else name] for name in _FIELDS))
_NUMBERS = text(
    "INSERT INTO feedback_heads (shop, events) VALUES (:shop, :count) "
    "ON CONFLICT (shop) DO UPDATE SET events = feedback_heads.events + excluded.events RETURNING events"
)


def add_feedback(db: Store, shop: str, events: Sequence[FeedbackEvent], *, at: int | None = None) -> FeedbackResult:
    """Keep events; when this returns, those accepted are on the disk.

    Batches of one shop are written one after the other. That gives the events numbers in the order of commits, so
    that a learner which has read up to a number has missed none before it.

    Parameters
    ----------
    db : Store
        Open.
    shop : str
        Whose.
    events : sequence of FeedbackEvent
        Any number; a few thousand at once are quickest.
    at : int, optional
        When they came, microseconds since 1970, UTC; now unless given.

    Returns
    -------
    FeedbackResult
        How many were new.

    Raises
    ------
    NotFound
        There is no such shop.
    Busy
        Others kept writing for too long; nothing of the batch was kept.
    """
    moment = now() if at is None else at
    with db.write() as conn:
        last = _take_numbers(conn, shop, len(events))
        first = last - len(events) + 1
        rows = [
            (shop, event.event_id, number, event.decision_id, moment, *_VALUES(event))
            for number, event in enumerate(events, first)
        ]
        accepted = insert_new(conn, feedback, rows)
        kept = set(range(first, last + 1)) if accepted == len(rows) else _kept(conn, shop, first)
    doubles = tuple(event.event_id for number, event in enumerate(events, first) if number not in kept)
    return FeedbackResult(accepted=accepted, duplicates=len(doubles), duplicate_ids=doubles)


def unfolded(db: Store, shop: str, *, after: int, limit: int = 10_000) -> tuple[tuple[FeedbackEvent, ...], int]:
    """Give the events that a learner has not seen, in the order of commits.

    Parameters
    ----------
    db : Store
        Open.
    shop : str
        Whose.
    after : int
        The number up to which it has seen them: the ``cursor`` of its state, 0 at the start.
    limit : int
        At most so many.

    Returns
    -------
    events : tuple of FeedbackEvent
        Empty where there are no new ones.
    cursor : int
        To be kept with the state that has folded them in.
    """
    query = select(*_AS_EVENT).where(feedback.c.shop == shop, feedback.c.seq > after).order_by(feedback.c.seq)
    with db.read() as conn:
        rows = conn.execute(query.limit(limit)).all()
    events = tuple(FeedbackEvent(**dict(zip(_FIELDS, row[1:], strict=True))) for row in rows)
    return events, rows[-1].seq if rows else after


def count_feedback(db: Store, shop: str) -> int:
    """Give how many numbers were given to events of a shop so far, duplicates' too: how far a learner can come."""
    with db.read() as conn:
        found = conn.execute(text("SELECT events FROM feedback_heads WHERE shop = :shop"), {"shop": shop}).scalar()
    return int(found or 0)


def waiting_since(db: Store, learners: Sequence[str]) -> dict[str, int]:
    """Give the shops with feedback that some of these learners have not folded, and when the first of it came.

    Parameters
    ----------
    db : Store
        Open.
    learners : sequence of str
        Their names; one without a state has folded nothing.

    Returns
    -------
    dict of str to int
        By shop, microseconds since 1970, UTC.
    """
    heads = select(feedback_heads.c.shop, feedback_heads.c.events)
    state, found = learner_states.c, {}
    with db.read() as conn:
        rows = select(state.shop, func.min(state.cursor), func.count()).where(state.learner.in_(learners))
        folded = {
            shop: low if count == len(learners) else 0 for shop, low, count in conn.execute(rows.group_by(state.shop))
        }
        for shop, events in conn.execute(heads).all():
            done = folded.get(shop, 0)
            if events <= done:
                continue
            first = select(feedback.c.at).where(feedback.c.shop == shop, feedback.c.seq > done)
            at = conn.execute(first.order_by(feedback.c.seq).limit(1)).scalar()
            if at is not None:  # numbers of duplicates stand for nothing
                found[shop] = int(at)
    return found


def _take_numbers(conn: Connection, shop: str, count: int) -> int:
    if not kept(conn, shop):
        raise no_shop(shop)
    return int(conn.execute(_NUMBERS, {"shop": shop, "count": count}).scalar_one())


def _kept(conn: Connection, shop: str, first: int) -> set[int]:
    query = select(feedback.c.seq).where(feedback.c.shop == shop, feedback.c.seq >= first)
    return set(conn.execute(query).scalars())
