"""The pool of a problem with side rules: best picks of whole blocks of decisions."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from pricebid.optimize.forest import Forest
from pricebid.optimize.pool import Evaluation, Pool, spread_sample
from pricebid.optimize.web import Edges, Web, joined, offsets, ragged, spanning

if TYPE_CHECKING:
    from pricebid.optimize._types import Bools, Floats, Ints
    from pricebid.optimize.problem import Problem


@dataclass(frozen=True, kw_only=True, eq=False)
class Grove:
    """All decisions of a problem with side rules; answers like a `Pool`.

    Parameters
    ----------
    pool : Pool
        Scores and totals.
    web : Web
        The rules.
    forest : Forest
        Its spanning trees.
    """

    pool: Pool
    web: Web
    forest: Forest

    @staticmethod
    def of(problem: Problem) -> Grove:
        """All decisions of a problem whose rules were woven."""
        assert problem.web is not None  # noqa: S101 - the caller asked
        web = problem.web
        return Grove(pool=Pool.of(problem, group=_groups(problem, web)), web=web, forest=Forest.plant(web))

    def __len__(self) -> int:
        return len(self.pool)

    @property
    def groups(self) -> int:
        """Number of groups of cuts."""
        return self.pool.groups

    def cells(self) -> Ints:
        """Cell of each decision."""
        return self.pool.cells()

    def evaluate(self, multipliers: Floats) -> Evaluation:
        """Best picks of every block at `multipliers` and their totals; tangled blocks keep their forest's rules only."""
        slots, _ = self.forest.best(self.pool.scores(multipliers))
        return self.pool.evaluation(multipliers, self.forest.options(slots, len(self)))

    def legal(self, scores: Floats) -> Ints:
        """Good picks within all rules, exact for trees: int64[decision].

        What monotone rules allow is a lattice: where the forest's picks break a rule, raising options (or lowering
        them) just as far as the rules demand leads to allowed picks, if there are any above (below). A third way keeps
        the hubs where the forest wants them and solves the orders between decisions inside their windows anew. Each
        tangled block takes the best. Rules of decisions that several rules sort differently may still be broken.
        """
        slots, _ = self.forest.best(scores)
        option = self.forest.options(slots, len(self))
        if not self.web.tangled.any():
            return option
        places = self._places(slots)
        blocks = int(self.web.block.max()) + 1
        best = np.full(blocks, -np.inf)
        found = places.copy()
        for way in (
            places,
            self._settled(places, up=True),
            self._settled(places, up=False),
            self._chained(places, scores),
        ):
            value = np.bincount(self.web.block[: len(self)], self._points(way, scores), minlength=blocks)
            value[self.web.block[self._strained(way)]] = -np.inf
            better = (value > best)[self.web.block]
            found, best = np.where(better, way, found), np.maximum(best, value)
        return self._options(found)

    @cached_property
    def _ways(self) -> Edges:
        """All edges, each from both sides."""
        both = joined([self.web.edges, self.web.spare])
        return joined([both, both.flipped(self.web.counts)])

    def _strained(self, places: Ints) -> Ints:
        """Nodes whose place some other node's does not allow."""
        ways = self._ways
        window = ways.start[:-1] + places[ways.first]
        there = places[ways.second]
        return np.asarray(ways.second[(there < ways.low[window]) | (there >= ways.high[window])])

    def _settled(self, places: Ints, *, up: bool) -> Ints:
        """Places raised (lowered) as far as the rules demand; where they demand too much, not all are met."""
        ways = self._ways
        top = self.web.counts - 1
        now = places
        while True:
            window = ways.start[:-1] + now[ways.first]
            moved = now.copy()
            if up:
                np.maximum.at(moved, ways.second, np.minimum(ways.low[window], top[ways.second]))
            else:
                np.minimum.at(moved, ways.second, np.maximum(ways.high[window] - 1, 0))
            if np.array_equal(moved, now):
                return now
            now = moved

    def _chained(self, places: Ints, scores: Floats) -> Ints:
        """The decisions picked anew inside the windows of the hubs, which stay."""
        within = np.where(self._windows(places), scores, -np.inf)
        slots, _ = self._chains.best(within)
        at = np.empty(len(slots), dtype=np.int64)
        at[self._chains.node] = slots - self._chains.start[:-1]
        return np.concatenate([at, places[len(self) :]])

    def _options(self, places: Ints) -> Ints:
        """Options of the decisions at their places."""
        first = offsets(self.web.counts[: len(self)])[:-1]
        return np.asarray(self.web.option[first + places[: len(self)]])

    def _points(self, places: Ints, scores: Floats) -> Floats:
        return np.asarray(scores[np.arange(len(self)), self._options(places)])

    def _places(self, slots: Ints) -> Ints:
        """Each node's option, int64[node], at the slots picked."""
        at = np.empty(len(slots), dtype=np.int64)
        at[self.forest.node] = slots - self.forest.start[:-1]
        return at

    def _windows(self, at: Ints) -> Bools:
        """Options that the hubs at their places leave their members: bool[decision, option]."""
        free = np.ones(len(self.web.option), dtype=bool)
        for edges in (self.web.edges, self.web.spare):
            # The hub is an edge's second node, as its number is the larger one.
            hubs = edges.take(np.flatnonzero(edges.second >= self.web.decisions))
            self._close(free, hubs.flipped(self.web.counts), at)
        return self._table(free)

    def _close(self, free: Bools, edges: Edges, at: Ints) -> None:
        """Take from the decisions that are second in some edges what the first nodes' places do not allow, in place."""
        web = self.web
        edges = edges.take(np.flatnonzero(edges.second < web.decisions))
        first = offsets(web.counts[: web.decisions])
        window = edges.start[:-1] + at[edges.first]
        size = web.counts[edges.second]
        own = np.repeat(np.arange(len(edges)), size)
        local = ragged(np.zeros_like(size), size)
        outside = (local < edges.low[window][own]) | (local >= edges.high[window][own])
        free[(first[edges.second][own] + local)[outside]] = False

    def _table(self, free: Bools) -> Bools:
        """Slots of the decisions as bool[decision, option]."""
        web = self.web
        out = np.zeros(self.pool.arrays[0].shape, dtype=bool)
        out[np.repeat(np.arange(web.decisions), web.counts[: web.decisions]), web.option] = free
        return out

    @cached_property
    def _chains(self) -> Forest:
        """A spanning forest of the orders between decisions alone."""
        web = self.web
        both = joined([web.edges, web.spare])
        orders = both.take(np.flatnonzero(both.second < web.decisions))
        tree = spanning(orders, web.decisions, web.decisions)
        return Forest.plant(
            Web(
                decisions=web.decisions,
                counts=web.counts[: web.decisions],
                option=web.option,
                edges=orders.take(np.flatnonzero(tree)),
                spare=orders.take(np.flatnonzero(~tree)),
                block=web.block[: web.decisions],
                tangled=web.tangled,
                mixed=web.mixed,
            )
        )

    def barren(self) -> Ints:
        """Decisions of the trees whose rules leave nothing to pick, int64."""
        _, value = self.forest.best(np.zeros(self.pool.arrays[0].shape))
        dead = ~np.isfinite(value)[self.forest.tree]
        node = self.forest.node[dead]
        return np.sort(node[node < len(self)])

    def narrow(self, multipliers: Floats, radius: Floats) -> Grove:
        """Itself: a block's best picks are not bounded by its options' reach."""
        del multipliers, radius
        return self

    def sample(self, size: int) -> tuple[Grove, Ints]:
        """Whole blocks with about so many decisions, spread evenly, and which decisions."""
        block = self.web.block[: len(self)]
        share = size / len(self)
        names, first = np.unique(block, return_index=True)
        chosen = names[spread_sample(self.pool.cells()[first], max(1, round(share * len(names))))]
        kept = np.flatnonzero(np.isin(block, chosen))
        pool = self.pool.part(kept, np.zeros_like(self.pool.fixed))
        web = self.web.part(kept)
        return Grove(pool=pool, web=web, forest=Forest.plant(web)), kept

    def blocks(self) -> Ints:
        """Block of each decision, numbered from 0 without gaps, int64[decision]."""
        _, inverse = np.unique(self.web.block[: len(self)], return_inverse=True)
        return inverse.astype(np.int64)

    def neighbours(self, option: Ints) -> Bools:
        """Options that single decisions could switch to while all others stay, bool[decision, option].

        Hubs stay where they allow the picks.
        """
        scores = np.full(self.pool.arrays[0].shape, -np.inf)
        scores[np.arange(len(option)), option] = 0.0
        slots, _ = self.forest.best(scores)
        allowed = self.forest.allowed(slots)
        out = np.zeros(self.pool.arrays[0].shape, dtype=bool)
        out[self.forest.slot_decision[allowed], self.forest.slot_option[allowed]] = True
        if len(self.web.spare):
            at, free = self._places(slots), np.ones(len(self.web.option), dtype=bool)
            self._close(free, self.web.spare, at)
            self._close(free, self.web.spare.flipped(self.web.counts), at)
            out &= self._table(free)
        out[self.web.mixed] = False
        return out


def _groups(problem: Problem, web: Web) -> Ints:
    """Group of each cell: cells that share a block must share their cuts, since the block's picks are best together."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    cells = len(problem.member)
    if cells == 1:
        return np.zeros(1, dtype=np.int64)
    block = web.block[: problem.shape[0]]
    size = cells + int(block.max()) + 1
    graph = coo_array((np.ones(len(block)), (problem.cells(), cells + block)), shape=(size, size))
    _, part = connected_components(graph, directed=False)
    _, group = np.unique(part[:cells], return_inverse=True)
    return group.astype(np.int64) % 256
