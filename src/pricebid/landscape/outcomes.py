"""What bids bring: the outcomes that a landscape expects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True, eq=False)
class BidOutcomes:
    """Expected outcomes of bids, per day; all arrays have the shape of the bids asked for.

    Parameters
    ----------
    impressions, clicks, conversions : float64[...]
        Expected counts. Conversions are complete: those that come late are in them.
    cost : float64[...]
        Expected money paid for the clicks.
    """

    impressions: NDArray[np.float64]
    clicks: NDArray[np.float64]
    cost: NDArray[np.float64]
    conversions: NDArray[np.float64]
