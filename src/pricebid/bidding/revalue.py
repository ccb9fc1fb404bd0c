"""The same bids at other values: what a plan brings when prices have moved."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pricebid.bidding.free import FreeBids
from pricebid.bidding.limits import whole
from pricebid.bidding.make import problem_of, reach_of
from pricebid.bidding.problem import GOAL
from pricebid.bidding.spread import draw_totals

if TYPE_CHECKING:
    from pricebid.bidding.plan import BidPlan
    from pricebid.bidding.value import ConversionValue
    from pricebid.landscape import BidLandscape


def revalued(
    plan: BidPlan, landscape: BidLandscape, value: ConversionValue, *, worth: ConversionValue | None = None
) -> BidPlan:
    """Return a plan's bids and multipliers under another landscape and other values of a conversion.

    Outcomes, objective, intervals and reasons are those of the new values. The bound is recomputed at the plan's shadow
    prices: still valid, looser than that of a plan made for these values.

    Parameters
    ----------
    plan : BidPlan
        As planned.
    landscape : BidLandscape
        Of the same series.
    value : ConversionValue
        Money per conversion of each series.
    worth : ConversionValue, optional
        What the objective counts instead: where a conversion serves more than its own profit, such as a limit of the
        prices. Outcomes stay those of `value`.

    Raises
    ------
    InputError
        The values do not fit the landscape.
    """
    problem = problem_of(landscape, plan.policy, value)
    if worth is not None:
        problem = replace(problem, appeal=problem_of(landscape, plan.policy, worth).appeal)
    setting = plan.found.setting
    free = FreeBids(problem, reach_of(plan.range, plan.grid, problem.layout))
    total = float(problem.outcomes(setting)[GOAL].sum())
    bound = free.bound(whole(plan.limits_kept), plan.found.shadow_prices)
    effective = setting.effective(problem.layout)
    return replace(
        plan,
        problem=problem,
        found=replace(plan.found, value=total),
        bound=bound,
        draws=draw_totals(problem, [problem.current, effective], plan.policy.seed),
    )
