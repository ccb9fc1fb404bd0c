"""How a whole category moves: level, trend, yearly season and spikes of certain weeks, as a Gaussian process.

The covariance is a sum of parts with names (Roberts et al. 2013): a wandering level, a shorter-lived swing, a smooth yearly
wave, a bonus for the very same week of another year, a weekday wave for days, and fresh noise. How large each part is, is
learnt by maximum a posteriori from the data of all categories together.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.linalg import cho_factor, cho_solve
from scipy.optimize import minimize

if TYPE_CHECKING:
    from numpy.typing import NDArray

_YEAR = {"day": 365.2425, "week": 52.1775, "month": 12.0}
_MONTH = {"day": 30.4, "week": 4.35, "month": 1.0}
#        swing  length(months) wave  smoothness same-week level  noise  weekday
_PRIOR = np.log(np.array([0.10, 1.4, 0.12, 0.5, 0.04, 0.02, 0.05, 0.10]))
_WIDTH = np.array([1.0, 0.7, 1.0, 0.5, 1.2, 1.0, 1.0, 1.0])
_LONGEST = 420
_INTERCEPT = 9.0


@dataclass(frozen=True, kw_only=True)
class Season:
    """Sizes of the parts (log scale) and the clock.

    Parameters
    ----------
    sizes : float64[8]
        Logs of the parts' standard deviations and lengths.
    frequency : str
        Length of a period.
    yearly : bool
        The history is long enough (over 1.2 years) to tell a yearly wave.
    """

    sizes: NDArray[np.float64]
    frequency: str
    yearly: bool

    def covariance(self, a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
        """Covariance between the effects at times ``a`` and ``b`` (in periods), fresh noise left out."""
        swing, length, wave, smooth, same, level, _, weekday = np.exp(np.clip(self.sizes, -8, 4))
        gap = a[:, None] - b[None, :]
        far = np.abs(gap)
        month, year = _MONTH[self.frequency], _YEAR[self.frequency]
        out = swing**2 * np.exp(-far / (length * month))
        # A level that wanders per root month, kept stationary over some years so that its variance stays known.
        long = 36.0 * month
        out += level**2 / (1.0 / 4.35) * 18.0 * np.exp(-far / long)
        if self.yearly:
            out += wave**2 * np.exp(-2.0 * np.sin(np.pi * gap / year) ** 2 / smooth**2)
            phase = np.mod(gap, year)
            phase = np.minimum(phase, year - phase) / (year / 52.1775)
            out += same**2 * np.maximum(0.0, 1.0 - phase)
        if self.frequency == "day":
            out += weekday**2 * np.exp(-2.0 * np.sin(np.pi * gap / 7.0) ** 2 / 0.25)
        return np.asarray(out)

    @property
    def noise(self) -> float:
        """Variance of the fresh noise of each period."""
        return float(np.exp(2.0 * self.sizes[6]))


@dataclass(frozen=True, kw_only=True)
class Tide:
    """What is known of each category's movement after fitting.

    Parameters
    ----------
    season : Season
        Sizes of the parts.
    times : float64[time]
        Times (in periods from the history's start) used.
    alpha : float64[category, time]
        Weights that turn covariances with ``times`` into the expected effect.
    slopes : float64[category, regressor]
        Posterior mean slopes of the regressors.
    """

    season: Season
    times: NDArray[np.float64]
    alpha: NDArray[np.float64]
    slopes: NDArray[np.float64]
    intercept: NDArray[np.float64]

    def effect(self, at: NDArray[np.float64], regressors: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the expected effect at some times, float64[category, time]; regressors [category, regressor, time]."""
        process = self.alpha @ self.season.covariance(self.times, at)
        return np.asarray(process + np.einsum("cr,crt->ct", self.slopes, regressors) + self.intercept[:, None])


def _system(season: Season, times: NDArray[np.float64], variance: NDArray[np.float64]) -> NDArray[np.float64]:
    seen = np.isfinite(variance)
    base = season.covariance(times, times) + _INTERCEPT
    base = base * seen[:, None] * seen[None, :]
    base[np.diag_indices(len(times))] += np.where(seen, np.where(seen, variance, 0.0) + season.noise, 1.0)
    return np.asarray(base)


def learn_season(
    y: NDArray[np.float64],
    variance: NDArray[np.float64],
    regressors: NDArray[np.float64],
    *,
    prior: NDArray[np.float64],
    frequency: str,
    most: int = 6,
) -> Season:
    """Sizes of the parts that make the data of all categories most likely.

    Parameters
    ----------
    y, variance : float64[category, period]
        Mean residual of the category and its variance (infinite where unknown).
    regressors : float64[category, regressor, period]
        Columns whose slopes are integrated out.
    prior : float64[regressor]
        Prior variances of those slopes.
    frequency : str
        Length of a period.
    most : int
        Categories used, the surest first.
    """
    periods = y.shape[1]
    first = max(0, periods - 260)
    yearly = periods > 1.2 * _YEAR[frequency]
    start = Season(sizes=_PRIOR.copy(), frequency=frequency, yearly=yearly)
    precision = np.where(np.isfinite(variance), 1.0 / np.where(np.isfinite(variance), variance, 1.0), 0.0).sum(1)
    rows = np.argsort(-precision, kind="stable")[:most]
    rows = rows[precision[rows] > 0]
    if len(rows) == 0 or periods - first < 6:
        return start
    times = np.arange(first, periods, dtype=np.float64)
    parts = [(y[c, first:], variance[c, first:], regressors[c][:, first:]) for c in rows]
    free = [0, 1, 5, 6] + ([2, 3, 4] if yearly else []) + ([7] if frequency == "day" else [])

    def loss(at: NDArray[np.float64]) -> float:
        sizes = _PRIOR.copy()
        sizes[free] = at
        season = Season(sizes=sizes, frequency=frequency, yearly=yearly)
        total = 0.5 * (((at - _PRIOR[free]) / _WIDTH[free]) ** 2).sum()
        for value, spread, columns in parts:
            seen = np.isfinite(spread)
            matrix = _system(season, times, spread) + (columns * seen).T @ (columns * seen * prior[:, None])
            factor = np.linalg.cholesky(matrix)
            solved = np.linalg.solve(factor, np.where(seen, value, 0.0))
            total += 0.5 * solved @ solved + np.log(np.diag(factor)).sum()
        return float(total)

    found = minimize(loss, _PRIOR[free], method="L-BFGS-B", options={"maxiter": 15, "ftol": 1e-5, "eps": 1e-3})
    sizes = _PRIOR.copy()
    sizes[free] = np.clip(found.x, _PRIOR[free] - 4 * _WIDTH[free], _PRIOR[free] + 4 * _WIDTH[free])
    return Season(sizes=sizes, frequency=frequency, yearly=yearly)


def fit_tide(
    y: NDArray[np.float64],
    variance: NDArray[np.float64],
    regressors: NDArray[np.float64],
    season: Season,
    *,
    prior: NDArray[np.float64],
    most_ahead: int,
) -> tuple[Tide, NDArray[np.float64], NDArray[np.float64], tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Posterior of every category's movement.

    Returns
    -------
    tide : Tide
    effect : float64[category, period]
        Posterior mean over the history, fresh noise included.
    ahead : float64[category, step]
        Variance of the effect for the ``most_ahead`` steps after the history, fresh noise included.
    information : (float64[category, r, r], float64[category, r])
        What the data say of the regressors' slopes, everything else integrated out.
    """
    n, periods = y.shape
    first = max(0, periods - _LONGEST)
    times = np.arange(first, periods, dtype=np.float64)
    steps = np.arange(periods, periods + most_ahead, dtype=np.float64)
    r = regressors.shape[1]
    alpha, slopes, intercept = np.zeros((n, len(times))), np.zeros((n, r)), np.zeros(n)
    effect, ahead = np.zeros((n, periods)), np.zeros((n, most_ahead))
    matrices, vectors = np.zeros((n, r, r)), np.zeros((n, r))
    future = season.covariance(steps, times)
    level = season.covariance(steps[:1], steps[:1])[0, 0] + season.noise
    for c in range(n):
        v, columns = variance[c, first:], regressors[c][:, first:]
        seen = np.isfinite(v)
        if not seen.any():
            ahead[c] = level
            continue
        value, columns = np.where(seen, y[c, first:], 0.0), columns * seen
        factor = cho_factor(_system(season, times, v), lower=True)
        solved = cho_solve(factor, np.column_stack([value, columns.T]))
        matrices[c], vectors[c] = columns @ solved[:, 1:], columns @ solved[:, 0]
        slopes[c] = np.linalg.solve(matrices[c] + np.diag(1.0 / prior), vectors[c])
        alpha[c] = (solved[:, 0] - solved[:, 1:] @ slopes[c]) * seen
        intercept[c] = _INTERCEPT * alpha[c].sum()
        k = (future + _INTERCEPT) * seen
        ahead[c] = np.maximum(level + _INTERCEPT - (k * cho_solve(factor, k.T).T).sum(1), season.noise)
        process = season.covariance(times, times) @ alpha[c] + intercept[c] + slopes[c] @ regressors[c][:, first:]
        rest = np.where(seen, y[c, first:] - process, 0.0)
        share = np.where(seen, season.noise / (season.noise + np.where(seen, v, 1.0)), 0.0)
        effect[c, first:] = process + share * rest
        if first:
            v0 = variance[c, :first]
            share0 = np.where(np.isfinite(v0), 0.05 / (0.05 + v0), 0.0)
            early = slopes[c] @ regressors[c][:, :first] + intercept[c]
            effect[c, :first] = early + share0 * (y[c, :first] - early)
    tide = Tide(season=season, times=times, alpha=alpha, slopes=slopes, intercept=intercept)
    return tide, effect, ahead, (matrices, vectors)
