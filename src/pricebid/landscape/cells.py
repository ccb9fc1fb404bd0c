"""Ad reports laid out for the fit: spells of nearly constant bids, what was won in them by hour, and prices of clicks."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from pricebid.landscape.sums import counted, summed

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pricebid.tables import KeywordReports

# A bid that moves by more than this (in logs) from one day to the next begins a new spell, or one that has drifted so far
# from where its spell began. Smaller moves are not asked what they did to traffic: who follows traffic makes many of them.
MOVE, DRIFT = 0.1, 0.4
WEEK = 7


@dataclass(frozen=True, kw_only=True, eq=False)
class Spells:
    """Stretches of days over which a series' bid stayed about the same, numbered series by series.

    Parameters
    ----------
    of_day : int64[series, day]
        Spell of each day; -1 before the first and after the last row with a bid.
    series : int64[spell]
        Whose spell it is, ascending.
    """

    of_day: NDArray[np.int64]
    series: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.series)


@dataclass(frozen=True, kw_only=True, eq=False)
class Cells:
    """What was bid and won, by spell and hour; rows without a bid are left out.

    Parameters
    ----------
    reports : KeywordReports
        The reports.
    every : int64[series]
        Campaign of each series of the reports, and of those behind them that have no reports.
    spells : Spells
        Of all series.
    weight : float64[day]
        How much a day counts.
    """

    reports: KeywordReports
    every: NDArray[np.int64]
    spells: Spells
    weight: NDArray[np.float64]

    @property
    def hours(self) -> int:
        """24, or 1."""
        return self.reports.hours

    @property
    def campaign(self) -> NDArray[np.int64]:
        """Campaign of each series of the reports, int64[series]."""
        return self.every[: len(self.reports.keywords)]

    @property
    def campaigns(self) -> int:
        """Number of campaigns; some may have no reports."""
        return int(self.every.max()) + 1

    @property
    def shape(self) -> tuple[int, int]:
        """Spells and hours."""
        return len(self.spells), self.hours

    @cached_property
    def silent(self) -> bool:
        """Rows that won nothing are left out of the reports: a row that is not there then won nothing."""
        return len(self.reports) > 0 and float(self.reports.impressions.min()) > 0.0

    @cached_property
    def rows(self) -> NDArray[np.int64]:
        """Rows with a bid, int64[k]."""
        return np.flatnonzero(self.reports.bid > 0.0)

    @cached_property
    def cell(self) -> NDArray[np.int64]:
        """Spell x hour of these rows, int64[k]."""
        reports, rows = self.reports, self.rows
        return self.spells.of_day[reports.series[rows], reports.day[rows]] * self.hours + reports.hour[rows]

    def gathered(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Add up values of the rows with a bid, float64[k] to float64[spell, hour]."""
        return summed(self.cell, values, self.shape)

    @cached_property
    def row_weight(self) -> NDArray[np.float64]:
        """Weight of the rows with a bid, float64[k]."""
        return self.weight[self.reports.day[self.rows]]

    @cached_property
    def won(self) -> NDArray[np.float64]:
        """Weighted impressions, float64[spell, hour]."""
        return self.gathered(self.reports.impressions[self.rows] * self.row_weight)

    def exposure(self, factor: NDArray[np.float64]) -> NDArray[np.float64]:
        """Weighted days that each cell was bid on, float64[spell, hour], each day counted by a factor, float64[campaign, day]."""
        reports, rows = self.reports, self.rows
        if not self.silent:
            return self.gathered(factor[self.campaign[reports.series[rows]], reports.day[rows]] * self.row_weight)
        inside = self.spells.of_day >= 0
        days = (factor * self.weight)[self.campaign]
        by_spell = summed(self.spells.of_day[inside], days[inside], self.shape[:1])
        return np.repeat(by_spell[:, None], self.hours, axis=1)

    @cached_property
    def log_bid(self) -> NDArray[np.float64]:
        """Mean log bid, float64[spell, hour]; of the spell, moved as the campaign's hours usually are, where no row tells."""
        reports, rows = self.reports, self.rows
        log_bid, count = np.log(reports.bid[rows]), counted(self.cell, self.shape)
        total = self.gathered(log_bid)
        known = count.sum(axis=1)
        spell = total.sum(axis=1) / np.maximum(known, 1.0)
        campaign = self.campaign[reports.series[rows]] * self.hours + reports.hour[rows]
        shape = (self.campaigns, self.hours)
        off = summed(campaign, log_bid - spell[self.cell // self.hours], shape) / np.maximum(
            counted(campaign, shape), 1.0
        )
        usual = spell[:, None] + off[self.campaign[self.spells.series]]
        return np.where(count > 0.0, total / np.maximum(count, 1.0), usual)

    @cached_property
    def weeks(self) -> NDArray[np.float64]:
        """Weighted length of each spell in weeks, float64[spell]."""
        inside = self.spells.of_day >= 0
        days = np.broadcast_to(self.weight, self.spells.of_day.shape)
        return summed(self.spells.of_day[inside], days[inside], self.shape[:1]) / WEEK

    def by_day(self, rate: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Impressions of each day, and what a rate per cell, float64[spell, hour], expects there, float64[series, day] each."""
        reports, rows = self.reports, self.rows
        shape = self.spells.of_day.shape
        place = reports.series[rows] * shape[1] + reports.day[rows]
        won = summed(place, reports.impressions[rows], shape)
        if not self.silent:
            return won, summed(place, rate.ravel()[self.cell], shape)
        total = np.append(rate.sum(axis=1), 0.0)  # the last entry stands for days outside all spells
        return won, total[self.spells.of_day]


@dataclass(frozen=True, kw_only=True, eq=False)
class Clicks:
    """Prices paid: the rows with clicks, a cost and a bid.

    Parameters
    ----------
    series, hour, day : int64[k]
        Whose they are, and when.
    clicks, log_bid, log_price, weight : float64[k]
        Number of clicks, log bid, log mean price (at most the log bid), and how much the row counts.
    """

    series: NDArray[np.int64]
    hour: NDArray[np.int64]
    day: NDArray[np.int64]
    clicks: NDArray[np.float64]
    log_bid: NDArray[np.float64]
    log_price: NDArray[np.float64]
    weight: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.series)


def spells_of(reports: KeywordReports) -> Spells:
    """Part the days of each series into spells: a bid that jumps, or has drifted far, begins another."""
    shape = (len(reports.keywords), len(reports.days))
    rows = np.flatnonzero(reports.bid > 0.0)
    place = reports.series[rows] * shape[1] + reports.day[rows]
    count = counted(place, shape)
    total = summed(place, np.log(reports.bid[rows]), shape)
    held = count > 0
    seen = np.maximum.accumulate(held, axis=1) & np.maximum.accumulate(held[:, ::-1], axis=1)[:, ::-1]
    level = total / np.maximum(count, 1)
    number = np.full(shape, -1)
    start, last = np.full((2, shape[0]), np.nan)
    current = np.full(shape[0], -1)
    for day in range(shape[1]):
        now = level[:, day]
        with np.errstate(invalid="ignore"):
            stays = (np.abs(now - last) <= MOVE) & (np.abs(now - start) <= DRIFT)
        moved = held[:, day] & ~stays
        start = np.where(moved, now, start)
        last = np.where(held[:, day], now, last)
        current += moved
        number[:, day] = current
    mine = current + 1
    first = np.cumsum(mine) - mine
    return Spells(
        of_day=np.where(seen, number + first[:, None], -1),
        series=np.repeat(np.arange(shape[0]), mine),
    )


def lay_out(reports: KeywordReports, campaign: NDArray[np.int64], *, half_life: float = np.inf) -> Cells:
    """Lay reports out, days counting half as much per half-life.

    Parameters
    ----------
    reports : KeywordReports
        The reports.
    campaign : int64[series]
        Campaign of each of their series, perhaps followed by those of series without reports.
    half_life : float
        Days; infinite: all days count the same.
    """
    return Cells(
        reports=reports,
        every=campaign,
        spells=spells_of(reports),
        weight=day_weights(len(reports.days), half_life),
    )


def day_weights(days: int, half_life: float) -> NDArray[np.float64]:
    """Weights of days, 1 for the last, float64[day]."""
    weights: NDArray[np.float64] = 0.5 ** (np.arange(days)[::-1] / half_life)
    return weights


def clicks_of(reports: KeywordReports, *, second: bool, half_life: float = np.inf) -> Clicks:
    """Return the prices of clicks; none in a first-price auction, where they say nothing of rivals."""
    rows = np.flatnonzero((reports.bid > 0.0) & (reports.clicks > 0.0) & (reports.cost > 0.0) & second)
    clicks, log_bid = np.maximum(reports.clicks[rows], 1.0), np.log(reports.bid[rows])
    return Clicks(
        series=reports.series[rows],
        hour=reports.hour[rows],
        clicks=clicks,
        log_bid=log_bid,
        log_price=np.minimum(np.log(reports.cost[rows] / clicks), log_bid),
        weight=day_weights(len(reports.days), half_life)[reports.day[rows]],
        day=reports.day[rows],
    )


def told_auction(reports: KeywordReports) -> str:
    """Tell the auction: ``first`` where clicks cost what was bid (half of them within 3 %), else ``second``."""
    rows = np.flatnonzero((reports.bid > 0.0) & (reports.clicks > 0.0))
    if not len(rows):
        return "second"
    ratio = reports.cost[rows] / (reports.clicks[rows] * reports.bid[rows])
    order = np.argsort(ratio)
    passed = np.cumsum(reports.clicks[rows][order])
    median = ratio[order][np.searchsorted(passed, 0.5 * passed[-1])]
    return "first" if median >= 0.97 else "second"
