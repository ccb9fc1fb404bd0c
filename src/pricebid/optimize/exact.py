"""An integer program over the options that could still make a plan better."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from pricebid.optimize.program import Program, solve

if TYPE_CHECKING:
    from pricebid.optimize._types import Bools, Floats, Ints
    from pricebid.optimize.limits import Effort
    from pricebid.optimize.problem import Problem


@dataclass(frozen=True, kw_only=True, eq=False)
class Decided:
    """What the integer program made of the options it was given.

    Parameters
    ----------
    status : {"optimal", "feasible", "infeasible", "unknown"}
        About the given options alone.
    option : int64[decision]
        The picks; empty where there are none.
    """

    status: Literal["optimal", "feasible", "infeasible", "unknown"]
    option: Ints


def decide(problem: Problem, keep: Bools, *, effort: Effort, gap: float) -> Decided:
    """The best plan that picks only kept options.

    Parameters
    ----------
    problem : Problem
        As built.
    keep : bool[decision, option]
        Options in the running; at least one per decision. A decision with one is settled.
    effort : Effort
        Time limit.
    gap : float
        Absolute gap (scaled) at which the search may stop.
    """
    # Imported here: scipy.sparse takes longer than small problems.
    from scipy.sparse import coo_array  # noqa: PLC0415

    option = keep.argmax(axis=1)
    open_ = np.flatnonzero(keep.sum(axis=1) > 1)
    if not len(open_):
        holds = bool(np.all(slack_of(problem, option) >= -problem.slips))
        return Decided(status="optimal" if holds else "infeasible", option=option if holds else np.empty(0, np.int64))
    decision, pick = np.nonzero(keep[open_])
    usage, gain = _columns(problem, open_[decision], pick)
    settled = np.ones(len(option), dtype=bool)
    settled[open_] = False
    room = problem.rhs - problem.usage(problem.picked(option) * settled)
    limits, size = usage.shape
    row, column = np.nonzero(usage)
    matrix = coo_array(
        (
            np.append(usage[row, column], np.ones(size)),
            (np.append(row, limits + decision), np.append(column, np.arange(size))),
        ),
        shape=(limits + len(open_), size),
    ).tocsr()
    ones = np.ones(len(open_))
    tight = np.zeros(limits)
    for _ in range(3):
        program = Program(
            gain=gain,
            matrix=matrix,
            low=np.append(np.full(limits, -np.inf), ones),
            high=np.append(room - tight, ones),
            upper=np.ones(size),
            integer=np.ones(size, dtype=bool),
        )
        answer = solve(program, seconds=effort.seconds, gap=gap)
        if not len(answer.x):
            return Decided(status=answer.status, option=np.empty(0, np.int64))
        taken = np.flatnonzero(answer.x > 0.5)
        option[open_[decision[taken]]] = pick[taken]
        slack = slack_of(problem, option)
        if np.all(slack >= -problem.slips):
            return Decided(status=answer.status, option=option)
        # The solver's own tolerance let a limit slip: ask for that much more.
        tight = tight + np.where(slack < -problem.slips, -2.0 * slack, 0.0)
    return Decided(status="unknown", option=np.empty(0, np.int64))


def slack_of(problem: Problem, option: Ints) -> Floats:
    """Scaled slack of every row at a choice, float64[limit]."""
    return problem.rhs - problem.usage(problem.picked(option))


def _columns(problem: Problem, decision: Ints, pick: Ints) -> tuple[Floats, Floats]:
    """Usage, float64[limit, column], and gain, float64[column], of single options."""
    outcomes = np.stack([array[decision, pick] for array in problem.arrays])
    cells = problem.cells()[decision]
    usage = (problem.rows @ outcomes) * problem.member[cells].T
    return usage, np.einsum("oc,co->c", outcomes, problem.objective[cells])


def elastic(problem: Problem, *, effort: Effort) -> Ints:
    """The plan whose limits miss least in sum (scaled), by an integer program over all options; empty where unknown."""
    from scipy.sparse import coo_array  # noqa: PLC0415

    mask = problem.available
    keep = np.ones(problem.shape, dtype=bool) if mask is None else mask
    decision, pick = np.nonzero(keep)
    usage, _ = _columns(problem, decision, pick)
    limits, size = usage.shape
    row, column = np.nonzero(usage)
    give = np.arange(limits)
    matrix = coo_array(
        (
            np.concatenate([usage[row, column], np.ones(size), -np.ones(limits)]),
            (np.concatenate([row, limits + decision, give]), np.concatenate([column, np.arange(size), size + give])),
        ),
        shape=(limits + len(keep), size + limits),
    ).tocsr()
    ones = np.ones(len(keep))
    program = Program(
        gain=np.append(np.zeros(size), -np.ones(limits)),
        matrix=matrix,
        low=np.append(np.full(limits, -np.inf), ones),
        high=np.append(problem.rhs, ones),
        upper=np.append(np.ones(size), np.full(limits, np.inf)),
        integer=np.arange(size + limits) < size,
    )
    answer = solve(program, seconds=effort.seconds)
    if not len(answer.x):
        return np.empty(0, np.int64)
    option = np.zeros(len(keep), dtype=np.int64)
    taken = np.flatnonzero(answer.x[:size] > 0.5)
    option[decision[taken]] = pick[taken]
    return option
