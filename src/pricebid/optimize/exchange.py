"""Exchange search: switch one or two units at a time until a plan holds its limits and lacks little to the bound."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pricebid.optimize._types import Floats, Ints

_STEPS = 400
_PAIRS = 500
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
