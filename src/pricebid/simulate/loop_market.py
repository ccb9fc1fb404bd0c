"""A market that is lived through day by day: what buyers would do on every day, whatever the prices."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import poisson

from pricebid.errors import InputError
from pricebid.simulate.buyers import LogitBuyers
from pricebid.simulate.layout import Layout
from pricebid.simulate.loop_ads import LoopAds, draw_loop_ads
from pricebid.simulate.market import costs_of
from pricebid.simulate.seller import autoregression, spells
from pricebid.simulate.settings import MarketSettings
from pricebid.simulate.truth import Bounds, Truth

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from pricebid.simulate.ad_truth import AdTruth
    from pricebid.simulate.loop_settings import LoopMarketSettings

    Floats = NDArray[np.float64]

FIRST_DAY = np.datetime64("2024-01-01", "D")
WEEKDAYS = np.array([0.95, 0.85, 0.85, 0.95, 1.1, 1.3, 1.0])
_SWING, _APPEAL = 0.08, 0.08  # standard deviations of a category's common swings and of each offer's appeal, in logs
_RIVAL = (0.5, 0.7)  # a rival leaves: added utility, factor on the answer to prices
_TURN = 0.45  # log of the factor by which the elasticities of half of the skus grow, of the other half shrink
_COST = 1.15
_STEP = 0.02


@dataclass(frozen=True, kw_only=True, eq=False)
class LoopMarket:
    """A drawn market over its history and the days of the loop. Days are counted from the first of the loop.

    Buyers choose by a multinomial logit whose slopes move from day to day around the usual prices, so that a day on which
    buyers mind prices more is no day on which fewer of them come.

    Parameters
    ----------
    settings : LoopMarketSettings
        What was asked for.
    layout : Layout
        Offers and groups.
    usual : float64[group, sku]
        Prices at which the slopes turn.
    wanted : float64[group, sku]
        Utility at the usual prices.
    slope : float64[day, group, sku]
        Utility lost per unit of money; days of the history first.
    lift : float64[day, group, sku]
        What the day adds to the utility.
    visitors : float64[day, group]
        Expected visitors.
    cost : float64[day, offer]
        Unit costs.
    opening : float64[offer]
        Prices before the first day of the loop.
    charged : float64[offer, day]
        Prices of the history.
    seed : int
        Of the sales: the same day at the same prices and bids always sells the same.
    ads : LoopAds, optional
        What bids bring; the opening bids' share of the sales is in everything above.
    """

    settings: LoopMarketSettings
    layout: Layout
    usual: Floats
    wanted: Floats
    slope: Floats
    lift: Floats
    visitors: Floats
    cost: Floats
    opening: Floats
    charged: Floats
    seed: int
    ads: LoopAds | None = None

    def truth(self, day: int) -> Truth:
        """Return what is true on a day; negative days are days of the history."""
        at = self.settings.history + day
        return Truth(
            layout=self.layout,
            buyers=self._buyers(at),
            visitors=self.visitors[at][None],
            reference=self.layout.grouped(self.opening),
            memory=0.0,
            current=self.opening,
            cost=self.cost[at],
        )

    def _buyers(self, at: int) -> LogitBuyers:
        slope = self.slope[at]
        return LogitBuyers(appeal=self.wanted + self.lift[at] + slope * self.usual, slope=slope)

    def clicks(self, day: int, price: Floats) -> AdTruth:
        """Return what clicks convert to and are worth on a day at prices, float64[offer].

        Raises
        ------
        InputError
            The market has no ads.
        """
        if self.ads is None:
            raise InputError("the market has no ads: draw it with keywords")
        truth = self.truth(day)
        ratio = truth.units(price) / truth.units(self.opening)
        return self.ads.at(ratio, price, truth.cost)

    def expected(self, day: int, price: Floats, bid: Floats | None = None) -> Floats:
        """Return expected units of a day, float64[offer], at prices float64[offer] and bids float64[keyword] (the opening ones)."""
        units = self.truth(day).units(price)
        if self.ads is None or bid is None:
            return units
        return np.asarray(np.maximum(units + self.ads.more(self.clicks(day, price), bid), 0.0))

    def profit(self, day: int, price: Floats, bid: Floats | None = None) -> float:
        """Return the expected contribution of a day less what the ads cost, in money."""
        cost = self.cost[self.settings.history + day]
        earned = float(((price - cost) * self.expected(day, price, bid)).sum())
        if self.ads is None:
            return earned
        spent = self.clicks(day, price).outcomes(self.ads.opening if bid is None else bid).cost
        return earned - float(spent.sum())

    def sell(self, day: int, price: Floats, bid: Floats | None = None) -> Floats:
        """Draw the units sold on a day, float64[offer].

        The luck of a day (how many come, and where in its law each offer's count falls) does not depend on the prices: two
        policies that charge the same sell the same.
        """
        rng = np.random.default_rng((self.seed, self.settings.history + day))
        mean = self.expected(day, price, bid)
        spread = self.settings.dispersion
        luck = rng.gamma(1.0 / spread, spread, len(mean)) if spread > 0 else np.ones(len(mean))
        return np.asarray(poisson.ppf(rng.random(len(mean)), mean * luck), dtype=np.float64)

    def past_sales(self) -> Floats:
        """Return the units sold in the history, float64[offer, day]."""
        days = range(-self.settings.history, 0)
        return np.stack([self.sell(day, self.charged[:, day + self.settings.history]) for day in days], axis=1)

    def advertise(self, day: int, price: Floats, bid: Floats) -> pd.DataFrame:
        """Draw the ad report of a day: rows of the table ``keywords``."""
        rng = np.random.default_rng((self.seed, self.settings.history + day, 1))
        truth = self.clicks(day, price)
        if self.ads is None:
            raise InputError("the market has no ads: draw it with keywords")
        return self.ads.report(truth, bid, (FIRST_DAY + self.settings.history + day).astype(object), rng)

    def best(self, day: int) -> Floats:
        """Return the prices of highest expected profit within the corridor at the opening bids, float64[offer]."""
        bounds = Bounds(max_change=self.settings.corridor, min_margin=0.0, step=_STEP)
        return self.truth(day).best(bounds)


def draw_loop_market(settings: LoopMarketSettings, rng: np.random.Generator) -> LoopMarket:
    """Draw a market to run the closed loop on.

    Parameters
    ----------
    settings : LoopMarketSettings
        Size and nature.
    rng : numpy.random.Generator
        Source of all randomness: the same state gives the same market, and with another `kind` the same but for what the
        kind changes.
    """
    layout = Layout(categories=settings.categories, skus=settings.skus, regions=settings.regions)
    first, tastes, prices, crowds, appeals, wandering, words = rng.spawn(7)
    level = layout.by_category(np.exp(first.uniform(np.log(2.0), np.log(8.0), settings.categories)))
    skus = settings.categories * settings.skus
    usual = np.round(level * np.exp(layout.by_sku(first.normal(0.0, 0.15, skus))), 2)
    liking = layout.by_sku(tastes.normal(0.0, 0.4, skus)) + tastes.normal(0.0, 0.3, usual.shape)
    share = settings.inside * np.exp(liking) / np.exp(liking).sum(axis=1, keepdims=True)
    minding = layout.by_sku(tastes.normal(0.0, settings.unlike, skus))
    total = settings.history + settings.days
    slope = np.exp(minding) * -settings.elasticity / (1 - settings.inside / settings.skus) / level
    slope = slope * np.exp(_wandering(settings, layout, total, wandering))
    lift = autoregression((total, *usual.shape), memory=0.95, sd=_APPEAL, rng=appeals)
    size = settings.visitors * np.exp(crowds.normal(-0.02, 0.2, layout.groups))
    swing = layout.by_category(autoregression((total, settings.categories), memory=0.8, sd=_SWING, rng=crowds))[..., 0]
    visitors = size * np.exp(swing) * WEEKDAYS[np.arange(total) % 7][:, None]
    charged = _charged(usual, settings, layout, prices)
    market = LoopMarket(
        settings=settings,
        layout=layout,
        usual=usual,
        wanted=np.log(share / (1 - settings.inside)),
        slope=slope,
        lift=lift,
        visitors=visitors,
        cost=np.zeros((total, len(layout))),
        opening=charged[:, -1],
        charged=charged,
        seed=int(first.integers(2**31)),
    )
    cost = costs_of(market.truth(0), MarketSettings(off=settings.off), first)
    market = replace(market, cost=np.repeat(cost[None], total, axis=0))
    if settings.keywords:
        units = market.expected(0, market.opening)
        ads = draw_loop_ads(
            layout, market.opening, cost, units, keywords=settings.keywords, days=settings.history, rng=words
        )
        market = replace(market, ads=ads)
    return _shocked(market)


def _wandering(settings: LoopMarketSettings, layout: Layout, total: int, rng: np.random.Generator) -> Floats:
    """Log factors on the slopes, float64[day, group, sku]: none but on drifting markets, where they wander from day 0 on."""
    steps = rng.normal(0.0, settings.wander / np.sqrt(90.0), (total, layout.categories * layout.skus))
    shared = rng.normal(0.0, 0.5 * settings.wander / np.sqrt(90.0), (total, layout.categories))
    steps = steps + np.repeat(shared, layout.skus, axis=1)
    steps[: settings.history] = 0.0
    if settings.kind != "drift":
        steps[:] = 0.0
    return layout.by_sku(np.clip(np.cumsum(steps, axis=0), -0.7, 0.7))


def _charged(usual: Floats, settings: LoopMarketSettings, layout: Layout, rng: np.random.Generator) -> Floats:
    """Prices of the history, float64[offer, day]: spells of three weeks, in whole cents."""
    chain, local = (0.02, 0.005) if settings.sparse else (0.06, 0.05)
    days, skus = settings.history, layout.categories * layout.skus
    moves = layout.by_sku(spells((days, skus), length=21.0, sd=chain, rng=rng))
    moves = moves + layout.grouped(spells((days, len(layout)), length=21.0, sd=local, rng=rng))
    return np.round(layout.flat(usual * np.exp(moves)), 2).T


def _shocked(market: LoopMarket) -> LoopMarket:
    """Let the shock happen."""
    settings, layout = market.settings, market.layout
    day = settings.shocked_from
    if day is None:
        return market
    after = np.arange(len(market.slope)) >= settings.history + day
    if settings.shock == "cost":
        return replace(market, cost=np.where(after[:, None], np.round(_COST * market.cost, 2), market.cost))
    if settings.shock == "rival":
        more, factor = _RIVAL
        return replace(
            market,
            slope=np.where(after[:, None, None], factor * market.slope, market.slope),
            lift=market.lift + more * after[:, None, None],
        )
    odd = np.arange(layout.categories * layout.skus) % 2 == 1
    turn = layout.by_sku(np.exp(np.where(odd, _TURN, -_TURN)))
    return replace(market, slope=np.where(after[:, None, None], turn * market.slope, market.slope))
