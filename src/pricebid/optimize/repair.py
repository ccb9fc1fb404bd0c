"""From the dual's mixture of plans to one plan within the limits.

What a plan lacks to the bound is exactly what its picks lose against the best options at the shadow prices, plus the worth
of the slack it leaves: ``bound - value = sum of losses + multipliers . slack``. So the search looks only at options that
lose almost nothing and exchanges them, one or two at a time, until the slack is worth almost nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from pricebid.optimize.blocks import applied, block_moves, variants
from pricebid.optimize.exact import slack_of
from pricebid.optimize.exchange import Exchange, Moves
from pricebid.optimize.grove import Grove
from pricebid.optimize.pool import Pool, weyl
from pricebid.optimize.rules import offenders
from pricebid.optimize.tangle import mend

if TYPE_CHECKING:
    from pricebid.optimize._types import Floats, Ints
    from pricebid.optimize.dual import Dual
    from pricebid.optimize.problem import Problem

_STARTS = 4
_UNITS = 2_000
_PLANS = 12
_CHANGES = 4_000
_BLOCK_ROUNDS = 3
_MENDING = 20.0


@dataclass(frozen=True, kw_only=True, eq=False)
class Repaired:
    """A plan from the dual.

    Parameters
    ----------
    option : int64[decision]
        The picks.
    holds : bool
        Whether all limits hold.
    lacking : float
        What the plan's value lacks to the bound (scaled), or in an elastic search its sum of violations.
    """

    option: Ints
    holds: bool
    lacking: float


def repair(problem: Problem, dual: Dual, *, aim: float, enough: float, elastic: bool = False) -> Repaired:
    """The best plan that a few roundings of the dual's mixture lead to by exchange.

    Parameters
    ----------
    problem : Problem
        As built.
    dual : Dual
        Its solved dual.
    aim : float
        A search ends when the plan is within this of the bound (scaled)...
    enough : float
        ...and no further rounding is tried where it came within this.
    elastic : bool
        Look for the least violation instead.
    """
    oracle = dual.oracle
    losses = oracle.losses(dual.multipliers) if isinstance(oracle, Pool) else -_scores(oracle, dual.multipliers)
    starts = _STARTS
    if isinstance(oracle, Grove) and oracle.web.tangled.any():
        dual, starts = _lawful(problem, dual, oracle, -losses), 1
    best: Repaired | None = None
    for start in range(starts):
        option = mixture(dual, start / _STARTS)
        if len(oracle) and len(problem.rhs):
            if isinstance(oracle, Pool):
                option = _exchanged(problem, dual, losses, option, enough=aim, elastic=elastic)
            else:
                option = _blocks_exchanged(problem, dual, losses, option, enough=aim, elastic=elastic)
        found = _judged(problem, dual, option, elastic=elastic)
        if best is None or (not found.holds, found.lacking) < (not best.holds, best.lacking):
            best = found
        if best.holds and best.lacking <= enough:
            break
    assert best is not None  # noqa: S101 - there is at least one start
    return best


def _lawful(problem: Problem, dual: Dual, grove: Grove, scores: Floats) -> Dual:
    """The dual's plans that matter, brought within all rules where the forest is but a relaxation of them."""
    used = np.flatnonzero(dual.weights.max(axis=1) > 1e-9)
    used = np.union1d(used, np.arange(max(0, len(dual.cuts) - _PLANS), len(dual.cuts)))
    block = grove.blocks()
    safe, known = dual.option.copy(), np.zeros(int(block.max()) + 1, dtype=bool)
    cuts = []
    for cut in (dual.cuts[at] for at in used):
        option = grove.legal(grove.pool.scores(cut.multipliers))
        wrong = np.concatenate([offenders(rule, option) for rule in problem.rules])
        if len(wrong):
            bad = np.zeros_like(known)
            bad[block[wrong]] = True
            if np.any(bad & ~known):
                mended = mend(problem, option, scores, seconds=_MENDING)
                assert mended is not None  # noqa: S101 - rules that leave nothing were refused before
                safe[bad[block]] = mended[bad[block]]
                known |= bad
            option = np.where(bad[block], safe, option)
        cuts.append(replace(cut, option=option))
    return replace(dual, cuts=tuple(cuts), weights=dual.weights[used], option=cuts[-1].option)


