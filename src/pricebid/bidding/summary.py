"""A bid plan in a page of text."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pricebid.bidding.plan import BidPlan


def summary(plan: BidPlan, *, moves: int) -> str:
    """Return totals now and planned, limits, the biggest moves with their reasons, and notices."""
    return "\n".join([*_head(plan), *_totals(plan), *_limits(plan), *_moves(plan, moves), *_notices(plan)])


def _head(plan: BidPlan) -> list[str]:
    words, counts = np.unique(plan.action.astype(str), return_counts=True)
    told = ", ".join(f"{word} {count:,}" for word, count in zip(words, counts, strict=True))
    first = f"Bid plan for {len(plan.bid):,} keywords in {len(plan.layout.campaigns):,} campaigns, per day: {told}"
    second = (
        f"{plan.status}: objective {plan.found.value:,.2f}; free bids for every keyword and hour would be worth at most "
        f"{plan.bound.value:,.2f} (gap {plan.gap:.2g})"
    )
    return [first, second]


def _totals(plan: BidPlan) -> list[str]:
    totals = plan.totals
    lines = ["", f"{'per day':<12}{'now':>16}{'planned':>16}{'change':>16}   80 % interval of the expected change"]
    for name in ("profit", "revenue", "conversions", "clicks", "cost"):
        change = totals["uplift"][name]
        if not np.isfinite(change["value"]):
            continue
        span = f"{change['low']:+,.2f} to {change['high']:+,.2f}"
        lines.append(
            f"{name:<12}{totals['now'][name]:>16,.2f}{totals['planned'][name]:>16,.2f}{change['value']:>+16,.2f}   {span}"
        )
    for name in ("roas", "cpa"):
        both = (totals["now"][name], totals["planned"][name])
        if None not in both:
            lines.append(f"{name:<12}{both[0]:>16,.2f}{both[1]:>16,.2f}")
    return lines


def _limits(plan: BidPlan) -> list[str]:
    if not plan.limits:
        return []
    head = f"{'limit':<32}{'asked':>14}{'reached':>14}{'slack':>14}{'worth per unit':>16}"
    rows = (
        f"{one.name:<32}{one.limit:>14,.4g}{one.value:>14,.4g}{one.slack:>14,.4g}{one.shadow_price:>16,.4g}"
        for one in plan.limits
    )
    return ["", head, *rows]


def _moves(plan: BidPlan, most: int) -> list[str]:
    order = biggest_moves(plan, most)
    if not len(order):
        return []
    lines = ["", "Biggest moves"]
    for at in order:
        keys = ", ".join(str(label[at]) for label in plan.layout.labels if label[at])
        now = "-" if np.isnan(plan.current[at]) else f"{plan.current[at]:,.2f}"
        lines.append(f"  {plan.action[at]} {keys}: {now} -> {plan.bid[at]:,.2f}  {plan.reason[at]}")
    return lines


def biggest_moves(plan: BidPlan, most: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Return the keywords whose bid moves, by how much their spend or profit changes, the largest first."""
    now, planned = plan.outcomes
    change = np.fmax(np.abs(planned["cost"] - now["cost"]), np.abs(planned["profit"] - now["profit"]))
    moved = plan.action != "keep"
    order = np.argsort(-np.where(moved, change, -1.0), kind="stable")
    return np.asarray(order[: min(most, int(moved.sum()))])


def _notices(plan: BidPlan) -> list[str]:
    return ["", *(f"note: {notice}" for notice in plan.notices)] if plan.notices else []
