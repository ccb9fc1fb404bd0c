"""The bid landscape: what bids would win, cost and bring, per day, with its uncertainty."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from pricebid.errors import InputError
from pricebid.landscape.curves import WinCurves, factor, log_positive, won_and_paid
from pricebid.landscape.outcomes import BidOutcomes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pricebid.landscape.drift import Memory
    from pricebid.tables import KeywordAxis

_CELLS = (
    1_000_000  # cells worked on at once: a few arrays of this size fit the processor's caches badly but memory well
)


@dataclass(frozen=True, kw_only=True, eq=False)
class Observed:
    """What the reports themselves say, per series; counts as reported, conversions without those still to come.

    Parameters
    ----------
    days : int
        Recent days, up to seven.
    impressions, clicks, cost, conversions, revenue : float64[series]
        Means per day over the recent days.
    total_clicks, total_cost, total_conversions : float64[series]
        Over all days of the reports.
    exposed_clicks : float64[series]
        Clicks of all days, each counted by the share of its conversions that is known by now.
    """

    days: int
    impressions: NDArray[np.float64]
    clicks: NDArray[np.float64]
    cost: NDArray[np.float64]
    conversions: NDArray[np.float64]
    revenue: NDArray[np.float64]
    total_clicks: NDArray[np.float64]
    total_cost: NDArray[np.float64]
    total_conversions: NDArray[np.float64]
    exposed_clicks: NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Rates:
    """A rate per series with an hour profile per campaign: clicks per impression, or conversions per click.

    Parameters
    ----------
    mean : float64[series]
        Posterior mean of the rate, of the average hour.
    log_variance : float64[series]
        Posterior variance of its log.
    hours : float64[campaign, hour]
        Posterior mean of the hour's factor.
    hours_log_covariance : float64[campaign, hour, hour]
        Posterior covariance of the logs of the factors.
    """

    mean: NDArray[np.float64]
    log_variance: NDArray[np.float64]
    hours: NDArray[np.float64]
    hours_log_covariance: NDArray[np.float64]

    def cells(self, campaign: NDArray[np.int64], rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the posterior mean of the rate by hour, float64[n, hour]."""
        cells: NDArray[np.float64] = self.mean[rows][:, None] * self.hours[campaign[rows]]
        return cells

    def drawn(
        self, campaign: NDArray[np.int64], rows: NDArray[np.int64], rng: np.random.Generator
    ) -> NDArray[np.float64]:
        """Draw the rates once from the posterior, float64[n, hour]: log-normal around the same means."""
        own = np.sqrt(self.log_variance[rows]) * rng.standard_normal(len(rows)) - 0.5 * self.log_variance[rows]
        root = factor(self.hours_log_covariance)
        shared = (root @ rng.standard_normal((*self.hours.shape, 1)))[:, :, 0]
        shared -= 0.5 * np.diagonal(self.hours_log_covariance, axis1=1, axis2=2)
        return self.cells(campaign, rows) * np.exp(own[:, None] + shared[campaign[rows]])


