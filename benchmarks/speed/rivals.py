"""The kernel beside other solvers on the same problem: HiGHS' interior point, PuLP with CBC, and price-contour.

Run ``python -m benchmarks.speed.rivals [--highs N ...] [--cbc N ...] [--contour N ...] [--limit SECONDS]``; N decisions
of ten options. HiGHS solves the linear relaxation only (crossover off); CBC the integer program, building included,
since users pay for it; price-contour runs through its public Python interface on its own table, building left out, with
a units, a revenue and a discount limit. Each run has a time limit and its own process.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import numpy as np
from benchmarks.speed.market import Outcomes, limits, market, worst

from pricebid.optimize import Limit, choose

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

OPTIONS = 10


def ours(outcomes: Outcomes, asked: list[Limit]) -> dict[str, object]:
    """The kernel, warm."""
    choose(outcomes, maximise="profit", limits=asked)
    choice = choose(outcomes, maximise="profit", limits=asked)
    return {
        "seconds": choice.seconds,
        "value": choice.value,
        "bound": choice.bound,
        "violation": worst(choice.slacks, asked),
        "note": choice.status,
    }


def _rows(outcomes: Outcomes, asked: list[Limit]) -> tuple[np.ndarray, np.ndarray]:
    """``rows @ x <= rhs`` over all options, flat."""
    rows, rhs = [], []
    for limit in asked:
        row = outcomes[limit.name]
        if limit.per is not None:
            row = row - limit.bound * outcomes[limit.per]
        rows.append(limit.sign * row.ravel())
        rhs.append(limit.sign * (limit.bound if limit.per is None else 0.0))
    return np.array(rows), np.array(rhs)


def highs(decisions: int, limit: float) -> dict[str, object]:
    """HiGHS' interior point on the linear relaxation."""
    import highspy
    from scipy.sparse import csr_array, eye_array, kron, vstack

    outcomes = market(decisions, OPTIONS)
    asked = limits(outcomes)
    rows, rhs = _rows(outcomes, asked)
    size = outcomes["profit"].size
    matrix = csr_array(vstack([kron(eye_array(decisions), np.ones((1, OPTIONS))), csr_array(rows)]))
    program = highspy.HighsLp()
    program.num_col_, program.num_row_ = size, matrix.shape[0]
    program.col_cost_ = -outcomes["profit"].ravel()
    program.col_lower_, program.col_upper_ = np.zeros(size), np.ones(size)
    program.row_lower_ = np.append(np.ones(decisions), np.full(len(rhs), -np.inf))
    program.row_upper_ = np.append(np.ones(decisions), rhs)
    program.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    program.a_matrix_.start_, program.a_matrix_.index_ = matrix.indptr, matrix.indices
    program.a_matrix_.value_ = matrix.data
    solver = highspy.Highs()
    for name, value in {"output_flag": False, "solver": "ipm", "run_crossover": "off", "time_limit": limit}.items():
        solver.setOptionValue(name, value)
    solver.passModel(program)
    began = time.perf_counter()
    solver.run()
    seconds = time.perf_counter() - began
    x = np.array(solver.getSolution().col_value)
    found = solver.getModelStatus().name == "kOptimal"
    broken = np.maximum(rows @ x - rhs, 0.0) / np.maximum(1.0, np.abs(rhs))
    return {
        "seconds": seconds,
        "value": float(outcomes["profit"].ravel() @ x) if found else None,
        "violation": float(broken.max()) if found else None,
        "note": "relaxation, no plan" if found else f"stopped ({solver.getModelStatus().name})",
    }


def cbc(decisions: int, limit: float) -> dict[str, object]:
    """PuLP with CBC on the integer program, building included."""
    import pulp

    outcomes = market(decisions, OPTIONS)
    asked = limits(outcomes)
    rows, rhs = _rows(outcomes, asked)
    began = time.perf_counter()
    model = pulp.LpProblem("plan", pulp.LpMaximize)
    picks = [model.add_variable(f"x{at}", 0, 1, "Integer") for at in range(outcomes["profit"].size)]
    model.setObjective(pulp.lpSum(gain * pick for gain, pick in zip(outcomes["profit"].ravel(), picks, strict=True)))
    for at in range(decisions):
        model.addConstraint(pulp.lpSum(picks[at * OPTIONS : (at + 1) * OPTIONS]) == 1)
    for row, right in zip(rows, rhs, strict=True):
        model.addConstraint(pulp.lpSum(weight * pick for weight, pick in zip(row, picks, strict=True)) <= right)
    built = time.perf_counter() - began
    # PuLP 4 no longer brings CBC along: COIN_CMD runs one that is installed.
    solver = pulp.PULP_CBC_CMD if hasattr(pulp, "PULP_CBC_CMD") else pulp.COIN_CMD
    model.solve(solver(msg=False, timeLimit=max(1.0, limit - built), threads=1))
    seconds = time.perf_counter() - began
    x = np.array([pick.value() or 0.0 for pick in picks])
    whole = bool(np.all(np.abs(x - np.round(x)) < 1e-6) and np.all(x.reshape(decisions, OPTIONS).sum(axis=1) > 0.5))
    broken = np.maximum(rows @ x - rhs, 0.0) / np.maximum(1.0, np.abs(rhs))
    note = f"{built:.1f} s of them building" + ("" if seconds < limit else ", stopped")
    value = float(outcomes["profit"].ravel() @ x) if whole else None
    return {"seconds": seconds, "value": value, "violation": float(broken.max()) if whole else None, "note": note}


