"""Prices and bids together: the objective is what both halves really add up to, never falls, and all limits hold."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import pricebid
from pricebid.bidding import shop_value
from pricebid.bidding.limits import broken
from pricebid.demand.response import LogLinearResponse, PriceResponse
from pricebid.errors import InputError
from pricebid.planning import JointPlan, plan
from pricebid.policy import Policy
from pricebid.simulate import AdMarketSettings, MarketSettings
from pricebid.simulate.joint_market import draw_joint_market
from pricebid.tables import Shop

if TYPE_CHECKING:
    from pricebid.landscape import BidLandscape
    from pricebid.planning.ad_demand import AdDemand
    from pricebid.tables import Future

PRICES = MarketSettings(categories=2, skus=4, regions=2, periods=60, horizon=2)
ADS = AdMarketSettings(keywords=12, campaigns=2, days=21, hourly=False, volume=60.0, conversion_rate=0.12)
BINDS = 1.1  # units ÷ today's that the free plan does not reach
FREE = "horizon = 2\nprice.max_change = 0.15\n[bids]\nstep = 0.01\n"


@dataclass(frozen=True)
class Known:
    """Demand with given elasticities, one group per category and region."""

    shop: Shop
    name: str = "known demand"

    def response(self, future: Future) -> PriceResponse:
        offers = self.shop.offers
        pairs = np.array([f"{a}|{b}" for a, b in zip(offers.category, offers.region, strict=True)])
        return LogLinearResponse(
            current=offers.current_price,
            base=np.full((len(offers), future.price.shape[1]), 30.0),
            groups=np.unique(pairs, return_inverse=True)[1],
            own_mean=np.linspace(-3.2, -2.0, len(offers)),
            cross_mean=np.full(len(offers), 0.8),
            common_level_sd=np.full(len(np.unique(pairs)), 0.05),
        )


@cache
def setting() -> tuple[Shop, BidLandscape]:
    from pricebid.landscape import fit_landscape

    shop = draw_joint_market(PRICES, ADS, np.random.default_rng(4)).shop
    return shop, fit_landscape(shop.keyword_reports())


@cache
def made(text: str = FREE) -> JointPlan:
    shop, landscape = setting()
    policy = Policy.from_toml(text)
    return plan(shop, Known(shop), landscape, policy, apart=shop_value(shop, landscape, policy))


def demand_of(found: JointPlan) -> np.ndarray:
    """Units at the planned prices and bids, from first principles."""
    ads = found.ads
    layout, response = found.bids.layout, ads.response
    effective = np.empty((len(layout.entity), layout.hours))
    effective[layout.rows] = found.bids.found.setting.effective(layout)
    today = ads.landscape.expected(np.nan_to_num(ads.landscape.bid)[:, :, None]).conversions.sum(axis=(1, 2))
    then = ads.landscape.expected(effective[:, :, None]).conversions.sum(axis=(1, 2))
    more = ads.days * ads.link.to_offers((then - today) * ads.units)
    return response.units(found.prices.price) * (1.0 + more / response.units(found.prices.now))


def test_the_joint_objective_is_contribution_at_the_planned_demand_less_ad_cost() -> None:
    found = made()
    offers = found.prices.offers
    earned = float(((found.prices.price - offers.cost) * demand_of(found)).sum())
    spent = found.ads.days * found.bids.totals["planned"]["cost"]
    assert found.objective == pytest.approx(earned - spent, rel=1e-9)
    assert found.totals["planned"]["profit"] == pytest.approx(found.objective, rel=1e-9)
    assert found.totals["uplift"]["profit"]["low"] < found.totals["uplift"]["profit"]["value"]


@pytest.mark.parametrize(
    "text",
    [
        FREE,
        FREE + "max_cpa = 0.3\n",
        'objective = "revenue"\n' + FREE + "min_roas = 12.0\n",
        "objective = { profit = 0.5, units = 0.5 }\n" + FREE + "max_cpa = 0.5\n",
    ],
)
def test_planning_together_is_worth_no_less_than_prices_first_and_bids_after(text: str) -> None:
    found = made(text)
    assert found.turns[0].what == "prices first, bids after"
    assert found.objective == max(turn.objective for turn in found.turns if turn.holds)
    if found.turns[0].holds:
        assert found.objective >= found.separate
    assert not broken(found.bids.limits_kept, found.bids.outcomes[1], found.bids.layout.campaign).any()


@pytest.mark.parametrize(
    "limits",
    [f"portfolio.min_units_ratio = {BINDS}\n", "portfolio.min_margin = 0.45\n", "portfolio.max_price_changes = 4\n"],
)
def test_limits_of_prices_hold_with_the_demand_that_the_planned_bids_bring(limits: str) -> None:
    found = made(limits + FREE)
    units = demand_of(found)
    now = found.ads.response.units(found.prices.now)
    price, cost = found.prices.price, found.prices.offers.cost
    if "units" in limits:
        assert units.sum() >= BINDS * now.sum() - 1e-6
        assert units.sum() <= 1.05 * BINDS * now.sum()
    elif "margin" in limits:
        assert ((price - cost) * units).sum() / (price * units).sum() >= 0.45 - 1e-9
    else:
        assert (np.abs(price - found.prices.now) > 1e-9).sum() <= 4


def test_limits_of_bids_hold_at_the_planned_prices() -> None:
    budget = 0.3 * made().bids.totals["planned"]["cost"]
    found = made(FREE + f"daily_budget = {budget:.4f}\nmax_cpa = 0.5\n")
    assert not broken(found.bids.limits_kept, found.bids.outcomes[1], found.bids.layout.campaign).any()
    assert found.bids.totals["planned"]["cost"] <= budget * (1 + 1e-9)
    assert found.bids.totals["planned"]["cpa"] <= 0.5 * (1 + 1e-9)


def test_conversions_are_valued_at_the_planned_price_and_answer_to_it() -> None:
    found = made()
    ads, price = found.ads, found.prices.price
    ratio = ads.response.units(price) / ads.base
    assert np.allclose(ads.ratio(price), ads.link.share @ ratio)
    value = ads.value(found.prices)
    worth = ads.units * (ads.link.share @ (ratio * (price - found.prices.offers.cost))) / ads.ratio(price)
    assert np.allclose(value.profit, worth)
    assert np.allclose(ads.ratio(ads.now), 1.0)


def test_the_same_bids_leave_demand_as_it_is() -> None:
    ads: AdDemand = made().ads
    bid = np.nan_to_num(ads.landscape.bid)[:, :, None]
    assert np.allclose(ads.factor(ads.landscape.expected(bid).conversions.sum(axis=(1, 2))), 1.0)
    none = ads.factor(np.zeros(len(ads.units)))
    assert np.allclose(none, np.maximum(1.0 - ads.today / ads.base, 0.0))
    assert none.min() < 1.0


def test_a_limit_on_units_makes_a_conversion_worth_more() -> None:
    loose, tight = made(), made(f"portfolio.min_units_ratio = {BINDS}\n" + FREE)
    assert np.allclose(loose.ads.relief(loose.prices), 0.0)
    assert tight.prices.found.shadow_prices[0] > 0
    relief = tight.ads.relief(tight.prices)
    assert np.allclose(relief, tight.prices.found.shadow_prices[0] * tight.ads.units)


def test_without_costs_a_plan_for_revenue_is_told_without_profit() -> None:
    shop, landscape = setting()
    frames = {table.name: table.to_frame() for table in shop.tables}
    frames["catalog"] = frames["catalog"].drop(columns="cost")
    bare = Shop.from_frames(frames)
    policy = Policy.from_toml('objective = "revenue"\n' + FREE + "daily_budget = 10.0\n")
    found = plan(bare, Known(bare), landscape, policy, apart=shop_value(bare, landscape, policy))
    assert found.totals["uplift"]["profit"] is None
    assert found.totals["uplift"]["revenue"]["value"] > 0
    assert '"profit": null' in found.to_json()
    assert "revenue" in found.summary()


def test_plan_json_has_every_key_of_a_plan() -> None:
    content = json.loads(made("portfolio.max_price_changes = 4\n" + FREE + "daily_budget = 10.0\n").to_json())
    assert {
        "id",
        "status",
        "objective",
        "bound",
        "gap",
        "scope",
        "totals",
        "limits",
        "model",
        "seed",
        "seconds",
    } <= set(content)
    assert {(one["name"], one["over"]) for one in content["limits"]} == {
        ("max_price_changes", "horizon"), ("daily_budget", "day"),
    }  # fmt: skip
    assert content["policy"]["bids"]["daily_budget"] == 10.0


def test_the_plan_speaks_for_itself(tmp_path: Any) -> None:
    found = made()
    frame = found.to_frame()
    assert {"ad_units_now", "ad_units", "reason"} <= set(frame.columns)
    assert (frame["ad_units"] <= frame["units"] + 1e-9).all()
    assert "prices first and bids after" in found.summary()
    assert "<- planned" in str(found.explain(str(frame["sku"][0]), str(frame["region"][0])))
    keys = {name: str(found.bids.layout.label(name)[0]) for name in ("campaign", "match_type", "sku")}
    assert found.explain(keyword=str(found.bids.layout.label("keyword")[0]), **keys) is not None
    with pytest.raises(InputError, match="a sku"):
        found.explain()
    names = {path.name for path in found.write(tmp_path / "out")}
    assert names == {"prices.csv", "bids.csv", "dayparts.csv", "adjustments.csv", "plan.json"}
    assert len(found.plot().axes) == 2


def test_the_same_seed_gives_the_same_plan() -> None:
    first = made()
    made.cache_clear()
    again = made()
    assert np.array_equal(first.prices.price, again.prices.price)
    assert np.array_equal(first.bids.bid, again.bids.bid)
    assert first.totals == again.totals


def test_the_main_path_from_python_takes_a_shop_a_model_and_a_policy() -> None:
    shop, landscape = setting()
    found = pricebid.plan(shop, Known(shop), Policy.from_toml(FREE), known=landscape)  # type: ignore[arg-type]
    assert found.objective == made().objective
