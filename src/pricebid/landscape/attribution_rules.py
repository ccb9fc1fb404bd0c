"""Rules that give each touch of a path a share of its conversions by where it stands."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pricebid.landscape.attribution_paths import tally

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pricebid.landscape.attribution_paths import Paths

DIRECT = ("direct", "(direct)", "direct / none", "(none)", "none")
_ENDS = 0.4


def last(paths: Paths) -> NDArray[np.float64]:
    """All to the last touch, float64[touch]: shares of each path, sum 1."""
    return _only(paths, paths.last)


def first(paths: Paths) -> NDArray[np.float64]:
    """All to the first touch, float64[touch]."""
    return _only(paths, paths.start)


def last_non_direct(paths: Paths) -> NDArray[np.float64]:
    """All to the last touch that is not of a direct channel; to the last where all are, float64[touch]."""
    counts = ~direct(paths.channels)[paths.channel]
    position = np.where(counts, np.arange(len(paths.channel)), -1)
    found = np.maximum.reduceat(position, paths.start)
    return _only(paths, np.where(found >= 0, found, paths.last))


def linear(paths: Paths) -> NDArray[np.float64]:
    """The same to every touch, float64[touch]."""
    return 1.0 / np.repeat(paths.length, paths.length)


def time_decay(paths: Paths, half_life: float) -> NDArray[np.float64]:
    """Half as much to a touch that lies one half-life further before the end, float64[touch].

    Parameters
    ----------
    paths : Paths
        As cut.
    half_life : float
        In the unit of ``paths.age``; > 0.
    """
    # The last touch has age 0, so that no path's weights underflow all at once.
    weight = np.exp2(-paths.age / half_life)
    return np.asarray(weight / np.repeat(np.add.reduceat(weight, paths.start), paths.length))


def position(paths: Paths) -> NDArray[np.float64]:
    """40 % to the first and the last touch each, 20 % to those between; halves where there are none between, float64[touch]."""
    length = paths.length
    between = np.where(length > 2, (1 - 2 * _ENDS) / np.maximum(length - 2, 1), 0.0)
    share = np.repeat(between, length)
    ends = np.where(length > 2, _ENDS, 0.5)
    share[paths.start] = ends
    share[paths.last] = ends
    share[paths.start[length == 1]] = 1.0
    return share


def credit(paths: Paths, share: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sum shares of touches up to channels.

    Parameters
    ----------
    paths : Paths
        As cut.
    share : float64[touch]
        Sum 1 within each path.

    Returns
    -------
    float64[2, channel]
        Conversions and value.
    """
    path, size = paths.path, len(paths.channels)
    return np.stack([tally(paths.channel, share * what[path], size) for what in (paths.conversions, paths.value)])


def direct(channels: NDArray[np.object_]) -> NDArray[np.bool_]:
    """Tell which channels are visits that no advertising brought, by their name, bool[channel]."""
    return np.isin(np.char.lower(channels.astype(np.str_)), np.array(DIRECT))


def _only(paths: Paths, at: NDArray[np.int64]) -> NDArray[np.float64]:
    share = np.zeros(len(paths.channel))
    share[at] = 1.0
    return share
