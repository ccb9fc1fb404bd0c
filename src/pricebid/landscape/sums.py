"""Sums by number: what many rows of a report say of one series, cell or campaign."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def summed(place: NDArray[np.int64], values: NDArray[np.float64], shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Add up values by their place in an array of the given shape, counted row by row, float64[shape]."""
    total = np.bincount(place.ravel(), values.ravel(), minlength=int(np.prod(shape)))
    return total.astype(np.float64).reshape(shape)


def counted(place: NDArray[np.int64], shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Count the rows of each place, float64[shape]."""
    return np.bincount(place.ravel(), minlength=int(np.prod(shape))).astype(np.float64).reshape(shape)


def stacked(owner: NDArray[np.int64], values: NDArray[np.float64], size: int) -> NDArray[np.float64]:
    """Add up rows, float64[row, ...], by owner, float64[size, ...]."""
    total = np.zeros((size, *values.shape[1:]))
    np.add.at(total, owner, values)
    return total