@dataclass(frozen=True, kw_only=True, eq=False)
class BidLandscape:
    """What bids on each series would bring per day, learnt from ad reports.

    Parameters
    ----------
    keywords : KeywordAxis
        The series: those of the reports, then the candidates.
    hours : int
        24, or 1 where the reports have no hours.
    auction : {"second", "first"}
        A click costs the highest rival bid, or the own bid.
    bid : float64[series, hour]
        Current effective bid, money per click; NaN where there never was one.
    candidate : bool[series]
        Never advertised: all that is known comes from words, campaign and match type.
    observed : Observed
        What the reports themselves say.
    revenue_per_conversion : float64[series]
        Posterior mean, money; 0 where the reports have no revenue at all.
    day_shock : float
        Standard deviation of the log of a day's traffic that all keywords share.
    curves : WinCurves
        Auctions and rival bids.
    click_rate, conversion_rate : Rates
        Clicks per impression; conversions per click, those that come late included.
    completeness : float64[wait]
        Share of a day's conversions that is known 0, 1, ... days later.
    memory : Memory
        How fast older reports are forgotten.
    """

    keywords: KeywordAxis
    hours: int
    auction: Literal["second", "first"]
    bid: NDArray[np.float64]
    candidate: NDArray[np.bool_]
    observed: Observed
    revenue_per_conversion: NDArray[np.float64]
    day_shock: float
    curves: WinCurves
    click_rate: Rates
    conversion_rate: Rates
    completeness: NDArray[np.float64]
    memory: Memory

    def __len__(self) -> int:
        return len(self.keywords)

    @property
    def second(self) -> bool:
        """A click costs the highest rival bid."""
        return self.auction == "second"

    def expected(self, bid: NDArray[np.float64], rows: NDArray[np.int64] | None = None) -> BidOutcomes:
        """Return expected outcomes per day of effective bids, with all uncertainty integrated out.

        Parameters
        ----------
        bid : float64[n, hour, option]
            Effective bids, money per click; 0 or NaN stays out.
        rows : int64[n], optional
            Series; all of them where not given.

        Returns
        -------
        BidOutcomes
            float64[n, hour, option] each.

        Raises
        ------
        InputError
            The bids have another shape.
        """
        rows = self._rows(rows)
        self._check(bid, rows, 3)
        made = [np.empty(bid.shape) for _ in range(4)]
        step = max(1, _CELLS // max(1, bid.shape[1] * bid.shape[2]))
        for start in range(0, len(rows), step):
            part = slice(start, start + step)
            for whole, piece in zip(made, self._expected(bid[part], rows[part]), strict=True):
                whole[part] = piece
        return BidOutcomes(impressions=made[0], clicks=made[1], cost=made[2], conversions=made[3])

    def _expected(self, bid: NDArray[np.float64], rows: NDArray[np.int64]) -> tuple[NDArray[np.float64], ...]:
        auctions, level, spread = self.curves.predictive(rows)
        log_bid = log_positive(bid)
        won, paid = np.zeros(bid.shape), np.zeros(bid.shape)
        for part in range(len(level)):
            share, money = won_and_paid(log_bid, level[part][:, :, None], spread[part][:, :, None], second=self.second)
            won += share
            paid += money
        half = (auctions / len(level))[:, :, None]
        won *= half
        clicked = self.click_rate.cells(self.curves.campaign, rows)[:, :, None]
        clicks = won * clicked
        paid *= half * clicked
        return won, clicks, paid, clicks * self.conversion_rate.cells(self.curves.campaign, rows)[:, :, None]

    def draws(
        self, bid: NDArray[np.float64], rng: np.random.Generator, n: int, rows: NDArray[np.int64] | None = None
    ) -> BidOutcomes:
        """Draw what bids would bring per day in expectation, over what we do not know of the parameters.

        Series are drawn independently of each other, given the hour profiles of their campaign. The day's own ups and
        downs are not in the draws.

        Parameters
        ----------
        bid : float64[n, hour]
            Effective bids, money per click; 0 or NaN stays out.
        rng : numpy.random.Generator
            Source of all randomness.
        n : int
            Number of draws.
        rows : int64[n], optional
            Series; all of them where not given.

        Returns
        -------
        BidOutcomes
            float64[draw, n] each, summed over the hours.

        Raises
        ------
        InputError
            The bids have another shape.
        """
        rows = self._rows(rows)
        self._check(bid, rows, 2)
        log_bid = log_positive(bid)
        made = np.empty((4, n, len(rows)))
        for at in range(n):
            auctions, level, spread = self.curves.drawn(rows, rng)
            won, paid = won_and_paid(log_bid, level, spread, second=self.second)
            clicked = auctions * self.click_rate.drawn(self.curves.campaign, rows, rng)
            clicks = clicked * won
            conversions = clicks * self.conversion_rate.drawn(self.curves.campaign, rows, rng)
            made[:, at] = [cells.sum(axis=1) for cells in (auctions * won, clicks, clicked * paid, conversions)]
        return BidOutcomes(impressions=made[0], clicks=made[1], cost=made[2], conversions=made[3])

    def _rows(self, rows: NDArray[np.int64] | None) -> NDArray[np.int64]:
        return np.arange(len(self)) if rows is None else np.asarray(rows, dtype=np.int64)

    def _check(self, bid: NDArray[np.float64], rows: NDArray[np.int64], axes: int) -> None:
        if bid.ndim != axes or bid.shape[:2] != (len(rows), self.hours):
            names = ("series", "hour", "option")[:axes]
            raise InputError(
                f"bids of shape {bid.shape}: give [{', '.join(names)}] for {len(rows)} series x {self.hours} hours"
            )
