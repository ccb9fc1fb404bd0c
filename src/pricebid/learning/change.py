"""A change of an arm's mean: a sequential test with a stated probability of false alarm, in memory of fixed size.

As the generalised likelihood ratio test of Besson, Kaufmann, Maillard and Seznec (2022) it compares the mean before with the
mean after each moment at which a change may have come; instead of the best fit of both, mixtures are compared with the
best fit of no change, so that Ville's inequality gives the false alarms exactly and no threshold has to be derived.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from pricebid.errors import InputError
from pricebid.learning.evidence import Bounded, Family
from pricebid.learning.forgetting import Window
from pricebid.learning.ids import frozen

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, eq=False)
class ChangeState:
    """Rewards of each arm since its last change, by stretch of time.

    Parameters
    ----------
    latest : float
        Time of the latest feedback, in periods since the start.
    older : float64[option, statistic]
        Sums from before the stretches that are held one by one: count, total, and what else is carried along.
    bins : float64[bin, option, statistic]
        Sums of the latest stretches.
    index : int64[bin]
        Which stretch each bin holds.
    since : int64[option]
        The stretch with which the arm's present mean began.
    alarms : int64[option]
        Changes found so far.
    """

    latest: float
    older: Floats
    bins: Floats
    index: Ints
    since: Ints
    alarms: Ints

    @property
    def total(self) -> Floats:
        """What is known of each arm as it is now, float64[option, statistic]."""
        total: Floats = self.older + self.bins.sum(axis=0)
        return total


@dataclass(frozen=True, kw_only=True)
class ChangeDetector:
    """Looks after each update whether some arm's mean has changed, and drops what was before.

    Parameters
    ----------
    family : Bounded or Scattered
        How rewards scatter around their mean.
    false_alarm : float
        Probability, between 0 and 1, that any alarm is ever raised for a set of arms that do not change; after an alarm the
        arm's watch begins anew with this probability.
    window : Window
        How long after a change it can still be found, and in how many stretches.
    together : bool
        Whether an alarm of one arm drops the past of all (a rival leaves, a season turns), or of that arm only.
    """

    family: Family = field(default_factory=Bounded)
    false_alarm: float = 0.05
    window: Window = field(default_factory=lambda: Window(periods=1_000.0, bins=50))
    together: bool = False

    def __post_init__(self) -> None:
        if not 0.0 < self.false_alarm < 1.0:
            raise InputError(f"false_alarm is {self.false_alarm!r}; give a probability between 0 and 1")
        if self.window.bins < 2:
            raise InputError(f"the window has {self.window.bins} stretch; give at least 2: a change lies between two")

    def start(self, options: int, statistics: int = 2) -> ChangeState:
        """Give the state before any feedback; ``statistics`` are carried along, of which count and total are the first."""
        return ChangeState(
            latest=0.0,
            older=frozen(np.zeros((options, statistics))),
            bins=frozen(np.zeros((self.window.bins, options, statistics))),
            index=frozen(self.window.stretches(0.0)),
            since=frozen(np.zeros(options, dtype=np.int64)),
            alarms=frozen(np.zeros(options, dtype=np.int64)),
        )

    def update(self, state: ChangeState, times: Floats, option: Ints, statistics: Floats) -> ChangeState:
        """Add feedback, and look for changes.

        Parameters
        ----------
        state : ChangeState
            Before.
        times : float64[outcome]
            When each was picked. What is from before its arm's last change is left out.
        option : int64[outcome]
            What was picked.
        statistics : float64[outcome, statistic]
            1, the reward, and what else is carried along.
        """
        if not len(times):
            return state
        latest = max(state.latest, float(times.max()))
        index = self.window.stretches(latest)
        stays = index == state.index
        older = state.older + state.bins[~stays].sum(axis=0)
        bins = np.where(stays[:, None, None], state.bins, 0.0)
        stretch = self.window.stretch(times)
        counts = stretch >= state.since[option]
        stretch, option, statistics = stretch[counts], option[counts], statistics[counts]
        place = stretch % self.window.bins
        held = index[place] == stretch
        np.add.at(bins, (place[held], option[held]), statistics[held])
        np.add.at(older, option[~held], statistics[~held])
        added = ChangeState(
            latest=latest,
            older=frozen(older),
            bins=frozen(bins),
            index=frozen(index),
            since=state.since,
            alarms=state.alarms,
        )
        return self._looked(added)

    def evidence(self, state: ChangeState) -> tuple[Floats, Ints]:
        """Weigh each arm's rewards against one mean for all of them.

        Returns
        -------
        float64[option]
            Log of the evidence of a change: above log(options / false_alarm) it is an alarm.
        int64[option]
            The stretch with which the new mean most likely began.
        """
        order = np.argsort(state.index)
        begins = state.index[order]
        sums = state.bins[order][:, :, :2]
        before = state.older[None, :, :2] + np.concatenate([np.zeros((1, *sums.shape[1:])), sums.cumsum(axis=0)[:-1]])
        total = state.total[None, :, :2]
        after = total - before
        possible = begins[:, None] > state.since
        number = np.where(possible, begins[:, None] - state.since, 1)
        mixed = self.family.log_mixture(before[..., 0], before[..., 1])
        mixed = mixed + self.family.log_mixture(after[..., 0], after[..., 1])
        terms = np.where(possible, mixed + _log_weight(number), -np.inf)
        top = terms.max(axis=0)
        safe = np.where(np.isfinite(top), top, 0.0)
        summed = safe + np.log(
            np.exp(terms - safe).sum(axis=0), where=np.isfinite(top), out=np.full(top.shape, -np.inf)
        )
        return summed - self.family.log_best(total[0, :, 0], total[0, :, 1]), begins[terms.argmax(axis=0)]

    def _looked(self, state: ChangeState) -> ChangeState:
        options = len(state.since)
        evidence, began = self.evidence(state)
        alarm = evidence >= np.log(options / self.false_alarm)
        if not alarm.any():
            return state
        resets = np.ones(options, dtype=np.bool_) if self.together else alarm
        since = np.where(alarm, began, state.since)
        if self.together:
            since[:] = began[alarm][evidence[alarm].argmax()]
        stays = state.index[:, None] >= since
        return ChangeState(
            latest=state.latest,
            older=frozen(np.where(resets[:, None], 0.0, state.older)),
            bins=frozen(np.where((stays | ~resets)[:, :, None], state.bins, 0.0)),
            index=state.index,
            since=frozen(since),
            alarms=frozen(state.alarms + alarm),
        )


def _log_weight(number: Ints) -> Floats:
    # How likely a change is at the 1st, 2nd, ... stretch: log 2 (1 / log(s + 1) - 1 / log(s + 2)) sums to 1 and falls as
    # slowly as it may, so that late changes are found nearly as soon as early ones.
    s = np.asarray(number, dtype=np.float64)
    weight: Floats = np.log(np.log(2.0) * np.log1p(1.0 / (s + 1.0)) / (np.log(s + 1.0) * np.log(s + 2.0)))
    return weight
