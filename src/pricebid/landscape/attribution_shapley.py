"""Shapley values of channels: the average of what a channel adds, over all orders in which channels could join.

Two games. In the first the worth of a set of channels is what paths within it converted (Zhao, Mahboobi and Bagheri 2018);
it looks at converting paths only, and comes to an even split among the distinct channels of each path. In the second the
worth of a path's channels is the rate at which paths that met only those convert (Shao and Li 2011, Dalessandro et al. 2012):
it needs paths that did not convert.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import nnls
from scipy.special import betaln, gammaln

from pricebid.landscape.attribution_paths import tally

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pricebid.landscape.attribution_paths import Paths

EXACT = 18
MOST_CHANNELS = 62
ORDERS = 400
_STRENGTHS = np.geomspace(1.0, 1e5, 26)
_SURE = 1 - 1e-6


def shapley_values(worth: NDArray[np.float64]) -> NDArray[np.float64]:
    """Shapley values of one game.

    Parameters
    ----------
    worth : float64[2 ** player]
        Worth of each set of players; bit i of the position says whether player i is in it. The empty set's is first.

    Returns
    -------
    float64[player]
        Sum to the worth of all less that of none.

    Examples
    --------
    A left and two right gloves: a pair is worth 1.

    >>> shapley_values(np.array([0, 0, 0, 1, 0, 1, 0, 1.0])).round(3).tolist()
    [0.667, 0.167, 0.167]
    """
    players = len(worth).bit_length() - 1
    full = np.zeros(len(worth))
    full[-1] = 1.0
    values: NDArray[np.float64] = _credits(worth, full[None], players)[0]
    return values


def even_split(paths: Paths) -> NDArray[np.float64]:
    """Shapley values where a set is worth what paths within it converted, float64[2, channel].

    The dividends of this game (Harsanyi 1959) are the conversions of each exact set of channels, and a dividend is
    shared evenly: exact for any number of channels.
    """
    size = len(paths.channels)
    path = paths.path
    worth = paths.conversions[path] > 0
    pairs = np.unique(path[worth] * size + paths.channel[worth])
    path, channel = pairs // size, pairs % size
    share = 1.0 / np.bincount(path, minlength=len(paths))[path]
    return np.stack([tally(channel, share * what[path], size) for what in (paths.conversions, paths.value)])


@dataclass(frozen=True, kw_only=True, eq=False)
class Rates:
    """How often paths convert, by the set of channels that they met.

    Parameters
    ----------
    sets : int64[set]
        Sets seen, ascending; bit i says whether channel i is in it.
    rate : float64[set]
        Expected share that converts, of each set seen.
    hazard : float64[channel]
        Of a set not seen: 1 - exp(-sum of the hazards of its channels).
    """

    sets: NDArray[np.int64]
    rate: NDArray[np.float64]
    hazard: NDArray[np.float64]

    def of(self, sets: NDArray[np.int64], hazard: NDArray[np.float64]) -> NDArray[np.float64]:
        """Rates of any sets, given the sums of their channels' hazards, float64[...]; 0 for the empty set."""
        at = np.minimum(np.searchsorted(self.sets, sets), len(self.sets) - 1)
        return np.where(self.sets[at] == sets, self.rate[at], -np.expm1(-hazard))


def by_rates(paths: Paths, rng: np.random.Generator, *, orders: int = ORDERS) -> NDArray[np.float64]:
    """Shapley values where a path's channels are worth the rate at which paths that met only them convert.

    Parameters
    ----------
    paths : Paths
        With paths that did not convert, and at most `MOST_CHANNELS` channels.
    rng : Generator
        Used where there are more than `EXACT` channels: then averages over random orders are taken.
    orders : int
        How many.

    Returns
    -------
    float64[2, channel]
        Conversions and value; the credit of each set of channels adds up to its conversions. Below 0 for a channel with
        which paths convert less than without it.
    """
    bits = np.int64(1) << paths.channel.astype(np.int64)
    sets, at = np.unique(np.bitwise_or.reduceat(bits, paths.start), return_inverse=True)
    conversions, value, nulls = (tally(at, what, len(sets)) for what in (paths.conversions, paths.value, paths.nulls))
    rates = fit_rates(sets, conversions, conversions + nulls, channels=len(paths.channels))
    # As if so many walks had met the set that it yields exactly what it did: totals are kept.
    weight = np.divide(
        np.stack([conversions, value]), rates.rate, out=np.zeros((2, len(sets))), where=conversions[None] > 0
    )
    players = len(paths.channels)
    if players > EXACT:
        return _sampled(rates, weight, rng, orders=orders)
    every = np.arange(1 << players, dtype=np.int64)
    full = np.zeros((2, len(every)))
    full[:, sets] = weight
    return _credits(rates.of(every, _subset_sums(rates.hazard)), full, players)


