"""Best options at given multipliers where side rules tie decisions into trees: dynamic programming over windows.

Max-sum message passing on trees (Bellman 1957; Pearl 1988). A message to a node's option is the best the child's subtree
can do inside the window that this option allows: a range maximum, answered from a table of maxima over powers of two.
All trees are worked on together, one depth at a time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pricebid.optimize.web import Edges, Web, offsets, ragged

if TYPE_CHECKING:
    from pricebid.optimize._types import Bools, Floats, Ints


@dataclass(frozen=True, kw_only=True, eq=False)
class Level:
    """The nodes of one depth and what they tell their parents.

    Parameters
    ----------
    span : slice
        Their slots.
    parent : int64[child]
        Each child's parent, as a node in the forest's order.
    window : int64[child + 1]
        Where the child's windows start, one per option of its parent.
    low, high : int64[window]
        Slots (in the whole forest) that the parent's option allows.
    left, right : int64[window]
        Places in the table of maxima whose larger entry is the best of the window.
    to : int64[window]
        Slot of the parent's option.
    heights : int
        Rows of the table.
    """

    span: slice
    parent: Ints
    window: Ints
    low: Ints
    high: Ints
    left: Ints
    right: Ints
    to: Ints
    heights: int

    def maxima(self, belief: Floats) -> Floats:
        """Best of each window, float64[window]; -inf where it is empty."""
        row = belief[self.span]
        table = np.full((self.heights, len(row)), -np.inf)
        table[0] = row
        for height in range(1, self.heights):
            half = 1 << (height - 1)
            np.maximum(table[height - 1, :-half], table[height - 1, half:], out=table[height, :-half])
        flat = np.append(table.ravel(), -np.inf)
        return np.asarray(np.maximum(flat[self.left], flat[self.right]))


@dataclass(frozen=True, kw_only=True, eq=False)
class Forest:
    """The trees of a web, laid out by depth.

    Parameters
    ----------
    node : int64[node]
        The web's node at each place.
    start : int64[node + 1]
        Where each node's slots start.
    levels : tuple of Level
        From the roots' children down.
    roots : int
        The first so many nodes are roots.
    slot_decision, slot_option : int64[slot]
        Whose option a slot is; -1 for hubs'.
    tree : int64[node]
        Tree of each node, numbered by its root.
    """

    node: Ints
    start: Ints
    levels: tuple[Level, ...]
    roots: int
    slot_decision: Ints
    slot_option: Ints
    tree: Ints

    @staticmethod
    def plant(web: Web) -> Forest:
        """Root every tree (a hub where there is one) and lay the nodes out by depth."""
        nodes = len(web.counts)
        edges = web.edges
        depth, turn, root = _depths(edges, nodes)
        order = np.lexsort((np.arange(nodes), depth))
        place = np.full(nodes, -1)
        place[order] = np.arange(len(order))
        start = offsets(web.counts[order])
        down = _joined_down(edges, turn, web.counts)
        levels = []
        for level in range(1, int(depth.max(initial=0)) + 1):
            here = np.flatnonzero(depth[down.second] == level)
            here = here[np.argsort(place[down.second[here]])]
            levels.append(_level(down.take(here), place, start))
        first = offsets(web.counts[: web.decisions])
        decision = np.repeat(np.where(order < web.decisions, order, -1), web.counts[order])
        option = np.full(len(decision), -1)
        mine = np.flatnonzero(order < web.decisions)
        option[ragged(start[mine], web.counts[order[mine]])] = web.option[
            ragged(first[order[mine]], web.counts[order[mine]])
        ]
        return Forest(
            node=order,
            start=start,
            levels=tuple(levels),
            roots=int((depth[order] == 0).sum()),
            slot_decision=decision,
            slot_option=option,
            tree=place[root[order]],
        )

    def best(self, scores: Floats) -> tuple[Ints, Floats]:
        """Best slot of every node and the best value of every tree.

        Parameters
        ----------
        scores : float64[decision, option]
            Of the decisions' options.

        Returns
        -------
        tuple of int64[node] and float64[root]
            Slots picked; value per tree, -inf where its rules leave nothing.
        """
        belief = np.where(self.slot_decision >= 0, scores[self.slot_decision, self.slot_option], 0.0)
        for level in reversed(self.levels):
            got = level.maxima(belief)
            base, stop = int(level.to.min()), int(level.to.max()) + 1
            belief[base:stop] += np.bincount(level.to - base, got, minlength=stop - base)
        slots = np.empty(len(self.node), dtype=np.int64)
        slots[: self.roots], value = _peaks(belief, self.start[: self.roots], self.start[1 : self.roots + 1])
        done = self.roots
        for level in self.levels:
            at = level.window[:-1] + slots[level.parent] - self.start[level.parent]
            size = len(level.parent)
            found, _ = _peaks(belief, level.low[at], level.high[at])
            # Where the rules leave nothing (the tree's value says so), stay among the node's own slots.
            slots[done : done + size] = np.minimum(found, self.start[done + 1 : done + size + 1] - 1)
            done += size
        return slots, value

    def options(self, slots: Ints, decisions: int) -> Ints:
        """Options of the decisions at the slots picked, int64[decision]."""
        out = np.empty(decisions, dtype=np.int64)
        mine = self.slot_decision[slots] >= 0
        out[self.slot_decision[slots[mine]]] = self.slot_option[slots[mine]]
        return out

    def allowed(self, slots: Ints) -> Bools:
        """Slots that single decisions could switch to with all other nodes staying, bool[slot]."""
        counts = np.diff(self.start)
        free = np.ones(len(self.slot_decision), dtype=bool)
        done = self.roots
        for level in self.levels:
            size = len(level.parent)
            child = np.arange(done, done + size)
            at = level.window[:-1] + slots[level.parent] - self.start[level.parent]
            every = ragged(self.start[child], counts[child])
            own = np.repeat(np.arange(size), counts[child])
            free[every] &= (every >= level.low[at][own]) & (every < level.high[at][own])
            whose = np.repeat(child, np.diff(level.window))
            outside = (slots[whose] < level.low) | (slots[whose] >= level.high)
            free[level.to[outside]] = False
            done += size
        return free & (self.slot_decision >= 0)


def _depths(edges: Edges, nodes: int) -> tuple[Ints, Bools, Ints]:
    """Depth of each node, whether an edge's second node is the parent, and each node's root."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    graph = coo_array((np.ones(len(edges)), (edges.first, edges.second)), shape=(nodes, nodes))
    trees, tree = connected_components(graph, directed=False)
    depth = np.full(nodes, -1)
    root = np.arange(nodes)
    turn = np.zeros(len(edges), dtype=bool)
    # The last node of a tree is a hub wherever the tree has one.
    last = np.zeros(trees, dtype=np.int64)
    last[tree] = np.arange(nodes)
    depth[last] = 0
    level, rest = 0, np.arange(len(edges))
    while len(rest):
        one, two = edges.first[rest], edges.second[rest]
        down, up = depth[one] == level, depth[two] == level
        turn[rest[up]] = True
        for parent, child in ((one[down], two[down]), (two[up], one[up])):
            depth[child] = level + 1
            root[child] = root[parent]
        rest = rest[~(down | up)]
        level += 1
    return depth, turn, root


