"""The ladder of one channel: what each spend would bring, and what bars it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pricebid.bidding.channel_problem import goal_of, mean_outcomes
from pricebid.landscape.channel_shapes import FORMS

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from pricebid.bidding.channel_plan import ChannelPlan

_STEPS = 13


@dataclass(frozen=True, kw_only=True, eq=False)
class ChannelExplanation:
    """One channel's spends beside each other.

    Parameters
    ----------
    title : str
        The channel.
    reason : str
        As in the plan.
    shape : str
        What was learnt of carry-over and saturation.
    outcome : str
        What ``result`` counts: revenue or conversions.
    spend : float64[option]
        Ascending, money per period.
    result, result_low, result_high : float64[option]
        Expected per period, and the 80 % interval of that expectation.
    goal : float64[option]
        The objective at that spend.
    marginal : float64[option]
        Outcome of the next unit of money, mean.
    picked, current : int
        Position of the planned and of the current spend.
    barred : tuple of str
        Why an option may not be picked; empty where it may.
    """

    title: str
    reason: str
    shape: str
    outcome: str
    spend: NDArray[np.float64]
    result: NDArray[np.float64]
    result_low: NDArray[np.float64]
    result_high: NDArray[np.float64]
    goal: NDArray[np.float64]
    marginal: NDArray[np.float64]
    picked: int
    current: int
    barred: tuple[str, ...]

    def to_frame(self) -> pd.DataFrame:
        """Return one row per spend."""
        import pandas as pd

        names = ("spend", "result", "result_low", "result_high", "marginal", "goal")
        frame = pd.DataFrame({name: getattr(self, name) for name in names}).rename(
            columns={"result": self.outcome, "result_low": f"{self.outcome}_low", "result_high": f"{self.outcome}_high"}
        )
        frame["picked"] = np.arange(len(frame)) == self.picked
        frame["current"] = np.arange(len(frame)) == self.current
        frame["barred"] = list(self.barred)
        return frame

    def __str__(self) -> str:
        head = f"{'spend':>12} {self.outcome:>14} {'80 % interval':>25} {'next unit':>10} {'objective':>14}"
        lines = [self.title, self.reason, self.shape, "", head]
        for at, barred in enumerate(self.barred):
            marks = ["<- planned"] * (at == self.picked) + ["now"] * (at == self.current)
            marks += [f"barred: {barred}"] * bool(barred)
            span = f"{self.result_low[at]:,.0f} to {self.result_high[at]:,.0f}"
            lines.append(
                f"{self.spend[at]:>12,.2f} {self.result[at]:>14,.2f} {span:>25} {self.marginal[at]:>10.3f} "
                f"{self.goal[at]:>14,.2f}  {'; '.join(marks)}".rstrip()
            )
        return "\n".join(lines)


def explain(plan: ChannelPlan, channel: int) -> ChannelExplanation:
    """Return spends of one channel from 0 to beyond what is planned and allowed, all others as planned."""
    bounds = plan.problem.bounds
    reach = 1.2 * max(
        plan.spend[channel], plan.now[channel], min(bounds.high[channel], plan.response.most[channel]), 1e-9
    )
    spend = np.append(np.linspace(0.0, reach, _STEPS), [plan.spend[channel], plan.now[channel]])
    spend = np.unique(np.round(spend, 9))
    ladder = np.tile(plan.spend[:, None], (1, len(spend)))
    ladder[channel] = spend
    result = plan.response.draws(ladder)[:, channel]
    outcomes = mean_outcomes(plan.response, ladder, margin=plan.margin)
    goal = goal_of(plan.policy.objective, outcomes)[channel]
    low, high = np.quantile(result, (0.1, 0.9), axis=0)
    marginal = np.stack([plan.response.marginal(column)[:, channel].mean() for column in ladder.T])
    picked = int(np.abs(spend - plan.spend[channel]).argmin())
    return ChannelExplanation(
        title=f"channel {plan.channels[channel]}, per {plan.response.frequency}",
        reason=str(plan.reason[channel]),
        shape=_shape(plan, channel),
        outcome=plan.response.outcome,
        spend=spend,
        result=result.mean(axis=0),
        result_low=low,
        result_high=high,
        goal=goal,
        marginal=marginal,
        picked=picked,
        current=int(np.abs(spend - plan.now[channel]).argmin()),
        barred=tuple(_barred(plan, channel, one) if at != picked else "" for at, one in enumerate(spend)),
    )


def _shape(plan: ChannelPlan, channel: int) -> str:
    response = plan.response
    shares = response.form_shares()[channel]
    likely = int(np.argmax(shares))
    kept = np.quantile(response.retention[:, channel], (0.1, 0.5, 0.9))
    return (
        f"{kept[1]:.0%} carries over to the next {response.fitted} ({kept[0]:.0%} to {kept[2]:.0%}); likeliest form "
        f"{FORMS[likely]} ({shares[likely]:.0%})"
    )


def _barred(plan: ChannelPlan, channel: int, spend: float) -> str:
    bounds = plan.problem.bounds
    slack = 1e-9 * max(1.0, spend)
    if spend < bounds.low[channel] - slack:
        return bounds.low_by[channel]
    if spend > bounds.high[channel] + slack:
        return bounds.high_by[channel]
    others = float(plan.spend.sum() - plan.spend[channel])
    if bounds.budget is not None and others + spend > bounds.budget * (1 + 1e-9):
        return "budget, unless another channel gives"
    return ""
