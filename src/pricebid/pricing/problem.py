"""The pricing problem as the search sees it: ladders, economics, limits and side rules over one demand response."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse
from scipy.sparse import csgraph

from pricebid.optimize import Effort, Limit, Order, Spread, choose
from pricebid.pricing.economics import OBJECTIVE, Economics, excesses, interacts, limit_totals

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pricebid.demand.response import PriceResponse
    from pricebid.pricing.grid import Ladder
    from pricebid.pricing.side import SideRules

Outcomes = dict[str, "NDArray[np.float64]"]


@dataclass(frozen=True, kw_only=True, eq=False)
class PriceProblem:
    """Maximise the objective over one option per offer, within limits on totals and rules between prices.

    Parameters
    ----------
    response : PriceResponse
        Expected units at any prices.
    economics : Economics
        Money, stock and objective.
    ladder : Ladder
        Options of each offer, none empty.
    limits : tuple of Limit
        On totals of ``profit``, ``revenue``, ``units``, ``discount`` or ``changes``.
    side : SideRules
        Rules between two prices.
    """

    response: PriceResponse
    economics: Economics
    ladder: Ladder
    limits: tuple[Limit, ...]
    side: SideRules

    @property
    def names(self) -> tuple[str, ...]:
        """Outcomes that objective and limits need."""
        used = [name for limit in self.limits for name in (limit.name, limit.per) if name is not None]
        return tuple(dict.fromkeys([OBJECTIVE, *used]))

    @property
    def couples(self) -> bool:
        """Whether offers interact: then tables are linear only in single moves."""
        return interacts(self.response)

    def outcomes(self, price: NDArray[np.float64]) -> Outcomes:
        """Return true outcomes at ``price``, float64[offer] by name."""
        return self.economics.outcomes(self.response, price, self.names)

    def table(self, price: NDArray[np.float64], ladder: NDArray[np.float64]) -> Outcomes:
        """Return outcomes of single moves from ``price``, float64[offer, option] by name."""
        return self.economics.table(self.response, price, ladder, self.names)

    def worth(
        self, price: NDArray[np.float64], ladder: NDArray[np.float64], shadow: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return the Lagrangian of single moves from ``price``, float64[offer, option]: `lagrangian` of the table."""
        none = np.zeros(len(price))
        weights = dict.fromkeys(self.names, none) | {OBJECTIVE: none + 1.0}
        for limit, rate in zip(self.limits, shadow, strict=True):
            use = -limit.sign * rate * (none + 1.0 if limit.within is None else limit.within)
            weights[limit.name] = weights[limit.name] + use
            if limit.per is not None:
                weights[limit.per] = weights[limit.per] - limit.bound * use
        used = {name: weight for name, weight in weights.items() if weight.any()}
        return self.economics.combined(self.response, price, ladder, used)

    def feasible(self, price: NDArray[np.float64], outcomes: Outcomes) -> bool:
        """Return whether ``price`` keeps ladders, side rules and limits, the limits on true totals."""
        if not self.ladder.allows(price).all() or (len(self.side) and self.side.broken(price).any()):
            return False
        return not excesses(limit_totals(outcomes, self.limits), self.limits).any()

    def clusters(self) -> NDArray[np.intp]:
        """Return labels of offers tied together by demand or by side rules, int[offer]."""
        groups = self.response.groups
        if not len(self.side):
            return groups
        n, size = len(groups), len(groups) + int(groups.max()) + 1
        low, high = self.side.links()
        row, column = np.concatenate([np.arange(n), low]), np.concatenate([n + groups, high])
        graph = sparse.coo_matrix((np.ones(len(row)), (row, column)), shape=(size, size))
        _, label = csgraph.connected_components(graph, directed=False)
        return np.asarray(label[: len(groups)], dtype=np.intp)


@dataclass(frozen=True, kw_only=True, eq=False)
class Picks:
    """What the kernel answers on a table.

    Parameters
    ----------
    option : int64[offer]
        The picks.
    shadow : float64[limit]
        Shadow prices.
    bound : float
        No picks within the limits and rules are worth more, on this table.
    """

    option: NDArray[np.int64]
    shadow: NDArray[np.float64]
    bound: float


def row_of(outcomes: Outcomes, limit: Limit) -> NDArray[np.float64]:
    """Return what the limit adds up, shape of an outcome: for a ratio ``num - bound * den``, 0 outside ``within``."""
    row = outcomes[limit.name]
    if limit.per is not None:
        row = row - limit.bound * outcomes[limit.per]
    if limit.within is not None:
        row = row * limit.within.reshape(-1, *(1,) * (row.ndim - 1))
    return row


def right_sides(limits: tuple[Limit, ...]) -> NDArray[np.float64]:
    """Return what each row is compared with: the bound of a total, 0 for a ratio; float64[limit]."""
    return np.array([0.0 if limit.per is not None else limit.bound for limit in limits])


def lagrangian(outcomes: Outcomes, limits: tuple[Limit, ...], shadow: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the objective less what each option uses of the limits at their shadow prices, shape of an outcome."""
    worth = outcomes[OBJECTIVE].copy()
    for limit, price in zip(limits, shadow, strict=True):
        if price > 0:
            worth -= limit.sign * price * row_of(outcomes, limit)
    return worth


def pick(
    table: Outcomes,
    allowed: NDArray[np.bool_],
    limits: tuple[Limit, ...],
    right: NDArray[np.float64],
    *,
    start: NDArray[np.float64],
    effort: Effort,
    rules: Sequence[Order | Spread] = (),
) -> Picks:
    """Pick one option per offer from a table of single moves.

    A ratio goes to the kernel as the row ``num - bound * den``: with spill onto others, a denominator's entry may be
    negative though its total never is.

    Raises
    ------
    Infeasible
        The limits cannot all hold on the table.
    """
    if not limits and not rules:
        best = np.where(allowed, table[OBJECTIVE], -np.inf)
        option = best.argmax(axis=1)
        return Picks(option=option, shadow=np.zeros(0), bound=float(best[np.arange(len(option)), option].sum()))
    rows: Outcomes = {OBJECTIVE: table[OBJECTIVE]}
    plain: list[Limit] = []
    for at, (limit, side) in enumerate(zip(limits, right, strict=True)):
        name = f"row {at}"
        rows[name] = row_of(table, limit)
        at_most, at_least = (float(side), None) if limit.sign > 0 else (None, float(side))
        plain.append(Limit(name, at_most=at_most, at_least=at_least, label=limit.title))
    choice = choose(rows, maximise=OBJECTIVE, limits=plain, available=allowed, start=start, effort=effort, rules=rules)
    return Picks(option=choice.option, shadow=choice.shadow_prices, bound=choice.bound)
