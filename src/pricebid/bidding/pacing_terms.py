"""What all pacers have in common: the terms of a budget, and the three things that a pacer does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar

import numpy as np

from pricebid.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

State = TypeVar("State")


class Paces(Protocol[State]):
    """What every pacer does. Its state is a value of its own kind; nothing passed in is changed."""

    def start(self) -> State:
        """Give the state at the beginning of the horizon."""
        ...

    def bid(self, state: State, *, value: ArrayLike, elapsed: float | None = None) -> NDArray[np.float64]:
        """Turn the expected values of k auctions into bids, float64[k]."""
        ...

    def update(
        self,
        state: State,
        *,
        value: ArrayLike,
        bid: ArrayLike,
        won: ArrayLike,
        cost: ArrayLike,
        elapsed: float | None = None,
    ) -> State:
        """Give the state after k auctions."""
        ...


@dataclass(frozen=True, kw_only=True)
class Terms:
    """The terms of a budget that every pacer takes.

    Parameters
    ----------
    budget : float
        Money for the horizon; inf where only a limit holds.
    opportunities : float
        Auctions expected in the horizon.
    max_cpa : float, optional
        Highest cost / value over the horizon.
    min_roas : float, optional
        Lowest value / cost over the horizon.
    multiplier : float, optional
        Bid per unit of expected value to start from; a plan's shadow prices give it.

    Raises
    ------
    InputError
        Where an argument is out of range, or nothing limits the spend.
    """

    budget: float
    opportunities: float
    max_cpa: float | None = None
    min_roas: float | None = None
    multiplier: float | None = None

    def __post_init__(self) -> None:
        if not self.budget >= 0:
            raise InputError(f"budget is {self.budget}: money for the horizon, at least 0")
        if not 0 < self.opportunities < np.inf:
            raise InputError(f"opportunities is {self.opportunities}: auctions expected in the horizon, above 0")
        for name in ("max_cpa", "min_roas", "multiplier"):
            given = getattr(self, name)
            if given is not None and not 0 < given < np.inf:
                raise InputError(f"{name} is {given}: above 0, or None")
        if np.isinf(self.budget) and np.isinf(self.limit):
            raise InputError("budget is inf and neither max_cpa nor min_roas is given: nothing limits the spend")

    @property
    def limit(self) -> float:
        """Highest cost per value; inf where there is none."""
        by_cpa = np.inf if self.max_cpa is None else self.max_cpa
        by_roas = np.inf if self.min_roas is None else 1 / self.min_roas
        return float(min(by_cpa, by_roas))

    @property
    def first(self) -> float:
        """Multiplier to start from; without one given the limit, which no win can break; NaN without either."""
        if self.multiplier is not None:
            return self.multiplier
        return self.limit if np.isfinite(self.limit) else np.nan
