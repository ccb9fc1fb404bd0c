"""Fit a bid landscape to ad reports."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from pricebid.errors import InputError
from pricebid.landscape.auctions import AuctionFit, fit_auctions
from pricebid.landscape.candidates import with_candidates
from pricebid.landscape.cells import WEEK, clicks_of, day_weights, lay_out, told_auction
from pricebid.landscape.curves import AUCTIONS, LEVEL, SPREAD
from pricebid.landscape.delay import completeness_of
from pricebid.landscape.drift import Memory, best_half_life, recent_factor
from pricebid.landscape.model import BidLandscape, Observed, Rates
from pricebid.landscape.prices import mean_price
from pricebid.landscape.rates import by_series_hour, fit_rates, fit_revenue
from pricebid.landscape.sums import stacked, summed
from pricebid.landscape.words import design_of, with_columns

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from pricebid.landscape.pooling import Design
    from pricebid.tables import KeywordAxis, KeywordReports

_RECENT = 7


def fit_landscape(
    reports: KeywordReports,
    *,
    auction: Literal["second", "first"] | None = None,
    conversion_delay: float | None = None,
    candidates: KeywordAxis | None = None,
    seed: int = 0,
    progress: Callable[[str, float], None] | None = None,
) -> BidLandscape:
    """Learn what bids would win, cost and bring.

    Parameters
    ----------
    reports : KeywordReports
        What was bid and what came.
    auction : {"second", "first"}, optional
        What a click costs; told from the reports where not given.
    conversion_delay : float, optional
        Days until conversions are complete; used where there are no successive reports to learn it from.
    candidates : KeywordAxis, optional
        Keywords to consider; those that the reports have are passed over.
    seed : int
        Kept for the sake of one form; the fit draws nothing at random.
    progress : callable, optional
        Told ``(stage, share done)``.

    Returns
    -------
    BidLandscape

    Raises
    ------
    InputError
        No row has both a bid and an impression, or none a click, or the auction is none of the two.
    """
    del seed
    if auction not in (None, "second", "first"):
        raise InputError(f"auction {auction!r} is neither 'second' nor 'first'")
    if not np.any((reports.bid > 0) & (reports.impressions > 0)):
        raise InputError("no row of keywords has both a bid and an impression: there is nothing to learn from")
    if not np.any(reports.clicks > 0):
        raise InputError(
            "no row of keywords has a click: what a click costs and brings cannot be learnt from these reports"
        )
    axis = with_candidates(reports.keywords, candidates)
    fitter = _Fitter(reports, axis, auction or told_auction(reports), completeness_of(reports, delay=conversion_delay))
    told = progress or _silence
    told("auctions", 0.0)
    fit = fitter.auctions(np.inf)
    memory = fitter.memory(fit)
    if memory.prices < np.inf:
        fit = fitter.auctions(memory.prices, like=fit)
    fit, memory = fitter.now(fit, memory)
    told("rates", 0.5)
    landscape = fitter.landscape(fit, memory)
    told("rates", 1.0)
    return landscape


class _Fitter:
    """The reports of one fit, on the axis of all series."""

    def __init__(
        self, reports: KeywordReports, axis: KeywordAxis, auction: str, completeness: NDArray[np.float64]
    ) -> None:
        self.reports, self.axis, self.auction, self.completeness = reports, axis, auction, completeness
        self.campaign = axis.numbers(("campaign",))
        self.design = design_of(axis)
        self.known = completeness[reports.wait]
        self.bid = _current(reports, len(axis))

    def auctions(self, half_life: float, like: AuctionFit | None = None) -> AuctionFit:
        """Fit auctions and rival bids."""
        cells = lay_out(self.reports, self.campaign, half_life=half_life)
        clicks = clicks_of(self.reports, second=self.auction == "second", half_life=half_life)
        spreads = design_of(self.axis, intercept_pooled=True, words=False)
        return fit_auctions(cells, clicks, (self.design, spreads), like=like)

    def memory(self, fit: AuctionFit) -> Memory:
        """Choose how fast each quantity is forgotten, on the last weeks."""
        reports, shape = self.reports, (len(self.reports.keywords), len(self.reports.days))
        place = reports.series * shape[1] + reports.day

        def by_day(values: NDArray[np.float64]) -> NDArray[np.float64]:
            return summed(place, values, shape)

        def chosen(count: NDArray[np.float64], chances: NDArray[np.float64]) -> float:
            got, of = by_day(count), by_day(chances)
            return best_half_life(got, of * (got.sum(axis=1) / np.maximum(of.sum(axis=1), 1e-12))[:, None])

        clicks = clicks_of(reports, second=self.auction == "second")
        own = fit.curves.mean[clicks.series]
        level = own[:, LEVEL] + fit.curves.level[self.campaign[clicks.series], clicks.hour]
        due = clicks.clicks * mean_price(clicks.log_bid, level, np.exp(own[:, SPREAD]))
        paid = clicks.clicks * np.exp(clicks.log_price)
        # In units of the mean price: money as if it were clicks.
        unit = max(float(due.sum()), 1e-12) / max(float(clicks.clicks.sum()), 1.0)
        at = clicks.series * shape[1] + clicks.day
        return Memory(
            prices=best_half_life(summed(at, paid / unit, shape), summed(at, due / unit, shape)),
            clicks=chosen(reports.clicks, reports.impressions),
            conversions=chosen(reports.conversions, reports.clicks * self.known),
        )

    def now(self, fit: AuctionFit, memory: Memory) -> tuple[AuctionFit, Memory]:
        """Move log auctions to where they are now, where the last weeks show that recent days tell more.

        First those of whole campaigns, then each series beside its campaign's days: a shock of single days moves neither.
        """
        mine = self.campaign[: len(self.reports.keywords)]
        won, due = lay_out(self.reports, self.campaign).by_day(fit.rate)
        size = len(fit.curves.level)
        got, usual = stacked(mine, won, size), stacked(mine, due, size)
        own = due * fit.shocks.factor[mine]
        memory = replace(memory, traffic=best_half_life(got, usual), own_traffic=best_half_life(won, own))
        mean = fit.curves.mean.copy()
        mean[:, AUCTIONS] += np.log(recent_factor(got, usual, memory.traffic))[self.campaign]
        mean[: len(mine), AUCTIONS] += np.log(recent_factor(won, own, memory.own_traffic))
        covariance = fit.curves.covariance.copy()
        # What swung up of late may swing back.
        covariance[: len(mine), AUCTIONS, AUCTIONS] += fit.dispersion.weekly * WEEK / (2.0 * memory.own_traffic)
        return replace(fit, curves=replace(fit.curves, mean=mean, covariance=covariance)), memory

    def landscape(self, fit: AuctionFit, memory: Memory) -> BidLandscape:
        """Fit the rates and put everything together."""
        reports, size = self.reports, len(self.axis)
        observed = _observed(reports, self.known, size)
        recent = self._weight(memory.conversions)
        return BidLandscape(
            keywords=self.axis,
            hours=reports.hours,
            auction="first" if self.auction == "first" else "second",
            bid=self.bid,
            candidate=np.arange(size) >= len(reports.keywords),
            observed=observed,
            revenue_per_conversion=fit_revenue(reports, recent, self.design),
            day_shock=_day_shock(fit, observed, self.campaign),
            curves=fit.curves,
            click_rate=self._rates(reports.clicks, reports.impressions, self._weight(memory.clicks), self.design),
            conversion_rate=self._rates(
                reports.conversions,
                reports.clicks * self.known,
                recent,
                with_columns(self.design, _signals(fit, self.bid, self.campaign)),
            ),
            completeness=self.completeness,
            memory=memory,
        )

    def _weight(self, half_life: float) -> NDArray[np.float64]:
        return day_weights(len(self.reports.days), half_life)[self.reports.day]

    def _rates(
        self, count: NDArray[np.float64], chances: NDArray[np.float64], weight: NDArray[np.float64], design: Design
    ) -> Rates:
        size = len(self.axis)
        got, of = (by_series_hour(self.reports, weight * values, size) for values in (count, chances))
        return fit_rates(got, of, self.campaign, design)


def _silence(stage: str, share: float) -> None:
    del stage, share


def _current(reports: KeywordReports, size: int) -> NDArray[np.float64]:
    """Last bid of each series and hour, float64[series, hour]; of the series' other hours where an hour never had one."""
    rows = np.flatnonzero(reports.bid > 0)
    order = rows[np.argsort(reports.day[rows], kind="stable")]
    bid = np.full((size, reports.hours), np.nan)
    any_hour = np.full(size, np.nan)
    # Assignment in the order of days: the last row stays.
    any_hour[reports.series[order]] = reports.bid[order]
    bid[reports.series[order], reports.hour[order]] = reports.bid[order]
    return np.where(np.isnan(bid), any_hour[:, None], bid)


