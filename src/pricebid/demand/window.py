"""Parts of a history: what was known before a period, and the block to forecast after it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from pricebid.demand.features import filled
from pricebid.tables.arrays import Events, Future, History

if TYPE_CHECKING:
    from numpy.typing import NDArray


def before(history: History, start: int) -> History:
    """Give the history before period ``start``; nothing of what comes later is in it."""
    return replace(
        history,
        periods=history.periods[:start],
        units=history.units[:, :start],
        price=history.price[:, :start],
        censored=history.censored[:, :start],
        drivers=history.drivers[:, :, :start],
        events=_events(history.events, slice(0, start)),
    )


def _events(events: Events, part: slice) -> Events:
    return replace(events, active=events.active[:, :, part])


def block(
    history: History, start: int, length: int, known: tuple[str, ...] = ("promo", "feature", "discount")
) -> tuple[Future, NDArray[np.float64]]:
    """Give the ``length`` periods from ``start`` as a future with known prices and drivers, and what was sold in them.

    Drivers not in ``known`` keep their last value of before, as in a real forecast. Offers without a price in any period
    have their current one.
    """
    part = slice(start, start + length)
    drivers = history.drivers[:, :, part].copy()
    for d, name in enumerate(history.driver_names):
        if name not in known:
            drivers[d] = history.drivers[d, :, start - 1, None]
    future = Future(
        periods=history.periods[part],
        price=filled(history.price[:, part], history.offers.current_price),
        fixed=np.zeros(len(history.offers), dtype=bool),
        driver_names=history.driver_names,
        drivers=drivers,
        events=_events(history.events, part),
    )
    return future, history.units[:, part]
