"""Prices and bids together: each in turn, at what the other makes of demand and of clicks, as long as the whole gains."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np

from pricebid.bidding import BidPlan, ConversionValue, bid
from pricebid.bidding.limits import broken
from pricebid.bidding.revalue import revalued
from pricebid.errors import Conflict, Infeasible
from pricebid.planning.ad_demand import AdDemand
from pricebid.planning.advertised import Advertised, AdvertisedResponse
from pricebid.planning.joint_plan import JointPlan, Turn
from pricebid.pricing import PricePlan, price
from pricebid.pricing.economics import OBJECTIVE
from pricebid.pricing.intervals import Spread, draw_totals
from pricebid.pricing.make import DRAWS

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date

    from numpy.typing import NDArray

    from pricebid.landscape import BidLandscape
    from pricebid.optimize import Limit
    from pricebid.policy import Policy
    from pricebid.pricing.make import Responds
    from pricebid.tables import Shop

    Floats = NDArray[np.float64]

ROUNDS = 5
_GAIN = 1e-5  # of the joint objective: a round that adds less is the last


def plan(
    shop: Shop,
    model: Responds,
    landscape: BidLandscape,
    policy: Policy,
    *,
    apart: ConversionValue,
    start: date | str | None = None,
    progress: Callable[[str, float], None] | None = None,
) -> JointPlan:
    """Choose prices and bids together: the highest joint objective found, all limits of both kept.

    Parameters
    ----------
    shop, model
        As for `pricebid.price`. The keywords of the shop must lead to its skus.
    landscape : BidLandscape
        What bids win, cost and bring at today's prices.
    policy : Policy
        Limits of prices and of bids; its objective counts profit after ad cost, revenue and units over the horizon.
    apart : ConversionValue
        What a conversion is worth where a keyword leads to no sku of the shop.
    start : date, optional
        First period planned for; default: the one after the last sale.
    progress : callable, optional
        Called as ``progress(stage, share)``, share in [0, 1].

    Returns
    -------
    JointPlan
        Both plans, and what each turn added: the first is prices planned first and bids after.

    Raises
    ------
    InputError
        No keyword leads to a sku of the shop; or as `pricebid.price` and `pricebid.bid`.
    Infeasible
        The limits of the prices, or of the bids, cannot all hold.

    Notes
    -----
    Block coordinate ascent. At given bids the price search starts from the prices so far and never gives up value; at
    given prices new bids, and the prices that answer them, are taken only where the joint objective, recomputed with
    both, is higher. So the objective never falls from round to round, and both halves carry their own bounds at what the
    other has set. Where the plan's limits on
    units or margins bind, a conversion counts at what a unit is worth to them too (their shadow prices), so that the two
    halves share such limits.
    """
    return _Joint(shop, model, landscape, policy, apart, start, progress or _silent).run()


def _silent(stage: str, share: float) -> None:
    del stage, share


@dataclass(frozen=True, kw_only=True, eq=False)
class _State:
    """Prices and bids that belong together: the prices were planned with these bids' demand."""

    prices: PricePlan
    bids: BidPlan
    value: float
    holds: bool


