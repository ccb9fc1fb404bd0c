"""Experiments for people and for ``--json``: the decision first, then the numbers behind it."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.console import Group
from rich.text import Text

from pricebid.report.numbers import change, count
from pricebid.report.text import plain, table

if TYPE_CHECKING:
    from rich.console import RenderableType

    from pricebid.learning.experiments import ExperimentPlan, Readout
    from pricebid.learning.experiments.plan import SwitchbackPower
    from pricebid.learning.experiments.switchback import Schedule

_COLOURS = {"winner": "green", "control": "green", "no difference": "green", "distrust": "red"}


def experiment_report(readout: Readout) -> RenderableType:
    """Lay out a readout: what to do, the variants, alarms and notices."""
    decision = readout.decision
    parts: list[RenderableType] = [
        Text(f"Experiment {readout.name}: {_kind(readout)}", style="bold"),
        Text(decision.words, style=_COLOURS.get(decision.kind, "yellow")),
        Text(),
        _variants(readout),
    ]
    parts += [Text(line) for line in _facts(readout)]
    return Group(*parts, *(plain(f"note: {notice}") for notice in readout.notices))


def experiment_summary(readout: Readout) -> dict[str, Any]:
    """Give the decision, the variants with their intervals, what is needed, alarms and notices."""
    frame = readout.to_frame()
    mismatch, fit = readout.mismatch, readout.switchback
    return {
        "experiment": readout.name,
        "design": readout.design,
        "sequential": readout.settings.sequential,
        "alpha": readout.settings.alpha,
        "decision": asdict(readout.decision),
        "variants": frame.drop(columns=["experiment", "decision"]).to_dict(orient="records"),
        "days": readout.days,
        "needed": {"units": readout.needed_units, "days": readout.needed_days},
        "variance_removed": readout.removed,
        "mismatch": None
        if mismatch is None
        else {"p": mismatch.p, "always_p": mismatch.always_p, "alarm": mismatch.alarm},
        "carry_over": None if fit is None else {"p": fit.lags_p, "lags": fit.lags, "left_out": fit.left_out},
        "notices": list(readout.notices),
    }


def plan_report(plan: ExperimentPlan) -> RenderableType:
    """Lay out what each way of testing needs."""
    base = plan.baseline
    rows = [
        (
            {"fixed": "read once at the end", "sequential": "looked at any time"}[one.test],
            count(one.units),
            _days(one.days),
            count(one.expected_units),
            _days(one.expected_days),
        )
        for one in plan.needs
    ]
    size, seen = f"{100 * plan.lift:.3g} %", f"{100 * plan.power:g} %"
    title = f"To see a difference of {size} with probability {seen} ({plan.variants} variants, alpha {plan.alpha:g})"
    heads = ("test", "units in all", "days", "stops on average at", "days ")
    words = f"Baseline: mean {base.mean:,.4g}, standard deviation per unit {base.deviation:,.4g}; {plan.source}."
    return Group(table(title, heads, rows), Text(words))


def schedule_report(schedule: Schedule, known: SwitchbackPower | None, lift: float | None) -> RenderableType:
    """Say what a schedule holds, and what it would see."""
    regions, periods = schedule.variant.shape
    blocks = int(schedule.blocks[-1]) + 1
    what = (
        f"Switchback of {', '.join(schedule.variants)}: {regions:,} regions x {periods:,} periods in {blocks:,} blocks; "
        f"{int(schedule.burn_in.sum()):,} of {schedule.variant.size:,} cells are burn-in and will be left out."
    )
    lines = [what]
    if known is not None:
        lines.append(
            f"Placebo schedules on the last {known.periods:,} periods: an effect of {100 * known.detectable:.2g} % or more would be "
            f"seen (mean {known.base:,.4g} per region and period, standard error {100 * known.error / known.base:.2g} %)."
        )
        if lift is not None:
            lines.append(f"An effect of {100 * lift:.3g} % would be seen with probability {100 * known.power:.0f} %.")
    return Group(*(plain(line) for line in lines))


def _kind(readout: Readout) -> str:
    words = "always-valid sequential test" if readout.settings.sequential else "fixed-horizon test"
    days = "" if np.isnan(readout.days) else f", {readout.days:,.1f} days"
    what = "region x periods" if readout.design == "switchback" else "units"
    return f"{readout.design}, {words}, {int(readout.units.sum()):,} {what}{days}"


def _variants(readout: Readout) -> RenderableType:
    found, level = readout.comparisons, f"{100 * (1 - readout.settings.alpha):g} % interval"
    rows = [(str(readout.labels[0]), f"{readout.units[0]:,}", f"{readout.value[0]:,.4g}", "", "", "", "")]
    for at, name in enumerate(readout.labels[1:]):
        span = f"{found.low[at]:+,.4g} to {found.high[at]:+,.4g}"
        p = f"{found.p[at]:.4f}" if found.p[at] >= 1e-4 else "<.0001"
        row = (f"{readout.value[at + 1]:,.4g}", f"{found.difference[at]:+,.4g}", change(found.lift[at]), span, p)
        rows.append((str(name), f"{readout.units[at + 1]:,}", *row))
    return table("Variants", ("variant", "units", "value", "difference", "", level, "p"), rows)


def _facts(readout: Readout) -> list[str]:
    lines = []
    if readout.removed > 0:
        lines.append(f"The covariate removed {100 * readout.removed:.0f} % of the variance.")
    if readout.mismatch is not None:
        p = readout.mismatch.always_p if readout.settings.sequential else readout.mismatch.p
        p = readout.mismatch.p if np.isnan(p) else p
        lines.append(f"Shares of units as meant? p = {p:.3g}" + (": ALARM." if readout.mismatch.alarm else "."))
    fit = readout.switchback
    if fit is not None:
        drawn = ", ".join(f"{name} {p:.4f}" for name, p in zip(readout.labels[1:], fit.p_drawn, strict=True))
        lines.append(f"Randomisation p-value: {drawn}. Errors are clustered by {fit.clusters:,} region x blocks.")
        if np.isfinite(fit.lags_p):
            lines.append(f"Does an earlier variant still act? p = {fit.lags_p:.3g}.")
    return lines


def _days(value: float) -> str:
    return count(np.ceil(value)) if np.isfinite(value) else "-"
