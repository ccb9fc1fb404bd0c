"""Demand with more or less advertising than history had: a response scaled by what the ads add."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pricebid.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pricebid.demand.response import PriceResponse
    from pricebid.pricing.make import Responds
    from pricebid.tables import Future


@dataclass(frozen=True, kw_only=True, eq=False)
class AdvertisedResponse:
    """A price response whose every offer sells ``factor`` times as much, at any prices.

    Visitors that ads bring see the same shelf as all others, so they answer to prices alike: what changes is how many
    there are. A `PriceResponse` itself.

    Parameters
    ----------
    base : PriceResponse
        With the advertising of the history.
    factor : float64[offer]
        Units with the planned advertising ÷ units with that of the history, at the same prices; >= 0.

    Raises
    ------
    InputError
        A factor that is negative or not finite, or not one per offer.
    """

    base: PriceResponse
    factor: NDArray[np.float64]

    def __post_init__(self) -> None:
        factor = np.asarray(self.factor, dtype=np.float64)
        if factor.shape != self.base.current.shape or not np.all(np.isfinite(factor) & (factor >= 0)):
            raise InputError(f"factor: one finite number >= 0 per offer is needed, got shape {factor.shape}")

    @property
    def groups(self) -> NDArray[np.intp]:
        """Group of each offer, int[offer]."""
        return self.base.groups

    @property
    def current(self) -> NDArray[np.float64]:
        """Prices at which nothing changes, float64[offer], money."""
        return self.base.current

    @property
    def dispersion(self) -> NDArray[np.float64]:
        """Variance of the horizon's demand = mean + dispersion * mean ** 2, float64[offer]."""
        return self.base.dispersion

    @property
    def chance(self) -> NDArray[np.float64]:
        """What of the dispersion is left once the parameters are drawn, float64[offer]."""
        return self.base.chance

    def units(self, price: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return expected units over the horizon at ``price``, float64[offer]."""
        return self.factor * self.base.units(price)

    def options(self, price: NDArray[np.float64], ladder: NDArray[np.float64]) -> NDArray[np.float64]:
        """Units of each offer if it alone moves to an option of ``ladder``, float64[offer, option]."""
        return self.factor[:, None] * self.base.options(price, ladder)

    def spill(
        self, price: NDArray[np.float64], ladder: NDArray[np.float64], value: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return what each single move adds to the others of its group, float64[outcome, offer, option]."""
        return self.base.spill(price, ladder, value * self.factor)

    def draws(self, prices: NDArray[np.float64], rng: np.random.Generator, n: int) -> NDArray[np.float64]:
        """Return expected units of plans under n parameter draws, float64[plan, n, offer]."""
        return self.factor * self.base.draws(prices, rng, n)

    def elasticity(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Own-price elasticity at the current prices and its standard deviation, float64[offer] each."""
        return self.base.elasticity()


@dataclass(frozen=True, kw_only=True, eq=False)
class Advertised:
    """A demand model under other advertising; what `pricebid.price` needs of a model.

    Parameters
    ----------
    model : DemandModel
        As fitted; anything with ``response(future)``.
    factor : float64[offer]
        As in `AdvertisedResponse`.
    name : str
        What plans call the model.
    """

    model: Responds
    factor: NDArray[np.float64]
    name: str = ""

    def response(self, future: Future) -> AdvertisedResponse:
        """Return expected units at any prices over the future's steps."""
        return AdvertisedResponse(base=self.model.response(future), factor=self.factor)
