"""The multinomial logit as a price response: for tests, simulated markets and closed forms."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from pricebid.demand._values import frozen, labels
from pricebid.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class LogitResponse:
    """Multinomial logit with an outside option: each visitor of a group buys one of its offers, or nothing.

    ``units_i = market_g exp(u_i) / (1 + sum_j exp(u_j))`` with ``u = attraction - slope * price`` (McFadden 1974).

    Parameters
    ----------
    current : float64[offer]
        Current prices, money.
    groups : int[offer]
        The choice set each offer stands in.
    market : float64[group]
        Visitors over the horizon.
    attraction : float64[offer]
        Utility at price 0.
    slope : float64[offer]
        Utility lost per unit of money, > 0.
    dispersion : float64[offer]
        Variance of the horizon's demand = mean + dispersion * mean ** 2.

    Raises
    ------
    InputError
        Shapes that do not fit, or slopes <= 0.
    """

    current: NDArray[np.float64]
    groups: NDArray[np.intp]
    market: NDArray[np.float64]
    attraction: NDArray[np.float64]
    slope: NDArray[np.float64]
    dispersion: NDArray[np.float64] = field(default_factory=lambda: np.zeros(1))

    def __post_init__(self) -> None:
        n = len(np.asarray(self.current))
        groups = labels(self.groups, n, "groups")
        object.__setattr__(self, "groups", groups)
        for name in ("current", "attraction", "slope", "dispersion"):
            object.__setattr__(self, name, frozen(getattr(self, name), (n,), name))
        n_groups = int(groups.max()) + 1 if n else 0
        object.__setattr__(self, "market", frozen(self.market, (n_groups,), "market"))
        if (self.slope <= 0).any():
            raise InputError(f"slope: must be > 0, least is {self.slope.min()}")

    def _odds(self, price: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Odds of each offer against the outside option, and the denominator of its group, float64[offer] each."""
        odds = np.exp(self.attraction - self.slope * price)
        total = np.bincount(self.groups, weights=odds, minlength=1)[self.groups]
        return odds, np.asarray(1.0 + total, dtype=np.float64)

    @property
    def chance(self) -> NDArray[np.float64]:
        """What of the dispersion is left once the parameters are drawn, float64[offer]: all of it, it is given so."""
        return self.dispersion

    def units(self, price: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return expected units over the horizon at ``price``, float64[offer]."""
        odds, total = self._odds(price)
        return np.asarray(self.market[self.groups] * odds / total)

    def options(self, price: NDArray[np.float64], ladder: NDArray[np.float64]) -> NDArray[np.float64]:
        """Units of each offer if it alone moves to an option of ``ladder``, float64[offer, option]."""
        odds, total = self._odds(price)
        moved = np.exp(self.attraction[:, None] - self.slope[:, None] * ladder)
        return np.asarray(self.market[self.groups, None] * moved / ((total - odds)[:, None] + moved))

    def spill(
        self, price: NDArray[np.float64], ladder: NDArray[np.float64], value: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return what each single move adds to the others of its group, float64[outcome, offer, option]; exact."""
        odds, total = self._odds(price)
        moved = np.exp(self.attraction[:, None] - self.slope[:, None] * ladder)
        growth = (odds[:, None] - moved) / ((total - odds)[:, None] + moved)
        worth = value * (self.market[self.groups] * odds / total)
        sums = np.stack([np.bincount(self.groups, weights=w, minlength=1)[self.groups] for w in worth])
        return np.asarray((sums - worth)[:, :, None] * growth)

    def draws(self, prices: NDArray[np.float64], rng: np.random.Generator, n: int) -> NDArray[np.float64]:
        """Units of each plan, float64[plan, n, offer]: the parameters are known, so that all draws are equal."""
        del rng
        units = np.stack([self.units(price) for price in prices])
        return np.repeat(units[:, None, :], n, axis=1)

    def elasticity(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Own-price elasticity at the current prices; its standard deviation is 0."""
        odds, total = self._odds(self.current)
        return -self.slope * self.current * (1.0 - odds / total), np.zeros(len(self.current))
