"""Why a channel's spend is raised, lowered or kept, in words with the numbers behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pricebid.bidding.channel_plan import ChannelPlan

_STILL = 0.005
_ENDS = {"history": "twice the highest level reached", "no spend below 0": "0"}


def actions(plan: ChannelPlan) -> NDArray[np.object_]:
    """What is to be done per channel, object[channel]; moves below half a percent count as none."""
    now, spend = plan.now, plan.spend
    still = np.abs(spend - now) <= _STILL * np.maximum(now, 1e-9)
    rising = spend > now
    words = np.where(still, "keep", np.where(rising, "raise", "lower")).astype(object)
    words[~still & (now <= 0)] = "start"
    words[~still & (spend <= 0)] = "stop"
    return words


def reasons(plan: ChannelPlan) -> NDArray[np.object_]:
    """One sentence per channel, object[channel]."""
    low, high = np.quantile(plan.marginal, (0.1, 0.9), axis=0)
    rows = zip(plan.action, plan.now, plan.spend, plan.marginal.mean(axis=0), low, high, _ends(plan), strict=True)
    return np.array([_sentence(plan, *row) for row in rows], dtype=object)


def unit(plan: ChannelPlan) -> str:
    """Say what the next unit of money brings."""
    return "revenue" if plan.response.outcome == "revenue" else "conversions"


def _sentence(
    plan: ChannelPlan,
    action: str,
    now: float,
    spend: float,
    marginal: float,
    low: float,
    high: float,
    end: str,
) -> str:
    moves = f"{action} {spend / now - 1:+.0%}" if now > 0 and action in {"raise", "lower"} else action
    digits = 2 if plan.response.outcome == "revenue" else 4
    brings = f"the next unit of money brings {marginal:.{digits}f} {unit(plan)} ({low:.{digits}f} to {high:.{digits}f})"
    return f"{moves}: {brings}" + _pays(plan) + (f"; {end}" if end else "")


def _pays(plan: ChannelPlan) -> str:
    """From which return on the next unit of money pays, where profit alone counts."""
    aim = plan.policy.objective
    if plan.response.outcome != "revenue" or aim.revenue or aim.units or not aim.profit:
        return ""
    return f", pays from {(1 + plan.budget_price / aim.profit) / plan.margin:.2f}"


def _ends(plan: ChannelPlan) -> list[str]:
    """What stops each spend from going further, object[channel]; empty where the optimum lies between bounds."""
    bounds, spend = plan.problem.bounds, plan.spend
    slack = 1e-9 * np.maximum(1.0, spend)
    ends = np.full(len(spend), "", dtype=object)
    for name, at, by in (
        ("goes no lower", spend <= bounds.low + slack, bounds.low_by),
        ("goes no higher", spend >= bounds.high - slack, bounds.high_by),
    ):
        words = np.array([f"{_ENDS.get(one, one)}: {name}" for one in by], dtype=object)
        ends[at] = words[at]
    return ends.tolist()
