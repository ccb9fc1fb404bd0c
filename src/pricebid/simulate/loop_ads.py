"""Ads in the closed loop: keywords that bring buyers to the offers, and what their clicks are worth at the day's prices."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from pricebid.simulate.ad_best import best_bids
from pricebid.simulate.ad_days import draw_shocks, play_days
from pricebid.simulate.ad_draw import AdProducts
from pricebid.simulate.ad_market import AdMarket, draw_ad_market
from pricebid.simulate.ad_settings import AdMarketSettings

if TYPE_CHECKING:
    from datetime import date

    import pandas as pd
    from numpy.typing import NDArray

    from pricebid.simulate.ad_truth import AdTruth
    from pricebid.simulate.ad_words import AdKeywords
    from pricebid.simulate.layout import Layout

    Floats = NDArray[np.float64]

_SPREAD = 0.2  # standard deviation of the log of how keywords' buyers answer to prices, beside all buyers
_UNITS = 0.15  # share of the units that ads bring


@dataclass(frozen=True, kw_only=True, eq=False)
class LoopAds:
    """Keywords of one campaign, each leading to one sku in all regions.

    As in `JointMarket`: what the market sells includes what its opening bids bring, and a keyword's conversion rate is
    multiplied by ``(D(p) / D(opening)) ** answer``, D being what its sku would sell on that day.

    Parameters
    ----------
    market : AdMarket
        Auctions, clicks and conversions at the opening prices.
    answer : float64[keyword]
        How strongly a keyword's buyers answer to prices, relative to all buyers.
    share : float64[keyword, offer]
        How a keyword's conversions are spread over the regions of its sku; rows sum to 1.
    budget : float
        Money per day: what the opening bids spend.
    """

    market: AdMarket
    answer: Floats
    share: Floats
    budget: float

    @property
    def opening(self) -> Floats:
        """Bids before the first day of the loop, money per click, float64[keyword]."""
        return np.asarray(self.market.logged[-1], dtype=np.float64)

    def at(self, ratio: Floats, price: Floats, cost: Floats) -> AdTruth:
        """Return what clicks convert to and are worth, at prices.

        Parameters
        ----------
        ratio : float64[offer]
            Units without a change of ads ÷ those at the opening prices.
        price, cost : float64[offer]
            Money per unit.
        """
        truth = self.market.truth
        factor = (self.share @ ratio) ** self.answer
        revenue = self.share @ price
        return replace(
            truth,
            conversion_rate=np.minimum(truth.conversion_rate * factor[truth.entity, None], 0.95),
            revenue=revenue[truth.entity],
            margin=(1.0 - self.share @ cost / revenue)[truth.entity],
        )

    def more(self, truth: AdTruth, bid: Floats) -> Floats:
        """Return the units a day that bids bring beyond those of the opening bids, float64[offer]."""
        change = truth.outcomes(bid).conversions - truth.outcomes(self.opening).conversions
        return np.asarray(change @ self.share, dtype=np.float64)

    def best(self, truth: AdTruth) -> Floats:
        """Return the bids of highest true expected profit within the budget, float64[keyword]."""
        return best_bids(truth, self.budget, dayparts=False).bid

    def report(self, truth: AdTruth, bid: Floats, day: date, rng: np.random.Generator) -> pd.DataFrame:
        """Draw a day's rows of the table ``keywords``."""
        settings = self.market.settings
        traffic = draw_shocks(truth, settings, 1, rng)
        played = play_days(truth, truth.effective(bid)[None], traffic, dispersion=settings.dispersion, rng=rng)
        return self.market.report(played, day)

    def past(self, first: date) -> pd.DataFrame:
        """Return the reports of the history, the first day of which is given."""
        return self.market.report(self.market.days, first)


def draw_loop_ads(
    layout: Layout, price: Floats, cost: Floats, units: Floats, *, keywords: int, days: int, rng: np.random.Generator
) -> LoopAds:
    """Draw keywords that bring some 15 % of what is sold.

    Parameters
    ----------
    layout : Layout
        Offers.
    price, cost, units : float64[offer]
        Opening prices, unit costs, and expected units a day there.
    keywords : int
        How many.
    days : int
        Of the reports before the loop.
    rng : numpy.random.Generator
        Source of all randomness.
    """
    sku, _, _ = layout.labels()
    one = np.arange(0, len(sku), layout.regions)
    weight = units.reshape(-1, layout.regions)
    within = weight / weight.sum(axis=1, keepdims=True)

    def mean(values: Floats) -> Floats:
        return np.asarray((values.reshape(weight.shape) * within).sum(axis=1))

    def sell(words: AdKeywords, rng: np.random.Generator) -> AdProducts:
        chosen = rng.integers(0, len(one), len(words))
        return AdProducts(sku=chosen, names=sku[one], price=mean(price), cost=mean(cost))

    settings = AdMarketSettings(
        keywords=keywords, campaigns=1, days=days, hourly=False, conversion_rate=0.125, bid_level=0.6
    )
    seed = int(rng.integers(2**31))

    def drawn(settings: AdMarketSettings) -> AdMarket:
        return draw_ad_market(settings, np.random.default_rng(seed), sell=sell)

    # Volume only scales the auctions: drawn again from the same state, everything else is the same.
    first = drawn(settings)
    brought = float(first.truth.outcomes(first.logged[-1]).conversions.sum())
    market = drawn(replace(settings, volume=settings.volume * _UNITS * float(units.sum()) / brought))
    answer = np.exp(rng.normal(-(_SPREAD**2) / 2, _SPREAD, keywords))
    share = np.zeros((keywords, *weight.shape))
    if market.products is not None:
        share[np.arange(keywords), market.products.sku] = within[market.products.sku]
    budget = float(market.truth.outcomes(market.logged[-1]).cost.sum())
    return LoopAds(market=market, answer=answer, share=share.reshape(keywords, -1), budget=round(budget, 2))
