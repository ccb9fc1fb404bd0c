"""Levels that move: a filter for many series at once, each a slowly returning level seen through noise.

State ``l[t+1] = phi l[t] + w``, seen as ``y[t] = l[t] + e[t]`` with known variances of ``e`` (infinite where missing). One
pass over time serves all series. Running the same filter over regressors whitens them (generalised least squares by
the Kalman filter; de Jong 1991), so that slopes are weighed by how much the level may have moved.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import minimize

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class Level:
    """How the levels of one kind of node move.

    Parameters
    ----------
    phi : float
        Autocorrelation of the level from one period to the next, in (0, 1).
    variance : float
        Stationary variance of the level.
    noise : float
        Variance that comes fresh each period, beyond the cells' own.
    """

    phi: float
    variance: float
    noise: float


def whiten(
    columns: NDArray[np.float64], variance: NDArray[np.float64], level: Level
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Innovations of several columns per series under one filter.

    Parameters
    ----------
    columns : float64[column, series, period]
        Data and regressors, to be treated alike.
    variance : float64[series, period]
        Variance of each observation; infinite where missing.
    level : Level
        How the level moves.

    Returns
    -------
    innovations : float64[column, series, period]
        Scaled to unit variance; 0 where missing.
    log_variance : float64[series, period]
        Log of the innovations' variance before scaling; 0 where missing.
    """
    out = np.zeros_like(columns)
    logs = np.zeros_like(variance)
    mean = np.zeros(columns.shape[:2])
    p = np.full(columns.shape[1], level.variance)
    q = level.variance * (1.0 - level.phi**2)
    for t in range(columns.shape[2]):
        s = p + variance[:, t] + level.noise
        seen = np.isfinite(s)
        inverse = np.where(seen, 1.0 / s, 0.0)
        gap = columns[:, :, t] - mean
        out[:, :, t] = gap * np.sqrt(inverse)
        logs[:, t] = np.where(seen, np.log(np.where(seen, s, 1.0)), 0.0)
        gain = p * inverse
        mean = level.phi * (mean + gain * gap)
        p = level.phi**2 * p * (1.0 - gain) + q
    return out, logs


def smooth(
    y: NDArray[np.float64], variance: NDArray[np.float64], level: Level
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Level at every period given all data, with the fresh noise of the period added back.

    Returns
    -------
    effect : float64[series, period]
        Expected level plus fresh noise.
    last, last_variance : float64[series]
        Mean and variance of the level in the last period.
    """
    n, periods = y.shape
    means, variances = np.empty((n, periods)), np.empty((n, periods))
    mean, p = np.zeros(n), np.full(n, level.variance)
    q = level.variance * (1.0 - level.phi**2)
    for t in range(periods):
        s = p + variance[:, t] + level.noise
        gain = np.where(np.isfinite(s), p / s, 0.0)
        mean, p = mean + gain * (y[:, t] - mean), p * (1.0 - gain)
        means[:, t], variances[:, t] = mean, p
        mean, p = level.phi * mean, level.phi**2 * p + q
    last, last_variance = means[:, -1].copy(), variances[:, -1].copy()
    for t in range(periods - 2, -1, -1):
        ahead = level.phi**2 * variances[:, t] + q
        back = np.where(ahead > 0, level.phi * variances[:, t] / np.where(ahead > 0, ahead, 1.0), 0.0)
        means[:, t] += back * (means[:, t + 1] - level.phi * means[:, t])
    share = np.where(np.isfinite(variance), level.noise / np.maximum(level.noise + variance, 1e-12), 0.0)
    effect = means + share * np.where(np.isfinite(variance), y - means, 0.0)
    return effect, last, last_variance


def ahead(
    last: tuple[NDArray[np.float64], NDArray[np.float64]], level: Level, steps: NDArray[np.intp]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and variance of level plus fresh noise after the last period, float64[series, step] each.

    Parameters
    ----------
    last : (float64[series], float64[series])
        Mean and variance of the level in the last period.
    level : Level
        How it moves.
    steps : int[step]
        Periods ahead.
    """
    mean, variance = last
    fade = level.phi ** steps.astype(np.float64)
    moved = variance[:, None] * fade**2 + level.variance * (1.0 - fade**2) + level.noise
    return mean[:, None] * fade, moved


def learn(
    y: NDArray[np.float64], variance: NDArray[np.float64], *, start: Level, fresh: bool = True, most: int = 400
) -> Level:
    """Most likely movement of the levels, shared by all series (with weak priors around ``start``).

    Parameters
    ----------
    y : float64[series, period]
        Residuals.
    variance : float64[series, period]
        Their variances; infinite where missing.
    start : Level
        Where to begin, and the centre of the priors.
    fresh : bool
        Learn the fresh noise too; else it stays as in ``start``.
    most : int
        Series used, evenly spread; more add time, not knowledge.
    """
    seen = np.isfinite(variance)
    rows = np.flatnonzero(seen.sum(1) > 3)
    if len(rows) == 0:
        return start
    rows = rows[np.unique(np.linspace(0, len(rows) - 1, min(most, len(rows))).astype(int))]
    y, variance = y[rows], variance[rows]
    columns = np.stack([y, np.where(np.isfinite(variance), 1.0, 0.0)])
    centre = np.array([np.log((1 - start.phi) / start.phi), np.log(start.variance), np.log(start.noise)])
    spread = np.array([1.5, 2.0, 2.0])

    def loss(at: NDArray[np.float64]) -> float:
        level = _level_at(at, start, fresh=fresh)
        e, logs = whiten(columns, variance, level)
        # The series' own mean is integrated out with a wide prior.
        cross, square = (e[0] * e[1]).sum(1), (e[1] ** 2).sum(1) + 0.1
        fit = (e[0] ** 2).sum() - (cross**2 / square).sum() + logs.sum() + np.log(square).sum()
        return float(fit + (((at - centre) / spread) ** 2).sum())

    found = minimize(loss, centre, method="Nelder-Mead", options={"maxfev": 90, "xatol": 0.05, "fatol": 0.5})
    return _level_at(found.x, start, fresh=fresh)


def _level_at(at: NDArray[np.float64], start: Level, *, fresh: bool) -> Level:
    phi = 1.0 / (1.0 + np.exp(np.clip(at[0], -7.0, 5.0)))
    variance, noise = np.exp(np.clip(at[1:], -14.0, 4.0))
    return Level(phi=float(phi), variance=float(variance), noise=float(noise) if fresh else start.noise)
