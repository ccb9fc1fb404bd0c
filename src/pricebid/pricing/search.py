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
from pricebid.pricing.certify import Certificate, over_ladder
from pricebid.pricing.economics import OBJECTIVE, excesses, limit_totals
from pricebid.pricing.enumerate import enumerable, try_all
from pricebid.pricing.grid import Options
from pricebid.pricing.problem import Picks, lagrangian, pick, right_sides, row_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pricebid.optimize import Limit
    from pricebid.pricing.problem import Outcomes, PriceProblem

# How far towards the picks each cluster may go: beyond 1 because substitutes follow each other.
_STRIDES = (1.0, 0.5, 0.2, 1.6, 2.5)
_HALF = 10
_FINER = 5
_SAME = 1e-12
_QUICK = Effort(gap=1e-4, milp_options=0)
_CAREFUL = Effort(gap=1e-6, milp_options=0)
_REFUSED = 4  # times that limits may conflict, linearised where they nearly hold, before they are given up
_POLISH = Effort(gap=1e-6, milp_options=600)
_ENOUGH = 1e-6  # relative gain below which, under limits, a round is the last
_SMALL = 400  # offers up to which several starts are tried...
_FEW = 12  # ...and where there are limits


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


def search(problem: PriceProblem, start: NDArray[np.float64], *, near: NDArray[np.float64] | None = None) -> Found:
    """Return the best prices found, never worse than ``start`` or ``near`` where they keep everything.

    Parameters
    ----------
    problem : PriceProblem
        What is asked.
    start : float64[offer]
        Prices to start from, options of their ladders (current prices where they are).
    near : float64[offer], optional
        Prices of an earlier plan, from which to climb as well.

    Raises
    ------
    Infeasible
        No prices were found that keep the limits on true totals.
    """
    climber = _Climber(problem)
    climber.consider(start)
    climber.run(start)
    if near is not None:
        climber.consider(near)
        climber.run(problem.ladder.nearest(near))
    most = _FEW if problem.limits else _SMALL
    several = problem.couples and len(start) <= most and not len(problem.side)
    for end in problem.ladder.ends() if several else ():
        climber.run(end)
    tried = try_all(problem) if enumerable(problem) else None
    if tried is not None:
        climber.consider(tried)
    if climber.price is None:
        raise climber.conflict or _nothing()
    found = climber.certify()
    if tried is None:
        return found
    return Found(price=found.price, value=found.value, bound=found.value, shadow_prices=found.shadow_prices, exact=True)


