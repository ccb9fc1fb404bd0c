"""The channel plan: a spend per channel, what it is worth, how sure that is, and why."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from pricebid.bidding.channel_problem import mean_outcomes, outcomes_of
from pricebid.bidding.channel_reasons import actions, reasons
from pricebid.errors import InputError
from pricebid.optimize import LimitReport
from pricebid.policy import nearest
from pricebid.tables.identify import new_id

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from pricebid.bidding.channel_explain import ChannelExplanation
    from pricebid.bidding.channel_problem import SplitProblem
    from pricebid.landscape.channel_response import ChannelResponse
    from pricebid.landscape.channel_value import CustomerValue
    from pricebid.optimize import Choice
    from pricebid.policy import Policy

RESULTS = ("profit", "revenue", "conversions", "new_customers")
INTERVAL = (0.1, 0.9)


@dataclass(frozen=True, kw_only=True, eq=False)
class ChannelPlan:
    """One spend per channel and period, to be kept up.

    Parameters
    ----------
    response : ChannelResponse
        What the channels were taken to bring.
    policy : Policy
        As planned for.
    problem : SplitProblem
        Ladders, outcomes and bounds.
    spend : float64[channel]
        Planned, money per period.
    choice : Choice
        Of the optimiser: bound, gap, shadow price of the budget.
    margin : float
        Contribution over revenue before advertising.
    customers : CustomerValue, optional
        Lifetime revenue by channel of the first order.
    currency : str
        Printed beside money.
    notices : tuple of str
        What was assumed or could not be done.
    seconds : dict of str to float
        Wall clock per stage.
    id : str
        UUIDv7.
    """

    response: ChannelResponse = field(repr=False)
    policy: Policy
    problem: SplitProblem = field(repr=False)
    spend: NDArray[np.float64]
    choice: Choice = field(repr=False)
    margin: float
    customers: CustomerValue | None
    currency: str
    notices: tuple[str, ...]
    seconds: dict[str, float]
    id: str = field(default_factory=new_id)

    # -- what it says -------------------------------------------------------------------------------------------

    @property
    def channels(self) -> NDArray[np.object_]:
        """Labels, object[channel]."""
        return self.response.channels

    @property
    def now(self) -> NDArray[np.float64]:
        """Spent now, float64[channel], money per period."""
        return self.response.spend

    @cached_property
    def _ends(self) -> NDArray[np.float64]:
        return np.stack([self.now, self.spend], axis=1)

    @cached_property
    def outcomes(self) -> tuple[dict[str, NDArray[np.float64]], dict[str, NDArray[np.float64]]]:
        """Expected outcomes per period at spends now and as planned, float64[channel] by name."""
        both = mean_outcomes(self.response, self._ends, margin=self.margin)
        return tuple({name: one[:, at] for name, one in both.items()} for at in (0, 1))  # type: ignore[return-value]

    @cached_property
    def drawn(self) -> dict[str, NDArray[np.float64]]:
        """Outcomes per period over draws from the posterior, float64[draw, channel, (now, planned)] by name."""
        ends = self._ends
        return outcomes_of(self.response, self.response.draws(ends), ends, margin=self.margin)

    @cached_property
    def marginal(self) -> NDArray[np.float64]:
        """Return on the next unit of money, float64[draw, channel]: in revenue, in conversions where no revenue is known."""
        return self.response.marginal(self.spend)

    @property
    def status(self) -> Literal["optimal", "feasible"]:
        """``optimal`` where nothing better exists on the ladder of spends."""
        return self.choice.status

    @property
    def budget_price(self) -> float:
        """What one more unit of money in the budget would add to the objective; 0 without a budget, or where it is not used up."""
        return float(self.choice.shadow_prices[0]) if len(self.choice.shadow_prices) else 0.0

    @cached_property
    def limits(self) -> tuple[LimitReport, ...]:
        """The budget, and how the plan stands to it."""
        if self.problem.bounds.budget is None:
            return ()
        total = float(self.spend.sum())
        return (
            LimitReport(
                name="budget",
                limit=self.problem.bounds.budget,
                value=total,
                slack=self.problem.bounds.budget - total,
                shadow_price=self.budget_price,
            ),
        )

    @cached_property
    def action(self) -> NDArray[np.object_]:
        """``raise``, ``lower``, ``keep``, ``start`` or ``stop``, object[channel]."""
        return actions(self)

    @cached_property
    def reason(self) -> NDArray[np.object_]:
        """Why each spend is what it is, object[channel]."""
        return reasons(self)

    @cached_property
    def totals(self) -> dict[str, dict[str, Any]]:
        """Totals per period: ``now``, ``planned``, and ``uplift`` with the 80 % interval of its expectation."""
        totals: dict[str, dict[str, Any]] = {"now": {}, "planned": {}, "uplift": {}}
        for name in ("spend", *RESULTS):
            if name not in self.drawn:
                continue
            now, planned = (float(one[name].sum()) for one in self.outcomes)
            totals["now"][name], totals["planned"][name] = now, planned
            if name == "spend":
                continue
            moves = self.drawn[name][:, :, 1].sum(axis=1) - self.drawn[name][:, :, 0].sum(axis=1)
            low, high = np.quantile(moves, INTERVAL)
            totals["uplift"][name] = {"value": planned - now, "low": float(low), "high": float(high)}
        return totals

    # -- ways out -----------------------------------------------------------------------------------------------

    def to_frame(self) -> pd.DataFrame:
        """Return the table ``channels``: one row per channel, money and counts per period (see ``docs/channels.md``)."""
        import pandas as pd

        now, planned = self.outcomes
        columns: dict[str, Any] = {"channel": self.channels, "current_spend": self.now, "spend": self.spend}
        for name in RESULTS:
            if name in planned:
                columns |= {f"{name}_now": now[name], name: planned[name]}
                if name == "revenue":
                    low, high = np.quantile(self.drawn[name][:, :, 1], INTERVAL, axis=0)
                    columns |= {"revenue_low": low, "revenue_high": high}
        low, high = np.quantile(self.marginal, INTERVAL, axis=0)
        columns |= {"marginal_return": self.marginal.mean(axis=0), "marginal_low": low, "marginal_high": high}
        columns |= self._economics(planned)
        columns |= {
            "carry_over": np.median(self.response.retention, axis=0),
            "action": self.action,
            "reason": self.reason,
        }
        return pd.DataFrame(columns)

    def _economics(self, planned: dict[str, NDArray[np.float64]]) -> dict[str, NDArray[np.float64]]:
        """ROI, cost per conversion and per new customer, and what a customer is worth, float64[channel] each."""
        found = {}
        if "profit" in planned:
            found["roi"] = _ratio(planned["profit"], self.spend)
        if "conversions" in planned:
            found["cpa"] = _ratio(self.spend, planned["conversions"])
        if "new_customers" in planned:
            found["cac"] = _ratio(self.spend, planned["new_customers"])
            if "revenue" in planned:
                found["new_customer_revenue"] = _ratio(planned["revenue"], planned["new_customers"])
        if self.customers is not None:
            found["ltv"] = self.margin * self.customers.of(self.channels)
            if "cac" in found:
                found["ltv_to_cac"] = _ratio(found["ltv"], found["cac"])
        return found

    def summary(self) -> str:
        """Return the plan in a page of text: totals, budget, and each channel with its reason."""
        from pricebid.bidding.channel_summary import summary

        return summary(self)

    def explain(self, channel: str) -> ChannelExplanation:
        """Return the ladder of one channel: what each spend would bring, which was picked, what bars the others.

        Raises
        ------
        InputError
            No channel has this label.
        """
        from pricebid.bidding.channel_explain import explain

        labels = self.channels.tolist()
        if channel not in labels:
            raise InputError(f"no channel {channel!r}{nearest(channel, labels)}; there are {', '.join(labels)}")
        return explain(self, labels.index(channel))

    def plot(self) -> Figure:
        """Draw each channel's response with its interval, and the spends now and planned (needs matplotlib)."""
        from pricebid.report.channel_plots import plot_channel_plan

        return plot_channel_plan(self)

    def to_json(self) -> str:
        """Return plan.json."""
        content = {
            "id": self.id,
            "status": self.status,
            "objective": self.choice.value,
            "bound": self.choice.bound,
            "gap": self.choice.gap,
            "scope": "exact",
            "totals": self.totals,
            "limits": [asdict(limit) for limit in self.limits],
            "notices": list(self.notices),
            "period": self.response.frequency,
            "margin": self.margin,
            "currency": self.currency,
            "model": f"ChannelResponse of {len(self.channels)} channels, {self.response.outcome} by {self.response.fitted}",
            "seed": self.policy.seed,
            "seconds": {stage: round(value, 4) for stage, value in self.seconds.items()},
            "policy": self.policy.to_mapping(),
        }
        return json.dumps(content, indent=2, default=float, allow_nan=False)

    def write(self, folder: str | Path, *, file_format: Literal["csv", "parquet"] = "csv") -> tuple[Path, ...]:
        """Write ``channels`` and ``plan.json``: both of them or none.

        Raises
        ------
        InputError
            The folder cannot be written to.
        """
        from pricebid.tables.write import write_results

        frames = {"channels": self.to_frame()}
        return write_results(folder, frames, documents={"plan.json": self.to_json()}, file_format=file_format)


def _ratio(above: NDArray[np.float64], below: NDArray[np.float64]) -> NDArray[np.float64]:
    """Quotients, NaN where there is nothing to divide by."""
    return np.asarray(np.divide(above, below, out=np.full(above.shape, np.nan), where=below > 0))
