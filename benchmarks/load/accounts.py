"""After the killing: each thing that was acknowledged is looked up in the store."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.load.deployment import CALLER, SHOP

from pricebid import store
from pricebid.store import job_events

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from benchmarks.load.traffic import Journal

    from pricebid.store import FeedbackEvent

_CENT = 0.005
_READ_SECONDS = 0.5


@dataclass(frozen=True, kw_only=True)
class Account:
    """How one kind of thing stands.

    Parameters
    ----------
    what : str
        The kind.
    acknowledged : float
        Of which the callers were told.
    found : float
        Of which the store knows, with those whose answer was lost.
    lost, twice : float
        Acknowledged and not found; counted more than once.
    remark : str
        What else is worth knowing.
    holds : bool
        What must hold does.
    """

    what: str
    acknowledged: float
    found: float
    lost: float
    twice: float
    remark: str = ""
    holds: bool = True


def account(db: store.Store, journal: Journal, kills: Sequence[float]) -> list[Account]:
    """Account for everything.

    Parameters
    ----------
    db : Store
        After the service has stopped.
    journal : Journal
        What the callers know.
    kills : sequence of float
        When something was killed, seconds since 1970.
    """
    events = _events(db)
    return [
        _feedback(events, journal),
        _spend(db, events, journal),
        _jobs(db, journal),
        _publishes(db, journal),
        _log(db, journal, kills),
    ]


def _events(db: store.Store) -> list[FeedbackEvent]:
    found: list[FeedbackEvent] = []
    after = 0
    while True:
        more, after = store.unfolded(db, SHOP, after=after)
        if not more:
            return found
        found += more


def _feedback(events: list[FeedbackEvent], journal: Journal) -> Account:
    kept = Counter(one.event_id for one in events)
    acknowledged = {name for name, sent in journal.events.items() if sent.acknowledged}
    wrong = [
        one.event_id
        for one in events
        if (sent := journal.events.get(one.event_id)) is None or (sent.units, sent.cost) != (one.units, one.cost)
    ]
    lost, twice = len(acknowledged - kept.keys()), sum(count - 1 for count in kept.values())
    again = sum(sent.sent > 1 for sent in journal.events.values())
    return Account(
        what="feedback events",
        acknowledged=len(acknowledged),
        found=len(events),
        lost=lost,
        twice=twice,
        remark=f"{again:,} were sent more than once; {len(wrong)} say something else than was sent",
        holds=not (lost or twice or wrong),
    )


def _spend(db: store.Store, events: list[FeedbackEvent], journal: Journal) -> Account:
    """Compare the ad network's bill with the ledger: a killed worker's slices count in full, so the ledger never says less."""
    acknowledged = math.fsum(sent.cost or 0.0 for sent in journal.events.values() if sent.acknowledged)
    kept = math.fsum(one.cost or 0.0 for one in events)
    names = {one.event_id for one in events}
    lost = math.fsum(s.cost or 0.0 for name, s in journal.events.items() if s.acknowledged and name not in names)
    days = {row.day for row in _budget_days(db)}
    rows = [row for day in days for row in store.spend_of(db, SHOP, day) if row.campaign == ""]
    settled, leased = math.fsum(row.spent for row in rows), math.fsum(row.leased for row in rows)
    budget = sum(row.budget for row in rows)
    bill = math.fsum(journal.spent)
    twice = max(0.0, settled - kept)
    holds = lost == 0 and twice < _CENT and bill <= settled + leased + _CENT and settled + leased <= budget + _CENT
    return Account(
        what="spend",
        acknowledged=round(acknowledged, 2),
        found=round(kept, 2),
        lost=round(lost, 2),
        twice=round(twice, 2),
        remark=f"all clicks cost {bill:,.2f}; the ledger has {settled:,.2f} settled and {leased:,.2f} held by workers that are gone, of {budget:,.2f}",
        holds=holds,
    )


def _budget_days(db: store.Store) -> Iterator[store.DaySpend]:
    from sqlalchemy import select

    from pricebid.store.schema import budget_days

    with db.read() as conn:
        days = {row.day for row in conn.execute(select(budget_days.c.day).where(budget_days.c.shop == SHOP))}
    for day in days:
        yield from store.spend_of(db, SHOP, day)


def _jobs(db: store.Store, journal: Journal) -> Account:
    jobs = []
    cursor = None
    while True:
        page = store.list_jobs(db, SHOP, limit=1000, cursor=cursor)
        jobs += [one for one in page.items if one.by == f"key:{CALLER}"]  # the service has some of its own
        cursor = page.cursor
        if cursor is None:
            break
    ids = Counter(one.id for one in jobs)
    lost = len(set(journal.jobs) - ids.keys())
    endings = [sum(event.last for event in job_events.events(db, one.id)) for one in jobs]
    done = [one for one in jobs if one.state == "done"]
    plans = Counter(str(one.result["plan"]) for one in done if one.kind == "price" and one.result)
    made = {one.id for one in _plans(db) if one.by == f"key:{CALLER}"}
    twice = sum(count - 1 for count in plans.values()) + sum(max(0, ended - 1) for ended in endings)
    twice += len(
        made - plans.keys()
    )  # a plan that no job's result names was made by an attempt that went on all the same
    extra = len(jobs) - len(journal.jobs)
    undone = [f"{one.kind} {one.state}: {one.error}" for one in jobs if one.state != "done"]
    taken = sum(max(0, one.attempts - 1) for one in jobs)
    missing = len(plans.keys() - made)
    remark = f"{len(done)} done, {taken} takeovers, {len(plans)} plans; {journal.jobs_unknown} answers were lost"
    return Account(
        what="jobs",
        acknowledged=len(journal.jobs),
        found=len(jobs),
        lost=lost + missing,
        twice=twice,
        remark="; ".join([remark, *undone[:3]]),
        holds=not (lost or missing or twice or undone) and extra <= journal.jobs_unknown,
    )


def _plans(db: store.Store) -> Iterator[store.PlanInfo]:
    cursor = None
    while True:
        page = store.list_plans(db, SHOP, limit=1000, cursor=cursor)
        yield from page.items
        cursor = page.cursor
        if cursor is None:
            return


def _publishes(db: store.Store, journal: Journal) -> Account:
    rows: list[store.AuditRow] = []
    cursor = None
    while True:
        page = store.list_audit(db, SHOP, limit=1000, cursor=cursor, what="plan.published")
        rows += page.items
        cursor = page.cursor
        if cursor is None:
            break
    order = [row.subject for row in reversed(rows) if row.subject in journal.publishes]
    counts = Counter(order)
    acknowledged = [plan for plan, known in journal.publishes.items() if known]
    lost = len(set(acknowledged) - counts.keys())
    twice = sum(count - 1 for count in counts.values())
    # One whose answer was lost may still be under way when the next is asked for: those may change places.
    asked = [plan for plan in acknowledged if plan in counts]
    kept = [plan for plan in order if journal.publishes[plan]]
    now = store.published(db, SHOP, "price")
    last = now is not None and bool(order) and now.plan_id == order[-1]
    return Account(
        what="publishes",
        acknowledged=len(acknowledged),
        found=len(counts),
        lost=lost,
        twice=twice,
        remark=f"{'in' if asked == kept else 'NOT in'} the order acknowledged; the last one is {'' if last else 'NOT '}in force",
        holds=not (lost or twice) and asked == kept and last,
    )


def _age(at: float, kill: float) -> float:
    """Give how old an answer was at a kill; one that is read a moment later was given before."""
    return max(kill - at, 0.0) if at <= kill + _READ_SECONDS else math.inf


def _log(db: store.Store, journal: Journal, kills: Sequence[float]) -> Account:
    """Compare the quote log with what callers were answered, and its own count of losses with what is missing."""
    kept: Counter[str] = Counter()
    cursor = None
    while True:
        page = store.list_decisions(db, SHOP, limit=1000, cursor=cursor)
        kept.update(one.request for one in page.items)
        cursor = page.cursor
        if cursor is None:
            break
    answered = {name: at for name, at in journal.quotes.items() if at is not None}
    missing = {name: at for name, at in answered.items() if name not in kept}
    unknown = sum(at is None and name not in kept for name, at in journal.quotes.items())
    ages = [min((_age(at, kill) for kill in kills), default=math.inf) for at in missing.values()]
    counted = sum(one.lost for one in store.losses(db))
    twice = sum(count - 1 for count in kept.values())
    oldest = max(ages, default=0.0)
    exact = len(missing) <= counted <= len(missing) + unknown
    return Account(
        what="quote log",
        acknowledged=len(answered),
        found=len(kept),
        lost=len(missing),
        twice=twice,
        remark=f"the oldest lost was {oldest:.2f} s old at its kill; the store counts {counted} lost, callers miss {len(missing)} and do not know of {unknown} more",
        holds=twice == 0 and oldest <= 1.0 and exact,
    )
