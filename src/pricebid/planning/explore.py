"""Exploration of prices: laws over prices near a plan, inside the plan's rules, within an expected loss.

A price plan says what is best on average; draws of its demand response say how unsure that is; the kernel decides where
trying other prices is worth its cost (`pricebid.learning.safe`).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from pricebid.errors import Infeasible, InputError
from pricebid.learning.safe import Law, Question, SafeSettings, explore_safely, surely_better
from pricebid.optimize import Effort, Limit, choose
from pricebid.planning.explore_rules import room
from pricebid.pricing.economics import OBJECTIVE
from pricebid.pricing.problem import right_sides, row_of

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from pricebid.pricing import PricePlan
    from pricebid.pricing.problem import Outcomes, PriceProblem

    Floats = NDArray[np.float64]
    Bools = NDArray[np.bool_]
    Ints = NDArray[np.int64]

_CELLS_AT_ONCE = 4_000_000
_TRIES = 4
_HALVINGS = 6


@dataclass(frozen=True, kw_only=True)
class ExploreSettings:
    """Which prices are tried, and how their worth is judged.

    Parameters
    ----------
    steps : tuple of float
        Distances from the plan's price, as shares, ascending and above 0; each is tried above and below.
    draws : int
        Draws of what is not known of demand.
    samples : int
        Price vectors drawn from the law, on which cross effects are checked.
    safe : SafeSettings
        How exploration is weighed.

    Raises
    ------
    InputError
        Outside these ranges.
    """

    steps: tuple[float, ...] = (0.03, 0.06, 0.1)
    draws: int = 64
    samples: int = 32
    safe: SafeSettings = field(default_factory=SafeSettings)

    def __post_init__(self) -> None:
        if not self.steps or not all(0 < a < 1 for a in self.steps) or list(self.steps) != sorted(set(self.steps)):
            raise InputError(f"steps is {self.steps}: ascending shares between 0 and 1")
        if self.draws < 2 or self.samples < 1:
            raise InputError(f"draws is {self.draws} and samples {self.samples}: at least 2 and 1")


@dataclass(frozen=True, kw_only=True, eq=False)
class Known:
    """What a law was chosen by, for whoever chooses anew as feedback comes in.

    Parameters
    ----------
    question : Question
        What is unknown of each option.
    units : float64[offer]
        Expected at the plan's prices in one period.
    worth, money : float64[offer, option]
        What one unit sold adds to the objective, and to the profit (to the objective, where costs are not known).
    rows : float64[limit, offer, option]
        What each option adds to each limit's total compared with the plan, signed so that more is worse.
    slack : float64[limit]
        How much may be added, less what joint moves add under the law chosen.
    allowance : float
        Money that a period may lose, less what joint moves lose under the law chosen.
    """

    question: Question
    units: Floats
    worth: Floats
    money: Floats
    rows: Floats
    slack: Floats
    allowance: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Exploration:
    """Prices to try, and how often: each offer for itself, one draw per offer and period.

    Demand is learnt from what was charged in a period, so a price is held for the whole period in which it was drawn:
    drawing anew for every buyer would show the model nothing but the mean.

    Parameters
    ----------
    prices : float64[offer, option]
        Money; ascending but for repeats, which have no probability.
    law : Law
        Probabilities of the options, expected loss in money per period.
    plan : int64[offer]
        The option that is the plan's price.
    rows : tuple of str
        Limits of the plan that hold for the expected totals.
    known : Known, optional
        What the law was chosen by; None where there was nothing to choose.
    """

    prices: Floats
    law: Law
    plan: Ints
    rows: tuple[str, ...] = ()
    known: Known | None = field(default=None, repr=False)

    @property
    def probabilities(self) -> Floats:
        """Probability of each price, float64[offer, option]; rows sum to 1."""
        return self.law.probabilities

    @property
    def rate(self) -> Floats:
        """Probability that an offer's price is not the plan's, float64[offer]."""
        return np.asarray(1.0 - self.probabilities[np.arange(len(self.plan)), self.plan])

    def draw(self, rng: np.random.Generator) -> Floats:
        """Draw the prices of one period, float64[offer]."""
        option = self.law.draw(rng)
        return np.asarray(np.take_along_axis(self.prices, option[:, None], axis=1)[:, 0])

    def to_frame(self, plan: PricePlan) -> pd.DataFrame:
        """Return the table ``exploration``: keys of the plan, ``price``, ``probability``, ``planned`` 0/1; what is never drawn is left out."""
        import pandas as pd

        offer, option = np.nonzero(self.probabilities > 0)
        keys = {name: labels[offer] for name, labels in zip(plan.offers.columns, plan.offers.labels, strict=True)}
        return pd.DataFrame(
            {
                **keys,
                "price": self.prices[offer, option],
                "probability": self.probabilities[offer, option],
                "planned": (option == self.plan[offer]).astype(int),
            }
        )


def explore(
    plan: PricePlan,
    *,
    allowance: float | None = None,
    settings: ExploreSettings | None = None,
    seed: int | None = None,
) -> Exploration:
    """Return laws over prices near the plan's whose expected loss stays within the exploration budget.

    Parameters
    ----------
    plan : PricePlan
        What would be charged without exploration.
    allowance : float, optional
        Money that a period may lose in expectation; default: the policy's ``learning.exploration_budget`` of the plan's
        profit per period, and nothing where that is not given.
    settings : ExploreSettings, optional
        Which prices are tried.
    seed : int, optional
        Of the draws of demand; the policy's where not given.

    Returns
    -------
    Exploration
        Every price drawn keeps the plan's rules whatever the other offers draw; the portfolio limits hold for expected totals.
    """
    if allowance is None:
        learning = plan.policy.learning
        share = 0.0 if learning is None else learning.exploration_budget or 0.0
        allowance = share * max(float(plan.outcomes[1]["profit"].sum()), 0.0) / len(plan.periods)
    return explore_prices(
        plan.problem,
        plan.price,
        periods=len(plan.periods),
        allowance=allowance,
        settings=settings or ExploreSettings(),
        seed=plan.policy.seed if seed is None else seed,
    )


def explore_prices(
    problem: PriceProblem, price: Floats, *, periods: int, allowance: float, settings: ExploreSettings, seed: int
) -> Exploration:
    """Return laws over prices near ``price``, float64[offer]; see `explore`.

    Parameters
    ----------
    problem : PriceProblem
        Demand, money, ladders, limits and rules.
    price : float64[offer]
        What would be charged without exploration; keeps the rules.
    periods : int
        Of the horizon that the problem's totals are over.
    allowance, settings, seed
        As in `explore`.
    """
    prices, available = _options(problem, price, settings.steps)
    middle = len(settings.steps)
    plan = np.full(len(price), middle)
    if allowance <= 0 or not available.any(axis=1).any() or available.sum() == len(price):
        stay = np.eye(prices.shape[1])[plan]
        none = np.zeros(len(price))
        return Exploration(
            prices=prices, plan=plan, law=Law(probabilities=stay, loss=none, worth=none, allowance=max(allowance, 0.0))
        )
    loss_name = OBJECTIVE if np.isnan(problem.economics.cost).any() else "profit"
    names = tuple(dict.fromkeys((*problem.names, loss_name)))
    table = problem.economics.table(problem.response, price, prices, names)
    loss = np.maximum(table[loss_name][:, [middle]] - table[loss_name], 0.0) / periods
    gain, signal, noise = _unknown(problem, price, prices, periods, settings, seed)
    question = Question(
        loss=np.where(available, loss, 0.0),
        gain=gain,
        signal=signal,
        noise=noise,
        plan=plan,
        available=available,
        kin=_pools(problem),
    )
    checker = _Checker(
        problem,
        price,
        prices,
        table,
        loss_name,
        periods,
        np.random.default_rng(seed + 1).random((settings.samples, len(price))),
    )
    law = _within_limits(question, checker, allowance, _pairs(available), settings.safe)
    return Exploration(
        prices=prices,
        law=law,
        plan=plan,
        rows=tuple(limit.title for limit in problem.limits),
        known=_known(question, checker, law, allowance),
    )


def _known(question: Question, checker: _Checker, law: Law, allowance: float) -> Known:
    problem, price, prices = checker.problem, checker.price, checker.prices
    signs = np.array([limit.sign for limit in problem.limits])
    more, lost = checker.cross(law)
    values = problem.economics.unit_values(prices, (OBJECTIVE, checker.loss_name))
    return Known(
        question=question,
        units=problem.response.units(price) / checker.periods,
        worth=values[OBJECTIVE],
        money=values[checker.loss_name],
        rows=signs[:, None, None] * checker.rows(),
        slack=np.maximum(checker.slack() - np.maximum(signs * more, 0.0), 0.0),
        allowance=max(allowance - max(lost, 0.0), 0.0),
    )


def _options(problem: PriceProblem, price: Floats, steps: tuple[float, ...]) -> tuple[Floats, Bools]:
    """Prices at each distance that the ladder has and the rules leave room for: float64, bool [offer, option]."""
    moves = np.array([*(-step for step in reversed(steps)), 0.0, *steps])
    low, high = room(problem.side, price, steps[-1])
    columns = [price if move == 0 else problem.ladder.nearest(price * (1.0 + move)) for move in moves]
    prices = np.stack(columns, axis=1)
    available = (prices >= low[:, None] * (1 - 1e-12)) & (prices <= high[:, None] * (1 + 1e-12))
    middle = len(steps)
    for at in range(len(moves)):  # what the ladder rounds to a price nearer to the plan is tried there, if at all
        nearer = prices[:, at + 1] if at < middle else prices[:, at - 1]
        if at != middle:
            available[:, at] &= np.abs(prices[:, at] - nearer) > 1e-9
    available[:, middle] = True
    return prices, available


def _pairs(available: Bools) -> Floats:
    """Half above and half below at each distance, float64[offer, step, option]; what is not available stays at the plan."""
    options = available.shape[1]
    middle = options // 2
    designs = np.zeros((len(available), middle, options))
    for step in range(1, middle + 1):
        for at in (middle - step, middle + step):
            designs[:, step - 1, at] = 0.5 * available[:, at]
        designs[:, step - 1, middle] = 1.0 - designs[:, step - 1].sum(axis=1)
    return designs


def _unknown(
    problem: PriceProblem, price: Floats, prices: Floats, periods: int, settings: ExploreSettings, seed: int
) -> tuple[Floats, Floats, Floats]:
    """Gains and signals of single moves under draws of demand, [draw, offer, option], and the noise of a period, [offer].

    Offers of different groups do not interact, so that one offer of each group can be moved at a time in one price vector.
    """
    response, economics = problem.response, problem.economics
    groups = response.groups
    order = np.argsort(groups, kind="stable")
    sorted_groups = groups[order]
    first = np.searchsorted(sorted_groups, sorted_groups)
    place = np.empty(len(groups), dtype=np.int64)
    place[order] = np.arange(len(groups)) - first
    options, count = prices.shape[1], settings.draws
    gain, signal = np.zeros((2, count, len(price), options))

    def outcome(vectors: Floats) -> tuple[Floats, Floats]:
        # The same generator state gives the same draws for every block of vectors.
        units = response.draws(vectors, np.random.default_rng(seed), count)
        units = np.minimum(units, np.where(np.isfinite(economics.available), economics.available, np.inf))
        worth = np.stack([economics.unit_values(one, (OBJECTIVE,))[OBJECTIVE] for one in vectors])
        money = units * worth[:, None, :]
        return summed(money, groups) / periods, units / periods

    here, seen = outcome(price[None])
    for turn in range(int(place.max()) + 1):
        moving = place == turn
        for block in _blocks(options, count * len(price)):
            vectors = np.where(moving, prices.T[block], price)
            totals, units = outcome(vectors)
            gain[:, moving, block] = (totals - here)[:, :, groups[moving]].transpose(1, 2, 0)
            signal[:, moving, block] = (units - seen)[:, :, moving].transpose(1, 2, 0)
    mean = response.units(price) / periods
    return gain, signal, mean + response.dispersion * mean**2 + 1e-9


def _pools(problem: PriceProblem) -> Ints:
    """Offers that share what is not known of them, by number: pools of the demand response where it has them, else groups."""
    pools = getattr(problem.response, "pools", None)
    return np.asarray(problem.response.groups if pools is None else pools, dtype=np.int64)


def summed(values: Floats, label: NDArray[np.intp]) -> Floats:
    """Add up the last axis by labels counted from 0, none of them missing: float64[..., offer] -> float64[..., label]."""
    order = np.argsort(label, kind="stable")
    starts = np.searchsorted(label[order], np.arange(int(label.max()) + 1))
    return np.asarray(np.add.reduceat(values[..., order], starts, axis=-1), dtype=np.float64)


def _blocks(options: int, cells: int) -> list[slice]:
    size = max(1, _CELLS_AT_ONCE // max(cells, 1))
    return [slice(start, min(start + size, options)) for start in range(0, options, size)]


@dataclass(frozen=True, eq=False)
class _Checker:
    """Expected totals under a law, cross effects included."""

    problem: PriceProblem
    price: Floats
    prices: Floats
    table: Outcomes
    loss_name: str
    periods: int
    uniform: Floats

    def rows(self) -> Floats:
        """What each option adds to the row of each limit, compared with the plan, float64[limit, offer, option]."""
        middle = self.prices.shape[1] // 2
        rows = [row_of(self.table, limit) for limit in self.problem.limits]
        return np.stack([row - row[:, [middle]] for row in rows]) if rows else np.zeros((0, *self.prices.shape))

    def slack(self) -> Floats:
        """How far each row may rise (signed: its limit's sense), float64[limit]."""
        totals = self._totals(self.price)
        right = right_sides(self.problem.limits)
        return np.array([one.sign for one in self.problem.limits]) * (right - totals)

    def _totals(self, price: Floats) -> Floats:
        outcomes = self._outcomes(price)
        return np.array([row_of(outcomes, limit).sum() for limit in self.problem.limits])

    def _outcomes(self, price: Floats) -> Outcomes:
        names = tuple(dict.fromkeys((*self.problem.names, self.loss_name)))
        return self.problem.economics.outcomes(self.problem.response, price, names)

    def cross(self, law: Law) -> tuple[Floats, float]:
        """Return what joint moves add to the rows and to the loss per period, beyond the sum of single moves.

        Single moves are exact in the table, so only the rest is estimated from samples: it is small, and so is its error.
        """
        option = law.at(self.uniform)
        every = np.arange(len(self.price))
        middle = self.prices.shape[1] // 2
        rows, worth = self.rows(), self.table[self.loss_name]
        here = self._outcomes(self.price)
        base = self._totals(self.price)
        more, lost = np.zeros(len(rows)), 0.0
        for one in option:
            outcomes = self._outcomes(self.prices[every, one])
            totals = np.array([row_of(outcomes, limit).sum() for limit in self.problem.limits])
            more += totals - base - rows[:, every, one].sum(axis=1)
            single = (worth[every, one] - worth[:, middle]).sum()
            lost -= float(outcomes[self.loss_name].sum() - here[self.loss_name].sum() - single)
        return more / len(option), lost / len(option) / self.periods


def _within_limits(question: Question, checker: _Checker, allowance: float, designs: Floats, safe: SafeSettings) -> Law:
    """Choose laws on the table of single moves, and give back what cross effects take, until limits and budget hold."""
    rows, slack = checker.rows(), checker.slack()
    signs = np.array([limit.sign for limit in checker.problem.limits])
    outcomes = {f"row {at}": sign * row for at, (sign, row) in enumerate(zip(signs, rows, strict=True))}
    tolerance = np.array([limit.tolerance for limit in checker.problem.limits])
    rooms, money = np.maximum(slack, 0.0), allowance

    def excess(law: Law) -> tuple[Floats, float]:
        more, lost = checker.cross(law)
        expected = np.array([(sign * row * law.probabilities).sum() for sign, row in zip(signs, rows, strict=True)])
        return expected + signs * more - np.maximum(slack, 0.0), law.expected_loss + lost - allowance

    law = _plan_only(question, allowance)
    for _ in range(_TRIES):
        limits = [Limit(name, at_most=float(most)) for name, most in zip(outcomes, rooms, strict=True)]
        law = explore_safely(
            question, allowance=max(money, 0.0), designs=designs, outcomes=outcomes, limits=limits, settings=safe
        )
        over, lost = excess(law)
        if (over <= tolerance).all() and lost <= 0:
            return replace(law, allowance=allowance)
        rooms, money = rooms - 1.1 * np.maximum(over, 0.0), money - 1.1 * max(lost, 0.0)
    for _ in range(_HALVINGS):
        law = law.thinned(0.5, question.plan)
        over, lost = excess(law)
        if (over <= tolerance).all() and lost <= 0:
            return replace(law, allowance=allowance)
    return _plan_only(question, allowance)


def _plan_only(question: Question, allowance: float) -> Law:
    stay = np.eye(question.loss.shape[1])[question.plan]
    none = np.zeros(len(stay))
    return Law(probabilities=stay, loss=none, worth=none, allowance=allowance)


def adopt(plan: PricePlan, before: Floats, *, confidence: float, draws: int = 200) -> Floats:
    """Move from the prices in force to a plan's only where that is surely better; float64[offer].

    Offers that interact move together. Which clusters move is chosen by the kernel, among those whose gain has a lower bound
    above 0, within the plan's limits.

    Parameters
    ----------
    plan : PricePlan
        What would be best on average.
    before : float64[offer]
        Prices in force; where they break a rule by now, the plan's are taken.
    confidence : float
        Share of the draws of demand in which a move must gain; with 0 the plan is taken as it is.
    draws : int
        How many.
    """
    problem, clusters = plan.problem, plan.problem.clusters()
    if confidence <= 0:
        return plan.price
    out = ~problem.ladder.allows(before)
    if len(problem.side):
        out |= problem.side.broken(before)
    must = np.bincount(clusters, weights=out) > 0
    units = problem.response.draws(np.stack([before, plan.price]), np.random.default_rng(plan.policy.seed), draws)
    worth = np.stack([problem.economics.unit_values(one, (OBJECTIVE,))[OBJECTIVE] for one in (before, plan.price)])
    change = units[1] * worth[1] - units[0] * worth[0]
    gain = summed(change, clusters)
    may = surely_better(gain, confidence=confidence) | must
    names = problem.names
    totals = [problem.outcomes(one) for one in (before, plan.price)]
    tables = {name: summed(np.stack([one[name] for one in totals]), clusters).T for name in names}
    available = np.stack([~must, may], axis=1)
    limits = [limit for limit in problem.limits if limit.within is None]
    effort = Effort(gap=1e-6)
    try:
        option = choose(tables, maximise=OBJECTIVE, limits=limits, available=available, effort=effort).option
    except Infeasible:
        return plan.price
    found = np.where(option[clusters] == 1, plan.price, before)
    return found if problem.feasible(found, problem.outcomes(found)) else plan.price
