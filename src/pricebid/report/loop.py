"""The closed loop for people and as JSON: what each policy earned, and what exploring cost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.console import Group

from pricebid.report.numbers import change, money, share
from pricebid.report.text import plain, table

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import RenderableType

NOW, BEST, PLAIN, EXPLORING = "status quo", "clairvoyant", "no exploration", "exploration"


def loop_summary(frame: pd.DataFrame) -> dict[str, Any]:
    """Give the totals of each policy from the table ``loop``: profit, uplift over the status quo, and exploration."""
    totals = frame.groupby("policy", sort=False)[
        ["profit", "planned_profit", "exploration_cost", "believed_cost", "budget"]
    ]
    policies = {
        str(name): {key: float(row[key]) for key in totals.sum().columns} for name, row in totals.sum().iterrows()
    }
    now, best = policies[NOW]["profit"], policies[BEST]["profit"]
    for one in policies.values():
        one["uplift"] = one["profit"] / now - 1.0
        one["reached"] = (one["profit"] - now) / (best - now) if best > now else float("nan")
    summary: dict[str, Any] = {"days": int(frame["day"].max()), "policies": policies}
    if EXPLORING in policies:
        gained = policies[EXPLORING]["profit"] - policies[PLAIN]["profit"]
        summary["exploration"] = {
            "gain": gained,
            "cost": policies[EXPLORING]["exploration_cost"],
            "budget": policies[EXPLORING]["budget"],
            "pays": gained > 0,
        }
    return summary


def loop_report(frame: pd.DataFrame) -> RenderableType:
    """Lay out what each policy earned, and in words whether exploring paid.

    Parameters
    ----------
    frame : DataFrame
        The table ``loop``.
    """
    summary = loop_summary(frame)
    rows = []
    for name, one in summary["policies"].items():
        explored = name == EXPLORING
        rows.append(
            (
                name,
                money(one["profit"]),
                change(one["uplift"], 2),
                share(one["reached"]),
                money(one["exploration_cost"]) if explored else "",
                money(one["budget"]) if explored else "",
            )
        )
    columns = ("policy", "true profit", "over status quo", "of the reachable", "exploring cost", "budget")
    return Group(
        table(f"{summary['days']} days, expected profit under the truth", columns, rows), plain(_words(summary))
    )


def _words(summary: dict[str, Any]) -> str:
    found = summary.get("exploration")
    if found is None:
        return "Nothing was explored."
    within = "within" if found["cost"] <= found["budget"] else "more than"
    verdict = "paid for itself: it" if found["pays"] else "did not pay for itself: the loop"
    return (
        f"Exploration {verdict} earned {money(abs(found['gain']))} {'more' if found['pays'] else 'less'} than without, "
        f"its own cost of {money(found['cost'])} included, {within} its budget of {money(found['budget'])}. One market is one draw: "
        "docs/loop.md has the figures over many."
    )
