"""Daily operation from nothing: bid, see the report, learn the landscape, plan tomorrow's bids, pace them within the day."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

import numpy as np

from pricebid.bidding import ConversionValue, Pacer, bid
from pricebid.errors import InputError
from pricebid.landscape import fit_landscape
from pricebid.policy import Bids, Policy
from pricebid.tables import Campaigns, KeywordAxis, KeywordReports

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pricebid.bidding import PacerState
    from pricebid.simulate.ad_stream import AdDay

FIRST = np.datetime64("2024-01-01", "D")
STEP = 0.001  # of planned bids, money: streams have no smallest coin


@dataclass(frozen=True, kw_only=True, eq=False)
class NightPlan:
    """What a night's work comes to, money per click, in the order of the keywords planned for.

    Parameters
    ----------
    bid : float64[keyword]
        Planned bids: the pacer multiplies them.
    worth : float64[keyword]
        What a click is worth: no bid is above it.
    """

    bid: NDArray[np.float64]
    worth: NDArray[np.float64]


class Plans(Protocol):
    """Who plans at night."""

    def __call__(self, reports: KeywordReports, budget: float, seed: int) -> NightPlan:
        """Return tomorrow's bids from the reports so far, in the order of their axis, within a daily budget."""
        ...


def landscape_plan(reports: KeywordReports, budget: float, seed: int) -> NightPlan:
    """Fit a landscape to the reports and plan bids of highest expected revenue less cost within the budget.

    Parameters
    ----------
    reports : KeywordReports
        Of one campaign, second price.
    budget : float
        Money per day.
    seed : int
        Of the fit and the plan.
    """
    landscape = fit_landscape(reports, auction="second", seed=seed)
    revenue = landscape.revenue_per_conversion
    blank = np.full(1, np.nan)
    campaigns = Campaigns(
        labels=reports.keywords.label("campaign")[:1],
        margin=np.ones(1),
        daily_budget=blank,
        min_roas=blank,
        max_cpa=blank,
        min_bid=blank,
        max_bid=blank,
    )
    policy = Policy(seed=seed, bids=Bids(daily_budget=budget, step=STEP))
    plan = bid(landscape, policy, campaigns=campaigns, value=ConversionValue(revenue=revenue, profit=revenue))
    anywhere = landscape.expected(np.full((len(landscape), 1, 1), 1.0))
    rate = np.divide(
        anywhere.conversions, anywhere.clicks, out=np.zeros_like(anywhere.clicks), where=anywhere.clicks > 0
    )
    return NightPlan(bid=plan.bid, worth=rate[:, 0, 0] * revenue)


@dataclass(frozen=True, kw_only=True, eq=False)
class LoopState:
    """Where the daily loop stands.

    Parameters
    ----------
    days : tuple of AdDay
        What happened so far.
    plan : NightPlan, optional
        What the next day starts from; None while there is too little to plan on.
    multiplier : float
        Bid per unit of the planned bid at the end of the last day; NaN before the first.
    auctions : float
        Auctions expected on the next day.
    """

    days: tuple[AdDay, ...] = ()
    plan: NightPlan | None = None
    multiplier: float = np.nan
    auctions: float = 1000.0


class PacedBids:
    """Bids of one day: planned bids x a pacer's multiplier, never above what a click is worth.

    Parameters
    ----------
    bid, worth : float64[keyword]
        Planned bids, and the most of each, money per click.
    pacer : Pacer
        The day's controller.
    """

    def __init__(self, bid: NDArray[np.float64], worth: NDArray[np.float64], pacer: Pacer) -> None:
        self._bid, self._worth, self._pacer = bid, worth, pacer
        self._state: PacerState = pacer.start()

    @property
    def multiplier(self) -> float:
        """Bid per unit of the planned bid now."""
        return self._state.multiplier

    @property
    def seen(self) -> int:
        """Auctions so far."""
        return self._state.seen

    def bids(self, keyword: NDArray[np.int64], elapsed: float) -> NDArray[np.float64]:
        """Return a bid per auction, money per click."""
        paced = self._pacer.bid(self._state, value=self._bid[keyword], elapsed=elapsed)
        return np.minimum(paced, self._worth[keyword])

    def learn(self, keyword: NDArray[np.int64], bid: NDArray[np.float64], cost: NDArray[np.float64]) -> None:
        """Tell the pacer: an auction whose click was not paid for counts as lost."""
        paid = cost > 0
        value = np.where(paid, self._bid[keyword], 0.0)
        self._state = self._pacer.update(self._state, value=value, bid=bid, won=paid, cost=cost)


