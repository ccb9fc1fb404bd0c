"""The Lagrangian dual: the multipliers that make the bound least.

Coarse to fine: the dual of a small spread-out sample of decisions is nearly free and lands near the optimum; larger samples
and at last all decisions are then solved in a small box around it, in which few decisions are still open (`Pool.narrow`).
Where the box was too small its rim stops the method, and it is moved and widened: the last box is solved over all
decisions with its minimum inside, and a convex function's local minimum is its global one.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Protocol

import numpy as np

from pricebid.optimize.master import Master

if TYPE_CHECKING:
    from pricebid.optimize._types import Floats, Ints
    from pricebid.optimize.pool import Evaluation
    from pricebid.optimize.problem import Problem

# Multipliers are scaled to be about 1. One beyond this means limits that (almost) cannot hold together.
CEILING = 2.0**14
_SAMPLE = 5_000
_APPROACHES = 6
_NEAR = 8e-3
_SEEN = 20
_WIDENED = 3
_ROUNDS = 400


class Oracle(Protocol):
    """Anything that answers with best options at given multipliers: `Pool`, or `Grove` where side rules hold."""

    def evaluate(self, multipliers: Floats) -> Evaluation:
        """Best options and their totals per group of cuts."""
        ...

    def narrow(self, multipliers: Floats, radius: Floats) -> Oracle:
        """One that answers the same inside a box, with less work."""
        ...

    def sample(self, size: int) -> tuple[Oracle, Ints]:
        """One of about so many decisions alone, and which."""
        ...

    def cells(self) -> Ints:
        """Cell of each decision."""
        ...

    def __len__(self) -> int: ...

    @property
    def groups(self) -> int:
        """Number of groups of cuts."""
        ...


@dataclass(frozen=True, kw_only=True, eq=False)
class Dual:
    """Where the bound is least.

    Parameters
    ----------
    best : Evaluation
        At the best multipliers found.
    bound : float
        The dual function there (scaled).
    cuts : tuple of Evaluation
        Evaluations that together make up the optimum...
    weights : float64[cut, group]
        ...with these shares: their mixture meets the limits on average.
    oracle : Oracle
        The decisions that were open in the last box.
    option : int64[decision]
        Best option of every decision at the best multipliers.
    """

    best: Evaluation
    bound: float
    cuts: tuple[Evaluation, ...]
    weights: Floats
    oracle: Oracle
    option: Ints

    @property
    def multipliers(self) -> Floats:
        """Scaled, float64[limit]."""
        return self.best.multipliers

    @property
    def at_ceiling(self) -> bool:
        """Some multiplier grew to the ceiling: the limits may be unable to hold together."""
        return bool(np.any(self.multipliers >= 0.999 * CEILING))


@dataclass(frozen=True, kw_only=True, eq=False)
class Minimum:
    """What the cutting planes found in one box; `last` is where the master's own optimum lies."""

    best: Evaluation
    bound: float
    master: Master
    last: Floats


def minimise(oracle: Oracle, rhs: Floats, *, start: Floats, low: Floats, high: Floats, tolerance: float) -> Minimum:
    """Cutting planes in a box until model and function differ by less than `tolerance` (absolute).

    Parameters
    ----------
    oracle : Oracle
        Answers with best options.
    rhs : float64[limit]
        Right-hand sides.
    start : float64[limit]
        First multipliers; inside the box.
    low, high : float64[limit]
        The box.
    tolerance : float
        On the (scaled) dual function; relative to its size where that is larger than the arithmetic allows.

    Returns
    -------
    Minimum
        Best evaluation, its value, and the master with all cuts.
    """
    master = Master(rhs=rhs, groups=oracle.groups, low=low, high=high)
    best = now = oracle.evaluate(start)
    bound = now.lagrangian(rhs)
    for _ in range(_ROUNDS):
        master.add(now)
        point, floor = master.solve()
        if bound - floor <= max(tolerance, 1e-13 * abs(bound)):
            break
        now = oracle.evaluate(point)
        value = now.lagrangian(rhs)
        if value < bound:
            best, bound = now, value
    return Minimum(best=best, bound=bound, master=master, last=point)


