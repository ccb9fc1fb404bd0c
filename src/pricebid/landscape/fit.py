"""Fit a bid landscape to ad reports."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from pricebid.errors import InputError
from pricebid.landscape.auctions import AuctionFit, fit_auctions
from pricebid.landscape.candidates import with_candidates
from pricebid.landscape.cells import clicks_of, lay_out, told_auction
from pricebid.landscape.curves import LEVEL
from pricebid.landscape.delay import completeness_of
from pricebid.landscape.drift import best_half_life
from pricebid.landscape.model import BidLandscape, Observed
from pricebid.landscape.rates import by_series_hour, fit_rates, fit_revenue
from pricebid.landscape.sums import summed
from pricebid.landscape.words import design_of, with_columns

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

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
        No row has both a bid and an impression, or the auction is none of the two.
    """
    del seed
    if auction not in (None, "second", "first"):
        raise InputError(f"auction {auction!r} is neither 'second' nor 'first'")
    if not np.any((reports.bid > 0) & (reports.impressions > 0)):
        raise InputError("no row of keywords has both a bid and an impression: there is nothing to learn from")
    told = progress or _silence
    kind = auction or told_auction(reports)
    axis = with_candidates(reports.keywords, candidates)
    campaign = axis.numbers(("campaign",))
    designs = (design_of(axis), design_of(axis, intercept_pooled=True, words=False))
    told("auctions", 0.0)
    cells = lay_out(reports, campaign)
    fit = fit_auctions(cells, clicks_of(cells, second=kind == "second"), designs)
    half_life = best_half_life(cells, fit)
    if np.isfinite(half_life):
        cells = lay_out(reports, campaign, half_life=half_life)
        fit = fit_auctions(cells, clicks_of(cells, second=kind == "second"), designs, like=fit)
    told("auctions", 1.0)
    completeness = completeness_of(reports, delay=conversion_delay)
    weight = cells.weight[reports.day]
    size = len(axis)
    clicks = by_series_hour(reports, weight * reports.clicks, size)
    click_rate = fit_rates(clicks, by_series_hour(reports, weight * reports.impressions, size), campaign, designs[0])
    told("rates", 0.5)
    bid = _current(reports, size)
    columns = _signals(fit, bid, campaign)
    known = completeness[reports.wait]
    conversion_rate = fit_rates(
        by_series_hour(reports, weight * reports.conversions, size),
        by_series_hour(reports, weight * reports.clicks * known, size),
        campaign,
        with_columns(designs[0], columns),
    )
    revenue = fit_revenue(reports, weight, designs[0])
    told("rates", 1.0)
    observed = _observed(reports, known, size)
    return BidLandscape(
        keywords=axis,
        hours=reports.hours,
        auction="first" if kind == "first" else "second",
        bid=bid,
        candidate=np.arange(size) >= len(reports.keywords),
        observed=observed,
        revenue_per_conversion=revenue,
        day_shock=_day_shock(fit, observed, campaign),
        curves=fit.curves,
        click_rate=click_rate,
        conversion_rate=conversion_rate,
        completeness=completeness,
        half_life=half_life,
    )


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
    with np.errstate(invalid="ignore"):
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
