"""An integer program over the options that could still make a plan better."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from pricebid.optimize.program import Program, solve
from pricebid.optimize.tangle import Columns

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


_NOTHING = np.empty(0, dtype=np.int64)


def decide(problem: Problem, keep: Bools, *, effort: Effort, gap: float, target: float) -> Decided:
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
    target : float
        Objective (scaled) at which it may stop.
    """
    option = keep.argmax(axis=1)
    open_ = keep.sum(axis=1) > 1
    if problem.web is not None:
        # Rules reach settled decisions too: every block with an open decision is decided as a whole.
        block = problem.web.block[: len(option)]
        open_ = np.isin(block, block[open_])
    if not open_.any():
        holds = bool(np.all(slack_of(problem, option) >= -problem.slips))
        return Decided(status="optimal" if holds else "infeasible", option=option if holds else _NOTHING)
    columns = Columns.of(problem, keep & open_[:, None])
    usage, gain = _priced(problem, columns)
    settled = problem.picked(option) * ~open_
    room, target = problem.rhs - problem.usage(settled), target - problem.gain(settled)
    tight = np.zeros(len(room))
    for _ in range(3):
        answer = solve(_program(columns, usage, gain, room - tight), seconds=effort.seconds, gap=gap, target=target)
        if not len(answer.x):
            return Decided(status=answer.status, option=_NOTHING)
        taken = np.flatnonzero(answer.x[: len(columns.decision)] > 0.5)
        option[columns.decision[taken]] = columns.pick[taken]
        slack = slack_of(problem, option)
        if np.all(slack >= -problem.slips):
            return Decided(status=answer.status, option=option)
        # The solver's own tolerance let a limit slip: ask for that much more.
        tight = tight + np.where(slack < -problem.slips, -2.0 * slack, 0.0)
    return Decided(status="unknown", option=_NOTHING)


def elastic(problem: Problem, *, effort: Effort) -> Ints:
    """The plan whose limits miss least in sum (scaled), by an integer program over all options; empty where unknown."""
    from scipy.sparse import csr_array, eye_array, hstack, vstack

    keep = np.ones(problem.shape, dtype=bool) if problem.available is None else problem.available
    columns = Columns.of(problem, keep)
    usage, _ = _priced(problem, columns)
    limits, size = usage.shape
    give = csr_array((columns.matrix.shape[0], limits))
    above = hstack([csr_array(usage), -eye_array(limits)])
    matrix = csr_array(vstack([above, hstack([columns.matrix, give])]))
    program = Program(
        gain=np.append(np.zeros(size), -np.ones(limits)),
        matrix=matrix,
        low=np.append(np.full(limits, -np.inf), columns.low),
        high=np.append(problem.rhs, columns.high),
        upper=np.append(np.ones(size), np.full(limits, np.inf)),
        integer=np.arange(size + limits) < len(columns.decision),
    )
    answer = solve(program, seconds=effort.seconds)
    if not len(answer.x):
        return _NOTHING
    option = np.asarray(keep.argmax(axis=1))
    taken = np.flatnonzero(answer.x[: len(columns.decision)] > 0.5)
    option[columns.decision[taken]] = columns.pick[taken]
    return option


def slack_of(problem: Problem, option: Ints) -> Floats:
    """Scaled slack of every row at a choice, float64[limit]."""
    return problem.rhs - problem.usage(problem.picked(option))


def _program(columns: Columns, usage: Floats, gain: Floats, room: Floats, *, whole: bool = True) -> Program:
    from scipy.sparse import csr_array, vstack

    size = len(gain)
    return Program(
        gain=gain,
        matrix=csr_array(vstack([csr_array(usage), columns.matrix])),
        low=np.append(np.full(len(room), -np.inf), columns.low),
        high=np.append(room, columns.high),
        upper=np.ones(size),
        integer=(np.arange(size) < len(columns.decision)) & whole,
    )


def _priced(problem: Problem, columns: Columns) -> tuple[Floats, Floats]:
    """Usage, float64[limit, column], and gain, float64[column], of the columns; 0 for the extra ones."""
    decision = columns.decision
    outcomes = np.stack([array[decision, columns.pick] for array in problem.arrays])
    cells = problem.cells()[decision]
    usage = (problem.rows @ outcomes) * problem.member[cells].T
    gain = np.einsum("oc,co->c", outcomes, problem.objective[cells])
    return np.pad(usage, ((0, 0), (0, columns.extra))), np.pad(gain, (0, columns.extra))
