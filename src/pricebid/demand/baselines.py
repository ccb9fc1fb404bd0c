"""Simple forecasters that any model must beat, given the same block; ranges come from their own past errors.

All work on log(1 + units). Their median serves as their mean, as it does in a spreadsheet.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pricebid.demand.features import codes
from pricebid.demand.scores import Predicted

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pricebid.tables.arrays import Frequency, Future, History

# Same weekday, same week of last year, same month of last year.
_LAG: dict[Frequency, int] = {"day": 7, "week": 52, "month": 12}
_NORMAL_90 = 1.2815515655446004
_WEIGHT_OF_ALL = 5.0
_RIDGE = 1e-2


def naive(train: History, future: Future) -> Predicted:
    """Repeat the last value observed.

    Parameters
    ----------
    train : History
        What is known.
    future : Future
        The block; only its length is used.
    """
    logs = np.log1p(_carried(train.units))
    steps = len(future.periods)
    seen = np.isfinite(train.units)
    spread = np.stack([_spread(_change(logs, seen, h)) for h in range(1, steps + 1)], axis=1)
    return _around(np.repeat(logs[:, -1:], steps, axis=1), spread)


def has_season(train: History) -> bool:
    """Whether the history is long enough to look a season back."""
    return len(train.periods) > _LAG[train.frequency]


def seasonal_naive(train: History, future: Future) -> Predicted:
    """Repeat the same period of a year ago (for days, of a week ago); the last value where that was not observed.

    Parameters
    ----------
    train : History
        What is known; at least a season.
    future : Future
        The block; only its length is used.
    """
    lag, periods = _LAG[train.frequency], len(train.periods)
    logs = np.log1p(_carried(train.units))
    ahead = np.arange(len(future.periods))
    seen = np.isfinite(train.units)
    at = periods - lag + ahead % lag
    middle = np.where(seen[:, at], logs[:, at], logs[:, -1:])
    spread = _spread(_change(logs, seen, lag))
    return _around(middle, np.repeat(spread[:, None], len(ahead), axis=1))


def log_log(train: History, future: Future) -> Predicted:
    """Pooled log-log regression: a level per offer; per category slopes of own price, the category's price and drivers.

    Parameters
    ----------
    train : History
        What is known.
    future : Future
        Prices and drivers of the block.
    """
    seen = np.isfinite(train.units)
    offers = train.offers
    category = codes(offers.category)
    place = codes(offers.category, *(offers.label(c) for c in offers.columns if c != "sku"))
    past, ahead = (_columns(part.price, part.drivers, train.driver_names, place) for part in (train, future))
    weight = seen / np.maximum(seen.sum(1), 1)[:, None]
    y = np.log1p(np.where(seen, train.units, 0.0))
    level, centre = (y * weight).sum(1), (past * weight).sum(2)
    gap = np.where(seen, y - level[:, None], 0.0)
    x = np.where(seen, past - centre[:, :, None], 0.0)
    many = int(category.max()) + 1
    matrix, vector = np.zeros((many, len(x), len(x))), np.zeros((many, len(x)))
    np.add.at(matrix, category, np.einsum("int,jnt->nij", x, x))
    np.add.at(vector, category, np.einsum("int,nt->ni", x, gap))
    slope = np.linalg.solve(matrix + _RIDGE * np.eye(len(x)), vector[:, :, None])[category, :, 0]
    rest = np.where(seen, gap - np.einsum("ni,int->nt", slope, x), np.nan)
    middle = level[:, None] + np.einsum("ni,int->nt", slope, ahead - centre[:, :, None])
    return _around(middle, np.repeat(_spread(rest)[:, None], middle.shape[1], axis=1))


def _columns(
    price: NDArray[np.float64], drivers: NDArray[np.float64], names: tuple[str, ...], place: NDArray[np.intp]
) -> NDArray[np.float64]:
    """Own log price, mean log price of the place, drivers (a discount as a share of price): [column, offer, time]."""
    known = np.isfinite(price)
    own = np.log(np.where(known, price, 1.0))
    total, count = (np.zeros((int(place.max()) + 1, price.shape[1])) for _ in range(2))
    np.add.at(total, place, own)
    np.add.at(count, place, known)
    mean = (total / np.maximum(count, 1))[place]
    cut = np.where(known, price, 1.0)
    return np.stack(
        [own, mean, *(d / cut if name == "discount" else d for name, d in zip(names, drivers, strict=True))]
    )


def _carried(units: NDArray[np.float64]) -> NDArray[np.float64]:
    """Carry each offer's last observed value forward; 0 before its first."""
    at = np.where(np.isfinite(units), np.arange(units.shape[1]), -1)
    np.maximum.accumulate(at, axis=1, out=at)
    return np.where(at >= 0, np.take_along_axis(units, np.maximum(at, 0), axis=1), 0.0)


def _change(logs: NDArray[np.float64], seen: NDArray[np.bool_], lag: int) -> NDArray[np.float64]:
    """Change over some periods where both ends were observed, else NaN."""
    both = seen[:, lag:] & seen[:, : max(seen.shape[1] - lag, 0)]
    return np.where(both, logs[:, lag:] - logs[:, : max(logs.shape[1] - lag, 0)], np.nan)


def _spread(errors: NDArray[np.float64]) -> NDArray[np.float64]:
    """Root mean square of each offer's errors, drawn to that of all offers, float64[offer]."""
    seen = np.isfinite(errors)
    square, count = (np.where(seen, errors, 0.0) ** 2).sum(1), seen.sum(1)
    common = square.sum() / count.sum() if count.sum() else 1.0
    return np.asarray(np.sqrt((square + _WEIGHT_OF_ALL * common) / (count + _WEIGHT_OF_ALL)))


def _around(middle: NDArray[np.float64], spread: NDArray[np.float64]) -> Predicted:
    """Log-normal range around a median on the scale of log(1 + units)."""
    low, median, high = (np.maximum(np.expm1(middle + z * spread), 0.0) for z in (-_NORMAL_90, 0.0, _NORMAL_90))
    return Predicted(mean=median, p10=low, p50=median, p90=high)
