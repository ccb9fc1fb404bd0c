"""Between value expected and value obtained: how far they differ, and what multiplier was really bid.

An update is told what was bid and what came of it, not what share of the horizon was gone when the bid was made. Where
that share moved the multiplier (traffic off plan), what was bid per expected value must be told from the wins:
bid / value obtained = multiplier / (value obtained per value expected). The two unknowns are told apart by their pace.
How values come out against expectation holds for the whole horizon; the multiplier starts out as planned, wanders as
traffic departs from plan, and returns. A Kalman (1960) filter of both logs does that. Where values come just as
expected, a win says it exactly.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pricebid.bidding.pacing_alter import altered

if TYPE_CHECKING:
    from numpy.typing import NDArray

RATIO_SD = 0.1  # of the log of value obtained per value expected, before anything is seen
RATIO_WALK = 0.05  # standard deviation by which it wanders over the horizon
RETURN = 0.3  # share of the horizon after which a shift of the multiplier is believed to have faded to 1 / e
ENOUGH = 4.0  # typical values that must be expected before what came is compared with it
SAME = 1e-9  # relative difference up to which two numbers are one
AGREE, AGREE_SHARE = 3, 0.05  # wins that must agree on a multiplier to be believed, at least, and as a share


@dataclass(frozen=True, kw_only=True)
class Scale:
    """Beliefs about value obtained per value expected, and about the multiplier really bid.

    Parameters
    ----------
    asked, got : float
        Value expected (had the multiplier been as in the state) and obtained since last judged.
    scatter, past_scatter : float
        Sums of squared differences of value obtained and expected: since last judged, and before.
    ratio, shift : float
        Logs of value obtained per value expected, and of the multiplier really bid per the state's.
    ratio_var, shift_var, shared_var : float
        Variances of both and their covariance.
    """

    asked: float = 0.0
    got: float = 0.0
    scatter: float = 0.0
    past_scatter: float = 0.0
    ratio: float = 0.0
    shift: float = 0.0
    ratio_var: float = RATIO_SD**2
    shift_var: float = 0.0
    shared_var: float = 0.0

    def added(self, asked: NDArray[np.float64], got: NDArray[np.float64]) -> Scale:
        """Give the scale with the wins of one more batch, float64[win] each."""
        if not len(asked):
            return self
        off = got - math.exp(self.ratio - self.shift) * asked
        return altered(
            self,
            asked=self.asked + float(asked.sum()),
            got=self.got + float(got.sum()),
            scatter=self.scatter + float(off @ off),
        )

    def grain(self, expected: float) -> float:
        """Variance of value obtained per unit of it (1 for conversions, 0 where values come as expected).

        Parameters
        ----------
        expected : float
            Value expected of all wins so far.
        """
        return (self.scatter + self.past_scatter) / max(float(np.exp(self.ratio)) * expected, 1e-300)

    def told(self, shift: float, *, expected: float, value: float) -> Scale:
        """Give the scale where the multiplier really bid is known.

        Parameters
        ----------
        shift : float
            Log of it per the state's.
        expected, value : float
            Value expected and obtained of all wins so far.
        """
        return Scale(
            past_scatter=self.past_scatter + self.scatter,
            ratio=float(np.log(value / expected)) if value > 0 and expected > 0 else self.ratio,
            ratio_var=RATIO_WALK**2,
            shift=shift,
        )

    def judged(self, gone: float, *, expected: float, bend: float) -> Scale:
        """Compare what came with what was expected, where enough was.

        Parameters
        ----------
        gone : float
            Share of the horizon since the last judgement.
        expected : float
            Value expected of all wins so far.
        bend : float
            How far the log multiplier would move if traffic were about twice or half the plan.
        """
        back = float(np.exp(-gone / RETURN))
        shift = self.shift * back
        ratio_var = self.ratio_var + RATIO_WALK**2 * gone
        shift_var = (self.shift_var + bend**2 * gone) * back**2
        shared_var = self.shared_var * back
        here = self.asked * float(np.exp(self.ratio - shift))
        grain = max(self.grain(expected), self.scatter / max(self.got, 1e-300))
        if self.got <= 0 or here < ENOUGH * grain:
            return altered(self, shift=shift, ratio_var=ratio_var, shift_var=shift_var, shared_var=shared_var)
        news = float(np.log(self.got / here))
        to_ratio, to_shift = ratio_var - shared_var, shared_var - shift_var
        total = to_ratio - to_shift + grain / self.got + 1e-4
        return Scale(
            past_scatter=self.past_scatter + self.scatter,
            ratio=self.ratio + to_ratio / total * news,
            shift=shift + to_shift / total * news,
            ratio_var=ratio_var - to_ratio**2 / total,
            shift_var=shift_var - to_shift**2 / total,
            shared_var=shared_var - to_ratio * to_shift / total,
        )


def exact_multiplier(bid: NDArray[np.float64], value: NDArray[np.float64], *, guess: float = np.nan) -> float | None:
    """Tell the multiplier exactly where values come just as expected.

    Wins in a lower slot bring a share of the value only; so bid / value is the multiplier where it is least, and there
    many wins agree. Where values are noisy they do not, and None is given.

    Parameters
    ----------
    bid, value : float64[win]
        Bids and values obtained.
    guess : float
        A multiplier for which a single win that fits is enough.
    """
    brought = value > 0
    if not brought.any():
        return None
    each = bid[brought] / value[brought]
    if (np.abs(each - guess) <= SAME * each).any():
        return guess
    least = float(each.min())
    agreed = np.count_nonzero(each <= least * (1 + SAME))
    return least if agreed >= max(AGREE, AGREE_SHARE * len(each)) else None