def contour(decisions: int, limit: float) -> dict[str, object]:
    """price-contour's online optimiser with a units, a revenue and a discount limit, at its defaults (32-bit numbers).

    A limit counts as broken beyond 1e-6 of its bound, on the totals it reports itself.
    """
    del limit
    import polars as pl
    import price_contour as pc

    outcomes = market(decisions, OPTIONS)
    asked = limits(outcomes, ratio=False)
    table = pl.DataFrame(
        {
            "quote_id": np.repeat(np.arange(decisions), OPTIONS),
            "scenario_index": np.tile(np.arange(OPTIONS), decisions),
            "scenario_value": np.tile(np.linspace(0.85, 1.15, OPTIONS), decisions),
            **{name: array.ravel() for name, array in outcomes.items()},
        }
    ).with_columns(
        pl.col("quote_id").cast(pl.String),
        pl.col("scenario_index").cast(pl.Int32),
        pl.col("scenario_value", *outcomes).cast(pl.Float32),
    )
    wanted = {one.name: {"min" if one.at_least is not None else "max": one.bound} for one in asked}
    optimiser = pc.OnlineOptimiser(objective="profit", constraints=wanted)
    began = time.perf_counter()
    result = optimiser.solve(table)
    seconds = time.perf_counter() - began
    slacks = np.array([one.sign * (one.bound - result.total_constraints[one.name]) for one in asked])
    broken = [one.name for one, slack in zip(asked, slacks, strict=True) if slack < -1e-6 * abs(one.bound)]
    state = "converged" if result.converged else "not converged"
    return {
        "seconds": seconds,
        "value": float(result.total_objective),
        "violation": worst(slacks, asked),
        "note": f"{state}, {result.iterations} rounds, broken: {', '.join(broken) or 'none'}",
    }


RIVALS: dict[str, Callable[[int, float], dict[str, object]]] = {"highs": highs, "cbc": cbc, "contour": contour}


def apart(rival: str, decisions: int, limit: float) -> dict[str, object]:
    """A rival in a process of its own, ended when it takes far more than its limit."""
    script = (
        "import json, sys; from benchmarks.speed.rivals import RIVALS; "
        "print(json.dumps(RIVALS[sys.argv[1]](int(sys.argv[2]), float(sys.argv[3]))))"
    )
    command = [sys.executable, "-c", script, rival, str(decisions), str(limit)]
    try:
        done = subprocess.run(command, check=True, capture_output=True, timeout=2 * limit + 60)
    except subprocess.TimeoutExpired:
        return {"seconds": None, "value": None, "violation": None, "note": f"ended after {2 * limit + 60:.0f} s"}
    except subprocess.CalledProcessError as error:
        reason = error.stderr.decode().strip().splitlines()[-1:]
        return {"seconds": None, "value": None, "violation": None, "note": f"failed: {' '.join(reason)}"}
    found: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return found


def line(name: str, decisions: int, found: dict[str, object], mine: dict[str, object]) -> str:
    """A row of the table."""

    def shown(key: str, form: str) -> str:
        return "-" if found.get(key) is None else format(found[key], form)

    lacking = None if found["value"] is None else 1.0 - float(str(found["value"])) / float(str(mine["bound"]))
    times = None if found["seconds"] is None else float(str(found["seconds"])) / float(str(mine["seconds"]))
    return (
        f"{name:14} {decisions * OPTIONS:>11,} {shown('seconds', '9.3f'):>9} "
        f"{'-' if times is None else format(times, '8.1f'):>8} "
        f"{'-' if lacking is None else format(lacking, '9.1e'):>10} {shown('violation', '9.1e'):>9}  {found['note']}"
    )


def main(arguments: Sequence[str] | None = None) -> list[dict[str, object]]:
    """Print the table and return its rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--highs", type=int, nargs="*", default=[5_000, 50_000])
    parser.add_argument("--cbc", type=int, nargs="*", default=[500, 5_000])
    parser.add_argument("--contour", type=int, nargs="*", default=[50_000, 1_000_000])
    parser.add_argument("--limit", type=float, default=60.0)
    asked = parser.parse_args(arguments)
    print(f"{'solver':14} {'options':>11} {'seconds':>9} {'times':>8} {'to bound':>10} {'violation':>9}")
    rows = []
    for rival, run in {"highs": asked.highs, "cbc": asked.cbc, "contour": asked.contour}.items():
        for decisions in run:
            outcomes = market(decisions, OPTIONS)
            mine = ours(outcomes, limits(outcomes, ratio=rival != "contour"))
            del outcomes
            found = apart(rival, decisions, asked.limit)
            for name, result in (("pricebid", mine), (rival, found)):
                rows.append({"solver": name, "decisions": decisions, **result})
                print(line(name, decisions, result, mine), flush=True)
    return rows


if __name__ == "__main__":
    main()
