"""Best options at given multipliers, over all decisions or over the few that are still open.

A `Pool` answers the one question of a Lagrangian method: which option of each decision is best once outcomes are charged
at the multipliers, and what does that add up to. `Pool.screen` keeps the decisions whose answer can change within a box
of multipliers; what the others add is carried along as constants, so that inside the box the small pool's dual function
*is* the large one's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pricebid.optimize._types import Bools, Floats, Ints
    from pricebid.optimize.problem import Problem

# Options per chunk: the work arrays of a chunk stay in a core's second-level cache.
_CHUNK = 16_384


@dataclass(frozen=True, kw_only=True, eq=False)
class Evaluation:
    """The Lagrangian's inner maximum at one vector of multipliers.

    Parameters
    ----------
    multipliers : float64[limit]
        Where.
    option : int64[decision]
        Best option of each decision of the pool; of several equally good ones the first.
    gain : float64[group]
        Objective of those options.
    usage : float64[group, limit]
        Row totals of those options.
    """

    multipliers: Floats
    option: Ints
    gain: Floats
    usage: Floats

    def lagrangian(self, rhs: Floats) -> float:
        """Value of the dual function: a bound on the objective (scaled)."""
        return float(self.gain.sum() + self.multipliers @ (rhs - self.usage.sum(axis=0)))


@dataclass(frozen=True, kw_only=True, eq=False)
class Pool:
    """Decisions still open, and what all others add.

    Parameters
    ----------
    index : int64[open]
        Their places in the whole problem.
    arrays : tuple of float64[open, option]
        One per outcome.
    available : bool[open, option] or None
        Options that may be picked.
    cell : int64[open] or None
        As in the problem.
    fixed : float64[cell, outcome]
        What the decisions left out add.
    objective, rows, member : arrays
        As in the problem.
    group : int64[cell]
        The part of the objective to which a cell's cut belongs.
    """

    index: Ints
    arrays: tuple[Floats, ...]
    available: Bools | None
    cell: Ints | None
    fixed: Floats
    objective: Floats
    rows: Floats
    member: Floats
    group: Ints

    @staticmethod
    def of(problem: Problem, *, group: Ints | None = None) -> Pool:
        """All decisions of a problem; each cell has its own cuts (up to 256) where no groups are given."""
        cells = len(problem.member)
        return Pool(
            index=np.arange(problem.shape[0]),
            arrays=problem.arrays,
            available=problem.available,
            cell=problem.cell,
            fixed=np.zeros((cells, len(problem.names))),
            objective=problem.objective,
            rows=problem.rows,
            member=problem.member,
            group=np.arange(cells) % 256 if group is None else group,
        )

    def __len__(self) -> int:
        return len(self.index)

    @property
    def groups(self) -> int:
        """Number of groups of cuts."""
        return int(self.group.max()) + 1

    def evaluate(self, multipliers: Floats) -> Evaluation:
        """Best options at `multipliers` and their totals per group."""
        option = np.empty(len(self), dtype=np.int64)
        totals = self.fixed.copy()
        for part, scores in self._scored(multipliers):
            picks = scores.argmax(axis=1)
            option[part] = picks
            totals += self._totals(part, picks)
        return self._evaluation(multipliers, option, totals)

    def narrow(self, multipliers: Floats, radius: Floats) -> Pool:
        """The pool of decisions whose best option may change within ``multipliers +- radius``.

        For option k against the best b the score moves by at most ``sum_o |shift_o| * |outcome_o[k] - outcome_o[b]|``;
        where that cannot close the gap, k never wins inside the box.
        """
        keep = np.empty(len(self), dtype=bool)
        fixed = self.fixed.copy()
        shift = (radius * self.member) @ np.abs(self.rows)
        for part, scores in self._scored(multipliers):
            picks = scores.argmax(axis=1)
            keep[part] = stays = self._may_change(part, scores, picks, shift)
            fixed += self._totals(part, picks, ~stays)
        return self.part(np.flatnonzero(keep), fixed)

    def sample(self, size: int) -> tuple[Pool, Ints]:
        """The pool of about so many decisions alone, spread evenly, and which."""
        kept = spread_sample(self.cells(), size)
        return self.part(kept, np.zeros_like(self.fixed)), kept

    def cells(self) -> Ints:
        """Cell of each decision, int64[open]."""
        return np.zeros(len(self), dtype=np.int64) if self.cell is None else self.cell

    def part(self, kept: Ints, fixed: Floats) -> Pool:
        """The pool of some of its decisions, the others' totals given."""
        return Pool(
            index=self.index[kept],
            arrays=tuple(array[kept] for array in self.arrays),
            available=None if self.available is None else self.available[kept],
            cell=None if self.cell is None else self.cell[kept],
            fixed=fixed,
            objective=self.objective,
            rows=self.rows,
            member=self.member,
            group=self.group,
        )

    def losses(self, multipliers: Floats) -> Floats:
        """What each option costs against the best one at `multipliers`, float64[open, option]; inf where masked."""
        out = np.empty(self.arrays[0].shape)
        for part, scores in self._scored(multipliers):
            np.subtract(scores.max(axis=1, keepdims=True), scores, out=out[part])
        return out

    def scores(self, multipliers: Floats) -> Floats:
        """Objective minus usage at the multipliers, float64[open, option]; -inf where masked."""
        out = np.empty(self.arrays[0].shape)
        for part, scores in self._scored(multipliers):
            out[part] = scores
        return out

    def evaluation(self, multipliers: Floats, option: Ints) -> Evaluation:
        """What given picks add up to."""
        totals = self.fixed.copy()
        for part in self._chunks():
            totals += self._totals(part, option[part])
        return self._evaluation(multipliers, option, totals)

    def _chunks(self) -> Iterator[slice]:
        decisions, options = self.arrays[0].shape
        step = max(1, _CHUNK // options)
        for start in range(0, decisions, step):
            yield slice(start, min(start + step, decisions))

    def _scored(self, multipliers: Floats) -> Iterator[tuple[slice, Floats]]:
        """Chunk by chunk: score of each option, float64[chunk, option], in one work array that is used again."""
        weights = self.objective - (multipliers * self.member) @ self.rows
        scores = work = np.empty((0, 0))
        with np.errstate(invalid="ignore", over="ignore"):
            for part in self._chunks():
                size = self.arrays[0][part].shape
                if len(scores) < size[0]:
                    scores, work = np.empty(size), np.empty(size)
                now, buffer = scores[: size[0]], work[: size[0]]
                for index, array in enumerate(self.arrays):
                    into = buffer if index else now
                    np.multiply(array[part], self._spread(weights, index, part), out=into)
                    if index:
                        now += buffer
                if self.available is not None:
                    np.copyto(now, -np.inf, where=~self.available[part])
                yield part, now

    def _spread(self, weights: Floats, outcome: int, part: slice) -> Floats | float:
        """Weights per cell to the decisions of a chunk: a number where there is one cell."""
        if self.cell is None:
            return float(weights[0, outcome])
        return np.asarray(weights[self.cell[part], outcome][:, None])

    def _may_change(self, part: slice, scores: Floats, picks: Ints, shift: Floats) -> Bools:
        rows = np.arange(len(picks))
        best = scores[rows, picks]
        reach = scores.copy()
        with np.errstate(invalid="ignore"):
            for index, array in enumerate(self.arrays):
                size = self._spread(shift, index, part)
                if np.any(size):
                    away = array[part] - array[part][rows, picks][:, None]
                    np.abs(away, out=away)
                    away *= size
                    reach += away
        if self.available is not None:
            np.copyto(reach, -np.inf, where=~self.available[part])
        reach[rows, picks] = -np.inf
        return np.asarray(reach[rows, reach.argmax(axis=1)] > best)

    def _totals(self, part: slice, picks: Ints, only: Bools | None = None) -> Floats:
        """Outcomes of picks in a chunk added up by cell, float64[cell, outcome]."""
        rows = np.arange(len(picks))
        if only is not None:
            rows, picks = rows[only], picks[only]
        got = [array[part][rows, picks] for array in self.arrays]
        if self.cell is None:
            return np.array([[one.sum() for one in got]])
        cell = self.cell[part][rows]
        return np.stack([np.bincount(cell, one, minlength=len(self.member)) for one in got], axis=1)

    def _evaluation(self, multipliers: Floats, option: Ints, totals: Floats) -> Evaluation:
        gain, usage = (totals * self.objective).sum(axis=1), (totals @ self.rows.T) * self.member
        if len(self.member) > 1:
            groups = self.groups
            gain = np.bincount(self.group, gain, minlength=groups)
            summed = np.zeros((groups, usage.shape[1]))
            np.add.at(summed, self.group, usage)
            usage = summed
        return Evaluation(multipliers=multipliers, option=option, gain=gain, usage=usage)


def spread_sample(cells: Ints, size: int) -> Ints:
    """About `size` decisions, spread evenly over the cells and, inside each, without any period.

    The golden-ratio (Weyl) sequence is a fixed low-discrepancy order: no chance enters, and no regular pattern of
    the rows (every tenth is the same region) can line up with it.
    """
    decisions = len(cells)
    share = size / decisions
    rank = np.arange(decisions)
    if cells.max(initial=0) > 0:
        order = np.argsort(cells, kind="stable")
        rank = np.empty(decisions, dtype=np.int64)
        rank[order] = np.arange(decisions)
    kept = np.flatnonzero(weyl(rank) < share)
    return kept if len(kept) else np.arange(1)


def weyl(rank: Ints) -> Floats:
    """Fractional parts of rank * golden ratio, float64 in [0, 1)."""
    return np.asarray((rank * 0.6180339887498949) % 1.0)