def fit_rates(
    sets: NDArray[np.int64], conversions: NDArray[np.float64], walks: NDArray[np.float64], *, channels: int
) -> Rates:
    """Fit conversion rates of sets of channels.

    Few paths say little about their set. Rates are pulled to those of independent channels, as strongly as the
    likelihood of all sets says (beta-binomial, empirical Bayes).

    Parameters
    ----------
    sets : int64[set]
        Sets seen, ascending.
    conversions, walks : float64[set]
        Conversions, and paths with and without.
    channels : int
        How many there are.
    """
    member = (sets[:, None] >> np.arange(channels)) & 1
    observed = np.clip((conversions + 0.5) / (walks + 1.0), 1e-9, _SURE)
    spread = np.sqrt(walks * (1 - observed) / observed)  # 1 / sd of log(1 - rate), by the delta method
    hazard, _ = nnls(member * spread[:, None], -np.log1p(-observed) * spread)
    mean = np.clip(-np.expm1(-(member @ hazard)), 1e-9, _SURE)
    a, b = mean * _STRENGTHS[:, None], (1 - mean) * _STRENGTHS[:, None]
    likelihood = (betaln(a + conversions, b + walks - conversions) - betaln(a, b)).sum(axis=1)
    strength = _STRENGTHS[int(np.argmax(likelihood))]
    return Rates(sets=sets, rate=(conversions + strength * mean) / (walks + strength), hazard=hazard)


def _credits(worth: NDArray[np.float64], full: NDArray[np.float64], players: int) -> NDArray[np.float64]:
    """Sum of Shapley values of the games within each full set, times that set's weight, float64[weight, player].

    Parameters
    ----------
    worth : float64[set]
        Worth of every set.
    full : float64[weight, set]
        Weights of full sets.
    players : int
        How many.
    """
    sets = np.arange(len(worth))
    size = np.bitwise_count(sets).astype(np.int64)
    # A set of s players is followed by i in s! (t - s - 1)! / t! of the orders of t players.
    log = gammaln(np.arange(players + 2) + 1.0)
    gained = np.zeros((len(full), len(worth)))
    for t in range(1, players + 1):
        above = _superset_sums(np.where(size == t, full, 0.0))
        fits = (size >= 1) & (size <= t)
        part = np.exp(log[size[fits] - 1] + log[t - size[fits]] - log[t])
        gained[:, fits] += above[:, fits] * part
    found = np.empty((len(full), players))
    for player in range(players):
        having = sets[(sets >> player) & 1 == 1]
        found[:, player] = gained[:, having] @ (worth[having] - worth[having ^ (1 << player)])
    return found


def _superset_sums(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sum over all sets that contain each set, float64[weight, set]."""
    rows, size = values.shape
    summed = values.copy()
    step = 1
    while step < size:
        pairs = summed.reshape(rows, -1, 2, step)
        pairs[:, :, 0] += pairs[:, :, 1]
        step *= 2
    return summed


def _subset_sums(single: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sum of the members' numbers for every set, float64[2 ** member]."""
    sums = np.zeros(1)
    for value in single:
        sums = np.concatenate([sums, sums + value])
    return sums


def _sampled(
    rates: Rates, weight: NDArray[np.float64], rng: np.random.Generator, *, orders: int
) -> NDArray[np.float64]:
    """As `_credits`, over random orders; each is also run backwards, which cancels part of the noise."""
    players = len(rates.hazard)
    draws = np.stack([rng.permutation(players) for _ in range((orders + 1) // 2)])
    found = np.zeros((len(weight), players))
    for order in np.concatenate([draws, draws[:, ::-1]]):
        met, hazard = np.zeros_like(rates.sets), np.zeros(len(rates.sets))
        before = np.zeros(len(rates.sets))
        for player in order:
            joins = (rates.sets >> player) & 1
            met, hazard = met | (joins << player), hazard + joins * rates.hazard[player]
            now = rates.of(met, hazard)
            found[:, player] += weight @ np.where(joins == 1, now - before, 0.0)
            before = np.where(joins == 1, now, before)
    return found / (2 * len(draws))
