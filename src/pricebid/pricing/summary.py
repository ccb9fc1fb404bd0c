"""A plan in a page of text."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pricebid.pricing.plan import PricePlan


def summary(plan: PricePlan, *, moves: int) -> str:
    """Return totals now and planned, limits, the biggest moves with their reasons, and notices."""
    return "\n".join([*_head(plan), *_totals(plan), *_limits(plan), *_moves(plan, moves), *_notices(plan)])


def _head(plan: PricePlan) -> list[str]:
    offers, changed = len(plan.price), int(plan.changed.sum())
    span = (
        f"{plan.periods[0]} and {len(plan.periods) - 1} periods more" if len(plan.periods) > 1 else f"{plan.periods[0]}"
    )
    bound = (
        "no plan is worth more than" if plan.scope == "exact" else "linearised at the plan, no plan is worth more than"
    )
    return [
        f"Price plan for {offers:,} offers, {span}: {changed:,} prices move",
        f"{plan.status}: objective {plan.found.value:,.2f}; {bound} {plan.found.bound:,.2f} (gap {plan.found.gap:.2g})",
    ]


def _totals(plan: PricePlan) -> list[str]:
    totals = plan.totals
    lines = ["", f"{'':<12}{'now':>16}{'planned':>16}{'change':>16}   80 % interval of the expected change"]
    for name in ("profit", "revenue", "units"):
        now, planned, change = totals["now"][name], totals["planned"][name], totals["uplift"][name]
        if change is None:
            continue
        span = f"{change['low']:+,.2f} to {change['high']:+,.2f}"
        lines.append(f"{name:<12}{now:>16,.2f}{planned:>16,.2f}{change['value']:>+16,.2f}   {span}")
    if totals["now"].get("margin") is not None:
        lines.append(f"{'margin':<12}{totals['now']['margin']:>16.1%}{totals['planned']['margin']:>16.1%}")
    if totals["planned"]["lost_units"] > 0.5:
        lines.append(
            f"{'lost units':<12}{totals['now']['lost_units']:>16,.1f}{totals['planned']['lost_units']:>16,.1f}"
        )
    return lines


def _limits(plan: PricePlan) -> list[str]:
    if not plan.limits:
        return []
    head = f"{'limit':<22}{'asked':>14}{'reached':>14}{'slack':>14}{'worth per unit':>16}"
    rows = (
        f"{one.name:<22}{one.limit:>14,.4g}{one.value:>14,.4g}{one.slack:>14,.4g}{one.shadow_price:>16,.4g}"
        for one in plan.limits
    )
    return ["", head, *rows]


def _moves(plan: PricePlan, most: int) -> list[str]:
    change = np.abs(plan.price - plan.now) * plan.changed * np.maximum(plan.outcomes[0]["units"], 1e-9)  # money moved
    order = np.argsort(-change, kind="stable")[: min(most, int(plan.changed.sum()))]
    if not len(order):
        return []
    lines = ["", "Biggest moves"]
    for at in order:
        keys = " in ".join(str(label[at]) for label in plan.offers.labels)
        lines.append(f"  {keys}: {plan.now[at]:,.2f} -> {plan.price[at]:,.2f}  {plan.reason[at]}")
    return lines


def _notices(plan: PricePlan) -> list[str]:
    return ["", *(f"note: {notice}" for notice in plan.notices)] if plan.notices else []