def _joined_down(edges: Edges, turn: Bools, counts: Ints) -> Edges:
    """All edges seen from the parent."""
    straight, other = edges.take(np.flatnonzero(~turn)), edges.take(np.flatnonzero(turn)).flipped(counts)
    size = np.concatenate([np.diff(straight.start), np.diff(other.start)])
    return Edges(
        first=np.concatenate([straight.first, other.first]),
        second=np.concatenate([straight.second, other.second]),
        start=offsets(size),
        low=np.concatenate([straight.low, other.low]),
        high=np.concatenate([straight.high, other.high]),
    )


def _level(edges: Edges, place: Ints, start: Ints) -> Level:
    child, parent = place[edges.second], place[edges.first]
    begin, end = int(start[child[0]]), int(start[child[-1] + 1])
    size = np.diff(edges.start)
    base = np.repeat(start[child], size)
    low, high = base + edges.low, base + edges.high
    length = edges.high - edges.low
    height = np.zeros(len(length), dtype=np.int64)
    filled = length > 0
    height[filled] = np.floor(np.log2(length[filled])).astype(np.int64)
    heights = int(height.max(initial=0)) + 1
    width = end - begin
    nothing = heights * width
    left = np.where(filled, height * width + low - begin, nothing)
    right = np.where(filled, height * width + high - (1 << height) - begin, nothing)
    return Level(
        span=slice(begin, end),
        parent=parent,
        window=edges.start,
        low=low,
        high=high,
        left=left,
        right=right,
        to=ragged(start[parent], size),
        heights=heights,
    )


def _peaks(belief: Floats, low: Ints, high: Ints) -> tuple[Ints, Floats]:
    """First slot of the largest belief in each run, and that belief; ``low`` and -inf where a run is empty."""
    size = np.maximum(high - low, 1)
    at = ragged(np.minimum(low, len(belief) - 1), size)
    values = belief[at]
    begin = offsets(size)[:-1]
    top = np.maximum.reduceat(values, begin)
    hit = np.where(values == np.repeat(top, size), at, len(belief))
    slot = np.minimum.reduceat(hit, begin)
    return np.minimum(slot, len(belief) - 1), np.where(high > low, top, -np.inf)
