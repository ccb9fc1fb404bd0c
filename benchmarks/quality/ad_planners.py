"""Who plans bids on simulated ad markets: an analyst's rule, and a structural fit at point estimates.

Both see what an advertiser sees: bids, impressions, clicks, cost, conversions, revenue, and campaign margins.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import minimize
from scipy.special import log_ndtr

from pricebid.simulate import AdTruth

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pricebid.simulate import AdDays, AdMarket

HOURS = 24
SMOOTHING = 100.0  # clicks of the campaign's own rate that the analyst adds to each keyword's


@dataclass(frozen=True, kw_only=True)
class Rates:
    """What an analyst makes of a history, float64[keyword] each.

    Parameters
    ----------
    clicks : float64[keyword]
        Clicks in all.
    conversion_rate : float64[keyword]
        Conversions per click, smoothed towards the campaign's.
    revenue, margin : float64[keyword]
        Money per conversion, and contribution ÷ revenue, of the campaign.
    """

    clicks: NDArray[np.float64]
    conversion_rate: NDArray[np.float64]
    revenue: NDArray[np.float64]
    margin: NDArray[np.float64]


def margins(market: AdMarket) -> NDArray[np.float64]:
    """Contribution ÷ revenue by campaign, float64[campaign], as the table ``campaigns`` gives it."""
    return market.frames()["campaigns"]["margin"].to_numpy()


def rates(market: AdMarket, smoothing: float = SMOOTHING) -> Rates:
    """Conversion rates smoothed towards the campaign's, and revenue per conversion of the campaign."""
    days, campaign = market.days, market.keywords.campaign
    clicks, conversions = days.clicks.sum(axis=(0, 2)).astype(float), days.conversions.sum(axis=(0, 2)).astype(float)
    rate = np.bincount(campaign, conversions) / np.bincount(campaign, clicks)
    revenue = np.bincount(campaign, days.revenue.sum(axis=(0, 2))) / np.bincount(campaign, conversions)
    return Rates(
        clicks=clicks,
        conversion_rate=(conversions + smoothing * rate[campaign]) / (clicks + smoothing),
        revenue=revenue[campaign],
        margin=margins(market)[campaign],
    )


def analyst(market: AdMarket) -> NDArray[np.float64]:
    """Bid half of the smoothed value per click, float64[keyword]."""
    seen = rates(market)
    return np.round(0.5 * seen.conversion_rate * seen.revenue * seen.margin, 2)


@dataclass(frozen=True, kw_only=True)
class _Cells:
    """A history added up over the days of one bid: float64[row, hour], rows are keyword x bid."""

    keyword: NDArray[np.int64]
    bid: NDArray[np.float64]
    days: NDArray[np.float64]
    impressions: NDArray[np.float64]
    clicks: NDArray[np.float64]
    cost: NDArray[np.float64]


def _cells(logged: NDArray[np.float64], days: AdDays) -> _Cells:
    cents = np.round(logged * 100).astype(np.int64)
    count = logged.shape[1]
    code, row = np.unique((np.arange(count) * 10_000_000 + cents).ravel(), return_inverse=True)

    def total(cells: NDArray[np.float64]) -> NDArray[np.float64]:
        added = np.zeros((len(code), cells.shape[2]))
        np.add.at(added, row, cells.reshape(-1, cells.shape[2]))
        return added

    return _Cells(
        keyword=code // 10_000_000,
        bid=(code % 10_000_000) / 100.0,
        days=np.bincount(row).astype(float),
        impressions=total(days.impressions.astype(float)),
        clicks=total(days.clicks.astype(float)),
        cost=total(days.cost),
    )


def structural(market: AdMarket) -> AdTruth:
    """Fit a market of the right form at point estimates: what a good econometrician's plug-in plan starts from.

    Auctions are keyword x campaign hour, log rival bids keyword + campaign hour with one spread, by penalised maximum
    likelihood of impressions (Poisson) and of what a click cost (log-normal mean below the bid); conversion rates are
    smoothed keyword rates x a campaign's daily wave.
    """
    cells = _cells(market.logged, market.days)
    campaign = market.keywords.campaign
    fit = _Auctions(cells, campaign).fit()
    seen = rates(market)
    impressions = market.days.impressions.sum(axis=(0, 2))
    per_campaign = np.bincount(campaign, seen.clicks) / np.bincount(campaign, impressions)
    click_rate = (seen.clicks + 300 * per_campaign[campaign]) / (impressions + 300)
    wave = _hour_profile(market, seen.conversion_rate)
    return AdTruth(
        entity=np.arange(len(campaign)),
        campaign=campaign,
        auctions=fit.auctions,
        level=fit.level,
        spread=np.full(len(campaign), fit.spread),
        click_rate=click_rate,
        conversion_rate=np.minimum(seen.conversion_rate[:, None] * wave[campaign], 0.9),
        revenue=seen.revenue,
        margin=seen.margin,
        auction=market.truth.auction,
    )


def _hour_profile(market: AdMarket, rate: NDArray[np.float64]) -> NDArray[np.float64]:
    """Two daily harmonics of the conversion rate per campaign by Poisson likelihood, float64[campaign, hour]."""
    turn = 2 * np.pi / HOURS * np.arange(HOURS)
    basis = np.stack([np.cos(turn), np.sin(turn), np.cos(2 * turn), np.sin(2 * turn), np.ones(HOURS)], axis=1)
    campaign = market.keywords.campaign
    profile = np.ones((campaign.max() + 1, HOURS))
    for at in range(len(profile)):
        mine = campaign == at
        clicks = market.days.clicks[:, mine].sum(axis=0)
        expected = (clicks * rate[mine, None]).sum(axis=0)
        came = market.days.conversions[:, mine].sum(axis=(0, 1))
        beta = np.zeros(basis.shape[1])
        for _ in range(20):
            mean = expected * np.exp(basis @ beta)
            curve = (basis * mean[:, None]).T @ basis + np.diag([1.0, 1.0, 4.0, 4.0, 1e-6])
            beta += np.linalg.solve(curve, basis.T @ (came - mean) - np.array([1.0, 1.0, 4.0, 4.0, 1e-6]) * beta)
        profile[at] = np.exp(basis @ beta)
    return profile


