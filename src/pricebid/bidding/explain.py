"""The landscape of one keyword as a curve: what each bid would bring, where the plan's bid sits, what bars the others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pricebid.bidding.limits import broken
from pricebid.bidding.problem import GOAL
from pricebid.bidding.spread import interval

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from pricebid.bidding.plan import BidPlan

    Floats = NDArray[np.float64]

_SHARES = np.geomspace(0.4, 1.8, 11)
_DRAWS = 100


@dataclass(frozen=True, kw_only=True, eq=False)
class BidCurve:
    """One keyword's bids beside each other, all other bids and the multipliers as planned; per day.

    Parameters
    ----------
    title : str
        The keyword's labels.
    action, reason : str
        As in the plan.
    bid : float64[option]
        Ascending; 0 is paused.
    clicks, cost, conversions, profit : float64[option]
        Expected.
    profit_low, profit_high : float64[option]
        80 % interval of the expected profit.
    gain : float64[option]
        Objective less that of the planned bid.
    picked, current : int
        Position of the planned and of the current bid; -1 where there is no current bid.
    barred : tuple of str
        Why a bid may not be set; empty where it may.
    """

    title: str
    action: str
    reason: str
    bid: Floats
    clicks: Floats
    cost: Floats
    conversions: Floats
    profit: Floats
    profit_low: Floats
    profit_high: Floats
    gain: Floats
    picked: int
    current: int
    barred: tuple[str, ...]

    def to_frame(self) -> pd.DataFrame:
        """Return one row per bid."""
        import pandas as pd

        names = ("bid", "clicks", "cost", "conversions", "profit", "profit_low", "profit_high", "gain")
        frame = pd.DataFrame({name: getattr(self, name) for name in names})
        frame["picked"] = np.arange(len(frame)) == self.picked
        frame["current"] = np.arange(len(frame)) == self.current
        frame["barred"] = list(self.barred)
        return frame

    def __str__(self) -> str:
        head = f"{'bid':>8} {'clicks':>9} {'cost':>10} {'conversions':>11} {'profit':>10} {'80 % interval':>19} {'objective':>10}"
        lines = [self.title, f"{self.action}: {self.reason}", "", head]
        for at, barred in enumerate(self.barred):
            marks = (
                ["<- planned"] * (at == self.picked)
                + ["current"] * (at == self.current)
                + [f"barred: {barred}"] * bool(barred)
            )
            span = f"{self.profit_low[at]:,.2f} to {self.profit_high[at]:,.2f}"
            lines.append(
                f"{self.bid[at]:>8,.2f} {self.clicks[at]:>9,.2f} {self.cost[at]:>10,.2f} {self.conversions[at]:>11,.3f} "
                f"{self.profit[at]:>10,.2f} {span:>19} {self.gain[at]:>+10,.2f}  {'; '.join(marks)}".rstrip()
            )
        return "\n".join(lines)


def bid_curve(plan: BidPlan, entity: int) -> BidCurve:
    """Return the curve of one keyword, by its place among the plan's."""
    layout, problem = plan.layout, plan.problem
    bids = _bids(plan, entity)
    first, last = np.searchsorted(layout.entity, [entity, entity + 1])
    part = slice(int(first), int(last))
    times = plan.found.setting.over(layout, part)
    got = problem.landscape.expected(times[:, :, None] * bids, layout.rows[part])
    series = {name: getattr(got, name).sum(axis=1) for name in ("clicks", "cost", "conversions")}
    total = {name: values.sum(axis=0) for name, values in series.items()}
    profit = (series["conversions"] * problem.profit[part, None]).sum(axis=0) - total["cost"]
    revenue = (series["conversions"] * problem.revenue[part, None]).sum(axis=0)
    goal = (series["conversions"] * problem.appeal[part, None]).sum(axis=0) - problem.money * total["cost"]
    picked = int(np.abs(bids - plan.bid[entity]).argmin())
    low, high = _interval(plan, part, times, bids)
    outcomes = {**{name: values for name, values in total.items() if name != "clicks"}, "revenue": revenue, GOAL: goal}
    now = plan.current[entity]
    return BidCurve(
        title=", ".join(f"{name} {label[entity]}" for name, label in zip(layout.columns, layout.labels, strict=True)),
        action=str(plan.action[entity]),
        reason=str(plan.reason[entity]),
        bid=bids,
        clicks=total["clicks"],
        cost=total["cost"],
        conversions=total["conversions"],
        profit=profit,
        profit_low=low,
        profit_high=high,
        gain=goal - goal[picked],
        picked=picked,
        current=int(np.abs(bids - now).argmin()) if np.isfinite(now) else -1,
        barred=tuple(
            _barred(plan, entity, bids[at], {name: one[at] for name, one in outcomes.items()})
            for at in range(len(bids))
        ),
    )


def _bids(plan: BidPlan, entity: int) -> Floats:
    """About a dozen bids from well below to well above the planned and the current one, both among them, and 0."""
    known = [bid for bid in (plan.bid[entity], plan.current[entity]) if np.isfinite(bid) and bid > 0]
    centre = known or [
        float(plan.numbers.click_worth[entity]) if plan.numbers.click_worth[entity] > 0 else plan.range.low[entity]
    ]
    step = plan.range.step
    tried = np.exp(
        np.interp(
            np.linspace(0, 1, len(_SHARES)), [0, 1], np.log([min(centre) * _SHARES[0], max(centre) * _SHARES[-1]])
        )
    )
    rounded = np.maximum(np.round(tried / step), 1.0) * step
    return np.unique(np.round(np.concatenate([[0.0], rounded, known]), 10))


def _interval(plan: BidPlan, part: slice, times: Floats, bids: Floats) -> tuple[Floats, Floats]:
    """80 % interval of the expected profit at each bid, by draws common to all bids."""
    problem = plan.problem
    rows, ends = problem.layout.rows[part], np.empty((2, len(bids)))
    for at, bid in enumerate(bids):
        got = problem.landscape.draws(times * bid, np.random.default_rng(plan.policy.seed), _DRAWS, rows)
        ends[:, at] = interval((got.conversions * problem.profit[part] - got.cost).sum(axis=1))
    return ends[0], ends[1]


def _barred(plan: BidPlan, entity: int, bid: float, outcomes: dict[str, float]) -> str:
    """Return what bars a bid; empty where nothing does."""
    if abs(bid - plan.bid[entity]) <= 1e-9:
        return ""
    if plan.hopeless.sure[entity] and bid > 0:
        return "no conversion after enough clicks"
    kept = plan.range.keep[entity] and abs(bid - plan.current[entity]) <= 1e-9
    if bid > 0 and not kept:
        if bid < plan.range.low[entity] - 1e-9:
            return "min_bid"
        if bid > plan.range.high[entity] + 1e-9:
            return "max_bid"
        if abs(bid / plan.range.step - round(bid / plan.range.step)) > 1e-6:
            return "no whole step"
    trial = {name: values.copy() for name, values in plan.outcomes[1].items() if name in outcomes}
    for name, value in outcomes.items():
        if name in trial:
            trial[name][entity] = value
    wrong = broken(plan.limits_kept, trial, plan.layout.campaign)
    return ", ".join(
        f"breaks {limit.title} unless another bid gives"
        for limit, bad in zip(plan.limits_kept, wrong, strict=True)
        if bad
    )
