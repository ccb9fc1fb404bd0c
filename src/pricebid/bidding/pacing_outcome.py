"""What comes back from auctions, checked once at the edge."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pricebid.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True, kw_only=True, eq=False)
class Outcome:
    """A batch of auctions as far as they were won.

    Parameters
    ----------
    count : int
        Auctions, lost ones too.
    mean_bid : float
        Mean bid over all of them.
    paid, got : float
        Money paid and value obtained in all.
    bid, cost, value : float64[win]
        What was bid, paid and obtained where won with a bid above 0.
    """

    count: int
    mean_bid: float
    paid: float
    got: float
    bid: NDArray[np.float64]
    cost: NDArray[np.float64]
    value: NDArray[np.float64]


def checked_value(value: ArrayLike) -> NDArray[np.float64]:
    """Give expected values as float64[k].

    Raises
    ------
    InputError
        Where one is negative, infinite or no number.
    """
    worth = np.atleast_1d(np.asarray(value, dtype=np.float64))
    if not ((worth >= 0) & (worth < np.inf)).all():
        raise InputError("value holds a number that is negative, infinite or NaN: expected values are at least 0")
    return worth


def checked_outcome(*, value: ArrayLike, bid: ArrayLike, won: ArrayLike, cost: ArrayLike) -> Outcome:
    """Give what came of k auctions.

    Raises
    ------
    InputError
        Where lengths differ, or a bid, cost or value is negative, infinite or no number.
    """
    taken = np.atleast_1d(np.asarray(won, dtype=np.bool_))
    held = {"value": value, "bid": bid, "cost": cost}
    arrays = {name: np.atleast_1d(np.asarray(array, dtype=np.float64)) for name, array in held.items()}
    for name, array in arrays.items():
        if array.shape != taken.shape or array.ndim != 1:
            raise InputError(f"{name} has shape {array.shape}, won has {taken.shape}: one number per auction")
        if not ((array >= 0) & (array < np.inf)).all():
            raise InputError(f"{name} holds a number that is negative, infinite or NaN: at least 0 per auction")
    bids = arrays["bid"]
    mine = taken & (bids > 0)
    return Outcome(
        count=len(taken),
        mean_bid=float(bids.mean()) if len(bids) else 0.0,
        paid=float(arrays["cost"][taken].sum()),
        got=float(arrays["value"][taken].sum()),
        bid=bids[mine],
        cost=arrays["cost"][mine],
        value=arrays["value"][mine],
    )


def checked_elapsed(elapsed: float | None) -> float | None:
    """Give the share of the horizon gone.

    Raises
    ------
    InputError
        Where it is outside 0 to 1.
    """
    if elapsed is not None and not 0 <= elapsed <= 1:
        raise InputError(f"elapsed is {elapsed}: share of the horizon gone, 0 to 1")
    return elapsed
