"""The life of a plan from its making on, with guards at publishing: the same for the HTTP routes and `price --publish`."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from pricebid import store
from pricebid.errors import PricebidError
from pricebid.store.money import check_money
from pricebid_api.campaigns import CAMPAIGNS, MOST_IN_WORDS, budgets_gone
from pricebid_api.shops import get_shop, guards_of, load_shop

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pricebid.live.keys import OfferIndex
    from pricebid.store import PlanInfo, Store
    from pricebid_api.settings import Guards

DAY = 86_400_000_000  # microseconds
MOST_NAMED = 1000  # offers that a reason keeps one by one
_TEXT = re.compile(r"(?P<guard>\w+)(?: \((?P<extent>[^)]*)\))?: (?P<message>.*)", re.DOTALL)
_WHICH = "\n{"  # messages are one line: what a reason is about stands on a second one, as JSON
_ROUNDED = 6  # decimals of an extent, so that what was shown and what is found now compare as the store keeps them
# What may be added to what was shown: data approved today are a day older when the plan is published tomorrow.
_ALLOWED = {"days": 1.0}


@dataclass(frozen=True, kw_only=True)
class Reason:
    """Why a guard holds a plan.

    Parameters
    ----------
    guard : str
        ``data_too_old``, ``infeasible``, ``too_many_moves``, ``profit_below``, ``below_floor``, ``budget_gone``,
        ``approval_required``.
    message : str
        What was found and what the guard allows.
    extent : mapping of str to float
        How far it goes, by measure; more is worse. An approval covers no more of each than was shown. ``days`` old,
        share ``moved``, money ``short``, ``prices`` under their floor and money that one is ``deep`` under it at most.
    which : mapping of str to float
        What it is about, and how far with each: the offers that are under their floor, the plan in force that promises
        more, the budgets that are gone. An approval covers nothing else than was shown.
    """

    guard: str
    message: str
    extent: Mapping[str, float] = field(default_factory=dict)
    which: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, measures in (("extent", self.extent), ("which", self.which)):
            object.__setattr__(self, name, {one: round(amount, _ROUNDED) for one, amount in measures.items()})

    @classmethod
    def of_many(cls, guard: str, *, message: str, extent: Mapping[str, float], which: Mapping[str, float]) -> Reason:
        """Make one about so much that, beyond a thousand, only a digest of what it is about is kept."""
        if len(which) > MOST_NAMED:
            lines = "\n".join(sorted(f"{one}={_plain(amount)}" for one, amount in which.items()))
            which = {f"sha256:{hashlib.sha256(lines.encode()).hexdigest()}": max(which.values())}
        return cls(guard=guard, message=message, extent=extent, which=which)

    def __str__(self) -> str:
        """Give it as the store keeps it, such as ``below_floor (2 prices, 7.35 deep): 2 prices are under ...``."""
        measures = ", ".join(f"{_plain(amount)} {name}" for name, amount in self.extent.items())
        text = f"{self.guard} ({measures}): {self.message}" if measures else f"{self.guard}: {self.message}"
        return f"{text}\n{json.dumps(self.which, ensure_ascii=False)}" if self.which else text

    @classmethod
    def read(cls, text: str) -> Reason:
        """Read a reason as the store keeps it; one of before extents, or what it is about, were kept has none."""
        text, which = _split(text)
        found = _TEXT.fullmatch(text)
        if found is None:
            return cls(guard=text, message="")
        measures = [one.partition(" ") for one in (found["extent"] or "").split(", ") if one]
        try:
            extent = {name: float(amount) for amount, _, name in measures}
        except ValueError:
            extent = {}
        return cls(guard=found["guard"], message=found["message"], extent=extent, which=which)

    def covers(self, other: Reason) -> bool:
        """Whether who was shown this one has accepted the other: the same guard, nothing else, and none goes further."""
        return (
            self.guard == other.guard
            and self.extent.keys() == other.extent.keys()
            and all(amount <= self.extent[name] + _ALLOWED.get(name, 0.0) for name, amount in other.extent.items())
            and all(amount <= self.which.get(one, -np.inf) for one, amount in other.which.items())
        )


def _split(text: str) -> tuple[str, dict[str, float]]:
    head, mark, rest = text.partition(_WHICH)
    try:
        return (head, json.loads("{" + rest)) if mark else (text, {})
    except ValueError:
        return text, {}


def _plain(amount: float) -> str:
    return f"{amount:.{_ROUNDED}f}".rstrip("0").rstrip(".")


def publish(db: Store, shop: str, plan_id: str, *, by: str, guards: Guards, require_approval: bool = False) -> PlanInfo:
    """Publish a plan, or hold it for approval where a guard objects.

    A plan that no guard objects to needs no approval unless ``require_approval``. A plan that was held and then
    approved is published over what its approver was shown: an objection of another guard, or one that goes further by
    now, holds it again, with all there is to object.

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
        It is held, published or retired; or another was published meanwhile; or it was made in another currency, or
        with other decimals, than the shop has now.
    """
    plan = store.get_plan(db, shop, plan_id)
    if plan.status not in ("made", "approved"):
        remedy = "; approve it first" if plan.status == "held" else ""
        raise store.StepError(
            f"plan {plan_id} is {plan.status}: only a plan that is made or approved can be published{remedy}"
        )
    settings = get_shop(db, shop).settings
    check_money(_with_currency(db, plan), settings)
    current = store.published(db, shop, plan.kind)
    shown = [Reason.read(text) for text in plan.reasons] if plan.status == "approved" else []
    reasons = objections(db, plan, guards_of(guards, settings))
    covered = all(any(seen.covers(one) for seen in shown) for one in reasons)
    if plan.status == "made" and require_approval:
        reasons.append(Reason(guard="approval_required", message="this service publishes only what somebody approved"))
        covered = False
    if not covered:
        return store.hold_plan(db, shop, plan_id, by=by, reasons=[*map(str, reasons)])
    if plan.status == "made":
        store.approve_plan(db, shop, plan_id, by="guards")
    over = None if current is None else current.plan_id
    detail = {"approved_over": [*map(str, reasons)]} if reasons else None
    return store.publish_plan(db, shop, plan_id, by=by, over=over, detail=detail)


def roll_back(db: Store, shop: str, plan_id: str, *, by: str) -> tuple[PlanInfo, tuple[str, ...]]:
    """Take a published plan back. No guard stops that; what nothing else would tell of the plan restored is told.

    Floors hold its prices at every quote, whatever it says. Budgets of campaigns that the shop has no more hold no bid.

    Parameters
    ----------
    db : Store
        Open.
    shop, plan_id : str
        The plan that is published now.
    by : str
        Who, for the audit log.

    Returns
    -------
    plan : PlanInfo
        The one taken back; its ``replaced`` names the one in force.
    warnings : tuple of str
        What was put into the audit log with it.

    Raises
    ------
    NotFound
        The shop has no such plan.
    StepError
        It is not the published one.
    """
    plan = store.get_plan(db, shop, plan_id)
    restored = None if plan.replaced is None else store.get_plan(db, shop, plan.replaced)
    warnings = () if restored is None else tuple(f"plan {restored.id}: {one.message}" for one in _budgets(db, restored))
    detail = {"warnings": [*warnings]} if warnings else None
    return store.rollback_plan(db, shop, plan_id, by=by, detail=detail), warnings


def objections(db: Store, plan: PlanInfo, guards: Guards) -> list[Reason]:
    """Give what the guards object to in a plan, as things stand now."""
    found = [*_feasible(plan), *_fresh(plan, guards), *_moves(plan, guards)]
    if guards.profit_below_interval:
        found += _profit(db, plan)
    return [*found, *_floors(db, plan), *_budgets(db, plan)]


def _feasible(plan: PlanInfo) -> Iterator[Reason]:
    if plan.facts.solution not in ("optimal", "feasible"):
        yield Reason(guard="infeasible", message=f"its solution is {plan.facts.solution}: some limit does not hold")


def _fresh(plan: PlanInfo, guards: Guards) -> Iterator[Reason]:
    most = guards.max_data_age_days
    if most is None or plan.facts.data_until is None:
        return
    age = (store.now() - plan.facts.data_until) / DAY
    if age > most:
        message = f"its data end {age:,.1f} days ago, more than {most:g}"
        yield Reason(guard="data_too_old", message=message, extent={"days": age})


def _moves(plan: PlanInfo, guards: Guards) -> Iterator[Reason]:
    most = guards.max_share_moved
    if most is not None and plan.facts.moved > most:
        what = "bids" if plan.kind == "bid" else "prices"
        message = f"{plan.facts.moved:.1%} of {plan.facts.items:,} {what} move, more than {most:.1%}"
        yield Reason(guard="too_many_moves", message=message, extent={"moved": plan.facts.moved})


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
        short = least - expected
        yield Reason(guard="profit_below", message=message, extent={"short": short}, which={before.id: short})


def _horizon(db: Store, plan: PlanInfo) -> float:
    return float(max(1, _document(db, plan).get("horizon") or 1))


def _with_currency(db: Store, plan: PlanInfo) -> PlanInfo:
    """Give a plan whose facts name its currency: one of before they did has it in its document."""
    if plan.facts.currency is not None:
        return plan
    document = _document(db, plan)
    found = document.get("currency", document.get("prices", {}).get("currency"))
    return replace(plan, facts=replace(plan.facts, currency=found))


def _document(db: Store, plan: PlanInfo) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(store.plan_files(db, plan.shop, plan.id, ["plan.json"])["plan.json"])
    return found


def _floors(db: Store, plan: PlanInfo) -> Iterator[Reason]:
    """Check prices against floors as the shop's tables give them now; as they were then, where those cannot be read."""
    if plan.kind == "bid":
        return
    try:
        yield from _below_now(db, plan)
    except PricebidError:
        count = plan.facts.below_floor  # how deep, nobody can tell now
        if count:
            yield Reason(
                guard="below_floor", message=f"{count:,} prices are under their floor", extent={"prices": count}
            )


