"""A channel plan in a page of text."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pricebid.bidding.channel_plan import ChannelPlan


def summary(plan: ChannelPlan) -> str:
    """Return totals now and planned, the budget, each channel with its reason, and notices."""
    return "\n".join([*_head(plan), *_totals(plan), *_limits(plan), *_channels(plan), *_notices(plan)])


def _head(plan: ChannelPlan) -> list[str]:
    moved = int((plan.action != "keep").sum())
    head = f"Channel plan for {len(plan.channels)} channels, per {plan.response.frequency}: {moved} change"
    choice = plan.choice
    proof = f"{plan.status}: objective {choice.value:,.2f}; no split is worth more than {choice.bound:,.2f}"
    return [head, f"{proof} (gap {choice.gap:.2g})"]


def _totals(plan: ChannelPlan) -> list[str]:
    totals = plan.totals
    lines = ["", f"{'':<14}{'now':>16}{'planned':>16}{'change':>16}   80 % interval of the expected change"]
    for name, now in totals["now"].items():
        planned, change = totals["planned"][name], totals["uplift"].get(name)
        span = "" if change is None else f"   {change['low']:+,.2f} to {change['high']:+,.2f}"
        lines.append(f"{name.replace('_', ' '):<14}{now:>16,.2f}{planned:>16,.2f}{planned - now:>+16,.2f}{span}")
    return lines


def _limits(plan: ChannelPlan) -> list[str]:
    return [
        f"\n{one.name} {one.limit:,.2f}: {one.value:,.2f} used; one more unit of money is worth {one.shadow_price:,.3f}"
        for one in plan.limits
    ]


def _channels(plan: ChannelPlan) -> list[str]:
    rows = zip(plan.channels, plan.now, plan.spend, plan.reason, strict=True)
    return ["", *(f"  {name}: {now:,.2f} -> {spend:,.2f}  {reason}" for name, now, spend, reason in rows)]


def _notices(plan: ChannelPlan) -> list[str]:
    return ["", *(f"note: {notice}" for notice in plan.notices)] if plan.notices else []
