"""Blind pricing: show every option for a while, then plan the rest with what was seen and stick to it.

Besbes and Zeevi (2012), "Blind network revenue management", for a finite set of prices: a baseline.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from pricebid.errors import InputError
from pricebid.learning.choosing import Choosing
from pricebid.learning.drawing import read_feedback
from pricebid.learning.ids import frozen
from pricebid.learning.mixture import best_mixtures
from pricebid.learning.offers import Offers, read_offers
from pricebid.learning.stock_state import StockState, account, start_stock, stock_left

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    from pricebid.learning.protocol import Outcome

    Floats = NDArray[np.float64]
    Bools = NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True, eq=False)
class BlindState:
    """What `BlindPricing` remembers.

    Parameters
    ----------
    stock : StockState
        Totals of all feedback.
    explored : float64[option]
        Periods of the exploration in which each option was shown.
    units : float64[option, product]
        Units sold then.
    """

    stock: StockState
    explored: Floats
    units: Floats


@dataclass(frozen=True, kw_only=True, eq=False)
class BlindPricing(Choosing[BlindState]):
    """Explore each option for an equal share of the first periods, solve one linear program, follow its plan.

    Parameters
    ----------
    prices, usage, inventory, horizon
        As for `ThompsonLP`; any number of units per period.
    exploration : float, optional
        Periods of the exploration, from 1 to the horizon; ``horizon ** (2 / 3)`` where not given.

    Raises
    ------
    InputError
        As `ThompsonLP`.

    Notes
    -----
    An outcome belongs to the exploration by its ``time``; without it, by the periods used when it comes. In the plan
    the options follow each other in the order in which they were given, each for the periods that the program gives it.
    """

    prices: ArrayLike
    usage: ArrayLike
    inventory: ArrayLike
    horizon: float
    exploration: float | None = None
    offers: Offers = field(init=False, repr=False)
    periods: float = field(init=False, repr=False)

    def __post_init__(self) -> None:
        offers = read_offers(
            prices=self.prices, usage=self.usage, inventory=self.inventory, horizon=self.horizon, single=False
        )
        periods = float(self.horizon) ** (2 / 3) if self.exploration is None else float(self.exploration)
        if not 1 <= periods <= max(self.horizon, 1):
            raise InputError(f"exploration is {periods:g} periods; give 1 to the horizon of {self.horizon:g}")
        object.__setattr__(self, "offers", offers)
        object.__setattr__(self, "periods", periods)

    @property
    def options(self) -> int:
        """How many options there are."""
        return len(self.offers.price)

    def start(self) -> BlindState:
        """Give the state before any feedback."""
        stock = start_stock(self.offers)
        return BlindState(stock=stock, explored=stock.shown, units=stock.units)

    def update(self, state: BlindState, outcomes: Sequence[Outcome]) -> BlindState:
        """Give the state after feedback; an id that was seen lately changes nothing.

        Raises
        ------
        InputError
            Options that do not exist; units of another shape or below 0.
        """
        stock, new = account(self.offers, state.stock, outcomes, most=np.inf)
        start = state.stock.elapsed
        when = [start + at if outcome.time is None else outcome.time for at, outcome in enumerate(new)]
        early = [outcome for outcome, time in zip(new, when, strict=True) if time < self.periods]
        option, sold = read_feedback(early, *self.offers.price.shape)
        explored, units = state.explored.copy(), state.units.copy()
        np.add.at(explored, option, 1.0)
        np.add.at(units, option, sold)
        return BlindState(stock=stock, explored=frozen(explored), units=frozen(units))

    def law(self, state: BlindState, drawn: Floats, mask: Bools | None) -> Floats:  # noqa: ARG002 - nothing is drawn
        """Give the law, float64[option]: all on one option."""
        may = self.offers.allowed(stock_left(self.offers, state.stock), mask)[0]
        law = np.zeros(self.options)
        law[self._next(state, may)] = 1.0
        return law

    def _next(self, state: BlindState, may: Bools) -> int:
        tries = may & ~self.offers.closed
        if not tries.any():
            return int(may.argmax())
        if state.stock.elapsed < self.periods:
            return int(np.where(tries, state.stock.shown, np.inf).argmin())
        offers = self.offers
        demand = state.units / np.maximum(state.explored, 1.0)[:, None]
        left = np.maximum(offers.inventory - (state.units @ offers.usage).sum(axis=0), 0.0)
        rest = max(self.horizon - self.periods, 1.0)
        reward = (demand * offers.price).sum(axis=1)
        plan = best_mixtures(reward[None], (demand @ offers.usage)[None], (left / rest)[None]).shares[0] * rest
        due = may & (state.stock.shown - state.explored < plan - 0.5)
        if due.any():
            return int(due.argmax())
        # The plan is done: what it leaves open, or else the option that it shows longest.
        shut = may & offers.closed
        return int(shut.argmax() if shut.any() else np.where(may, plan, -1.0).argmax())
