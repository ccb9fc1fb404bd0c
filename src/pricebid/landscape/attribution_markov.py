"""The Markov graph of paths, and what is lost without each channel (Anderl et al. 2016).

Paths are walks on a graph from a start to a conversion or to nothing. Transition probabilities are counted; the removal
effect of a channel is the share of conversions that are lost when every walk that comes to it ends without one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pricebid.errors import InputError
from pricebid.landscape.attribution_paths import tally
from pricebid.tables.table import freeze

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pricebid.landscape.attribution_paths import Paths

START, CONVERSION, NULL = "(start)", "(conversion)", "(null)"
MOST_STATES = 200_000


@dataclass(frozen=True, kw_only=True, eq=False)
class Graph:
    """A Markov graph of some order: a state is the last touches of a walk.

    Parameters
    ----------
    channels : object[channel]
        Labels.
    state : int32[state, order]
        The touches that make up each state, oldest first, as positions in ``channels``; -1 before the first touch.
    source, target : int64[edge]
        Numbers of states; a source of -1 is the start.
    count : float64[edge]
        How often walks went from the one to the other.
    conversions, value, nulls : float64[state]
        Conversions, their money, and ends without a conversion, right after each state.
    """

    channels: NDArray[np.object_]
    state: NDArray[np.int32]
    source: NDArray[np.int64]
    target: NDArray[np.int64]
    count: NDArray[np.float64]
    conversions: NDArray[np.float64]
    value: NDArray[np.float64]
    nulls: NDArray[np.float64]

    @property
    def leaving(self) -> NDArray[np.float64]:
        """How often walks left each state, float64[state]."""
        inner = self.source >= 0
        onward = tally(self.source[inner], self.count[inner], len(self.state))
        return np.asarray(onward + self.conversions + self.nulls)

    def names(self) -> NDArray[np.object_]:
        """Label of each state, object[state]: its touches, oldest first."""
        texts = np.append(self.channels, "")[self.state]
        name = texts[:, 0]
        for at in range(1, texts.shape[1]):
            name = np.where(name == "", texts[:, at], name + " > " + texts[:, at])
        return np.asarray(name, dtype=object)


def build_graph(paths: Paths, *, order: int = 1) -> Graph:
    """Count the transitions of paths.

    Parameters
    ----------
    paths : Paths
        As cut.
    order : int
        How many touches a state remembers, 1 or more.

    Raises
    ------
    InputError
        The order is below 1, or gives more states than can be solved.
    """
    base = len(paths.channels) + 1
    if order < 1 or base**order >= 2**62:
        raise InputError(f"order {order} must be at least 1, and at most {int(62 / np.log2(base))} for these channels")
    key = _keys(paths, order, base)
    keys, state = np.unique(key, return_inverse=True)
    if len(keys) > MOST_STATES:
        raise InputError(f"order {order} gives {len(keys):,} states, more than {MOST_STATES:,}; lower it")
    size = len(keys)
    weight = np.repeat(paths.conversions + paths.nulls, paths.length)
    before = np.empty(len(state), dtype=np.int64)
    before[1:] = state[:-1]
    before[paths.start] = -1
    edge, at = np.unique((before + 1) * size + state, return_inverse=True)
    ends = state[paths.last]
    places = base ** np.arange(order - 1, -1, -1)
    return Graph(
        channels=paths.channels,
        state=freeze(((keys[:, None] // places) % base - 1).astype(np.int32)),
        source=freeze(edge // size - 1),
        target=freeze(edge % size),
        count=freeze(tally(at, weight, len(edge))),
        conversions=freeze(tally(ends, paths.conversions, size)),
        value=freeze(tally(ends, paths.value, size)),
        nulls=freeze(tally(ends, paths.nulls, size)),
    )


def removal_effects(graph: Graph) -> NDArray[np.float64]:
    """Share of conversions and of their money that is lost without each channel, float64[2, channel].

    With Q the transitions between states, a the start and r what a state yields at once, a walk yields
    ``a (I - Q)^-1 r``; without a channel, the states that end in it are left out of all three.
    """
    from scipy.sparse import csc_matrix, identity
    from scipy.sparse.linalg import splu

    size = len(graph.state)
    leaving = np.where(graph.leaving > 0, graph.leaving, 1.0)
    inner = graph.source >= 0
    begin = tally(graph.target[~inner], graph.count[~inner], size)
    source, target = graph.source[inner], graph.target[inner]
    stay = csc_matrix((graph.count[inner] / leaving[source], (source, target)), shape=(size, size))
    yields = np.stack([graph.conversions, graph.value], axis=1) / leaving[:, None]
    newest = graph.state[:, -1]

    def reached(kept: NDArray[np.int64]) -> NDArray[np.float64]:
        if not len(kept):
            return np.zeros(2)
        inside = (identity(len(kept), format="csc") - stay[kept][:, kept]).tocsc()
        return np.asarray(begin[kept] @ splu(inside).solve(yields[kept]))

    whole = reached(np.arange(size))
    without = np.stack([reached(np.flatnonzero(newest != at)) for at in range(len(graph.channels))], axis=1)
    lost = whole[:, None] - without
    # What nobody reached is not lost; rounding leaves some 1e-16.
    share = np.divide(lost, whole[:, None], out=np.zeros_like(lost), where=whole[:, None] != 0)
    return np.where(np.abs(share) < 1e-12, 0.0, share)


def markov(removal: NDArray[np.float64], totals: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share totals out in proportion to removal effects, float64[2, channel]."""
    whole = removal.sum(axis=1, keepdims=True)
    share = np.divide(removal, whole, out=np.zeros_like(removal), where=whole != 0)
    return np.asarray(share * totals[:, None])


def _keys(paths: Paths, order: int, base: int) -> NDArray[np.int64]:
    """One number per touch for it and the touches before it, within its path, int64[touch]."""
    key = paths.channel.astype(np.int64) + 1
    since = np.arange(len(key)) - np.repeat(paths.start, paths.length)
    older = key
    place = 1
    for back in range(1, order):
        older = np.concatenate(([0], older[:-1]))
        place *= base
        key = key + place * np.where(since >= back, older, 0)
    return key
