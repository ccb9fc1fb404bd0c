"""A market in which prices and ads meet: ads bring buyers who see the price, and the price decides what a click is worth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pricebid.errors import InputError
from pricebid.simulate.ad_draw import AdProducts
from pricebid.simulate.ad_market import AdMarket, draw_ad_market
from pricebid.simulate.market import Market, draw_market

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from pricebid.simulate.ad_settings import AdMarketSettings
    from pricebid.simulate.ad_words import AdKeywords
    from pricebid.simulate.settings import MarketSettings
    from pricebid.tables import Shop

DAYS_PER_PERIOD = 7


@dataclass(frozen=True, kw_only=True, eq=False)
class JointMarket:
    """Sales and ads of one seller with known truth.

    What the history sold includes what its ads brought. Buyers from ads answer to prices as the buyers of the offer do,
    each keyword's somewhat more or less: with ``D(p)`` the units of the offer without a change of ads, a keyword's
    conversion rate is multiplied by ``(D(p) / D(current)) ** answer``.

    Parameters
    ----------
    prices : Market
        Offers and their buyers.
    ads : AdMarket
        Keywords, each leading to one sku in all regions.
    answer : float64[keyword]
        How strongly a keyword's buyers answer to the price, relative to all buyers.
    """

    prices: Market
    ads: AdMarket
    answer: NDArray[np.float64]

    @property
    def shop(self) -> Shop:
        """The market as a checked shop."""
        from pricebid.tables import Shop

        return Shop.from_frames(self.frames())

    def frames(self) -> dict[str, pd.DataFrame]:
        """Tables ``sales``, ``catalog``, ``offers``, ``keywords`` and ``campaigns`` of the contract."""
        ads = self.ads.frames()
        return self.prices.frames() | {name: ads[name] for name in ("keywords", "campaigns")}

    @property
    def days(self) -> int:
        """Days of the horizon."""
        return DAYS_PER_PERIOD * self.prices.settings.horizon

    def _sold_by(self, conversions: NDArray[np.float64]) -> NDArray[np.float64]:
        """Spread conversions per day over the regions of each keyword's sku, float64[keyword, offer]."""
        products, layout = self.ads.products, self.prices.truth.layout
        if products is None:
            raise InputError("the ads lead to no products: draw the market with draw_joint_market")
        usual = self.prices.units(self.prices.truth.current).reshape(-1, layout.regions)
        share = usual / usual.sum(axis=1, keepdims=True)
        spread = np.zeros((len(conversions), *usual.shape))
        spread[np.arange(len(conversions)), products.sku] = conversions[:, None] * share[products.sku]
        return spread.reshape(len(conversions), -1)

    def units(
        self, price: NDArray[np.float64], bid: NDArray[np.float64], multiplier: NDArray[np.float64] | None = None
    ) -> NDArray[np.float64]:
        """Return true expected units over the horizon at prices and bids, float64[offer].

        Parameters
        ----------
        price : float64[offer]
            Money.
        bid : float64[keyword]
            Money per click.
        multiplier : float64[campaign, hour], optional
            1 where not given.
        """
        without_change = self.prices.units(price)
        ratio = without_change / self.prices.units(self.prices.truth.current)
        truth = self.ads.truth
        more = truth.outcomes(bid, multiplier).conversions - truth.outcomes(self.ads.logged[-1]).conversions
        brought = self._sold_by(more) * ratio ** self.answer[:, None]
        units: NDArray[np.float64] = np.maximum(without_change + self.days * brought.sum(axis=0), 0.0)
        return units

    def profit(
        self, price: NDArray[np.float64], bid: NDArray[np.float64], multiplier: NDArray[np.float64] | None = None
    ) -> float:
        """Return the true expected contribution over the horizon less what the ads cost, in money."""
        units = self.units(price, bid, multiplier)
        earned = float(((price - self.prices.truth.cost) * units).sum())
        return earned - self.days * float(self.ads.truth.outcomes(bid, multiplier).cost.sum())

    @property
    def advertised(self) -> float:
        """Share of today's units that ads bring."""
        brought = self.days * self.ads.truth.outcomes(self.ads.logged[-1]).conversions.sum()
        return float(brought / self.prices.units(self.prices.truth.current).sum())


def draw_joint_market(
    prices: MarketSettings, ads: AdMarketSettings, rng: np.random.Generator, *, spread: float = 0.2
) -> JointMarket:
    """Draw a market in which prices and ads meet.

    Parameters
    ----------
    prices, ads : MarketSettings, AdMarketSettings
        Size and nature of each half; the ads' number of skus plays no part, their keywords lead to the offers.
    rng : numpy.random.Generator
        Source of all randomness.
    spread : float
        Standard deviation of the log of how keywords' buyers answer to prices.
    """
    market = draw_market(prices, rng)
    truth = market.truth
    sku, _, _ = truth.layout.labels()
    one = np.arange(0, len(sku), truth.layout.regions)
    weight = market.units(truth.current).reshape(-1, truth.layout.regions)

    def mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
        by_sku: NDArray[np.float64] = (values.reshape(weight.shape) * weight).sum(axis=1) / weight.sum(axis=1)
        return by_sku

    def sell(keywords: AdKeywords, rng: np.random.Generator) -> AdProducts:
        chosen = rng.integers(0, len(one), len(keywords))
        return AdProducts(sku=chosen, names=sku[one], price=mean(truth.current), cost=mean(truth.cost))

    drawn = draw_ad_market(ads, rng, sell=sell)
    answer = np.exp(rng.normal(-(spread**2) / 2, spread, len(drawn.keywords)))
    return JointMarket(prices=market, ads=drawn, answer=answer)
