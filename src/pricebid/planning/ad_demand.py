"""What ads add to demand, and what prices make of a click: the two ways in which prices and bids meet."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from pricebid.bidding import ConversionValue
from pricebid.planning.link import Link, link
from pricebid.pricing.economics import OBJECTIVE
from pricebid.pricing.problem import lagrangian

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pricebid.demand.response import PriceResponse
    from pricebid.landscape import BidLandscape
    from pricebid.pricing import PricePlan
    from pricebid.tables import Offers

    Floats = NDArray[np.float64]

_LEAST = (
    1e-9  # of a ratio of units: a price at which nobody buys leaves clicks without conversions, not without a value
)


@dataclass(frozen=True, kw_only=True, eq=False)
class AdDemand:
    """Ads and offers of one shop over a horizon.

    What history sold includes what its ads brought. Buyers from ads answer to prices as all buyers of the offer do: with
    ``D(p)`` the offer's units at today's ads, a conversion rate is multiplied by ``D(p) / D(today's prices)``, and more
    conversions add to ``D(p)`` in proportion, whatever the prices.

    Parameters
    ----------
    landscape : BidLandscape
        At today's prices.
    link : Link
        Series to offers.
    apart : ConversionValue
        What conversions of series that lead to no offer are worth.
    units : float64[series]
        Units per conversion at today's prices.
    response : PriceResponse
        Units over the horizon at any prices, with today's ads.
    now : float64[offer]
        Today's prices.
    base : float64[offer]
        Units over the horizon at today's prices and ads.
    today : float64[offer]
        The part of them that ads bring.
    days : int
        Days of the horizon.
    """

    landscape: BidLandscape
    link: Link
    apart: ConversionValue
    units: Floats
    response: PriceResponse
    now: Floats
    base: Floats
    today: Floats
    days: int

    @classmethod
    def of(
        cls,
        landscape: BidLandscape,
        offers: Offers,
        response: PriceResponse,
        now: Floats,
        *,
        apart: ConversionValue,
        days: int,
    ) -> AdDemand:
        """Link a landscape to the offers of a shop.

        Parameters
        ----------
        landscape : BidLandscape
            As fitted.
        offers : Offers
            As read.
        response : PriceResponse
            As the demand model gives it.
        now : float64[offer]
            Today's prices.
        apart : ConversionValue
            What conversions are worth where nothing is linked.
        days : int
            Days of the horizon.

        Raises
        ------
        InputError
            No series leads to an offer.
        """
        base = response.units(now)
        found = link(landscape.keywords, offers, base)
        sold_at = found.over_offers(now, other=np.inf)
        units = landscape.revenue_per_conversion / sold_at
        made = cls(
            landscape=landscape,
            link=found,
            apart=apart,
            units=units,
            response=response,
            now=now,
            base=base,
            today=np.zeros(len(base)),
            days=days,
        )
        bid = np.nan_to_num(landscape.bid)[:, :, None]
        return replace(made, today=made.brought(landscape.expected(bid).conversions.sum(axis=(1, 2))))

    def brought(self, conversions: Floats) -> Floats:
        """Return units over the horizon that conversions per day at today's prices bring, float64[offer]."""
        return self.days * self.link.to_offers(conversions * self.units)

    def factor(self, conversions: Floats) -> Floats:
        """Return units ÷ units at today's ads, at the same prices, float64[offer].

        Parameters
        ----------
        conversions : float64[series]
            Per day, as today's prices would have them.
        """
        change = self.brought(conversions) - self.today
        share = np.divide(change, self.base, out=np.zeros(len(change)), where=self.base > 0)
        return np.maximum(1.0 + share, 0.0)

    def ratio(self, price: Floats) -> Floats:
        """Return conversion rates at prices ÷ those at today's, float64[series]; 1 where nothing is linked."""
        return np.maximum(self.link.over_offers(self._answer(price), other=1.0), _LEAST)

    def at(self, price: Floats) -> BidLandscape:
        """Return the landscape at other prices."""
        rate = self.landscape.conversion_rate
        return replace(self.landscape, conversion_rate=replace(rate, mean=rate.mean * self.ratio(price)))

    def value(self, plan: PricePlan) -> ConversionValue:
        """Return what conversions are worth at a plan's prices; where stock is short, what one more is worth.

        Parameters
        ----------
        plan : PricePlan
            Prices, costs and stock, and demand under the ads it was made for.
        """
        economics = plan.problem.economics
        unit = economics.unit_values(plan.price, ("revenue", "profit"))
        sold = economics.slope(plan.problem.response.units(plan.price), plan.problem.response.dispersion)
        return ConversionValue(
            revenue=self._per_conversion(plan.price, unit["revenue"] * sold, self.apart.revenue),
            profit=self._per_conversion(plan.price, unit["profit"] * sold, self.apart.profit),
        )

    def relief(self, plan: PricePlan) -> Floats:
        """Return what a conversion is worth to the plan's limits at their shadow prices, objective units, float64[series].

        A unit more helps a limit on units or a margin; bids that only counted profit would not know of it.
        """
        problem, economics = plan.problem, plan.problem.economics
        counted = [at for at, one in enumerate(problem.limits) if "changes" not in (one.name, one.per)]
        limits = tuple(problem.limits[at] for at in counted)
        names = tuple(dict.fromkeys(name for one in limits for name in (one.name, one.per) if name is not None))
        unit = economics.unit_values(plan.price, (*names, OBJECTIVE))
        worth = lagrangian(unit, limits, plan.found.shadow_prices[counted]) - unit[OBJECTIVE]
        worth = worth * economics.slope(problem.response.units(plan.price), problem.response.dispersion)
        return self._per_conversion(plan.price, worth, np.zeros(len(self.units)))

    def _answer(self, price: Floats) -> Floats:
        """Return units at prices ÷ units at today's, at today's ads, float64[offer]."""
        units = self.response.units(price)
        return np.divide(units, self.base, out=np.ones(len(units)), where=self.base > 0)

    def _per_conversion(self, price: Floats, unit: Floats, other: Floats) -> Floats:
        """Average a worth per unit over the offers that a conversion at these prices falls on, float64[series]."""
        answer = self._answer(price)
        mean = self.link.over_offers(answer * unit, other=0.0) / self.ratio(price)
        return np.where(self.link.linked, self.units * mean, other)
