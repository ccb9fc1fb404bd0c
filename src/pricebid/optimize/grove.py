"""The pool of a problem with side rules: best picks of whole blocks of decisions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pricebid.optimize.forest import Forest
from pricebid.optimize.pool import Evaluation, Pool, spread_sample
from pricebid.optimize.web import Web

if TYPE_CHECKING:
    from pricebid.optimize._types import Bools, Floats, Ints
    from pricebid.optimize.problem import Problem
    from pricebid.optimize.tangle import Tangle


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
        Its trees.
    tangle : Tangle or None
        What is no tree, if anything.
    """

    pool: Pool
    web: Web
    forest: Forest
    tangle: Tangle | None

    @staticmethod
    def of(problem: Problem) -> Grove:
        """All decisions of a problem whose rules were woven."""
        from pricebid.optimize.tangle import Tangle  # noqa: PLC0415 - needs a solver

        assert problem.web is not None  # noqa: S101 - the caller asked
        web = problem.web
        tangle = Tangle.of(problem, np.flatnonzero(web.tangled)) if web.tangled.any() else None
        pool = Pool.of(problem, group=_groups(problem, web))
        return Grove(pool=pool, web=web, forest=Forest.plant(web), tangle=tangle)

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
        """Best picks of every block at `multipliers` and their totals."""
        return self.pool.evaluation(multipliers, self.picks(self.pool.scores(multipliers)))

    def picks(self, scores: Floats) -> Ints:
        """Best picks within the rules at scores float64[decision, option]."""
        slots, _ = self.forest.best(scores)
        option = self.forest.options(slots, len(self))
        return option if self.tangle is None else self.tangle.picks(scores, option)

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
        """Whole blocks with about so many decisions, spread evenly, and which decisions. Tangled ones stay out."""
        block = self.web.block[: len(self)]
        share = size / len(self)
        names, first = np.unique(block, return_index=True)
        chosen = names[spread_sample(self.pool.cells()[first], max(1, round(share * len(names))))]
        kept = np.flatnonzero(np.isin(block, chosen) & ~self.web.tangled)
        pool = self.pool.part(kept, np.zeros_like(self.pool.fixed))
        web = self.web.part(kept)
        return Grove(pool=pool, web=web, forest=Forest.plant(web), tangle=None), kept

    def blocks(self) -> Ints:
        """Block of each decision, numbered from 0 without gaps, int64[decision]."""
        _, inverse = np.unique(self.web.block[: len(self)], return_inverse=True)
        return inverse.astype(np.int64)

    def neighbours(self, option: Ints) -> Bools:
        """Options that single decisions could switch to while all others stay, bool[decision, option].

        Hubs are put where they allow the picks; tangled decisions do not move.
        """
        scores = np.full(self.pool.arrays[0].shape, -np.inf)
        scores[np.arange(len(option)), option] = 0.0
        slots, _ = self.forest.best(scores)
        free = self.forest.allowed(slots)
        out = np.zeros(self.pool.arrays[0].shape, dtype=bool)
        out[self.forest.slot_decision[free], self.forest.slot_option[free]] = True
        return out


def _groups(problem: Problem, web: Web) -> Ints:
    """Group of each cell: cells that share a block must share their cuts, since the block's picks are best together."""
    from scipy.sparse import coo_array  # noqa: PLC0415
    from scipy.sparse.csgraph import connected_components  # noqa: PLC0415

    cells = len(problem.member)
    if cells == 1:
        return np.zeros(1, dtype=np.int64)
    block = web.block[: problem.shape[0]]
    size = cells + int(block.max()) + 1
    graph = coo_array((np.ones(len(block)), (problem.cells(), cells + block)), shape=(size, size))
    _, part = connected_components(graph, directed=False)
    _, group = np.unique(part[:cells], return_inverse=True)
    return group.astype(np.int64) % 256
