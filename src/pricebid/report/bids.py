"""A bid plan for people: what it brings per day, what limits it, its moves with their reasons, and hours."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from rich.console import Group
from rich.padding import Padding
from rich.text import Text

from pricebid.bidding.summary import biggest_moves
from pricebid.report.numbers import change, count, money, relative, tiny
from pricebid.report.plans import signed
from pricebid.report.text import table

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from rich.console import RenderableType

    from pricebid.bidding import BidPlan
    from pricebid.optimize import LimitReport

MOVES = 10
_LIMITS = 12
_HOURS_SHOWN = 6


def bid_report(plan: BidPlan, *, moves: int = MOVES) -> RenderableType:
    """Lay out a plan: totals per day now and planned with intervals, proof, limits, hours, the biggest moves, notices.

    Parameters
    ----------
    plan : BidPlan
        As planned.
    moves : int
        How many moves to show.
    """
    parts: list[RenderableType] = [totals_table(plan), proof(plan)]
    if plan.limits:
        parts += [Text(), limits_table(plan)]
    if plan.grid.hours:
        parts += [Text(), hours_table(plan)]
    if (plan.action != "keep").any():
        parts += [Text(), moves_list(plan, most=moves)]
    parts += [Text(f"note: {notice}") for notice in plan.notices]
    return Group(*parts)


def totals_table(plan: BidPlan) -> RenderableType:
    """Lay out totals per day at current and at planned bids, with the 80 % interval of the expected difference."""
    totals = plan.totals
    rows = []
    for name in ("profit", "revenue", "conversions", "clicks", "cost"):
        write: Callable[[float], str] = count if name in {"conversions", "clicks"} else money
        now, planned, uplift = totals["now"][name], totals["planned"][name], totals["uplift"][name]
        if not np.isfinite(planned):
            continue
        span = f"{signed(uplift['low'])} to {signed(uplift['high'])}"
        by = change(relative(planned, now))
        rows.append((name, write(now), write(planned), signed(uplift["value"]), by, span))
    for name, words in (("roas", "revenue / cost"), ("cpa", "cost / conversion")):
        now, planned = totals["now"][name], totals["planned"][name]
        if now is not None and planned is not None:
            rows.append((words, f"{now:,.2f}", f"{planned:,.2f}", signed(planned - now), "", ""))
    title = f"Bid plan for {len(plan.bid):,} keywords: {actions_words(plan)}"
    title += f" (money in {plan.currency})" if plan.currency else ""
    return table(title, ("per day", "now", "planned", "change", "", "80 % interval of the change"), rows)


def actions_words(plan: BidPlan) -> str:
    """Say how many keywords are raised, lowered, kept, paused and started."""
    words = {"raise": "raised", "lower": "lowered", "keep": "kept", "pause": "paused", "start": "started"}
    counts = {done: int((plan.action == word).sum()) for word, done in words.items()}
    return ", ".join(f"{number:,} {done}" for done, number in counts.items() if number)


def proof(plan: BidPlan) -> Text:
    """Say how far from the best possible the plan can be, and what that bound bounds."""
    return Text(
        f"Proof: no bids within the limits, not even one for every keyword and hour by itself, are worth more than "
        f"{money(plan.bound.value)}; these are worth {money(plan.found.value)}, a gap of {tiny(plan.gap)}."
    )


def limits_table(plan: BidPlan) -> RenderableType:
    """Lay out the limits: those in all, then the campaigns' that are worth most."""
    named = [one for one, limit in zip(plan.limits, plan.limits_kept, strict=True) if limit.campaign is None]
    own = [one for one, limit in zip(plan.limits, plan.limits_kept, strict=True) if limit.campaign is not None]
    own.sort(key=lambda one: -one.shadow_price * abs(one.limit))
    shown = [*named, *own[:_LIMITS]]
    rows = [
        (
            one.name,
            f"{one.limit:,.4g}",
            f"{one.value:,.4g}",
            _slack(one),
            f"{one.shadow_price * abs(one.limit) / 100:+,.2f}",
        )
        for one in shown
    ]
    more = f" ({len(own) - _LIMITS} more campaigns' limits are worth less)" if len(own) > _LIMITS else ""
    return table(f"Limits per day{more}", ("limit", "asked", "reached", "slack", "1 % looser would earn"), rows)


def _slack(one: LimitReport) -> str:
    return "none" if abs(one.slack) <= 1e-3 * max(1e-9, abs(one.limit)) else f"{one.slack:,.3g}"


def hours_table(plan: BidPlan) -> RenderableType:
    """Lay out the multipliers by hour of the campaigns that spend most, in blocks of three hours."""
    cost = np.bincount(plan.layout.campaign, plan.outcomes[1]["cost"], len(plan.layout.campaigns))
    order = np.argsort(-cost, kind="stable")[:_HOURS_SHOWN]
    blocks = [f"{hour:02d}-{hour + 2:02d}" for hour in range(0, 24, 3)]
    means = plan.times[0][order].reshape(len(order), 8, 3).mean(axis=2)
    rows = [
        (str(plan.layout.campaigns[at]) or "(none)", *(f"{value:.2f}" for value in row))
        for at, row in zip(order, means, strict=True)
    ]
    return table("Bid multipliers by hour (means of three hours)", ("campaign", *blocks), rows)


def moves_list(plan: BidPlan, *, most: int = MOVES) -> RenderableType:
    """List the moves that change spend or profit most, each with its reason below it."""
    order = biggest_moves(plan, most)
    names = [", ".join(str(label[at]) for label in plan.layout.labels if label[at]) for at in order]
    now, planned = plan.outcomes
    widths = max(map(len, names)), max(len(_step(plan, int(at))) for at in order)
    parts: list[RenderableType] = [Text(f"The {len(order)} moves that change most", style="bold")]
    for at, name in zip(order, names, strict=True):
        profit = planned["profit"][at] - now["profit"][at]
        cost = planned["cost"][at] - now["cost"][at]
        head = f" {plan.action[at]:<6} {name:<{widths[0]}}  {_step(plan, int(at)):>{widths[1]}}  cost {signed(cost)}"
        head += f", profit {signed(profit)}" if np.isfinite(profit) else ""
        parts.append(Text(head, style="bold cyan"))
        parts.append(Padding(Text(str(plan.reason[at])), (0, 0, 0, 3), expand=False))
    return Group(*parts)


def _step(plan: BidPlan, at: int) -> str:
    now = "-" if np.isnan(plan.current[at]) else f"{plan.current[at]:,.2f}"
    return f"{now} → {plan.bid[at]:,.2f}"


def bid_summary(plan: BidPlan) -> dict[str, Any]:
    """Give what plan.json holds, and how many keywords each action meets."""
    import json

    words, counts = np.unique(plan.action.astype(str), return_counts=True)
    return {
        "plan": json.loads(plan.to_json()),
        "keywords": len(plan.bid),
        "actions": {str(word): int(number) for word, number in zip(words, counts, strict=True)},
    }
