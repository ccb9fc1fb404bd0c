"""`bid`: from a landscape, values and a policy to a plan."""

from __future__ import annotations

from dataclasses import dataclass, replace
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np

from pricebid.bidding.free import FreeBids, Reach
from pricebid.bidding.housekeeping import hopeless
from pricebid.bidding.ladders import REACH, TimesGrid, bid_range, within_reach
from pricebid.bidding.layout import Layout, Setting
from pricebid.bidding.limits import bid_limits, cushioned, totals_of, whole
from pricebid.bidding.plan import BidPlan
from pricebid.bidding.problem import BidProblem
from pricebid.bidding.search import Found, Search
from pricebid.bidding.spread import cushions, draw_totals
from pricebid.errors import InputError
from pricebid.policy import Bids

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from pricebid.bidding.ladders import BidRange
    from pricebid.bidding.limits import BidLimit
    from pricebid.bidding.value import ConversionValue
    from pricebid.landscape import BidLandscape
    from pricebid.policy import Policy
    from pricebid.tables import Campaigns

    Floats = NDArray[np.float64]

_TURNS = 6
_FEW = 10  # limits
_CLOSE = 1e-3  # share of a budget that may stay unused for want of another turn


def bid(
    landscape: BidLandscape,
    policy: Policy,
    *,
    campaigns: Campaigns,
    value: ConversionValue,
    progress: Callable[[str, float], None] | None = None,
) -> BidPlan:
    """Choose a bid per keyword and multipliers per campaign: the highest objective within all limits, per day.

    Parameters
    ----------
    landscape : BidLandscape
        What bids would win and cost.
    policy : Policy
        What to aim at; its ``[bids]`` hold in all.
    campaigns : Campaigns
        Limits of each campaign.
    value : ConversionValue
        Money per conversion of each series.
    progress : callable, optional
        Called as ``progress(stage, share)``, share in [0, 1].

    Returns
    -------
    BidPlan
        Bids, multipliers, their outcomes, limits, bound and reasons.

    Raises
    ------
    InputError
        The values do not fit the landscape, or profit counts and is not known.
    Infeasible
        A campaign's rules leave it no bid; all such campaigns are listed.
    """
    clock = _Clock(progress)
    problem = problem_of(landscape, policy, value)
    bids = policy.bids or Bids()
    layout = problem.layout
    current = current_bids(problem)
    free_range = bid_range(bids, campaigns, layout, current, np.zeros(len(layout), dtype=bool))
    remarks: tuple[str, ...] = ()
    if not policy.objective.profit and np.isinf(free_range.high).any():
        free_range = within_reach(free_range, layout)
        end = f"bids end at {REACH:g} times the highest of their campaign today"
        remarks = (f"no max_bid, and the objective does not count what clicks cost: {end}",)
    surely = hopeless(problem, free_range.low)
    if policy.objective.profit:
        range_ = replace(free_range, paused=surely.sure)
    else:  # what loses money may still be wanted
        range_, surely = free_range, replace(surely, sure=np.zeros_like(surely.sure))
    grid = TimesGrid.of(bids, layout)
    free = FreeBids(problem, reach_of(range_, grid, layout))
    clock.done("search", 0.1)
    found, limits = _search(
        Search(problem, free, range_, grid),
        bid_limits(bids, campaigns, layout.campaigns),
        bids.budget_confidence,
        policy.seed,
    )
    clock.done("bound", 0.7)
    # What is left of the budgets for what is not known depends on the plan: the bound counts the budgets themselves.
    bound = free.bound(whole(limits), found.shadow_prices)
    clock.done("intervals", 0.85)
    draws = draw_totals(problem, [problem.current, found.setting.effective(layout)], policy.seed)
    clock.done("", 1.0)
    return BidPlan(
        policy=policy,
        problem=problem,
        range=range_,
        grid=grid,
        limits_kept=limits,
        found=found,
        bound=bound,
        draws=draws,
        hopeless=surely,
        seconds=clock.seconds,
        remarks=(*value.remarks, *remarks),
    )


