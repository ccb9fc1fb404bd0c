"""Integer and linear programs through PuLP and HiGHS: the one place that knows PuLP's versions and signs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import ModuleType

    from scipy.sparse import csr_array

    from pricebid.optimize._types import Bools, Floats


@dataclass(frozen=True, kw_only=True, eq=False)
class Program:
    """Maximise ``gain . x`` such that ``low <= matrix x <= high`` and ``0 <= x <= upper``.

    Parameters
    ----------
    gain : float64[variable]
        Objective.
    matrix : csr_array[row, variable]
        Coefficients.
    low, high : float64[row]
        Infinite where there is no bound; equal for an equation.
    upper : float64[variable]
        Infinite where there is no bound.
    integer : bool[variable]
        Whole numbers only.
    """

    gain: Floats
    matrix: csr_array
    low: Floats
    high: Floats
    upper: Floats
    integer: Bools


@dataclass(frozen=True, kw_only=True, eq=False)
class Answer:
    """What the solver made of a program.

    Parameters
    ----------
    status : {"optimal", "feasible", "infeasible", "unknown"}
        Feasible: stopped by the clock with a solution; unknown: without one.
    x : float64[variable]
        The solution; empty where there is none.
    bound : float
        No solution is worth more; inf where unknown.
    prices : float64[row]
        Objective gained per unit by which the row's binding side is relaxed, >= 0 for inequalities; linear programs
        only, else 0.
    """

    status: Literal["optimal", "feasible", "infeasible", "unknown"]
    x: Floats
    bound: float
    prices: Floats


def solve(program: Program, *, seconds: float, gap: float = 0.0, target: float = np.inf) -> Answer:
    """Solve a program with HiGHS through PuLP 3.3 or 4.

    Parameters
    ----------
    program : Program
        What to solve.
    seconds : float
        Time limit.
    gap : float
        Absolute gap at which an integer program may stop.
    target : float
        Objective at which an integer program may stop.

    Notes
    -----
    The model is a minimisation of ``-gain . x``: PuLP 3 turns a maximisation round before HiGHS sees it and PuLP 4 does
    not, so bounds and duals of one would come back with different signs. The price of an inequality is never negative,
    whichever side binds and whatever the backend's convention, so the absolute value is the normal form.
    """
    import pulp

    model = pulp.LpProblem("choose", pulp.LpMinimize)
    variables = [
        model.add_variable(f"x{at}", 0, None if np.isinf(top) else float(top), "Integer" if whole else "Continuous")
        for at, (top, whole) in enumerate(zip(program.upper, program.integer, strict=True))
    ]
    model.setObjective(_sum(pulp, variables, np.arange(len(variables)), -program.gain))
    for row in range(program.matrix.shape[0]):
        span = slice(program.matrix.indptr[row], program.matrix.indptr[row + 1])
        terms = _sum(pulp, variables, program.matrix.indices[span], program.matrix.data[span])
        low, high = float(program.low[row]), float(program.high[row])
        model.addConstraint(terms == high if low == high else terms <= high if np.isinf(low) else terms >= low)
    solver = pulp.HiGHS(
        msg=False,
        timeLimit=seconds,
        gapRel=0.0,
        gapAbs=gap,
        objective_target=-target,
        threads=1,
        random_seed=0,
        primal_feasibility_tolerance=1e-9,
        mip_feasibility_tolerance=1e-9,
    )
    model.solve(solver)
    return _answer(model, program, variables)


def _sum(pulp: ModuleType, variables: list[Any], index: Iterable[int], weights: Iterable[float]) -> Any:  # noqa: ANN401 - PuLP 3 is untyped
    """An affine expression: PuLP 4 names the constructor, PuLP 3 overloads it."""
    terms = {variables[at]: float(weight) for at, weight in zip(index, weights, strict=True)}
    make = getattr(pulp.LpAffineExpression, "from_dict", pulp.LpAffineExpression)
    return make(terms)


def _answer(model: Any, program: Program, variables: list[Any]) -> Answer:  # noqa: ANN401 - PuLP 3 is untyped
    highs = model.solverModel
    state = highs.getModelStatus().name
    rows = program.matrix.shape[0]
    if state in {"kInfeasible", "kUnboundedOrInfeasible"}:
        return Answer(status="infeasible", x=np.empty(0), bound=-np.inf, prices=np.zeros(rows))
    info = highs.getInfo()
    whole = bool(program.integer.any())
    # 2 is HiGHS' kSolutionStatusFeasible: PuLP 3 calls a run without any solution optimal when the clock stops it.
    if info.primal_solution_status != 2:
        return Answer(status="unknown", x=np.empty(0), bound=np.inf, prices=np.zeros(rows))
    x = np.array([variable.value() for variable in variables], dtype=np.float64)
    bound = -float(info.mip_dual_bound) if whole else float(program.gain @ x)
    prices = np.zeros(rows)
    if not whole:
        held = model.constraints
        held = held() if callable(held) else list(held.values())
        prices = np.abs(np.array([row.pi for row in held], dtype=np.float64))
    return Answer(status="optimal" if state == "kOptimal" else "feasible", x=x, bound=bound, prices=prices)
