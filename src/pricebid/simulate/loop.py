"""The closed loop: charge, sell, learn, plan again, day after day, on a market whose truth is known."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from pricebid.bidding import shop_value
from pricebid.errors import InputError
from pricebid.landscape import fit_landscape
from pricebid.learning.safe import Ledger
from pricebid.planning import plan as plan_together
from pricebid.planning.explore import ExploreSettings, adopt, explore_prices
from pricebid.policy import Bids, Learning, Policy, PriceRules
from pricebid.pricing import price as plan_prices
from pricebid.simulate.loop_diary import Diary, Nightly
from pricebid.simulate.loop_market import FIRST_DAY

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from pricebid.planning import JointPlan
    from pricebid.planning.explore import Exploration
    from pricebid.pricing import PricePlan
    from pricebid.simulate.loop_market import LoopMarket

    Floats = NDArray[np.float64]
    Progress = Callable[[str, float], None]


@dataclass(frozen=True, kw_only=True)
class LoopSettings:
    """How the loop is run.

    Parameters
    ----------
    explore : bool
        Other prices than the plan's are tried.
    budget : float
        Share of the planned profit per day that exploring may cost in expectation.
    caution : float
        As how many times what the model expects a loss counts against the budget; see `Ledger`.
    refit : int
        Nights between fits; prices are planned anew after each.
    rebid : int
        Nights between bid plans, made together with prices; in between prices alone are planned anew.
    from_scratch : int
        Nights between fits that start from nothing; see `Nightly`.
    window : int, optional
        Days of sales that the model is fitted to; all where not given.
    confidence : float
        Share of the draws in which a new plan must gain on the one in force; 0: the new plan is always taken.
    max_change : float
        By how much a plan may move a price.
    horizon : int
        Days a plan is made for.
    prices : ExploreSettings
        Which prices are tried.

    Raises
    ------
    InputError
        Outside these ranges.
    """

    explore: bool = True
    budget: float = 0.01
    caution: float = 1.25
    refit: int = 1
    rebid: int = 7
    from_scratch: int = 28
    window: int | None = None
    confidence: float = 0.0
    max_change: float = 0.1
    horizon: int = 7
    prices: ExploreSettings = field(default_factory=ExploreSettings)

    def __post_init__(self) -> None:
        faults = [
            f"{name} is {getattr(self, name)}: at least 1"
            for name in ("refit", "rebid", "from_scratch", "horizon")
            if getattr(self, name) < 1
        ]
        if not 0 <= self.budget <= 1:
            faults.append(f"budget is {self.budget}: a share of 0 to 1")
        if not self.caution >= 1:
            faults.append(f"caution is {self.caution}: at least 1")
        if self.window is not None and self.window < 28:
            faults.append(f"window is {self.window}: at least 28 days")
        if not 0 <= self.confidence < 1:
            faults.append(f"confidence is {self.confidence}: at least 0 and below 1")
        if not 0 < self.max_change < 1:
            faults.append(f"max_change is {self.max_change}: above 0 and below 1")
        if faults:
            raise InputError("; ".join(faults))


@dataclass(frozen=True, kw_only=True, eq=False)
class Course:
    """What a policy did and earned, day by day.

    Parameters
    ----------
    name : str
        The policy.
    price, planned : float64[day, offer]
        Prices charged, and what the plan in force would have charged.
    bid : float64[day, keyword]
        Money per click; no keywords without ads.
    profit, planned_profit : float64[day]
        Expected contribution less ad cost under the truth of what was charged, and of what the plan would have charged.
    believed, allowed : float64[day]
        Expected loss of the day's law against the plan as the model saw it, and the budget of the day.
    """

    name: str
    price: Floats
    planned: Floats
    bid: Floats
    profit: Floats
    planned_profit: Floats
    believed: Floats
    allowed: Floats

    @property
    def cost(self) -> Floats:
        """What exploring truly cost on each day against the plan in force, money, float64[day]."""
        return self.planned_profit - self.profit


def opening_diary(market: LoopMarket) -> Diary:
    """Return what the seller has written down before the first day."""
    reach = market.settings.corridor
    return Diary(
        layout=market.layout,
        units=market.past_sales(),
        price=market.charged,
        least=np.ceil(100 * market.opening * (1 - reach)) / 100,
        most=np.floor(100 * market.opening * (1 + reach)) / 100,
        reports=() if market.ads is None else (market.ads.past(FIRST_DAY.astype(object)),),
    )


def fixed_course(market: LoopMarket, name: str, act: Callable[[int], tuple[Floats, Floats]]) -> Course:
    """Play a policy that learns nothing: ``act(day)`` gives prices and bids, float64[offer], float64[keyword]."""
    acts = [act(day) for day in range(market.settings.days)]
    price, bid = (np.stack(one) for one in zip(*acts, strict=True))
    profit = np.array([market.profit(day, *one) for day, one in enumerate(acts)])
    none = np.zeros(len(profit))
    return Course(
        name=name,
        price=price,
        planned=price,
        bid=bid,
        profit=profit,
        planned_profit=profit,
        believed=none,
        allowed=none,
    )


def opening_bids(market: LoopMarket) -> Floats:
    """Return the bids before the first day, float64[keyword]; none without ads."""
    return np.zeros(0) if market.ads is None else market.ads.opening


class Learner:
    """A policy that fits, plans and perhaps explores every few nights.

    Parameters
    ----------
    market : LoopMarket
        Only its costs, opening prices and sales are looked at.
    settings : LoopSettings
        How it learns.
    rng : numpy.random.Generator
        Of the prices tried.
    """

    def __init__(self, market: LoopMarket, settings: LoopSettings, rng: np.random.Generator) -> None:
        self.market, self.settings, self._rng = market, settings, rng
        self.diary = opening_diary(market)
        self.ledger = Ledger(share=settings.budget, caution=settings.caution)
        self.price, self.bid = market.opening, opening_bids(market)
        self._nightly = Nightly(every=settings.from_scratch)
        self._exploration: Exploration | None = None
        self._plan: PricePlan | None = None
        self._owed: list[tuple[Floats, Floats, float]] = []

    def night(self, day: int) -> None:
        """Fit and plan, before the shop opens on a day."""
        settings = self.settings
        cost = self.market.cost[self.market.settings.history + day]
        shop = self.diary.shop(price=self.price, cost=cost, window=settings.window)
        self._nightly = self._nightly.after(shop.history(), nights=settings.refit)
        model = self._nightly.model
        if model is None:
            raise InputError("no model was fitted")
        policy = self._policy(day)
        if self.market.ads is not None and day % (settings.refit * -(-settings.rebid // settings.refit)) == 0:
            landscape = fit_landscape(shop.keyword_reports(), auction="second", seed=day)
            apart = shop_value(shop, landscape, policy)
            together = plan_together(shop, model, landscape, policy, apart=apart)
            self.bid, plan = self._bids(together), together.prices
        else:
            plan = plan_prices(shop, model, policy, near=self.price)
        self._settle(plan)
        self.price = adopt(plan, self.price, confidence=settings.confidence)
        self._plan, self._exploration = plan, None

    def _settle(self, plan: PricePlan) -> None:
        """Put into the ledger what the prices tried since the last night have lost, as judged by what is known now.

        Where they turn out to have gained, that is no licence to lose more.
        """
        problem, days = plan.problem, len(plan.periods)

        def earned(price: Floats) -> float:
            return float(problem.economics.outcomes(problem.response, price, ("profit",))["profit"].sum()) / days

        lost = sum(earned(planned) - earned(charged) for charged, planned, _ in self._owed)
        believed = sum(one for *_, one in self._owed)
        self.ledger = self.ledger.after(profit=0.0, loss=max(lost, 0.0) - believed)
        self._owed = []

    def _policy(self, day: int) -> Policy:
        settings, ads = self.settings, self.market.ads
        return Policy(
            horizon=settings.horizon,
            seed=day,
            price=PriceRules(max_change=settings.max_change, step=0.01, on_conflict="hold", never_below_cost=True),
            bids=None if ads is None else Bids(daily_budget=ads.budget, step=0.01, auction="second"),
            learning=Learning(exploration_budget=settings.budget),
        )

    def _bids(self, plan: JointPlan) -> Floats:
        """Return a plan's bids in the order of the market's keywords, float64[keyword]."""
        ads = self.market.ads
        if ads is None:
            return self.bid
        layout, keywords = plan.bids.layout, ads.market.keywords
        names = ("campaign", "keyword", "match_type")
        labels = list(zip(*(layout.label(name).tolist() for name in names), strict=True))
        bid = self.bid.copy()
        bid[keywords.locate(labels)] = plan.bids.bid
        return bid

    def morning(self, day: int) -> tuple[Floats, float, float]:
        """Return the day's prices, the expected loss of the law they were drawn from, and the day's allowance."""
        if self._plan is None:
            raise InputError("the first night comes before the first morning")
        problem, periods = self._plan.problem, len(self._plan.periods)
        profit = float(problem.economics.outcomes(problem.response, self.price, ("profit",))["profit"].sum()) / periods
        allowed = self.ledger.share * max(profit, 0.0)
        if not self.settings.explore:
            return self.price, 0.0, 0.0
        if self._exploration is None:
            self._exploration = explore_prices(
                problem,
                self.price,
                periods=periods,
                allowance=self.ledger.allowance(profit),
                settings=self.settings.prices,
                seed=day,
            )
        charged = self._exploration.draw(self._rng)
        believed = self._exploration.law.expected_loss
        self.ledger = self.ledger.after(profit=profit, loss=believed)
        self._owed.append((charged, self.price, believed))
        return charged, believed, allowed

    def evening(self, day: int, price: Floats) -> None:
        """Write down what the day brought at the prices charged."""
        units = self.market.sell(day, price, self.bid)
        report = None if self.market.ads is None else self.market.advertise(day, price, self.bid)
        self.diary = self.diary.after(price, units, report)


def learning_course(
    market: LoopMarket, settings: LoopSettings, rng: np.random.Generator, *, name: str, progress: Progress | None = None
) -> Course:
    """Play a policy that learns.

    Parameters
    ----------
    market : LoopMarket
        Where.
    settings : LoopSettings
        How.
    rng : numpy.random.Generator
        Of the prices tried.
    name : str
        What to call the policy.
    progress : callable, optional
        Told ``(name, share done)``.
    """
    learner = Learner(market, settings, rng)
    days = market.settings.days
    rows: list[tuple[Floats, Floats, Floats]] = []
    numbers: list[tuple[float, ...]] = []
    for day in range(days):
        if progress is not None:
            progress(name, day / days)
        if day % settings.refit == 0:
            learner.night(day)
        price, believed, allowed = learner.morning(day)
        learner.evening(day, price)
        rows.append((price, learner.price, learner.bid))
        earned = [market.profit(day, one, learner.bid) for one in (price, learner.price)]
        numbers.append((*earned, believed, allowed))
    charged, planned, bid = (np.stack(one) for one in zip(*rows, strict=True))
    profit, planned_profit, believed_loss, allowance = np.array(numbers).T
    return Course(
        name=name,
        price=charged,
        planned=planned,
        bid=bid,
        profit=profit,
        planned_profit=planned_profit,
        believed=believed_loss,
        allowed=allowance,
    )