@dataclass(frozen=True, kw_only=True)
class _Fit:
    auctions: NDArray[np.float64]
    level: NDArray[np.float64]
    spread: float


class _Auctions:
    """Penalised likelihood of auctions, levels and spread; parameters are one flat vector."""

    def __init__(self, cells: _Cells, campaign: NDArray[np.int64]) -> None:
        self.cells, self.campaign = cells, campaign
        self.keywords, self.campaigns = len(campaign), int(campaign.max()) + 1
        self.log_bid = np.log(cells.bid)[:, None]
        with np.errstate(divide="ignore", invalid="ignore"):
            self.log_paid = np.where(cells.clicks > 0, np.log(cells.cost / np.maximum(cells.clicks, 1)), 0.0)
        self.log_paid = np.where(np.isfinite(self.log_paid), self.log_paid, 0.0)
        turn = 2 * np.pi / HOURS * np.arange(HOURS)
        self.basis = np.stack([np.cos(turn), np.sin(turn), np.cos(2 * turn), np.sin(2 * turn)], axis=1)

    def _parts(self, vector: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...]:
        k, c = self.keywords, self.campaigns * self.basis.shape[1]
        ends = np.cumsum([k, k, c, c])
        size, level, traffic, rival, spread = np.split(vector, ends)
        return size, level, traffic.reshape(-1, self.basis.shape[1]), rival.reshape(-1, self.basis.shape[1]), spread

    def loss(self, vector: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        """Return minus the penalised log likelihood, and its gradient."""
        cells, row = self.cells, self.cells.keyword
        size, level, traffic, rival, log_spread = self._parts(vector)
        spread = np.exp(log_spread[0])
        which = self.campaign[row]
        score = (self.log_bid - level[row, None] - (rival @ self.basis.T)[which]) / spread
        log_win, log_below = log_ndtr(score), log_ndtr(score - spread)
        log_mean = np.log(cells.days)[:, None] + size[row, None] + (traffic @ self.basis.T)[which] + log_win
        mean = np.exp(log_mean)
        miss = cells.impressions - mean
        mills = np.exp(-(score**2) / 2 - log_win) / np.sqrt(2 * np.pi)
        mills_below = np.exp(-((score - spread) ** 2) / 2 - log_below) / np.sqrt(2 * np.pi)
        below = self.log_bid - score * spread + spread**2 / 2 + log_below - log_win
        weight = cells.clicks / 0.15
        off = np.where(cells.clicks > 0, self.log_paid - below, 0.0)
        usual = np.array([level[self.campaign == c].mean() for c in range(self.campaigns)])[self.campaign]
        loss = -(cells.impressions * log_mean - mean).sum() + 0.5 * (weight * off**2).sum()
        loss += 0.5 * (((level - usual) / 0.5) ** 2).sum() + 0.5 * ((log_spread[0] - np.log(0.6)) / 0.3) ** 2
        g_score = -miss * mills - weight * off * (mills_below - mills)
        # below also holds level and spread themselves: d below / d level = 1 beside the scores.
        g_below = -weight * off
        g_level_cell = -g_score / spread + g_below
        g_spread = (-(score / spread) * g_score).sum() + (g_below * (spread - mills_below)).sum()
        g_level = np.bincount(row, g_level_cell.sum(axis=1), self.keywords) + (level - usual) / 0.25
        g_size = np.bincount(row, -miss.sum(axis=1), self.keywords)

        def waves(cell: NDArray[np.float64]) -> NDArray[np.float64]:
            added = np.zeros((self.campaigns, HOURS))
            np.add.at(added, which, cell)
            return (added @ self.basis).ravel()

        g_log_spread = g_spread * spread + (log_spread[0] - np.log(0.6)) / 0.09
        return float(loss), np.concatenate(
            [g_size, g_level, waves(-miss), waves(g_level_cell), np.array([g_log_spread])]
        )

    def fit(self) -> _Fit:
        """Return auctions and levels by keyword and hour, and the spread."""
        cells, row = self.cells, self.cells.keyword
        days = np.bincount(row, cells.days, self.keywords)
        seen = np.bincount(row, cells.impressions.sum(axis=1), self.keywords)
        clicks = np.bincount(row, cells.clicks.sum(axis=1), self.keywords)
        paid = np.bincount(row, cells.cost.sum(axis=1), self.keywords)
        mean_bid = np.bincount(row, cells.bid * cells.days, self.keywords) / days
        level = np.where(clicks > 0, np.log((paid + 0.5 * mean_bid) / (clicks + 1)), np.log(0.6 * mean_bid))
        waves = np.zeros(2 * self.campaigns * self.basis.shape[1])
        size = np.log((seen + 1) / (days * HOURS)) + 0.4
        start = np.concatenate([size, level, waves, [np.log(0.6)]])
        found = minimize(self.loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 400})
        size, level, traffic, rival, log_spread = self._parts(found.x)
        return _Fit(
            auctions=np.exp(size[:, None] + (traffic @ self.basis.T)[self.campaign]),
            level=level[:, None] + (rival @ self.basis.T)[self.campaign],
            spread=float(np.exp(log_spread[0])),
        )
