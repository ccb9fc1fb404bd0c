"""The best bids and multipliers where the truth is known, and the most that any bids could earn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import log_ndtr

from pricebid.simulate.ad_truth import HOURS

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from pricebid.simulate.ad_truth import AdTruth

DEAREST = 1e4  # the Lagrangian weight of the budget is sought up to here: a budget below any click's price buys none


@dataclass(frozen=True, kw_only=True)
class BidGrid:
    """Which bids and multipliers may be set.

    Parameters
    ----------
    step : float
        Bids are whole multiples, money per click.
    low, high, multiplier_step : float
        Range and grid of the multipliers by campaign and hour.
    """

    step: float = 0.01
    low: float = 0.30
    high: float = 2.50
    multiplier_step: float = 0.05

    @property
    def multipliers(self) -> NDArray[np.float64]:
        """All multipliers that may be set, float64[option], ascending."""
        count = round((self.high - self.low) / self.multiplier_step) + 1
        return np.round(self.low + self.multiplier_step * np.arange(count), 10)


@dataclass(frozen=True, kw_only=True, eq=False)
class AdBids:
    """Bids with multipliers, and what they truly bring per day.

    Parameters
    ----------
    bid : float64[keyword]
        Money per click; 0 stays out.
    multiplier : float64[campaign, hour]
        By which the bids of a campaign are multiplied in an hour.
    profit, cost : float
        True expected money per day.
    """

    bid: NDArray[np.float64]
    multiplier: NDArray[np.float64]
    profit: float
    cost: float


def best_free(truth: AdTruth, budget: float = np.inf) -> tuple[NDArray[np.float64], float]:
    """Return the best bids if every series and hour had its own, float64[series, hour], and their profit per day.

    No bids within the budget earn more in expectation: at the budget's shadow price each cell's bid maximises its own
    profit less the price of what it spends, so the profit is also the value of the Lagrangian dual.

    Parameters
    ----------
    truth : AdTruth
        What bids bring.
    budget : float
        Money per day that the expected cost may reach.
    """

    def bids(weight: float) -> NDArray[np.float64]:
        worth = truth.value / (1.0 + weight)
        return worth if truth.auction == "second" else _first_price(truth, worth)

    def cost(weight: float) -> float:
        return float(truth.outcomes_at(bids(weight)).cost.sum())

    effective = bids(money_weight(cost, budget))
    return effective, float(truth.outcomes_at(effective).profit.sum())


def money_weight(cost: Callable[[float], float], budget: float) -> float:
    """Return the least weight of money at which a cost that falls with it is within the budget.

    Parameters
    ----------
    cost : callable
        Cost at a weight, both >= 0.
    budget : float
        Money; never reached where infinite.
    """
    if cost(0.0) <= budget:
        return 0.0
    low, high = 0.0, 1.0
    while cost(high) > budget and high < DEAREST:
        low, high = high, 2 * high
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if cost(middle) > budget else (low, middle)
    return high


def _first_price(truth: AdTruth, worth: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return bids that maximise (worth - bid) x share won: ``bid + share / density = worth``, whose left side rises."""
    low, high = np.zeros_like(worth), worth.copy()
    spread = truth.spread[:, None]
    for _ in range(50):
        middle = (low + high) / 2
        score = (np.log(middle) - truth.level) / spread
        # share / density of the log-normal, by logarithms: both vanish together for low bids.
        shade = middle * spread * np.exp(log_ndtr(score) + score**2 / 2) * np.sqrt(2 * np.pi)
        above = middle + shade > worth
        low, high = np.where(above, low, middle), np.where(above, middle, high)
    return low


def best_bids(
    truth: AdTruth, budget: float = np.inf, *, grid: BidGrid | None = None, dayparts: bool = True, rounds: int = 12
) -> AdBids:
    """Return bids x multipliers of highest true expected profit within the budget.

    Bids and multipliers are improved in turn, each exactly for the other held fixed, with one weight on money for
    all; from several starts, as the two together have more than one summit. What the last weight leaves of the budget
    is spent on the steps that earn most for it.

    Parameters
    ----------
    truth : AdTruth
        What bids bring.
    budget : float
        Money per day that the expected cost may reach.
    grid : BidGrid, optional
        What may be set.
    dayparts : bool
        Without them all multipliers are 1.
    rounds : int
        At most this many turns per start.
    """
    search = _Search(truth, budget, grid or BidGrid())
    flat = np.ones((truth.campaigns, HOURS))
    if not dayparts:
        return search.finish(search.bids(flat), flat)
    found = [search.climb(start, rounds) for start in search.starts()]
    return max(found, key=lambda plan: plan.profit)


