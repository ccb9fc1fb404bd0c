"""The numbers behind a bid: what a click costs and is worth, how clicks answer, what one more conversion costs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtr

from pricebid.bidding.free import Prices
from pricebid.bidding.problem import GOAL

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pricebid.bidding.layout import Setting
    from pricebid.bidding.limits import BidLimit
    from pricebid.bidding.problem import BidProblem

    Floats = NDArray[np.float64]

ACTIONS = ("keep", "raise", "lower", "pause", "start")
_SAME = 1e-9
_APART = 0.05


@dataclass(frozen=True, kw_only=True, eq=False)
class Numbers:
    """Numbers of each keyword at a reference bid: the planned one, or where that is 0 the current or else the lowest.

    Parameters
    ----------
    bid : float64[entity]
        The reference bid.
    outcomes : dict of str to float64[entity]
        Per day.
    elasticity : float64[entity]
        Per cent more clicks for one per cent more bid.
    marginal : float64[entity]
        Cost of one more conversion, money; NaN where clicks do not answer.
    allowed : float64[entity]
        What one more conversion may cost, all limits charged at their shadow prices.
    alone : float64[entity]
        What it might cost without limits; infinite where money does not count.
    chance : float64[entity]
        Posterior probability that the keyword's profit is above 0.
    """

    bid: Floats
    outcomes: dict[str, Floats]
    elasticity: Floats
    marginal: Floats
    allowed: Floats
    alone: Floats
    chance: Floats

    @cached_property
    def click_cost(self) -> Floats:
        """Cost per click, float64[entity]."""
        return _ratio(self.outcomes["cost"], self.outcomes["clicks"])

    @cached_property
    def click_worth(self) -> Floats:
        """Contribution per click before ad cost, float64[entity]."""
        return _ratio(self.outcomes["profit"] + self.outcomes["cost"], self.outcomes["clicks"])

    @cached_property
    def cpa(self) -> Floats:
        """Cost per conversion, float64[entity]."""
        return _ratio(self.outcomes["cost"], self.outcomes["conversions"])


def numbers(
    problem: BidProblem, setting: Setting, reference: Floats, *, limits: tuple[BidLimit, ...], shadow_prices: Floats
) -> Numbers:
    """Return the numbers of each keyword at a reference bid, float64[entity].

    Parameters
    ----------
    problem : BidProblem
        What bids bring.
    setting : Setting
        Its multipliers hold.
    reference : float64[entity]
        Bids, money per click.
    limits, shadow_prices
        What limits charge.
    """
    layout = problem.layout

    def at(share: float) -> dict[str, Floats]:
        bid = reference * share
        return problem.series(lambda part: bid[layout.entity[part]][:, None] * setting.over(layout, part))

    here, less, more = at(1.0), at(1.0 - _APART), at(1.0 + _APART)
    outcomes = {name: layout.total(values) for name, values in here.items() if name != GOAL}
    clicks, cost, conversions = (layout.total(more[name] - less[name]) for name in ("clicks", "cost", "conversions"))
    prices = Prices.at(problem, limits, shadow_prices)
    weight = np.maximum(here["conversions"], 1e-300)

    def mean(values: Floats) -> Floats:
        return layout.total(values * weight) / layout.total(weight)

    with np.errstate(divide="ignore", invalid="ignore"):
        alone = np.divide(problem.appeal, problem.money) if problem.money > 0 else np.full(len(weight), np.inf)
        allowed = np.where(prices.money > 0, prices.worth / prices.money, np.inf)
    return Numbers(
        bid=reference,
        outcomes=outcomes,
        elasticity=_ratio(clicks, 2 * _APART * outcomes["clicks"]),
        marginal=_ratio(cost, conversions),
        allowed=mean(allowed),
        alone=mean(alone),
        chance=_chance(problem, here),
    )


def _chance(problem: BidProblem, series: dict[str, Floats]) -> Floats:
    """Probability that a click is worth more than it costs; the conversion rate is uncertain, log-normal."""
    layout = problem.layout
    clicks = np.maximum(series["clicks"], 1e-300)
    variance = problem.landscape.conversion_rate.log_variance[layout.rows]
    share = clicks / layout.total(clicks)[layout.entity]
    sd = np.sqrt(np.maximum(layout.total(share**2 * variance), 1e-12))
    worth, cost = layout.total(series["profit"] + series["cost"]), layout.total(series["cost"])
    with np.errstate(divide="ignore", invalid="ignore"):
        score = (np.log(worth) - 0.5 * sd**2 - np.log(cost)) / sd
    found = np.where((worth > 0) & (cost > 0), ndtr(score), np.where(worth > 0, 1.0, 0.0))
    return np.where(np.isnan(worth), np.nan, found)


def actions(bid: Floats, current: Floats, mean: Floats | None = None) -> NDArray[np.object_]:
    """Say in a word what happens to each keyword, object[entity] of str from `ACTIONS`.

    Parameters
    ----------
    bid : float64[entity]
        Planned; 0: paused.
    current : float64[entity]
        NaN where there never was a bid.
    mean : float64[entity], optional
        Planned bids under their multipliers, on average; the bids themselves where not given. They are what is compared.

    Examples
    --------
    >>> actions(np.array([1.0, 2.0, 0.5, 0.0, 1.0, 0.0]), np.array([1.0, 1.0, 1.0, 1.0, np.nan, np.nan])).tolist()
    ['keep', 'raise', 'lower', 'pause', 'start', 'keep']
    """
    now, then = np.nan_to_num(current), bid if mean is None else mean
    code = np.select([np.abs(then - now) <= _SAME, now == 0, bid == 0, then > now], [0, 4, 3, 1], default=2)
    words: NDArray[np.object_] = np.array(ACTIONS, dtype=object)[code]
    return words


def _ratio(above: Floats, below: Floats) -> Floats:
    return np.asarray(np.divide(above, below, out=np.full(len(above), np.nan), where=below > 1e-280), dtype=np.float64)
