"""What the prices of clicks say of rival bids: scores and information of a log-normal cut off at the own bid.

In a second-price auction a click costs the highest rival bid, seen only where it was below the own one. The law of that
price given the bid does not depend on how many auctions there were: bids that were raised when traffic was good do not
bias it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.special import log_ndtr

if TYPE_CHECKING:
    from numpy.typing import NDArray

_LOWEST, _HIGHEST = -6.0, 8.0  # scores of bids beyond which nothing more can be told
_FAR = 4.0  # a price further below the level than so many spreads is taken to be an error of the report


class Told(NamedTuple):
    """First derivatives and expected information in the level and the log spread, float64[row] each."""

    level: NDArray[np.float64]
    spread: NDArray[np.float64]
    level_level: NDArray[np.float64]
    level_spread: NDArray[np.float64]
    spread_spread: NDArray[np.float64]


def hazard(score: NDArray[np.float64]) -> NDArray[np.float64]:
    """Density / distribution function of the standard normal, float64[...]: by how much a higher score wins more."""
    return np.asarray(np.exp(-0.5 * score**2 - log_ndtr(score)) / np.sqrt(2.0 * np.pi))


def of_prices(
    log_price: NDArray[np.float64],
    clicks: NDArray[np.float64],
    log_bid: NDArray[np.float64],
    level: NDArray[np.float64],
    spread: NDArray[np.float64],
) -> Told:
    """Scores and information of mean prices of clicks.

    One click: the exact law. Several: their mean price is normal with the mean and variance of the law; the score is
    that of a normal whose mean and variance both depend on the parameters, which is unbiased whatever the true shape.

    Parameters
    ----------
    log_price : float64[row]
        Log of cost / clicks, not above the log bid.
    clicks : float64[row]
        At least 1.
    log_bid, level, spread : float64[row]
        Log bid; mean and standard deviation of the log of the highest rival bid.

    Returns
    -------
    Told
    """
    score = np.clip((log_bid - level) / spread, _LOWEST, _HIGHEST)
    one = clicks == 1.0
    if one.all():
        return _single(log_price, score, level, spread)
    single, several = _single(log_price, score, level, spread), _several(log_price, clicks, log_bid, level, spread)
    return Told(*(np.where(one, a, b) for a, b in zip(single, several, strict=True)))


def mean_price(
    log_bid: NDArray[np.float64], level: NDArray[np.float64], spread: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Mean of the highest rival bid where it is below the own bid, float64[...]."""
    score = np.clip((log_bid - level) / spread, _LOWEST, _HIGHEST)
    return np.asarray(np.exp(level + 0.5 * spread**2 + log_ndtr(score - spread) - log_ndtr(score)))


def _single(
    log_price: NDArray[np.float64],
    score: NDArray[np.float64],
    level: NDArray[np.float64],
    spread: NDArray[np.float64],
) -> Told:
    r = hazard(score)
    at = np.maximum((log_price - level) / spread, -_FAR - np.maximum(-score, 0.0))
    # Moments of a standard normal below the score.
    m1, m2 = -r, 1.0 - score * r
    m3, m4 = -r * (score**2 + 2.0), 3.0 - r * score * (score**2 + 3.0)
    return Told(
        level=(at + r) / spread,
        spread=at**2 - 1.0 + r * score,
        level_level=np.maximum(m2 - m1**2, 1e-6) / spread**2,
        level_spread=(m3 - m1 * m2) / spread,
        spread_spread=np.maximum(m4 - m2**2, 1e-6),
    )


def _several(
    log_price: NDArray[np.float64],
    clicks: NDArray[np.float64],
    log_bid: NDArray[np.float64],
    level: NDArray[np.float64],
    spread: NDArray[np.float64],
) -> Told:
    score = np.clip((log_bid - level) / spread, _LOWEST, _HIGHEST)
    r0, r1, r2 = (hazard(score - k * spread) for k in range(3))
    first, second = (
        k * (level - log_bid) + 0.5 * (k * spread) ** 2 + log_ndtr(score - k * spread) - log_ndtr(score) for k in (1, 2)
    )
    mean = np.exp(first)
    square = np.maximum(np.exp(second), mean**2 * (1.0 + 1e-6))
    variance = square - mean**2
    # Derivatives of log mean and log mean square in level and log spread.
    d1 = (1.0 - (r1 - r0) / spread, spread**2 - r1 * (score + spread) + r0 * score)
    d2 = (2.0 - (r2 - r0) / spread, 4.0 * spread**2 - r2 * (score + 2.0 * spread) + r0 * score)
    dm = [mean * one for one in d1]
    dv = [(square * two - 2.0 * mean**2 * one) / variance for one, two in zip(d1, d2, strict=True)]
    off = np.exp(log_price - log_bid) - mean
    width = np.sqrt(variance / clicks)
    off = np.clip(off, -_FAR * width, _FAR * width)
    by_mean, by_width = clicks * off / variance, 0.5 * (clicks * off**2 / variance - 1.0)
    return Told(
        level=by_mean * dm[0] + by_width * dv[0],
        spread=by_mean * dm[1] + by_width * dv[1],
        level_level=clicks / variance * dm[0] ** 2 + 0.5 * dv[0] ** 2,
        level_spread=clicks / variance * dm[0] * dm[1] + 0.5 * dv[0] * dv[1],
        spread_spread=clicks / variance * dm[1] ** 2 + 0.5 * dv[1] ** 2,
    )
