"""Dual mirror descent as published: the bare method beside which `Pacer` is measured."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from pricebid.bidding.pacing_outcome import checked_elapsed, checked_outcome, checked_value
from pricebid.bidding.pacing_terms import Terms

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

LONGEST = 1.0  # step of a log price at once, for batches
RANGE = 12.0  # bound on log prices, relative to where they start


@dataclass(frozen=True, kw_only=True)
class MirrorState:
    """Where mirror descent stands.

    Parameters
    ----------
    seen : int
        Auctions so far.
    spent : float
        Money paid so far.
    budget_step, limit_step : float
        Logs of the dual prices of budget and limit, relative to where they started.
    """

    seen: int = 0
    spent: float = 0.0
    budget_step: float = 0.0
    limit_step: float = 0.0


class MirrorPacer(Terms):
    """Moves the prices of budget and limit against what each auction spent and brought.

    With dual prices mu of the budget and lambda of the limit, value - mu cost + lambda (limit value - cost) is highest
    for bids of (1 + lambda limit) / (mu + lambda) per value. After each auction the logs of both prices move by 1 over
    the root of the horizon times what was spent beyond the plan's pace, and beyond limit x value (Balseiro and Gur
    2019; Balseiro, Lu and Mirrokni 2023; Feng, Padmanabhan and Wang 2023). Without a multiplier or a limit to start
    from, values are taken to be about 1 on average. The parameters are those of `Terms`.
    """

    def start(self) -> MirrorState:
        """Give the state at the beginning of the horizon."""
        return MirrorState()

    def bid(self, state: MirrorState, *, value: ArrayLike, elapsed: float | None = None) -> NDArray[np.float64]:
        """Turn the expected values of k auctions into bids, float64[k]; see `Pacer.bid`. Elapsed time is not used."""
        worth = checked_value(value)
        checked_elapsed(elapsed)
        left = self.budget - state.spent
        if left <= 0:
            return np.zeros(worth.shape)
        bid: NDArray[np.float64] = np.minimum(self._multiplier(state) * worth, left)
        return bid

    def update(
        self,
        state: MirrorState,
        *,
        value: ArrayLike,
        bid: ArrayLike,
        won: ArrayLike,
        cost: ArrayLike,
        elapsed: float | None = None,
    ) -> MirrorState:
        """Give the state after k auctions; see `Pacer.update`."""
        checked_elapsed(elapsed)
        outcome = checked_outcome(value=value, bid=bid, won=won, cost=cost)
        cost_now = float(outcome.cost.sum())
        spent, seen = state.spent + cost_now, state.seen + outcome.count
        size = 1 / np.sqrt(self.opportunities)
        pace = self.budget / self.opportunities if np.isfinite(self.budget) else spent / max(seen, 1)
        if pace <= 0:
            return replace(state, seen=seen, spent=spent)
        over = (cost_now - pace * outcome.count) / pace if np.isfinite(self.budget) else 0.0
        beyond = 0.0
        if np.isfinite(self.limit):
            beyond = (cost_now - self.limit * float(outcome.value.sum())) / pace
        return replace(
            state,
            seen=seen,
            spent=spent,
            budget_step=_moved(state.budget_step, size * over),
            limit_step=_moved(state.limit_step, size * beyond),
        )

    def _multiplier(self, state: MirrorState) -> float:
        first = self.budget / self.opportunities if np.isnan(self.first) else self.first
        if np.isinf(self.limit):
            return float(first * np.exp(-state.budget_step))
        # Prices at the start: both count alike where the first multiplier is the limit itself.
        limit_price = np.exp(state.limit_step) / self.limit
        budget_start = max(2 / first - 1 / self.limit, 0.1 / first) if np.isfinite(self.budget) else 0.0
        return float((1 + limit_price * self.limit) / (budget_start * np.exp(state.budget_step) + limit_price))


def _moved(log: float, step: float) -> float:
    return float(np.clip(log + np.clip(step, -LONGEST, LONGEST), -RANGE, RANGE))
