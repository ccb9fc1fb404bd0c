"""Replay: let a policy, also one that learns, choose along a log, and keep the decisions in which it agrees with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

import numpy as np
from scipy import stats

from pricebid.errors import InputError
from pricebid.learning.protocol import Learner, Outcome

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pricebid.tables.decisions import DecisionLog

    Floats = NDArray[np.float64]

State = TypeVar("State")


@dataclass(frozen=True, kw_only=True, eq=False)
class Replay(Generic[State]):
    """What a replay gave.

    Parameters
    ----------
    kept : int64[match]
        Decisions of the log that count, in order.
    reward : float64[match]
        What they brought.
    state : State
        Of the policy at the end.
    """

    kept: NDArray[np.int64]
    reward: Floats
    state: State

    @property
    def value(self) -> float:
        """Mean reward over the decisions that count; NaN where there are none."""
        return float(self.reward.mean()) if len(self.reward) else float("nan")

    def interval(self, alpha: float = 0.05) -> tuple[float, float]:
        """Return an interval around the mean: exact for rewards of 0 and 1 (Clopper and Pearson 1934), else Student's.

        It speaks of the decisions that were kept; of a policy that learns, of its mean over this run.
        """
        n = len(self.reward)
        if n < 2:
            return float("-inf"), float("inf")
        if np.isin(self.reward, (0.0, 1.0)).all():
            wins = float(self.reward.sum())
            low = float(stats.beta.ppf(alpha / 2, wins, n - wins + 1)) if wins > 0 else 0.0
            high = float(stats.beta.isf(alpha / 2, wins + 1, n - wins)) if wins < n else 1.0
            return low, high
        wide = float(stats.t.isf(alpha / 2, n - 1) * self.reward.std(ddof=1) / np.sqrt(n))
        return self.value - wide, self.value + wide


def replay(
    policy: Learner[State],
    log: DecisionLog,
    rng: np.random.Generator,
    *,
    context: Floats | None = None,
    batch: int = 1,
    start: State | None = None,
) -> Replay[State]:
    """Replay a policy on a log (Li, Chu, Langford and Wang 2011).

    Each decision of the log in turn: the policy chooses; where it agrees with the log, the decision counts and the policy
    learns from it, else it is passed over. With a log whose options were equally likely, what is kept is as if the policy
    had been live. Where propensities differ, an agreement is kept with probability (least propensity / propensity), which makes it
    so again (rejection sampling), at the price of fewer decisions.

    Parameters
    ----------
    policy : Learner
        Its options are those of the log, in their order.
    log : DecisionLog
        In order of time.
    rng : numpy.random.Generator
        Of the policy and of rejections.
    context : float64[decision, feature], optional
        For contextual policies.
    batch : int
        Decisions that are chosen from one state; the policy learns from them together.
    start : State, optional
        Where it begins; ``policy.start()`` if not given.

    Raises
    ------
    InputError
        The policy has another number of options, or the batch is below 1.
    """
    if policy.options != len(log.options) or batch < 1:
        raise InputError(
            f"the policy has {policy.options} options, the log {len(log.options)}; batch {batch} must be at least 1"
        )
    state = policy.start() if start is None else start
    accepted = rng.random(len(log)) < log.propensity.min() / log.propensity
    kept = []
    for first in range(0, len(log), batch):
        rows = np.arange(first, min(first + batch, len(log)))
        known = None if context is None else context[rows]
        picks = policy.choose_many(state, rng, len(rows), context=known)
        agreed = (picks.option == log.option[rows]) & accepted[rows]
        kept.append(rows[agreed])
        outcomes = [
            Outcome(
                option=int(log.option[row]),
                units=float(log.reward[row]),
                propensity=float(picks.propensity[at]),
                context=None if context is None else context[row],
            )
            for at, row in zip(np.flatnonzero(agreed), rows[agreed], strict=True)
        ]
        if outcomes:
            state = policy.update(state, outcomes)
    matched = np.concatenate(kept) if kept else np.empty(0, dtype=np.int64)
    return Replay(kept=matched, reward=log.reward[matched], state=state)
