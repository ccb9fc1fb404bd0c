"""The ladder of one offer: what each price would bring, and what bars it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pricebid.pricing.economics import OBJECTIVE, excesses, limit_totals
from pricebid.pricing.intervals import predictive
from pricebid.pricing.reasons import goal

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from pricebid.pricing.plan import PricePlan

_STEPS = 13
_MOST_DRAWS = 100
_CELLS = 4_000_000


@dataclass(frozen=True, kw_only=True, eq=False)
class Explanation:
    """One offer's prices beside each other, all other prices as planned.

    Parameters
    ----------
    title : str
        The offer's labels.
    reason : str
        As in the plan.
    goal : str
        What the objective is called.
    price : float64[option]
        Ascending.
    units, units_low, units_high : float64[option]
        Expected units sold, and the range of 80 % of outcomes.
    revenue, profit : float64[option]
        Of the offer itself.
    gain : float64[option]
        Objective of the whole plan less that of the plan as it is, neighbours included.
    picked, current : int
        Position of the planned and of the current price.
    barred : tuple of str
        Why an option may not be picked; empty where it may.
    """

    title: str
    reason: str
    goal: str
    price: NDArray[np.float64]
    units: NDArray[np.float64]
    units_low: NDArray[np.float64]
    units_high: NDArray[np.float64]
    revenue: NDArray[np.float64]
    profit: NDArray[np.float64]
    gain: NDArray[np.float64]
    picked: int
    current: int
    barred: tuple[str, ...]

    def to_frame(self) -> pd.DataFrame:
        """Return one row per price."""
        import pandas as pd

        names = ("price", "units", "units_low", "units_high", "revenue", "profit", "gain")
        frame = pd.DataFrame({name: getattr(self, name) for name in names})
        frame["picked"] = np.arange(len(frame)) == self.picked
        frame["current"] = np.arange(len(frame)) == self.current
        frame["barred"] = list(self.barred)
        return frame

    def __str__(self) -> str:
        head = (
            f"{'price':>10} {'units':>10} {'80 % range':>17} {'revenue':>12} {'profit':>12} {'plan ' + self.goal:>14}"
        )
        lines = [self.title, self.reason, "", head]
        for at, barred in enumerate(self.barred):
            marks = (
                ["<- planned"] * (at == self.picked)
                + ["current"] * (at == self.current)
                + [f"barred: {barred}"] * bool(barred)
            )
            span = f"{self.units_low[at]:,.1f}-{self.units_high[at]:,.1f}"
            lines.append(
                f"{self.price[at]:>10,.2f} {self.units[at]:>10,.1f} {span:>17} {self.revenue[at]:>12,.2f} "
                f"{self.profit[at]:>12,.2f} {self.gain[at]:>+14,.2f}  {'; '.join(marks)}".rstrip()
            )
        return "\n".join(lines)


def explain(plan: PricePlan, offer: int) -> Explanation:
    """Return the ladder of one offer around its planned price, options that are barred among them."""
    problem = plan.problem
    prices = _prices(plan, offer)
    ladder = np.repeat(plan.price[:, None], len(prices), axis=1)
    ladder[offer] = prices
    table = problem.table(plan.price, ladder)
    demand = problem.response.options(plan.price, ladder)[offer]
    chance = problem.response.chance[offer]
    sold = problem.economics.sold(np.broadcast_to(demand, ladder.shape), problem.response.dispersion)[offer]
    values = problem.economics.unit_values(ladder, ("revenue", "profit"))
    low, high = predictive(demand, _deviation(plan, offer, prices), np.full(len(prices), chance))
    available = problem.economics.available[offer]
    picked = int(np.abs(prices - plan.price[offer]).argmin())
    keys = ", ".join(
        f"{name} {label[offer]}" for name, label in zip(plan.offers.columns, plan.offers.labels, strict=True)
    )
    return Explanation(
        title=keys,
        reason=str(plan.reason[offer]),
        goal=goal(plan),
        price=prices,
        units=sold,
        units_low=np.fmin(low, available),
        units_high=np.fmin(high, available),
        revenue=values["revenue"][offer] * sold,
        profit=values["profit"][offer] * sold,
        gain=table[OBJECTIVE][offer] - table[OBJECTIVE][offer, picked],
        picked=picked,
        current=int(np.abs(prices - plan.now[offer]).argmin()),
        barred=tuple(_barred(plan, offer, price) for price in prices),
    )


def _prices(plan: PricePlan, offer: int) -> NDArray[np.float64]:
    """Return about a dozen grid prices from below to above what is allowed, the planned and the current among them."""
    ladder = plan.problem.ladder
    grid = ladder.grids[ladder.grid_of[offer]]
    low, high = (float(end[offer]) for end in ladder.ends())
    low, high = min(low, plan.now[offer]) * 0.95, max(high, plan.now[offer]) * 1.05
    numbers = np.unique(np.linspace(int(grid.first(low)), int(grid.last(high)), _STEPS).astype(np.int64))
    prices = np.append(grid.price(numbers), [plan.price[offer], ladder.current[offer]])
    return np.unique(np.round(prices[prices > 0], 9))


def _deviation(plan: PricePlan, offer: int, prices: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the standard deviation of the offer's expected units at each price, from fresh draws."""
    n = int(np.clip(_CELLS // (len(prices) * len(plan.price)), 10, _MOST_DRAWS))
    plans = np.repeat(plan.price[None], len(prices), axis=0)
    plans[:, offer] = prices
    rng = np.random.default_rng(plan.policy.seed)
    return np.asarray(plan.problem.response.draws(plans, rng, n)[:, :, offer].std(axis=1))


def _barred(plan: PricePlan, offer: int, price: float) -> str:
    """Return what bars a price of the offer, in the order of precedence; empty where nothing does."""
    if abs(price - plan.price[offer]) < 1e-9:
        return ""
    fixed = [
        word
        for word, mask in (("locked", plan.offers.locked), ("planned", plan.planned), ("held", plan.held))
        if mask[offer]
    ]
    slack = 1e-9 * max(1.0, price)
    kept = bool(plan.problem.ladder.keep[offer]) and abs(price - plan.problem.ladder.current[offer]) < 1e-9
    if not kept:
        fixed += [
            bound.name
            for bound in sorted(plan.allowed.bounds, key=lambda bound: bound.rank)
            if price < bound.least[offer] - slack or price > bound.most[offer] + slack
        ]
    trial = plan.price.copy()
    trial[offer] = price
    if not fixed and not plan.problem.ladder.allows(trial)[offer]:
        fixed.append("endings or step, or rules between prices")
    side = plan.problem.side
    if not fixed:
        fixed += [name for name, dear, cheap in side.breaches(trial) if dear[offer] or cheap[offer]]
    if not fixed and plan.problem.limits:
        limits = plan.problem.limits
        over = excesses(limit_totals(plan.problem.outcomes(trial), limits), limits) > 0
        fixed += [
            f"breaks {limit.title} unless another price gives"
            for limit, beyond in zip(limits, over, strict=True)
            if beyond
        ]
    return ", ".join(fixed)
