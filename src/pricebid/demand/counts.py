"""Unit sales as counts: a Poisson whose log mean has a normal error, observed or cut off by the stock.

Each cell is turned into a *site*: a pseudo-observation ``z`` of the log mean with variance ``v`` (Laplace at the mode of
the cell's own error, as in integrated nested Laplace; Rue, Martino, Chopin 2009). A large count gives ``z = log y`` and
the error's variance, a log-linear regression; a small one gives the Poisson's score and information; a cell that sold
its whole stock gives the score of "at least this much".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.special import gammainc, gammaln, log_ndtr, ndtri
from scipy.stats import nbinom

if TYPE_CHECKING:
    from numpy.typing import NDArray

_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(25)
_MOST_STEP = 2.0
_MOST_CUT_STEP = 8.0
# Above this count the tail is a step between the nodes, and a normal tail of the log is near enough.
_LARGE_CUT = 40.0


class Sites(NamedTuple):
    """Pseudo-observations of the log mean, and their variances (infinite where the cell says nothing)."""

    z: NDArray[np.float64]
    v: NDArray[np.float64]


def sites(
    units: NDArray[np.float64],
    censored: NDArray[np.bool_],
    eta: NDArray[np.float64],
    sigma2: NDArray[np.float64],
) -> Sites:
    """Sites of all cells at the current log mean.

    Parameters
    ----------
    units : float64[offer, period]
        Units sold; NaN where missing.
    censored : bool[offer, period]
        Demand was at least ``units``.
    eta : float64[offer, period]
        Current log mean, without the cell's own error.
    sigma2 : float64[offer, 1]
        Variance of the cell's own error.

    Returns
    -------
    Sites
        ``z`` and ``v``, float64[offer, period].
    """
    seen = np.isfinite(units)
    y = np.where(seen, units, 0.0)
    s2 = np.broadcast_to(np.maximum(sigma2, 1e-4), y.shape)
    mode = _mode(y, eta, s2)
    rate = np.exp(mode)
    # The mean of the cell's own error given the count lies below its mode; without the last term levels come out too high.
    z = mode + (y - rate) / rate - 0.5 / (rate + 1.0 / s2)
    v = s2 + 1.0 / rate
    cut = seen & censored
    if cut.any():
        z[cut], v[cut] = _cut_sites(y[cut], eta[cut], s2[cut])
    return Sites(np.where(seen, z, 0.0), np.where(seen, v, np.inf))


def _mode(y: NDArray[np.float64], eta: NDArray[np.float64], s2: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mode of the log rate given the count and a normal prior (eta, s2), by Newton's method."""
    mode = np.where(y > 0, (np.log(np.maximum(y, 0.5)) * y * s2 + eta) / (y * s2 + 1.0), eta)
    for _ in range(6):
        rate = np.exp(np.minimum(mode, 30.0))
        step = (y - rate - (mode - eta) / s2) / (rate + 1.0 / s2)
        mode = mode + np.clip(step, -_MOST_STEP, _MOST_STEP)
    return np.asarray(np.clip(mode, -15.0, 30.0))


def _cut_sites(
    y: NDArray[np.float64], eta: NDArray[np.float64], s2: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Site of a cell known only to be at least y: score and information of the mixed Poisson's upper tail."""
    first, information = np.empty_like(y), np.empty_like(y)
    large = y > _LARGE_CUT
    for part, tail in ((~large, _tail_of_counts), (large, _tail_of_logs)):
        if part.any():
            first[part], information[part] = tail(y[part], eta[part], s2[part])
    # A cut-off count far above its mean has much slope and little curvature: the step is bounded by more curvature, never by
    # less slope, since sites whose slopes are wrong do not settle at the likeliest mean.
    information = np.maximum(np.clip(information, 1e-6, 1.0 / s2), np.abs(first) / _MOST_CUT_STEP)
    return eta + first / information, 1.0 / information


def _tail_of_counts(
    y: NDArray[np.float64], eta: NDArray[np.float64], s2: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Score and information of P(Y >= y) for a Poisson with log-normal error, by Gauss-Hermite quadrature."""
    log_rate = eta[:, None] + np.sqrt(s2)[:, None] * _NODES
    rate = np.exp(np.minimum(log_rate, 30.0))
    count = y[:, None]
    tail = np.where(count > 0, gammainc(np.maximum(count, 1e-9), rate), 1.0)
    # d/d(log rate) of P(Y >= y) is rate times the Poisson mass at y - 1.
    with np.errstate(divide="ignore", invalid="ignore"):
        mass = np.exp(count * log_rate - rate - gammaln(np.maximum(count, 1e-9)))
    mass = np.where(count > 0, mass, 0.0)
    share = _WEIGHTS / _WEIGHTS.sum()
    p = np.maximum((tail * share).sum(1), 1e-250)
    first = (mass * share).sum(1) / p
    return first, first**2 - (mass * (count - rate) * share).sum(1) / p


def _tail_of_logs(
    y: NDArray[np.float64], eta: NDArray[np.float64], s2: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Score and information of P(log Y >= log y) for a large count: a normal tail, the Poisson's share in its variance."""
    variance = s2 + 1.0 / y
    sd = np.sqrt(variance)
    at = (eta - np.log(y - 0.5)) / sd
    hazard = np.exp(-0.5 * at**2 - 0.5 * np.log(2.0 * np.pi) - log_ndtr(at))
    return hazard / sd, hazard * (hazard + at) / variance


def quantile(
    mean: NDArray[np.float64], log_variance: NDArray[np.float64], p: float, *, whole: bool
) -> NDArray[np.float64]:
    """Quantile of the predictive distribution: Poisson counts around a log-normal mean.

    Parameters
    ----------
    mean : float64[...]
        Expected units, >= 0.
    log_variance : float64[...]
        Variance of the log of the underlying mean.
    p : float
        Probability.
    whole : bool
        Units are whole numbers: small counts are read off the negative binomial with the same two moments.
        Otherwise, and for large counts, a log-normal with the Poisson's share added to its variance.

    Returns
    -------
    float64[...]
        Units at probability ``p``.
    """
    mean = np.maximum(mean, 1e-9)
    spread = log_variance + (np.log1p(1.0 / mean) if whole else 0.0)
    out = mean * np.exp(ndtri(p) * np.sqrt(spread) - 0.5 * spread)
    small = (mean < 40.0) & ((mean < 5.0) | (mean * np.expm1(np.minimum(log_variance, 5.0)) < 2.0)) & whole
    if small.any():
        m, excess = mean[small], np.maximum(np.expm1(np.minimum(log_variance[small], 5.0)), 1e-6)
        size = 1.0 / excess
        out = out.copy()
        out[small] = nbinom.ppf(p, size, size / (size + m))
    return np.asarray(out)


__all__ = ["Sites", "quantile", "sites"]
