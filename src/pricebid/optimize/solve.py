"""One scaled problem from end to end: dual, repair, and an integer program where that leaves a gap that matters."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from pricebid.optimize.dual import CEILING, Dual, Oracle, minimise, solve_dual
from pricebid.optimize.exact import decide, slack_of
from pricebid.optimize.grove import Grove
from pricebid.optimize.pool import Pool
from pricebid.optimize.repair import Repaired, repair

if TYPE_CHECKING:
    from pricebid.optimize._types import Bools, Floats, Ints
    from pricebid.optimize.limits import Effort
    from pricebid.optimize.problem import Problem


# Options of an integer program with side rules weigh more.
_RULED = 10
# Options of the first, small integer program.
_CORE = 150
_AIMS = 4


class NoPlan(Exception):  # noqa: N818 - a finding, not a fault; never leaves this package
    """No plan within the limits; `proven` where there is none, else none was found."""

    def __init__(self, *, proven: bool) -> None:
        super().__init__()
        self.proven = proven


@dataclass(frozen=True, kw_only=True, eq=False)
class Solved:
    """A plan that holds, and its proof, in scaled units.

    Parameters
    ----------
    option : int64[decision]
        The picks.
    multipliers : float64[limit]
        Of the best bound found.
    bound : float
        The Lagrangian there.
    proven : bool
        An integer program proved that no better plan exists.
    """

    option: Ints
    multipliers: Floats
    bound: float
    proven: bool


def solve_problem(problem: Problem, *, effort: Effort, start: Floats | None = None) -> Solved:
    """Dual, repair, and where needed the integer program.

    Raises
    ------
    NoPlan
        Where the limits cannot hold together, or no plan was found.
    """
    whole = oracle_of(problem)
    free = whole.evaluate(np.zeros(len(problem.rhs)))
    if not len(problem.rhs) and not (problem.web is not None and problem.web.tangled.any()):
        return Solved(option=free.option, multipliers=np.zeros(0), bound=free.lagrangian(problem.rhs), proven=True)
    tolerance = 0.02 * effort.gap * float(np.abs(free.gain.sum()))
    dual = solve_dual(problem, whole, start=start, tolerance=tolerance)
    if dual.at_ceiling and cannot_hold(problem):
        raise NoPlan(proven=True)
    enough = effort.gap * abs(dual.bound)
    # Repair aims beyond what counts as optimal: that costs little, an integer program later costs much.
    plan = repair(problem, dual, aim=0.1 * enough, enough=enough)
    if plan.holds and plan.lacking <= enough:
        return _solved(plan.option, dual, proven=False)
    if not plan.holds and problem.web is not None and problem.web.tangled.any():
        plan = _aimed(problem, whole, dual, plan, effort=effort)
    return _finish(problem, dual, plan, effort=effort)


def _aimed(problem: Problem, whole: Oracle, dual: Dual, plan: Repaired, *, effort: Effort) -> Repaired:
    """A plan of tangled blocks that holds the limits, by aiming beyond them.

    The dual's plans keep only a forest of the rules; brought within all of them they miss the limits by a little. What
    they miss is added to what is asked of them.
    """
    beyond = np.zeros(len(problem.rhs))
    for _ in range(_AIMS):
        beyond += 1.5 * np.maximum(0.0, -slack_of(problem, plan.option))
        aim = replace(problem, rhs=problem.rhs - beyond)
        tolerance = effort.gap * abs(dual.bound)
        aimed = solve_dual(aim, whole, start=dual.multipliers, tolerance=tolerance)
        plan = repair(problem, replace(aimed, bound=dual.bound), aim=tolerance, enough=tolerance)
        if plan.holds:
            break
    return plan


def oracle_of(problem: Problem) -> Pool | Grove:
    """What answers with best options: decision by decision, or block by block where side rules hold."""
    return Pool.of(problem) if problem.web is None else Grove.of(problem)


def cannot_hold(problem: Problem) -> bool:
    """Whether nonnegative multipliers prove that the limits cannot hold together (Farkas).

    With the objective left out, a negative Lagrangian bound means that every choice breaks some limit.
    """
    found = farkas(problem)
    usage = np.abs(found.best.usage).sum(axis=0)
    rounding = 1e-12 * float(found.multipliers @ (np.abs(problem.rhs) + usage))
    return found.bound < -(float(found.multipliers @ problem.slips) + rounding)


def farkas(problem: Problem) -> Dual:
    """The dual without objective over multipliers in [0, 1]: its bound is minus the least sum of violations."""
    bare = oracle_of(replace(problem, objective=np.zeros_like(problem.objective)))
    limits = len(problem.rhs)
    found = minimise(
        bare,
        problem.rhs,
        start=np.ones(limits) / limits,
        low=np.zeros(limits),
        high=np.ones(limits),
        tolerance=1e-9 * problem.shape[0],
    )
    return Dual(
        best=found.best,
        bound=found.bound,
        cuts=tuple(found.master.cuts),
        weights=found.master.weights(),
        oracle=bare,
        option=found.best.option,
    )


def _finish(problem: Problem, dual: Dual, plan: Repaired, *, effort: Effort) -> Solved:
    """Let an integer program decide among the options that could still be part of a better plan."""
    losses = Pool.of(problem).losses(dual.multipliers)
    enough = effort.gap * abs(dual.bound)
    keep, whole = _running(problem, dual, plan, losses, effort=effort)
    if plan.holds and problem.web is None and _open(keep) > 2 * _CORE:
        plan = _core(problem, dual, plan, losses, effort=effort)
        if plan.lacking <= enough:
            return _solved(plan.option, dual, proven=False)
        keep, whole = _running(problem, dual, plan, losses, effort=effort)
    if _open(keep) > effort.milp_options / (1 if problem.web is None else _RULED):
        if plan.holds:
            return _solved(plan.option, dual, proven=False)
        raise NoPlan(proven=False)
    found = decide(problem, keep, effort=effort, gap=0.5 * enough, target=dual.bound - enough)
    if len(found.option):
        better = not plan.holds or _value(problem, found.option) > _value(problem, plan.option)
        option = found.option if better else plan.option
        return _solved(option, dual, proven=whole and found.status == "optimal")
    if plan.holds:
        return _solved(plan.option, dual, proven=False)
    raise NoPlan(proven=whole and found.status == "infeasible")


def _running(problem: Problem, dual: Dual, plan: Repaired, losses: Floats, *, effort: Effort) -> tuple[Bools, bool]:
    """Options in the running, and whether those are all that a better plan could have."""
    if problem.web is not None:
        return np.isfinite(losses), True
    if plan.holds:
        # Any plan with an option that loses more than the plan lacks is worse than the plan (reduced-cost fixing).
        keep, whole = losses <= plan.lacking * (1 + 1e-9) + 1e-12 * abs(dual.bound), True
    else:
        keep, whole = _nearest(losses, effort.milp_options), bool(np.isfinite(losses).sum() <= effort.milp_options)
    keep[np.arange(len(keep)), plan.option] = True
    return keep, whole


def _core(problem: Problem, dual: Dual, plan: Repaired, losses: Floats, *, effort: Effort) -> Repaired:
    """The plan, or a better one from the options nearest to a tie: most of what is wanted, in a fraction of the time."""
    keep = _nearest(losses, len(losses) + _CORE)
    keep[np.arange(len(keep)), plan.option] = True
    if _open(keep) > 4 * _CORE:
        return plan
    enough = effort.gap * abs(dual.bound)
    half = replace(effort, seconds=0.5 * effort.seconds)
    found = decide(problem, keep, effort=half, gap=0.1 * enough, target=dual.bound - enough)
    if not len(found.option) or _value(problem, found.option) <= _value(problem, plan.option):
        return plan
    return replace(plan, option=found.option, lacking=dual.bound - _value(problem, found.option))


def _open(keep: Bools) -> int:
    """Options of decisions that are not settled."""
    count = keep.sum(axis=1)
    return int(count[count > 1].sum())


def _nearest(losses: Floats, most: int) -> Bools:
    """The options that lose least, about so many of them, and each decision's best."""
    finite = np.isfinite(losses)
    spare = losses[finite & (losses > 0)]
    room = max(0, most - len(losses))
    if len(spare) <= room:
        return finite
    return losses <= (np.partition(spare, room)[room] if room else 0.0)


def _value(problem: Problem, option: Ints) -> float:
    return problem.gain(problem.picked(option))


def _solved(option: Ints, dual: Dual, *, proven: bool) -> Solved:
    return Solved(option=option, multipliers=np.minimum(dual.multipliers, CEILING), bound=dual.bound, proven=proven)
