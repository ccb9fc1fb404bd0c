"""Fixed-horizon comparisons with a control: Welch's t, several variants by Dunnett or Holm."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import optimize, special, stats

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pricebid.learning.experiments.means import Means
    from pricebid.learning.experiments.settings import Correction

    Floats = NDArray[np.float64]

_NODES, _SCALES = 64, 32  # of the two quadratures: 1e-4 in probabilities near 5 %
_HERMITE = np.polynomial.hermite_e.hermegauss(_NODES)
_HERMITE = (_HERMITE[0], _HERMITE[1] / _HERMITE[1].sum())
_LEGENDRE = np.polynomial.legendre.leggauss(_SCALES)


@dataclass(frozen=True, kw_only=True, eq=False)
class Comparisons:
    """Each variant against the control.

    Parameters
    ----------
    difference, error : float64[variant - 1]
        Variant minus control, and its standard error.
    freedom : float64[variant - 1]
        Degrees of freedom (Welch and Satterthwaite); infinite for sequential tests.
    low, high : float64[variant - 1]
        Simultaneous interval.
    p : float64[variant - 1]
        Corrected for the number of variants.
    lift, lift_low, lift_high : float64[variant - 1]
        The same over the control's value, by the delta method; NaN where the control's value is not clearly above 0.
    """

    difference: Floats
    error: Floats
    freedom: Floats
    low: Floats
    high: Floats
    p: Floats
    lift: Floats
    lift_low: Floats
    lift_high: Floats


def compare_fixed(means: Means, *, alpha: float = 0.05, correction: Correction = "dunnett") -> Comparisons:
    """Compare every variant with the control, once, at the end.

    Parameters
    ----------
    means : Means
        The control first.
    alpha : float
        Error probability over all comparisons together.
    correction : {"dunnett", "holm", "none"}
        ``dunnett``: single-step, with the correlation that the shared control gives (Dunnett 1955; for unequal variances with
        the smallest Welch degrees of freedom, which is cautious). ``holm``: step-down p-values (Holm 1979) with Bonferroni
        intervals.
    """
    difference, error, freedom = differences(means)
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.abs(difference) / error
    t = np.where(error > 0, t, np.where(difference == 0, 0.0, np.inf))
    raw = np.asarray(2.0 * stats.t.sf(t, freedom))
    many = len(raw)
    if correction == "none" or many == 1:
        p, critical = raw, stats.t.isf(alpha / 2, freedom)
    elif correction == "holm":
        p, critical = holm(raw), stats.t.isf(alpha / (2 * many), freedom)
    else:
        load = np.sqrt(means.variance[0] / np.maximum(means.variance[0] + means.variance[1:], 1e-300))
        least = float(freedom.min())
        p = np.array([dunnett_p(one, load, least) for one in t])
        critical = np.full(many, dunnett_critical(alpha, load, least))
    return finish(means, difference, error, freedom, critical * error, p)


def differences(means: Means) -> tuple[Floats, Floats, Floats]:
    """Return variant minus control, standard errors, and Welch's degrees of freedom, float64[variant - 1] each."""
    parts = means.variance**2 / (means.units - 1.0)
    total = means.variance[1:] + means.variance[0]
    with np.errstate(divide="ignore", invalid="ignore"):
        freedom = np.where(total > 0, total**2 / (parts[1:] + parts[0]), np.inf)
    difference = means.value[1:] - means.value[0]
    # What is left of equal values by rounding is no difference.
    rounding = 1e-13 * np.maximum(np.abs(means.value[1:]), abs(means.value[0]))
    return np.where(np.abs(difference) <= rounding, 0.0, difference), np.sqrt(total), freedom


def finish(means: Means, difference: Floats, error: Floats, freedom: Floats, radius: Floats, p: Floats) -> Comparisons:
    """Add intervals to differences, and relative differences to absolute ones."""
    base, known = means.value[0], abs(means.value[0]) > 4.0 * np.sqrt(means.variance[0])
    scale = abs(base) if known else np.nan
    # The interval is widened by what the control's own error adds to a ratio.
    ratio = means.value[1:] / base if known else np.full(len(difference), np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        wider = np.sqrt(means.variance[1:] + ratio**2 * means.variance[0]) / error
    wide = radius / scale * np.where(error > 0, wider, 1.0)
    lift = difference / scale
    return Comparisons(
        difference=difference,
        error=error,
        freedom=freedom,
        low=difference - radius,
        high=difference + radius,
        p=np.minimum(p, 1.0),
        lift=lift,
        lift_low=lift - wide,
        lift_high=lift + wide,
    )


def holm(p: Floats) -> Floats:
    """Correct p-values step down (Holm 1979), float64[comparison].

    >>> holm(np.array([0.01, 0.04, 0.03])).round(3).tolist()
    [0.03, 0.06, 0.06]
    """
    order = np.argsort(p, kind="stable")
    steps = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    corrected = np.empty(len(p))
    corrected[order] = np.minimum(steps, 1.0)
    return corrected


def dunnett_p(t: float, load: Floats, freedom: float) -> float:
    """Return the probability that the largest of several |t| against one control is at least ``t`` where nothing differs.

    Parameters
    ----------
    t : float
        At least 0.
    load : float64[comparison]
        sqrt(variance of the control / variance of the difference): the correlation of two comparisons is the product of
        theirs.
    freedom : float
        Degrees of freedom of the variance; may be infinite.
    """
    if not np.isfinite(t):
        return 0.0
    z, z_weight = _HERMITE
    if np.isfinite(freedom):
        u, u_weight = _LEGENDRE
        scale, scale_weight = np.sqrt(2.0 * special.gammaincinv(freedom / 2, (u + 1) / 2) / freedom), u_weight / 2
    else:
        scale, scale_weight = np.ones(1), np.ones(1)
    rest = np.sqrt(np.maximum(1.0 - load**2, 1e-12))
    edge = (t * scale)[:, None, None]
    shift = (load * z[:, None])[None]
    inside = special.ndtr((edge + shift) / rest) - special.ndtr((shift - edge) / rest)
    return float(1.0 - scale_weight @ np.prod(inside, axis=2) @ z_weight)


def dunnett_critical(alpha: float, load: Floats, freedom: float) -> float:
    """Return the |t| that the largest of several comparisons with one control exceeds with probability ``alpha``."""
    low = float(stats.t.isf(alpha / 2, freedom))
    high = float(stats.t.isf(alpha / (2 * len(load)), freedom)) + 1e-6
    found = optimize.brentq(lambda t: dunnett_p(t, load, freedom) - alpha, low - 1e-6, high + 1e-3, xtol=1e-9)
    return float(found)
