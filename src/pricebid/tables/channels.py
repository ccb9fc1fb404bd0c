"""The tables ``channels``, ``touches`` and ``orders`` as frozen arrays."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from pricebid.errors import Fault, TableError
from pricebid.tables.period import infer_period
from pricebid.tables.table import freeze

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pricebid.tables.arrays import Frequency
    from pricebid.tables.table import Table


@dataclass(frozen=True, kw_only=True, eq=False)
class ChannelHistory:
    """What was spent per channel and period, and what each channel is credited with.

    Parameters
    ----------
    channels : object[channel]
        Labels, sorted.
    frequency : {"day", "week", "month"}
        Length of a period.
    periods : datetime64[D][period]
        First day of each period; regular.
    spend : float64[channel, period]
        Money; 0 where the table has no row.
    conversions, revenue, new_customers : float64[channel, period], optional
        As the table credits them to the channel; 0 where a channel has no row in a period, NaN where a cell is empty or
        where the period has no row at all. None where the table lacks the column.
    """

    channels: NDArray[np.object_]
    frequency: Frequency
    periods: NDArray[np.datetime64]
    spend: NDArray[np.float64]
    conversions: NDArray[np.float64] | None = None
    revenue: NDArray[np.float64] | None = None
    new_customers: NDArray[np.float64] | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Touches:
    """Touchpoints in the order in which each customer met them.

    Sorted by customer, then time; at one moment in the order of the file, conversions last.

    Parameters
    ----------
    channels : object[channel]
        Labels, sorted.
    customer : int32[touch]
        Number of the customer.
    time : datetime64[s][touch]
        When it was.
    channel : int32[touch]
        Position in ``channels``.
    converted : bool[touch]
        The touch led to a conversion.
    value : float64[touch]
        Money of the conversion; 0 where there is none or it is not known.
    cost : float64[touch], optional
        Money paid for the touch; None where the table lacks the column.
    """

    channels: NDArray[np.object_]
    customer: NDArray[np.int32]
    time: NDArray[np.datetime64]
    channel: NDArray[np.int32]
    converted: NDArray[np.bool_]
    value: NDArray[np.float64]
    cost: NDArray[np.float64] | None = None

    def __len__(self) -> int:
        return len(self.channel)


@dataclass(frozen=True, kw_only=True, eq=False)
class Purchases:
    """Order lines, without those that came back.

    Parameters
    ----------
    customer : int32[line]
        Number of the customer.
    day : datetime64[D][line]
        Day of the order.
    money : float64[line]
        units x (price - discount).
    channel : int32[line]
        Position in ``channels`` of the channel that brought the order.
    channels : object[channel]
        Labels, sorted; ``""`` where the table does not say.
    """

    customer: NDArray[np.int32]
    day: NDArray[np.datetime64]
    money: NDArray[np.float64]
    channel: NDArray[np.int32]
    channels: NDArray[np.object_]


def channel_history(table: Table, *, period: Frequency | None = None) -> ChannelHistory:
    """Return the table ``channels`` as dense arrays over channels and periods.

    Parameters
    ----------
    table : Table
        Checked.
    period : {"day", "week", "month"}, optional
        Length of a period, where it is known; told from the dates otherwise.

    Raises
    ------
    TableError
        The dates are no regular days, weeks or months.
    """
    dates, channel = table.array("date"), table.text("channel")
    try:
        grid = infer_period(dates, given=period)
    except TableError as error:
        raise TableError([replace(fault, table="channels") for fault in error.faults]) from None
    at = grid.index(dates)
    shape = (len(channel.labels), int(at.max()) + 1)
    silent = np.bincount(at, minlength=shape[1]) == 0

    def dense(name: str) -> NDArray[np.float64]:
        array = np.zeros(shape)
        array[channel.codes, at] = table.array(name)
        if name != "spend":
            array[:, silent] = np.nan
        return freeze(array)

    return ChannelHistory(
        channels=channel.labels,
        frequency=grid.frequency,
        periods=freeze(grid.start(np.arange(shape[1]))),
        spend=dense("spend"),
        conversions=dense("conversions") if table.has("conversions") else None,
        revenue=dense("revenue") if table.has("revenue") else None,
        new_customers=dense("new_customers") if table.has("new_customers") else None,
    )


def touch_history(table: Table) -> Touches:
    """Return the table ``touches``, sorted by customer and time.

    Raises
    ------
    TableError
        The table does not say which touches converted, or none did: there is nothing to attribute.
    """
    converted = table.numbers("converted", empty=0.0) > 0
    if not converted.any():
        wrong = "has no row with 1" if table.has("converted") else "is not there"
        message = f"{wrong}; attribution needs to know which touches led to a conversion: write 1 there"
        raise TableError([Fault(table="touches", column="converted", message=message)])
    customer, channel = table.text("customer").codes, table.text("channel")
    time = table.array("time").astype("datetime64[s]")
    order = np.lexsort((converted, time, customer))
    value = np.where(converted, table.numbers("value", empty=0.0), 0.0)
    return Touches(
        channels=channel.labels,
        customer=freeze(customer[order]),
        time=freeze(time[order]),
        channel=freeze(channel.codes[order]),
        converted=freeze(converted[order]),
        value=freeze(value[order]),
        cost=freeze(table.numbers("cost", empty=0.0)[order]) if table.has("cost") else None,
    )


def purchases(table: Table) -> Purchases:
    """Return the table ``orders`` without the lines that came back."""
    kept = table.numbers("returned", empty=0.0) == 0.0
    channel = table.labels("channel")
    money = table.array("units") * (table.array("price") - table.numbers("discount", empty=0.0))
    return Purchases(
        customer=freeze(table.text("customer").codes[kept]),
        day=freeze(table.array("time").astype("datetime64[D]")[kept]),
        money=freeze(money[kept]),
        channel=freeze(channel.codes[kept]),
        channels=channel.labels,
    )
