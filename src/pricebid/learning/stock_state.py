"""What policies that sell from stock remember, and how feedback changes it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pricebid.errors import InputError
from pricebid.learning.drawing import read_feedback
from pricebid.learning.ids import SeenIds, fresh, frozen

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pricebid.learning.offers import Offers
    from pricebid.learning.protocol import Outcome

    Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class StockState:
    """Totals of what came, as far as feedback has come.

    Parameters
    ----------
    shown : float64[option]
        Periods in which each option was shown.
    units, squares : float64[option, product]
        Units sold then, and the sum of their squares.
    used : float64[resource]
        What the sales took.
    elapsed : float
        Periods used: outcomes so far, or one more than the latest ``Outcome.time`` where that is more.
    seen : SeenIds
        The latest outcome ids.
    """

    shown: Floats
    units: Floats
    squares: Floats
    used: Floats
    elapsed: float
    seen: SeenIds


def start_stock(offers: Offers) -> StockState:
    """Give the state before any feedback."""
    none = frozen(np.zeros(offers.price.shape))
    return StockState(
        shown=frozen(np.zeros(len(none))),
        units=none,
        squares=none,
        used=frozen(np.zeros(len(offers.inventory))),
        elapsed=0.0,
        seen=SeenIds.none(),
    )


def account(
    offers: Offers, state: StockState, outcomes: Sequence[Outcome], *, most: float, most_together: float = np.inf
) -> tuple[StockState, list[Outcome]]:
    """Add feedback to the totals.

    Parameters
    ----------
    offers : Offers
        What is sold.
    state : StockState
        Before.
    outcomes : sequence of Outcome
        In any order; an id that was seen lately changes nothing.
    most, most_together : float
        Units that one period can bring at most, of each product and of all.

    Returns
    -------
    StockState
        After.
    list of Outcome
        Those that were new.

    Raises
    ------
    InputError
        Options that do not exist; units of another shape, below 0 or above what the policy expects; times below 0.
    """
    seen, new = fresh(state.seen, outcomes)
    option, units = read_feedback(new, *offers.price.shape)
    times = [outcome.time for outcome in new if outcome.time is not None]
    faults = [f"time is {time:g}: give periods since the start, 0 or more" for time in times if not 0 <= time < np.inf]
    if (units < 0).any():
        faults.append(f"units are {units.min():g}; they must be at least 0")
    if (units > most).any():
        faults.append(
            f"{units.max():g} units of one product in one period, this policy expects {most:g} at most (a ThompsonLP with "
            "sales='many' takes any number)"
        )
    if (units.sum(axis=1) > most_together * (1 + 1e-9)).any():
        faults.append(f"{units.sum(axis=1).max():g} units of all products, with logit demand one buyer buys one")
    if faults:
        raise InputError(f"outcomes: {'; '.join(dict.fromkeys(faults))}")
    shown, sold, squares = state.shown.copy(), state.units.copy(), state.squares.copy()
    np.add.at(shown, option, 1.0)
    np.add.at(sold, option, units)
    np.add.at(squares, option, units**2)
    latest = max((time + 1.0 for time in times), default=0.0)
    after = StockState(
        shown=frozen(shown),
        units=frozen(sold),
        squares=frozen(squares),
        used=frozen(state.used + (units @ offers.usage).sum(axis=0)),
        elapsed=max(float(shown.sum()), state.elapsed, latest),
        seen=seen,
    )
    return after, new


def stock_left(offers: Offers, state: StockState) -> Floats:
    """Give what is left of each resource, float64[1, resource]."""
    left: Floats = np.maximum(offers.inventory - state.used, 0.0)[None]
    return left
