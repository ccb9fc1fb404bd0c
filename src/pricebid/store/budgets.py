"""The day's budgets, handed out in slices so that several workers spend one budget without overspending it.

A worker leases an amount and may spend so much and no more. What it leased counts against the budget until it has
settled: told what it spent, the rest returned. A lease that ran out and was not settled goes on counting in full,
since its worker, perhaps killed, may have spent all of it. That can leave a part of the day's budget unspent, never
the reverse. Amounts are kept as whole millionths of the currency's unit, so that sums are exact.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from sqlalchemy import insert, select, text, update
from sqlalchemy.exc import IntegrityError

from pricebid.errors import InputError
from pricebid.store.connect import now
from pricebid.store.errors import NotFound
from pricebid.store.schema import budget_days, leases
from pricebid.store.shops import kept
from pricebid.tables.identify import new_id

if TYPE_CHECKING:
    from pricebid.store.connect import Store

_UNIT = 1_000_000
_MOST = 2**62 // _UNIT
_SET_BUDGET = text(
    "INSERT INTO budget_days (shop, campaign, day, budget, spent, committed) VALUES (:shop, :campaign, :day, :budget, 0, 0) "
    "ON CONFLICT (shop, campaign, day) DO UPDATE SET budget = excluded.budget RETURNING committed"
)


@dataclass(frozen=True, kw_only=True)
class Lease:
    """A slice of a day's budget.

    Parameters
    ----------
    id : str
        UUIDv7.
    shop, campaign, day : str
        Of which budget; campaign ``""`` is the whole shop's, the day is ``YYYY-MM-DD`` in the shop's time.
    worker : str
        Who may spend it.
    amount : float
        How much, money.
    spent : float
        What of it was spent as far as reported, money.
    state : str
        ``open``, ``expired`` (ran out before it was settled) or ``settled``.
    leased_at, expires_at : int
        Microseconds since 1970, UTC. Nothing may be spent from ``expires_at`` on.
    """

    id: str
    shop: str
    campaign: str
    day: str
    worker: str
    amount: float
    spent: float
    state: Literal["open", "expired", "settled"]
    leased_at: int
    expires_at: int


@dataclass(frozen=True, kw_only=True)
class DaySpend:
    """How a day's budget stands, money.

    Parameters
    ----------
    campaign, day : str
        Of which budget.
    budget : float
        As last set.
    spent : float
        As far as reported.
    leased : float
        What leases that are not settled may have spent beyond what they reported.
    """

    campaign: str
    day: str
    budget: float
    spent: float
    leased: float


def lease(
    db: Store,
    shop: str,
    campaign: str,
    day: str,
    *,
    budget: float,
    amount: float,
    worker: str,
    seconds: float,
) -> Lease | None:
    """Lease a slice of a budget, or what is left of it.

    Parameters
    ----------
    db : Store
        Open.
    shop, campaign, day : str
        Of which budget; see `Lease`. Budgets of campaigns and of the whole shop do not know of each other: where
        both hold, lease from both.
    budget : float
        The day's budget as the caller knows it; the last to say so counts.
    amount : float
        How much is wanted.
    worker : str
        Who.
    seconds : float
        How long it may be spent.

    Returns
    -------
    Lease or None
        At most ``amount``; None where nothing is left.

    Raises
    ------
    InputError
        A figure is not finite, or not above zero.
    NotFound
        There is no such shop.
    """
    wanted = _units("amount", amount, above=0.0)
    whole = _units("budget", budget)
    moment = now()
    if not (math.isfinite(seconds) and seconds > 0):
        raise InputError(f"seconds is {seconds}: a lease lasts for a finite time above 0")
    key = {"shop": shop, "campaign": campaign, "day": day}
    try:
        with db.write() as conn:
            kept(conn, shop)
            committed = conn.execute(_SET_BUDGET, {**key, "budget": whole}).scalar_one()  # and holds the row
            granted = min(wanted, whole - committed)
            if granted <= 0:
                return None
            row = {**key, "id": new_id(), "worker": worker, "amount": granted, "spent": 0, "state": "open"}
            row |= {"leased_at": moment, "expires_at": moment + math.ceil(seconds * 1e6)}
            conn.execute(insert(leases).values(**row))
            more = {"committed": budget_days.c.committed + granted}
            conn.execute(update(budget_days).filter_by(**key).values(**more))
    except IntegrityError as error:
        raise NotFound(f"there is no shop {shop!r}") from error
    return _lease(row)


def record_spend(db: Store, shop: str, lease_id: str, spent: float) -> Lease:
    """Report what was spent of a lease so far; the rest stays leased.

    Parameters
    ----------
    db : Store
        Open.
    shop, lease_id : str
        Which.
    spent : float
        In all since the lease began, money: reporting the same figure twice is one report. Less than was reported
        before changes nothing.

    Returns
    -------
    Lease
        As it now is.

    Raises
    ------
    InputError
        The figure is not finite, or below zero.
    NotFound
        The shop has no such lease.
    """
    return _report(db, shop, lease_id, spent, settle=False)


def settle(db: Store, shop: str, lease_id: str, spent: float) -> Lease:
    """Report what was spent of a lease in all, and return the rest to the budget.

    May come late, and again: a higher figure counts, as when a click was charged after all. Spending beyond the lease
    counts in full against the budget.

    Parameters
    ----------
    db : Store
        Open.
    shop, lease_id : str
        Which.
    spent : float
        In all since the lease began, money.

    Returns
    -------
    Lease
        As it now is.

    Raises
    ------
    InputError
        The figure is not finite, or below zero.
    NotFound
        The shop has no such lease.
    """
    return _report(db, shop, lease_id, spent, settle=True)


def spend_of(db: Store, shop: str, day: str) -> tuple[DaySpend, ...]:
    """Tell how the budgets of a shop stand on a day, by campaign."""
    query = select(budget_days).where(budget_days.c.shop == shop, budget_days.c.day == day)
    with db.read() as conn:
        rows = conn.execute(query.order_by(budget_days.c.campaign)).all()
    return tuple(
        DaySpend(
            campaign=row.campaign,
            day=row.day,
            budget=row.budget / _UNIT,
            spent=row.spent / _UNIT,
            leased=(row.committed - row.spent) / _UNIT,
        )
        for row in rows
    )


def expire_leases(db: Store, *, at: int | None = None) -> int:
    """Mark the leases of all shops that have run out unsettled; they go on counting in full until they are settled.

    Parameters
    ----------
    db : Store
        Open.
    at : int, optional
        The time, microseconds since 1970, UTC; now unless given.

    Returns
    -------
    int
        How many there were.
    """
    ran_out = (leases.c.state == "open") & (leases.c.expires_at <= (now() if at is None else at))
    with db.write() as conn:
        return conn.execute(update(leases).where(ran_out).values(state="expired")).rowcount


def unsettled(db: Store, shop: str, *, worker: str | None = None) -> tuple[Lease, ...]:
    """Give the leases of a shop that are open or expired, oldest first: what is still to be accounted for.

    Parameters
    ----------
    db : Store
        Open.
    shop : str
        Whose.
    worker : str, optional
        Only of this worker.
    """
    query = select(leases).where(leases.c.shop == shop, leases.c.state != "settled")
    if worker is not None:
        query = query.where(leases.c.worker == worker)
    with db.read() as conn:
        return tuple(_lease(row._mapping) for row in conn.execute(query.order_by(leases.c.id)))  # noqa: SLF001 - public


def _report(db: Store, shop: str, lease_id: str, spent: float, *, settle: bool) -> Lease:
    told = _units("spent", spent, up=True)
    mine = (leases.c.shop == shop) & (leases.c.id == lease_id)
    with db.write() as conn:
        kept(conn, shop)
        row = conn.execute(select(leases).where(mine).with_for_update()).one_or_none()
        if row is None:
            raise NotFound(f"there is no lease {lease_id!r} in shop {shop!r}")
        before = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name
        after = before | {"spent": max(told, row.spent), "state": "settled" if settle else row.state}
        conn.execute(update(leases).where(mine).values(spent=after["spent"], state=after["state"]))
        key = {"shop": shop, "campaign": row.campaign, "day": row.day}
        moved = {
            "spent": budget_days.c.spent + after["spent"] - row.spent,
            "committed": budget_days.c.committed + _counts(after) - _counts(before),
        }
        conn.execute(update(budget_days).filter_by(**key).values(**moved))
    return _lease(after)


def _counts(row: dict[str, Any]) -> int:
    """Give what a lease takes of its budget."""
    spent, amount = int(row["spent"]), int(row["amount"])
    return spent if row["state"] == "settled" else max(spent, amount)


def _units(name: str, money: float, *, above: float = -1.0 / _UNIT, up: bool = False) -> int:
    """Give money in millionths, rounded against whoever spends it."""
    if not (math.isfinite(money) and above < money <= _MOST):
        least = "above 0" if above == 0 else "at least 0"
        raise InputError(f"{name} is {money}: it must be a finite amount of money, {least} and at most {_MOST:,}")
    exact = max(money, 0.0) * _UNIT
    near = round(exact)  # 0.29 * 1e6 is a little less than 290000
    if abs(exact - near) < 1e-3:
        return near
    return math.ceil(exact) if up else math.floor(exact)


def _lease(row: Any) -> Lease:  # noqa: ANN401 - a mapping of columns
    return Lease(**(dict(row) | {"amount": row["amount"] / _UNIT, "spent": row["spent"] / _UNIT}))
