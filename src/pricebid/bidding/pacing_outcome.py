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
    bids, squares : float
        Sums over all of them of bids and of their squares.
    paid, got : float
        Money paid and value obtained in all.
    bid, cost, value : float64[win]
        What was bid, paid and obtained where won with a bid above 0.
    """

    count: int
    bids: float
    squares: float
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
    worth = _numbers(value)
    if not _legal(worth):
        raise InputError("value holds a number that is negative, infinite or NaN: expected values are at least 0")
    return worth


def checked_outcome(*, value: ArrayLike, bid: ArrayLike, won: ArrayLike, cost: ArrayLike) -> Outcome:
    """Give what came of k auctions.

    Raises
    ------
    InputError
        Where lengths differ, or a bid, cost or value is negative, infinite or no number.
    """
    taken = np.asarray(won, dtype=np.bool_).reshape(-1)
    bids, paid, got = _numbers(bid), _numbers(cost), _numbers(value)
    for name, array in (("bid", bids), ("cost", paid), ("value", got)):
        if array.shape != taken.shape:
            raise InputError(f"{name} has {array.size:,} numbers, won has {taken.size:,}: one per auction")
        if not _legal(array):
            raise InputError(f"{name} holds a number that is negative, infinite or NaN: at least 0 per auction")
    mine = taken & (bids > 0)
    return Outcome(
        count=taken.size,
        bids=float(bids.sum()),
        squares=float(bids @ bids),
        paid=float(paid[taken].sum()),
        got=float(got[taken].sum()),
        bid=bids[mine],
        cost=paid[mine],
        value=got[mine],
    )


def _numbers(given: ArrayLike) -> NDArray[np.float64]:
    return np.asarray(given, dtype=np.float64).reshape(-1)


def _legal(array: NDArray[np.float64]) -> bool:
    # NaN makes the least number NaN, and no comparison with it holds; infinity makes the sum infinite.
    return bool(array.min(initial=0.0) >= 0) and bool(array.sum() < np.inf)


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
