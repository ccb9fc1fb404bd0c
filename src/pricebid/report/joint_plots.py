"""Pictures of a plan for prices and bids together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pricebid.report.numbers import change, money, relative
from pricebid.report.plots import DOWN, GAIN, INK, LOSS, UP, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from pricebid.planning import JointPlan


def plot_joint_plan(plan: JointPlan) -> Figure:
    """Draw a joint plan: left what each turn of the search reached, right how prices and ads move for each sku.

    Parameters
    ----------
    plan : JointPlan
        As planned.

    Raises
    ------
    InputError
        If matplotlib is not installed.
    """
    figure = new_figure(width=11.0, height=4.6)
    left, right = figure.subplots(1, 2, width_ratios=[1.0, 1.3])
    _draw_turns(left, plan)
    _draw_moves(right, plan)
    totals = plan.totals
    name, words = ("profit", "Profit after ad cost") if totals["uplift"]["profit"] else ("revenue", "Revenue")
    now, planned = totals["now"][name], totals["planned"][name]
    figure.suptitle(
        f"{words} {money(now)} → {money(planned)} ({change(relative(planned, now))}); planning together adds "
        f"{money(plan.objective - plan.separate)} to the objective",
        x=0.012,
        ha="left",
        fontsize=13,
        fontweight="bold",
        color=INK,
    )
    return figure


def _draw_turns(axes: Axes, plan: JointPlan) -> None:
    gains = np.array([turn.objective - plan.separate for turn in plan.turns])
    colours = [GAIN if turn.holds else LOSS for turn in plan.turns]
    axes.bar(np.arange(len(gains)), gains, color=colours, width=0.6)
    axes.set_xticks(range(len(gains)), [turn.what.replace(", ", ",\n") for turn in plan.turns], rotation=30, ha="right")
    axes.axhline(0.0, color="#777777", lw=0.8)
    axes.set_title("Objective above prices first and bids after, by turn", loc="left", fontsize=10)
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    _plain(axes)


def _draw_moves(axes: Axes, plan: JointPlan) -> None:
    frame = plan.to_frame()
    _, sku = np.unique(frame["sku"].to_numpy(dtype=str), return_inverse=True)

    def by_sku(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.bincount(sku, values).astype(np.float64)

    names = ("current_price", "price", "units_now", "units", "ad_units_now", "ad_units", "revenue")
    now_price, price, units_now, units, ads_now, ads, revenue = (frame[name].to_numpy(dtype=float) for name in names)
    move = by_sku(units_now * (price / now_price - 1.0)) / np.maximum(by_sku(units_now), 1e-12)
    share = by_sku(ads) / np.maximum(by_sku(units), 1e-9) - by_sku(ads_now) / np.maximum(by_sku(units_now), 1e-9)
    size = by_sku(revenue)
    axes.scatter(
        100.0 * move,
        100.0 * share,
        s=20.0 + 280.0 * size / max(float(size.max()), 1e-9),
        c=[UP if one > 0 else DOWN for one in move],
        alpha=0.6,
        linewidths=0,
    )
    axes.axhline(0.0, color="#777777", lw=0.8)
    axes.axvline(0.0, color="#777777", lw=0.8)
    axes.set_title("What happens to each sku (the larger, the more revenue)", loc="left", fontsize=10)
    axes.set_xlabel("price, % against now")
    axes.set_ylabel("share of units that ads bring, change in points")
    _plain(axes)


def _plain(axes: Axes) -> None:
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.grid(color="#e5e5e5", lw=0.8)
    axes.set_axisbelow(True)
