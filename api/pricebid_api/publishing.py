"""The life of a plan from its making on, with guards at publishing: the same for the HTTP routes and `price --publish`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pricebid import store
from pricebid.errors import PricebidError
from pricebid_api.shops import get_shop, guards_of, load_shop

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pricebid.store import PlanInfo, Store
    from pricebid_api.settings import Guards

DAY = 86_400_000_000  # microseconds


@dataclass(frozen=True, kw_only=True)
class Reason:
    """Why a guard holds a plan.

    Parameters
    ----------
    guard : str
        ``data_too_old``, ``infeasible``, ``too_many_moves``, ``profit_below``, ``below_floor``, ``approval_required``.
    message : str
        What was found and what the guard allows.
    """

    guard: str
    message: str

    def __str__(self) -> str:
        return f"{self.guard}: {self.message}"

    @classmethod
    def read(cls, text: str) -> Reason:
        """Read a reason as the store keeps it."""
        guard, _, message = text.partition(": ")
        return cls(guard=guard, message=message)


def publish(db: Store, shop: str, plan_id: str, *, by: str, guards: Guards, require_approval: bool = False) -> PlanInfo:
    """Publish a plan, or hold it for approval where a guard objects.

    A plan that no guard objects to needs no approval unless ``require_approval``. A plan that was held and then
    approved is published over the objections that its approver was shown; new ones hold it again.

    Parameters
    ----------
    db : Store
        Open.
    shop, plan_id : str
        Which.
    by : str
        Who, for the audit log.
    guards : Guards
        The service's; the shop's own settings go first.
    require_approval : bool
        A person must have approved it.

    Returns
    -------
    PlanInfo
        ``published``, or ``held`` with its reasons.

    Raises
    ------
    NotFound
        There is no such plan in the shop.
    StepError
        It is held, published or retired; or another was published meanwhile.
    """
    plan = store.get_plan(db, shop, plan_id)
    if plan.status not in ("made", "approved"):
        remedy = "; approve it first" if plan.status == "held" else ""
        raise store.StepError(
            f"plan {plan_id} is {plan.status}: only a plan that is made or approved can be published{remedy}"
        )
    current = store.published(db, shop, plan.kind)
    seen = {Reason.read(text).guard for text in plan.reasons} if plan.status == "approved" else set()
    reasons = [
        one for one in objections(db, plan, guards_of(guards, get_shop(db, shop).settings)) if one.guard not in seen
    ]
    if plan.status == "made" and require_approval:
        reasons.append(Reason(guard="approval_required", message="this service publishes only what somebody approved"))
    if reasons:
        return store.hold_plan(db, shop, plan_id, by=by, reasons=[*map(str, reasons)])
    if plan.status == "made":
        store.approve_plan(db, shop, plan_id, by="guards")
    over = None if current is None else current.plan_id
    return store.publish_plan(
        db, shop, plan_id, by=by, over=over, detail={"approved_over": sorted(seen)} if seen else None
    )


def objections(db: Store, plan: PlanInfo, guards: Guards) -> list[Reason]:
    """Give what the guards object to in a plan, as things stand now."""
    found = [*_feasible(plan), *_fresh(plan, guards), *_moves(plan, guards)]
    if guards.profit_below_interval:
        found += _profit(db, plan)
    return [*found, *_floors(db, plan)]


def _feasible(plan: PlanInfo) -> Iterator[Reason]:
    if plan.facts.solution not in ("optimal", "feasible"):
        yield Reason(guard="infeasible", message=f"its solution is {plan.facts.solution}: some limit does not hold")


def _fresh(plan: PlanInfo, guards: Guards) -> Iterator[Reason]:
    most = guards.max_data_age_days
    if most is None or plan.facts.data_until is None:
        return
    age = (store.now() - plan.facts.data_until) / DAY
    if age > most:
        yield Reason(guard="data_too_old", message=f"its data end {age:,.1f} days ago, more than {most:g}")


def _moves(plan: PlanInfo, guards: Guards) -> Iterator[Reason]:
    most = guards.max_share_moved
    if most is not None and plan.facts.moved > most:
        what = "bids" if plan.kind == "bid" else "prices"
        message = f"{plan.facts.moved:.1%} of {plan.facts.items:,} {what} move, more than {most:.1%}"
        yield Reason(guard="too_many_moves", message=message)


def _profit(db: Store, plan: PlanInfo) -> Iterator[Reason]:
    """Compare expectations per period (bid plans: per day) with the plan in force."""
    current = store.published(db, plan.shop, plan.kind)
    if current is None or current.plan_id is None or plan.facts.profit is None:
        return
    before = store.get_plan(db, plan.shop, current.plan_id)
    if before.facts.profit_low is None:
        return
    least = before.facts.profit_low / _horizon(db, before)
    expected = plan.facts.profit / _horizon(db, plan)
    if expected < least:
        message = f"it expects {expected:,.2f} per period, below the {least:,.2f} to which the plan in force may fall"
        yield Reason(guard="profit_below", message=message)


def _horizon(db: Store, plan: PlanInfo) -> float:
    return float(max(1, _document(db, plan).get("horizon") or 1))


def _document(db: Store, plan: PlanInfo) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(store.plan_files(db, plan.shop, plan.id, ["plan.json"])["plan.json"])
    return found


def _floors(db: Store, plan: PlanInfo) -> Iterator[Reason]:
    """Check prices against floors as the shop's tables give them now; as they were then, where those cannot be read."""
    if plan.kind == "bid":
        return
    try:
        below, example = _below_now(db, plan)
    except PricebidError:
        below, example = plan.facts.below_floor, ""
    if below:
        yield Reason(guard="below_floor", message=f"{below:,} prices are under their floor{example}")


def _below_now(db: Store, plan: PlanInfo) -> tuple[int, str]:
    from pricebid.live.keys import OfferIndex
    from pricebid.live.prices import ShopPrices, keys_of, numbers, read_table
    from pricebid.policy import Policy

    document = _document(db, plan)
    policy = Policy.from_mapping(document["policy"])
    prices = ShopPrices.of_shop(load_shop(db, plan.shop).shop, policy)
    table = read_table(store.plan_files(db, plan.shop, plan.id), "prices")
    index = OfferIndex.build(keys_of(table))
    floor = np.where(prices.fixed, -np.inf, np.nan_to_num(prices.floor, nan=-np.inf))
    held = index.spread(prices.keys, floor, -np.inf)  # offers that the plan does not have are left out
    planned = index.spread(keys_of(table), numbers(table, "price"), np.inf)
    under = planned < held - 1e-6
    if not under.any():
        return 0, ""
    at = int(np.argmax(under))
    labels = " in ".join(str(label) for label in index.labels(at).values())
    return int(under.sum()), f", the first {labels}: {planned[at]:,.2f} under {held[at]:,.2f}"
