"""What guards and lists need to know of a plan without opening it: of each kind of plan, `PlanFacts`."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import numpy as np

from pricebid.pricing.intervals import OUTCOMES, interval
from pricebid.store import PlanFacts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from pricebid.bidding import BidPlan
    from pricebid.planning import JointPlan
    from pricebid.policy import Objective
    from pricebid.pricing import PricePlan
    from pricebid.tables import Shop

_PROFIT = OUTCOMES.index("profit")


def price_facts(plan: PricePlan, shop: Shop, *, inputs: str, model: str) -> PlanFacts:
    """Give the facts of a price plan.

    Parameters
    ----------
    plan : PricePlan
        As made.
    shop : Shop
        That it was made for.
    inputs : str
        SHA-256 of tables and settings.
    model : str
        Id of the model in the store.
    """
    planned = plan.totals["planned"]
    low, high = _spread(plan.spread.totals[1, :, _PROFIT])
    return PlanFacts(
        solution=plan.status,
        items=len(plan.price),
        moved=float(plan.changed.mean()) if len(plan.price) else 0.0,
        below_floor=_below_floor(plan),
        objective=_aim(plan.policy.objective),
        profit=planned["profit"],
        profit_low=low,
        profit_high=high,
        data_until=_sold_until(shop),
        inputs=inputs,
        model=model,
        totals=_plain(planned),
        currency=shop.settings.currency,
        decimals=shop.settings.decimals,
    )


def bid_facts(plan: BidPlan, shop: Shop, *, inputs: str) -> PlanFacts:
    """Give the facts of a bid plan; see `price_facts`. Its totals are per day."""
    planned = plan.totals["planned"]
    moves = ~np.isin(plan.action, ("keep",))
    return PlanFacts(
        solution=plan.status,
        items=len(plan.bid),
        moved=float(moves.mean()) if len(moves) else 0.0,
        objective=_aim(plan.policy.objective),
        profit=_number(planned["profit"]),
        profit_low=_number(planned["profit_low"]),
        profit_high=_number(planned["profit_high"]),
        data_until=_reported_until(shop),
        inputs=inputs,
        totals=_plain(planned),
        currency=shop.settings.currency,
        decimals=shop.settings.decimals,
    )


def joint_facts(plan: JointPlan, shop: Shop, *, inputs: str, model: str) -> PlanFacts:
    """Give the facts of prices and bids planned together; see `price_facts`. Profit is after the cost of ads."""
    planned, prices, bids = plan.totals["planned"], plan.prices, plan.bids
    changed = np.concatenate([prices.changed, ~np.isin(bids.action, ("keep",))])
    low = high = None
    if planned["profit"] is not None:
        # As in the joint plan's own interval: draws of prices and of ads, each about the expectation.
        sold, ads = prices.spread.totals[1, :, _PROFIT], bids.draws.totals[1, :, :, 0].sum(axis=1)
        count = min(len(sold), len(ads))
        off = sold[:count] - prices.totals["planned"]["profit"] + plan.ads.days * (ads - ads.mean())[:count]
        low, high = _spread(planned["profit"] + off)
    untils = [one for one in (_sold_until(shop), _reported_until(shop)) if one is not None]
    return PlanFacts(
        solution=plan.status,
        items=len(changed),
        moved=float(changed.mean()) if len(changed) else 0.0,
        below_floor=_below_floor(prices),
        objective=_aim(prices.policy.objective),
        profit=planned["profit"],
        profit_low=low,
        profit_high=high,
        data_until=min(untils) if untils else None,
        inputs=inputs,
        model=model,
        totals=_plain(planned),
        currency=shop.settings.currency,
        decimals=shop.settings.decimals,
    )


def _below_floor(plan: PricePlan) -> int:
    """Count prices under a floor or legal bound; those that ``planned`` sets aside, which somebody has decided."""
    least = np.full(len(plan.price), -np.inf)
    for bound in plan.allowed.bounds:
        if bound.rank == 0:
            least = np.fmax(least, bound.least)
    return int((~plan.planned & (plan.price < least - 1e-6)).sum())


def _spread(draws: NDArray[np.float64]) -> tuple[float | None, float | None]:
    low, high = interval(draws)
    return _number(low), _number(high)


def _number(value: Any) -> float | None:  # noqa: ANN401 - a number or None
    return float(value) if value is not None and np.isfinite(value) else None


def _plain(totals: Mapping[str, Any]) -> dict[str, float]:
    known = {name: _number(value) for name, value in totals.items()}
    return {name: value for name, value in known.items() if value is not None}


def _aim(objective: Objective) -> str:
    named = [name for name in OUTCOMES if getattr(objective, name) > 0]
    return named[0] if len(named) == 1 else "mix"


def _sold_until(shop: Shop) -> int | None:
    if shop.table("sales") is None:
        return None
    last = shop.history().periods[-1]
    return _midnight(shop, shop.period.after(last, 1)[0])


def _reported_until(shop: Shop) -> int | None:
    if shop.table("keywords") is None:
        return None
    return _midnight(shop, shop.keyword_reports().days[-1] + np.timedelta64(1, "D"))


def _midnight(shop: Shop, day: np.datetime64) -> int:
    """Give the moment at which a day of the shop begins, microseconds since 1970, UTC."""
    date = day.astype("datetime64[D]").item()
    begins = datetime(date.year, date.month, date.day, tzinfo=ZoneInfo(shop.settings.timezone))
    return round(begins.timestamp() * 1e6)
