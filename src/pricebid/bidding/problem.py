"""What bids and multipliers bring: the landscape's outcomes, valued and added up, chunk by chunk."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from pricebid.bidding.layout import Layout, Setting
    from pricebid.landscape import BidLandscape, BidOutcomes

    Floats = NDArray[np.float64]

T = TypeVar("T")
OUTCOMES = ("impressions", "clicks", "cost", "conversions", "revenue", "profit")
GOAL = "objective"
SWEPT = ("cost", "conversions", "revenue", GOAL)
_CELLS = 200_000  # of one chunk: its arrays stay near the processor, and two threads have work to share
_THREADS = 2


@dataclass(frozen=True, kw_only=True, eq=False)
class BidProblem:
    """A landscape with values: everything that a setting of bids brings per day.

    The objective of a series is ``appeal`` x conversions - ``money`` x cost.

    Parameters
    ----------
    landscape : BidLandscape
        What bids would win and cost.
    layout : Layout
        Its series, sorted.
    revenue, profit : float64[series]
        Money per conversion, in the layout's order; profit before ad cost.
    appeal : float64[series]
        Objective per conversion.
    money : float
        Objective per unit of money spent, >= 0.
    """

    landscape: BidLandscape
    layout: Layout
    revenue: Floats
    profit: Floats
    appeal: Floats
    money: float

    def series(self, effective: Callable[[slice], Floats]) -> dict[str, Floats]:
        """Return the outcomes per day of effective bids, float64[series] by name, summed over the hours.

        Parameters
        ----------
        effective : callable
            Effective bids float64[n, hour] of a part of the series.
        """
        found = np.zeros((4, len(self.layout.entity)))

        def work(part: slice) -> None:
            got = self._expected(effective(part)[:, :, None], part)
            for at, name in enumerate(OUTCOMES[:4]):
                found[at, part] = getattr(got, name).sum(axis=(1, 2))

        self._each(work, self.layout.hours)
        impressions, clicks, cost, conversions = found
        return {
            "impressions": impressions,
            "clicks": clicks,
            "cost": cost,
            "conversions": conversions,
            "revenue": conversions * self.revenue,
            "profit": conversions * self.profit - cost,
            GOAL: conversions * self.appeal - self.money * cost,
        }

    def outcomes(self, setting: Setting) -> dict[str, Floats]:
        """Return the outcomes per day of a setting, float64[entity] by name."""
        layout = self.layout
        series = self.series(lambda part: setting.effective(layout, part))
        return {name: layout.total(values) for name, values in series.items()}

    @property
    def current(self) -> Floats:
        """Effective bids as they are, float64[series, hour]; 0 where there is none."""
        return np.nan_to_num(self.landscape.bid[self.layout.rows])

    def now(self) -> dict[str, Floats]:
        """Return the outcomes per day of the current bids, float64[entity] by name."""
        current = self.current
        return {name: self.layout.total(values) for name, values in self.series(lambda part: current[part]).items()}

    def bids(self, setting: Setting, ladder: Floats) -> dict[str, Floats]:
        """Return what candidate bids bring under the multipliers of a setting.

        Parameters
        ----------
        setting : Setting
            Its bids do not matter.
        ladder : float64[entity, option]
            Candidate bids, money per click.

        Returns
        -------
        dict of str to float64[entity, option]
            `SWEPT`.
        """
        layout = self.layout
        found = np.zeros((2, len(layout.entity), ladder.shape[1]))
        some = np.flatnonzero(ladder.any(axis=0))  # a column of zeros brings nothing

        def work(part: slice) -> None:
            bids = ladder[layout.entity[part]][:, some]
            got = self._expected(setting.over(layout, part)[:, :, None] * bids[:, None, :], part)
            found[0, part, some], found[1, part, some] = got.cost.sum(axis=1).T, got.conversions.sum(axis=1).T

        self._each(work, layout.hours * len(some))
        cost, conversions = found
        swept = (
            cost,
            conversions,
            conversions * self.revenue[:, None],
            conversions * self.appeal[:, None] - self.money * cost,
        )
        return {name: layout.total(values) for name, values in zip(SWEPT, swept, strict=True)}

    def multipliers(self, setting: Setting, kind: int, ladder: Floats) -> dict[str, Floats]:
        """Return what candidate multipliers of one kind bring, everything else as in the setting.

        Parameters
        ----------
        setting : Setting
            Its multipliers of this kind do not matter.
        kind : int
            0 for hours, then the dimensions.
        ladder : float64[campaign, value, option]
            Candidates.

        Returns
        -------
        dict of str to float64[campaign * value, option]
            `SWEPT`.
        """
        layout = self.layout
        campaigns, values, options = ladder.shape

        def work(part: slice) -> tuple[int, Floats]:
            campaign = layout.series_campaign[part]
            base = setting.bid[layout.entity[part]][:, None] * setting.over(layout, part, without=kind)
            if kind == 0:
                times = ladder[campaign]
            else:
                times = ladder[campaign, layout.dimensions[kind - 1].code[part]][:, None, :]
            got = self._expected(base[:, :, None] * times, part)
            first, last = campaign[0], campaign[-1] + 1
            sums = np.zeros((4, last - first, values, options))
            swept = (
                got.cost,
                got.conversions,
                got.conversions * self.revenue[part][:, None, None],
                got.conversions * self.appeal[part][:, None, None] - self.money * got.cost,
            )
            for at, cells in enumerate(swept):
                if kind == 0:
                    starts = np.searchsorted(campaign, np.arange(first, last))
                    full = np.diff(np.append(starts, len(campaign))) > 0
                    sums[at, full] = np.add.reduceat(cells, starts[full], axis=0)
                else:
                    code = layout.dimensions[kind - 1].code[part]
                    np.add.at(sums[at], (campaign - first, code), cells.sum(axis=1))
            return int(first), sums

        totals = np.zeros((4, campaigns, values, options))
        for first, sums in self._each(work, layout.hours * options):
            totals[:, first : first + sums.shape[1]] += sums
        return {name: total.reshape(-1, options) for name, total in zip(SWEPT, totals, strict=True)}

    def _expected(self, bid: Floats, part: slice) -> BidOutcomes:
        return self.landscape.expected(bid, self.layout.rows[part])

    def _each(self, work: Callable[[slice], T], cells: int) -> list[T]:
        """Call `work` on parts of the series, two at a time; results stand in the order of the parts."""
        return each_part(work, len(self.layout.entity), cells)


def each_part(work: Callable[[slice], T], series: int, cells: int) -> list[T]:
    """Call a function on slices of the series of about `_CELLS` cells, `cells` per series, on two threads.

    The landscape's arithmetic leaves the interpreter's lock, so that two threads use two cores; results do not depend on
    which thread made them.
    """
    step = max(1, _CELLS // max(1, cells))
    parts = [slice(start, min(start + step, series)) for start in range(0, series, step)]
    if len(parts) < _THREADS:
        return [work(part) for part in parts]
    with ThreadPoolExecutor(_THREADS) as pool:
        return list(pool.map(work, parts))
