"""What is believed of the parameters of a contextual model before any feedback."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pricebid.errors import InputError
from pricebid.learning.ids import frozen

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class GaussianPrior:
    """A normal prior for the parameters of each block; independent and of variance 1 where not told.

    Parameters
    ----------
    mean : float, float[width] or float[block, width]
        Means.
    covariance : float, float[width], float[width, width] or float[block, width, width]
        A variance, variances, or covariance matrices, positive definite.
    """

    mean: ArrayLike = 0.0
    covariance: ArrayLike = 1.0

    def __post_init__(self) -> None:
        for name in ("mean", "covariance"):
            array = np.array(getattr(self, name), dtype=np.float64)
            if not np.isfinite(array).all():
                raise InputError(f"{name} of the prior holds {array[~np.isfinite(array)][0]}; give finite numbers")
            object.__setattr__(self, name, frozen(array))

    def laid_out(self, blocks: int, width: int) -> tuple[Floats, Floats]:
        """Give means float64[block, width] and precisions float64[block, width, width].

        Raises
        ------
        InputError
            The prior does not fit the model, or a covariance is not positive definite.
        """
        covariance = np.asarray(self.covariance, dtype=np.float64)
        if covariance.ndim < 2:
            covariance = np.eye(width) * covariance
        try:
            mean = np.broadcast_to(np.asarray(self.mean, dtype=np.float64), (blocks, width))
            covariance = np.broadcast_to(covariance, (blocks, width, width))
        except ValueError:
            raise InputError(
                f"the prior has mean float{list(np.shape(self.mean))} and covariance float{list(np.shape(self.covariance))}; "
                f"this model has {blocks} blocks of {width} parameters"
            ) from None
        even = (covariance + covariance.swapaxes(1, 2)) / 2
        lowest = float(np.linalg.eigvalsh(even).min())
        if lowest <= 0.0:
            raise InputError(
                f"a covariance of the prior has eigenvalue {lowest:.3g}; every one must be above 0 (add to its diagonal)"
            )
        precision = np.linalg.inv(even)
        return mean, (precision + precision.swapaxes(1, 2)) / 2


def root_of(precision: Floats) -> Floats:
    """Give a matrix square root of the inverse: ``mean + root @ z`` is a draw where z is standard normal.

    Parameters
    ----------
    precision : float64[block, width, width]
        Positive definite.

    Returns
    -------
    float64[block, width, width]
        ``root @ root.T`` is the inverse.
    """
    return np.linalg.inv(np.linalg.cholesky(precision)).swapaxes(-1, -2)
