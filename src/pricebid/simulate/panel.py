"""What a seller sees of a simulated market, as arrays in memory or as the tables of a shop."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pricebid.tables.arrays import Events, Future, History, Offers

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from pricebid.simulate.layout import Layout

FIRST_WEEK = np.datetime64("2023-01-02", "D")


@dataclass(frozen=True, kw_only=True)
class Panel:
    """Weekly sales of every offer.

    Parameters
    ----------
    layout : Layout
        Offers, sorted by sku and region.
    units, stock : float64[offer, period]
        Units sold, and units that were available.
    price, promo : float64[offer, period]
        Shelf price in money, and 1 in promoted weeks.
    current, cost : float64[offer]
        Current price and unit cost in money.
    """

    layout: Layout
    units: NDArray[np.float64]
    stock: NDArray[np.float64]
    price: NDArray[np.float64]
    promo: NDArray[np.float64]
    current: NDArray[np.float64]
    cost: NDArray[np.float64]

    @property
    def weeks(self) -> NDArray[np.datetime64]:
        """First day of each period, datetime64[D][period]."""
        return FIRST_WEEK + 7 * np.arange(self.units.shape[1])

    def offers(self) -> Offers:
        """Give the offers with current price and cost; everything else is not given."""
        n = len(self.layout)
        sku, region, category = self.layout.labels()
        unknown, nothing = np.full(n, np.nan), np.full(n, "", dtype=object)
        never = np.full(n, np.datetime64("NaT", "D"), dtype="datetime64[D]")
        return Offers(
            columns=("sku", "region"),
            labels=(sku, region),
            category=category,
            brand=nothing,
            role=nothing,
            stage=nothing,
            size=unknown,
            current_price=self.current,
            list_price=unknown,
            min_price=unknown,
            max_price=unknown,
            map_price=unknown,
            cost=self.cost,
            shipping_cost=np.zeros(n),
            tax=np.zeros(n),
            stock=unknown,
            locked=np.zeros(n, dtype=bool),
            launch_date=never,
            season_end=never,
        )

    def history(self) -> History:
        """Give the whole history; cells in which everything available was sold are censored."""
        return History(
            offers=self.offers(),
            frequency="week",
            periods=self.weeks,
            units=self.units,
            price=self.price,
            censored=self.units >= self.stock,
            driver_names=("promo",),
            drivers=self.promo[None],
            events=_no_events(self.units.shape[1]),
        )

    def future(self, horizon: int) -> Future:
        """Give the `horizon` weeks after the history, at current prices and without promotion."""
        n = len(self.layout)
        return Future(
            periods=self.weeks[-1] + 7 * np.arange(1, horizon + 1),
            price=np.repeat(self.current[:, None], horizon, axis=1),
            fixed=np.zeros(n, dtype=bool),
            driver_names=("promo",),
            drivers=np.zeros((1, n, horizon)),
            events=_no_events(horizon),
        )

    def frames(self) -> dict[str, pd.DataFrame]:
        """Tables ``sales``, ``catalog`` and ``offers`` of the contract, as data frames."""
        import pandas as pd

        sku, region, category = self.layout.labels()
        periods = self.units.shape[1]
        sales = pd.DataFrame(
            {
                "date": np.tile(self.weeks, len(sku)).astype("datetime64[ns]"),
                "sku": np.repeat(sku, periods),
                "region": np.repeat(region, periods),
                "units": self.units.ravel(),
                "price": self.price.ravel(),
                "promo": self.promo.ravel().astype(int),
                "stock": self.stock.ravel(),
            }
        )
        one = np.arange(0, len(sku), self.layout.regions)
        catalog = pd.DataFrame({"sku": sku[one], "category": category[one], "cost": self.cost[one]})
        offers = pd.DataFrame({"sku": sku, "region": region, "price": self.current})
        return {"sales": sales, "catalog": catalog, "offers": offers}


def _no_events(periods: int) -> Events:
    return Events(names=(), uplift=np.empty(0), active=np.zeros((0, 1, periods), dtype=bool))
