"""Pictures of plans. matplotlib is imported when a picture is drawn; without it the error says how to get it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pricebid.errors import InputError
from pricebid.report.numbers import change, money, relative

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from pricebid.pricing import PricePlan

UP, DOWN, STILL, INK = "#c2571a", "#1f6f8b", "#b0b0b0", "#222222"
GAIN, LOSS = "#4d8a52", "#b03a3a"
MOST_GROUPS = 16


@dataclass(frozen=True, kw_only=True, eq=False)
class Group:
    """What the picture shows of one group of prices.

    Parameters
    ----------
    name : str
        The group's label.
    moves : float64[offer]
        New price over current price, minus 1.
    now, planned : float
        Profit over the horizon at current and at planned prices.
    """

    name: str
    moves: NDArray[np.float64]
    now: float
    planned: float


def plot_price_plan(plan: PricePlan, *, by: NDArray[np.object_] | None = None) -> Figure:
    """Draw a price plan: left how far prices move, right what that is worth.

    Parameters
    ----------
    plan : PricePlan
        As planned.
    by : object[offer], optional
        A label per price by which to group them, in the order of ``plan.to_frame()``; default: the sku. The groups
        with the largest profit are shown, the others are drawn together.

    Returns
    -------
    matplotlib.figure.Figure
        Not attached to any window; ``figure.savefig("plan.png")`` writes it.

    Raises
    ------
    InputError
        If matplotlib is not installed, or there is not one label per price.
    """
    frame = plan.to_frame()
    labels = frame["sku"].to_numpy(dtype=object) if by is None else by
    columns = {name: frame[name].to_numpy(dtype=float) for name in ("current_price", "price", "profit_now", "profit")}
    if len(labels) != len(frame):
        raise InputError(f"{len(labels)} labels given to group {len(frame)} prices; one per price is needed")
    groups = group(labels, columns["price"] / columns["current_price"] - 1, columns["profit_now"], columns["profit"])
    figure = new_figure(width=11.0, height=1.9 + 0.36 * len(groups))
    left, right = figure.subplots(1, 2, sharey=True, width_ratios=[1.0, 1.1])
    _draw_moves(left, groups)
    _draw_gains(right, groups)
    figure.suptitle(_headline(plan), x=0.012, ha="left", fontsize=13, fontweight="bold", color=INK)
    return figure


def _headline(plan: PricePlan) -> str:
    now, planned, gain = (plan.totals[which]["profit"] for which in ("now", "planned", "uplift"))
    moved = f"{int(plan.changed.sum()):,} of {len(plan.price):,} prices move"
    if gain is None:
        return moved
    interval = f"80 % interval of the gain {money(gain['low'])} to {money(gain['high'])}"
    return f"Profit {money(now)} → {money(planned)} ({change(relative(planned, now))}; {interval}): {moved}"


def new_figure(*, width: float, height: float) -> Figure:
    """Give an empty figure of that many inches; InputError where matplotlib is missing."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise InputError(
            "pictures need matplotlib, which is not installed: python -m pip install matplotlib"
        ) from error
    # Not through pyplot: it keeps every figure alive and, where there is a display, opens windows.
    figure = Figure(figsize=(width, height), layout="constrained", dpi=120)
    FigureCanvasAgg(figure)
    return figure


def group(
    labels: NDArray[np.object_], moves: NDArray[np.float64], now: NDArray[np.float64], planned: NDArray[np.float64]
) -> list[Group]:
    """Group prices by label, the largest gain of profit first; beyond `MOST_GROUPS` the smallest are put together.

    Parameters
    ----------
    labels : object[offer]
        Group of each price.
    moves, now, planned : float64[offer]
        Relative move, and profit at current and at planned prices.
    """
    names, member = np.unique(labels.astype(str), return_inverse=True)
    size = np.bincount(member, weights=np.nan_to_num(np.abs(now)), minlength=len(names))
    rank = np.empty(len(names), dtype=np.int64)
    rank[np.argsort(-size, kind="stable")] = np.arange(len(names))
    if len(names) > MOST_GROUPS:
        names = np.append(names, f"{len(names) - MOST_GROUPS + 1} others")
        member = np.where(rank[member] < MOST_GROUPS - 1, member, len(names) - 1)
    groups = [
        Group(
            name=str(names[at]) or "(none)",
            moves=moves[member == at],
            now=float(np.nansum(now[member == at])),
            planned=float(np.nansum(planned[member == at])),
        )
        for at in np.unique(member)
    ]
    rest = [one for one in groups if len(names) > MOST_GROUPS and one.name == names[-1]]
    return [*sorted((one for one in groups if one not in rest), key=lambda one: one.now - one.planned), *rest]


def _draw_moves(axes: Axes, groups: list[Group]) -> None:
    """One dot per price; dots that would cover each other are spread over the height of the row."""
    for row, one in enumerate(groups):
        moves = 100 * np.sort(one.moves)
        # Steps of 2.4 (about the golden angle) keep neighbours in the sorted order apart, and are no random numbers.
        spread = 0.32 * np.sin(np.arange(len(moves)) * 2.4) if len(moves) > 1 else np.zeros(1)
        colours = np.where(moves > 0, UP, np.where(moves < 0, DOWN, STILL))
        axes.scatter(moves, row + spread, s=11, c=list(colours), alpha=0.55, linewidths=0, zorder=2)
        axes.plot(2 * [float(np.median(moves))], [row - 0.38, row + 0.38], color=INK, lw=2.2, zorder=3)
    axes.axvline(0.0, color="#777777", lw=0.8, zorder=1)
    axes.set_yticks(range(len(groups)), [one.name for one in groups])
    axes.set_ylim(len(groups) - 0.4, -0.6)
    axes.set_title("How far prices move (a dot is one price, a bar the median)", loc="left", fontsize=10)
    axes.set_xlabel("new price against current price, %")
    _plain(axes)


def _draw_gains(axes: Axes, groups: list[Group]) -> None:
    gains = np.array([one.planned - one.now for one in groups])
    axes.barh(range(len(groups)), gains, height=0.5, color=[GAIN if gain >= 0 else LOSS for gain in gains], zorder=2)
    for row, one in enumerate(groups):
        axes.annotate(
            f"{money(one.now)} → {money(one.planned)} ({change(relative(one.planned, one.now))})",
            (max(gains[row], 0.0), row),
            xytext=(6, 0),
            textcoords="offset points",
            va="center",
            fontsize=9,
            color=INK,
        )
    reach = max(float(gains.max()), 1e-9)
    axes.set_xlim(min(1.1 * float(gains.min()), 0.0), 1.9 * reach)  # room for the words beside the bars
    axes.axvline(0.0, color="#777777", lw=0.8, zorder=1)
    axes.set_title("What that is worth: profit as planned less profit at current prices", loc="left", fontsize=10)
    axes.set_xlabel("money over the horizon")
    axes.locator_params(axis="x", nbins=6)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    _plain(axes)


def _plain(axes: Axes) -> None:
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", color="#e5e5e5", lw=0.8, zorder=0)
    axes.set_axisbelow(True)