def _signals(fit: AuctionFit, bid: NDArray[np.float64], campaign: NDArray[np.int64]) -> NDArray[np.float64]:
    """What others and the bidder seem to think a click is worth: rival level and own bid within the campaign, scaled."""
    own = np.log(bid).mean(axis=1)
    columns = []
    for values in (fit.curves.mean[:, LEVEL], own):
        known = np.isfinite(values)
        count = np.bincount(campaign, known)
        mean = np.bincount(campaign, np.where(known, values, 0.0)) / np.maximum(count, 1)
        off = np.where(known, values - mean[campaign], 0.0)
        columns.append(off / max(float(off.std()), 1e-3))
    return np.stack(columns, axis=1)


def _observed(reports: KeywordReports, known: NDArray[np.float64], size: int) -> Observed:
    days = min(_RECENT, len(reports.days))
    recent = (reports.day >= len(reports.days) - days).astype(float)

    def total(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return summed(reports.series, values, (size,))

    names = ("impressions", "clicks", "cost", "conversions", "revenue")
    return Observed(
        days=days,
        **{name: total(getattr(reports, name) * recent) / days for name in names},
        total_clicks=total(reports.clicks),
        total_cost=total(reports.cost),
        total_conversions=total(reports.conversions),
        exposed_clicks=total(reports.clicks * known),
    )


def _day_shock(fit: AuctionFit, observed: Observed, campaign: NDArray[np.int64]) -> float:
    """Standard deviation of a day's shock to all spend: shared, and campaigns' own by their share of the cost."""
    spend = np.bincount(campaign, observed.total_cost)
    share = spend / spend.sum() if spend.sum() > 0 else np.full(len(spend), 1.0 / len(spend))
    return float(np.sqrt(fit.shocks.shared + fit.shocks.apart * (share**2).sum()))
