"""Find prices where outcomes depend on each other: linearise, choose, climb, settle, certify.

At any prices, the table of single moves is exact and its picks are what the kernel chooses within the limits. The picks
move many offers at once, so each cluster of interacting offers climbs towards them only as far as the true Lagrangian
rises; a fixed point is a plan that no single move improves. Ladders are sampled coarsely first and finely near the
picks. Limits are then settled on true totals, and the whole ladder is searched once more for the bound.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pricebid.errors import Infeasible
from pricebid.optimize import Effort
from pricebid.pricing.economics import OBJECTIVE, excesses, limit_totals
from pricebid.pricing.problem import lagrangian, pick, right_sides
from pricebid.pricing.side import relax

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pricebid.optimize import Limit
    from pricebid.pricing.grid import Options
    from pricebid.pricing.problem import Outcomes, PriceProblem

# How far towards the picks each cluster may go: beyond 1 because substitutes follow each other.
_STRIDES = (1.0, 0.5, 0.2, 1.6, 2.5)
_HALF = 10
_FINER = 5
_BOUND_WIDTH = 32
_SAME = 1e-12
_QUICK = Effort(gap=1e-5, milp_options=0)
_CAREFUL = Effort(gap=1e-7, milp_options=2_000)
_THOROUGH = Effort()


@dataclass(frozen=True, kw_only=True, eq=False)
class Found:
    """Prices, and the proof of how good they are.

    Parameters
    ----------
    price : float64[offer]
        The prices.
    value : float
        True objective there, every cross effect included.
    bound : float
        Lagrangian bound over the whole ladder; of single moves from the plan where offers interact.
    shadow_prices : float64[limit]
        Objective gained per unit by which a limit's row is relaxed.
    exact : bool
        The bound holds for every plan (no interaction, or every plan was tried), not only for the linearised problem.
    """

    price: NDArray[np.float64]
    value: float
    bound: float
    shadow_prices: NDArray[np.float64]
    exact: bool

    @property
    def gap(self) -> float:
        """(bound - value) / max(|value|, |bound|), at least 0."""
        size = max(abs(self.value), abs(self.bound))
        return max(0.0, self.bound - self.value) / size if size > 0 else 0.0


@dataclass(kw_only=True, eq=False)
class _Best:
    """The best prices so far that keep everything."""

    price: NDArray[np.float64] | None = None
    value: float = -np.inf

    def offer(self, problem: PriceProblem, price: NDArray[np.float64], outcomes: Outcomes) -> bool:
        """Take the prices if they keep everything and are worth more; return whether they keep everything."""
        if not problem.feasible(price, outcomes):
            return False
        value = float(outcomes[OBJECTIVE].sum())
        if value > self.value:
            self.price, self.value = price.copy(), value
        return True


def search(problem: PriceProblem, start: NDArray[np.float64]) -> Found:
    """Return the best prices found, never worse than ``start`` where that keeps everything.

    Parameters
    ----------
    problem : PriceProblem
        What is asked.
    start : float64[offer]
        Prices to start from, options of their ladders (current prices where they are).

    Raises
    ------
    Infeasible
        No prices were found that keep the limits on true totals.
    """
    climber = _Climber(problem)
    climber.best.offer(problem, start, problem.outcomes(start))
    price = climber.climb(start)
    if problem.limits:
        climber.settle(price)
    if climber.best.price is None:
        raise climber.conflict or Infeasible("no prices were found that keep every limit once cross effects are counted")
    return climber.certify()


class _Climber:
    """One search: the problem, what is known so far, and the moves."""

    def __init__(self, problem: PriceProblem) -> None:
        self.problem = problem
        self.best = _Best()
        self.shadow = np.zeros(len(problem.limits))
        self.conflict: Infeasible | None = None
        self.cluster = problem.clusters()
        self.alone = not problem.couples and not len(problem.side)

    def climb(self, price: NDArray[np.float64]) -> NDArray[np.float64]:
        """Refine from the coarse to the full ladder, climbing to a fixed point at each spacing."""
        spacing = self.problem.ladder.spacing(_HALF)
        while True:
            price = self.rounds(price, spacing, most=15)
            if (spacing == 1).all():
                return price
            spacing = np.maximum(1, spacing // _FINER)

    def rounds(self, price: NDArray[np.float64], spacing: NDArray[np.int64], *, most: int) -> NDArray[np.float64]:
        """Linearise, choose and climb until nothing moves."""
        for _ in range(most):
            options = self.problem.ladder.around(price, spacing, _HALF)
            table = self.problem.table(price, options)
            picks = self.choose(table, options, right_sides(self.problem.limits), _QUICK)
            target = options.pick(picks)
            if self.problem.limits:
                self.best.offer(self.problem, target, self.problem.outcomes(target))
            moved = self.ascend(price, target, (table, options))
            if (moved == price).all():
                break
            price = moved
            if self.alone and not self.problem.limits:
                break
        self.best.offer(self.problem, price, self.problem.outcomes(price))
        return price

    def choose(
        self, table: Outcomes, options: Options, right: NDArray[np.float64], effort: Effort
    ) -> NDArray[np.int64]:
        """Pick within limits and side rules, and learn the shadow prices; give way where limits conflict for now."""
        allowed = options.allowed
        limits = self.problem.limits
        if len(self.problem.side):
            allowed = relax(self.problem.side, options, lagrangian(table, limits, self.shadow)).allowed
        for at_hand in (effort, _THOROUGH):
            try:
                picks, self.shadow = pick(table, allowed, limits, right, start=self.shadow, effort=at_hand)
            except Infeasible as conflict:
                self.conflict = conflict
                if conflict.conflicts:
                    break
            else:
                self.conflict = None
                return picks
        if self.conflict is None or not self.conflict.conflicts:
            raise self.conflict or Infeasible("no prices within the limits were found")
        eased = _eased(self.conflict, limits, right)
        picks, self.shadow = pick(table, allowed, limits, eased, start=self.shadow, effort=_THOROUGH)
        return picks

    def ascend(
        self, price: NDArray[np.float64], target: NDArray[np.float64], single: tuple[Outcomes, Options]
    ) -> NDArray[np.float64]:
        """Move each cluster towards the target as far as its true Lagrangian rises; else by its best single move."""
        if self.alone:
            return target
        n = int(self.cluster.max()) + 1
        merit = self.merit(price, n)
        best, moved = merit.copy(), price.copy()
        steps = [price + stride * (target - price) for stride in _STRIDES]
        for at, step in enumerate(steps):
            candidate = target if at == 0 else self.problem.ladder.nearest(step)
            best, moved = self._better(candidate, best, moved)
        stuck = (best <= merit + _SAME * np.abs(merit))[self.cluster]
        if stuck.any():
            lone = self._best_single(price, single)
            best, moved = self._better(np.where(stuck, lone, moved), best, moved)
        return moved

    def _better(
        self, candidate: NDArray[np.float64], best: NDArray[np.float64], moved: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Take the candidate in the clusters whose merit it raises by more than rounding."""
        merit = self.merit(candidate, len(best))
        wins = merit > best + np.where(np.isfinite(best), _SAME * np.abs(best), 0.0)
        return np.where(wins, merit, best), np.where(wins[self.cluster], candidate, moved)

    def merit(self, price: NDArray[np.float64], n: int) -> NDArray[np.float64]:
        """Return the true Lagrangian of each cluster, -inf where a side rule is broken; float64[cluster]."""
        worth = lagrangian(self.problem.outcomes(price), self.problem.limits, self.shadow)
        merit = np.bincount(self.cluster, weights=worth, minlength=n)
        if len(self.problem.side):
            low = self.problem.side.pairs()[0]
            merit[self.cluster[low[self.problem.side.broken(price)]]] = -np.inf
        return merit

    def _best_single(self, price: NDArray[np.float64], single: tuple[Outcomes, Options]) -> NDArray[np.float64]:
        """Return the prices with, in each cluster, only the most valuable single move made."""
        table, options = single
        worth = np.where(options.allowed, lagrangian(table, self.problem.limits, self.shadow), -np.inf)
        rows = np.arange(len(price))
        here = worth[rows, options.index(price)]
        option = worth.argmax(axis=1)
        gain = worth[rows, option] - here
        order = np.lexsort((gain, self.cluster))
        last = np.append(np.flatnonzero(np.diff(self.cluster[order])), len(order) - 1)
        movers = order[last]
        movers = movers[gain[movers] > 0]
        moved = price.copy()
        moved[movers] = options.pick(option)[movers]
        return moved

    def settle(self, price: NDArray[np.float64], *, most: int = 25) -> None:
        """Make limits hold on true totals: take the kernel's picks whole, tighten what they break, linearise again."""
        limits = self.problem.limits
        right, margin = right_sides(limits), np.zeros(len(limits))
        half, kept, since = _HALF, 0, self.best.value
        for _ in range(most):
            options = self.problem.ladder.around(price, np.ones(len(price), dtype=np.int64), half)
            signs = np.array([limit.sign for limit in limits])
            picks = self.choose(self.problem.table(price, options), options, right - signs * margin, _CAREFUL)
            price = options.pick(picks)
            outcomes = self.problem.outcomes(price)
            if self.best.offer(self.problem, price, outcomes):
                kept += 1
                margin *= 0.5
                if kept >= 2 and self.best.value - since <= 1e-9 * abs(self.best.value):
                    break
                since = self.best.value
            else:
                over = _row_excess(outcomes, self.problem, right)
                margin = np.where(over > 0, margin + 1.1 * over, 0.5 * margin)
                half = max(2, half - 1)

    def certify(self) -> Found:
        """Search the whole ladder from the best prices; climb again where it holds something better."""
        for _ in range(4):
            bound, target = self.whole(self._price)
            found = Found(
                price=self._price, value=self.best.value, bound=bound, shadow_prices=self.shadow, exact=not self.problem.couples
            )
            if found.gap <= 1e-9 or target is None:
                break
            before = self.best.value
            price = self.rounds(target, np.ones(len(target), dtype=np.int64), most=15)
            if self.problem.limits:
                self.settle(price)
            if self.best.value <= before + 1e-9 * abs(before):
                break
        bound, _ = self.whole(self._price)
        return Found(
            price=self._price, value=self.best.value, bound=max(bound, self.best.value),
            shadow_prices=self.shadow, exact=not self.problem.couples,
        )  # fmt: skip

    @property
    def _price(self) -> NDArray[np.float64]:
        if self.best.price is None:
            raise Infeasible("no prices were found that keep every limit once cross effects are counted")
        return self.best.price

    def whole(self, price: NDArray[np.float64]) -> tuple[float, NDArray[np.float64] | None]:
        """Return the Lagrangian bound over every option of the ladder, and better prices it holds (None: none).

        With side rules the bound leaves them out, which only raises it.
        """
        ladder, limits = self.problem.ladder, self.problem.limits
        top = lagrangian(self.problem.outcomes(price), limits, self.shadow)
        here, best = top.copy(), price.copy()
        for start in range(0, max(1, int(ladder.sizes.max(initial=0))), _BOUND_WIDTH):
            options = ladder.chunk(start, _BOUND_WIDTH)
            worth = np.where(options.allowed, lagrangian(self.problem.table(price, options), limits, self.shadow), -np.inf)
            option = worth.argmax(axis=1)
            value = worth[np.arange(len(price)), option]
            wins = value > top
            top, best = np.where(wins, value, top), np.where(wins, options.pick(option), best)
        constant = sum(
            limit.sign * shadow * side
            for limit, shadow, side in zip(limits, self.shadow, right_sides(limits), strict=True)
        )
        better = None
        if (top > here + _SAME * np.abs(here)).any() and not len(self.problem.side):
            better = self.ascend(price, best, self._single(price, best))
            if (better == price).all():
                better = None
        return float(top.sum() + constant), better

    def _single(self, price: NDArray[np.float64], best: NDArray[np.float64]) -> tuple[Outcomes, Options]:
        from pricebid.pricing.grid import Options  # noqa: PLC0415

        options = Options.of(np.stack([price, best], axis=1))
        return self.problem.table(price, options), options


def _row_excess(outcomes: Outcomes, problem: PriceProblem, right: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return by how much each limit's row goes beyond its right side, 0 where the limit holds; float64[limit]."""
    from pricebid.pricing.problem import row_of  # noqa: PLC0415

    over = excesses(limit_totals(outcomes, problem.limits), problem.limits) > 0
    rows = np.array([limit.sign * (row_of(outcomes, limit).sum() - side) for limit, side in zip(problem.limits, right, strict=True)])
    return np.where(over, np.maximum(rows, 0.0), 0.0)


def _eased(conflict: Infeasible, limits: tuple[Limit, ...], right: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return right sides that give as much as the conflict says is needed, and a hair more; float64[limit]."""
    eased = right.copy()
    for one in conflict.conflicts:
        for at, limit in enumerate(limits):
            if one.name == limit.title:
                eased[at] = one.reachable + limit.sign * 1e-7 * max(1.0, abs(one.reachable))
    return eased