class _Search:
    """Ladders of bids and multipliers under one truth and budget."""

    def __init__(self, truth: AdTruth, budget: float, grid: BidGrid) -> None:
        self.truth, self.budget, self.grid = truth, budget, grid
        self.free = best_free(truth, budget)[0]
        self.first = np.searchsorted(truth.entity, np.arange(len(truth.campaign)))
        self.cell_campaign = truth.campaign[truth.entity]

    def starts(self) -> list[NDArray[np.float64]]:
        """Multipliers to start from: all 1, and the free bids' hour profile at three scales."""
        spent = self.truth.outcomes_at(self.free).cost
        relative = self.free / self.free.mean(axis=1, keepdims=True)
        shape = np.zeros((self.truth.campaigns, HOURS))
        weight = np.zeros_like(shape)
        np.add.at(shape, self.cell_campaign, relative * spent)
        np.add.at(weight, self.cell_campaign, spent)
        profile = shape / np.maximum(weight, 1e-300)
        return [np.ones_like(shape), *(self._snap(profile * scale) for scale in (0.8, 1.0, 1.25))]

    def _snap(self, multiplier: NDArray[np.float64]) -> NDArray[np.float64]:
        grid = self.grid
        steps = np.round((np.clip(multiplier, grid.low, grid.high) - grid.low) / grid.multiplier_step)
        return np.round(grid.low + steps * grid.multiplier_step, 10)

    def climb(self, multiplier: NDArray[np.float64], rounds: int) -> AdBids:
        """Improve bids and multipliers in turn until neither moves."""
        best = self.finish(self.bids(multiplier), multiplier)
        for _ in range(rounds):
            multiplier = self.multipliers(best.bid)
            plan = self.finish(self.bids(multiplier), multiplier)
            if plan.profit <= best.profit * (1 + 1e-7):
                break
            best = plan
        return best

    def bids(self, multiplier: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the best bids at these multipliers, float64[keyword]: a coarse ladder, then each step around its pick."""
        top = np.maximum.reduceat(self.free.max(axis=1), self.first) / self.grid.low
        share = np.geomspace(0.01, 1.0, 48)
        coarse = np.concatenate([np.zeros((len(top), 1)), top[:, None] * share], axis=1)
        pick = self._pick(*self._of_bids(coarse, multiplier))
        near = np.take_along_axis(coarse, pick[:, None], axis=1)
        width = np.maximum(near * (share[1] / share[0] - 1), 2 * self.grid.step)
        fine = near + width * np.linspace(-1.0, 1.0, 41)
        fine = np.concatenate([coarse[:, :1], np.maximum(np.round(fine / self.grid.step), 0) * self.grid.step], axis=1)
        pick = self._pick(*self._of_bids(fine, multiplier))
        return np.take_along_axis(fine, pick[:, None], axis=1)[:, 0]

    def multipliers(self, bid: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the best multipliers at these bids, float64[campaign, hour]."""
        ladder = self.grid.multipliers
        shape = (len(ladder), self.truth.campaigns, HOURS)
        profit, cost = np.zeros(shape), np.zeros(shape)
        for at, times in enumerate(ladder):
            cells = self.truth.outcomes_at((bid[:, None] * times)[self.truth.entity] * np.ones(HOURS))
            np.add.at(profit[at], self.cell_campaign, cells.profit)
            np.add.at(cost[at], self.cell_campaign, cells.cost)
        pick = self._pick(profit.reshape(len(ladder), -1).T, cost.reshape(len(ladder), -1).T)
        return ladder[pick].reshape(self.truth.campaigns, HOURS)

    def _of_bids(
        self, ladder: NDArray[np.float64], multiplier: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return true profit and cost of each bid of a ladder, float64[keyword, option] each."""
        profit, cost = np.empty(ladder.shape), np.empty(ladder.shape)
        for at in range(ladder.shape[1]):
            outcomes = self.truth.outcomes(ladder[:, at], multiplier)
            profit[:, at], cost[:, at] = outcomes.profit, outcomes.cost
        return profit, cost

    def _pick(self, profit: NDArray[np.float64], cost: NDArray[np.float64]) -> NDArray[np.int64]:
        """Return the option of each row of highest profit - weight x cost, at the weight that keeps the budget."""
        rows = np.arange(len(profit))

        def spend(weight: float) -> float:
            return float(cost[rows, np.argmax(profit - weight * cost, axis=1)].sum())

        pick: NDArray[np.int64] = np.argmax(profit - money_weight(spend, self.budget) * cost, axis=1)
        return pick

    def finish(self, bid: NDArray[np.float64], multiplier: NDArray[np.float64]) -> AdBids:
        """Spend what is left of the budget on single steps of bids, those first that earn most for their cost."""
        bid = bid.copy()
        outcomes = self.truth.outcomes(bid, multiplier)
        profit, cost = outcomes.profit.copy(), outcomes.cost.copy()
        for _ in range(200):
            dearer = self.truth.outcomes(bid + self.grid.step, multiplier)
            gain, paid = dearer.profit - profit, dearer.cost - cost
            worth = (gain > 0) & (cost.sum() + paid <= self.budget)
            if not worth.any():
                break
            at = int(np.argmax(np.where(worth, gain / np.maximum(paid, 1e-12), -np.inf)))
            bid[at] += self.grid.step
            profit[at], cost[at] = dearer.profit[at], dearer.cost[at]
        return AdBids(bid=np.round(bid, 10), multiplier=multiplier, profit=float(profit.sum()), cost=float(cost.sum()))
