"""The pricing problem as the search sees it: ladders, economics, limits and side rules over one demand response."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse
from scipy.sparse import csgraph

from pricebid.optimize import Effort, Limit, choose
from pricebid.pricing.economics import OBJECTIVE, Economics, excesses, interacts, limit_totals
from pricebid.pricing.side import SideRules

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pricebid.demand.response import PriceResponse
    from pricebid.pricing.grid import Ladder, Options

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

    def table(self, price: NDArray[np.float64], options: Options) -> Outcomes:
        """Return outcomes of single moves from ``price``, float64[offer, option] by name."""
        return self.economics.table(self.response, price, options.prices, self.names)

    def feasible(self, price: NDArray[np.float64], outcomes: Outcomes) -> bool:
        """Return whether ``price`` keeps ladders, side rules and limits, the limits on true totals."""
        if not self.ladder.allows(price).all() or (len(self.side) and len(self.side.broken(price))):
            return False
        return not excesses(limit_totals(outcomes, self.limits), self.limits).any()

    def clusters(self) -> NDArray[np.intp]:
        """Return labels of offers tied together by demand or by side rules, int[offer]."""
        groups = self.response.groups
        if not len(self.side):
            return groups
        n = self.side.offers + self.side.levels
        members = sparse.coo_matrix((np.ones(len(groups)), (np.arange(len(groups)), n + groups)), shape=(n + groups.max() + 1,) * 2)
        rules = sparse.coo_matrix((np.ones(len(self.side)), (self.side.low, self.side.high)), shape=members.shape)
        _, label = csgraph.connected_components(members + rules, directed=False)
        return np.asarray(label[: len(groups)], dtype=np.intp)


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
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Pick one option per offer from a table of single moves: (int64[offer], shadow prices float64[limit]).

    A ratio goes to the kernel as the row ``num - bound * den``: with spill onto others, a denominator's entry may be
    negative though its total never is.

    Raises
    ------
    Infeasible
        The limits cannot all hold on the table.
    """
    if not limits:
        return np.where(allowed, table[OBJECTIVE], -np.inf).argmax(axis=1), np.zeros(0)
    rows: Outcomes = {OBJECTIVE: table[OBJECTIVE]}
    plain: list[Limit] = []
    for at, (limit, side) in enumerate(zip(limits, right, strict=True)):
        name = f"row {at}"
        rows[name] = row_of(table, limit)
        bound = {"at_most": float(side)} if limit.sign > 0 else {"at_least": float(side)}
        plain.append(Limit(name, label=limit.title, **bound))
    choice = choose(rows, maximise=OBJECTIVE, limits=plain, available=allowed, start=start, effort=effort)
    return choice.option, choice.shadow_prices
