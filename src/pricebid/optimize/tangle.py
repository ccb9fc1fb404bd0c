"""Side rules as rows of an integer program: for blocks that are no trees, and for the exact finish.

Sorted by attribute, "at least this option of the one needs at least that option of the other" is a difference of running
sums of picks; with such rows alone the program's vertices are whole (a closure problem, Picard 1976).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pricebid.optimize.program import Program, solve
from pricebid.optimize.rules import Order, Spread, slip

if TYPE_CHECKING:
    from scipy.sparse import csr_array

    from pricebid.optimize._types import Bools, Floats, Ints
    from pricebid.optimize.problem import Problem


@dataclass(frozen=True, kw_only=True, eq=False)
class Columns:
    """Picks as columns of a program, and the rows that keep them whole and within the side rules.

    Parameters
    ----------
    decision, pick : int64[column]
        Whose option a column is.
    extra : int
        Columns after those, for the spread rules' candidates; without gain.
    matrix : csr_array[row, column + extra]
        Rows.
    low, high : float64[row]
        Their bounds.
    """

    decision: Ints
    pick: Ints
    extra: int
    matrix: csr_array
    low: Floats
    high: Floats

    @staticmethod
    def of(problem: Problem, keep: Bools) -> Columns:
        """Columns for the kept options of the decisions that have any kept.

        Parameters
        ----------
        problem : Problem
            With or without side rules.
        keep : bool[decision, option]
            Options to decide about; a decision without any is left out, with all its rules.
        """
        from scipy.sparse import csr_array, vstack  # noqa: PLC0415

        decision, pick = np.nonzero(keep)
        place = np.cumsum(keep.any(axis=1)) - 1
        rows = _Rows(columns=len(decision))
        at = np.full(keep.shape, -1)
        at[decision, pick] = np.arange(len(decision))
        for rule in problem.rules:
            if isinstance(rule, Order):
                _order(rows, rule, keep, at)
            else:
                _spread(rows, rule, keep, at)
        ones = np.ones(len(decision))
        whole = csr_array(
            (ones, (place[decision], np.arange(len(decision)))), shape=(int(keep.any(axis=1).sum()), rows.columns)
        )
        ruled, low, high = rows.done()
        one = np.ones(whole.shape[0])
        return Columns(
            decision=decision,
            pick=pick,
            extra=rows.columns - len(decision),
            matrix=vstack([whole, ruled]).tocsr(),
            low=np.append(one, low),
            high=np.append(one, high),
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Tangle:
    """The tangled decisions of a problem as one program.

    Parameters
    ----------
    columns : Columns
        Their options and rules.
    """

    columns: Columns

    @staticmethod
    def of(problem: Problem, decisions: Ints) -> Tangle:
        """Build the program once; only its gains change."""
        keep = np.zeros(problem.shape, dtype=bool)
        keep[decisions] = True if problem.available is None else problem.available[decisions]
        return Tangle(columns=Columns.of(problem, keep))

    def picks(self, scores: Floats, option: Ints) -> Ints:
        """`option` with the tangled decisions filled in, best by scores float64[decision, option].

        A block without any allowed picks leaves -1.
        """
        columns = self.columns
        size = len(columns.decision)
        answer = solve(
            Program(
                gain=np.append(scores[columns.decision, columns.pick], np.zeros(columns.extra)),
                matrix=columns.matrix,
                low=columns.low,
                high=columns.high,
                upper=np.ones(size + columns.extra),
                integer=np.arange(size + columns.extra) < size,
            ),
            seconds=600.0,
        )
        out = option.copy()
        if len(answer.x):
            taken = np.flatnonzero(answer.x[:size] > 0.5)
            out[columns.decision[taken]] = columns.pick[taken]
        return out


class _Rows:
    """Rows under construction."""

    def __init__(self, columns: int) -> None:
        self.columns = columns
        self._parts: list[tuple[Ints, Ints, Floats]] = []
        self._low: list[float] = []
        self._high: list[float] = []

    def add(self, plus: Ints, minus: Ints, low: float, high: float) -> None:
        """Add one row: ``low <= sum of plus - sum of minus <= high``."""
        index = np.concatenate([plus, minus])
        sign = np.concatenate([np.ones(len(plus)), -np.ones(len(minus))])
        self._parts.append((np.full(len(index), len(self._low)), index, sign))
        self._low.append(low)
        self._high.append(high)

    def done(self) -> tuple[Any, Floats, Floats]:
        """Matrix and bounds."""
        from scipy.sparse import csr_array  # noqa: PLC0415

        row, column, sign = (
            (np.concatenate(part) for part in zip(*self._parts, strict=True))
            if self._parts
            else (np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))
        )
        matrix = csr_array((sign, (row, column)), shape=(len(self._low), self.columns))
        return matrix, np.array(self._low), np.array(self._high)


def _order(rows: _Rows, rule: Order, keep: Bools, at: Ints) -> None:
    inside = keep.any(axis=1)
    for lower, upper, gap in zip(rule.lower, rule.upper, np.asarray(rule.gap), strict=True):
        if not (inside[lower] and inside[upper]):
            continue
        mine, theirs = np.flatnonzero(keep[lower]), np.flatnonzero(keep[upper])
        below, above = rule.attribute[lower, mine], rule.attribute[upper, theirs]
        for level in np.unique(below):
            need = level + gap
            rows.add(at[lower, mine[below >= level]], at[upper, theirs[above >= need - slip(need)]], -np.inf, 0.0)


def _spread(rows: _Rows, rule: Spread, keep: Bools, at: Ints) -> None:
    inside = keep.any(axis=1)
    for group, most in enumerate(np.asarray(rule.at_most)):
        members = np.flatnonzero((rule.group == group) & inside)
        if len(members) < 2:
            continue
        candidate = np.unique(np.concatenate([rule.attribute[member, keep[member]] for member in members]))
        hub = rows.columns + np.arange(len(candidate))
        rows.columns += len(candidate)
        rows.add(hub, hub[:0], 1.0, 1.0)
        top = candidate * (1.0 + most)
        for member in members:
            options = np.flatnonzero(keep[member])
            values = rule.attribute[member, options]
            for index, (low, high) in enumerate(zip(candidate - slip(candidate), top + slip(top), strict=True)):
                rows.add(hub[index:], at[member, options[values >= low]], -np.inf, 0.0)
                rows.add(hub[: index + 1], at[member, options[values <= high]], -np.inf, 0.0)
