"""What turns a planned bid into the bid now, so that money lasts the day."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from pricebid.live.bids import MICRO

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from pricebid.bidding import Paces


class Pace(Protocol):
    """Sets bids from planned ones. A plan whose shadow prices already pace it needs none."""

    def bids(self, planned: NDArray[np.float64], *, gone: float) -> NDArray[np.float64]:
        """Return bids, float64[bid], money, for planned ones; ``gone`` is the share of the local day that is gone."""
        ...


@dataclass(frozen=True, kw_only=True, eq=False)
class Paced:
    """A pacer where it stands: immutable, so that workers swap it whole as its state is folded from feedback.

    Parameters
    ----------
    pacer : Paces
        Such as `pricebid.bidding.Pacer`; what it takes as the value of an auction is the planned bid.
    state : object
        Its state.
    """

    pacer: Paces[Any] = field(repr=False)
    state: Any = field(repr=False)

    def bids(self, planned: NDArray[np.float64], *, gone: float) -> NDArray[np.float64]:
        """Return paced bids; see `Pace`."""
        return self.pacer.bid(self.state, value=planned, elapsed=gone)

    def updated(
        self,
        *,
        planned: NDArray[np.float64],
        bid: NDArray[np.float64],
        won: NDArray[np.bool_],
        cost: NDArray[np.float64],
        gone: float,
    ) -> Paced:
        """Return where the pacer stands after bids whose feedback is in.

        Parameters
        ----------
        planned, bid : float64[bid]
            Planned bids, and what was bid, money.
        won : bool[bid]
            Which were clicked on.
        cost : float64[bid]
            What the clicks cost, money.
        gone : float
            Share of the day that was gone when they were bid.
        """
        got = np.where(won, planned, 0.0)
        return Paced(
            pacer=self.pacer,
            state=self.pacer.update(self.state, value=got, bid=bid, won=won, cost=cost, elapsed=gone),
        )


def start_paces(budgets: Mapping[str, int], opportunities: Mapping[str, float]) -> dict[str, Paced]:
    """Return a pacer at the beginning of its day for each budget that has expected traffic.

    Parameters
    ----------
    budgets : mapping of campaign to int
        Micros per day, as `BidSnapshot.budgets`.
    opportunities : mapping of campaign to float
        Bids expected to be asked for in the day.
    """
    from pricebid.bidding import Pacer

    found = {}
    for name in budgets.keys() & opportunities.keys():
        # The plan's bids hold its shadow prices already: pacing starts from them as they are.
        pacer = Pacer(budget=budgets[name] / MICRO, opportunities=opportunities[name], multiplier=1.0)
        found[name] = Paced(pacer=pacer, state=pacer.start())
    return found
