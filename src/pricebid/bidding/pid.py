"""The classical baseline of pacing: a PID controller on the spend, another on the ratio."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from pricebid.bidding.pacing_outcome import checked_elapsed, checked_outcome, checked_value
from pricebid.bidding.pacing_terms import Terms

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

CALM = 0.03  # share of the budget that may be spent before the ratio counts half
CLIP = 3.0  # bound on what either controller adds to the log multiplier, its integral included


@dataclass(frozen=True, kw_only=True)
class Gains:
    """How a controller answers to its error.

    Parameters
    ----------
    proportional, integral, derivative : float
        Weight of the error, of its integral over the horizon, and of its change per share of the horizon.
    """

    proportional: float
    integral: float
    derivative: float


SPEND = Gains(proportional=4.0, integral=20.0, derivative=0.02)
RATIO = Gains(proportional=1.0, integral=10.0, derivative=0.005)


@dataclass(frozen=True, kw_only=True)
class PidState:
    """Where a PID controller stands.

    Parameters
    ----------
    seen : int
        Auctions so far.
    spent, value : float
        Money paid and value obtained so far.
    spend_sum, ratio_sum : float
        Integrals of both errors over the horizon.
    spend_error, ratio_error : float
        Errors after the last update: share of the horizon gone less share of the budget spent; 1 - realised / limit.
    spend_slope, ratio_slope : float
        Their changes per share of the horizon at the last update.
    """

    seen: int = 0
    spent: float = 0.0
    value: float = 0.0
    spend_sum: float = 0.0
    ratio_sum: float = 0.0
    spend_error: float = 0.0
    ratio_error: float = 0.0
    spend_slope: float = 0.0
    ratio_slope: float = 0.0


class PidPacer(Terms):
    """Raises the log multiplier when spend lags behind the horizon or the ratio is below its limit, and lowers it else.

    The lower of both controllers' answers is bid. Without a multiplier or a limit to start from, values are taken to be
    about 1 on average. The parameters are those of `Terms`.
    """

    def start(self) -> PidState:
        """Give the state at the beginning of the horizon."""
        return PidState()

    def bid(self, state: PidState, *, value: ArrayLike, elapsed: float | None = None) -> NDArray[np.float64]:
        """Turn the expected values of k auctions into bids, float64[k]; see `Pacer.bid`."""
        worth = checked_value(value)
        progress = checked_elapsed(elapsed)
        left = self.budget - state.spent
        if left <= 0:
            return np.zeros(worth.shape)
        first = self.budget / self.opportunities if np.isnan(self.first) else self.first
        answers = []
        if np.isfinite(self.budget):
            error = state.spend_error
            if progress is not None:
                error = progress - state.spent / self.budget
            answers.append(_answer(SPEND, error, state.spend_sum, state.spend_slope))
        if np.isfinite(self.limit):
            answers.append(_answer(RATIO, state.ratio_error, state.ratio_sum, state.ratio_slope))
        bid: NDArray[np.float64] = np.minimum(first * np.exp(min(answers)) * worth, left)
        return bid

    def update(
        self,
        state: PidState,
        *,
        value: ArrayLike,
        bid: ArrayLike,
        won: ArrayLike,
        cost: ArrayLike,
        elapsed: float | None = None,
    ) -> PidState:
        """Give the state after k auctions; see `Pacer.update`."""
        checked_elapsed(elapsed)
        outcome = checked_outcome(value=value, bid=bid, won=won, cost=cost)
        if not outcome.count:
            return state
        step = outcome.count / self.opportunities
        seen = state.seen + outcome.count
        spent = state.spent + float(outcome.cost.sum())
        got = state.value + float(outcome.value.sum())
        spend_error = min(seen / self.opportunities, 1.0) - (spent / self.budget if self.budget > 0 else 1.0)
        ratio_error = self._ratio_error(spent, got)
        return replace(
            state,
            seen=seen,
            spent=spent,
            value=got,
            spend_sum=_bounded(SPEND, state.spend_sum + spend_error * step),
            ratio_sum=_bounded(RATIO, state.ratio_sum + ratio_error * step),
            spend_error=spend_error,
            ratio_error=ratio_error,
            spend_slope=(spend_error - state.spend_error) / step,
            ratio_slope=(ratio_error - state.ratio_error) / step,
        )

    def _ratio_error(self, spent: float, value: float) -> float:
        """Slack of the ratio, -1 to 1; first payments hardly count, for a conversion may take hundreds of them."""
        if np.isinf(self.limit):
            return 0.0
        base = self.limit * value + (CALM * self.budget if np.isfinite(self.budget) else 0.0)
        return float(np.clip((self.limit * value - spent) / base, -1.0, 1.0)) if base > 0 else 0.0


def _answer(gains: Gains, error: float, total: float, slope: float) -> float:
    raw = gains.proportional * error + gains.integral * total + gains.derivative * slope
    return float(np.clip(raw, -CLIP, CLIP))


def _bounded(gains: Gains, total: float) -> float:
    """Keep an integral from winding up while the answer is at its bound."""
    most = CLIP / gains.integral
    return float(np.clip(total, -most, most))
