"""The sales table on its axes: offer and period of every row, and the dense arrays made of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np

from pricebid.tables.schema import DECIDED, schema
from pricebid.tables.table import Table, Text, freeze

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pricebid.tables.axis import Axis
    from pricebid.tables.period import Period


@dataclass(frozen=True, kw_only=True, eq=False)
class Panel:
    """Sales rows placed on offers and periods.

    Parameters
    ----------
    sales : Table
        The rows.
    axis : Axis
        The offers.
    period : Period
        The calendar grid.
    absent : {"zero", "missing"}, optional
        What a row that is not there means; None: told from the data.
    """

    sales: Table
    axis: Axis
    period: Period
    absent: Literal["zero", "missing"] | None = None

    @cached_property
    def step(self) -> NDArray[np.int64]:
        """Period of each row, int64[row], 0 for the first."""
        return freeze(self.period.index(self.sales.array("date")))

    @cached_property
    def periods(self) -> NDArray[np.datetime64]:
        """First day of each period, datetime64[D][period], without gaps."""
        return freeze(self.period.start(np.arange(int(self.step.max()) + 1)))

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of offers and periods."""
        return len(self.axis), len(self.periods)

    @cached_property
    def _flat(self) -> NDArray[np.int64]:
        return freeze(self.axis.rows * len(self.periods) + self.step)

    def _dense(self, values: NDArray[np.float64], empty: float) -> NDArray[np.float64]:
        result = np.full(self.shape, empty)
        result.flat[self._flat] = values
        return result

    @cached_property
    def absent_is_none(self) -> bool:
        """Whether a row that is not there means that nothing sold."""
        if self.absent is not None:
            return self.absent == "zero"
        return not np.any(self.sales.numbers("units") == 0.0)

    @cached_property
    def units(self) -> NDArray[np.float64]:
        """Units sold, float64[offer, period]: NaN where unknown, 0 where nothing sold."""
        units = self._dense(self.sales.numbers("units"), np.nan)
        if self.absent_is_none:
            units[np.isnan(units) & self._counted] = 0.0
        return freeze(units)

    @property
    def _counted(self) -> NDArray[np.bool_]:
        """Where an absent row means that nothing sold, bool[offer, period]."""
        sku, region = self.axis.code("sku"), self.axis.code("region")
        steps = np.arange(len(self.periods))
        first = np.full(len(self.axis.label("sku")), len(steps))
        last = np.full(len(self.axis.label("sku")), -1)
        np.minimum.at(first, sku[self.axis.rows], self.step)
        np.maximum.at(last, sku[self.axis.rows], self.step)
        between = (steps >= first[sku][:, None]) & (steps <= last[sku][:, None])
        between &= (np.bincount(self.axis.rows, minlength=len(self.axis)) > 0)[:, None]
        if self.absent == "zero":
            return between
        reported = np.zeros((len(self.axis.label("region")), len(steps)), dtype=bool)
        reported[region[self.axis.rows], self.step] = True
        return between & reported[region]

    @cached_property
    def price(self) -> NDArray[np.float64]:
        """Shelf price, float64[offer, period], carried forward, then backward; NaN for offers without any price."""
        return freeze(carried(self._dense(self.sales.numbers("price"), np.nan)))

    @cached_property
    def censored(self) -> NDArray[np.bool_]:
        """Where all that was in stock was sold, bool[offer, period]."""
        sold_out = self.sales.numbers("units") >= self.sales.numbers("stock")
        return freeze(self._dense(sold_out.astype(float), 0.0) > 0.0)

    @cached_property
    def driver_names(self) -> tuple[str, ...]:
        """``promo``, ``feature``, ``discount`` where given, then the further numeric columns."""
        known = schema("sales")
        extra = [
            name
            for name, data in zip(self.sales.columns, self.sales.data, strict=True)
            if known.rule(name) is None and not isinstance(data, Text)
        ]
        return (*(name for name in DECIDED if self.sales.has(name)), *extra)

    @cached_property
    def drivers(self) -> NDArray[np.float64]:
        """Drivers, float64[driver, offer, period]; 0 where no row."""
        result = np.zeros((len(self.driver_names), *self.shape))
        for at, name in enumerate(self.driver_names):
            result[at].flat[self._flat] = self.sales.numbers(name, empty=0.0)
        return freeze(result)

    def last_value(self, name: str) -> NDArray[np.float64]:
        """Value of a driver in each offer's last row, float64[offer]; 0 for offers without any row."""
        row = self._last_row(np.ones(len(self.sales), dtype=bool))
        return np.where(row < 0, 0.0, self.sales.numbers(name, empty=0.0)[row])

    @cached_property
    def last_price(self) -> NDArray[np.float64]:
        """Last price without promotion, else the last price, float64[offer]; NaN for offers without any."""
        price = self.sales.numbers("price")
        given = ~np.isnan(price)
        usual = self._last_row(given & (self.sales.numbers("promo", empty=0.0) == 0.0))
        row = np.where(usual < 0, self._last_row(given), usual)
        return freeze(np.where(row < 0, np.nan, price[row]))

    def _last_row(self, among: NDArray[np.bool_]) -> NDArray[np.int64]:
        rows = np.flatnonzero(among)
        place = self.axis.rows[rows] * (len(self.periods) + 1) + self.step[rows]
        order = np.argsort(place, kind="stable")
        ends = np.searchsorted(place[order], np.arange(1, len(self.axis) + 1) * (len(self.periods) + 1)) - 1
        found = rows[order[np.maximum(ends, 0)]] if len(rows) else np.full(len(self.axis), -1)
        mine = (ends >= 0) & (self.axis.rows[found] == np.arange(len(self.axis))) if len(rows) else found >= 0
        return np.where(mine, found, -1)

    def recent_units(self, count: int) -> NDArray[np.float64]:
        """Units over the last ``count`` periods, float64[offer]."""
        recent = self.step >= len(self.periods) - count
        units = self.sales.numbers("units")[recent]
        total = np.bincount(self.axis.rows[recent], units, minlength=len(self.axis))
        return total.astype(np.float64)


def carried(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Fill NaN along the last axis with the value before it, then with the value after it, float64[row, period]."""
    for direction in (1, -1):
        turned = values[:, ::direction]
        at = np.where(np.isnan(turned), 0, np.arange(turned.shape[1]))
        np.maximum.accumulate(at, axis=1, out=at)
        values = np.take_along_axis(turned, at, axis=1)[:, ::direction]
    return np.ascontiguousarray(values)
