"""The split of a budget over channels: a ladder of spends per channel, what each is expected to bring, one pick each."""

from __future__ import annotations

from dataclasses import replace
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np

from pricebid.bidding.channel_limits import spend_bounds
from pricebid.bidding.channel_plan import ChannelPlan
from pricebid.bidding.channel_problem import build_problem
from pricebid.errors import InputError
from pricebid.optimize import Limit, choose
from pricebid.policy import Channels
from pricebid.tables.table import freeze

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from pricebid.bidding.channel_problem import SplitProblem
    from pricebid.landscape.channel_response import ChannelResponse
    from pricebid.landscape.channel_value import CustomerValue
    from pricebid.policy import Policy
    from pricebid.tables import Settings


def split_budget(
    response: ChannelResponse,
    policy: Policy,
    *,
    margin: float | None = None,
    customers: CustomerValue | None = None,
    settings: Settings | None = None,
    progress: Callable[[str, float], None] | None = None,
) -> ChannelPlan:
    """Choose a spend per channel: the highest objective that the budget and the channels' limits allow.

    Parameters
    ----------
    response : ChannelResponse
        As fitted.
    policy : Policy
        Objective; ``channels``: budget, floors, caps, changes. Without a budget, profit decides how much is spent; what is
        spent now is the budget for other objectives.
    margin : float, optional
        Contribution over revenue before advertising, above 0; 1 where not given: revenue is then taken for contribution.
    customers : CustomerValue, optional
        Of the orders; for the table only.
    settings : Settings, optional
        Currency.
    progress : callable, optional
        Called as ``progress(stage, share)``, share in [0, 1].

    Returns
    -------
    ChannelPlan
        Spends with expected outcomes, intervals, marginal returns and reasons.

    Raises
    ------
    InputError
        The objective cannot be told from the table, or the policy names what is not there.
    Infeasible
        Floors, caps, changes and budget that cannot all hold.

    Notes
    -----
    Outcomes of an option are means over draws from the posterior of the response, not the response at mean parameters:
    curves bend, so that the two differ, and the mean is what is earned on average.
    """
    began = perf_counter()
    if margin is not None and not 0 < margin <= 1:
        raise InputError(f"margin {margin:g} must be above 0 and at most 1: contribution over revenue")
    notices = [] if margin is not None else ["no margin is known: revenue is taken for contribution"]
    asked, budget_notice = _asked(policy, response)
    bounds = spend_bounds(response.channels, policy=asked, spend=response.spend, most=response.most)
    if progress is not None:
        progress("ladder", 0.1)
    problem = build_problem(response, policy.objective, bounds, margin=margin or 1.0)
    if progress is not None:
        progress("search", 0.5)
    limits = [] if bounds.budget is None else [Limit("spend", at_most=bounds.budget, label="budget")]
    available = np.isfinite(problem.spend)
    choice = choose(problem.outcomes, maximise="objective", limits=limits, available=available)
    if progress is not None:
        progress("", 1.0)
    return ChannelPlan(
        response=response,
        policy=policy,
        problem=problem,
        spend=freeze(problem.spend[np.arange(len(problem.spend)), choice.option]),
        choice=choice,
        margin=margin or 1.0,
        customers=customers,
        currency="" if settings is None else settings.currency,
        notices=(*notices, *budget_notice, *_reached(problem, choice.option, response)),
        seconds={"plan": perf_counter() - began},
    )


def _asked(policy: Policy, response: ChannelResponse) -> tuple[Channels, tuple[str, ...]]:
    """The policy's section, with what is spent now as the budget where there must be one."""
    asked = policy.channels or Channels()
    if asked.budget is not None or not (policy.objective.revenue or policy.objective.units):
        return asked, ()
    now = float(response.spend.sum())
    return replace(asked, budget=now), (f"no channels.budget: what is spent now, {now:,.2f}, is taken for it",)


def _reached(problem: SplitProblem, option: NDArray[np.int64], response: ChannelResponse) -> tuple[str, ...]:
    """Say where the plan would go further than the history speaks of."""
    top = np.isfinite(problem.spend).sum(axis=1) - 1
    stopped = (
        (option == top) & (np.array(problem.bounds.high_by) == "history") & (problem.bounds.low < problem.bounds.high)
    )
    names = ", ".join(response.channels[stopped].tolist())
    silent = ", ".join(response.channels[response.level.max(axis=0) <= 0].tolist())
    return (
        *((f"{silent}: never spent or brought anything; taken to bring nothing",) if silent else ()),
        *((f"{names}: planned no further than twice the highest level reached",) if names else ()),
    )
