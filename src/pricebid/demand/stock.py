"""What is sold when stock is short: expectations of min(demand, available) for over-dispersed counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import special

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

# Beyond this the negative binomial tail is below 1e-12 of the mean, and min(demand, available) is demand.
_TAIL_SCALES = 30.0
_TAIL_SDS = 10.0
_MOST_SHAPE = 1e12


def _at_most(
    count: NDArray[np.float64], mean: NDArray[np.float64], shape: NDArray[np.float64], more: float
) -> NDArray[np.float64]:
    """P(N <= count) for a negative binomial of shape ``shape + more`` and odds ``mean / shape``; Poisson as shape -> inf."""
    at = np.maximum(count, 0.0)
    poisson = shape >= _MOST_SHAPE
    below = np.where(
        poisson,
        special.gammaincc(at + 1.0, mean),
        special.betainc(
            np.where(poisson, 1.0, shape) + more, at + 1.0, 1.0 / (1.0 + mean / np.where(poisson, 1.0, shape))
        ),
    )
    return np.where(count < 0, 0.0, below)


def _short(
    mean: ArrayLike, available: ArrayLike, dispersion: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.bool_], tuple[NDArray[np.float64], ...]]:
    """Broadcast the mean, and pick the cells whose stock could run out: (mean, mask, (mean, stock, shape) there)."""
    demand, stock, spread = np.broadcast_arrays(
        np.asarray(mean, dtype=np.float64),
        np.asarray(available, dtype=np.float64),
        np.asarray(dispersion, dtype=np.float64),
    )
    scale = 1.0 + spread * demand
    enough = demand + _TAIL_SCALES * scale + _TAIL_SDS * np.sqrt(demand * scale)
    mask = np.isfinite(stock) & (stock < enough)
    shape = 1.0 / np.maximum(spread[mask], 1.0 / _MOST_SHAPE)
    return demand, mask, (demand[mask], np.maximum(stock[mask], 0.0), shape)


def expected_sold(mean: ArrayLike, available: ArrayLike, dispersion: ArrayLike) -> NDArray[np.float64]:
    """Return expected units sold, E[min(demand, available)], for demand ~ negative binomial.

    With ``r = 1 / dispersion`` and ``d P(D = d | r) = mean P(D = d - 1 | r + 1)`` the partial expectation is closed:
    for whole ``n``, ``E[min(D, n)] = mean P(D' <= n - 2) + n P(D >= n)``, where ``D'`` has shape ``r + 1`` and the same
    odds, and ``P(D <= k) = I(r, k + 1)`` is the regularised incomplete beta function (Johnson, Kemp & Kotz, *Univariate
    Discrete Distributions*, 5.3). Between whole numbers min(D, n) is linear in n. Dispersion 0 is the Poisson case.

    Parameters
    ----------
    mean : float64[...]
        Expected demand over the horizon, units.
    available : float64[...]
        Units that can be sold; NaN or inf where unlimited.
    dispersion : float64[...]
        Variance of demand = mean + dispersion * mean ** 2.

    Returns
    -------
    float64[...]
        Units, at most ``mean`` and at most ``available``; the shape is that of the three broadcast together.

    Examples
    --------
    >>> expected_sold([10.0, 10.0, 10.0], [float("inf"), 10.0, 0.0], 0.5).round(2)
    array([10.  ,  7.04,  0.  ])
    """
    demand, mask, (short, stock, shape) = _short(mean, available, dispersion)
    sold = demand.copy()
    whole = np.floor(stock)
    more = 1.0 - _at_most(whole - 1.0, short, shape, 0.0)
    value = short * _at_most(whole - 2.0, short, shape, 1.0) + whole * more
    part = stock > whole
    if part.any():
        value[part] += (stock - whole)[part] * (1.0 - _at_most(whole[part], short[part], shape[part], 0.0))
    sold[mask] = np.minimum(np.maximum(value, 0.0), np.minimum(short, stock))
    return sold


def sold_slope(mean: ArrayLike, available: ArrayLike, dispersion: ArrayLike) -> NDArray[np.float64]:
    """Units sold more per unit of expected demand more: the derivative of :func:`expected_sold` in the mean.

    Writing demand as Poisson(mean * G) with gamma G, the derivative is ``E[G P(D < n | G)]``, a negative binomial
    probability of shape ``r + 1``.

    Parameters
    ----------
    mean, available, dispersion : float64[...]
        As in :func:`expected_sold`.

    Returns
    -------
    float64[...]
        In [0, 1]; 1 where stock is unlimited.
    """
    demand, mask, (short, stock, shape) = _short(mean, available, dispersion)
    slope = np.ones_like(demand)
    whole = np.floor(stock)
    lower = _at_most(whole - 1.0, short, shape, 1.0)
    slope[mask] = lower + (stock - whole) * (_at_most(whole, short, shape, 1.0) - lower)
    return slope