@dataclass(frozen=True, kw_only=True, eq=False)
class AdLearner:
    """Learns to bid from nothing but a daily budget: a fresh landscape and plan every night, a pacer within the day.

    Until `enough` conversions have come, all keywords are bid alike and the pacer finds the price at which the budget
    lasts the day: the cheapest clicks there are. Bids are moved at random, less from day to day, because a landscape is
    learnt from bids that moved.

    Parameters
    ----------
    keywords : object[keyword]
        Their texts, all different.
    budget : float
        Money per day.
    plans : callable
        Who plans at night, such as `landscape_plan`.
    jitter, least_jitter : float
        Standard deviation of the log of the moves on the first day, and the least; in between it falls with the root of
        the day.
    enough : int
        Conversions before anything is planned.
    seed : int
        Of the nightly fits.
    """

    keywords: NDArray[np.object_]
    budget: float
    plans: Plans
    jitter: float = 0.3
    least_jitter: float = 0.05
    enough: int = 2
    seed: int = 0

    def __post_init__(self) -> None:
        if len(set(self.keywords)) < len(self.keywords):
            raise InputError("keywords holds a text twice: give each once")
        if not 0 < self.budget < np.inf:
            raise InputError(f"budget is {self.budget}: money per day, above 0")

    def start(self) -> LoopState:
        """Return the state before the first day."""
        return LoopState()

    def bidder(self, state: LoopState, rng: np.random.Generator) -> PacedBids:
        """Return who bids on the next day."""
        count = len(self.keywords)
        spread = max(self.jitter / np.sqrt(1 + len(state.days)), self.least_jitter)
        moves = np.exp(rng.normal(0.0, spread, count))
        known = None if np.isnan(state.multiplier) else state.multiplier
        pacer = Pacer(budget=self.budget, opportunities=max(state.auctions, 1.0), multiplier=known)
        if state.plan is None:
            return PacedBids(moves, np.full(count, np.inf), pacer)
        return PacedBids(state.plan.bid * moves, state.plan.worth, pacer)

    def update(self, state: LoopState, day: AdDay, bidder: PacedBids) -> LoopState:
        """Return the state after a day, with the next day's plan."""
        days = (*state.days, day)
        later = replace(state, days=days, multiplier=bidder.multiplier, auctions=float(max(bidder.seen, 1)))
        if sum(float(one.conversions.sum()) for one in days) < self.enough:
            return later
        plan = self.plans(self.reports(days), self.budget, self.seed + len(days))
        rank = np.argsort(np.argsort(self.keywords.astype(str), kind="stable"))
        # The plan's own bids are what the budget affords: its shadow price is in them.
        return replace(later, plan=NightPlan(bid=plan.bid[rank], worth=plan.worth[rank]), multiplier=1.0)

    def reports(self, days: tuple[AdDay, ...]) -> KeywordReports:
        """Return days as an ad report without hours; keywords that held no auction on a day have no row."""
        order = np.argsort(self.keywords.astype(str), kind="stable")
        rank = np.argsort(order)
        bid = np.stack([day.bid for day in days])
        day, keyword = np.nonzero(bid > 0)

        def cells(name: str) -> NDArray[np.float64]:
            column: NDArray[np.float64] = np.stack([getattr(one, name) for one in days])[day, keyword]
            return column

        blank = np.full(len(self.keywords), "", dtype=object)
        return KeywordReports(
            keywords=KeywordAxis(
                columns=("campaign", "keyword", "match_type"),
                labels=(np.full(len(self.keywords), "stream", dtype=object), self.keywords[order], blank),
            ),
            hours=1,
            days=FIRST + np.arange(len(days)),
            series=rank[keyword],
            day=day,
            hour=np.zeros(len(day), dtype=np.int64),
            wait=len(days) - day,
            bid=cells("bid"),
            impressions=cells("impressions"),
            clicks=cells("clicks"),
            cost=cells("cost"),
            conversions=cells("conversions"),
            revenue=cells("revenue"),
        )
