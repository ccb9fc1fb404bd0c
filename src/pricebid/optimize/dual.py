"""The Lagrangian dual: the multipliers that make the bound least.

Coarse to fine: the dual of a small spread-out sample of decisions is nearly free and lands near the optimum; larger samples
and at last all decisions are then solved in a small box around it, in which few decisions are still open (`Pool.screen`).
Where the box was too small its rim stops the method, and it is moved and widened: the last box is solved over all
decisions with its minimum inside, and a convex function's local minimum is its global one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from pricebid.optimize.master import Master
from pricebid.optimize.pool import Evaluation, Pool

if TYPE_CHECKING:
    from pricebid.optimize._types import Floats, Ints
    from pricebid.optimize.problem import Problem

# Multipliers are scaled to be about 1. One beyond this means limits that (almost) cannot hold together.
CEILING = 2.0**14
_SAMPLE = 5_000
_APPROACHES = 6
_NEAR = 2e-2
_ROUNDS = 400


class Oracle(Protocol):
    """Anything that answers with best options at given multipliers."""

    def evaluate(self, multipliers: Floats) -> Evaluation:
        """Best options and their totals per group of cuts."""
        ...

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
    pool : Pool
        The decisions that were open in the last box.
    option : int64[decision]
        Best option of every decision at the best multipliers.
    """

    best: Evaluation
    bound: float
    cuts: tuple[Evaluation, ...]
    weights: Floats
    pool: Pool
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
    """What the cutting planes found in one box."""

    best: Evaluation
    bound: float
    master: Master


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
    return Minimum(best=best, bound=bound, master=master)


def solve_dual(problem: Problem, *, start: Floats | None, tolerance: float) -> Dual:
    """Multipliers of the least bound for a problem without side rules.

    Parameters
    ----------
    problem : Problem
        As built.
    start : float64[limit] or None
        Scaled multipliers to start from; the sample decides where not given.
    tolerance : float
        Absolute, on the scaled bound.
    """
    whole = Pool.of(problem)
    limits = len(problem.rhs)
    point = np.zeros(limits) if start is None else np.clip(start, 0.0, CEILING)
    radius = np.full(limits, CEILING)
    if len(whole) >= 2 * _SAMPLE:
        point, radius = _approach(problem, whole, point, near=start is not None)
    found, pool = _boxes(whole, problem.rhs, point, radius, tolerance=tolerance)
    final = whole.evaluate(found.best.multipliers)
    return Dual(
        best=final,
        bound=final.lagrangian(problem.rhs),
        cuts=tuple(found.master.cuts),
        weights=found.master.weights(),
        pool=pool,
        option=final.option,
    )


def _approach(problem: Problem, whole: Pool, point: Floats, *, near: bool) -> tuple[Floats, Floats]:
    """Come near the optimum on a sample that is tilted to agree with all decisions at the last point.

    The sample's right-hand side is its own usage at the point plus its share of the slack that all decisions have
    there: its noise in the totals cancels (a control variate), what remains is that of the change away from the point,
    which shrinks with every round.
    """
    kept = spread_sample(problem.cells(), _SAMPLE)
    sample = whole.part(kept, np.zeros_like(whole.fixed))
    size = np.bincount(problem.cells(), minlength=len(problem.member)) @ problem.member
    part = np.bincount(problem.cells()[kept], minlength=len(problem.member)) @ problem.member
    share = part / np.maximum(size, 1.0)
    radius = 0.1 * (point + 0.2) if near else np.full(len(point), CEILING)
    for _ in range(_APPROACHES):
        slack = problem.rhs - whole.evaluate(point).usage.sum(axis=0)
        rhs = sample.evaluate(point).usage.sum(axis=0) + share * slack
        found, _ = _boxes(sample, rhs, point, radius, tolerance=1e-7 * len(sample))
        moved = np.abs(found.best.multipliers - point)
        point = np.where(found.best.multipliers < 0.5 * CEILING, found.best.multipliers, point)
        # A third of the largest move guards a coordinate that happened to stand still.
        radius = np.maximum(moved, 0.3 * moved.max()) + 1e-5
        if moved.max() < _NEAR:
            break
    return point, radius


def _boxes(pool: Pool, rhs: Floats, point: Floats, radius: Floats, *, tolerance: float) -> tuple[Minimum, Pool]:
    """Solve in a box, moving and widening it until the minimum lies inside."""
    while True:
        low, high = np.maximum(point - radius, 0.0), np.minimum(point + radius, CEILING)
        # Half-way in, what can change is a fraction: screen anew about the box's own middle.
        middle = 0.5 * (low + high) if np.all(radius < CEILING) else point
        _, small = pool.screen(middle, np.maximum(high - middle, middle - low))
        found = minimise(small, rhs, start=np.clip(point, low, high), low=low, high=high, tolerance=tolerance)
        point = found.best.multipliers
        rim = ((point <= low) & (low > 0)) | ((point >= high) & (high < CEILING))
        if not rim.any():
            return found, small
        radius = np.where(rim, 4.0 * radius, radius)


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
