"""The mean or ratio of each arm with its variance: weights, clusters, the delta method and CUPED in one formula."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pricebid.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pricebid.learning.experiments.units import Units

    Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Means:
    """What each arm brought.

    Parameters
    ----------
    units : int64[variant]
        Units in each, at least 2.
    value : float64[variant]
        The metric, adjusted by the covariate where there is one.
    variance : float64[variant]
        Of ``value``.
    slope : float
        What the covariate was multiplied with; 0 without one.
    removed : float
        Share of the variance of differences that the covariate took away.
    balance : float64[variant]
        Standardised difference of the covariate from the control's mean: a standard normal where units were drawn; NaN
        without a covariate.
    """

    units: NDArray[np.int64]
    value: Floats
    variance: Floats
    slope: float
    removed: float
    balance: Floats


def arm_means(units: Units, *, cuped: bool = True) -> Means:
    """Estimate the metric of each arm.

    The metric R = sum(w y) / sum(w n) has the influence w (y - R n) / mean(w n) per unit; its variance over the units is that
    of the delta method (Deng, Knoblich and Lu 2018), clustered by unit, and for n = w = 1 the sample variance over the number
    of units. The covariate has an influence of the same form; with the slope that makes differences least variable it is
    taken off (CUPED: Deng, Xu, Kohavi and Walker 2013).

    Parameters
    ----------
    units : Units
        At least two per arm.
    cuped : bool
        Use the covariate.

    Raises
    ------
    InputError
        An arm has fewer than two units, or a total denominator of 0.
    """
    arms, counts = len(units.labels), units.counts
    short = [f"{units.labels[at]} has {counts[at]}" for at in np.flatnonzero(counts < 2)]
    if short:
        raise InputError(f"every variant needs at least two units: {', '.join(short)}")
    value, influence = _ratio(units, units.numerator, units.denominator)
    plain = _variance(units, influence, influence)
    balance = np.full(arms, np.nan)
    if not cuped or units.covariate is None:
        return Means(units=counts, value=value, variance=plain, slope=0.0, removed=0.0, balance=balance)
    centred = units.covariate - units.covariate.mean()
    before, lean = _ratio(units, centred, np.ones(len(units)))
    spread = _variance(units, lean, lean)
    slope = float(_variance(units, influence, lean).sum() / spread.sum()) if spread.sum() > 0 else 0.0
    rest = influence - slope * lean
    left = _variance(units, rest, rest)
    total = plain.sum()
    with np.errstate(divide="ignore", invalid="ignore"):
        balance = (before - before[0]) / np.sqrt(spread + spread[0])
    return Means(
        units=counts,
        value=value - slope * before,
        variance=left,
        slope=slope,
        removed=float(1.0 - left.sum() / total) if total > 0 else 0.0,
        balance=balance,
    )


def _ratio(units: Units, top: Floats, bottom: Floats) -> tuple[Floats, Floats]:
    arms = len(units.labels)
    totals = np.bincount(units.variant, weights=units.weight * bottom, minlength=arms)
    if not (totals > 0).all():
        bare = ", ".join(units.labels[~(totals > 0)])
        raise InputError(f"the denominators of {bare} add up to 0; a ratio per nothing has no value")
    ratio = np.bincount(units.variant, weights=units.weight * top, minlength=arms) / totals
    scale = totals / units.counts
    return ratio, units.weight * (top - ratio[units.variant] * bottom) / scale[units.variant]


def _variance(units: Units, left: Floats, right: Floats) -> Floats:
    """Covariance of two estimates per arm; influences have mean 0 in each arm."""
    sums = np.bincount(units.variant, weights=left * right, minlength=len(units.labels))
    return sums / (units.counts * (units.counts - 1.0))