def mixture(dual: Dual, phase: float = 0.0) -> Ints:
    """Round the dual's mixture of plans: each open unit takes one of them, in proportion to their shares.

    Which one follows the Weyl sequence, so every stretch of units holds the proportions; the totals miss the
    mixture's by a few units, whatever the size. Another `phase` in [0, 1) gives another rounding. Returns
    int64[decision].
    """
    option = dual.option.copy()
    oracle = dual.oracle
    if not len(oracle):
        return option
    index, group, unit = _units(dual)
    used = np.flatnonzero(dual.weights.max(axis=1) > 1e-9)
    # Column g of the table: cumulative shares of the cuts in the group g.
    table = np.cumsum(dual.weights[used], axis=0)
    spot = (weyl(unit) + phase) % 1.0
    reached = (spot[None, :] >= table[:, group]).sum(axis=0)
    cuts = np.stack([dual.cuts[cut].option for cut in used])
    option[index] = cuts[np.minimum(reached, len(used) - 1), np.arange(len(index))]
    return option


def _units(dual: Dual) -> tuple[Ints, Ints, Ints]:
    """Places, groups of cuts and units (decisions, or blocks of them) of the open decisions."""
    oracle = dual.oracle
    if isinstance(oracle, Grove):
        return np.arange(len(oracle)), oracle.pool.group[oracle.cells()], oracle.blocks()
    assert isinstance(oracle, Pool)  # noqa: S101 - there are two kinds of oracle
    return oracle.index, oracle.group[oracle.cells()], np.arange(len(oracle))


def _scores(oracle: object, multipliers: Floats) -> Floats:
    assert isinstance(oracle, Grove)  # noqa: S101 - there are two kinds of oracle
    return oracle.pool.scores(multipliers)


def _judged(problem: Problem, dual: Dual, option: Ints, *, elastic: bool) -> Repaired:
    picked = problem.picked(option)
    slack = problem.rhs - problem.usage(picked)
    lacking = float(np.maximum(-slack, 0.0).sum()) if elastic else dual.bound - problem.gain(picked)
    return Repaired(option=option, holds=bool(np.all(slack >= -problem.slips)), lacking=lacking)


def _search(problem: Problem, dual: Dual, moves: Moves, option: Ints, *, elastic: bool) -> Exchange:
    return Exchange(
        moves=moves,
        multipliers=np.zeros_like(dual.multipliers) if elastic else dual.multipliers,
        slack=slack_of(problem, option),
        slips=problem.slips,
        elastic=elastic,
    )


def _exchanged(problem: Problem, dual: Dual, losses: Floats, option: Ints, *, enough: float, elastic: bool) -> Ints:
    """A rounding improved by moving the decisions nearest to a tie."""
    pool = dual.oracle
    assert isinstance(pool, Pool)  # noqa: S101 - the caller looked
    everyone = np.arange(len(pool))
    here = option[pool.index]
    second = losses.copy()
    second[everyone, here] = np.inf
    count = min(_UNITS, len(pool))
    near = np.sort(np.argpartition(second.min(axis=1), count - 1)[:count])
    decision, pick = np.nonzero(np.isfinite(losses[near]))
    moves = _moves(problem, pool.index[near], (decision, pick), losses[near], here[near])
    # What the decisions that stay lose is not in the search's hands.
    stays = losses[everyone, here].sum() - losses[near, here[near]].sum()
    search = _search(problem, dual, moves, option, elastic=elastic)
    search.run(enough - float(stays))
    out = option.copy()
    out[pool.index[near[decision[search.at]]]] = pick[search.at]
    return out


def _moves(problem: Problem, index: Ints, named: tuple[Ints, Ints], losses: Floats, here: Ints) -> Moves:
    decision, pick = named
    outcomes = np.stack([array[index[decision], pick] for array in problem.arrays])
    member = problem.member[problem.cells()[index[decision]]]
    start = np.zeros(len(index), dtype=np.int64)
    at_home = pick == here[decision]
    start[decision[at_home]] = np.flatnonzero(at_home)
    return Moves(unit=decision, usage=(problem.rows @ outcomes) * member.T, loss=losses[decision, pick], start=start)


def _blocks_exchanged(
    problem: Problem, dual: Dual, losses: Floats, option: Ints, *, enough: float, elastic: bool
) -> Ints:
    """A rounding improved by switching blocks between the dual's plans, and single options where the rules let them."""
    grove = dual.oracle
    assert isinstance(grove, Grove)  # noqa: S101 - the caller looked
    everyone = np.arange(len(grove))
    near = sorted(dual.cuts, key=lambda cut: float(losses[everyone, cut.option].sum()))[:_PLANS]
    for _ in range(_BLOCK_ROUNDS):
        before = option
        found = variants(grove, np.stack([option, *(cut.option for cut in near)]), losses, most=_CHANGES)
        moves = block_moves(problem, grove, found, -losses)
        search = _search(problem, dual, moves, option, elastic=elastic)
        search.run(enough)
        option = applied(grove, found, search.at)
        if (search.lost <= enough and not search.broken) or np.array_equal(option, before):
            break
    return option
