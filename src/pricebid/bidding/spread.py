"""How far a plan's days and expectations may lie from what is expected: draws of the landscape, and a day's own chance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtri

from pricebid.bidding.problem import each_part

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pricebid.bidding.limits import BidLimit
    from pricebid.bidding.problem import BidProblem

    Floats = NDArray[np.float64]

TOTALS = ("profit", "revenue", "conversions", "clicks", "cost")
DRAWS = 120
_LEAST_DRAWS = 60
_CELLS = 3_000_000  # drawn in all, per plan
_POINTS = 9
_PRUDENCE = 0.5  # standard deviations of expected spend, over what is not known of the landscape


@dataclass(frozen=True, kw_only=True, eq=False)
class Draws:
    """Totals per day over what is not known of the landscape.

    Parameters
    ----------
    totals : float64[plan, draw, campaign, outcome]
        `TOTALS`, in expectation over days.
    """

    totals: Floats

    def cost(self, plan: int, campaign: int | None = None) -> Floats:
        """Return expected cost per day by draw, of one campaign or all."""
        cost = self.totals[plan, :, :, TOTALS.index("cost")]
        return np.asarray(cost.sum(axis=1) if campaign is None else cost[:, campaign])


def draw_totals(problem: BidProblem, effective: Sequence[Floats], seed: int) -> Draws:
    """Draw the landscape's parameters, the same for every plan.

    Of more series than can be drawn, those of each campaign with the largest cost are, and their totals are scaled up to the
    campaign's expectation: chance of single series is then overstated, never understated.

    Parameters
    ----------
    problem : BidProblem
        What bids bring.
    effective : sequence of float64[series, hour]
        Effective bids of each plan.
    seed : int
        The same seed gives the same draws for every plan.
    """
    layout = problem.layout
    means = [problem.series(lambda part, bid=bid: bid[part]) for bid in effective]  # type: ignore[misc]
    cells = len(layout.entity) * layout.hours
    n = int(np.clip(_CELLS // max(1, cells), _LEAST_DRAWS, DRAWS))
    kept = _largest(
        problem, sum((mean["cost"] for mean in means), np.zeros(len(layout.entity))), _CELLS // (n * layout.hours)
    )
    campaign = layout.series_campaign[kept]
    found = np.empty((len(effective), n, len(layout.campaigns), len(TOTALS)))
    for at, (bid, mean) in enumerate(zip(effective, means, strict=True)):
        got = problem.landscape.draws(bid[kept], np.random.default_rng([seed, 1]), n, layout.rows[kept])
        revenue, value = got.conversions * problem.revenue[kept], got.conversions * problem.profit[kept] - got.cost
        for place, values in enumerate((value, revenue, got.conversions, got.clicks, got.cost)):
            found[at, :, :, place] = _grouped(values, campaign, len(layout.campaigns))
        _scale_up(found[at], mean, problem, kept)
    return Draws(totals=found)


def _largest(problem: BidProblem, cost: Floats, most: int) -> NDArray[np.int64]:
    """Return about so many series, of each campaign the same share, those with the largest cost."""
    campaign = problem.layout.series_campaign
    if len(campaign) <= most:
        return np.arange(len(campaign))
    order = np.lexsort((-cost, campaign))
    first = np.searchsorted(campaign, np.arange(len(problem.layout.campaigns)))
    rank = np.empty(len(campaign), dtype=np.int64)
    rank[order] = np.arange(len(campaign)) - first[campaign[order]]
    size = np.bincount(campaign, minlength=len(problem.layout.campaigns))
    return np.flatnonzero(rank < np.ceil(size * most / len(campaign))[campaign])


def _grouped(values: Floats, campaign: NDArray[np.int64], campaigns: int) -> Floats:
    """Add up float64[draw, n] by campaign (ascending)."""
    starts = np.searchsorted(campaign, np.arange(campaigns))
    full = np.diff(np.append(starts, len(campaign))) > 0
    found = np.zeros((len(values), campaigns))
    found[:, full] = np.add.reduceat(values, starts[full], axis=1)
    return found


def _scale_up(totals: Floats, mean: dict[str, Floats], problem: BidProblem, kept: NDArray[np.int64]) -> None:
    campaign, campaigns = problem.layout.series_campaign, len(problem.layout.campaigns)
    if len(kept) == len(campaign):
        return
    for place, name in enumerate(TOTALS):
        whole = np.bincount(campaign, mean[name], campaigns)
        part = np.bincount(campaign[kept], mean[name][kept], campaigns)
        totals[:, :, place] += whole - part
        spread = totals[:, :, place] - totals[:, :, place].mean(axis=0)
        factor = np.divide(np.abs(whole), np.abs(part), out=np.ones(campaigns), where=part != 0)
        totals[:, :, place] += spread * (factor - 1.0)


def cushions(
    problem: BidProblem, effective: Floats, limits: tuple[BidLimit, ...], *, confidence: float, seed: int
) -> Floats:
    """Return by how much expected spend has to stay below each budget, so that a day's spend keeps it often enough.

    A day's spend is taken as log-normal. Its variance adds up that of the day's traffic, which all keywords share; of the
    number and prices of clicks, which come by chance (``sum of clicks x mean square price`` where they come independently);
    and of what is not known of the landscape. At a probability of .5 the expected spend keeps the budget, and half a standard
    deviation of what is not known of it is left besides: a search prefers what only looks cheap, and an expectation that
    turns out too low would overspend on every day.

    Parameters
    ----------
    problem : BidProblem
        What bids bring.
    effective : float64[series, hour]
        Effective bids of the plan.
    limits : tuple of BidLimit
        Budgets among them.
    confidence : float
        Probability, in (0, 1).
    seed : int
        For the draws.

    Returns
    -------
    float64[limit]
        Budget / expected spend that is kept; 1 for other limits.
    """
    found = np.ones(len(limits))
    budgets = [at for at, limit in enumerate(limits) if limit.kind == "daily_budget"]
    if not budgets:
        return found
    draws = draw_totals(problem, [effective], seed)
    even = confidence == 0.5
    chance = np.zeros(len(problem.layout.campaigns))
    if not even:
        chance += np.bincount(problem.layout.series_campaign, _square_prices(problem, effective), len(chance))
    for at in budgets:
        only = limits[at].campaign
        cost = draws.cost(0, only)
        mean = float(cost.mean())
        if mean <= 0:
            continue
        own = float(chance.sum() if only is None else chance[only])
        variance = np.expm1(problem.landscape.day_shock**2) + (own + float(cost.var())) / mean**2
        sd = float(np.sqrt(np.log1p(variance)))
        factor = 1.0 if even else float(np.exp(ndtri(confidence) * sd - 0.5 * sd**2))
        found[at] = max(factor, 1.0 + _PRUDENCE * float(cost.std()) / mean) if confidence >= 0.5 else min(factor, 1.0)
    return found


def _square_prices(problem: BidProblem, effective: Floats) -> Floats:
    """Clicks x mean square price of a click, summed over the hours, float64[series].

    First price: bid x cost. Second price: the price is spread as marginal cost is, so that it is ``bid x cost(bid)`` less
    the integral of cost up to the bid (by Simpson's rule).
    """
    found = np.zeros(len(effective))
    second = problem.landscape.auction == "second"
    share = np.linspace(0.0, 1.0, _POINTS) if second else np.ones(1)
    simpson = np.array([1.0, *([4.0, 2.0] * (_POINTS // 2))[:-1], 1.0]) / (3.0 * (_POINTS - 1))

    def work(part: slice) -> None:
        bid = effective[part]
        cost = problem.landscape.expected(bid[:, :, None] * share, problem.layout.rows[part]).cost
        square = bid * (cost[:, :, -1] - (cost @ simpson if second else 0.0))
        found[part] = np.maximum(square, 0.0).sum(axis=1)

    each_part(work, len(effective), effective.shape[1] * len(share))
    return found


def interval(draws: Floats) -> tuple[float, float]:
    """Return the 10 % and 90 % points of draws, float64[draw]."""
    low, high = np.quantile(draws, [0.1, 0.9])
    return float(low), float(high)
