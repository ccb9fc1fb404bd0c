"""Exchange moves for problems with side rules: whole blocks switch between picks that keep the rules."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pricebid.optimize.exchange import Moves

if TYPE_CHECKING:
    from pricebid.optimize._types import Floats, Ints
    from pricebid.optimize.grove import Grove
    from pricebid.optimize.problem import Problem


@dataclass(frozen=True, kw_only=True, eq=False)
class Variants:
    """Ways in which single blocks can be picked.

    Parameters
    ----------
    block : int64[variant]
        Whose; sorted.
    base : int64[variant]
        The plan (row of `plans`) it follows...
    decision, pick : int64[variant]
        ...except for this one option; -1 where it follows the plan throughout.
    plans : int64[plan, decision]
        Plans that keep the rules.
    """

    block: Ints
    base: Ints
    decision: Ints
    pick: Ints
    plans: Ints


def variants(grove: Grove, plans: Ints, losses: Floats, *, most: int) -> Variants:
    """Blocks as picked in several plans, and the first plan's blocks with one option changed.

    Parameters
    ----------
    grove : Grove
        The rules.
    plans : int64[plan, decision]
        Plans that keep the rules; the first is where the search stands.
    losses : float64[decision, option]
        Negative scores; only differences inside a decision matter.
    most : int
        How many changes of one option, the ones that lose least.
    """
    block = grove.blocks()
    count = int(block.max()) + 1
    differs = np.zeros((len(plans), count), dtype=bool)
    differs[0] = True
    for row in range(1, len(plans)):
        changed = np.zeros(count, dtype=bool)
        changed[block[plans[row] != plans[0]]] = True
        differs[row] = changed
    base, whole = np.nonzero(differs)
    free = grove.neighbours(plans[0])
    everyone = np.arange(len(block))
    free[everyone, plans[0]] = False
    decision, pick = np.nonzero(free)
    cost = losses[decision, pick] - losses[decision, plans[0][decision]]
    few = np.argsort(np.abs(cost), kind="stable")[:most]
    decision, pick = decision[few], pick[few]
    none = np.full(len(whole), -1)
    owner = np.concatenate([whole, block[decision]])
    order = np.argsort(owner, kind="stable")
    return Variants(
        block=owner[order],
        base=np.concatenate([base, np.zeros(len(few), dtype=np.int64)])[order],
        decision=np.concatenate([none, decision])[order],
        pick=np.concatenate([none, pick])[order],
        plans=plans,
    )


def block_moves(problem: Problem, grove: Grove, found: Variants, scores: Floats) -> Moves:
    """Usage and loss of every variant; blocks without alternatives are left out by the caller's choice of variants."""
    block = grove.blocks()
    count = int(block.max()) + 1
    usage, score = [], []
    for plan in found.plans:
        mine, points = _per_block(problem, plan, scores, block, count)
        usage.append(mine)
        score.append(points)
    rows, points = np.stack(usage)[found.base, :, found.block].T, np.stack(score)[found.base, found.block]
    changed = np.flatnonzero(found.decision >= 0)
    decision, pick = found.decision[changed], found.pick[changed]
    now = found.plans[found.base[changed], decision]
    swap = np.stack([array[decision, pick] - array[decision, now] for array in problem.arrays])
    rows[:, changed] += (problem.rows @ swap) * problem.member[problem.cells()[decision]].T
    points[changed] += scores[decision, pick] - scores[decision, now]
    top = np.full(count, -np.inf)
    np.maximum.at(top, found.block, points)
    start = np.zeros(count, dtype=np.int64)
    home = np.flatnonzero((found.base == 0) & (found.decision < 0))
    start[found.block[home]] = home
    return Moves(unit=found.block, usage=rows, loss=top[found.block] - points, start=start)


def applied(grove: Grove, found: Variants, at: Ints) -> Ints:
    """The plan in which every block stands at its variant, int64[decision]."""
    block = grove.blocks()
    option = found.plans[found.base[at][block], np.arange(len(block))].copy()
    changed = at[found.decision[at] >= 0]
    option[found.decision[changed]] = found.pick[changed]
    return option


def _per_block(problem: Problem, plan: Ints, scores: Floats, block: Ints, count: int) -> tuple[Floats, Floats]:
    """Usage, float64[limit, block], and score, float64[block], of a plan."""
    each = (problem.rows @ problem.picked(plan)) * problem.member[problem.cells()].T
    usage = np.zeros((len(problem.rhs), count))
    for row, line in enumerate(each):
        usage[row] = np.bincount(block, line, minlength=count)
    points = np.bincount(block, scores[np.arange(len(plan)), plan], minlength=count)
    return usage, points.astype(np.float64)
