"""The picture of a bid plan: where spend and profit move, and how bids follow the hours."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pricebid.bidding.summary import biggest_moves
from pricebid.report.numbers import change, money, relative
from pricebid.report.plots import DOWN, GAIN, INK, LOSS, UP, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from pricebid.bidding import BidPlan

KEYWORDS, CAMPAIGNS = 14, 12
_LONGEST = 34


def plot_bid_plan(plan: BidPlan) -> Figure:
    """Draw a bid plan: left the keywords whose spend or profit changes most, right the multipliers by hour.

    Parameters
    ----------
    plan : BidPlan
        As planned.

    Returns
    -------
    matplotlib.figure.Figure
        Not attached to any window; ``figure.savefig("bids.png")`` writes it. Without hours the right side shows the
        other multipliers, or where there are none profit against cost of all keywords.

    Raises
    ------
    InputError
        If matplotlib is not installed.
    """
    order = biggest_moves(plan, KEYWORDS)
    figure = new_figure(width=12.5, height=2.1 + 0.36 * max(len(order), 6))
    left, right = figure.subplots(1, 2, width_ratios=[1.15, 1.0])
    _draw_moves(left, plan, order)
    if plan.grid.hours:
        _draw_hours(right, plan)
    elif plan.layout.dimensions:
        _draw_dimensions(right, plan)
    else:
        _draw_keywords(right, plan)
    figure.suptitle(_headline(plan), x=0.012, ha="left", fontsize=13, fontweight="bold", color=INK)
    return figure


def _headline(plan: BidPlan) -> str:
    totals, gain = plan.totals, plan.totals["uplift"]["profit"]
    now, planned = totals["now"], totals["planned"]
    if not np.isfinite(planned["profit"]):
        return f"Spend per day {money(now['cost'])} → {money(planned['cost'])}"
    return (
        f"Profit per day {money(now['profit'])} → {money(planned['profit'])} "
        f"({change(relative(planned['profit'], now['profit']))}; 80 % interval of the gain {money(gain['low'])} to "
        f"{money(gain['high'])}), spend {money(now['cost'])} → {money(planned['cost'])}"
    )


def _draw_moves(axes: Axes, plan: BidPlan, order: NDArray[np.int64]) -> None:
    now, planned = plan.outcomes
    rows = np.arange(len(order))
    cost, profit = (np.nan_to_num((planned[name] - now[name])[order]) for name in ("cost", "profit"))
    axes.barh(rows - 0.19, cost, height=0.34, color=[UP if one > 0 else DOWN for one in cost], zorder=2)
    axes.barh(rows + 0.19, profit, height=0.34, color=[GAIN if one >= 0 else LOSS for one in profit], zorder=2)
    reach = max(float(np.abs(np.concatenate([cost, profit, [1e-9]])).max()), 1e-9)
    for row, at in zip(rows, order, strict=True):
        current = "new" if np.isnan(plan.current[at]) else f"{plan.current[at]:,.2f}"
        end = max(float(cost[row]), float(profit[row]), 0.0)
        words = f"{plan.action[at]} {current} → {plan.bid[at]:,.2f}" if plan.bid[at] else f"pause (was {current})"
        axes.annotate(
            words, (end, row), xytext=(5, 0), textcoords="offset points", va="center", fontsize=8.5, color=INK
        )
    low = min(float(np.concatenate([cost, profit, [0.0]]).min()), 0.0)
    high = max(float(np.concatenate([cost, profit, [0.0]]).max()), 0.0)
    axes.set_xlim(1.08 * low, high + 0.6 * max(reach, high - low) * 0.8)
    axes.set_yticks(rows, [_name(plan, at) for at in order])
    axes.set_ylim(len(order) - 0.4, -0.6)
    axes.axvline(0.0, color="#777777", lw=0.8, zorder=1)
    axes.set_title(
        "Biggest changes per day: spend (upper bar) and profit (lower)",
        loc="left",
        fontsize=10,
    )
    axes.set_xlabel("planned less now, money per day")
    _bare(axes)


def _name(plan: BidPlan, at: int) -> str:
    layout = plan.layout
    keyword, match = str(layout.label("keyword")[at]), str(layout.label("match_type")[at])
    name = f"{keyword} ({match})" if match else keyword
    return name if len(name) <= _LONGEST else name[: _LONGEST - 1] + "…"


def _spenders(plan: BidPlan) -> NDArray[np.int64]:
    """The campaigns that spend most, by name."""
    cost = np.bincount(plan.layout.campaign, plan.outcomes[1]["cost"], len(plan.layout.campaigns))
    return np.sort(np.argsort(-cost, kind="stable")[:CAMPAIGNS])


def _draw_hours(axes: Axes, plan: BidPlan) -> None:
    order = _spenders(plan)
    _heat(axes, plan.times[0][order], [str(plan.layout.campaigns[at]) or "(none)" for at in order])
    axes.set_xticks(range(0, plan.layout.hours, 3), [f"{hour:02d}:00" for hour in range(0, plan.layout.hours, 3)])
    axes.set_title("Bid multipliers by hour and campaign", loc="left", fontsize=10)
    axes.set_xlabel("hour of the day")


def _draw_dimensions(axes: Axes, plan: BidPlan) -> None:
    order = _spenders(plan)
    times = np.concatenate([one[order] for one in plan.times[1:]], axis=1)
    names = [str(name) for dimension in plan.layout.dimensions for name in dimension.names]
    _heat(axes, times, [str(plan.layout.campaigns[at]) or "(none)" for at in order])
    axes.set_xticks(range(len(names)), names, rotation=40, ha="right")
    axes.set_title("Bid multipliers by campaign", loc="left", fontsize=10)


def _heat(axes: Axes, times: NDArray[np.float64], names: list[str]) -> None:
    """Draw multipliers as colours, logs apart from 1 equally deep on either side."""
    from matplotlib.colors import LinearSegmentedColormap

    colours = LinearSegmentedColormap.from_list("bids", [DOWN, "#f4f1ea", UP])
    depth = max(float(np.abs(np.log(np.maximum(times, 1e-9))).max()), 0.1)
    axes.imshow(np.log(np.maximum(times, 1e-9)), cmap=colours, vmin=-depth, vmax=depth, aspect="auto")
    axes.set_yticks(range(len(names)), names)
    if times.shape[0] * times.shape[1] <= 200:
        for (row, column), value in np.ndenumerate(times):
            axes.text(
                column, row, f"{value:.2f}", ha="center", va="center", fontsize=6.5, color=INK,
                rotation=90 if times.shape[1] > 12 else 0,
            )  # fmt: skip
    axes.tick_params(length=0)
    for side in axes.spines.values():
        side.set_visible(False)


def _draw_keywords(axes: Axes, plan: BidPlan) -> None:
    now, planned = plan.outcomes
    axes.scatter(now["cost"], now["profit"], s=14, color="#b0b0b0", label="now", zorder=2)
    axes.scatter(planned["cost"], planned["profit"], s=14, color=GAIN, label="planned", zorder=3)
    axes.axhline(0.0, color="#777777", lw=0.8, zorder=1)
    axes.set_title("Keywords: profit against cost", loc="left", fontsize=10)
    axes.set_xlabel("cost per day")
    axes.legend(frameon=False)
    _bare(axes)


def _bare(axes: Axes) -> None:
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", color="#e5e5e5", lw=0.8, zorder=0)
    axes.set_axisbelow(True)
