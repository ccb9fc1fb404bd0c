"""A plan for prices and bids together, for people and as JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.text import Text

from pricebid.report.bids import bid_report
from pricebid.report.numbers import change, count, money, relative
from pricebid.report.plans import plan_report, signed
from pricebid.report.text import section, table

if TYPE_CHECKING:
    from rich.console import RenderableType

    from pricebid.planning import JointPlan


def joint_report(plan: JointPlan, *, moves: int = 5) -> RenderableType:
    """Lay out a joint plan: totals, what planning together adds, then both halves.

    Parameters
    ----------
    plan : JointPlan
        As planned.
    moves : int
        How many moves of each half to show.
    """
    return Group(
        joint_totals(plan),
        together(plan),
        *(
            Text(f"note: {notice}")
            for notice in plan.notices
            if notice not in (*plan.prices.notices, *plan.bids.notices)
        ),
        Text(),
        section("Prices (profit before ad cost)"),
        plan_report(plan.prices, moves=moves),
        Text(),
        section("Bids (per day, valued at the planned prices)"),
        bid_report(plan.bids, moves=moves),
    )


def joint_totals(plan: JointPlan) -> RenderableType:
    """Lay out totals now and planned, profit after ad cost."""
    totals, currency = plan.totals, plan.prices.settings.currency
    rows = []
    for name, words in (
        ("profit", "profit after ads"),
        ("revenue", "revenue"),
        ("units", "units"),
        ("ad_cost", "ad cost"),
    ):
        write = count if name == "units" else money
        now, planned, uplift = totals["now"][name], totals["planned"][name], totals["uplift"][name]
        if uplift is None:
            continue
        span = f"{signed(uplift['low'])} to {signed(uplift['high'])}" if "low" in uplift else ""
        by = change(relative(planned, now))
        rows.append((words, write(now), write(planned), signed(uplift["value"]), by, span))
    title = f"Prices and bids together, {plan.ads.days} days from {plan.prices.periods[0]}" + (
        f" (money in {currency})" if currency else ""
    )
    return table(title, ("over the horizon", "now", "planned", "change", "", "80 % interval of the change"), rows)


def together(plan: JointPlan) -> Text:
    """Say what planning together adds."""
    gain = plan.objective - plan.separate
    held = "" if plan.turns[0].holds else ", which would break a limit"
    return Text(
        f"Prices first and bids after{held}: objective {money(plan.separate)}; together {money(plan.objective)} "
        f"({signed(gain)}), in {len(plan.turns)} turns."
    )


def joint_summary(plan: JointPlan) -> dict[str, Any]:
    """Give what plan.json holds."""
    content: dict[str, Any] = json.loads(plan.to_json())
    return {"plan": content}
