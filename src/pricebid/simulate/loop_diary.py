"""What a seller has written down so far: a shop that grows by one day at a time, and the model kept up to date with it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from pricebid.demand.fit import calibrate, model_of
from pricebid.demand.fitting import fit_panel
from pricebid.demand.panel import make_panel
from pricebid.simulate.loop_market import FIRST_DAY

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from pricebid.demand import DemandModel
    from pricebid.demand.fitting import Fitted
    from pricebid.simulate.layout import Layout
    from pricebid.tables import Shop
    from pricebid.tables.arrays import History

    Floats = NDArray[np.float64]

_AD_DAYS = 84  # reports kept: rivals' bids move on


@dataclass(frozen=True, kw_only=True, eq=False)
class Diary:
    """Sales and prices of every day so far.

    Parameters
    ----------
    layout : Layout
        Offers, sorted by sku and region.
    units, price : float64[offer, day]
        Units sold and shelf prices.
    least, most : float64[offer]
        Prices may not leave this corridor, in money.
    reports : tuple of DataFrame
        Rows of the table ``keywords``: the history, then one part per day; none without ads.
    """

    layout: Layout
    units: Floats
    price: Floats
    least: Floats
    most: Floats
    reports: tuple[pd.DataFrame, ...] = ()

    def after(self, price: Floats, units: Floats, report: pd.DataFrame | None = None) -> Diary:
        """Return the diary with one more day: prices and units, float64[offer] each, and the ad report."""
        return replace(
            self,
            price=np.concatenate([self.price, price[:, None]], axis=1),
            units=np.concatenate([self.units, units[:, None]], axis=1),
            reports=self.reports if report is None else (*self.reports, report),
        )

    def shop(self, *, price: Floats, cost: Floats, window: int | None = None) -> Shop:
        """Return the shop as it stands: tables ``sales``, ``catalog``, ``offers`` and perhaps ``keywords``.

        Parameters
        ----------
        price, cost : float64[offer]
            The plan in force, and today's unit costs.
        window : int, optional
            Only the latest days; all where not given.
        """
        import pandas as pd

        from pricebid.tables import Shop

        sku, region, category = self.layout.labels()
        days = self.units.shape[1]
        kept = days if window is None else min(window, days)
        dates = FIRST_DAY + np.arange(days - kept, days)
        sales = pd.DataFrame(
            {
                "date": np.tile(dates, len(sku)).astype("datetime64[ns]"),
                "sku": np.repeat(sku, kept),
                "region": np.repeat(region, kept),
                "units": self.units[:, days - kept :].ravel(),
                "price": self.price[:, days - kept :].ravel(),
            }
        )
        one = np.arange(0, len(sku), self.layout.regions)
        offers = pd.DataFrame(
            {
                "sku": sku,
                "region": region,
                "price": price,
                "cost": cost,
                "min_price": self.least,
                "max_price": self.most,
            }
        )
        catalog = pd.DataFrame({"sku": sku[one], "category": category[one]})
        frames = {"sales": sales, "catalog": catalog, "offers": offers}
        if self.reports:
            keywords = pd.concat(self.reports, ignore_index=True)
            since = str(FIRST_DAY + max(days - _AD_DAYS, 0))
            frames["keywords"] = keywords[keywords["date"] >= since]
        return Shop.from_frames(frames)


@dataclass(frozen=True, kw_only=True, eq=False)
class Nightly:
    """A demand model that is kept up to date.

    Parameters
    ----------
    every : int
        Nights between fits from scratch. In between, the last one's variances, price scale and calibration are taken over, and
        everything else is fitted to all the days so far, which takes a tenth of the time.
    base : Fitted, optional
        The last fit from scratch.
    model : DemandModel, optional
        What came of it, with its calibration.
    age : int
        Fits since then.
    """

    every: int = 28
    base: Fitted | None = None
    model: DemandModel | None = None
    age: int = 0

    def after(self, history: History, *, nights: int = 1) -> Nightly:
        """Return the model fitted to a history, ``nights`` after the one before."""
        if self.base is None or self.model is None or self.age + nights >= self.every:
            base = fit_panel(make_panel(history))
            model = replace(model_of(base), calibration=calibrate(history, base))
            return replace(self, base=base, model=model, age=0)
        recipe, calibration = self.model.recipe, self.model.calibration
        fitted = fit_panel(make_panel(history, recipe.curvature, recipe.pull), like=self.base)
        return replace(self, model=replace(model_of(fitted), calibration=calibration), age=self.age + nights)
