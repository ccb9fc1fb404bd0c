"""How good prices are at most: a bound over every option of the ladder, not only those the search sampled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pricebid.errors import Infeasible
from pricebid.optimize import Effort
from pricebid.pricing.problem import lagrangian, pick, right_sides

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pricebid.pricing.problem import PriceProblem

_WIDTH = 32
_MOST_CELLS = 4_000_000
_SAME = 1e-12


@dataclass(frozen=True, kw_only=True, eq=False)
class Certificate:
    """A bound, and what it shows.

    Parameters
    ----------
    bound : float
        No picks from the ladder are worth more, in the problem linearised at the prices.
    shadow : float64[limit]
        Shadow prices at which the bound is the Lagrangian's maximum.
    better : float64[offer] or None
        Prices that single moves favour over these; None where there are none.
    """

    bound: float
    shadow: NDArray[np.float64]
    better: NDArray[np.float64] | None


def over_ladder(problem: PriceProblem, price: NDArray[np.float64], shadow: NDArray[np.float64]) -> Certificate:
    """Return the bound over every option of every ladder, linearised at ``price``.

    Without rules between prices the Lagrangian's maximum falls apart by offer and is taken in slices of the ladder. With
    them the kernel bounds the whole ladder where that fits into memory; else the rules are left out, which can only
    raise the bound.
    """
    sizes = problem.ladder.sizes
    if len(problem.side) and len(price) * int(sizes.max(initial=0) + 2) <= _MOST_CELLS:
        return _with_rules(problem, price, shadow)
    return _by_offer(problem, price, shadow)


def _by_offer(problem: PriceProblem, price: NDArray[np.float64], shadow: NDArray[np.float64]) -> Certificate:
    ladder, limits = problem.ladder, problem.limits
    here = lagrangian(problem.outcomes(price), limits, shadow)
    top, best = here.copy(), price.copy()
    for start in range(0, max(1, int(ladder.sizes.max(initial=0))), _WIDTH):
        options = ladder.chunk(start, _WIDTH)
        worth = problem.worth(price, options.prices, shadow)
        worth = np.where(options.allowed, worth, -np.inf)
        option = worth.argmax(axis=1)
        value = worth[np.arange(len(price)), option]
        wins = value > top + _SAME * np.abs(top)
        top, best = np.where(wins, value, top), np.where(wins, options.pick(option), best)
    constant = sum(
        limit.sign * rate * side for limit, rate, side in zip(limits, shadow, right_sides(limits), strict=True)
    )
    better = best if (best != price).any() and not len(problem.side) else None
    return Certificate(bound=float(top.sum() + constant), shadow=shadow, better=better)


def _with_rules(problem: PriceProblem, price: NDArray[np.float64], shadow: NDArray[np.float64]) -> Certificate:
    options = problem.ladder.chunk(0, int(problem.ladder.sizes.max(initial=0)))
    table = problem.table(price, options.prices)
    try:
        picks = pick(
            table, options.allowed, problem.limits, right_sides(problem.limits),
            start=shadow, effort=Effort(milp_options=0), rules=problem.side.for_kernel(options),
        )  # fmt: skip
    except Infeasible:
        return _by_offer(problem, price, shadow)
    return Certificate(bound=picks.bound, shadow=picks.shadow, better=options.pick(picks.option))
