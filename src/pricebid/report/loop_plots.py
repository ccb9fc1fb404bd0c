"""The picture of the closed loop: what each policy gained on the status quo, and what exploring cost."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pricebid.report.loop import BEST, EXPLORING, NOW, PLAIN, loop_summary
from pricebid.report.numbers import change
from pricebid.report.plots import DOWN, GAIN, INK, LOSS, STILL, UP, new_figure

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

_COLOURS = {NOW: "#777777", "static plan": STILL, PLAIN: DOWN, EXPLORING: UP, BEST: GAIN}


def plot_loop(frame: pd.DataFrame, *, shock_day: int | None = None) -> Figure:
    """Draw the table ``loop``: cumulative profit above the status quo, and the running cost of exploring with its budget.

    Parameters
    ----------
    frame : DataFrame
        The table ``loop``.
    shock_day : int, optional
        Marked where given.

    Raises
    ------
    InputError
        If matplotlib is not installed.
    """
    figure = new_figure(width=11.0, height=4.8)
    left, right = figure.subplots(1, 2, width_ratios=[1.6, 1.0])
    _draw_gains(left, frame)
    _draw_costs(right, frame)
    for axes in (left, right):
        axes.set_xlabel("day")
        axes.spines[["top", "right"]].set_visible(False)
        if shock_day is not None:
            axes.axvline(shock_day, color=LOSS, lw=1.0, ls=":")
    if shock_day is not None:
        left.annotate("shock", (shock_day, left.get_ylim()[1]), xytext=(3, -10), textcoords="offset points", color=LOSS)
    figure.suptitle(_headline(frame), x=0.012, ha="left", fontsize=13, fontweight="bold", color=INK)
    return figure


def _headline(frame: pd.DataFrame) -> str:
    policies = loop_summary(frame)["policies"]
    learner = EXPLORING if EXPLORING in policies else PLAIN
    words = f"Profit {change(policies[learner]['uplift'])} over the status quo with {learner}"
    if learner == EXPLORING:
        words += f", {change(policies[PLAIN]['uplift'])} without"
    return f"{words}; a clairvoyant {change(policies[BEST]['uplift'])}"


def _course(frame: pd.DataFrame, name: str, column: str) -> NDArray[np.float64]:
    return frame.loc[frame["policy"] == name, column].to_numpy(dtype=np.float64)


def _draw_gains(axes: Axes, frame: pd.DataFrame) -> None:
    now = _course(frame, NOW, "cumulative")
    days = np.arange(1, len(now) + 1)
    names = list(dict.fromkeys(frame["policy"]))
    for name in names:
        gain = _course(frame, name, "cumulative") - now
        axes.plot(days, gain, color=_COLOURS[name], lw=2.2 if name in (PLAIN, EXPLORING) else 1.5, label=name)
    axes.legend(loc="upper left", frameon=False, fontsize=9)
    axes.set_title("Cumulative true profit above the status quo", loc="left", fontsize=10)
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axes.margins(x=0.01)


def _draw_costs(axes: Axes, frame: pd.DataFrame) -> None:
    axes.set_title("What exploring cost, beside its budget", loc="left", fontsize=10)
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axes.margins(x=0.01)
    if EXPLORING not in set(frame["policy"]):
        axes.text(0.5, 0.5, "nothing was explored", ha="center", va="center", transform=axes.transAxes, color="#777777")
        return
    cost, budget = (_course(frame, EXPLORING, column) for column in ("cumulative_cost", "cumulative_budget"))
    believed = np.cumsum(_course(frame, EXPLORING, "believed_cost"))
    days = np.arange(1, len(cost) + 1)
    axes.fill_between(days, 0.0, budget, color="#eeeeee", label="budget")
    axes.plot(days, cost, color=UP, lw=2.0, label="true cost against the plan")
    axes.plot(days, believed, color=INK, lw=1.0, ls="--", label="as the model expected")
    axes.legend(loc="upper left", frameon=False, fontsize=9)
