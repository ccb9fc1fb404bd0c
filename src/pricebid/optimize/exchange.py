"""Exchange search: switch one or two units at a time until a plan holds its limits and lacks little to the bound."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pricebid.optimize._types import Floats, Ints

_STEPS = 400
_PAIRS = 200
_PAIR_ROUNDS = 15
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
            if (not self.broken and self.lost <= enough) or not (self._pair(_PAIRS) or self._pair(4 * _PAIRS)):
                return

    def _changes(self) -> tuple[Floats, Floats]:
        """Change of usage, float64[limit, move], and of what is lost, float64[move], for every move."""
        now = self.at[self.moves.unit]
        usage = self.moves.usage - self.moves.usage[:, now]
        return usage, self.moves.loss - self.moves.loss[now] - self.multipliers @ usage

    def _near(self, usage: Floats) -> Ints:
        """Limits that moves could break, or that are broken: the others need no look."""
        reach = np.maximum(usage, 0.0).max(axis=1, initial=0.0)
        return np.flatnonzero(self.slack + self.slips < 2.0 * reach)

    def _singles(self) -> None:
        for _ in range(_STEPS):
            usage, merit = self._changes()
            for row in self._near(usage):
                missing = np.maximum(usage[row] - (self.slack[row] + self.slips[row]), 0.0)
                merit += self._steep[row] * missing + self._broken * (missing > 0)
            best = int(merit.argmin())
            if merit[best] >= self._floor():
                return
            self._apply(best, usage)

    def _floor(self) -> float:
        """What staying costs in broken limits; a move must be better by more than rounding to count."""
        missing = np.maximum(-self.slips - self.slack, 0.0)
        here = float(self._steep @ missing + self._broken * (missing > 0).sum())
        return here - 1e-13 * max(1.0, abs(here), abs(self.lost))

    def _pair(self, most: int) -> bool:
        """Make the best exchange of two units among `most` moves; False where none improves."""
        usage, lost = self._changes()
        stay = self.at[self.moves.unit] == np.arange(len(lost))
        size = min(most // 2, int((~stay).sum()))
        if size < 2:
            return False
        near = self._near(usage)
        broken = np.zeros(len(lost))
        for row in near:
            broken += self._steep[row] * np.maximum(usage[row] - (self.slack[row] + self.slips[row]), 0.0)
        few = [np.argpartition(np.where(stay, np.inf, cost), size - 1)[:size] for cost in (np.abs(lost), lost + broken)]
        chosen = np.unique(few)
        merit = self._pairs(usage[:, chosen], lost[chosen], near)
        merit[self.moves.unit[chosen, None] == self.moves.unit[chosen]] = np.inf
        best = int(merit.argmin())
        if merit.ravel()[best] >= self._floor():
            return False
        for move in (chosen[best // len(chosen)], chosen[best % len(chosen)]):
            self._apply(int(move), usage)
        return True

    def _pairs(self, usage: Floats, lost: Floats, near: Ints) -> Floats:
        """Merit of every pair of moves, in place throughout: fresh pages would cost more than the sums."""
        merit = np.add.outer(lost, lost)
        missing, wrong = np.empty_like(merit), np.empty(merit.shape, dtype=bool)
        for row in near:
            half = usage[row] - 0.5 * (self.slack[row] + self.slips[row])
            np.add.outer(half, half, out=missing)
            np.maximum(missing, 0.0, out=missing)
            np.greater(missing, 0.0, out=wrong)
            missing *= self._steep[row]
            merit += missing
            np.multiply(wrong, self._broken, out=missing)
            merit += missing
        return merit

    def _apply(self, move: int, usage: Floats) -> None:
        self.slack = self.slack - usage[:, move]
        self.at[self.moves.unit[move]] = move
