"""Between value expected and value obtained: how far they differ, and what multiplier was really bid.

An update is told what was bid and what came of it, not what share of the horizon was gone when the bid was made. Where
that share moved the multiplier (traffic off plan), two things tell what was bid per expected value. Wins say bid / value
obtained = multiplier / (value obtained per value expected); and all bids, lost ones too, say mean bid = multiplier x mean
expected value. The three unknowns are told apart by their pace: values come out against expectation much alike over
the horizon, mean values move a little, and the multiplier starts out as planned, wanders as traffic departs from plan, and
returns. A Kalman (1960) filter of their logs does that. Where values come just as expected, a win says it exactly.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from pricebid.bidding.pacing_alter import altered

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pricebid.bidding.pacing_outcome import Outcome

RATIO_SD = 0.1  # of the log of value obtained per value expected, before anything is seen
RATIO_WALK, MEAN_WALK = 0.05, 0.1  # standard deviations by which it and the log mean value wander over the horizon
RETURN = 3.0  # share of the horizon after which a shift of the multiplier is believed to have faded to 1 / e
FAR = 2.0  # standard deviations beyond which news says that what was believed of the ratio was wrong
ENOUGH = 4.0  # typical values that must be expected before what came is compared with it
JUMPS, JUMPS_KEEP = 0.02, 0.85  # variance of a period's mean value around its level, believed at first, and its memory
SAME = 1e-9  # relative difference up to which two numbers are one
NEAR = 0.15  # log distance from what is believed up to which a multiplier told exactly is believed
AGREE, AGREE_SHARE = 3, 0.05  # wins that must agree on a multiplier to be believed, at least, and as a share
VALUE_LINK, MEAN_LINK = np.array([1.0, -1.0, 0.0]), np.array([0.0, 1.0, 1.0])


def _nothing() -> NDArray[np.float64]:
    return np.array([0.0, 0.0, np.nan])


def _open() -> NDArray[np.float64]:
    return np.diag([RATIO_SD**2, 0.0, 0.0])


@dataclass(frozen=True, kw_only=True)
class Scale:
    """Beliefs about value obtained per value expected, the multiplier really bid, and the mean expected value.

    Parameters
    ----------
    asked, got : float
        Value expected of wins (had the multiplier been as in the state) and obtained since last judged.
    scatter, past_scatter : float
        Sums of squared differences of value obtained and expected: since last judged, and before.
    count, worth, squares : float
        Auctions, and sums of their expected values (likewise) and of the squares, since the mean was last judged.
    jumps : float
        Variance of the log of a period's mean value around its level.
    exact : bool
        Values come just as expected, but for the share that a lower slot brings.
    belief : float64[3]
        Logs of value obtained per value expected, of the multiplier really bid per the state's, and of mean expected
        value (NaN until seen).
    doubt : float64[3, 3]
        Their covariance.
    """

    asked: float = 0.0
    got: float = 0.0
    scatter: float = 0.0
    past_scatter: float = 0.0
    count: float = 0.0
    worth: float = 0.0
    squares: float = 0.0
    jumps: float = JUMPS
    exact: bool = False
    belief: NDArray[np.float64] = field(default_factory=_nothing)
    doubt: NDArray[np.float64] = field(default_factory=_open)

    @property
    def ratio(self) -> float:
        """Log of value obtained per value expected."""
        return float(self.belief[0])

    @property
    def shift(self) -> float:
        """Log of the multiplier really bid per the state's."""
        return float(self.belief[1])

    def added(self, outcome: Outcome, multiplier: float) -> Scale:
        """Give the scale with one more batch, bid with the state's ``multiplier`` or a shift of it."""
        worth, squares = outcome.bids / multiplier, outcome.squares / multiplier**2
        more = {"count": self.count + outcome.count, "worth": self.worth + worth, "squares": self.squares + squares}
        if not len(outcome.bid):
            return altered(self, **more)
        asked = outcome.bid / multiplier
        off = outcome.value - math.exp(self.ratio - self.shift) * asked
        return altered(
            self,
            asked=self.asked + float(asked.sum()),
            got=self.got + float(outcome.value.sum()),
            scatter=self.scatter + float(off @ off),
            exact=self.exact and bool(outcome.value.all()),
            **more,
        )

    def grain(self, expected: float) -> float:
        """Variance of value obtained per unit of it (1 for conversions, 0 where values come as expected).

        Parameters
        ----------
        expected : float
            Value expected of all wins so far.
        """
        return (self.scatter + self.past_scatter) / max(math.exp(self.ratio) * expected, 1e-300)

    def shifted(self, shift: float) -> Scale:
        """Give the scale where the log of the multiplier really bid per the state's is known."""
        belief, doubt = self.belief.copy(), self.doubt.copy()
        belief[1] = shift
        doubt[1, :] = doubt[:, 1] = 0.0
        return altered(self, belief=belief, doubt=doubt)

    def told(self, shift: float, *, expected: float, value: float) -> Scale:
        """Give the scale where the multiplier really bid was told by exact values.

        Parameters
        ----------
        shift : float
            Log of it per the state's.
        expected, value : float
            Value expected and obtained of all wins so far.
        """
        ratio = math.log(value / expected) if value > 0 and expected > 0 else self.ratio
        mean = math.log(self.worth / self.count) - shift if self.worth > 0 else math.nan
        return Scale(
            past_scatter=self.past_scatter + self.scatter,
            exact=True,
            jumps=self.jumps,
            belief=np.array([ratio, shift, mean]),
            doubt=np.diag([RATIO_WALK**2, 0.0, self.jumps]),
        )

    def judged(self, gone: float, *, expected: float, bend: float, period: float) -> Scale:
        """Compare what came with what was expected, where enough was.

        Parameters
        ----------
        gone : float
            Share of the horizon since the last judgement.
        expected : float
            Value expected of all wins so far.
        bend : float
            How far the log multiplier would move if traffic were about twice or half the plan.
        period : float
            Auctions from which on their mean value is judged.
        """
        fading = np.array([1.0, math.exp(-gone / RETURN), 1.0])
        walk = np.array([RATIO_WALK**2, bend**2, MEAN_WALK**2]) * gone
        scale = altered(
            self,
            belief=self.belief * fading,
            doubt=(self.doubt + np.diag(walk)) * np.outer(fading, fading),
        )
        if scale.count >= period and scale.worth > 0:
            scale = scale._mean_judged()  # noqa: SLF001 - its own kind
        here = scale.asked * math.exp(scale.ratio - scale.shift)
        grain = max(scale.grain(expected), scale.scatter / max(scale.got, 1e-300))
        if scale.got <= 0 or here < ENOUGH * grain:
            return scale
        news, noise = math.log(scale.got / here), grain / scale.got + 1e-4
        # Far off what was thought possible: then what was thought of the ratio was wrong (lower slots, say).
        wrong = max(news**2 - FAR**2 * (float(VALUE_LINK @ scale.doubt @ VALUE_LINK) + noise), 0.0)
        scale = altered(scale, doubt=scale.doubt + np.diag([wrong, 0.0, 0.0]))
        belief, doubt = _learnt(scale, VALUE_LINK, news, noise)
        return altered(
            scale,
            asked=0.0,
            got=0.0,
            scatter=0.0,
            past_scatter=scale.past_scatter + scale.scatter,
            belief=belief,
            doubt=doubt,
        )

    def _mean_judged(self) -> Scale:
        """Compare the mean of all bids with what it was."""
        mean = math.log(self.worth / self.count)
        sampling = self.squares / self.worth**2
        fresh = {"count": 0.0, "worth": 0.0, "squares": 0.0}
        if math.isnan(self.belief[2]):
            belief, doubt = self.belief.copy(), self.doubt.copy()
            belief[2] = mean - self.shift
            doubt[2, :] = doubt[:, 2] = -doubt[:, 1]
            doubt[2, 2] = doubt[1, 1] + sampling + self.jumps
            return altered(self, belief=belief, doubt=doubt, **fresh)
        news = mean - float(MEAN_LINK @ self.belief)
        known = float(MEAN_LINK @ self.doubt @ MEAN_LINK)
        belief, doubt = _learnt(self, MEAN_LINK, news, sampling + self.jumps)
        jumps = JUMPS_KEEP * self.jumps + (1 - JUMPS_KEEP) * max(news**2 - known - sampling, 0.0)
        return altered(self, belief=belief, doubt=doubt, jumps=jumps, **fresh)


