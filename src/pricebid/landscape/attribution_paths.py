"""Paths: the touches that led to a conversion, or to none."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from pricebid.errors import InputError
from pricebid.tables.table import freeze

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    from pricebid.tables.channels import Touches

_DAY = 86_400.0


@dataclass(frozen=True, kw_only=True, eq=False)
class Paths:
    """Sequences of touches with what came of each.

    Parameters
    ----------
    channels : object[channel]
        Labels.
    start : int64[path]
        Position of each path's first touch; a path ends where the next one starts. Every path has a touch.
    channel : int32[touch]
        Position in ``channels``, path by path, in order of time.
    age : float64[touch]
        How long before the last touch of its path, in days; in touches where ``timed`` is False.
    conversions, value : float64[path]
        Conversions of the path, and their money.
    nulls : float64[path]
        How often the path ended without a conversion.
    cost : float64[channel], optional
        Money paid for all touches of the channel; None where it is not known.
    touches : float64[channel]
        Touches of the channel, those left out by a window among them.
    timed : bool
        Times of touches are known.
    """

    channels: NDArray[np.object_]
    start: NDArray[np.int64]
    channel: NDArray[np.int32] = field(repr=False)
    age: NDArray[np.float64] = field(repr=False)
    conversions: NDArray[np.float64]
    value: NDArray[np.float64]
    nulls: NDArray[np.float64]
    touches: NDArray[np.float64]
    cost: NDArray[np.float64] | None = None
    timed: bool = True

    def __len__(self) -> int:
        return len(self.start)

    @property
    def length(self) -> NDArray[np.int64]:
        """Touches of each path, int64[path], 1 or more."""
        return np.diff(np.append(self.start, len(self.channel)))

    @property
    def path(self) -> NDArray[np.int64]:
        """Number of the path of each touch, int64[touch]."""
        return np.repeat(np.arange(len(self)), self.length)

    @property
    def last(self) -> NDArray[np.int64]:
        """Position of each path's last touch, int64[path]."""
        return self.start + self.length - 1


def cut_paths(touches: Touches, *, window: float | None = None) -> Paths:
    """Cut every customer's touches into paths.

    A path ends with a touch that converted; what follows belongs to the customer's next path. Touches after the last
    conversion are a path without one.

    Parameters
    ----------
    touches : Touches
        As read.
    window : float, optional
        Days. A silence longer than this ends a path without a conversion, and touches longer before the end of their
        path than this get no credit (their cost still counts).

    Raises
    ------
    InputError
        The window is not above 0.
    """
    if window is not None and not window > 0:
        raise InputError(f"window {window:g} must be above 0 days")
    gap = np.diff(touches.time).astype(np.float64) / _DAY
    begins = np.ones(len(touches), dtype=bool)
    begins[1:] = (np.diff(touches.customer) != 0) | touches.converted[:-1]
    if window is not None:
        begins[1:] |= gap > window
    start = np.flatnonzero(begins)
    last = np.append(start[1:], len(touches)) - 1
    length = last - start + 1
    age = (np.repeat(touches.time[last], length) - touches.time).astype(np.float64) / _DAY
    channel = touches.channel
    if window is not None:
        kept = age <= window
        length = np.add.reduceat(kept, start, dtype=np.int64)
        channel, age, start = channel[kept], age[kept], np.cumsum(length) - length
    converted = touches.converted[last]
    count = len(touches.channels)
    return Paths(
        channels=touches.channels,
        start=freeze(start),
        channel=freeze(channel),
        age=freeze(age),
        conversions=freeze(converted.astype(np.float64)),
        value=freeze(touches.value[last]),
        nulls=freeze((~converted).astype(np.float64)),
        touches=freeze(np.bincount(touches.channel, minlength=count).astype(np.float64)),
        cost=None if touches.cost is None else freeze(tally(touches.channel, touches.cost, count)),
    )


def counted_paths(
    sequences: Sequence[str],
    *,
    conversions: ArrayLike,
    value: ArrayLike | None = None,
    nulls: ArrayLike | None = None,
    separator: str = ">",
) -> Paths:
    """Return paths that are counted already, as other tools export them.

    Parameters
    ----------
    sequences : sequence of str
        Channels in order of time, such as ``"search > mail > search"``.
    conversions : float64[path]
        Conversions of each path.
    value : float64[path], optional
        Their money; 0 where not given.
    nulls : float64[path], optional
        How often each path ended without a conversion; 0 where not given.
    separator : str
        What stands between channels.

    Raises
    ------
    InputError
        A path is empty, a channel has no name, or numbers are missing, negative or not one per path.

    Examples
    --------
    >>> paths = counted_paths(["a > b", "b"], conversions=[1, 0], nulls=[0, 2])
    >>> paths.channels.tolist(), paths.channel.tolist(), paths.length.tolist()
    (['a', 'b'], [0, 1, 1], [2, 1])
    """
    if len(sequences) == 0:
        raise InputError("no path was given; attribution needs at least one")
    # One split of all paths together: a loop over the rows of an export takes longer than all rules.
    names = np.char.strip(np.array(separator.join(sequences).split(separator), dtype=np.str_))
    length = np.char.count(np.array(sequences, dtype=np.str_), separator).astype(np.int64) + 1
    if not names.astype(bool).all():
        raise InputError(f"a path has a channel without a name; channels are separated by {separator!r}")
    labels, channel = np.unique(names, return_inverse=True)
    start = np.cumsum(length) - length
    counts = _counts(conversions, "conversions", len(length))
    lost = _counts(0.0 if nulls is None else nulls, "nulls", len(length))
    if not counts.any():
        raise InputError("no path has a conversion: there is nothing to attribute")
    age = np.repeat(start + length - 1, length) - np.arange(len(channel))
    return Paths(
        channels=freeze(labels.astype(object)),
        start=freeze(start),
        channel=freeze(channel.astype(np.int32)),
        age=freeze(age.astype(np.float64)),
        conversions=counts,
        value=_counts(0.0 if value is None else value, "value", len(length), signed=True),
        nulls=lost,
        touches=freeze(tally(channel, np.repeat(counts + lost, length), len(labels))),
        timed=False,
    )


def tally(at: NDArray[np.int32] | NDArray[np.int64], weight: NDArray[np.float64], size: int) -> NDArray[np.float64]:
    """Sum weights by position, float64[size]."""
    return np.asarray(np.bincount(at, weights=weight, minlength=size), dtype=np.float64)


def _counts(given: ArrayLike, name: str, size: int, *, signed: bool = False) -> NDArray[np.float64]:
    array = np.asarray(given, dtype=np.float64)
    if array.ndim and array.shape != (size,):
        raise InputError(f"{name} has shape {array.shape}; one number per path is needed ({size:,})")
    if not np.isfinite(array).all() or (not signed and (array < 0).any()):
        raise InputError(f"{name} holds numbers that are not finite{'' if signed else ' or below 0'}")
    return freeze(np.array(np.broadcast_to(array, (size,))))
