"""How expected units answer to prices: the seam between the demand model and the price plan.

A :class:`PriceResponse` gives, for one price per offer over the whole horizon, the expected units of every offer; the
units of an offer along its ladder; and what its move would spill onto the others of its group. Two are here: the
log-linear response that the demand model gives, and the multinomial logit of tests and simulated markets.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Protocol, cast

import numpy as np

from pricebid.demand._values import frozen, labels
from pricebid.demand.logit import LogitResponse
from pricebid.demand.stock import expected_sold, sold_slope
from pricebid.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["LogLinearResponse", "LogitResponse", "PriceResponse", "expected_sold", "sold_slope"]

# A Taylor series of exp in double precision: beyond this reach, cancellation costs more than a direct sum.
_MOST_REACH = 6.0
_SERIES_ERROR = 1e-15
_MOST_TERMS = 100
_BLOCK = 2_048


class PriceResponse(Protocol):
    """Return expected units at any prices. Offers of one group interact; offers of different groups do not."""

    @property
    def groups(self) -> NDArray[np.intp]:
        """Group of each offer, int[offer], counted from 0."""
        ...

    @property
    def current(self) -> NDArray[np.float64]:
        """Prices at which nothing changes, float64[offer], money."""
        ...

    @property
    def dispersion(self) -> NDArray[np.float64]:
        """Variance of the horizon's demand = mean + dispersion * mean ** 2, float64[offer]."""
        ...

    @property
    def chance(self) -> NDArray[np.float64]:
        """What of the dispersion is left once the parameters are drawn, float64[offer]; the rest is in `draws`."""
        ...

    def units(self, price: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return expected units over the horizon at ``price``, with every cross effect, float64[offer]."""
        ...

    def options(self, price: NDArray[np.float64], ladder: NDArray[np.float64]) -> NDArray[np.float64]:
        """Units of each offer if it alone moves to an option, float64[offer, option]."""
        ...

    def spill(
        self, price: NDArray[np.float64], ladder: NDArray[np.float64], value: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Sum over the other offers j of value[o, j] * (units of j after the move - before), float64[o, offer, option]."""
        ...

    def draws(self, prices: NDArray[np.float64], rng: np.random.Generator, n: int) -> NDArray[np.float64]:
        """Return expected units of plans under n parameter draws, the same for each plan: [plan, n, offer]."""
        ...

    def elasticity(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Own-price elasticity at the current prices, and its standard deviation, float64[offer] each."""
        ...


@dataclass(frozen=True, kw_only=True)
class LogLinearResponse:
    """Units log-linear in the offer's own price and in its group's price index, parameters normally distributed.

    With ``x_i`` the log price change ``log(price_i / current_i)`` (curved, see ``curvature``) and the group's index ``z = sum_j weight_j x_j``::

        units_i = sum_h base[i, h] E[exp(own_i x_i + carry_i decay^h x_i + cross_i z)],   h = 1..H

    the expectation over (own, cross) ~ Normal(mean, covariance + common_covariance), which is closed:
    ``E[exp(m'v)] = exp(m'v + v'Cv / 2)`` at ``v = (x_i, z)``. Because it grows with the square of the move, an
    uncertain offer's expected units are convex in its log price.

    Parameters
    ----------
    current : float64[offer]
        Prices at which ``base`` was computed, money, > 0.
    base : float64[offer, step]
        Expected units of each step at the current prices, >= 0.
    groups : int[offer]
        Offers of one group share a price index.
    weight : float64[offer]
        Weight in the group's index, >= 0; scaled here so that each group's sum is 1.
    own_mean, cross_mean : float64[offer]
        Mean of the elasticity to the own price (at a given index) and to the group's index.
    covariance : float64[offer, 2, 2]
        Covariance of (own, cross) peculiar to the offer.
    pools : int[offer], optional
        Offers that share the uncertainty of their pool (a category, say); default: the groups.
    common_covariance : float64[pool, 2, 2]
        Covariance of (own, cross) that all offers of a pool share.
    level_sd, common_level_sd : float64[offer], float64[pool]
        Standard deviation of the log level, peculiar and shared. The mean level is ``base``.
    carry : float64[offer]
        Reference price effect: an extra elasticity that fades as ``decay ** h``.
    decay : float
        In [0, 1).
    curvature : float
        Moves are measured as ``(exp(curvature log(p / current)) - 1) / curvature`` (Box-Cox): at 0 elasticities are
        constant, at 1 they grow in proportion to the price, as in a logit.
    dispersion : float64[offer]
        Variance of the horizon's demand = mean + dispersion * mean ** 2.

    Raises
    ------
    InputError
        Shapes that do not fit, prices <= 0, negative base, decay outside [0, 1), a covariance with negative variance.
    """

    current: NDArray[np.float64]
    base: NDArray[np.float64]
    groups: NDArray[np.intp]
    own_mean: NDArray[np.float64]
    cross_mean: NDArray[np.float64]
    weight: NDArray[np.float64] = field(default_factory=lambda: np.ones(1))
    covariance: NDArray[np.float64] = field(default_factory=lambda: np.zeros((2, 2)))
    pools: NDArray[np.intp] | None = None
    common_covariance: NDArray[np.float64] = field(default_factory=lambda: np.zeros((2, 2)))
    level_sd: NDArray[np.float64] = field(default_factory=lambda: np.zeros(1))
    common_level_sd: NDArray[np.float64] = field(default_factory=lambda: np.zeros(1))
    carry: NDArray[np.float64] = field(default_factory=lambda: np.zeros(1))
    decay: float = 0.0
    curvature: float = 0.0
    dispersion: NDArray[np.float64] = field(default_factory=lambda: np.zeros(1))

    def __post_init__(self) -> None:
        n = len(np.asarray(self.current))
        base = np.atleast_2d(np.asarray(self.base, dtype=np.float64))
        groups = labels(self.groups, n, "groups")
        pools = groups if self.pools is None else labels(self.pools, n, "pools")
        n_pools = int(pools.max()) + 1 if n else 0
        names = ("current", "own_mean", "cross_mean", "weight", "level_sd", "carry", "dispersion")
        shapes: dict[str, tuple[int, ...]] = dict.fromkeys(names, (n,))
        shapes |= {"base": (n, base.shape[1]), "covariance": (n, 2, 2)}
        shapes |= {"common_covariance": (n_pools, 2, 2), "common_level_sd": (n_pools,)}
        for name, shape in shapes.items():
            object.__setattr__(self, name, frozen(getattr(self, name), shape, name))
        object.__setattr__(self, "groups", groups)
        object.__setattr__(self, "pools", pools)
        self._check()
        total = np.bincount(groups, weights=self.weight, minlength=1)
        scaled = self.weight / np.where(total > 0, total, 1.0)[groups]
        scaled.flags.writeable = False
        object.__setattr__(self, "weight", scaled)

    def _check(self) -> None:
        if (self.current <= 0).any():
            raise InputError(f"current: prices must be > 0, least is {self.current.min()}")
        if (self.base < 0).any() or (self.weight < 0).any() or (self.dispersion < 0).any():
            raise InputError("base, weight and dispersion must be >= 0")
        if not 0.0 <= self.decay < 1.0:
            raise InputError(f"decay: {self.decay} given, must lie in [0, 1)")
        for name in ("covariance", "common_covariance"):
            matrix = getattr(self, name)
            if (matrix[:, 0, 0] < 0).any() or (matrix[:, 1, 1] < 0).any():
                raise InputError(f"{name}: variances must be >= 0")

    def _moves(self, price: NDArray[np.float64]) -> NDArray[np.float64]:
        """How far prices [offer] or [offer, option] are from the current ones, on the curved scale."""
        current = self.current.reshape(-1, *(1,) * (price.ndim - 1))
        x = np.log(price / current)
        return x if self.curvature == 0.0 else np.asarray(np.expm1(self.curvature * x) / self.curvature)

    @property
    def _pools(self) -> NDArray[np.intp]:
        return cast("NDArray[np.intp]", self.pools)

    @cached_property
    def _total_covariance(self) -> NDArray[np.float64]:
        return self.covariance + self.common_covariance[self._pools]

    def _index(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Price index of each offer's group, float64[offer]."""
        return np.asarray(np.bincount(self.groups, weights=self.weight * x, minlength=1)[self.groups], dtype=np.float64)

    def _level(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Units before elasticities: sum over steps of base times the fading reference effect, same shape as x."""
        extra = (1,) * (x.ndim - 1)
        if not self.carry.any() or self.decay == 0.0:
            return np.broadcast_to(self.base.sum(axis=1).reshape(-1, *extra), x.shape)
        level = np.zeros_like(x)
        for h in range(self.base.shape[1]):
            fading = (self.carry * self.decay ** (h + 1)).reshape(-1, *extra)
            level += self.base[:, h].reshape(-1, *extra) * np.exp(fading * x)
        return level

    def _expected(self, x: NDArray[np.float64], z: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return expected units at log moves x and index z, both [offer] or [offer, option]."""
        extra = (1,) * (x.ndim - 1)
        c = self._total_covariance
        own, cross = self.own_mean.reshape(-1, *extra), self.cross_mean.reshape(-1, *extra)
        c11, c12, c22 = (c[:, i, j].reshape(-1, *extra) for i, j in ((0, 0), (0, 1), (1, 1)))
        exponent = x * (own + 0.5 * c11 * x + c12 * z) + z * (cross + 0.5 * c22 * z)
        return np.asarray(self._level(x) * np.exp(exponent))

    @property
    def chance(self) -> NDArray[np.float64]:
        """What of the dispersion is left once the parameters are drawn, float64[offer]: all of it, it is given so."""
        return self.dispersion

    def units(self, price: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return expected units over the horizon at ``price``, float64[offer]."""
        x = self._moves(price)
        return self._expected(x, self._index(x))

    def options(self, price: NDArray[np.float64], ladder: NDArray[np.float64]) -> NDArray[np.float64]:
        """Units of each offer if it alone moves to an option of ``ladder``, float64[offer, option]."""
        x0 = self._moves(price)
        x = self._moves(ladder)
        z = self._index(x0)[:, None] + self.weight[:, None] * (x - x0[:, None])
        return self._expected(x, z)

    def spill(
        self, price: NDArray[np.float64], ladder: NDArray[np.float64], value: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return what each single move adds to the others of its group, float64[outcome, offer, option].

        Moving offer i shifts the index by d, which multiplies the units of each other j by exp(a_j d + b_j d^2). Its
        power series in d has coefficients c_n with (n + 1) c_{n+1} = a c_n + 2 b c_{n-1} (Hermite), so that a few
        sums per group serve every move exactly, to rounding.
        """
        x0 = self._moves(price)
        z0 = self._index(x0)
        c = self._total_covariance
        a = self.cross_mean + c[:, 0, 1] * x0 + c[:, 1, 1] * z0
        b = 0.5 * c[:, 1, 1]
        worth = value * self._expected(x0, z0)
        shift = self.weight[:, None] * (self._moves(ladder) - x0[:, None])
        crowd = np.bincount(self.groups, minlength=1)
        if not (crowd > 1).any():
            return np.zeros((len(value), *ladder.shape))
        farthest = np.zeros(len(crowd))
        np.maximum.at(farthest, self.groups, np.abs(shift).max(axis=1))
        d = np.where(crowd > 1, farthest, 0.0)[self.groups]
        first, second = np.abs(a) * d, b * d * d
        near = first + second <= _MOST_REACH
        reach = float(first[near].max(initial=0.0)), float(second[near].max(initial=0.0))
        spill = self._series((worth, a, b, shift), reach)
        wide = np.unique(self.groups[~near])
        for group in wide:
            self._direct(np.flatnonzero(self.groups == group), (worth, a, b, shift), out=spill)
        return spill

    def _series(self, parts: tuple[NDArray[np.float64], ...], reach: tuple[float, float]) -> NDArray[np.float64]:
        """Sum over the group's others of worth_j (exp(a_j d + b_j d^2) - 1), where |a d| and |b d^2| are within reach."""
        worth, a, b, shift = parts
        n_groups = int(self.groups.max()) + 1
        before, coefficient = np.ones_like(a), a
        bounds = (1.0, reach[0])
        factors: list[NDArray[np.float64]] = []
        for n in range(1, _MOST_TERMS):
            moments = [np.bincount(self.groups, weights=w * coefficient, minlength=n_groups) for w in worth]
            factors.append(np.stack([m[self.groups] for m in moments]) - worth * coefficient)
            before, coefficient = coefficient, (a * coefficient + 2.0 * b * before) / (n + 1)
            bounds = bounds[1], (reach[0] * bounds[1] + 2.0 * reach[1] * bounds[0]) / (n + 1)
            if max(bounds) <= _SERIES_ERROR:
                break
        spill = np.zeros((len(worth), *shift.shape))
        for start in range(0, len(shift), _BLOCK):  # in pieces that stay in the processor's cache
            block = slice(start, start + _BLOCK)
            for outcome in range(len(worth)):
                part = spill[outcome, block]
                for factor in reversed(factors):
                    np.add(part, factor[outcome, block, None], out=part)
                    np.multiply(part, shift[block], out=part)
        return spill

    @staticmethod
    def _direct(members: NDArray[np.intp], parts: tuple[NDArray[np.float64], ...], *, out: NDArray[np.float64]) -> None:
        """Write the sum for one group whose moves are too wide for the series into ``out``."""
        worth, a, b, shift = parts
        d = shift[members]
        total = np.zeros((len(worth), *d.shape))
        for at, j in enumerate(members):
            grown = np.expm1(a[j] * d + b[j] * d * d)
            grown[at] = 0.0
            total += worth[:, j, None, None] * grown
        out[:, members] = total

    def draws(self, prices: NDArray[np.float64], rng: np.random.Generator, n: int) -> NDArray[np.float64]:
        """Return expected units of each plan under n parameter draws, float64[plan, n, offer]; the mean is :meth:`units`.

        The part of the uncertainty that a pool shares is drawn once per pool, so that intervals of totals do not
        shrink as if every offer were uncertain on its own.
        """
        pools, n_pools = self._pools, len(self.common_level_sd)
        shared, single = rng.standard_normal((n, n_pools, 3)), rng.standard_normal((n, len(self.current), 3))
        own, cross = self._coefficients(shared[..., :2], self.common_covariance)
        own_i, cross_i = self._coefficients(single[..., :2], self.covariance)
        own = self.own_mean + own[:, pools] + own_i
        cross = self.cross_mean + cross[:, pools] + cross_i
        level = self.common_level_sd * shared[..., 2] - 0.5 * self.common_level_sd**2
        level = level[:, pools] + self.level_sd * single[..., 2] - 0.5 * self.level_sd**2
        units = np.empty((len(prices), n, len(self.current)))
        for plan, price in enumerate(prices):
            x = self._moves(price)
            np.exp(level + own * x + cross * self._index(x), out=units[plan])
            units[plan] *= self._level(x)
        return units

    @staticmethod
    def _coefficients(
        normal: NDArray[np.float64], covariance: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(own, cross) deviations [n, row] from standard normals [n, row, 2] through the 2x2 Cholesky factor."""
        first = np.sqrt(covariance[:, 0, 0])
        lean = np.divide(covariance[:, 0, 1], first, out=np.zeros_like(first), where=first > 0)
        second = np.sqrt(np.maximum(covariance[:, 1, 1] - lean**2, 0.0))
        return first * normal[..., 0], lean * normal[..., 0] + second * normal[..., 1]

    def elasticity(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Own-price elasticity at the current prices, the index moving along, and its standard deviation."""
        w, c = self.weight, self._total_covariance
        steps = np.arange(1, self.base.shape[1] + 1)
        fading = (self.base * self.decay**steps).sum(axis=1) / np.maximum(self.base.sum(axis=1), 1e-300)
        mean = self.own_mean + self.carry * fading + self.cross_mean * w
        variance = c[:, 0, 0] + 2.0 * w * c[:, 0, 1] + w * w * c[:, 1, 1]
        return mean, np.sqrt(np.maximum(variance, 0.0))
