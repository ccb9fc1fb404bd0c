"""Side rules as rows of an integer program: for blocks that are no trees, and for the exact finish.

Sorted by attribute, "at least this option of the one needs at least that option of the other" is a difference of running
sums of picks; with such rows alone the program's vertices are whole (a closure problem, Picard 1976).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pricebid.optimize.program import Program, solve
from pricebid.optimize.rules import Order, Spread, offenders, slip

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
        Columns after those, for running sums of picks and the spread rules' floors; without gain.
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
        from scipy.sparse import csr_array, vstack

        decision, pick = np.nonzero(keep)
        inside = np.asarray(keep.any(axis=1))
        place = np.cumsum(inside) - 1
        at = np.full(keep.shape, -1)
        at[decision, pick] = np.arange(len(decision))
        rows = _Rows(len(decision), keep, at)
        for rule in problem.rules:
            if isinstance(rule, Order):
                _order(rows, rule, inside)
            else:
                _spread(rows, rule, inside)
        ones = np.ones(len(decision))
        whole = csr_array((ones, (place[decision], np.arange(len(decision)))), shape=(int(inside.sum()), rows.columns))
        ruled, low, high = rows.done()
        one = np.ones(whole.shape[0])
        return Columns(
            decision=decision,
            pick=pick,
            extra=rows.columns - len(decision),
            matrix=csr_array(vstack([whole, ruled])),
            low=np.append(one, low),
            high=np.append(one, high),
        )


def mend(problem: Problem, option: Ints, scores: Floats, *, seconds: float) -> Ints | None:
    """Picks whose blocks that break a rule are picked anew, best by scores float64[decision, option].

    Parameters
    ----------
    problem : Problem
        With side rules.
    option : int64[decision]
        Picks.
    scores : float64[decision, option]
        What the new picks are to be worth most in.
    seconds : float
        Time limit.

    Returns
    -------
    int64[decision] or None
        None where the rules leave a block nothing to pick.

    Raises
    ------
    TimeoutError
        Where the time limit came before any picks within the rules.
    """
    assert problem.web is not None  # noqa: S101 - the caller looked
    block = problem.web.block[: len(option)]
    wrong = np.concatenate([offenders(rule, option) for rule in problem.rules])
    if not len(wrong):
        return option
    bad = np.isin(block, block[wrong])
    keep = bad[:, None] & (np.ones(problem.shape, dtype=bool) if problem.available is None else problem.available)
    columns = Columns.of(problem, keep)
    size = len(columns.decision)
    program = Program(
        gain=np.append(scores[columns.decision, columns.pick], np.zeros(columns.extra)),
        matrix=columns.matrix,
        low=columns.low,
        high=columns.high,
        upper=np.ones(size + columns.extra),
        integer=np.arange(size + columns.extra) < size,
    )
    answer = solve(program, seconds=seconds)
    if answer.status == "infeasible":
        return None
    if not len(answer.x):
        raise TimeoutError
    out = option.copy()
    taken = np.flatnonzero(answer.x[:size] > 0.5)
    out[columns.decision[taken]] = columns.pick[taken]
    return out


class _Rows:
    """Rows under construction, over picks and over running sums of picks."""

    def __init__(self, columns: int, keep: Bools, at: Ints) -> None:
        self.columns = columns
        self._keep, self._at = keep, at
        self._sums: dict[tuple[int, int], tuple[Floats, Ints]] = {}
        self._parts: list[tuple[Ints, Ints, Floats]] = []
        self._low: list[float] = []
        self._high: list[float] = []

    def add(self, index: list[int] | Ints, signs: list[float] | Floats, low: float, high: float) -> None:
        """Add one row: ``low <= sum of signs * columns <= high``."""
        self._parts.append(
            (np.full(len(index), len(self._low)), np.asarray(index), np.asarray(signs, dtype=np.float64))
        )
        self._low.append(low)
        self._high.append(high)

    def fresh(self, count: int) -> Ints:
        """New columns without gain."""
        self.columns += count
        return np.arange(self.columns - count, self.columns)

    def running(self, attribute: Floats, decision: int) -> tuple[Floats, Ints]:
        """Levels of a decision's attribute and the columns that say it is at least so high; made once."""
        key = (id(attribute), decision)
        if key not in self._sums:
            options = np.flatnonzero(self._keep[decision])
            levels, level = np.unique(attribute[decision, options], return_inverse=True)
            sums = self.fresh(len(levels))
            picks = self._at[decision, options]
            for index, total in enumerate(sums):
                mine = picks[level == index]
                above = sums[index + 1 : index + 2]
                self.add(np.concatenate([[total], above, mine]), [1.0] + [-1.0] * (len(above) + len(mine)), 0.0, 0.0)
            self._sums[key] = levels, sums
        return self._sums[key]

    def implies(self, first: int, second: Ints) -> None:
        """Where the one sum is 1, the other (the first of `second`; none: never) must be."""
        self.add(np.concatenate([[first], second[:1]]), [1.0, -1.0][: 1 + len(second[:1])], -np.inf, 0.0)

    def done(self) -> tuple[Any, Floats, Floats]:
        """Matrix and bounds."""
        from scipy.sparse import csr_array

        nothing = (np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))
        row, column, sign = (np.concatenate(part) for part in zip(nothing, *self._parts, strict=True))
        matrix = csr_array((sign, (row, column)), shape=(len(self._low), self.columns))
        return matrix, np.array(self._low), np.array(self._high)


def _order(rows: _Rows, rule: Order, inside: Bools) -> None:
    for lower, upper, gap in zip(rule.lower, rule.upper, np.asarray(rule.gap), strict=True):
        if not (inside[lower] and inside[upper]):
            continue
        below, low_sums = rows.running(rule.attribute, lower)
        above, high_sums = rows.running(rule.attribute, upper)
        need = below + gap
        reach = np.searchsorted(above, need - slip(need))
        for total, start in zip(low_sums, reach, strict=True):
            rows.implies(total, high_sums[start:])


def _spread(rows: _Rows, rule: Spread, inside: Bools) -> None:
    for group, most in enumerate(np.asarray(rule.at_most)):
        members = np.flatnonzero((rule.group == group) & inside)
        if len(members) < 2:
            continue
        sums = [rows.running(rule.attribute, int(member)) for member in members]
        candidate = np.unique(np.concatenate([levels for levels, _ in sums]))
        # floor[c] is 1 where the group's lowest attribute is at least candidate c.
        floor = rows.fresh(len(candidate))
        for one, two in zip(floor[1:], floor[:-1], strict=True):
            rows.implies(one, np.array([two]))
        # The dearest is at most (1 + most) times a candidate: beyond that, the floor must be higher.
        roof = candidate * (1.0 + most)
        for levels, totals in sums:
            for total, start in zip(floor, np.searchsorted(levels, candidate - slip(candidate)), strict=True):
                rows.implies(total, totals[start:])
            for total, start in zip(totals, np.searchsorted(roof + slip(roof), levels), strict=True):
                rows.implies(total, floor[start:])
