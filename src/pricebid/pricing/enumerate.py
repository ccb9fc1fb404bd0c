"""Where there are few plans in all, try every one of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pricebid.pricing.economics import OBJECTIVE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pricebid.pricing.problem import PriceProblem

MOST_PLANS = 5_000


def enumerable(problem: PriceProblem) -> bool:
    """Return whether offers interact and there are at most ``MOST_PLANS`` plans."""
    counts = problem.ladder.sizes + problem.ladder.keep
    return problem.couples and float(np.log(np.maximum(counts, 1)).sum()) <= np.log(MOST_PLANS)


def try_all(problem: PriceProblem) -> NDArray[np.float64] | None:
    """Return the best of all plans that keep everything, float64[offer]; None where none does."""
    options = problem.ladder.chunk(0, int(problem.ladder.sizes.max(initial=0)))
    counts = options.allowed.sum(axis=1)
    best, value = None, -np.inf
    for number in range(int(np.prod(counts))):
        option, rest = np.empty(len(counts), dtype=np.int64), number
        for at, count in enumerate(counts):
            rest, option[at] = divmod(rest, int(count))
        price = options.pick(option)
        outcomes = problem.outcomes(price)
        worth = float(outcomes[OBJECTIVE].sum())
        if worth > value and problem.feasible(price, outcomes):
            best, value = price, worth
    return best
