"""`choose`: one option per decision, the objective highest, every limit held, and how good that is at most."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np

from pricebid.errors import InputError
from pricebid.optimize.limits import Choice, Effort, relative_gap
from pricebid.optimize.problem import Objective, Problem, build
from pricebid.optimize.relax import check_rules, infeasible, reached
from pricebid.optimize.solve import NoPlan, Solved, oracle_of, solve_problem

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray

    from pricebid.optimize._types import Floats
    from pricebid.optimize.limits import Limit
    from pricebid.optimize.rules import Rule

_DEFAULT = Effort()


def choose(
    outcomes: Mapping[str, NDArray[np.float64]],
    *,
    maximise: Objective,
    limits: Sequence[Limit] = (),
    available: NDArray[np.bool_] | None = None,
    rules: Sequence[Rule] = (),
    start: ArrayLike | None = None,
    effort: Effort = _DEFAULT,
) -> Choice:
    """Pick one option per decision so that the objective is highest and every limit holds.

    Parameters
    ----------
    outcomes : mapping of str to float64[decision, option]
        Expected outcomes of every option. Decisions with fewer options leave the rest out by `available`.
    maximise : str or mapping of str to float
        The outcome whose total is maximised, or weights of several.
    limits : sequence of Limit
        Bounds on totals and on ratios of totals. Held to ``1e-9 * max(1, |bound|)``.
    available : bool[decision, option], optional
        Options that may be picked; all where not given. Outcomes of others are not read (they may be NaN).
    rules : sequence of Order and Spread, optional
        Side rules between single decisions.
    start : float64[limit], optional
        Shadow prices near the optimum, from a choice made before: a warm start.
    effort : Effort, optional
        Gap to reach and limits on the work.

    Returns
    -------
    Choice
        Picks, value, a bound that anyone can recompute (`lagrangian_bound`), shadow prices.

    Raises
    ------
    InputError
        Where the arguments make no sense; the message says which, why and the remedy.
    Infeasible
        Where the limits cannot all hold: with the smallest relaxation of each that would help.

    Notes
    -----
    The Lagrangian dual is minimised by cutting planes (Kelley 1960) on a sample first and then on the few decisions
    that are still open near its optimum; rounding and exchanges among near-tied options make a plan of it; what gap
    remains is closed by an integer program over the options that could still matter. See ``docs/optimiser.md``.

    Examples
    --------
    Two products at three prices each; at least 21 units have to be sold in all.

    >>> import numpy as np
    >>> from pricebid.optimize import Limit, choose
    >>> profit = np.array([[10.0, 14.0, 12.0], [20.0, 26.0, 24.0]])
    >>> units = np.array([[12.0, 9.0, 5.0], [14.0, 10.0, 6.0]])
    >>> choice = choose({"profit": profit, "units": units}, maximise="profit", limits=[Limit("units", at_least=21.0)])
    >>> choice.option.tolist(), choice.value, choice.status
    ([0, 1], 36.0, 'optimal')
    """
    began = perf_counter()
    limits = tuple(limits)
    problem = build(outcomes, maximise, limits, available, rules)
    check_rules(problem)
    multipliers = None if start is None else problem.scale(_shadow_prices(start, len(limits)))
    try:
        solved = solve_problem(problem, effort=effort, start=multipliers)
    except NoPlan as finding:
        raise infeasible(problem, limits, effort=effort, proven=finding.proven) from None
    return _choice(problem, limits, solved, effort=effort, began=began)


def lagrangian_bound(
    outcomes: Mapping[str, NDArray[np.float64]],
    *,
    maximise: Objective,
    limits: Sequence[Limit] = (),
    available: NDArray[np.bool_] | None = None,
    rules: Sequence[Rule] = (),
    shadow_prices: ArrayLike,
) -> float:
    """The certificate: no choice within the limits is worth more than this, for any shadow prices >= 0.

    ``sum over limits of price * bound + sum over decisions of the best option's objective minus its usage at the
    prices``; for a ratio the bound is 0 and the usage ``num - ratio * den``.

    Parameters
    ----------
    outcomes, maximise, limits, available, rules
        As given to `choose`.
    shadow_prices : float64[limit]
        Any, >= 0; those of a `Choice` give its bound.

    Returns
    -------
    float
        In the objective's unit.

    Raises
    ------
    InputError
        As `choose`, or for a negative or missing price.

    Examples
    --------
    >>> import numpy as np
    >>> from pricebid.optimize import Limit, lagrangian_bound
    >>> outcomes = {"profit": np.array([[1.0, 3.0]]), "units": np.array([[5.0, 2.0]])}
    >>> limits = [Limit("units", at_least=2.0)]
    >>> lagrangian_bound(outcomes, maximise="profit", limits=limits, shadow_prices=[0.5])
    3.0
    """
    limits = tuple(limits)
    problem = build(outcomes, maximise, limits, available, rules)
    multipliers = problem.scale(_shadow_prices(shadow_prices, len(limits)))
    return oracle_of(problem).evaluate(multipliers).lagrangian(problem.rhs) * problem.value_scale


def totals(outcomes: Mapping[str, NDArray[np.float64]], option: NDArray[np.int64]) -> dict[str, float]:
    """Total of every outcome over the picked options.

    Parameters
    ----------
    outcomes : mapping of str to float64[decision, option]
        As given to `choose`.
    option : int64[decision]
        Option picked per decision.

    Returns
    -------
    dict of str to float
        In the order of `outcomes`.

    Examples
    --------
    >>> import numpy as np
    >>> totals({"units": np.array([[1.0, 2.0], [3.0, 4.0]])}, np.array([1, 0]))
    {'units': 5.0}
    """
    every = np.arange(len(option))
    return {name: float(np.asarray(array)[every, option].sum()) for name, array in outcomes.items()}


def _shadow_prices(given: ArrayLike, limits: int) -> Floats:
    prices = np.asarray(given, dtype=np.float64)
    if prices.shape != (limits,):
        raise InputError(f"shadow prices have shape {prices.shape}; there are {limits} limits: give one each, in order")
    if not np.all(np.isfinite(prices) & (prices >= 0)):
        raise InputError(f"shadow prices {prices.tolist()} must be finite and >= 0")
    return prices


def _choice(problem: Problem, limits: tuple[Limit, ...], solved: Solved, *, effort: Effort, began: float) -> Choice:
    picked = problem.picked(solved.option)
    value = problem.gain(picked) * problem.value_scale
    bound = max(solved.bound * problem.value_scale, value)
    got = np.array([reached(problem, limit, row, picked) for row, limit in enumerate(limits)]).reshape(len(limits))
    signs = np.array([limit.sign for limit in limits]).reshape(len(limits))
    bounds = np.array([limit.bound for limit in limits]).reshape(len(limits))
    gap = relative_gap(value, bound)
    return Choice(
        option=solved.option,
        value=value,
        bound=bound,
        gap=gap,
        status="optimal" if solved.proven or gap <= effort.gap else "feasible",
        shadow_prices=problem.unscale(solved.multipliers),
        totals=got,
        slacks=signs * (bounds - got),
        seconds=perf_counter() - began,
    )
