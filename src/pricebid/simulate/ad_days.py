"""Days of an ad market as they turn out: shocks, counts that vary, prices paid, and the report of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtr, ndtri

from pricebid.simulate.ad_truth import HOURS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pricebid.simulate.ad_settings import AdMarketSettings
    from pricebid.simulate.ad_truth import AdTruth

REVENUE_VARIATION = 0.3  # standard deviation / mean of the revenue of one conversion


@dataclass(frozen=True, kw_only=True, eq=False)
class AdDays:
    """What simulated days brought, [day, series, hour] each.

    Parameters
    ----------
    bid : float64[day, series, hour]
        Effective bids.
    impressions, clicks, conversions : int64[day, series, hour]
        Counts; conversions by the day of their click, however late they came.
    cost, revenue : float64[day, series, hour]
        Money.
    """

    bid: NDArray[np.float64]
    impressions: NDArray[np.int64]
    clicks: NDArray[np.int64]
    cost: NDArray[np.float64]
    conversions: NDArray[np.int64]
    revenue: NDArray[np.float64]

    @property
    def spend(self) -> NDArray[np.float64]:
        """Money spent per day, float64[day]."""
        total: NDArray[np.float64] = self.cost.sum(axis=(1, 2))
        return total

    def by_day(self) -> AdDays:
        """Return the same days with their hours added up, [day, series, 1]; bids are averaged over impressions."""

        def total(cells: NDArray[np.float64]) -> NDArray[np.float64]:
            added: NDArray[np.float64] = cells.sum(axis=2, keepdims=True)
            return added

        seen = total(self.impressions.astype(np.float64))
        mean = total(self.bid * self.impressions) / np.maximum(seen, 1.0)
        return AdDays(
            bid=np.where(seen > 0, mean, self.bid.mean(axis=2, keepdims=True)),
            impressions=self.impressions.sum(axis=2, keepdims=True),
            clicks=self.clicks.sum(axis=2, keepdims=True),
            cost=total(self.cost),
            conversions=self.conversions.sum(axis=2, keepdims=True),
            revenue=total(self.revenue),
        )


def draw_shocks(truth: AdTruth, settings: AdMarketSettings, days: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Draw the day's common factor of traffic, mean 1, float64[day, series]."""
    shape = (days, 1 if settings.shock_scope == "market" else truth.campaigns)
    factor = np.exp(rng.normal(-(settings.shock**2) / 2, settings.shock, shape))
    campaign = truth.campaign[truth.entity]
    shared: NDArray[np.float64] = factor[:, campaign if shape[1] > 1 else np.zeros_like(campaign)]
    return shared


def play_days(
    truth: AdTruth,
    bid: NDArray[np.float64],
    traffic: NDArray[np.float64],
    *,
    dispersion: float,
    rng: np.random.Generator,
) -> AdDays:
    """Draw what happens on days of known traffic.

    Parameters
    ----------
    truth : AdTruth
        How auctions, clicks and conversions come about.
    bid : float64[day, series, hour]
        Effective bids.
    traffic : float64[day, series]
        Factor on expected auctions.
    dispersion : float
        Auctions of an hour have variance mean + dispersion x mean^2.
    rng : numpy.random.Generator
        Source of all randomness.
    """
    mean = truth.auctions * traffic[:, :, None]
    if dispersion > 0:
        mean = mean * rng.gamma(1 / dispersion, dispersion, mean.shape)
    auctions = rng.poisson(mean)
    win, _ = truth.auctions_won(bid)
    impressions = rng.binomial(auctions, win)
    clicks = rng.binomial(impressions, np.broadcast_to(truth.click_rate[:, None], mean.shape))
    conversions = rng.binomial(clicks, np.broadcast_to(truth.conversion_rate, mean.shape))
    shape = conversions / REVENUE_VARIATION**2  # the sum of n independent gammas is a gamma of n times the shape
    revenue = rng.gamma(shape) * REVENUE_VARIATION**2 * truth.revenue[:, None]
    return AdDays(
        bid=bid,
        impressions=impressions,
        clicks=clicks,
        cost=np.round(_paid(truth, bid, clicks, rng), 4),
        conversions=conversions,
        revenue=np.round(revenue, 2),
    )


def _paid(
    truth: AdTruth, bid: NDArray[np.float64], clicks: NDArray[np.int64], rng: np.random.Generator
) -> NDArray[np.float64]:
    """Draw what the clicks of each cell cost: each click a rival bid below the own one, or the own bid itself."""
    if truth.auction == "first":
        own: NDArray[np.float64] = clicks * bid
        return own
    cell = np.repeat(np.arange(clicks.size), clicks.ravel())
    series, hour = cell // HOURS % clicks.shape[1], cell % HOURS
    level, spread = truth.level[series, hour], truth.spread[series]
    with np.errstate(divide="ignore"):
        below = ndtr((np.log(bid.ravel()[cell]) - level) / spread)
    price = np.exp(level + spread * ndtri(below * rng.uniform(0.0, 1.0, len(cell))))
    price = np.minimum(np.where(np.isfinite(price), price, 0.0), bid.ravel()[cell])
    paid: NDArray[np.float64] = np.bincount(cell, price, clicks.size).astype(np.float64).reshape(clicks.shape)
    return paid
