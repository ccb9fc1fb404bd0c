"""Frozen labelled arrays: what a shop folder becomes once it has been read and checked.

Axis names used throughout: ``offer`` (sku x region x ...), ``period`` (history), ``step`` (future), ``driver``, ``event``.
Nothing here knows pandas.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Frequency = Literal["day", "week", "month"]


@dataclass(frozen=True, kw_only=True)
class Offers:
    """The decisions of a shop: one row per sku x region (x hour x segment x channel), with what is known of each.

    Parameters
    ----------
    columns : tuple of str
        Key columns, ``sku`` and ``region`` first.
    labels : tuple of object[offer]
        One array of labels (str) per key column; rows are unique and sorted by label.
    category, brand, role, stage : object[offer]
        Labels (str); empty where unknown.
    size : float64[offer]
        Pack size; NaN where unknown.
    current_price, list_price, min_price, max_price, map_price : float64[offer]
        Money per unit, tax included; NaN where not given (``current_price`` always is).
    cost : float64[offer]
        Unit cost in money; NaN where not given.
    shipping_cost : float64[offer]
        Money per unit sold; 0 where not given.
    tax : float64[offer]
        Tax rate included in the price.
    stock : float64[offer]
        Units that can be sold over the horizon (stock + inbound; a sku's stock is shared out over its offers);
        NaN where unlimited.
    locked : bool[offer]
        The price stays.
    launch_date, season_end : datetime64[D][offer]
        NaT where not given.
    """

    columns: tuple[str, ...]
    labels: tuple[NDArray[np.object_], ...]
    category: NDArray[np.object_]
    brand: NDArray[np.object_]
    role: NDArray[np.object_]
    stage: NDArray[np.object_]
    size: NDArray[np.float64]
    current_price: NDArray[np.float64]
    list_price: NDArray[np.float64]
    min_price: NDArray[np.float64]
    max_price: NDArray[np.float64]
    map_price: NDArray[np.float64]
    cost: NDArray[np.float64]
    shipping_cost: NDArray[np.float64]
    tax: NDArray[np.float64]
    stock: NDArray[np.float64]
    locked: NDArray[np.bool_]
    launch_date: NDArray[np.datetime64]
    season_end: NDArray[np.datetime64]

    def __len__(self) -> int:
        return len(self.labels[0])

    def label(self, column: str) -> NDArray[np.object_]:
        """Labels of one key column, object[offer]; KeyError where the shop has no such key."""
        if column not in self.columns:
            raise KeyError(column)
        return self.labels[self.columns.index(column)]

    @property
    def sku(self) -> NDArray[np.object_]:
        """Sku labels, object[offer]."""
        return self.label("sku")

    @property
    def region(self) -> NDArray[np.object_]:
        """Region labels, object[offer]."""
        return self.label("region")


@dataclass(frozen=True, kw_only=True)
class Events:
    """Calendar events, known ahead.

    Parameters
    ----------
    names : tuple of str
        One name per distinct event.
    uplift : float64[event]
        Prior guess of the factor on demand; NaN where not given.
    active : bool[event, offer, period]
        True in the periods (history or future) that contain a date of the event in the offer's region. The offer
        axis has length 1 where every event is for all regions.
    """

    names: tuple[str, ...]
    uplift: NDArray[np.float64]
    active: NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class History:
    """Sales history as a dense panel.

    Parameters
    ----------
    offers : Offers
        The offer axis.
    frequency : {"day", "week", "month"}
        Length of a period.
    periods : datetime64[D][period]
        First day of each period; regular and without gaps.
    units : float64[offer, period]
        Units sold; NaN where missing (unknown), 0 where nothing sold.
    price : float64[offer, period]
        Average shelf price; carried forward (then backward) through periods without a row; never NaN for an offer
        with any row.
    censored : bool[offer, period]
        Units equal the stock available: demand was at least this.
    driver_names : tuple of str
        ``promo``, ``feature``, ``discount`` where the table has them, then the numeric drivers.
    drivers : float64[driver, offer, period]
        0 where no row.
    events : Events
        Calendar events over the history.
    """

    offers: Offers
    frequency: Frequency
    periods: NDArray[np.datetime64]
    units: NDArray[np.float64]
    price: NDArray[np.float64]
    censored: NDArray[np.bool_]
    driver_names: tuple[str, ...]
    drivers: NDArray[np.float64]
    events: Events


@dataclass(frozen=True, kw_only=True)
class Future:
    """What is decided or known for the periods to come, for the offers of a History in the same order.

    Parameters
    ----------
    periods : datetime64[D][step]
        First day of each period to forecast.
    price : float64[offer, step]
        The planned price, else the current price.
    fixed : bool[offer]
        The price is planned in some step: it is not optimised.
    driver_names : tuple of str
        As in the History.
    drivers : float64[driver, offer, step]
        As planned; 0 (no promotion) else, and for other numeric drivers their last value.
    events : Events
        The same events as in the History, over the steps.
    """

    periods: NDArray[np.datetime64]
    price: NDArray[np.float64]
    fixed: NDArray[np.bool_]
    driver_names: tuple[str, ...]
    drivers: NDArray[np.float64]
    events: Events


@dataclass(frozen=True, kw_only=True)
class Competitors:
    """What rivals asked, one row per observation.

    Parameters
    ----------
    date : datetime64[D][row]
        Day of the observation.
    sku : object[row]
        Our sku.
    region : object[row]
        Region label; ``""`` holds in every region.
    competitor : object[row]
        Who asks the price; our own shop may be among them (the policy's ``market.own`` leaves it out).
    price : float64[row]
        Delivered price in money: price plus shipping cost.
    in_stock : bool[row]
        The rival could deliver; True where not given.
    """

    date: NDArray[np.datetime64]
    sku: NDArray[np.object_]
    region: NDArray[np.object_]
    competitor: NDArray[np.object_]
    price: NDArray[np.float64]
    in_stock: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.date)
