"""Arms whose rewards change at once: Thompson sampling on what came since the last change that a detector found."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from pricebid.errors import InputError
from pricebid.learning.arms import BetaThompson, GaussianThompson
from pricebid.learning.change import ChangeDetector, ChangeState
from pricebid.learning.choosing import Choosing
from pricebid.learning.drawing import best_shares
from pricebid.learning.evidence import Scattered
from pricebid.learning.forgetting import read_times
from pricebid.learning.forgetting_ts import STATISTICS, read_statistics, sample_arms
from pricebid.learning.ids import SeenIds, fresh

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pricebid.learning.protocol import Outcome

    Floats = NDArray[np.float64]
    Bools = NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True, eq=False)
class ChangingState:
    """What a `ChangingThompson` remembers.

    Parameters
    ----------
    change : ChangeState
        Rewards since each arm's last change; how many changes were found is ``change.alarms``.
    seen : SeenIds
        The latest outcome ids.
    """

    change: ChangeState
    seen: SeenIds


@dataclass(frozen=True, kw_only=True)
class ChangingThompson(Choosing[ChangingState]):
    """Thompson sampling that starts an arm anew when a test finds that its mean has changed.

    Between changes nothing is forgotten. With GLR-klUCB (Besson et al. 2022) it shares that a small part of the choices is spread
    over all options: what is never tried cannot be seen to have become better.

    Parameters
    ----------
    arms : BetaThompson or GaussianThompson
        How arms are drawn. Rewards of a `GaussianThompson` are measured from its prior mean, so that a `Scattered` family of
        the detector has its centre at 0.
    detector : ChangeDetector
        What finds changes; for a `GaussianThompson` with `Scattered` rewards.
    explore : float
        Share of the choices that is spread evenly over the options allowed, from 0 to below 1.

    Notes
    -----
    An alarm is raised on what has come by then and is not taken back. While none is raised, the order in which feedback
    comes makes no difference.

    Examples
    --------
    >>> import numpy as np
    >>> from pricebid.learning import BetaThompson, ChangingThompson, Outcome
    >>> policy = ChangingThompson(arms=BetaThompson(options=2))
    >>> rng = np.random.default_rng(0)
    >>> rewards = rng.random((600, 2)) < np.where(np.arange(600)[:, None] < 400, [0.2, 0.1], [0.2, 0.6])
    >>> log = [Outcome(option=k, units=float(rewards[t, k]), time=float(t)) for t in range(600) for k in (0, 1)]
    >>> state = policy.start()
    >>> for at in range(0, 1200, 10):
    ...     state = policy.update(state, log[at : at + 10])
    >>> state.change.alarms.tolist(), state.change.since.tolist()  # stretches of 20 periods
    ([0, 1], [0, 20])
    """

    arms: BetaThompson | GaussianThompson
    detector: ChangeDetector = field(default_factory=ChangeDetector)
    explore: float = 0.02

    def __post_init__(self) -> None:
        if not 0.0 <= self.explore < 1.0:
            raise InputError(f"explore is {self.explore!r}; give a share of at least 0 and below 1")
        if isinstance(self.arms, GaussianThompson) and not isinstance(self.detector.family, Scattered):
            raise InputError("a GaussianThompson takes any reward: give ChangeDetector(family=Scattered(noise=...))")

    @property
    def options(self) -> int:
        """How many arms there are."""
        return self.arms.options

    def start(self) -> ChangingState:
        """Give the state before any feedback."""
        return ChangingState(change=self.detector.start(self.options, STATISTICS), seen=SeenIds.none())

    def sample(self, state: ChangingState, rng: np.random.Generator, choices: int) -> Floats:
        """Draw what each arm is worth from what came since its last change, float64[draw, option]."""
        return sample_arms(self.arms, state.change.total, rng, choices)

    def law(self, state: ChangingState, drawn: Floats, mask: Bools | None) -> Floats:  # noqa: ARG002 - it is in the draws
        """Give how often each arm is best, with a small part spread evenly."""
        allowed = np.ones(self.options, dtype=np.bool_) if mask is None else mask
        mixed: Floats = (1.0 - self.explore) * best_shares(drawn, mask) + self.explore * (allowed / allowed.sum())
        return mixed

    def update(self, state: ChangingState, outcomes: Sequence[Outcome]) -> ChangingState:
        """Give the state after feedback.

        Raises
        ------
        InputError
            Options that do not exist, rewards that the arms cannot have, times that are negative.
        """
        seen, new = fresh(state.seen, outcomes)
        if not new:
            return state
        option, statistics = read_statistics(self.arms, new)
        times = read_times(new, state.change.latest)
        return ChangingState(change=self.detector.update(state.change, times, option, statistics), seen=seen)