def solve_dual(problem: Problem, whole: Oracle, *, start: Floats | None, tolerance: float) -> Dual:
    """Multipliers of the least bound.

    Parameters
    ----------
    problem : Problem
        As built.
    whole : Oracle
        Over all its decisions.
    start : float64[limit] or None
        Scaled multipliers to start from; the sample decides where not given.
    tolerance : float
        Absolute, on the scaled bound.
    """
    limits = len(problem.rhs)
    point = np.zeros(limits) if start is None else np.clip(start, 0.0, CEILING)
    radius = np.full(limits, CEILING)
    if limits and len(whole) >= 2 * _SAMPLE:
        point, radius = _approach(problem, whole, point, near=start is not None)
    found, narrow = _boxes(whole, problem.rhs, point, radius, tolerance=tolerance)
    final = whole.evaluate(found.best.multipliers)
    return Dual(
        best=final,
        bound=final.lagrangian(problem.rhs),
        cuts=tuple(found.master.cuts),
        weights=found.master.weights(),
        oracle=narrow,
        option=final.option,
    )


def _approach(problem: Problem, whole: Oracle, point: Floats, *, near: bool) -> tuple[Floats, Floats]:
    """Come near the optimum on a sample that is tilted to agree with all decisions at the last point.

    The sample's right-hand side is its own usage at the point plus its share of the slack that all decisions have
    there: its noise in the totals cancels (a control variate), what remains is that of the change away from the point,
    which shrinks with every round.
    """
    sample, kept = whole.sample(_SAMPLE)
    size = np.bincount(problem.cells(), minlength=len(problem.member)) @ problem.member
    part = np.bincount(problem.cells()[kept], minlength=len(problem.member)) @ problem.member
    share = part / np.maximum(size, 1.0)
    # Limits that hardly anyone in the sample counts towards are left to the end; few decisions hang on them.
    seen = part >= _SEEN
    radius = 0.1 * (point + 0.2) if near else np.full(len(point), CEILING)
    for _ in range(_APPROACHES):
        slack = problem.rhs - whole.evaluate(point).usage.sum(axis=0)
        rhs = np.where(seen, sample.evaluate(point).usage.sum(axis=0) + share * slack, CEILING * len(sample))
        found, _ = _boxes(sample, rhs, point, radius, tolerance=1e-7 * len(sample))
        if np.any(found.best.multipliers >= 0.5 * CEILING):
            return point, np.full(len(point), CEILING)
        arrived = np.where(seen, found.best.multipliers, point)
        moved, point = np.abs(arrived - point), arrived
        # A third of the largest move guards a coordinate that happened to stand still.
        radius = np.maximum(moved, 0.3 * moved.max()) + 1e-4
        if moved.max() < _NEAR:
            break
    return point, np.where(seen, radius, CEILING)


def _boxes(oracle: Oracle, rhs: Floats, point: Floats, radius: Floats, *, tolerance: float) -> tuple[Minimum, Oracle]:
    """Solve in a box, moving and widening it until the minimum lies inside."""
    for widened in count():
        low, high = np.maximum(point - radius, 0.0), np.minimum(point + radius, CEILING)
        # Half-way in, what can change is a fraction: screen anew about the box's own middle.
        middle = 0.5 * (low + high) if np.all(radius < CEILING) else point
        small = oracle.narrow(middle, np.maximum(high - middle, middle - low))
        found = minimise(small, rhs, start=np.clip(point, low, high), low=low, high=high, tolerance=tolerance)
        # Where the function is flat the best point may lie inside and the master's still at the rim: its mixture of
        # plans would then not meet the limits.
        point = found.best.multipliers
        rim = np.zeros(len(point), dtype=bool)
        for spot in (point, found.last):
            rim |= ((spot <= low) & (low > 0)) | ((spot >= high) & (high < CEILING))
        if not rim.any():
            return found, small
        radius = np.where(rim, 8.0 * radius, radius) if widened < _WIDENED else np.full(len(point), CEILING)
    raise AssertionError  # the loop ends by returning
