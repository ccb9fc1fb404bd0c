"""Alarm where units did not arrive in the shares that were meant: then no difference can be trusted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import special, stats

from pricebid.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from pricebid.learning.experiments.units import Units

    Floats = NDArray[np.float64]

ALARM = 0.001  # p-value below which the shares cannot be luck


@dataclass(frozen=True, kw_only=True, eq=False)
class Mismatch:
    """How far the units are from the shares that were meant.

    Parameters
    ----------
    expected : float64[variant]
        Units that the shares would give.
    p : float
        Of the chi-squared test, for one look.
    always_p : float
        Valid at all looks at once.
    alarm : bool
        The p-value for the way in which the experiment is read is below 0.001.
    """

    expected: Floats
    p: float
    always_p: float
    alarm: bool


def ratio_mismatch(units: Units, shares: tuple[tuple[str, float], ...] = (), *, sequential: bool = False) -> Mismatch:
    """Test the number of units per variant against the shares that were meant.

    Where every unit of a variant had the same propensity, these are the shares. Where it varies from unit to unit, the sum of
    1 / propensity over the units of a variant must be near the number of all units; there is no sequential test then, so
    its p-value is for one look.

    Parameters
    ----------
    units : Units
        One entry per unit.
    shares : tuple of (str, float)
        By variant, of any sum; told by the propensities or equal where not given.
    sequential : bool
        Which p-value raises the alarm.

    Raises
    ------
    InputError
        The shares do not name every variant.
    """
    names = units.labels.tolist()
    given = dict(shares)
    if given and set(given) != set(names):
        raise InputError(f"shares name {', '.join(given)}; the variants are {', '.join(names)}: give a share for each")
    counts = units.counts
    weight = np.array([units.weight[units.variant == at].mean() for at in range(len(names))])
    constant = all(np.ptp(units.weight[units.variant == at]) < 1e-9 for at in range(len(names)))
    weighted = bool((units.weight != 1.0).any())
    if weighted and not given and not (constant and abs(np.sum(1 / weight) - 1.0) < 0.01):
        return _by_weights(units)
    meant = np.array([given[name] for name in names]) if given else (1 / weight if weighted else np.ones(len(names)))
    expected = counts.sum() * meant / meant.sum()
    p = float(stats.chisquare(counts, expected).pvalue)
    always = 1.0 / mismatch_evidence(counts, meant / meant.sum())
    always_p = float(min(always, 1.0))
    return Mismatch(expected=expected, p=p, always_p=always_p, alarm=(always_p if sequential else p) < ALARM)


def mismatch_evidence(counts: ArrayLike, shares: ArrayLike, *, strength: float = 100.0) -> float:
    """Return the evidence (a test martingale) against the shares: 1 / evidence is a p-value valid at all looks.

    The Bayes factor of a Dirichlet prior around the shares against the shares themselves (Lindon and Malek 2022,
    "Anytime-valid inference for multinomial count data").

    Parameters
    ----------
    counts : int[variant]
        Units so far.
    shares : float[variant]
        Meant shares, summing to 1.
    strength : float
        Units that the prior is worth; large sees small deviations late, small sees large ones early.

    >>> mismatch_evidence([5_200, 4_800], [0.5, 0.5]) > 60
    True
    """
    seen, meant = np.asarray(counts, dtype=float), np.asarray(shares, dtype=float)
    prior = strength * meant
    log = special.gammaln(prior + seen).sum() - special.gammaln(prior.sum() + seen.sum())
    log -= special.gammaln(prior).sum() - special.gammaln(prior.sum())
    log -= (seen * np.log(meant)).sum()
    return float(np.exp(np.minimum(log, 700.0)))


def _by_weights(units: Units) -> Mismatch:
    arms, n = len(units.labels), len(units)
    total = np.bincount(units.variant, weights=units.weight, minlength=arms)
    noise = np.bincount(units.variant, weights=units.weight * (units.weight - 1.0), minlength=arms)
    with np.errstate(divide="ignore", invalid="ignore"):
        z = np.nan_to_num((total - n) / np.sqrt(noise))
    p = float(min(1.0, arms * 2.0 * stats.norm.sf(np.abs(z)).min()))
    share = 1.0 / np.maximum(total / np.maximum(units.counts, 1), 1e-300)
    return Mismatch(expected=n * share / share.sum(), p=p, always_p=float("nan"), alarm=p < ALARM)