class _Climber:
    """One search: the problem, the best prices so far that keep everything, the shadow prices, and the moves."""

    def __init__(self, problem: PriceProblem) -> None:
        self.problem = problem
        self.price: NDArray[np.float64] | None = None
        self.value = -np.inf
        self.shadow = np.zeros(len(problem.limits))
        self.conflict: Infeasible | None = None
        self.cluster = problem.clusters()
        self.alone = not problem.couples and not len(problem.side)

    def consider(self, price: NDArray[np.float64]) -> bool:
        """Take the prices if they keep everything and are worth more; return whether they keep everything."""
        outcomes = self.problem.outcomes(price)
        if not self.problem.feasible(price, outcomes):
            return False
        value = float(outcomes[OBJECTIVE].sum())
        if value > self.value:
            self.price, self.value = price.copy(), value
        return True

    def run(self, start: NDArray[np.float64]) -> None:
        """Climb from the coarse to the full ladder, to a fixed point at each spacing; then settle the limits."""
        price, spacing = start, self.spacing()
        while True:
            price = self.rounds(price, spacing, most=15)
            if (spacing == 1).all():
                break
            spacing = np.maximum(1, spacing // _FINER)
        if self.problem.limits:
            self.settle(price)

    def spacing(self) -> NDArray[np.int64]:
        """Return the coarsest spacing, the same throughout a cluster where rules tie prices; int64[offer]."""
        spacing = self.problem.ladder.spacing(_HALF)
        if len(self.problem.side):
            widest = np.zeros(int(self.cluster.max()) + 1, dtype=np.int64)
            np.maximum.at(widest, self.cluster, spacing)
            spacing = widest[self.cluster]
        return spacing

    def rounds(self, price: NDArray[np.float64], spacing: NDArray[np.int64], *, most: int) -> NDArray[np.float64]:
        """Linearise, choose and climb until nothing moves."""
        for _ in range(most):
            options = self.problem.ladder.around(price, spacing, _HALF)
            table = self.problem.table(price, options.prices)
            picks = self.choose(table, options, right_sides(self.problem.limits), _QUICK)
            target = options.pick(picks.option)
            if self.problem.limits:
                self.consider(target)
            moved = self.ascend(price, target, (table, options))
            if (moved == price).all():
                break
            gain = (self.merit(moved) - self.merit(price)).sum() if self.problem.limits else np.inf
            price = moved
            if self.alone and not self.problem.limits:
                break
            if gain <= _ENOUGH * abs(self.merit(price).sum()):
                break
        self.consider(price)
        return price

    def choose(self, table: Outcomes, options: Options, right: NDArray[np.float64], effort: Effort) -> Picks:
        """Pick within limits and side rules, and learn the shadow prices; give way where limits conflict for now."""
        limits, rules = self.problem.limits, self.problem.side.for_kernel(options)
        try:
            picks = pick(table, options.allowed, limits, right, start=self.shadow, effort=effort, rules=rules)
            self.conflict = None
        except Infeasible as conflict:
            self.conflict = conflict
            eased = _eased(conflict, limits, right)
            try:
                picks = pick(table, options.allowed, limits, eased, start=self.shadow, effort=effort, rules=rules)
            except Infeasible:  # not found, though not proven absent: go by the shadow prices known
                free = {OBJECTIVE: lagrangian(table, limits, self.shadow)}
                return pick(free, options.allowed, (), right[:0], start=self.shadow[:0], effort=effort, rules=rules)
        self.shadow = picks.shadow
        return picks

    def ascend(
        self, price: NDArray[np.float64], target: NDArray[np.float64], single: tuple[Outcomes, Options]
    ) -> NDArray[np.float64]:
        """Move each cluster towards the target as far as its true Lagrangian rises; else by its best single move."""
        if self.alone:
            return target
        merit = self.merit(price)
        best, moved = merit.copy(), price.copy()
        for stride in _STRIDES:
            candidate = target if stride == 1.0 else self.problem.ladder.nearest(price + stride * (target - price))
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
        merit = self.merit(candidate)
        wins = merit > best + np.where(np.isfinite(best), _SAME * np.abs(best), 0.0)
        return np.where(wins, merit, best), np.where(wins[self.cluster], candidate, moved)

    def merit(self, price: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the true Lagrangian of each cluster, -inf where a side rule is broken; float64[cluster]."""
        worth = lagrangian(self.problem.outcomes(price), self.problem.limits, self.shadow)
        merit = np.asarray(np.bincount(self.cluster, weights=worth), dtype=np.float64)
        if len(self.problem.side):
            merit[self.cluster[self.problem.side.broken(price)]] = -np.inf
        return merit

    def _best_single(self, price: NDArray[np.float64], single: tuple[Outcomes, Options]) -> NDArray[np.float64]:
        """Return the prices with, in each cluster, only the most valuable single move made."""
        table, options = single
        worth = np.where(options.allowed, lagrangian(table, self.problem.limits, self.shadow), -np.inf)
        rows = np.arange(len(price))
        option = worth.argmax(axis=1)
        gain = worth[rows, option] - worth[rows, options.index(price)]
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
        signs = np.array([limit.sign for limit in limits])
        half, kept, refused, since = _HALF, 0, 0, self.value
        for _ in range(most):
            options = self.problem.ladder.around(price, np.ones(len(price), dtype=np.int64), half)
            table = self.problem.table(price, options.prices)
            price = options.pick(self.choose(table, options, right - signs * margin, _CAREFUL).option)
            if self.conflict is not None and margin.any():
                margin, self.conflict = np.zeros(len(limits)), None  # it may be the tightening that cannot hold
            elif self.conflict is not None:
                refused += 1
                if refused == _REFUSED:
                    return
            elif self.consider(price):
                kept += 1
                margin *= 0.5
                if kept >= 2 and self.value - since <= _ENOUGH * abs(self.value):
                    break
                since = self.value
            else:
                over = self.excess(price, right)
                margin = np.where(over > 0, margin + 1.1 * over, 0.5 * margin)
                half = max(2, half - 1)
        self.polish(right - signs * margin)

    def polish(self, right: NDArray[np.float64]) -> None:
        """Let the kernel's integer program close what gap it can, from the best prices found."""
        if self.price is None or len(self.price) > _SMALL:
            return
        options = self.problem.ladder.around(self.price, np.ones(len(self.price), dtype=np.int64), _HALF)
        table = self.problem.table(self.price, options.prices)
        kept = self.shadow
        self.consider(options.pick(self.choose(table, options, right, _POLISH).option))
        self.shadow = kept if self.conflict is not None else self.shadow
        self.conflict = None

    def excess(self, price: NDArray[np.float64], right: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return by how much each limit's row truly goes beyond its right side, 0 where it holds; float64[limit]."""
        outcomes, limits = self.problem.outcomes(price), self.problem.limits
        over = excesses(limit_totals(outcomes, limits), limits) > 0
        rows = [limit.sign * (row_of(outcomes, limit).sum() - side) for limit, side in zip(limits, right, strict=True)]
        return np.where(over, np.maximum(rows, 0.0), 0.0)

    def certify(self) -> Found:
        """Search the whole ladder from the best prices; climb again where it holds something better."""
        certificate = self._certificate()
        for _ in range(3):
            target = certificate.better
            if certificate.bound - self.value <= _SAME * abs(self.value) or target is None:
                break
            before, price = self.value, self._best
            options = Options.of(np.stack([price, target], axis=1))
            moved = self.ascend(price, target, (self.problem.table(price, options.prices), options))
            if (moved == price).all():
                break
            moved = self.rounds(moved, np.ones(len(moved), dtype=np.int64), most=15)
            if self.problem.limits:
                self.settle(moved)
            if self.value == before:
                break
            certificate = self._certificate()
        return Found(
            price=self._best,
            value=self.value,
            bound=max(certificate.bound, self.value),
            shadow_prices=certificate.shadow,
            exact=not self.problem.couples,
        )

    def _certificate(self) -> Certificate:
        return over_ladder(self.problem, self._best, self.shadow)

    @property
    def _best(self) -> NDArray[np.float64]:
        if self.price is None:
            raise self.conflict or _nothing()
        return self.price


def _nothing() -> Infeasible:
    return Infeasible("no prices were found that keep every limit once cross effects are counted")


def _eased(conflict: Infeasible, limits: tuple[Limit, ...], right: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return right sides that give as much as the conflict says is needed, and a hair more; float64[limit].

    Where the kernel found no picks but proved nothing, they give a hair.
    """
    eased = right.copy()
    for at, limit in enumerate(limits):
        asked = [one.reachable for one in conflict.conflicts if one.name == limit.title]
        if asked or not conflict.conflicts:
            eased[at] = asked[0] if asked else right[at]
            eased[at] += limit.sign * 1e-6 * max(1.0, abs(eased[at]))
    return eased
