"""Rolling origins: what was known before each block, what the block gives away, and what happened in it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from pricebid.demand.window import before
from pricebid.tables.arrays import Future, History

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

ORIGINS = 4


@dataclass(frozen=True, kw_only=True)
class Block:
    """One origin.

    Parameters
    ----------
    train : History
        All periods before the block.
    future : Future
        Prices, promotions and features of the block, which count as planned.
    actual : float64[offer, step]
        Units of the block; NaN where not observed.
    """

    train: History
    future: Future
    actual: NDArray[np.float64]


def blocks(history: History, horizon: int, origins: int = ORIGINS) -> Iterator[Block]:
    """Give non-overlapping blocks at the end of the history, the earliest first."""
    periods = len(history.periods)
    for back in range(origins, 0, -1):
        start = periods - back * horizon
        yield Block(
            train=before(history, start),
            future=_future(history, start, start + horizon),
            actual=history.units[:, start : start + horizon],
        )


def _future(history: History, start: int, stop: int) -> Future:
    return Future(
        periods=history.periods[start:stop],
        price=history.price[:, start:stop],
        fixed=np.ones(len(history.offers), dtype=bool),
        driver_names=history.driver_names,
        drivers=history.drivers[:, :, start:stop],
        events=replace(history.events, active=history.events.active[:, :, start:stop]),
    )


@dataclass(frozen=True, kw_only=True)
class Accuracy:
    """How good forecasts were over the observed cells of all blocks.

    Parameters
    ----------
    wape : float
        Sum of absolute errors of the median over the sum of units.
    bias : float
        Sum of errors of the mean over the sum of units.
    coverage : float
        Share of cells inside p10 to p90; NaN where no interval was given.
    """

    wape: float
    bias: float
    coverage: float


def accuracy(
    actual: NDArray[np.float64],
    *,
    median: NDArray[np.float64],
    mean: NDArray[np.float64],
    interval: tuple[NDArray[np.float64], NDArray[np.float64]] | None = None,
) -> Accuracy:
    """Compare forecasts with what happened; arrays of one shape, cells with NaN actual are left out."""
    seen = np.isfinite(actual)
    total = actual[seen].sum()
    inside = np.nan
    if interval is not None:
        low, high = interval
        inside = float(((actual >= low) & (actual <= high))[seen].mean())
    return Accuracy(
        wape=float(np.abs(median - actual)[seen].sum() / total),
        bias=float((mean - actual)[seen].sum() / total),
        coverage=inside,
    )
