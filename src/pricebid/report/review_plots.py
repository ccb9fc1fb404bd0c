"""Pictures of a review: what was expected against what happened."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pricebid.planning.review_words import CAUSES
from pricebid.report.numbers import change, money, relative
from pricebid.report.plots import DOWN, GAIN, INK, LOSS, UP, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from pricebid.planning import BidReview, PriceReview, Review

    Floats = NDArray[np.float64]


def plot_review(review: Review) -> Figure:
    """Draw a review: of prices units sold against expected and the way from expected to actual profit; of bids cost and revenue.

    Parameters
    ----------
    review : Review
        As made.

    Raises
    ------
    InputError
        If matplotlib is not installed.
    """
    figure = new_figure(width=11.0, height=4.6 * ((review.prices is not None) + (review.bids is not None)))
    rows = figure.subplots((review.prices is not None) + (review.bids is not None), 2, squeeze=False)
    if review.prices is not None:
        _draw_prices(rows[0][0], rows[0][1], review.prices)
    if review.bids is not None:
        _draw_bids(rows[-1][0], rows[-1][1], review.bids)
    figure.suptitle(_title(review), x=0.012, ha="left", fontsize=13, fontweight="bold", color=INK)
    return figure


def _title(review: Review) -> str:
    named = (
        ("Profit", review.prices, "profit"),
        ("Revenue", review.prices, "revenue"),
        ("Ad cost a day", review.bids, "cost"),
    )
    for words, part, name in named:
        if part is not None and name in part.totals:
            before, after = part.totals[name]["expected"], part.totals[name]["actual"]
            return f"{words}: {money(before)} expected, {money(after)} in fact ({change(relative(after, before))})"
    return "Nothing to compare"


def _draw_prices(left: Axes, right: Axes, prices: PriceReview) -> None:
    among = prices.compared
    inside = prices.inside[among] == 1.0
    _against(left, prices.units_expected[among], prices.units[among], np.where(inside, DOWN, UP))
    left.set_title("Units of each offer (orange: outside its 80 % range)", loc="left", fontsize=10)
    if not prices.effects:
        right.set_axis_off()
        return
    total = prices.totals["profit"]
    steps = list(prices.effects.values())
    begin = total["expected"] + np.concatenate([[0.0], np.cumsum(steps)[:-1]])
    right.bar(0, total["expected"], color=DOWN, width=0.6)
    right.bar(np.arange(1, 4), steps, bottom=begin, color=[GAIN if one >= 0 else LOSS for one in steps], width=0.6)
    right.bar(4, total["actual"], color=DOWN, width=0.6)
    right.set_xticks(range(5), ["expected", *(CAUSES[name].replace(" ", "\n") for name in prices.effects), "in fact"])
    right.set_title("Why profit differs", loc="left", fontsize=10)
    right.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    _plain(right)


def _draw_bids(left: Axes, right: Axes, bids: BidReview) -> None:
    for axes, name in ((left, "cost"), (right, "revenue")):
        among = bids.planned
        _against(axes, getattr(bids, f"{name}_expected")[among], getattr(bids, name)[among], DOWN)
        axes.set_title(f"{name.capitalize()} of each keyword, per day", loc="left", fontsize=10)


def _against(axes: Axes, expected: Floats, actual: Floats, colour: str | NDArray[np.str_]) -> None:
    most = max(float(expected.max(initial=0.0)), float(actual.max(initial=0.0)), 1e-9)
    axes.plot([0.0, most], [0.0, most], color="#777777", lw=0.8)
    axes.scatter(expected, actual, c=colour, s=22.0, alpha=0.7, linewidths=0)
    axes.set_xscale("symlog", linthresh=max(most / 1000.0, 1e-6))
    axes.set_yscale("symlog", linthresh=max(most / 1000.0, 1e-6))
    axes.set_xlabel("expected")
    axes.set_ylabel("in fact")
    _plain(axes)


def _plain(axes: Axes) -> None:
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.grid(color="#e5e5e5", lw=0.8)
    axes.set_axisbelow(True)
