"""The life of a plan, one audit row per step, written with it.

::

    made ------> approved ------> published ------> retired
      |            ^  |               ^                |
      +--> held <--+--+               +- rollback of --+
                                         what replaced it

Steps of one shop happen one after the other. One that starts from where a plan no longer stands is refused, so of
two who publish, roll back or approve at once, one does it and the other is told.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

from sqlalchemy import delete, insert, select, update

from pricebid.store.audit import append
from pricebid.store.connect import now
from pricebid.store.errors import StepError
from pricebid.store.money import check_money
from pricebid.store.plans import KINDS, Kind, PlanInfo, Status, missing, plan_of
from pricebid.store.schema import audit, plans, publications
from pricebid.store.shops import locked, settings_in

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Connection, Row

    from pricebid.store.connect import Store

ANY: Final = "any"
"""For `publish_plan`: whatever is published now."""


@dataclass(frozen=True, kw_only=True)
class Published:
    """What is published of a kind in a shop.

    Parameters
    ----------
    shop, kind : str
        Of which shop and kind.
    plan_id : str, optional
        The plan; None where nothing is published any more (taken back, or the shop erased).
    serial : int
        Rises with every publish, rollback and erasure of the installation, in the order of commits.
    at : int
        Since when, microseconds since 1970, UTC.
    """

    shop: str
    kind: Kind
    plan_id: str | None
    serial: int
    at: int


def approve_plan(db: Store, shop: str, plan_id: str, *, by: str) -> PlanInfo:
    """Approve a plan that was made or held; the reasons for which it was held stay with it.

    Raises
    ------
    NotFound
        The shop has no such plan.
    StepError
        It is approved already, or further.
    """
    with db.write() as conn:
        plan = _standing(conn, shop, plan_id, ("made", "held"), "approved")
        _move(conn, plan, "approved")
        _note(conn, plan, "approved", by, {"reasons": plan.reasons} if plan.reasons else {})
        return _read(conn, shop, plan_id)


def hold_plan(db: Store, shop: str, plan_id: str, *, by: str, reasons: Sequence[str]) -> PlanInfo:
    """Hold a plan that was made or approved until somebody approves it knowing the reasons.

    Raises
    ------
    NotFound
        The shop has no such plan.
    StepError
        It is held already, or published or retired.
    """
    with db.write() as conn:
        plan = _standing(conn, shop, plan_id, ("made", "approved"), "held")
        _move(conn, plan, "held", reasons=json.dumps(list(reasons)))
        _note(conn, plan, "held", by, {"reasons": list(reasons)})
        return _read(conn, shop, plan_id)


def publish_plan(
    db: Store,
    shop: str,
    plan_id: str,
    *,
    by: str,
    over: str | None = ANY,
    detail: Mapping[str, object] | None = None,
) -> PlanInfo:
    """Publish an approved plan; the one of its kind that was published before retires.

    Parameters
    ----------
    db : Store
        Open.
    shop, plan_id : str
        Which.
    by : str
        Who, for the audit log.
    over : str, optional
        Only if this plan is the published one (None: if none is), for whoever compared the two. `ANY`: in any case.
    detail : mapping, optional
        More for the audit row.

    Returns
    -------
    PlanInfo
        As it now is.

    Raises
    ------
    NotFound
        The shop has no such plan.
    StepError
        It is not approved; or another plan than ``over`` is published; or it was made in other money than the shop
        counts in by now.
    """
    with db.write() as conn:
        plan = _standing(conn, shop, plan_id, ("approved",), "published")
        check_money(plan, settings_in(conn, shop))
        before = _current(conn, shop, plan.kind)
        if over not in (ANY, before):
            raise StepError(
                f"plan {plan_id} was to replace {over or 'none'}, but {before or 'none'} is published by now: "
                "compare it with that one and publish again"
            )
        if before is not None:
            _move(conn, _read(conn, shop, before), "retired")
        _move(conn, plan, "published", replaced=before)
        serial = _note(conn, plan, "published", by, {"replaced": before, **(detail or {})})
        _announce(conn, shop, plan.kind, plan_id, serial)
        return _read(conn, shop, plan_id)


def rollback_plan(
    db: Store, shop: str, plan_id: str, *, by: str, detail: Mapping[str, object] | None = None
) -> PlanInfo:
    """Take a published plan back; the one that it replaced is published again.

    Parameters
    ----------
    db : Store
        Open.
    shop, plan_id : str
        The plan that is published now.
    by : str
        Who, for the audit log.
    detail : mapping, optional
        More for the audit row.

    Returns
    -------
    PlanInfo
        The plan taken back, now retired; its ``replaced`` names the one in force, None where there is none.

    Raises
    ------
    NotFound
        The shop has no such plan.
    StepError
        It is not the published one.
    """
    with db.write() as conn:
        plan = _standing(conn, shop, plan_id, ("published",), "rolled back")
        _move(conn, plan, "retired")
        if plan.replaced is not None:
            _move(conn, _read(conn, shop, plan.replaced), "published")
        serial = _note(conn, plan, "rolled-back", by, {"restored": plan.replaced, **(detail or {})})
        _announce(conn, shop, plan.kind, plan.replaced, serial)
        return _read(conn, shop, plan_id)


def published(db: Store, shop: str, kind: Kind) -> Published | None:
    """Give what is published of a kind; None where there is nothing.

    Where both a joint plan and one for prices or bids alone are published, the one with the higher serial holds.
    """
    query = select(publications).where(publications.c.shop == shop, publications.c.kind == kind)
    with db.read() as conn:
        row = conn.execute(query).one_or_none()
    return None if row is None or row.plan_id is None else _published(row)


def published_since(db: Store, serial: int) -> list[Published]:
    """Give what has changed since a serial, oldest first: what a worker asks for, again and again.

    Parameters
    ----------
    db : Store
        Open.
    serial : int
        The highest seen so far; 0 at the start.

    Returns
    -------
    list of Published
        The newest of each shop and kind. Of an erased shop one per kind, with no plan.
    """
    changed = select(publications).where(publications.c.serial > serial)
    erased = select(audit.c.id, audit.c.shop, audit.c.at).where(audit.c.what == "shop.erased", audit.c.id > serial)
    with db.read() as conn:
        gone = {(row.shop, kind): (row.id, row.at) for row in conn.execute(erased) for kind in KINDS}
        there = {(row.shop, row.kind): _published(row) for row in conn.execute(changed)}
    found = {
        (shop, kind): Published(shop=shop, kind=kind, plan_id=None, serial=at[0], at=at[1])
        for (shop, kind), at in gone.items()
    }
    for key, row in there.items():  # the shop may have been made anew since
        if key not in found or row.serial > found[key].serial:
            found[key] = row
    return sorted(found.values(), key=lambda one: (one.serial, one.kind))


def _standing(conn: Connection, shop: str, plan_id: str, allowed: tuple[Status, ...], step: str) -> PlanInfo:
    """Give a plan that stands where the step may begin, the shop locked so that it stays there."""
    locked(conn, shop)
    plan = _read(conn, shop, plan_id)
    if plan.status not in allowed:
        raise StepError(f"plan {plan_id} is {plan.status}: only a plan that is {' or '.join(allowed)} can be {step}")
    return plan


def _read(conn: Connection, shop: str, plan_id: str) -> PlanInfo:
    row = conn.execute(select(plans).where(plans.c.shop == shop, plans.c.id == plan_id)).one_or_none()
    if row is None:
        raise missing(shop, plan_id)
    return plan_of(row)


def _move(conn: Connection, plan: PlanInfo, status: Status, **more: str | None) -> None:
    values = {"status": status, "changed_at": now(), **more}
    conn.execute(update(plans).where(plans.c.shop == plan.shop, plans.c.id == plan.id).values(**values))


def _current(conn: Connection, shop: str, kind: Kind) -> str | None:
    query = select(publications.c.plan_id).where(publications.c.shop == shop, publications.c.kind == kind)
    return cast("str | None", conn.execute(query).scalar())


def _announce(conn: Connection, shop: str, kind: Kind, plan_id: str | None, serial: int) -> None:
    conn.execute(delete(publications).where(publications.c.shop == shop, publications.c.kind == kind))
    conn.execute(insert(publications).values(shop=shop, kind=kind, plan_id=plan_id, serial=serial, at=now()))


def _note(conn: Connection, plan: PlanInfo, step: str, by: str, detail: Mapping[str, object]) -> int:
    facts = {"kind": plan.kind, "inputs": plan.facts.inputs, **detail}
    return append(conn, shop=plan.shop, who=by, what=f"plan.{step}", subject=plan.id, digest=plan.digest, detail=facts)


def _published(row: Row[Any]) -> Published:
    return Published(**row._mapping)  # noqa: SLF001 - SQLAlchemy's public name
