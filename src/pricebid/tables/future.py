"""What is known of the periods to come: planned prices and drivers, calendar events; and what rivals asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pricebid.tables.arrays import Competitors, Events, Future, Offers
from pricebid.tables.axis import Axis, combined
from pricebid.tables.table import Table, freeze

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pricebid.tables.panel import Panel
    from pricebid.tables.period import Period


def build_future(
    axis: Axis,
    panel: Panel,
    offers: Offers,
    periods: NDArray[np.datetime64],
    *,
    planned: Table | None,
    calendar: Table | None,
) -> Future:
    """Lay planned rows over the current prices and no promotion; rows with a region over those without."""
    shape = (len(axis), len(periods))
    price = np.repeat(offers.current_price[:, None], len(periods), axis=1)
    drivers = np.zeros((len(panel.driver_names), *shape))
    for at, name in enumerate(panel.driver_names):
        if name not in ("promo", "feature", "discount"):
            drivers[at] = panel.last_value(name)[:, None]
    fixed = np.zeros(len(axis), dtype=bool)
    if planned is not None:
        row, offer, step = _placed(axis, panel.period, periods, planned)
        fixed = _lay(price, planned.numbers("price")[row], offer, step)
        for at, name in enumerate(panel.driver_names):
            _lay(drivers[at], planned.numbers(name)[row], offer, step)
    return Future(
        periods=freeze(periods),
        price=freeze(price),
        fixed=freeze(fixed),
        driver_names=panel.driver_names,
        drivers=freeze(drivers),
        events=build_events(axis, panel.period, periods, calendar),
    )


def _lay(
    target: NDArray[np.float64], values: NDArray[np.float64], offer: NDArray[np.int64], step: NDArray[np.int64]
) -> NDArray[np.bool_]:
    given = ~np.isnan(values)
    target[offer[given], step[given]] = values[given]
    touched = np.zeros(len(target), dtype=bool)
    touched[offer[given]] = True
    return touched


def _placed(
    axis: Axis, period: Period, periods: NDArray[np.datetime64], planned: Table
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Planned row, offer and step of every cell that a planned row speaks of; rows for every region first."""
    step = period.index(planned.array("date")) - period.index(periods[:1])
    regions = planned.labels("region")
    silent = (regions.labels == "")[regions.codes]
    sku = planned.labels("sku").code_in(axis.label("sku"))
    region = regions.code_in(axis.label("region"))
    size = len(axis.label("region"))
    offer_key = combined([axis.code("sku"), axis.code("region")], [len(axis.label("sku")), size])
    low = sku * size + np.where(silent, 0, region)
    high = low + np.where(silent, size, 1)
    use = (step >= 0) & (step < len(periods)) & (sku >= 0) & (silent | (region >= 0))
    rows = np.concatenate([np.flatnonzero(use & silent), np.flatnonzero(use & ~silent)])
    start = np.searchsorted(offer_key, low[rows])
    count = np.searchsorted(offer_key, high[rows]) - start
    row = np.repeat(rows, count)
    offset = np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)
    return row, np.repeat(start, count) + offset, step[row]


def build_events(axis: Axis, period: Period, periods: NDArray[np.datetime64], calendar: Table | None) -> Events:
    """Place the calendar's events on periods; see :class:`~pricebid.tables.arrays.Events`."""
    if calendar is None or len(periods) == 0:
        return Events(names=(), uplift=freeze(np.empty(0)), active=freeze(np.zeros((0, 1, len(periods)), dtype=bool)))
    event = calendar.text("event")
    region = calendar.labels("region")
    step = period.index(calendar.array("date")) - int(period.index(periods[:1])[0])
    inside = (step >= 0) & (step < len(periods))
    names = event.labels
    everywhere = (region.labels == "")[region.codes]
    all_regions = bool(everywhere.all())
    size = 1 if all_regions else len(axis.label("region"))
    active = np.zeros((len(names), size, len(periods)), dtype=bool)
    wide = inside & everywhere
    active[event.codes[wide], :, step[wide]] = True
    at = region.code_in(axis.label("region"))
    local = inside & ~everywhere & (at >= 0)
    if local.any():
        active[event.codes[local], at[local], step[local]] = True
    if not all_regions:
        active = active[:, axis.code("region"), :]
    return Events(names=tuple(names), uplift=freeze(_uplift(calendar, len(names))), active=freeze(active))


def _uplift(calendar: Table, count: int) -> NDArray[np.float64]:
    """Geometric mean of the guesses given for each event, float64[event]; NaN where none."""
    codes, guess = calendar.text("event").codes, calendar.numbers("uplift")
    given = ~np.isnan(guess)
    total = np.bincount(codes[given], np.log(guess[given]), minlength=count)
    many = np.bincount(codes[given], minlength=count)
    return np.where(many > 0, np.exp(total / np.maximum(many, 1)), np.nan)


def build_competitors(table: Table | None) -> Competitors:
    """Make the frozen arrays of rivals' delivered prices; empty without the table."""
    if table is None:
        nothing = np.empty(0, dtype=object)
        return Competitors(
            date=freeze(np.empty(0, dtype="datetime64[D]")),
            sku=freeze(nothing),
            region=freeze(nothing.copy()),
            competitor=freeze(nothing.copy()),
            price=freeze(np.empty(0)),
            in_stock=freeze(np.empty(0, dtype=bool)),
        )
    return Competitors(
        date=table.array("date"),
        sku=table.array("sku"),
        region=table.labels("region").rows,
        competitor=table.array("competitor"),
        price=freeze(table.numbers("price") + table.numbers("shipping_cost", empty=0.0)),
        in_stock=freeze(table.numbers("in_stock", empty=1.0) > 0.0),
    )
