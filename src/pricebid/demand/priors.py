"""What is believed of slopes before any data: weakly, from the literature's range, the same for every shop."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from pricebid.demand.hierarchy import Spread

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Belief(NamedTuple):
    """Prior of one slope: root mean, and standard deviations of category, sku and series around their parents."""

    mean: float
    category: float
    sku: float
    series: float


# Own elasticity: the meta-analysis of Bijmolt, van Heerde and Pieters (2005) has mean -2.6.
_BELIEFS = {
    "own": Belief(-2.5, 0.8, 0.4, 0.1),
    "cross": Belief(0.0, 0.25, 0.1, 0.0),
    "carry": Belief(0.0, 0.25, 0.1, 0.0),
    "cross carry": Belief(0.0, 0.2, 0.1, 0.0),
    "discount": Belief(-2.5, 0.8, 0.3, 0.0),
}
_ONCE = Belief(0.2, 0.4, 0.25, 0.1)
_DEPTH = Belief(0.0, 0.5, 0.3, 0.0)
_RIVAL = Belief(0.0, 0.3, 0.2, 0.0)
_EVENT = Belief(0.0, 0.4, 0.15, 0.0)
_DRIVER = Belief(0.0, 0.3, 0.15, 0.05)
# How far a slope over time may lie from the slope within a period (prices that were set by demand, stock-piling).
_OFFSET = 0.35
_FREEDOM = 4.0
_WIDE = 0.04
# A sku's own season: much of the year's wave is its category's.
_WAVE = 0.0025
# Variance of a sku's trend per year: levels wander, straight lines seldom last. The trend is the last of the extras.
_TREND = 0.0025


def belief(name: str) -> Belief:
    """Prior of the slope of the named column."""
    if name in _BELIEFS:
        return _BELIEFS[name]
    if name.endswith("x depth"):
        return _DEPTH
    if name.startswith("cross "):
        return _RIVAL
    if name.startswith("event "):
        return _EVENT
    return _ONCE if name in {"promo", "feature"} else _DRIVER


def spread_for(
    names: tuple[str, ...], extras: int, *, offsets: bool, known: NDArray[np.float64] | None = None
) -> Spread:
    """Prior of (within-period slopes, their offsets over time, extras of the sku's tier).

    Parameters
    ----------
    names : tuple of str
        Columns, k of them.
    extras : int
        Further columns of the sku's tier: means of the columns that cross, season, and the trend last.
    offsets : bool
        Some sku has several offers, so that slopes within a period and over time can be told apart.
    known : float64[k], optional
        Prior means that the shop gives (the uplift of an event); NaN where it does not.
    """
    beliefs = np.array([belief(name) for name in names])
    mean = beliefs[:, 0] if known is None else np.where(np.isnan(known), beliefs[:, 0], known)
    k, apart, tail = len(names), float(offsets), np.zeros(extras)
    wide = sum(name.startswith("cross") for name in names)
    own = np.concatenate([np.full(wide, _WIDE), np.full(extras - wide - 1, _WAVE), [_TREND]])
    return Spread(
        root=np.concatenate([mean, np.zeros(k), tail]),
        category=np.concatenate(
            [beliefs[:, 1] ** 2, apart * (_OFFSET * np.maximum(beliefs[:, 1], 0.2)) ** 2, tail + 1e-4]
        ),
        sku=np.concatenate([beliefs[:, 2] ** 2, apart * ((_OFFSET * beliefs[:, 2]) ** 2 + 1e-3), own]),
        series=beliefs[:, 3] ** 2,
        freedom=np.full(2 * k + extras, _FREEDOM),
    )


def time_spread_for(names: tuple[str, ...], extras: int, known: NDArray[np.float64]) -> Spread:
    """Prior of slopes over time of the skus' mean columns (k of them) and of further columns: wider than within periods."""
    beliefs = np.array([belief(name) for name in names])
    mean = np.where(np.isnan(known), beliefs[:, 0], known)
    tail = np.full(extras, 1e-5)
    return Spread(
        root=np.concatenate([mean, np.zeros(extras)]),
        category=np.concatenate([0.6 * np.maximum(beliefs[:, 1], 0.3) ** 2, tail]),
        sku=np.concatenate([0.6 * np.maximum(beliefs[:, 2], 0.2) ** 2, tail]),
        series=np.zeros(0),
        freedom=np.full(len(names) + extras, 0.2),
    )


def offset_variance(names: tuple[str, ...]) -> NDArray[np.float64]:
    """Prior variance of the difference between a category's slope over time and its slope within periods."""
    return np.array([max(belief(name).category, 0.3) ** 2 for name in names])
