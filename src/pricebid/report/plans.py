"""A price plan for people: what it is worth, what limits it, and its moves with their reasons."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from rich.console import Group
from rich.padding import Padding
from rich.text import Text

from pricebid.pricing.reasons import effects
from pricebid.report.numbers import change, count, money, relative, share, tiny
from pricebid.report.text import table

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import RenderableType

    from pricebid.planning import Comparison
    from pricebid.pricing import LimitReport, PricePlan

MOVES = 10


def plan_report(plan: PricePlan, *, moves: int = MOVES) -> RenderableType:
    """Lay out a plan: totals now and planned with intervals, limits, the moves that are worth most, notices.

    Parameters
    ----------
    plan : PricePlan
        As planned.
    moves : int
        How many moves to show.
    """
    parts: list[RenderableType] = [totals_table(plan), proof(plan)]
    if plan.limits:
        parts += [Text(), limits_table(plan)]
    if plan.changed.any():
        parts += [Text(), moves_list(plan, most=moves)]
    parts += [Text(f"note: {notice}") for notice in plan.notices]
    return Group(*parts)


def totals_table(plan: PricePlan) -> RenderableType:
    """Lay out totals at current and at planned prices, with the 80 % interval of the expected difference."""
    totals, currency = plan.totals, plan.settings.currency
    rows = []
    for name in ("profit", "revenue", "units"):
        write: Callable[[float], str] = count if name == "units" else money
        now, planned, uplift = totals["now"][name], totals["planned"][name], totals["uplift"][name]
        if uplift is not None:
            span = f"{signed(uplift['low'])} to {signed(uplift['high'])}"
            by = change(relative(planned, now))
            rows.append((name, write(now), write(planned), signed(uplift["value"]), by, span))
    if totals["now"]["margin"] is not None and totals["planned"]["margin"] is not None:
        points = 100 * (totals["planned"]["margin"] - totals["now"]["margin"])
        rows.append(
            ("margin", share(totals["now"]["margin"]), share(totals["planned"]["margin"]), f"{points:+.1f} pp", "", "")
        )
    if totals["planned"]["lost_units"] > 0.5:
        lost = (totals["now"]["lost_units"], totals["planned"]["lost_units"])
        rows.append(("lost to stock", count(lost[0]), count(lost[1]), signed(lost[1] - lost[0]), "", ""))
    title = (
        f"Plan for {len(plan.price):,} prices, {len(plan.periods)} periods from {plan.periods[0]}: "
        f"{int(plan.changed.sum()):,} move" + (f" (money in {currency})" if currency else "")
    )
    return table(title, ("over the horizon", "now", "planned", "change", "", "80 % interval of the change"), rows)


def proof(plan: PricePlan) -> Text:
    """Say how far from the best possible the plan can be, and what that bound bounds."""
    within = "" if plan.scope == "exact" else ", cross effects linearised at the plan"
    return Text(
        f"Proof: no plan within the limits is worth more than {money(plan.found.bound)}{within}; this one is worth "
        f"{money(plan.found.value)}, a gap of {tiny(plan.found.gap)}."
    )


def limits_table(plan: PricePlan) -> RenderableType:
    """Lay out the limits on the plan as a whole."""
    rows = [
        (
            one.name,
            f"{one.limit:,.4g}",
            f"{one.value:,.4g}",
            _slack(one),
            f"{one.shadow_price * abs(one.limit) / 100:+,.2f}",
        )
        for one in plan.limits
    ]
    return table("Limits", ("limit", "asked", "reached", "slack", "1 % looser would earn"), rows)


def _slack(one: LimitReport) -> str:
    return "none" if abs(one.slack) <= 1e-6 * max(1.0, abs(one.limit)) else f"{one.slack:,.3g}"


def moves_list(plan: PricePlan, *, most: int = MOVES) -> RenderableType:
    """List the moves that add most to the objective, each with its reason below it."""
    worth = np.where(plan.changed, effects(plan).worth, -np.inf)
    order = np.argsort(-worth, kind="stable")[: min(most, int(plan.changed.sum()))]
    names = [", ".join(str(label[at]) for label in plan.offers.labels) for at in order]
    steps = [f"{plan.now[at]:,.2f} → {plan.price[at]:,.2f}" for at in order]
    widths = max(map(len, names)), max(map(len, steps))
    parts: list[RenderableType] = [Text(f"The {len(order)} moves that are worth most", style="bold")]
    for at, name, step in zip(order, names, steps, strict=True):
        parts.append(Text(f" {name:<{widths[0]}}   {step:>{widths[1]}}   worth {worth[at]:+,.2f}", style="bold cyan"))
        # "34 %" would break between number and sign at a line's end.
        parts.append(Padding(Text(str(plan.reason[at]).replace(" %", "%")), (0, 0, 0, 3), expand=False))
    return Group(*parts)


def comparison_report(both: Comparison, *, moves: int = MOVES) -> RenderableType:
    """Lay out a what-if: totals as things are and in the scenario, and the prices that differ most."""
    rows = []
    for one in both.differences:
        write: Callable[[float], str] = count if one.outcome == "units" else money
        by, span = change(relative(one.scenario, one.baseline)), f"{signed(one.low)} to {signed(one.high)}"
        rows.append((one.outcome, write(one.baseline), write(one.scenario), signed(one.difference), by, span))
    columns = ("planned", "as things are", "scenario", "difference", "", "80 % interval of the difference")
    title = f"Both plans: {len(both.scenario.price):,} prices, {len(both.scenario.periods)} periods"
    differ = np.abs(both.scenario.price / both.baseline.price - 1.0)
    order = [at for at in np.argsort(-differ, kind="stable")[:moves] if differ[at] > 0]
    parts: list[RenderableType] = [table(title, columns, rows)]
    if not order:
        return Group(*parts, Text("No price differs."))
    names = ("as things are", "scenario", "difference")
    cells = [
        (
            ", ".join(str(label[at]) for label in both.scenario.offers.labels),
            f"{both.baseline.price[at]:,.2f}",
            f"{both.scenario.price[at]:,.2f}",
            change(both.scenario.price[at] / both.baseline.price[at] - 1.0),
        )
        for at in order
    ]
    head = f"{int((differ > 0).sum()):,} prices differ; the largest differences"
    return Group(*parts, table(head, (", ".join(both.scenario.offers.columns), *names), cells))


def signed(value: float) -> str:
    """Write a difference with its sign.

    >>> signed(1234.5), signed(-3.21), signed(-0.001)
    ('+1,234', '-3.21', '+0.00')
    """
    digits = 0 if abs(value) >= 1000 else 2
    return f"{round(value, digits) + 0.0:+,.{digits}f}"  # adding 0 turns -0 into 0
