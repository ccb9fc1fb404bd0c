"""Limits that cannot hold together: which of them, and by how much each would have to give."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from pricebid.errors import Conflict, Infeasible
from pricebid.optimize.exact import elastic
from pricebid.optimize.grove import Grove
from pricebid.optimize.repair import repair
from pricebid.optimize.rules import touched
from pricebid.optimize.solve import NoPlan, farkas, solve_problem
from pricebid.optimize.tangle import mend

if TYPE_CHECKING:
    from pricebid.optimize._types import Floats, Ints
    from pricebid.optimize.limits import Effort, Limit
    from pricebid.optimize.problem import Problem

_RATIO_ROUNDS = 8
_MENDING = 20.0


def reached(problem: Problem, limit: Limit, row: int, picked: Floats) -> float:
    """What a limit bounds, at picked outcomes float64[outcome, decision]: a total or a ratio (NaN for 0 / 0)."""
    counted = problem.member[problem.cells(), row] > 0
    total = float(picked[problem.names.index(limit.name)][counted].sum())
    if limit.per is None:
        return total
    under = float(picked[problem.names.index(limit.per)][counted].sum())
    return total / under if under > 0 else float("nan") if total == 0 else float(np.sign(total) * np.inf)


def infeasible(problem: Problem, limits: tuple[Limit, ...], *, effort: Effort, proven: bool) -> Infeasible:
    """The error to raise for a problem without a plan, with the smallest relaxation of each limit that would help.

    For each limit the best value it can reach while the others hold is itself a problem of the same kind: its slack is
    maximised under the other limits. Where no limit alone can give enough, all give together: the sum of what is
    missing, each limit measured by what one decision can change in it, is made least. The values named are ones that a
    plan reaches.

    Parameters
    ----------
    problem : Problem
        Without a plan.
    limits : tuple of Limit
        What its rows are.
    effort : Effort
        For the problems to solve.
    proven : bool
        Whether it is proven that there is no plan, or none was found.
    """
    if not proven:
        return Infeasible("no choice within the limits was found, nor is it proven that there is none", ())
    # What proves that the limits cannot hold still does without a limit that has no part in the proof.
    proof = farkas(problem)
    part = proof.multipliers > 1e-9 if proof.bound < 0 else np.ones(len(limits), dtype=bool)
    plans = [(row, limit, _alone(problem, limit, row, effort=effort)) for row, limit in enumerate(limits) if part[row]]
    alone = [_conflict(problem, limit, row, plan) for row, limit, plan in plans if plan is not None]
    if alone:
        return Infeasible("the limits cannot all hold; any one of these would have to give:", alone)
    plan = _together(problem, effort=effort)
    given = [_conflict(problem, limit, row, plan) for row, limit in enumerate(limits)]
    given = [
        conflict for conflict, limit in zip(given, limits, strict=True) if not conflict.relaxation <= limit.tolerance
    ]
    return Infeasible(
        "the limits cannot all hold and no single one can give enough; together they would have to:", given
    )


def check_rules(problem: Problem) -> None:
    """Refuse side rules that leave some block of decisions nothing to pick.

    Raises
    ------
    Infeasible
        Naming the first such block's decisions and the rules that touch them.
    """
    if problem.web is None:
        return
    grove = Grove.of(problem)
    dead = grove.barren()
    if not len(dead) and problem.web.tangled.any():
        scores = grove.pool.scores(np.zeros(len(problem.rhs)))
        try:
            possible = mend(problem, grove.legal(scores), scores, seconds=_MENDING) is not None
        except TimeoutError:
            possible = True
        dead = np.flatnonzero(problem.web.tangled & (not possible))
    if not len(dead):
        return
    block = problem.web.block
    group = dead[block[dead] == block[dead[0]]]
    names = ", ".join(dict.fromkeys(rule.label for rule in problem.rules if np.any(np.isin(group, touched(rule)))))
    raise Infeasible(
        f"side rules leave nothing to pick for decisions {', '.join(map(str, group[:10]))}"
        f"{' ...' if len(group) > 10 else ''} ({names}; {len(dead):,} decisions in all): widen their options, or "
        "loosen or drop a rule"
    )


def _alone(problem: Problem, limit: Limit, row: int, *, effort: Effort) -> Ints | None:
    """The plan in which one limit is missed least and all others hold; None where they cannot even without it."""
    others = problem.without(row)
    charge = problem.rows[row]
    best: Ints | None = None
    for _ in range(_RATIO_ROUNDS if limit.per is not None else 1):
        toward = replace(others, objective=-problem.member[:, row : row + 1] * charge)
        try:
            plan = solve_problem(toward, effort=effort).option
        except NoPlan:
            return best
        ratio = reached(problem, limit, row, problem.picked(plan))
        better = best is None or limit.sign * (ratio - reached(problem, limit, row, problem.picked(best))) < 0
        if not better:
            return best
        best = plan
        if limit.per is None or not np.isfinite(ratio):
            return best
        # The best ratio of two sums is where its own row, num - ratio * den, cannot get below 0 (Dinkelbach 1967).
        charge = np.zeros_like(charge)
        charge[problem.names.index(limit.name)] += limit.sign
        charge[problem.names.index(limit.per)] -= limit.sign * ratio
        charge = charge / problem.row_scale[row]
    return best


def _together(problem: Problem, *, effort: Effort) -> Ints:
    if problem.shape[0] * problem.shape[1] <= effort.milp_options:
        option = elastic(problem, effort=effort)
        if len(option):
            return option
    return repair(problem, farkas(problem), aim=0.0, enough=0.0, elastic=True).option


def _conflict(problem: Problem, limit: Limit, row: int, plan: Ints) -> Conflict:
    value = reached(problem, limit, row, problem.picked(plan))
    short = max(0.0, limit.sign * (value - limit.bound)) if np.isfinite(value) else float("inf")
    return Conflict(name=limit.title, limit=limit.bound, reachable=value, relaxation=short)