def _below_now(db: Store, plan: PlanInfo) -> Iterator[Reason]:
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
        return
    rows = np.flatnonzero(under).tolist()
    depth = {_named(index, row): float(held[row] - planned[row]) for row in rows}
    first = rows[0]
    labels = " in ".join(str(label) for label in index.labels(first).values())
    yield Reason.of_many(
        "below_floor",
        message=(
            f"{len(rows):,} prices are under their floor, the first {labels}: "
            f"{planned[first]:,.2f} under {held[first]:,.2f}"
            + (f"; at most by {max(depth.values()):,.2f}" if len(rows) > 1 else "")
        ),
        extent={"prices": len(depth), "deep": max(depth.values())},
        which=depth,
    )


def _budgets(db: Store, plan: PlanInfo) -> Iterator[Reason]:
    """Find budgets of campaigns that the plan was made within, and that would not hold its bids: the shop has them no more."""
    if plan.kind == "price":
        return
    gone = budgets_gone(db, plan.shop, _document(db, plan))
    if gone:
        message = f"the table {CAMPAIGNS} has no more: {', '.join([*gone][:MOST_IN_WORDS])}"
        more = f" and {len(gone) - MOST_IN_WORDS:,} more" if len(gone) > MOST_IN_WORDS else ""
        yield Reason.of_many("budget_gone", message=message + more, extent={"budgets": len(gone)}, which=gone)


def _named(index: OfferIndex, row: int) -> str:
    return ", ".join(f"{name}={label}" for name, label in index.labels(row).items())
