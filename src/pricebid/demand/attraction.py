"""Price response in which the offers of a group share the buyers: an attraction model around the current prices.

Close to a multinomial logit with an outside option where elasticities grow with the price (curvature 1), and to a
multiplicative competitive interaction model where they do not (curvature 0; Cooper and Nakanishi 1988). Near the current
prices it has the elasticities it is given; farther away, what an offer wins saturates as its share of the buyers grows.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

import numpy as np

from pricebid.demand._values import frozen, labels
from pricebid.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class AttractionResponse:
    """Units by attraction within groups.

    With ``x_i`` the log price change, curved (see ``curvature``), and ``a_i = exp(own_i x_i)``::

        units_i = sum_h base[i, h] exp(carry_i decay^h x_i) E[a_i] / (1 + sum_j share_j (a_j - 1))

    the expectation over own_i ~ Normal(own, own_sd^2 + common_sd^2), the crowd's denominator at its mean.

    Parameters
    ----------
    current : float64[offer]
        Prices at which ``base`` was computed, money, > 0.
    base : float64[offer, step]
        Expected units of each step at the current prices, >= 0.
    groups : int[offer]
        Offers of one group share buyers.
    share : float64[offer]
        Share of the group's possible buyers who choose the offer at the current prices; sums to less than 1 in a group.
    own : float64[offer]
        Elasticity of the offer's attraction; its own-price elasticity is ``own (1 - share)``.
    own_sd : float64[offer]
        Standard deviation of ``own`` peculiar to the offer.
    pools : int[offer], optional
        Offers that share the uncertainty of their pool (a category, say); default: the groups.
    common_sd, share_sd : float64[pool]
        Standard deviation of ``own`` that a pool shares, and of the log of its shares.
    level_sd, common_level_sd : float64[offer], float64[pool]
        Standard deviation of the log level, peculiar and shared. The mean level is ``base``.
    carry : float64[offer]
        Reference price effect: an extra elasticity that fades as ``decay ** h``.
    decay : float
        In [0, 1).
    curvature : float
        Moves are ``(exp(curvature log(p / current)) - 1) / curvature`` (Box-Cox).
    dispersion : float64[offer]
        Variance of the horizon's demand = mean + dispersion * mean ** 2.
    chance : float64[offer], optional
        What of it is left once the parameters are drawn: not the uncertain level, which `draws` draws. Default: all of it.

    Raises
    ------
    InputError
        Shapes that do not fit, prices <= 0, negative base, shares outside [0, 1) in sum, decay outside [0, 1).
    """

    current: NDArray[np.float64]
    base: NDArray[np.float64]
    groups: NDArray[np.intp]
    share: NDArray[np.float64]
    own: NDArray[np.float64]
    own_sd: NDArray[np.float64] = field(default_factory=lambda: np.zeros(1))
    pools: NDArray[np.intp] | None = None
    common_sd: NDArray[np.float64] = field(default_factory=lambda: np.zeros(1))
    share_sd: NDArray[np.float64] = field(default_factory=lambda: np.zeros(1))
    level_sd: NDArray[np.float64] = field(default_factory=lambda: np.zeros(1))
    common_level_sd: NDArray[np.float64] = field(default_factory=lambda: np.zeros(1))
    carry: NDArray[np.float64] = field(default_factory=lambda: np.zeros(1))
    decay: float = 0.0
    curvature: float = 0.0
    dispersion: NDArray[np.float64] = field(default_factory=lambda: np.zeros(1))
    chance: NDArray[np.float64] = field(default=None)  # type: ignore[arg-type]  # filled in below

    def __post_init__(self) -> None:
        n = len(np.asarray(self.current))
        base = np.atleast_2d(np.asarray(self.base, dtype=np.float64))
        groups = labels(self.groups, n, "groups")
        pools = groups if self.pools is None else labels(self.pools, n, "pools")
        n_pools = int(pools.max()) + 1 if n else 0
        if self.chance is None:
            object.__setattr__(self, "chance", self.dispersion)
        names = ("current", "share", "own", "own_sd", "level_sd", "carry", "dispersion", "chance")
        shapes: dict[str, tuple[int, ...]] = dict.fromkeys(names, (n,))
        shapes |= {"base": (n, base.shape[1])} | dict.fromkeys(("common_sd", "share_sd", "common_level_sd"), (n_pools,))
        for name, shape in shapes.items():
            object.__setattr__(self, name, frozen(getattr(self, name), shape, name))
        object.__setattr__(self, "groups", groups)
        object.__setattr__(self, "pools", pools)
        if (self.current <= 0).any():
            raise InputError(f"current: prices must be > 0, least is {self.current.min()}")
        if (self.base < 0).any() or (self.share < 0).any() or (self.dispersion < 0).any():
            raise InputError("base, share and dispersion must be >= 0")
        if (self.chance < 0).any() or (self.chance > self.dispersion).any():
            raise InputError("chance must lie in [0, dispersion]")
        if n and np.bincount(groups, weights=self.share).max() >= 1.0:
            raise InputError("share: the shares of a group must sum to less than 1, the rest buys nothing")
        if not 0.0 <= self.decay < 1.0:
            raise InputError(f"decay: {self.decay} given, must lie in [0, 1)")

    @property
    def _pools(self) -> NDArray[np.intp]:
        return cast("NDArray[np.intp]", self.pools)

    def _moves(self, price: NDArray[np.float64]) -> NDArray[np.float64]:
        """How far prices [offer] or [offer, option] are from the current ones, on the curved scale."""
        x = np.log(price / self.current.reshape(-1, *(1,) * (price.ndim - 1)))
        return x if self.curvature == 0.0 else np.asarray(np.expm1(self.curvature * x) / self.curvature)

    def _pull(self) -> NDArray[np.float64]:
        """Elasticity of attraction as rivals feel it: the reference price effect at its mean over the horizon."""
        steps = np.arange(1, self.base.shape[1] + 1)
        return self.own + self.carry * float(np.mean(self.decay**steps))

    def _level(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Units before attraction: sum over steps of base times the fading reference effect, same shape as x."""
        extra = (1,) * (x.ndim - 1)
        if not self.carry.any() or self.decay == 0.0:
            return np.broadcast_to(self.base.sum(axis=1).reshape(-1, *extra), x.shape)
        level = np.zeros_like(x)
        for h in range(self.base.shape[1]):
            fading = (self.carry * self.decay ** (h + 1)).reshape(-1, *extra)
            level += self.base[:, h].reshape(-1, *extra) * np.exp(fading * x)
        return level

    def _crowd(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Denominator of each offer's group, float64[offer]."""
        added = self.share * np.expm1(self._pull() * x)
        return np.asarray(1.0 + np.bincount(self.groups, weights=added, minlength=1)[self.groups])

    def _numerator(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        extra = (1,) * (x.ndim - 1)
        variance = (self.own_sd**2 + self.common_sd[self._pools] ** 2).reshape(-1, *extra)
        return np.asarray(self._level(x) * np.exp(x * (self.own.reshape(-1, *extra) + 0.5 * variance * x)))

    def units(self, price: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return expected units over the horizon at ``price``, float64[offer]."""
        x = self._moves(price)
        return self._numerator(x) / self._crowd(x)

    def _crowds(
        self, price: NDArray[np.float64], ladder: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Denominators before, and after each single move: float64[offer], float64[offer, option]."""
        x0, x = self._moves(price), self._moves(ladder)
        before = self._crowd(x0)
        pull = self._pull()
        moved = self.share[:, None] * (np.exp(pull[:, None] * x) - np.exp(pull * x0)[:, None])
        return before, before[:, None] + moved

    def options(self, price: NDArray[np.float64], ladder: NDArray[np.float64]) -> NDArray[np.float64]:
        """Units of each offer if it alone moves to an option of ``ladder``, float64[offer, option]."""
        _, after = self._crowds(price, ladder)
        return self._numerator(self._moves(ladder)) / after

    def spill(
        self, price: NDArray[np.float64], ladder: NDArray[np.float64], value: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return what each single move adds to the others of its group, float64[outcome, offer, option]; exact."""
        before, after = self._crowds(price, ladder)
        worth = value * self.units(price)
        n = int(self.groups.max()) + 1
        others = np.stack([np.bincount(self.groups, weights=w, minlength=n)[self.groups] for w in worth]) - worth
        return np.asarray(others[:, :, None] * (before[:, None] / after - 1.0))

    def draws(self, prices: NDArray[np.float64], rng: np.random.Generator, n: int) -> NDArray[np.float64]:
        """Return expected units of each plan under n parameter draws, the same for each plan: [plan, n, offer].

        The part of the uncertainty that a pool shares is drawn once per pool, so that intervals of totals do not
        shrink as if every offer were uncertain on its own.
        """
        pools, n_pools = self._pools, len(self.common_sd)
        shared, single = rng.standard_normal((n, n_pools, 3)), rng.standard_normal((n, len(self.current), 2))
        change = (self.common_sd * shared[..., 0])[:, pools] + self.own_sd * single[..., 0]
        level = self.common_level_sd * shared[..., 1] - 0.5 * self.common_level_sd**2
        level = level[:, pools] + self.level_sd * single[..., 1] - 0.5 * self.level_sd**2
        # Shares move on the logit scale, so that a group never has more buyers than there are.
        taken = np.bincount(self.groups, weights=self.share, minlength=1)[self.groups]
        odds = taken / (1.0 - taken) * np.exp(self.share_sd * shared[..., 2])[:, pools]
        share = self.share / np.where(taken > 0, taken, 1.0) * odds / (1.0 + odds)
        units = np.empty((len(prices), n, len(self.current)))
        for plan, price in enumerate(prices):
            x = self._moves(price)
            attraction = share * np.expm1((self._pull() + change) * x)
            crowd = 1.0 + _sum_groups(self.groups, attraction)[:, self.groups]
            units[plan] = np.exp(level + (self.own + change) * x) * self._level(x) / crowd
        return units

    def elasticity(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Own-price elasticity at the current prices, and its standard deviation."""
        steps = np.arange(1, self.base.shape[1] + 1)
        fading = (self.base * self.decay**steps).sum(axis=1) / np.maximum(self.base.sum(axis=1), 1e-300)
        mean = self.own + self.carry * fading - self.share * self._pull()
        return mean, np.sqrt(self.own_sd**2 + self.common_sd[self._pools] ** 2) * (1.0 - self.share)


def _sum_groups(groups: NDArray[np.intp], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sum the columns of float64[draw, offer] by group, float64[draw, group]."""
    order = np.argsort(groups, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(groups[order]) > 0])
    return np.asarray(np.add.reduceat(values[:, order], starts, axis=1))
