"""How many units and days an experiment needs, read once at its end or looked at all the time."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from scipy import optimize, stats

from pricebid.errors import InputError
from pricebid.learning.experiments.sequential import sequence_radius

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

LOOKS, _GRID = 50, 161  # a look's step spans more than two nodes of the grid: 1e-6 in the probabilities


@dataclass(frozen=True, kw_only=True)
class Baseline:
    """What is known before an experiment.

    Parameters
    ----------
    mean : float
        Of the metric without treatment.
    deviation : float
        Standard deviation per unit of what is left after the covariate; above 0.
    units_per_day : float, optional
        Units that enter per day, over all variants.
    """

    mean: float
    deviation: float
    units_per_day: float | None = None

    def __post_init__(self) -> None:
        if not (np.isfinite(self.mean) and np.isfinite(self.deviation) and self.deviation > 0):
            raise InputError(
                f"mean {self.mean:g} must be finite and deviation {self.deviation:g} above 0: is the outcome constant?"
            )
        if self.units_per_day is not None and not self.units_per_day > 0:
            raise InputError(f"units_per_day {self.units_per_day:g} must be above 0")


@dataclass(frozen=True, kw_only=True)
class Need:
    """What one way of testing needs.

    Parameters
    ----------
    test : {"fixed", "sequential"}
        Read once at the end, or at any time.
    effect : float
        Difference in units of the metric.
    units : float
        Units over all variants until the planned end.
    days : float
        The same in days; NaN where arrivals are not known.
    expected_units : float
        Units on average until it may be stopped, if the effect is there; the planned end for a fixed horizon.
    expected_days : float
        The same in days.
    """

    test: str
    effect: float
    units: float
    days: float
    expected_units: float
    expected_days: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Crossing:
    """When a sequential test stops.

    Parameters
    ----------
    stopped : float64[look]
        Probability of having stopped at or before the look.
    expected : float
        Mean share of the planned units at which it stops; 1 where it never does.
    """

    stopped: Floats
    expected: float


def needs(
    baseline: Baseline, effect: float, *, variants: int = 2, alpha: float = 0.05, power: float = 0.8
) -> tuple[Need, Need]:
    """Return what a fixed-horizon and a sequential test need, equal shares, ``alpha`` shared by Bonferroni.

    Parameters
    ----------
    baseline : Baseline
        Mean, deviation, arrivals.
    effect : float
        Relative difference to be seen, not 0.
    variants : int
        Including the control.
    alpha, power : float
        Error probability over all variants, and probability of seeing the effect in one of them.

    Raises
    ------
    InputError
        No effect, a mean of 0, or fewer than two variants.
    """
    size = abs(effect * baseline.mean)
    if not size > 0 or variants < 2:
        raise InputError(
            f"effect {effect:g} of mean {baseline.mean:g} with {variants} variants: needs an effect, a mean and two variants"
        )
    each = alpha / (variants - 1)
    # Two equal arms of n / 2 units: the difference has standard error 2 deviation / sqrt(n).
    fixed = (fixed_drift(each, power) * 2.0 * baseline.deviation / size) ** 2 * variants / 2
    drift = sequential_drift(each, power)
    ending = (drift * 2.0 * baseline.deviation / size) ** 2 * variants / 2
    mean_share = crossing(drift, alpha=each).expected
    rate = np.nan if baseline.units_per_day is None else baseline.units_per_day
    pairs = (("fixed", fixed, fixed), ("sequential", ending, ending * mean_share))
    made = [
        Need(
            test=test,
            effect=size,
            units=float(np.ceil(units)),
            days=float(units / rate),
            expected_units=float(np.ceil(average)),
            expected_days=float(average / rate),
        )
        for test, units, average in pairs
    ]
    return made[0], made[1]


def fixed_drift(alpha: float, power: float) -> float:
    """Return effect / standard error at the end that a two-sided test sees with the power (the far side neglected).

    >>> round(fixed_drift(0.05, 0.8), 3)
    2.802
    """
    return float(stats.norm.isf(alpha / 2) + stats.norm.ppf(power))


@lru_cache(maxsize=64)
def sequential_drift(alpha: float, power: float, *, looks: int = LOOKS) -> float:
    """Return effect / standard error at the planned end for which a confidence sequence excludes 0 by then with the power."""
    return float(
        optimize.brentq(
            lambda drift: crossing(drift, alpha=alpha, looks=looks).stopped[-1] - power, 1.0, 9.0, xtol=1e-4
        )
    )


def crossing(drift: float, *, alpha: float, looks: int = LOOKS) -> Crossing:
    """Return when a confidence sequence, tuned to its planned end and looked at in equal steps, excludes 0.

    The sum of observations is a Brownian motion; its density inside the boundary is carried from look to look by
    quadrature (Armitage, McPherson and Rowe 1969).

    Parameters
    ----------
    drift : float
        Effect / standard error at the planned end.
    alpha : float
        Error probability of the sequence.
    looks : int
        Equal steps until the planned end.
    """
    at = np.arange(1, looks + 1) / looks
    # Scaled to one planned unit of time; the boundary of the sum is radius x time at standard error 1 / sqrt(time).
    boundary = at * sequence_radius(1.0 / np.sqrt(at), at, alpha=alpha, planned=1.0)
    nodes, weights = np.polynomial.legendre.leggauss(_GRID)
    step = at[0]
    points = np.zeros(1)
    mass = np.ones(1)
    alive = np.empty(looks)
    for look in range(looks):
        new = boundary[look] * nodes
        apart = new[:, None] - points - drift * step
        density = np.exp(-(apart**2) / (2.0 * step)) @ mass / np.sqrt(2.0 * np.pi * step)
        points, mass = new, density * weights * boundary[look]
        alive[look] = mass.sum()
    stopped = np.clip(1.0 - alive, 0.0, 1.0)
    return Crossing(stopped=stopped, expected=float(1.0 - step * stopped[:-1].sum()))
