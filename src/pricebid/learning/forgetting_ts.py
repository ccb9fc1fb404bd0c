"""Arms whose rewards drift: Thompson sampling on feedback that counts less with age, or leaves a window."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pricebid.learning.arms import BetaState, BetaThompson, GaussianState, GaussianThompson
from pricebid.learning.choosing import Choosing
from pricebid.learning.drawing import read_feedback
from pricebid.learning.evidence import Bounded
from pricebid.learning.forgetting import DatedSums, Forgetting, read_times
from pricebid.learning.ids import SeenIds, fresh, frozen

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pricebid.learning.protocol import Outcome

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]
    Bools = NDArray[np.bool_]

STATISTICS = 3  # count, total and squares


@dataclass(frozen=True, kw_only=True, eq=False)
class ForgettingState:
    """What a `ForgettingThompson` remembers.

    Parameters
    ----------
    sums : DatedSums
        Count, total and squares of the rewards of each arm; totals are measured from the arms' prior mean.
    seen : SeenIds
        The latest outcome ids.
    """

    sums: DatedSums
    seen: SeenIds


@dataclass(frozen=True, kw_only=True)
class ForgettingThompson(Choosing[ForgettingState]):
    """Thompson sampling that forgets: discounted (Raj and Kalyani 2017), or with a window (Trovò et al. 2020).

    Parameters
    ----------
    arms : BetaThompson or GaussianThompson
        How arms are drawn.
    forgetting : Discount or Window
        What of the past counts. An arm that nothing counts for any more is as unknown as at the start, and so tried again.

    Examples
    --------
    >>> import numpy as np
    >>> from pricebid.learning import BetaThompson, ForgettingThompson, Outcome, Window
    >>> policy = ForgettingThompson(arms=BetaThompson(options=2), forgetting=Window(periods=50.0))
    >>> then = [Outcome(option=k, units=float(k == 0), time=float(t)) for t in range(60) for k in (0, 1)]
    >>> now = [Outcome(option=k, units=float(k == 1), time=float(t)) for t in range(60, 120) for k in (0, 1)]
    >>> state = policy.update(policy.start(), then + now)
    >>> policy.choose(state, np.random.default_rng(0)).option
    1
    """

    arms: BetaThompson | GaussianThompson
    forgetting: Forgetting

    @property
    def options(self) -> int:
        """How many arms there are."""
        return self.arms.options

    def start(self) -> ForgettingState:
        """Give the state before any feedback."""
        return ForgettingState(sums=self.forgetting.start((self.options, STATISTICS)), seen=SeenIds.none())

    def sample(self, state: ForgettingState, rng: np.random.Generator, choices: int) -> Floats:
        """Draw what each arm is worth from what counts, float64[draw, option]."""
        return sample_arms(self.arms, self.forgetting.total(state.sums), rng, choices)

    def update(self, state: ForgettingState, outcomes: Sequence[Outcome]) -> ForgettingState:
        """Give the state after feedback, in any order.

        Raises
        ------
        InputError
            Options that do not exist, rewards that the arms cannot have, times that are negative.
        """
        seen, new = fresh(state.seen, outcomes)
        if not new:
            return state
        option, statistics = read_statistics(self.arms, new)
        times = read_times(new, state.sums.latest)
        return ForgettingState(sums=self.forgetting.add(state.sums, times, option, statistics), seen=seen)


def read_statistics(arms: BetaThompson | GaussianThompson, outcomes: Sequence[Outcome]) -> tuple[Ints, Floats]:
    """Give the options of outcomes, and count, total and squares of each, float64[outcome, 3].

    Raises
    ------
    InputError
        An outcome that the arms cannot have.
    """
    option, reward = read_feedback(outcomes, arms.options)
    if isinstance(arms, BetaThompson):
        Bounded().check(reward)
        off = reward
    else:
        off = reward - np.broadcast_to(np.asarray(arms.prior_mean, dtype=np.float64), (arms.options,))[option]
    return option, np.stack([np.ones(len(off)), off, off**2], axis=1)


def sample_arms(arms: BetaThompson | GaussianThompson, total: Floats, rng: np.random.Generator, choices: int) -> Floats:
    """Draw what each arm is worth, float64[draw, option], on what counts, float64[option, 3]."""
    if isinstance(arms, BetaThompson):
        return arms.sample(_beta(total), rng, choices)
    return arms.sample(_gaussian(total), rng, choices)


_NOBODY = SeenIds(digests=frozen(np.zeros(1, dtype=np.int64)))


def _beta(total: Floats) -> BetaState:
    return BetaState(wins=total[:, 1], losses=np.maximum(total[:, 0] - total[:, 1], 0.0), seen=_NOBODY)


def _gaussian(total: Floats) -> GaussianState:
    return GaussianState(count=total[:, 0], total=total[:, 1], squares=total[:, 2], seen=_NOBODY)
