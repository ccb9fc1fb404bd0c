"""Bids that are free per series and hour: where the search starts, and what no plan exceeds.

At the limits' shadow prices the objective of a cell (a series in an hour) is ``worth x conversions - money x cost``. In a
second-price auction a further click costs just the bid, so that this is highest where the bid is what a click is worth,
``worth x conversion rate / money``, and falls beyond: the Lagrangian is known exactly. In a first-price auction a cell's
objective is ``clicks(bid) x (worth x rate - money x bid)`` with clicks rising in the bid: between two bids it is at most
what the clicks of the higher one would earn at the lower price, and cutting those intervals in which the best can lie into
finer ones makes the bound as tight as wanted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pricebid.bidding.limits import charged
from pricebid.bidding.problem import each_part

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pricebid.bidding.limits import BidLimit
    from pricebid.bidding.problem import BidProblem

    Floats = NDArray[np.float64]

_CERTAIN = 1e6  # a bid that wins every auction, in any currency
_FINE, _COARSE, _ROUNDS = 65, 13, 1  # first price: intervals of few and of many cells, and how often they are cut finer
_SHADES = np.geomspace(0.15, 1.0, 12)  # first price: bids as shares of what a click is worth
_MOST_CELLS = 100_000  # with more, the bound is computed on coarser intervals and improved in fewer steps


@dataclass(frozen=True, kw_only=True, eq=False)
class Reach:
    """Effective bids that some setting can reach: 0, or from `low` to `high`, float64[series] each."""

    low: Floats
    high: Floats


@dataclass(frozen=True, kw_only=True, eq=False)
class Bound:
    """What no plan exceeds.

    Parameters
    ----------
    value : float
        The Lagrangian at `shadow_prices`.
    shadow_prices : float64[limit]
        At which it is (nearly) least.
    """

    value: float
    shadow_prices: Floats


@dataclass(frozen=True, kw_only=True, eq=False)
class Prices:
    """Objective per conversion and per unit of money, limits charged at their shadow prices, float64[series] each."""

    worth: Floats
    money: Floats

    @classmethod
    def at(cls, problem: BidProblem, limits: tuple[BidLimit, ...], shadow_prices: Floats) -> Prices:
        """Charge the limits that count, in all and per campaign."""
        campaigns = len(problem.layout.campaigns)
        sums = {name: np.zeros(campaigns) for name in ("cost", "revenue", "conversions")}
        for only in {limit.campaign for limit in limits}:
            here = slice(None) if only is None else only
            for name, weight in charged(limits, shadow_prices, only=only).items():
                sums[name][here] += weight
        each = {name: values[problem.layout.series_campaign] for name, values in sums.items()}
        return cls(
            worth=problem.appeal - each["revenue"] * problem.revenue - each["conversions"],
            money=problem.money + each["cost"],
        )


class FreeBids:
    """The relaxation in which every series has its own bid in every hour.

    Parameters
    ----------
    problem : BidProblem
        What bids bring.
    reach : Reach
        Effective bids that count.
    """

    def __init__(self, problem: BidProblem, reach: Reach) -> None:
        self.problem, self.reach = problem, reach
        layout = problem.layout
        self.rate = np.zeros((len(layout.entity), layout.hours))

        def work(part: slice) -> None:
            bid = np.full((part.stop - part.start, layout.hours, 1), _CERTAIN)
            got = problem.landscape.expected(bid, layout.rows[part])
            clicks = got.clicks[:, :, 0]
            np.divide(got.conversions[:, :, 0], clicks, out=self.rate[part], where=clicks > 0)

        each_part(work, len(layout.entity), layout.hours)

    def click_worth(self, prices: Prices, part: slice = slice(None)) -> Floats:
        """Return what a click is worth in units of the money it costs, float64[n, hour], never below 0."""
        worth, money = prices.worth[part][:, None], prices.money[part][:, None]
        per_click = np.maximum(worth, 0.0) * self.rate[part]
        return np.divide(per_click, money, out=np.where(per_click > 0, _CERTAIN, 0.0), where=money > 0)

    def bids(self, prices: Prices) -> Floats:
        """Return the best free bids, float64[series, hour]; in a first-price auction of a dozen shades."""
        problem = self.problem
        found = np.zeros(self.rate.shape)

        def work(part: slice) -> None:
            worth = self._clipped(self.click_worth(prices, part), part)
            if problem.landscape.auction == "second":
                found[part] = worth
                return
            tried = worth[:, :, None] * _SHADES
            got = problem.landscape.expected(tried, problem.layout.rows[part])
            score = prices.worth[part][:, None, None] * got.conversions - prices.money[part][:, None, None] * got.cost
            found[part] = np.take_along_axis(tried, score.argmax(axis=2)[:, :, None], axis=2)[:, :, 0]

        options = 1 if problem.landscape.auction == "second" else len(_SHADES)
        each_part(work, len(found), problem.layout.hours * options)
        return found

    def lagrangian(self, limits: tuple[BidLimit, ...], shadow_prices: Floats) -> tuple[float, Floats]:
        """Return the bound at shadow prices, and its slope in each of them, float64[limit].

        Parameters
        ----------
        limits : tuple of BidLimit
            In all and per campaign.
        shadow_prices : float64[limit]
            Any, >= 0: the bound holds at all of them.
        """
        prices = Prices.at(self.problem, limits, shadow_prices)
        second = self.problem.landscape.auction == "second"
        work = self._exact if second else self._intervals
        cells = self.problem.layout.hours * (2 if second else self._edges)
        parts = each_part(lambda part: work(prices, part), len(self.rate), cells)
        best, cost, conversions = (np.concatenate(one) for one in zip(*parts, strict=True))
        totals = {"cost": cost, "conversions": conversions, "revenue": conversions * self.problem.revenue}
        campaign = self.problem.layout.series_campaign
        sums = {
            name: np.bincount(campaign, values, len(self.problem.layout.campaigns)) for name, values in totals.items()
        }
        slope = np.zeros(len(limits))
        for at, limit in enumerate(limits):
            here = slice(None) if limit.campaign is None else slice(limit.campaign, limit.campaign + 1)
            slope[at] = limit.right - limit.row({name: float(values[here].sum()) for name, values in sums.items()})
        right = np.array([limit.right for limit in limits])
        return float(best.sum() + shadow_prices @ right), slope

    def bound(self, limits: tuple[BidLimit, ...], shadow_prices: Floats) -> Bound:
        """Return the least bound found near some shadow prices.

        The Lagrangian is convex in them; a quasi-Newton method needs a handful of evaluations. Every one of them is a
        bound, so that nothing hangs on whether it came to its end.
        """
        best = Bound(value=self.lagrangian(limits, shadow_prices)[0], shadow_prices=shadow_prices)
        if not limits:
            return best
        size = max(abs(best.value), 1e-9)
        tried = [best]

        def evaluate(point: Floats) -> tuple[float, Floats]:
            value, slope = self.lagrangian(limits, point)
            tried.append(Bound(value=value, shadow_prices=point.copy()))
            return value / size, slope / size

        from scipy.optimize import minimize

        steps = 30 if self.rate.size <= _MOST_CELLS else 2
        minimize(
            evaluate,
            shadow_prices,
            jac=True,
            method="L-BFGS-B",
            bounds=[(0.0, None)] * len(limits),
            options={"maxiter": steps, "maxfun": steps, "ftol": 1e-9},
        )
        return min(tried, key=lambda one: one.value)

    @property
    def _edges(self) -> int:
        return _FINE if self.rate.size <= _MOST_CELLS else _COARSE

    def _clipped(self, bid: Floats, part: slice) -> Floats:
        return np.where(bid > 0, np.clip(bid, self.reach.low[part][:, None], self.reach.high[part][:, None]), 0.0)

    def _exact(self, prices: Prices, part: slice) -> tuple[Floats, Floats, Floats]:
        """Second price: best objective, its cost and its conversions, float64[n] each."""
        bid = self._clipped(self.click_worth(prices, part), part)
        got = self.problem.landscape.expected(bid[:, :, None], self.problem.layout.rows[part])
        cost, conversions = got.cost[:, :, 0], got.conversions[:, :, 0]
        best = prices.worth[part][:, None] * conversions - prices.money[part][:, None] * cost
        in_it = best > 0
        return (
            np.where(in_it, best, 0.0).sum(axis=1),
            np.where(in_it, cost, 0.0).sum(axis=1),
            np.where(in_it, conversions, 0.0).sum(axis=1),
        )

    def _intervals(self, prices: Prices, part: slice) -> tuple[Floats, Floats, Floats]:
        """First price: at most so much objective; cost and conversions of the best bid seen, float64[n] each."""
        rows, size = self.problem.layout.rows[part], self._edges
        money = prices.money[part][:, None, None]
        top = self.click_worth(prices, part)
        high = np.minimum(top, self.reach.high[part][:, None])
        low = np.minimum(np.maximum(0.02 * high, 0.0), high)
        edges = low[:, :, None] + (high - low)[:, :, None] * np.linspace(0.0, 1.0, size) ** 1.5
        rate, worth = self.rate[part][:, :, None], prices.worth[part][:, None, None]
        got = self.problem.landscape.expected(edges, rows)
        # Below the lowest edge: its clicks for nothing.
        most = np.maximum(got.clicks[:, :, 0] * (worth * rate)[:, :, 0], 0.0)
        seen, cost, conversions = (np.zeros(most.shape) for _ in range(3))
        for turn in range(_ROUNDS + 1):
            score = worth * got.conversions - money * got.cost
            at = score.argmax(axis=2)[:, :, None]
            better = np.take_along_axis(score, at, axis=2)[:, :, 0] > seen
            for kept, values in ((seen, score), (cost, got.cost), (conversions, got.conversions)):
                np.copyto(kept, np.take_along_axis(values, at, axis=2)[:, :, 0], where=better)
            above = np.maximum(got.clicks[:, :, 1:] * (worth * rate - money * edges[:, :, :-1]), 0.0)
            if turn == _ROUNDS:
                break
            edges = _finer(edges, above > seen[:, :, None], size)
            got = self.problem.landscape.expected(edges, rows)
        best = np.maximum(np.maximum(above.max(axis=2), seen), most)
        return best.sum(axis=1), cost.sum(axis=1), conversions.sum(axis=1)


def _finer(edges: Floats, open_: NDArray[np.bool_], size: int) -> Floats:
    """Return new edges over the span of the intervals that are still open, float64[n, hour, edge]."""
    some = open_.any(axis=2)
    first = np.where(some, open_.argmax(axis=2), 0)
    last = np.where(some, open_.shape[2] - open_[:, :, ::-1].argmax(axis=2), 1)
    low = np.take_along_axis(edges, first[:, :, None], axis=2)
    high = np.take_along_axis(edges, last[:, :, None], axis=2)
    return np.asarray(low + (high - low) * np.linspace(0.0, 1.0, size))
