"""Read-only, checked arrays for the parameters of a response."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pricebid.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


def frozen(value: ArrayLike, shape: tuple[int, ...], name: str) -> NDArray[np.float64]:
    """Read-only float64 copy of the given shape; a scalar or shorter shape is broadcast."""
    array = np.asarray(value, dtype=np.float64)
    try:
        array = np.array(np.broadcast_to(array, shape))
    except ValueError as error:
        raise InputError(f"{name}: shape {array.shape} given, {shape} needed") from error
    if not np.isfinite(array).all():
        raise InputError(f"{name}: NaN or infinite values given, finite ones needed")
    array.flags.writeable = False
    return array


def labels(value: ArrayLike, n: int, name: str) -> NDArray[np.intp]:
    """Read-only int copy, one label >= 0 per offer."""
    array = np.array(value, dtype=np.intp)
    if array.shape != (n,) or (n and array.min() < 0):
        raise InputError(f"{name}: one label >= 0 per offer needed ({n}), shape {array.shape} given")
    array.flags.writeable = False
    return array
