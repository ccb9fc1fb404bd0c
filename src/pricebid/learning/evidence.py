"""Evidence against a claim about means that may be looked at after every outcome: mixture likelihoods over the best fit.

A mixture over what the means might be, divided by the best that the claim can do, is never larger than a test martingale
under the claim (universal inference: Wasserman, Ramdas and Balakrishnan 2020; mixtures: Robbins 1970). By Ville's inequality
it ever exceeds 1 / error with probability ``error`` at most, however outcomes are chosen and whenever one looks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from scipy.special import betaln, xlog1py, xlogy

from pricebid.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

HALVINGS = 25  # to 3e-8 of the mean, where the likelihood is flat


class Family(Protocol):
    """How rewards scatter around their mean. Counts and totals may have any shape, the same for both."""

    def log_mixture(self, count: Floats, total: Floats) -> Floats:
        """Log likelihood of rewards, averaged over what their mean might be."""
        ...

    def log_best(self, count: Floats, total: Floats) -> Floats:
        """Log likelihood at the mean that fits best."""
        ...

    def log_best_apart(self, one: tuple[Floats, Floats], two: tuple[Floats, Floats], margin: float) -> Floats:
        """Log likelihood of two arms at the best fit whose second mean is at least ``margin`` above the first."""
        ...

    def sample(self, count: Floats, total: Floats, rng: np.random.Generator, draws: int) -> Floats:
        """Draw means from their posterior, float64[draw, ...]."""
        ...

    def check(self, reward: Floats) -> None:
        """Refuse rewards that this family cannot have."""
        ...


@dataclass(frozen=True, kw_only=True)
class Bounded:
    """Rewards from 0 to 1: successes and failures, or any share.

    The Bernoulli likelihood ratio of a bounded reward is convex in the reward, so that it is largest in expectation where
    rewards are 0 or 1: what holds for those holds for all. The mixture is Jeffreys' Beta(1/2, 1/2).
    """

    def log_mixture(self, count: Floats, total: Floats) -> Floats:
        """Log likelihood of rewards, averaged over what their mean might be."""
        # Sums that are differences of others may leave their range by rounding.
        mixed: Floats = betaln(np.maximum(total, 0.0) + 0.5, np.maximum(count - total, 0.0) + 0.5) - betaln(0.5, 0.5)
        return mixed

    def log_best(self, count: Floats, total: Floats) -> Floats:
        """Log likelihood at the mean that fits best."""
        mean = total / np.maximum(count, 1e-300)
        return _bernoulli(count, total, np.clip(mean, 0.0, 1.0))

    def log_best_apart(self, one: tuple[Floats, Floats], two: tuple[Floats, Floats], margin: float) -> Floats:
        """Log likelihood of two arms at the best fit whose second mean is at least ``margin`` above the first."""
        free = self.log_best(*one) + self.log_best(*two)
        first, second = (total / np.maximum(count, 1e-300) for count, total in (one, two))
        if margin == 0.0:
            pooled = self.log_best(one[0] + two[0], one[1] + two[1])
            return np.where(second >= first, free, pooled)
        # The likelihood along mean, mean + margin is concave: its slope falls, and is halved down upon.
        low = np.zeros(np.broadcast(first, second).shape)
        high = low + (1.0 - margin)
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            rising = _slope(*one, middle) + _slope(*two, middle + margin) > 0.0
            low, high = np.where(rising, middle, low), np.where(rising, high, middle)
        # Inside, the likelihood is flat at its top; at the ends of the range it is not, so that they are tried themselves.
        tried = ((low + high) / 2, np.zeros_like(low), np.full_like(low, 1.0 - margin))
        fits = [_bernoulli(*one, mean) + _bernoulli(*two, np.minimum(mean + margin, 1.0)) for mean in tried]
        bound = np.maximum.reduce(fits)
        return np.where(second >= first + margin, free, np.minimum(bound, free))

    def sample(self, count: Floats, total: Floats, rng: np.random.Generator, draws: int) -> Floats:
        """Draw means from their posterior, float64[draw, ...]."""
        return rng.beta(total + 0.5, np.maximum(count - total, 0.0) + 0.5, (draws, *count.shape))

    def check(self, reward: Floats) -> None:
        """Refuse rewards outside 0 to 1.

        Raises
        ------
        InputError
            Some are.
        """
        odd = reward[~((reward >= 0.0) & (reward <= 1.0))]
        if odd.size:
            raise InputError(f"outcomes: rewards {odd[:5].tolist()}; Bounded() takes 0 to 1: give Scattered(noise=...)")


@dataclass(frozen=True, kw_only=True)
class Scattered:
    """Rewards of any size whose noise is known (normal, or with tails no heavier: sub-Gaussian).

    Parameters
    ----------
    noise : float
        Standard deviation of a reward around its mean, > 0.
    centre, spread : float
        Where means are thought to lie, and how far apart; only how soon something is shown depends on it. Without
        ``spread`` that of the noise.
    """

    noise: float
    centre: float = 0.0
    spread: float | None = None

    def __post_init__(self) -> None:
        for name in ("noise", "spread"):
            value = getattr(self, name)
            if value is not None and not (value > 0.0 and np.isfinite(value)):
                raise InputError(f"{name} is {value!r}; give a standard deviation above 0")
        if not np.isfinite(self.centre):
            raise InputError(f"centre is {self.centre!r}; give a finite number")

    def _off(self, count: Floats, total: Floats) -> Floats:
        return (total - count * self.centre) / self.noise

    def log_mixture(self, count: Floats, total: Floats) -> Floats:
        """Log likelihood of rewards over that at ``centre``, averaged over what their mean might be."""
        ratio = ((self.spread or self.noise) / self.noise) ** 2
        mixed: Floats = self._off(count, total) ** 2 * ratio / (2 * (1 + count * ratio)) - 0.5 * np.log1p(count * ratio)
        return mixed

    def log_best(self, count: Floats, total: Floats) -> Floats:
        """Log likelihood over that at ``centre`` at the mean that fits best."""
        best: Floats = self._off(count, total) ** 2 / (2 * np.maximum(count, 1e-300))
        return best

    def log_best_apart(self, one: tuple[Floats, Floats], two: tuple[Floats, Floats], margin: float) -> Floats:
        """Log likelihood of two arms at the best fit whose second mean is at least ``margin`` above the first."""
        free = self.log_best(*one) + self.log_best(*two)
        (count, total), (others, brought) = one, two
        both = np.maximum(count * others, 1e-300)
        lacks = total / np.maximum(count, 1e-300) + margin - brought / np.maximum(others, 1e-300)
        lost = both / np.maximum(count + others, 1e-300) * (np.maximum(lacks, 0.0) / self.noise) ** 2 / 2
        return free - np.where((count > 0) & (others > 0), lost, 0.0)

    def sample(self, count: Floats, total: Floats, rng: np.random.Generator, draws: int) -> Floats:
        """Draw means from their posterior, float64[draw, ...]."""
        weight = (self.noise / (self.spread or self.noise)) ** 2
        mean: Floats = self.centre + self.noise * self._off(count, total) / (weight + count)
        drawn: Floats = mean + self.noise / np.sqrt(weight + count) * rng.standard_normal((draws, *count.shape))
        return drawn

    def check(self, reward: Floats) -> None:
        """Take any reward."""


def _bernoulli(count: Floats, total: Floats, mean: Floats) -> Floats:
    return np.asarray(xlogy(total, mean) + xlog1py(count - total, -mean), dtype=np.float64)


def _slope(count: Floats, total: Floats, mean: Floats) -> Floats:
    inside = np.clip(mean, 1e-12, 1 - 1e-12)
    slope: Floats = total / inside - (count - total) / (1 - inside)
    return slope
