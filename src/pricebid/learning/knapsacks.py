"""Bandits with knapsacks, primal-dual: each resource has a price that grows with its use; the best value for money is shown.

Badanidiyuru, Kleinberg and Slivkins (2018), "Bandits with knapsacks", algorithm PrimalDualBwK: a baseline.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from pricebid.learning.choosing import Choosing
from pricebid.learning.offers import Offers, read_offers
from pricebid.learning.stock_state import StockState, account, start_stock, stock_left

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    from pricebid.learning.protocol import Outcome

    Floats = NDArray[np.float64]
    Bools = NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True, eq=False)
class PrimalDualKnapsacks(Choosing[StockState]):
    """The option with the highest optimistic reward per optimistic cost, resources priced by multiplicative weights.

    Parameters
    ----------
    prices, usage, inventory, horizon
        As for `ThompsonLP`; at most one unit of each product per period.
    confidence : float, optional
        The constant of the confidence radius; ``log(resources * horizon * options)`` where not given, as published.

    Raises
    ------
    InputError
        As `ThompsonLP`.

    Notes
    -----
    As published, but for one thing: the weight of a resource is (1 + epsilon) to the power of what all periods so far
    used by *today's* lower bounds, not by the bounds of each period's own time. So the state is a sum, and feedback may
    come in any order. The horizon is one of the resources. Options that close everything are known to bring nothing
    and are shown only when nothing else may be.
    """

    prices: ArrayLike
    usage: ArrayLike
    inventory: ArrayLike
    horizon: float
    confidence: float | None = None
    offers: Offers = field(init=False, repr=False)

    def __post_init__(self) -> None:
        offers = read_offers(
            prices=self.prices, usage=self.usage, inventory=self.inventory, horizon=self.horizon, single=False
        )
        object.__setattr__(self, "offers", offers)

    @property
    def options(self) -> int:
        """How many options there are."""
        return len(self.offers.price)

    def start(self) -> StockState:
        """Give the state before any feedback."""
        return start_stock(self.offers)

    def update(self, state: StockState, outcomes: Sequence[Outcome]) -> StockState:
        """Give the state after feedback, in any order; an id that was seen lately changes nothing.

        Raises
        ------
        InputError
            Options that do not exist; units of another shape, below 0 or above 1.
        """
        return account(self.offers, state, outcomes, most=1.0)[0]

    def law(self, state: StockState, drawn: Floats, mask: Bools | None) -> Floats:  # noqa: ARG002 - nothing is drawn
        """Give the law, float64[option]: the best option, shared among ties."""
        may = self.offers.allowed(stock_left(self.offers, state), mask)[0]
        untried = may & (state.shown == 0) & ~self.offers.closed
        if untried.any():
            share: Floats = untried / untried.sum()
            return share
        worth = np.where(may, self._value_for_money(state), -np.inf)
        best = worth == worth.max()
        law: Floats = best / best.sum()
        return law

    def _value_for_money(self, state: StockState) -> Floats:
        """Give the optimistic reward per optimistic cost of each option, float64[option]."""
        offers = self.offers
        shown = np.maximum(state.shown, 1.0)
        # Rewards as shares of the most that one period can bring; budgets all brought to the smallest, time among them.
        most = np.maximum(offers.price, 0.0).sum(axis=1).max()
        reward = (state.units * offers.price).sum(axis=1) / shown / max(most, 1e-300)
        budget = min(float(offers.inventory.min(initial=np.inf)), self.horizon)
        scale = np.append(budget / np.maximum(offers.inventory, 1e-300), budget / self.horizon)
        use = np.column_stack([state.units @ offers.usage / shown[:, None], np.ones(len(shown))])
        # Consumption within 0 to 1, as the method needs: what one unit of a product takes at most is 1.
        unit = np.append(np.maximum(offers.need.max(axis=0), 1e-300), 1.0)
        constant = self.confidence
        if constant is None:
            constant = float(np.log(max(len(scale) * self.horizon * len(shown), 2.0)))
        upper = np.clip(
            reward + _radius(reward, shown, constant), -1.0, 1.0
        )  # where all lose, shares of the most mean nothing
        lower = np.maximum(use / unit - _radius(use / unit, shown[:, None], constant), 0.0) * unit
        lower[:, -1] = 1.0
        cost = lower * scale
        step = np.sqrt(np.log(max(len(scale), 2)) / max(budget, 1.0))
        weight = np.log1p(step) * (state.shown @ cost)
        price = np.exp(weight - weight.max())
        worth: Floats = np.where(offers.closed, 0.0, upper / np.maximum(cost @ (price / price.sum()), 1e-300))
        return worth


def _radius(mean: Floats, count: Floats, constant: float) -> Floats:
    """Give the confidence radius of means within 0 to 1 (Babaioff, Dughmi, Kleinberg and Slivkins 2015)."""
    return np.sqrt(constant * np.maximum(mean, 0.0) / count) + constant / count