@dataclass
class _Joint:
    """One joint search."""

    shop: Shop
    model: Responds
    landscape: BidLandscape
    policy: Policy
    apart: ConversionValue
    start: date | str | None
    progress: Callable[[str, float], None]
    turns: list[Turn] = field(default_factory=list)
    seen: list[_State] = field(default_factory=list)

    def run(self) -> JointPlan:
        """Plan prices, then bids, then each in turn."""
        began = perf_counter()
        self.progress("prices", 0.0)
        alone = price(self.shop, self.model, self.policy, start=self.start)
        self.ads = self._ads(alone)
        self.units_now = float(alone.outcomes[0]["units"].sum())
        self.progress("bids", 0.2)
        state = self._state(alone, self._bid(alone))
        self._note("prices first, bids after", state)
        here = self._repriced(state) or state
        for number in range(ROUNDS):
            self.progress(f"round {number + 1}", 0.4 + 0.5 * number / ROUNDS)
            better = self._round(here)
            if better is None or (here.holds and better.value <= here.value):
                break
            gained, here = better.value - here.value, better
            if gained <= _GAIN * abs(here.value):
                break
        # The search may pass through states that break a limit or are worth less: the best of all it saw counts.
        best = max(self.seen, key=lambda one: (one.holds, one.value))
        if not best.holds:
            raise _nothing(self.seen[-1])
        self.progress("", 1.0)
        return self._plan(best, perf_counter() - began)

    def _round(self, state: _State) -> _State | None:
        """Bid at the prices so far and price at the new bids; the better of before and after the prices answered.

        New bids alone may be worth less than those before, where they serve a limit of the prices: what they free is
        worth it once the prices use it.
        """
        rebid = self._state(state.prices, self._bid(state.prices))
        self._note("bids again", rebid)
        repriced = self._repriced(rebid)
        tried = [one for one in (rebid, repriced) if one is not None and (one.holds or not state.holds)]
        return max(tried, key=lambda one: (one.holds, one.value), default=None)

    def _repriced(self, state: _State) -> _State | None:
        """Plan prices anew under a state's bids; None where they have no prices."""
        prices = self._price(state)
        if prices is None:
            return None
        repriced = self._state(prices, state.bids)
        self._note("prices again", repriced)
        return repriced

    def _price(self, state: _State) -> PricePlan | None:
        """Plan prices under a state's bids, from its prices."""
        factor = self.ads.factor(self._brought(state.bids))
        model = Advertised(model=self.model, factor=factor, name=state.prices.model)
        try:
            return price(self.shop, model, self._policy(factor), start=self.start, near=state.prices.price)
        except Infeasible:  # with these bids' demand no prices keep the limits; those of the state may
            if not state.holds:
                raise
            return None

    def _policy(self, factor: Floats) -> Policy:
        """Let the limit on units refer to today's ads, as the policy means it, not to the planned ones."""
        ratio = self.policy.portfolio.min_units_ratio
        if ratio is None:
            return self.policy
        planned = float((self._economics_units(factor)).sum())
        if planned <= 0:
            return self.policy
        portfolio = replace(self.policy.portfolio, min_units_ratio=ratio * self.units_now / planned)
        return replace(self.policy, portfolio=portfolio)

    def _economics_units(self, factor: Floats) -> Floats:
        response = AdvertisedResponse(base=self.ads.response, factor=factor)
        return self.economics.sold(response.units(self.ads.now), response.dispersion)

    def _bid(self, prices: PricePlan) -> BidPlan:
        """Plan bids at prices; what a conversion does for the prices' limits counts where profit does."""
        found = bid(self.ads.at(prices.price), self.policy, campaigns=self.shop.campaigns(), value=self._worth(prices))
        return replace(self._revalued(found, prices), currency=self.shop.settings.currency)

    def _worth(self, prices: PricePlan) -> ConversionValue:
        """Return what a conversion is worth to the objective and to the prices' limits."""
        value, weight = self.ads.value(prices), self.policy.objective.profit
        return replace(value, profit=value.profit + self.ads.relief(prices) / weight) if weight else value

    def _revalued(self, bids: BidPlan, prices: PricePlan) -> BidPlan:
        landscape, value = self.ads.at(prices.price), self.ads.value(prices)
        return revalued(bids, landscape, value, worth=self._worth(prices))

    def _ads(self, alone: PricePlan) -> AdDemand:
        self.economics = alone.problem.economics
        last = self.shop.period.after(alone.periods[-1], 1)[0]
        return AdDemand.of(
            self.landscape,
            self.shop.offers,
            alone.problem.response,
            alone.now,
            apart=self.apart,
            days=int((last - alone.periods[0]) / np.timedelta64(1, "D")),
        )

    def _brought(self, bids: BidPlan) -> Floats:
        """Return conversions per day of each series at a plan's bids and today's prices, float64[series]."""
        layout = bids.layout
        effective = np.empty((len(layout.entity), layout.hours))
        effective[layout.rows] = bids.found.setting.effective(layout)
        return np.asarray(self.landscape.expected(effective[:, :, None]).conversions.sum(axis=(1, 2)))

    def _state(self, prices: PricePlan, bids: BidPlan) -> _State:
        """Value prices and bids together, and look whether they keep the limits of both."""
        factor = self.ads.factor(self._brought(bids))
        response = AdvertisedResponse(base=self.ads.response, factor=factor)
        problem = replace(prices.problem, response=response)
        problem = replace(problem, limits=tuple(self._limit(one) for one in problem.limits))
        outcomes = problem.outcomes(prices.price)
        bids = self._revalued(bids, prices)
        apart = ~self.ads.link.linked[bids.layout.rows]
        series = bids.problem.series(lambda part: bids.found.setting.effective(bids.layout, part))
        weights, days = self.policy.objective, self.ads.days
        value = float(outcomes[OBJECTIVE].sum()) - weights.profit * days * float(series["cost"].sum())
        value += days * float((series["conversions"] * bids.problem.appeal)[apart].sum())
        holds = problem.feasible(prices.price, outcomes)
        holds = holds and not broken(bids.limits_kept, bids.outcomes[1], bids.layout.campaign).any()
        repriced = replace(
            prices,
            policy=self.policy,
            problem=problem,
            found=replace(prices.found, value=float(outcomes[OBJECTIVE].sum())),
            today=self.ads.response,
            spread=self._spread(prices, response),
        )
        return _State(prices=repriced, bids=bids, value=value, holds=holds)

    def _spread(self, prices: PricePlan, response: AdvertisedResponse) -> Spread:
        """Draw totals now with today's ads, and planned with the planned ones, by the same draws of demand."""
        stack = np.stack([prices.now, prices.price])
        drawn = [
            draw_totals(one, self.economics, stack, np.random.default_rng(self.policy.seed), n=DRAWS)
            for one in (self.ads.response, response)
        ]
        totals = np.stack([drawn[at].totals[at] for at in (0, 1)])
        return Spread(totals=totals, deviation=np.stack([drawn[at].deviation[at] for at in (0, 1)]))

    def _limit(self, limit: Limit) -> Limit:
        """Give a limit on units its bound against today's prices and ads."""
        ratio = self.policy.portfolio.min_units_ratio
        if limit.label != "min_units_ratio" or ratio is None:
            return limit
        return replace(limit, at_least=ratio * self.units_now)

    def _note(self, what: str, state: _State) -> None:
        self.turns.append(Turn(what=what, objective=state.value, holds=state.holds))
        self.seen.append(state)

    def _plan(self, state: _State, seconds: float) -> JointPlan:
        return JointPlan(
            prices=state.prices,
            bids=state.bids,
            ads=self.ads,
            factor=self.ads.factor(self._brought(state.bids)),
            objective=state.value,
            turns=tuple(self.turns),
            seconds={**state.prices.seconds, "joint": seconds},
        )


def _nothing(state: _State) -> Infeasible:
    """Return the error that names what the last prices and bids break, and how far those limits would have to give."""
    short = [one for one in (*state.prices.limits, *state.bids.limits) if one.slack < 0]
    conflicts = [
        Conflict(name=one.name, limit=one.limit, reachable=one.value, relaxation=abs(one.limit - one.value))
        for one in short
    ]
    return Infeasible(
        "no prices and bids were found that keep the limits of both together; what they reached when each kept its own",
        conflicts,
    )