def _learnt(
    scale: Scale, link: NDArray[np.float64], news: float, noise: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Belief and doubt after one measurement: ``link`` @ belief was off by ``news``, known up to variance ``noise``."""
    toward = scale.doubt @ link
    total = float(link @ toward) + noise
    gain = toward / total
    # A mean that is not known yet has no covariance; its NaN must not spread.
    return scale.belief + np.where(gain != 0, gain * news, 0.0), scale.doubt - np.outer(gain, toward)


def exact_multiplier(
    bid: NDArray[np.float64], value: NDArray[np.float64], *, guesses: tuple[float, ...] = (), known: bool = False
) -> float | None:
    """Tell the multiplier exactly where values come just as expected.

    Wins in a lower slot bring a share of the value only; so bid / value is the multiplier where it is least, and there
    many wins agree. Where values are noisy they do not, and None is given.

    Parameters
    ----------
    bid, value : float64[win]
        Bids and values obtained.
    guesses : tuple of float
        What the multiplier may be near; the first is sure if a single win fits it. Without them any is believed.
    known : bool
        That values come as expected was seen before: then the least need not be that of many.
    """
    if not len(bid) or not value.all():
        return None
    each = bid / value
    if guesses and (np.abs(each - guesses[0]) <= SAME * each).any():
        return guesses[0]
    least = float(each.min())
    agreed = np.count_nonzero(each <= least * (1 + SAME))
    if not known and agreed < max(AGREE, AGREE_SHARE * len(each)):
        return None
    near = not guesses or min(abs(math.log(least / guess)) for guess in guesses) <= NEAR
    return least if near else None
