"""How sums of feedback forget: not at all, by discounting, or by a sliding window. All of it commutes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from pricebid.errors import InputError
from pricebid.learning.ids import frozen

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pricebid.learning.protocol import Outcome

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, eq=False)
class DatedSums:
    """Sums of feedback by time.

    Parameters
    ----------
    latest : float
        Time of the latest feedback, in periods since the start.
    bins : float64[bin, row, ...]
        Sums of each bin, as of ``latest``; a row is an option, or a block of parameters.
    index : int64[bin]
        Which stretch of time each bin holds, counted from the start; 0 everywhere where there are no stretches.
    """

    latest: float
    bins: Floats
    index: Ints


class Forgetting(Protocol):
    """What of the past still counts. The order in which feedback comes never matters: ages go by its time."""

    def start(self, shape: tuple[int, ...]) -> DatedSums:
        """Give sums of this shape before any feedback."""
        ...

    def moved(self, sums: DatedSums, latest: float) -> DatedSums:
        """Let time pass until ``latest``."""
        ...

    def add(self, sums: DatedSums, times: Floats, row: Ints, values: Floats) -> DatedSums:
        """Add float64[outcome, ...] of these times to these rows, and let time pass until the latest of them."""
        ...

    def total(self, sums: DatedSums) -> Floats:
        """Give what counts, as of the latest feedback."""
        ...

    def weight(self, age: Floats) -> Floats:
        """Give what feedback of this age, in periods, counts."""
        ...


@dataclass(frozen=True, kw_only=True)
class Discount:
    """Feedback counts less the older it is (Garivier and Moulines 2011; for Thompson sampling Raj and Kalyani 2017).

    Parameters
    ----------
    keep : float
        What is left of a weight after one period, above 0 and at most 1 (1: nothing is forgotten). About
        1 / (1 - keep) periods count.
    """

    keep: float = 1.0

    def __post_init__(self) -> None:
        if not 0.0 < self.keep <= 1.0:
            raise InputError(f"keep is {self.keep!r}; give a share above 0 and at most 1")

    def start(self, shape: tuple[int, ...]) -> DatedSums:
        """Give sums of this shape before any feedback."""
        return DatedSums(latest=0.0, bins=frozen(np.zeros((1, *shape))), index=frozen(np.zeros(1, dtype=np.int64)))

    def moved(self, sums: DatedSums, latest: float) -> DatedSums:
        """Let time pass until ``latest``."""
        if latest <= sums.latest:
            return sums
        bins = sums.bins if self.keep == 1.0 else frozen(sums.bins * self.keep ** (latest - sums.latest))
        return DatedSums(latest=latest, bins=bins, index=sums.index)

    def add(self, sums: DatedSums, times: Floats, row: Ints, values: Floats) -> DatedSums:
        """Add float64[outcome, ...] of these times to these rows, and let time pass until the latest of them."""
        if not len(times):
            return sums
        now = self.moved(sums, float(times.max()))
        if self.keep < 1.0:
            weight = self.weight(now.latest - times)
            values = values * weight.reshape(-1, *[1] * (values.ndim - 1))
        bins = now.bins.copy()
        np.add.at(bins[0], row, values)
        return DatedSums(latest=now.latest, bins=frozen(bins), index=now.index)

    def total(self, sums: DatedSums) -> Floats:
        """Give what counts, as of the latest feedback."""
        total: Floats = sums.bins[0]
        return total

    def weight(self, age: Floats) -> Floats:
        """Give what feedback of this age, in periods, counts."""
        return np.power(self.keep, np.maximum(age, 0.0))


KEEP_ALL = Discount()


@dataclass(frozen=True, kw_only=True)
class Window:
    """Only feedback of the latest periods counts (Garivier and Moulines 2011), in memory of fixed size.

    Parameters
    ----------
    periods : float
        Length of the window, > 0.
    bins : int
        Stretches of which it is made, at least 1: what leaves the window leaves it by whole stretches, so that between
        ``periods - periods / bins`` and ``periods`` count.
    """

    periods: float
    bins: int = 16

    def __post_init__(self) -> None:
        if not (self.periods > 0.0 and np.isfinite(self.periods)):
            raise InputError(f"periods is {self.periods!r}; give a finite length above 0")
        if self.bins < 1:
            raise InputError(f"bins is {self.bins!r}; give a whole number of at least 1")

    def start(self, shape: tuple[int, ...]) -> DatedSums:
        """Give sums of this shape before any feedback."""
        return DatedSums(latest=0.0, bins=frozen(np.zeros((self.bins, *shape))), index=frozen(self.stretches(0.0)))

    def stretch(self, times: Floats | float) -> Ints:
        """Give the number of the stretch in which each time lies."""
        return np.floor(np.asarray(times) * (self.bins / self.periods)).astype(np.int64)

    def stretches(self, latest: float) -> Ints:
        """Give which stretch each place of the ring holds once ``latest`` is reached: the newest that falls on it."""
        newest = int(self.stretch(latest))
        return newest - (newest - np.arange(self.bins)) % self.bins

    def moved(self, sums: DatedSums, latest: float) -> DatedSums:
        """Let time pass until ``latest``."""
        if latest <= sums.latest:
            return sums
        index = self.stretches(latest)
        stays = (index == sums.index).reshape(-1, *[1] * (sums.bins.ndim - 1))
        return DatedSums(latest=latest, bins=frozen(np.where(stays, sums.bins, 0.0)), index=frozen(index))

    def add(self, sums: DatedSums, times: Floats, row: Ints, values: Floats) -> DatedSums:
        """Add float64[outcome, ...] of these times to these rows, and let time pass until the latest of them."""
        if not len(times):
            return sums
        now = self.moved(sums, float(times.max()))
        stretch = self.stretch(times)
        place = stretch % self.bins
        counts = now.index[place] == stretch
        bins = now.bins.copy()
        np.add.at(bins, (place[counts], row[counts]), values[counts])
        return DatedSums(latest=now.latest, bins=frozen(bins), index=now.index)

    def total(self, sums: DatedSums) -> Floats:
        """Give what counts, as of the latest feedback."""
        total: Floats = sums.bins.sum(axis=0)
        return total

    def weight(self, age: Floats) -> Floats:
        """Give what feedback of this age, in periods, counts."""
        return np.where(age < self.periods, 1.0, 0.0)


def read_times(outcomes: Sequence[Outcome], latest: float) -> Floats:
    """Give the times of outcomes, float64[outcome].

    Parameters
    ----------
    outcomes : sequence of Outcome
        Each without a time is taken to have come one period after the latest before it.
    latest : float
        The latest time before these.

    Raises
    ------
    InputError
        A time is not finite, or negative.
    """
    times = np.empty(len(outcomes))
    for place, outcome in enumerate(outcomes):
        time = latest + 1.0 if outcome.time is None else float(outcome.time)
        if not (np.isfinite(time) and time >= 0.0):
            raise InputError(f"outcome {place} has time {outcome.time!r}; give periods since the start, 0 or more")
        times[place] = time
        latest = max(latest, time)
    return times
