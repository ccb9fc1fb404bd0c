"""The picture of a channel plan: each channel's response with its interval, and the spends now and planned."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pricebid.report.plots import DOWN, INK, STILL, UP, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from pricebid.bidding.channel_plan import ChannelPlan

MOST = 12
_COLUMNS = 3
_POINTS = 60


def plot_channel_plan(plan: ChannelPlan) -> Figure:
    """Draw a panel per channel: expected outcome by spend with its 80 % interval, now and as planned.

    Parameters
    ----------
    plan : ChannelPlan
        As planned; the channels with the highest planned spend are shown.

    Returns
    -------
    matplotlib.figure.Figure
        Not attached to any window; ``figure.savefig("channels.png")`` writes it.

    Raises
    ------
    InputError
        If matplotlib is not installed.
    """
    shown = np.argsort(-np.maximum(plan.spend, plan.now), kind="stable")[:MOST]
    rows = -(-len(shown) // _COLUMNS)
    figure = new_figure(width=4.2 * min(_COLUMNS, len(shown)), height=2.9 * rows + 0.6)
    reach = 1.25 * np.maximum(np.maximum(plan.spend, plan.now), 0.5 * plan.response.most)
    spend = reach[:, None] * np.linspace(0.0, 1.0, _POINTS)
    drawn = plan.response.draws(spend)
    low, high = np.quantile(drawn, (0.1, 0.9), axis=0)
    for place, at in enumerate(shown, start=1):
        axes = figure.add_subplot(rows, min(_COLUMNS, len(shown)), place)
        axes.fill_between(spend[at], low[at], high[at], color=STILL, alpha=0.35, lw=0)
        axes.plot(spend[at], drawn[:, at].mean(axis=0), color=INK, lw=1.6)
        _draw_spends(axes, plan, int(at))
        axes.set_title(str(plan.channels[at]), loc="left", fontsize=10)
        _plain(axes)
    figure.supxlabel(f"spend per {plan.response.frequency}", fontsize=10)
    figure.supylabel(f"{plan.response.outcome} per {plan.response.frequency}", fontsize=10)
    figure.suptitle(
        "What each channel brings, with its 80 % interval: open circle now, full circle as planned", fontsize=10
    )
    return figure


def _draw_spends(axes: Axes, plan: ChannelPlan, channel: int) -> None:
    ends = np.array([plan.now[channel], plan.spend[channel]])
    result = plan.response.draws(np.broadcast_to(ends, (len(plan.now), 2)))[:, channel].mean(axis=0)
    colour = UP if ends[1] > ends[0] else DOWN
    axes.plot(ends[:1], result[:1], "o", ms=7, mfc="white", mec=colour, mew=1.8, zorder=3)
    axes.plot(ends[1:], result[1:], "o", ms=7, color=colour, zorder=4)


def _plain(axes: Axes) -> None:
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.set_xlim(left=0.0)
    axes.set_ylim(bottom=0.0)
    axes.locator_params(nbins=5)
    axes.tick_params(labelsize=8)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axes.grid(color="#eeeeee", lw=0.8)
    axes.set_axisbelow(True)
