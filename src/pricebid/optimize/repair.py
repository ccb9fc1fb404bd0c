"""From the dual's mixture of plans to one plan within the limits.

What a plan lacks to the bound is exactly what its picks lose against the best options at the shadow prices, plus the worth
of the slack it leaves: ``bound - value = sum of losses + multipliers . slack``. So the search looks only at options that
lose almost nothing and exchanges them, one or two at a time, until the slack is worth almost nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pricebid.optimize.dual import weyl
from pricebid.optimize.exact import slack_of

if TYPE_CHECKING:
    from pricebid.optimize._types import Floats, Ints
    from pricebid.optimize.dual import Dual
    from pricebid.optimize.problem import Problem

_STEPS = 400
_PAIRS = 500
_PAIR_ROUNDS = 15
_STARTS = 4
# Price of a limit that does not hold at all, however little is missing: a fraction of one decision's swing.
_BROKEN = 0.05


@dataclass(frozen=True, kw_only=True, eq=False)
class Moves:
    """Options that some units could switch to. A unit is a decision, or a block of decisions tied by side rules.

    Parameters
    ----------
    unit : int64[move]
        Whose option it is, counted from 0; sorted.
    usage : float64[limit, move]
        Row totals of the unit at that option (scaled).
    loss : float64[move]
        Against the unit's best option at the multipliers; >= 0.
    start : int64[unit]
        The move each unit stands at.
    """

    unit: Ints
    usage: Floats
    loss: Floats
    start: Ints


@dataclass(eq=False)
class Exchange:
    """Exchange search over moves; `at` and `slack` are its state.

    Parameters
    ----------
    moves : Moves
        What can be switched.
    multipliers : float64[limit]
        Worth of slack.
    slack : float64[limit]
        Of the whole plan, at the start.
    slips : float64[limit]
        Rows may be exceeded by so much.
    elastic : bool
        What is missing counts by its size alone: the least violation is looked for, where limits cannot all hold.
    """

    moves: Moves
    multipliers: Floats
    slack: Floats
    slips: Floats
    elastic: bool = False

    def __post_init__(self) -> None:
        self.at = self.moves.start.copy()
        # Steep enough that meeting a limit beats all that near-tied options can win.
        self._steep = np.ones(len(self.slips)) if self.elastic else 20.0 * (1.0 + self.multipliers)
        self._broken = 0.0 if self.elastic else _BROKEN

    @property
    def lost(self) -> float:
        """What the plan lacks to the bound on account of these units and the slack."""
        return float(self.moves.loss[self.at].sum() + self.multipliers @ self.slack)

    @property
    def broken(self) -> bool:
        """Some limit does not hold."""
        return bool(np.any(self.slack < -self.slips))

    def run(self, enough: float) -> None:
        """Exchange until the loss is `enough`, or nothing improves."""
        for _ in range(_PAIR_ROUNDS):
            self._singles()
            if (not self.broken and self.lost <= enough) or not self._pair():
                return

    def _merit(self, slack: Floats) -> Floats:
        """Worth of slack plus a steep price on what is missing; limits on the first axis."""
        out = np.zeros(slack.shape[1:])
        for row, (worth, steep, slip) in enumerate(zip(self.multipliers, self._steep, self.slips, strict=True)):
            out += worth * slack[row]
            missing = -slip - slack[row]
            np.maximum(missing, 0.0, out=missing)
            out += steep * missing + self._broken * (missing > 0)
        return out

    def _changes(self) -> tuple[Floats, Floats]:
        """Change of usage, float64[limit, move], and of loss, float64[move], for every move."""
        now = self.at[self.moves.unit]
        return self.moves.usage - self.moves.usage[:, now], self.moves.loss - self.moves.loss[now]

    def _singles(self) -> None:
        for _ in range(_STEPS):
            usage, loss = self._changes()
            merit = self._merit(self.slack[:, None] - usage) + loss
            best = int(merit.argmin())
            if merit[best] >= self._floor():
                return
            self._apply(best, usage)

    def _floor(self) -> float:
        """A move must win more than rounding to count."""
        here = float(self._merit(self.slack[:, None])[0])
        return here - 1e-13 * max(1.0, abs(here))

    def _pair(self) -> bool:
        """The best exchange of two units among the cheapest moves; False where none improves."""
        usage, loss = self._changes()
        stay = self.at[self.moves.unit] == np.arange(len(loss))
        size = min(_PAIRS // 2, int((~stay).sum()))
        if size < 2:
            return False
        cheap = np.where(stay, np.inf, np.abs(loss))
        good = np.where(stay, np.inf, self._merit(self.slack[:, None] - usage) + loss)
        few = np.unique([np.argpartition(cost, size - 1)[:size] for cost in (cheap, good)])
        size = len(few)
        both = usage[:, few, None] + usage[:, None, few]
        merit = self._merit(self.slack[:, None, None] - both) + loss[few, None] + loss[few]
        merit[self.moves.unit[few, None] == self.moves.unit[few]] = np.inf
        best = int(merit.argmin())
        if merit.ravel()[best] >= self._floor():
            return False
        for move in (few[best // size], few[best % size]):
            self._apply(int(move), usage)
        return True

    def _apply(self, move: int, usage: Floats) -> None:
        self.slack = self.slack - usage[:, move]
        self.at[self.moves.unit[move]] = move


def mixture(dual: Dual, phase: float = 0.0) -> Ints:
    """Round the dual's mixture of plans: each open decision takes one of them, in proportion to their shares.

    Which one follows the Weyl sequence, so every stretch of decisions holds the proportions; the totals miss the
    mixture's by a few decisions, whatever the size. Another `phase` in [0, 1) gives another rounding. Returns
    int64[decision].
    """
    option = dual.option.copy()
    pool = dual.pool
    if not len(pool):
        return option
    used = np.flatnonzero(dual.weights.max(axis=1) > 1e-9)
    cell = np.zeros(len(pool), dtype=np.int64) if pool.cell is None else pool.cell
    # Column g of the table: cumulative shares of the cuts in the group g.
    table = np.cumsum(dual.weights[used], axis=0)
    spot = (weyl(np.arange(len(pool))) + phase) % 1.0
    reached = (spot[None, :] >= table[:, pool.group[cell]]).sum(axis=0)
    cuts = np.stack([dual.cuts[cut].option for cut in used])
    option[pool.index] = cuts[np.minimum(reached, len(used) - 1), np.arange(len(pool))]
    return option


@dataclass(frozen=True, kw_only=True, eq=False)
class Repaired:
    """A plan from the dual.

    Parameters
    ----------
    option : int64[decision]
        The picks.
    holds : bool
        Whether all limits hold.
    lacking : float
        What the plan's value lacks to the bound (scaled); counts only where all limits hold.
    """

    option: Ints
    holds: bool
    lacking: float


def repair(problem: Problem, dual: Dual, *, enough: float, units: int = 2_000, elastic: bool = False) -> Repaired:
    """The best plan that a few roundings of the dual's mixture lead to by exchange.

    Parameters
    ----------
    problem : Problem
        As built.
    dual : Dual
        Its solved dual.
    enough : float
        Stop when the plan is within this of the bound (scaled).
    units : int
        How many decisions, the ones nearest to a tie, may be moved.
    elastic : bool
        Look for the least violation instead.
    """
    losses = dual.pool.losses(dual.multipliers)
    best: Repaired | None = None
    for start in range(_STARTS):
        option = mixture(dual, start / _STARTS)
        if len(dual.pool) and len(problem.rhs):
            _exchange(problem, dual, losses, option, enough=enough, units=units, elastic=elastic)
        found = _judged(problem, dual, option, elastic=elastic)
        if best is None or (not found.holds, found.lacking) < (not best.holds, best.lacking):
            best = found
        if best.holds and best.lacking <= enough:
            break
    assert best is not None  # noqa: S101 - there is at least one start
    return best


def _judged(problem: Problem, dual: Dual, option: Ints, *, elastic: bool) -> Repaired:
    picked = problem.picked(option)
    slack = problem.rhs - problem.usage(picked)
    lacking = float(np.maximum(-slack, 0.0).sum()) if elastic else dual.bound - problem.gain(picked)
    return Repaired(option=option, holds=bool(np.all(slack >= -problem.slips)), lacking=lacking)


def _exchange(
    problem: Problem, dual: Dual, losses: Floats, option: Ints, *, enough: float, units: int, elastic: bool
) -> None:
    """Improve a rounding in place, moving the decisions nearest to a tie."""
    pool = dual.pool
    everyone = np.arange(len(pool))
    here = option[pool.index]
    second = losses.copy()
    second[everyone, here] = np.inf
    count = min(units, len(pool))
    near = np.sort(np.argpartition(second.min(axis=1), count - 1)[:count])
    decision, pick = np.nonzero(np.isfinite(losses[near]))
    moves = _moves(problem, pool.index[near], (decision, pick), losses[near], here[near])
    # What the decisions that stay lose is not in the search's hands.
    stays = losses[everyone, here].sum() - losses[near, here[near]].sum()
    search = Exchange(
        moves=moves,
        multipliers=np.zeros_like(dual.multipliers) if elastic else dual.multipliers,
        slack=slack_of(problem, option),
        slips=problem.slips,
        elastic=elastic,
    )
    search.run(enough - float(stays))
    option[pool.index[near[decision[search.at]]]] = pick[search.at]


def _moves(problem: Problem, index: Ints, named: tuple[Ints, Ints], losses: Floats, here: Ints) -> Moves:
    decision, pick = named
    outcomes = np.stack([array[index[decision], pick] for array in problem.arrays])
    member = problem.member[problem.cells()[index[decision]]]
    start = np.zeros(len(index), dtype=np.int64)
    at_home = pick == here[decision]
    start[decision[at_home]] = np.flatnonzero(at_home)
    return Moves(unit=decision, usage=(problem.rows @ outcomes) * member.T, loss=losses[decision, pick], start=start)
