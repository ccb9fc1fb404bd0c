"""A long sales frame as the dense `History` that the demand model meets, without going through a shop folder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from pricebid.tables.arrays import Events, History, Offers

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from pricebid.tables.arrays import Frequency

STEP: Mapping[Frequency, str] = {"day": "D", "week": "7D", "month": "MS"}


@dataclass(frozen=True, kw_only=True)
class Spec:
    """How a long frame becomes a panel.

    Parameters
    ----------
    frequency : {"day", "week", "month"}
        Length of a period.
    drivers : tuple of str
        Columns of the frame that are drivers.
    zero_when_absent : bool
        An absent row means nothing sold, between the first and the last row of the offer and only in periods in
        which the region has some row; else it means unknown.
    """

    frequency: Frequency
    drivers: tuple[str, ...] = ()
    zero_when_absent: bool = False


def no_events(periods: int) -> Events:
    """Give the events of a panel that has none."""
    return Events(names=(), uplift=np.empty(0), active=np.zeros((0, 1, periods), dtype=bool))


def plain_offers(keys: pd.DataFrame, current: NDArray[np.float64]) -> Offers:
    """Offers with what `keys` knows of them (sku, region, category, cost, ...) and nothing else.

    Parameters
    ----------
    keys : DataFrame
        One row per offer in order, with ``sku``, ``region`` and, where known, ``category``, ``brand``, ``size``, ``cost``.
    current : float64[offer]
        Current price.
    """
    n = len(keys)

    def text(name: str) -> NDArray[np.object_]:
        return keys[name].astype(str).to_numpy(dtype=object) if name in keys else np.full(n, "", dtype=object)

    def number(name: str, default: float = np.nan) -> NDArray[np.float64]:
        return keys[name].to_numpy(dtype=float) if name in keys else np.full(n, default)

    never = np.full(n, np.datetime64("NaT", "D"), dtype="datetime64[D]")
    return Offers(
        columns=("sku", "region"),
        labels=(text("sku"), text("region")),
        category=text("category"),
        brand=text("brand"),
        role=text("role"),
        stage=text("stage"),
        size=number("size"),
        current_price=current,
        list_price=number("list_price"),
        min_price=number("min_price"),
        max_price=number("max_price"),
        map_price=number("map_price"),
        cost=number("cost"),
        shipping_cost=number("shipping_cost", 0.0),
        tax=number("tax", 0.0),
        stock=number("stock"),
        locked=np.zeros(n, dtype=bool),
        launch_date=never,
        season_end=never,
    )


def history_of(frame: pd.DataFrame, spec: Spec) -> History:
    """Lay a long frame out as a panel.

    Parameters
    ----------
    frame : DataFrame
        Columns ``date``, ``sku``, ``region``, ``units``, ``price``, the drivers of the spec and, where known,
        ``category``, ``brand``, ``size``, ``cost`` (constant per offer; the last is taken).
    spec : Spec
        Frequency, drivers and the meaning of an absent row.
    """
    frame = frame.assign(sku=frame["sku"].astype(str), region=frame["region"].astype(str))
    known = [name for name in ("category", "brand", "size", "cost") if name in frame]
    keys = frame.sort_values("date").groupby(["sku", "region"], sort=True)[known].last().reset_index()
    offer = pd.MultiIndex.from_frame(keys[["sku", "region"]]).get_indexer(
        pd.MultiIndex.from_frame(frame[["sku", "region"]])
    )
    periods = pd.date_range(frame["date"].min(), frame["date"].max(), freq=STEP[spec.frequency])
    when = periods.get_indexer(pd.DatetimeIndex(frame["date"]))
    if (when < 0).any():
        raise ValueError(f"{int((when < 0).sum())} dates are not on the regular {spec.frequency} grid")

    def dense(values: pd.Series, fill: float) -> NDArray[np.float64]:
        out = np.full((len(keys), len(periods)), fill)
        out[offer, when] = values.to_numpy(dtype=float)
        return out

    units = dense(frame["units"], np.nan)
    if spec.zero_when_absent:
        units = _zeros_between(units, keys["region"].to_numpy(dtype=object))
    raw_price = dense(frame["price"], np.nan)
    price = pd.DataFrame(raw_price).ffill(axis=1).bfill(axis=1).to_numpy()
    drivers = np.zeros((len(spec.drivers), len(keys), len(periods)))
    for row, name in enumerate(spec.drivers):
        drivers[row] = dense(frame[name], 0.0)
    return History(
        offers=plain_offers(keys, _last_regular(raw_price, drivers, spec.drivers)),
        frequency=spec.frequency,
        periods=periods.to_numpy().astype("datetime64[D]"),
        units=units,
        price=price,
        censored=np.zeros(units.shape, dtype=bool),
        driver_names=spec.drivers,
        drivers=drivers,
        events=no_events(len(periods)),
    )


def _zeros_between(units: NDArray[np.float64], region: NDArray[np.object_]) -> NDArray[np.float64]:
    seen = np.isfinite(units)
    inside = (np.cumsum(seen, axis=1) > 0) & (np.cumsum(seen[:, ::-1], axis=1)[:, ::-1] > 0)
    names, code = np.unique(region.astype(str), return_inverse=True)
    open_there = np.zeros((len(names), units.shape[1]), dtype=bool)
    np.logical_or.at(open_there, code, seen)
    return np.where(~seen & inside & open_there[code], 0.0, units)


def _last_regular(
    price: NDArray[np.float64], drivers: NDArray[np.float64], names: tuple[str, ...]
) -> NDArray[np.float64]:
    """Last observed price without promotion, float64[offer]; the last price where all were promoted."""
    promoted = drivers[names.index("promo")] > 0 if "promo" in names else np.zeros(price.shape, dtype=bool)
    regular = np.where(promoted, np.nan, price)
    last = pd.DataFrame(regular).ffill(axis=1).iloc[:, -1].to_numpy(dtype=float)
    fallback = pd.DataFrame(price).ffill(axis=1).iloc[:, -1].to_numpy(dtype=float)
    return np.where(np.isfinite(last), last, fallback)
