"""Hour profiles: smooth around the clock, campaigns' profiles around one that all share, series' around their campaign's.

A profile is a sum of daily waves. The variance of the k-th harmonic falls like ``k^-3``, so that profiles are smooth unless
the data say otherwise. A series departs from its campaign by a constant and one daily wave, which are summed out: a large
keyword speaks for its campaign, but not as loudly as its clicks alone would. How far profiles swing and depart is learnt by EM.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ROUNDS = 10
_FLAT = 10.0  # standard deviation of the constants, which are not part of a profile
_BELIEF, _WEIGHT = 0.2, 4.0  # waves are believed to be about so large, as firmly as so many seen would say it
_OWN = 0.1
_MOST = 1.0  # largest variance of an amplitude that is credited: traffic that differs by e^4 within the day
_ROUGHNESS = 3.0
_LOW = 3  # a series' own waves: a constant, and one wave a day


class Swings(NamedTuple):
    """Variances of amplitudes: of the shared profile, of campaigns' departures from it, of series' from their campaign."""

    shared: float = 0.3**2
    apart: float = 0.15**2
    own: float = _OWN**2


class Profiles(NamedTuple):
    """Posterior of the campaigns' profiles, each with mean 0 over the hours.

    ``mean``: float64[campaign, hour]; ``covariance``: float64[campaign, hour, hour]; ``swings``: as learnt.
    """

    mean: NDArray[np.float64]
    covariance: NDArray[np.float64]
    swings: Swings


def waves(hours: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Orthonormal waves around the clock, float64[hour, wave], the constant first, and the harmonic of each, float64[wave]."""
    turn = 2.0 * np.pi * np.arange(hours) / hours
    columns, harmonic = [np.ones(hours)], [0.0]
    for k in range(1, hours // 2 + 1):
        columns.append(np.cos(k * turn))
        harmonic.append(float(k))
        if 2 * k < hours:
            columns.append(np.sin(k * turn))
            harmonic.append(float(k))
    basis = np.stack(columns, axis=1)
    return basis / np.sqrt((basis**2).sum(axis=0)), np.array(harmonic)


def smooth(
    shift: NDArray[np.float64],
    precision: NDArray[np.float64],
    owner: NDArray[np.int64],
    campaigns: int,
    *,
    swings: Swings | None = None,
    rounds: int = _ROUNDS,
) -> Profiles:
    """Smooth what was seen of the hours of series.

    Parameters
    ----------
    shift : float64[series, hour]
        What was seen of the profile times its precision; a constant per series is taken out.
    precision : float64[series, hour]
        1 / variance of what was seen; 0 where nothing was.
    owner : int64[series]
        Campaign of each series.
    campaigns : int
        Number of campaigns; those without series get the shared profile.
    swings : Swings, optional
        To start from.
    rounds : int
        Rounds of EM.

    Returns
    -------
    Profiles
    """
    hours = precision.shape[1]
    found = swings or Swings()
    if hours == 1:
        return Profiles(np.zeros((campaigns, 1)), np.zeros((campaigns, 1, 1)), found)
    ladder = _Ladder(shift, precision, owner, campaigns)
    for _ in range(rounds):
        found = ladder.learnt(found)
    mean, covariance = ladder.posterior(found)[:2]
    wave = ladder.basis[:, 1:]
    return Profiles(mean[:, 1:] @ wave.T, wave @ covariance[:, 1:, 1:] @ wave.T, found)


class _Ladder:
    """Shared profile, campaigns, series: what was seen of the hours, and exact inference given the swings."""

    def __init__(
        self, shift: NDArray[np.float64], precision: NDArray[np.float64], owner: NDArray[np.int64], campaigns: int
    ) -> None:
        order = np.argsort(owner, kind="stable")
        bounds = np.searchsorted(owner[order], np.arange(campaigns + 1))
        self.parts = [slice(int(a), int(b)) for a, b in itertools.pairwise(bounds)]
        self.series = len(owner)
        self.basis, harmonic = waves(shift.shape[1])
        # Variance of a wave's coefficient per unit of squared amplitude.
        self.scale = np.maximum(harmonic, 1.0) ** -_ROUGHNESS * shift.shape[1] / 2.0
        told = shift[order] @ self.basis
        self.told = told[:, :_LOW]
        self.told_sum = np.stack([told[part].sum(axis=0) for part in self.parts])
        plain = np.stack([precision[order][part].sum(axis=0) for part in self.parts])
        self.seen = np.einsum("hj,ch,hk->cjk", self.basis, plain, self.basis)
        # Information between all waves and a series' own ones, float64[series, wave, own].
        pairs = (self.basis[:, :, None] * self.basis[:, None, :_LOW]).reshape(len(self.basis), -1)
        self.cross = (precision[order] @ pairs).reshape(self.series, len(self.scale), _LOW)

    def _own(self, own: float) -> NDArray[np.float64]:
        """Covariance of each series' own waves given its campaign's, float64[series, own, own]."""
        prior = np.diag(1.0 / np.array([_FLAT**2, *(own * self.scale[1:_LOW])]))
        return np.asarray(np.linalg.inv(self.cross[:, :_LOW] + prior))

    def _summed_out(self, inner: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """What all series of a campaign say of it, their own departures summed out: information and shift."""
        lean = self.cross @ inner
        seen, told = self.seen.copy(), self.told_sum.copy()
        for at, part in enumerate(self.parts):
            flat = lean[part].transpose(1, 0, 2).reshape(len(self.scale), -1)
            seen[at] -= flat @ self.cross[part].transpose(1, 0, 2).reshape(len(self.scale), -1).T
            told[at] -= flat @ self.told[part].ravel()
        return seen, told

    def posterior(
        self, swings: Swings
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Coefficients of campaigns and their covariance; second moments of the shared waves and of departures."""
        return self._campaigns(swings, self._own(swings.own))

    def _campaigns(
        self, swings: Swings, own: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        seen, told = self._summed_out(own)
        spread = self.scale * swings.apart
        spread[0] = _FLAT**2
        inner = np.linalg.inv(seen + np.diag(1.0 / spread))
        lean = inner / spread  # how a campaign answers to the shared profile
        top = np.diag(1.0 / (self.scale * swings.shared)) + (np.diag(1.0 / spread) - lean / spread[:, None]).sum(axis=0)
        over = np.linalg.inv(0.5 * (top + top.T))
        centre = over @ np.einsum("cjk,cj->k", lean, told)
        mean = np.einsum("cjk,ck->cj", inner, told) + lean @ centre
        covariance = inner + lean @ over @ lean.transpose(0, 2, 1)
        gap = lean - np.eye(len(self.scale))
        away = np.diagonal(inner + gap @ over @ gap.transpose(0, 2, 1), axis1=1, axis2=2) + (mean - centre) ** 2
        return mean, covariance, centre**2 + np.diagonal(over), away

    def learnt(self, swings: Swings) -> Swings:
        """One step of EM."""
        inner = self._own(swings.own)
        mean, covariance, shared, away = self._campaigns(swings, inner)
        total = float(np.diagonal(inner, axis1=1, axis2=2)[:, 1:].sum())
        for at, part in enumerate(self.parts):
            gap = self.told[part] - np.einsum("sjk,j->sk", self.cross[part], mean[at])
            lean = inner[part] @ self.cross[part].transpose(0, 2, 1)
            unsure = ((lean @ covariance[at]) * lean).sum(axis=2)
            own = (inner[part] @ gap[:, :, None])[:, :, 0]
            total += float((own**2 + unsure)[:, 1:].sum())
        weight, count = _WEIGHT * _BELIEF**2, len(self.scale) - 1
        return Swings(
            shared=min(float((shared[1:] / self.scale[1:]).sum() + weight) / (count + _WEIGHT), _MOST),
            apart=min(float((away[:, 1:] / self.scale[1:]).sum() + weight) / (count * len(mean) + _WEIGHT), _MOST),
            own=min((total / float(self.scale[1]) + _WEIGHT * _OWN**2) / ((_LOW - 1) * self.series + _WEIGHT), _MOST),
        )
