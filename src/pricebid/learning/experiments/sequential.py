"""Comparisons that may be looked at any time: asymptotic confidence sequences."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pricebid.learning.experiments.fixed import Comparisons, differences, finish

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from pricebid.learning.experiments.means import Means

    Floats = NDArray[np.float64]

PLANNED = 10_000  # units


def tuning(planned: float, alpha: float) -> float:
    """Return rho squared that makes the sequence narrowest after ``planned`` units (Waudby-Smith et al. 2024, appendix B.2).

    >>> round(tuning(10_000, 0.05) * 10_000, 3)
    8.782
    """
    wide = -2.0 * np.log(alpha)
    return float((wide + np.log(wide) + 1.0) / planned)


def sequence_radius(error: ArrayLike, units: ArrayLike, *, alpha: float, planned: float = PLANNED) -> Floats:
    """Return the half-width of the confidence sequence.

    The asymptotic confidence sequence of Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas (2024, Annals of Statistics 52(6),
    theorem 2.2): with probability 1 - alpha the truth lies inside at all looks at once, as the first look moves out. For
    normal observations it is the mixture of likelihood ratios of Robbins (1970) and of the mixture SPRT of Johari, Koomen,
    Pekelis and Walsh (2022).

    Parameters
    ----------
    error : float or float64[...]
        Standard error of the difference.
    units : float or float64[...]
        Units seen so far, both arms together.
    alpha : float
        Error probability over all looks.
    planned : float
        Units after which the sequence is to be narrowest; fixed before the first look.
    """
    pace = np.asarray(units, dtype=float) * tuning(planned, alpha)
    radius: Floats = np.asarray(error, dtype=np.float64) * np.sqrt(
        2.0 * (pace + 1.0) / pace * np.log(np.sqrt(pace + 1.0) / alpha)
    )
    return radius


def sequence_p(
    difference: ArrayLike, error: ArrayLike, units: ArrayLike, *, alpha: float, planned: float = PLANNED
) -> Floats:
    """Return the always-valid p-value of one look: the alpha at which the sequence, so tuned, would just exclude 0.

    Its smallest value over all looks so far is a valid p-value too. Parameters are those of `sequence_radius`; ``alpha``
    only tunes.
    """
    pace = np.asarray(units, dtype=float) * tuning(planned, alpha)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        square = np.square(np.asarray(difference) / np.asarray(error))
        evidence = np.exp(-square * pace / (2.0 * (pace + 1.0))) * np.sqrt(pace + 1.0)
    p: Floats = np.minimum(np.nan_to_num(evidence, nan=1.0), 1.0)
    return p


def compare_sequential(
    means: Means, *, alpha: float = 0.05, planned: float = PLANNED, share_alpha: bool = True
) -> Comparisons:
    """Compare every variant with the control, at any time and as often as wanted.

    Parameters
    ----------
    means : Means
        The control first.
    alpha : float
        Error probability over all looks and, with ``share_alpha``, over all variants (Bonferroni).
    planned : float
        Units in the whole experiment at its planned end.
    share_alpha : bool
        Divide ``alpha`` among the variants.
    """
    difference, error, _ = differences(means)
    many = len(difference) if share_alpha else 1
    pair = (means.units[1:] + means.units[0]).astype(float)
    planned_pair = planned * 2.0 / len(means.units)
    radius = sequence_radius(error, pair, alpha=alpha / many, planned=planned_pair)
    p = many * sequence_p(difference, error, pair, alpha=alpha / many, planned=planned_pair)
    return finish(means, difference, error, np.full(len(difference), np.inf), radius, p)
