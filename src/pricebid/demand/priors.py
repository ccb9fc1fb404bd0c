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
    "own": Belief(-2.5, 0.8, 0.3, 0.1),
    "cross": Belief(0.0, 0.25, 0.1, 0.0),
    "carry": Belief(0.0, 0.25, 0.1, 0.0),
    "cross carry": Belief(0.0, 0.2, 0.1, 0.0),
    "discount": Belief(-2.5, 0.8, 0.3, 0.0),
}
_ONCE = Belief(0.2, 0.4, 0.25, 0.1)
_DEPTH = Belief(0.0, 0.5, 0.3, 0.0)
_RIVAL = Belief(0.0, 0.3, 0.2, 0.0)
_DRIVER = Belief(0.0, 0.3, 0.15, 0.05)
# How far a slope over time may lie from the slope within a period (prices that were set by demand, stock-piling).
_OFFSET = 0.35
_FREEDOM = 4.0
_OFFSET_FREEDOM = 4.0
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
    return _ONCE if name in {"promo", "feature"} else _DRIVER


def spread_for(names: tuple[str, ...], extras: int, *, offsets: bool) -> Spread:
    """Prior of (within-period slopes, their offsets over time, extras of the sku's tier).

    Parameters
    ----------
    names : tuple of str
        Columns, k of them.
    extras : int
        Further columns of the sku's tier.
    offsets : bool
        Some sku has several offers, so that slopes within a period and over time can be told apart.
    """
    beliefs = np.array([belief(name) for name in names])
    k = len(names)
    zero = np.zeros(k)
    apart = 1.0 if offsets else 0.0
    tail = np.zeros(extras)
    return Spread(
        root=np.concatenate([beliefs[:, 0], zero, tail]),
        category=np.concatenate([beliefs[:, 1] ** 2, apart * (_OFFSET * np.maximum(beliefs[:, 1], 0.2)) ** 2, tail + 1e-4]),
        sku=np.concatenate(
            [beliefs[:, 2] ** 2, apart * ((_OFFSET * beliefs[:, 2]) ** 2 + 1e-3), np.append(tail + 0.04, _TREND)[1:]]
        ),
        series=beliefs[:, 3] ** 2,
        freedom=np.concatenate([np.full(k, _FREEDOM), np.full(k, _OFFSET_FREEDOM), np.full(extras, _FREEDOM)]),
    )


def offset_variance(names: tuple[str, ...]) -> NDArray[np.float64]:
    """Prior variance of the difference between a category's slope over time and its slope within periods."""
    return np.array([max(belief(name).category, 0.3) ** 2 for name in names])
