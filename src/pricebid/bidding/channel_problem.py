"""What can be chosen for each channel, and what it would bring."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from pricebid.errors import InputError
from pricebid.tables.table import freeze

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pricebid.bidding.channel_limits import SpendBounds
    from pricebid.landscape.channel_response import ChannelResponse
    from pricebid.policy import Objective

STEPS, OWN = 400, 200
_CENTS = 100.0


@dataclass(frozen=True, kw_only=True, eq=False)
class SplitProblem:
    """Everything that can be chosen, and what it would bring.

    Parameters
    ----------
    spend : float64[channel, option]
        Ascending, money per period; NaN behind the last option of a channel.
    outcomes : dict of str to float64[channel, option]
        Posterior means: ``spend``, ``objective``, and those of ``revenue``, ``conversions``, ``new_customers``, ``profit`` that
        are known.
    bounds : SpendBounds
        What each channel may spend.
    """

    spend: NDArray[np.float64]
    outcomes: dict[str, NDArray[np.float64]] = field(repr=False)
    bounds: SpendBounds


def build_problem(
    response: ChannelResponse, objective: Objective, bounds: SpendBounds, *, margin: float
) -> SplitProblem:
    """Lay out a ladder of spends per channel, and the mean outcomes of each step.

    The ladder has `OWN` steps between the channel's bounds, those and what is spent now among them. Within a budget there are
    `STEPS` steps up to it too, the same money for every channel, so that money moves between channels without a remainder.

    Raises
    ------
    InputError
        The objective needs revenue or conversions, and the table has none.
    """
    budget = np.inf if bounds.budget is None else bounds.budget
    high = np.minimum(bounds.high, np.maximum(budget, bounds.low))
    own = bounds.low[:, None] + (high - bounds.low)[:, None] * np.arange(1, OWN) / OWN
    shared = np.broadcast_to(np.arange(STEPS + 1) * (budget / STEPS), (len(own), STEPS + 1)) if budget < np.inf else own
    steps = np.concatenate([own, shared], axis=1)
    steps = np.where(steps > 1.0, np.floor(steps * _CENTS) / _CENTS, steps)  # no fractions of the smallest coin
    ends = np.stack([bounds.low, high, np.clip(response.spend, bounds.low, high)], axis=1)
    rungs = np.concatenate([steps, ends], axis=1)
    slack = 1e-12 * np.maximum(high, 1.0)[:, None]
    inside = (rungs >= bounds.low[:, None] - slack) & (rungs <= high[:, None] + slack)
    rungs = np.sort(np.where(inside, rungs, np.nan), axis=1)  # NaN is sorted behind everything
    again = np.append(np.zeros((len(rungs), 1), dtype=bool), np.diff(rungs, axis=1) <= slack, axis=1)
    spend = np.sort(np.where(again, np.nan, rungs), axis=1)
    spend = spend[:, : int(np.isfinite(spend).sum(axis=1).max())]
    outcomes = mean_outcomes(response, np.where(np.isnan(spend), 0.0, spend), margin=margin)
    outcomes["objective"] = goal_of(objective, outcomes)
    return SplitProblem(spend=freeze(spend), outcomes=outcomes, bounds=bounds)


def mean_outcomes(
    response: ChannelResponse, spend: NDArray[np.float64], *, margin: float
) -> dict[str, NDArray[np.float64]]:
    """Posterior mean of what spends bring per period, float64[channel, option] by name."""
    return outcomes_of(response, response.expected(spend), spend, margin=margin)


def outcomes_of(
    response: ChannelResponse, result: NDArray[np.float64], spend: NDArray[np.float64], *, margin: float
) -> dict[str, NDArray[np.float64]]:
    """Outcomes by name from the outcome that was fitted, float64[..., channel, option] each; those not known are left out."""
    found = {"spend": spend}
    for name in ("revenue", "conversions", "new_customers"):
        per = getattr(response, name)
        if np.isfinite(per).any():
            found[name] = result * np.nan_to_num(per)[:, None]
    if "revenue" in found:
        found["profit"] = margin * found["revenue"] - spend
    return found


def goal_of(objective: Objective, outcomes: dict[str, NDArray[np.float64]]) -> NDArray[np.float64]:
    """The objective of each option; units of the policy are conversions here.

    Raises
    ------
    InputError
        It needs what the table does not hold.
    """
    weights = {"profit": objective.profit, "revenue": objective.revenue, "conversions": objective.units}
    for name, weight in weights.items():
        if weight and name not in outcomes:
            have = "revenue" if name != "conversions" else "conversions"
            other = "units" if name != "conversions" else "revenue"
            raise InputError(
                f"the objective needs {name}, and the table channels has no column {have}; add it, or set objective = "
                f'"{other}"'
            )
    shape = outcomes["spend"].shape
    return np.asarray(sum((weight * outcomes[name] for name, weight in weights.items() if weight), np.zeros(shape)))