def problem_of(landscape: BidLandscape, policy: Policy, value: ConversionValue) -> BidProblem:
    """Return what settings of bids bring: a landscape with values, and the objective of the policy.

    Raises
    ------
    InputError
        The values do not fit the landscape, or profit counts and is not known.
    """
    weights = policy.objective
    if len(value.revenue) != len(landscape.keywords):
        raise InputError(
            f"{len(value.revenue)} values for {len(landscape.keywords)} series: give one of each per series"
        )
    if weights.profit and not np.isfinite(value.profit).all():
        unknown = int((~np.isfinite(value.profit)).sum())
        raise InputError(f"profit per conversion is not known for {unknown:,} series, and the objective counts it")
    layout = Layout.of(landscape)
    revenue, profit = value.revenue[layout.rows], value.profit[layout.rows]
    appeal = weights.revenue * revenue + weights.units
    if weights.profit:
        appeal = appeal + weights.profit * profit
    return BidProblem(
        landscape=landscape,
        layout=layout,
        revenue=revenue,
        profit=profit,
        appeal=appeal,
        money=weights.profit,
    )


def current_bids(problem: BidProblem) -> Floats:
    """Return the current bid of each keyword, float64[entity]: the mean over series and hours; NaN where there is none."""
    layout = problem.layout
    known = problem.current > 0
    count = layout.total(known.sum(axis=1).astype(np.float64))
    total = layout.total(np.where(known, problem.current, 0.0).sum(axis=1))
    # Equal bids keep their own digits.
    return np.asarray(
        np.round(np.divide(total, count, out=np.full(len(layout), np.nan), where=count > 0), 9), dtype=np.float64
    )


def reach_of(range_: BidRange, grid: TimesGrid, layout: Layout) -> Reach:
    """Return the effective bids that some setting reaches."""
    kinds = len(grid.kinds(layout))
    low, high = range_.low * grid.values[0] ** kinds, range_.high * grid.values[-1] ** kinds
    return Reach(low=low[layout.entity], high=high[layout.entity])


def _search(
    search: Search, asked: tuple[BidLimit, ...], confidence: float, seed: int
) -> tuple[Found, tuple[BidLimit, ...]]:
    """Search, with expected spend so far below each budget as the plan that is found needs; gives its limits too.

    The current bids tell about how far that is. It is looked up again at the plan found, until the plan keeps it and leaves
    no more of a budget than it must.
    """
    if not any(limit.kind == "daily_budget" for limit in asked):
        return search.run(asked), asked
    problem, layout = search.problem, search.problem.layout
    used = cushions(problem, problem.current, asked, confidence=confidence, seed=seed)
    close = _CLOSE if search.small and len(asked) <= _FEW else 4.0 * _CLOSE
    found: Found | None = None
    for turn in range(_TURNS):
        found = search.run(cushioned(asked, used), near=found)
        needed = cushions(problem, found.setting.effective(layout), asked, confidence=confidence, seed=seed)
        kept, cost = cushioned(asked, needed), problem.outcomes(found.setting)["cost"]
        spent = np.array([totals_of(limit, {"cost": cost}, layout.campaign)["cost"] for limit in kept])
        budget = np.array([limit.bound if limit.kind == "daily_budget" else np.inf for limit in kept])
        wasted = (spent > (1.0 - close) * budget * needed / used) & (used > (1.0 + 2.0 * close) * needed)
        if np.all(spent <= budget * (1.0 + 1e-9)) and (not wasted.any() or turn >= _TURNS // 2):
            return found, kept
        used = np.where(needed == 1.0, 1.0, needed * (1.0 + 0.5 * close))
    # No bids at all keep every budget, whatever the days are like.
    paused = Setting.flat(layout, np.zeros(len(layout)))
    return Found(setting=paused, value=0.0, shadow_prices=np.zeros(len(asked))), asked


@dataclass
class _Clock:
    """Tells progress and keeps the seconds of each stage."""

    progress: Callable[[str, float], None] | None

    def __post_init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._stage, self._since = "ladder", perf_counter()

    def done(self, following: str, share: float) -> None:
        """End the stage under way and begin the following one."""
        now = perf_counter()
        self.seconds[self._stage] = now - self._since
        self._stage, self._since = following, now
        if self.progress is not None:
            self.progress(following or "bid", share)
