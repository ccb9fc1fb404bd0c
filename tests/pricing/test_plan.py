"""The plan: the contract's columns and document, reasons, explanations, conflicts, what stays."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from pricebid.errors import Infeasible, InputError
from pricebid.pricing import PricePlan, price
from pricebid.tables import Shop

if TYPE_CHECKING:
    from pathlib import Path

COLUMNS = [
    "sku", "region", "current_price", "price", "cost", "units_now", "units", "units_low", "units_high", "revenue_now",
    "revenue", "profit_now", "profit", "margin", "lost_units", "reason",
]  # fmt: skip
POLICY = """
[price]
max_change = 0.15
min_margin = 0.1
[portfolio]
min_units_ratio = 0.95
"""


def plan_of(tools: Any, shop: Shop, text: str = POLICY, **demand: float) -> PricePlan:
    return price(shop, tools.KnownDemand(shop=shop, **demand), tools.policy(text))


@pytest.fixture(scope="module")
def plan(tools: Any) -> PricePlan:
    return plan_of(tools, tools.shop())


def test_the_table_has_the_contract_s_columns_and_adds_up(plan: PricePlan) -> None:
    frame = plan.to_frame()
    assert list(frame.columns) == COLUMNS
    assert frame["units"].sum() == pytest.approx(plan.totals["planned"]["units"])
    np.testing.assert_allclose(frame["revenue"], frame["price"] * frame["units"])
    np.testing.assert_allclose(frame["profit"], (frame["price"] - frame["cost"]) * frame["units"])
    np.testing.assert_allclose(frame["margin"], frame["profit"] / frame["revenue"])
    np.testing.assert_allclose(frame["price"] * 100, np.round(frame["price"] * 100), atol=1e-9)
    assert ((frame["units_low"] < frame["units"]) & (frame["units"] < frame["units_high"])).all()
    assert (np.abs(frame["price"] / frame["current_price"] - 1) <= 0.15 + 1e-9).all()
    assert frame["profit"].sum() > frame["profit_now"].sum()
    assert frame["units"].sum() >= 0.95 * frame["units_now"].sum() - 1e-6


def test_plan_json_is_what_the_contract_says(plan: PricePlan) -> None:
    content = json.loads(plan.to_json())
    wanted = {
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
        "policy",
    }
    assert wanted <= set(content)
    assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", content["id"])
    assert content["status"] in ("optimal", "feasible")
    assert content["scope"] == "linearised"
    assert content["objective"] == pytest.approx(plan.totals["planned"]["profit"])
    assert (content["start"], content["last_period"]) == (str(plan.periods[0]), str(plan.periods[-1]))
    for name in ("profit", "revenue", "units"):
        planned = content["totals"]["planned"]
        assert planned[f"{name}_low"] < planned[name] < planned[f"{name}_high"]
    assert content["bound"] >= content["objective"]
    assert content["gap"] == pytest.approx((content["bound"] - content["objective"]) / content["bound"], abs=1e-12)
    (limit,) = content["limits"]
    assert set(limit) == {"name", "limit", "value", "slack", "shadow_price"}
    assert limit["limit"] == pytest.approx(0.95)
    assert limit["value"] == pytest.approx(content["totals"]["planned"]["units"] / content["totals"]["now"]["units"])
    assert limit["shadow_price"] > 0
    assert content["policy"]["portfolio"]["min_units_ratio"] == 0.95
    assert sum(content["seconds"].values()) > 0


def test_the_shadow_price_is_what_relaxing_the_limit_brings(tools: Any) -> None:
    shop = tools.shop()
    tight, loose = (plan_of(tools, shop, POLICY.replace("0.95", ratio)) for ratio in ("0.955", "0.945"))
    middle = plan_of(tools, shop)
    gained = (loose.found.value - tight.found.value) / 0.01
    assert middle.limits[0].shadow_price == pytest.approx(gained, rel=0.1)


def test_the_interval_on_the_uplift_holds_it_and_widens_with_uncertainty(tools: Any, plan: PricePlan) -> None:
    uplift = plan.totals["uplift"]["profit"]
    assert uplift["low"] < uplift["value"] < uplift["high"]
    sure = plan_of(tools, tools.shop(), uncertainty=0.001).totals["uplift"]["profit"]
    assert sure["high"] - sure["low"] < uplift["high"] - uplift["low"]


def test_where_demand_is_unsure_the_plan_s_moves_have_expected_not_typical_value(tools: Any) -> None:
    """E[exp(a x)] of an uncertain elasticity is above exp(E[a] x): units at a raised price are above the sure model's."""
    shop = tools.shop()
    units = []
    for uncertainty in (0.0, 0.4):
        response = tools.KnownDemand(shop=shop, uncertainty=uncertainty).response(shop.future(4))
        units.append(response.units(response.current * 1.15).sum())
    assert units[1] > units[0] * 1.001


def test_every_price_has_a_reason_with_numbers(plan: PricePlan) -> None:
    for moved, reason, old, new in zip(plan.changed, plan.reason, plan.now, plan.price, strict=True):
        assert reason
        if moved:
            assert reason.startswith("raised" if new > old else "lowered")
            assert "elasticity -" in reason
            assert f"{abs(new / old - 1) * 100:.1f} %" in reason


def test_the_reason_names_what_ends_a_move(tools: Any) -> None:
    plan = plan_of(tools, tools.shop(), "[price]\nmax_change = 0.02")
    ended = ["max_change 0.02 ends it" in reason for reason in plan.reason]
    at_the_end = np.abs(plan.price / plan.now - 1) > 0.015
    assert sum(ended) >= 0.8 * at_the_end.sum() > 0
    held = plan_of(tools, tools.shop(), "[portfolio]\nmin_units_ratio = 1.0\n[price]\nmax_change = 0.3")
    assert any("min_units_ratio" in reason for reason in held.reason)


def test_the_explanation_shows_the_ladder_with_the_pick_and_what_is_barred(plan: PricePlan) -> None:
    found = plan.explain("s3", "north")
    frame = found.to_frame()
    assert frame["picked"].sum() == frame["current"].sum() == 1
    offer = np.flatnonzero((plan.offers.sku == "s3") & (plan.offers.region == "north"))[0]
    picked = frame[frame["picked"]].iloc[0]
    assert picked["price"] == plan.price[offer]
    assert picked["units"] == pytest.approx(plan.to_frame()["units"][offer])
    assert picked["gain"] == 0.0
    outside = np.abs(frame["price"] / plan.now[offer] - 1) > 0.151
    assert outside.any()
    assert frame["barred"][outside].str.contains("max_change").all()
    allowed = frame["barred"] == ""
    assert (frame["gain"][allowed] <= 1e-6 * plan.found.value).all()
    assert (np.diff(frame["units"]) < 0).all()
    assert ((frame["units_low"] < frame["units"]) & (frame["units"] < frame["units_high"])).all()
    assert "<- planned" in str(found)
    with pytest.raises(InputError, match="3 offers have sku 's3'; give region too"):
        plan.explain("s3")
    with pytest.raises(InputError, match="no key column 'shop'"):
        plan.explain("s3", shop="x")


def test_the_summary_has_totals_limits_and_moves(plan: PricePlan) -> None:
    text = plan.summary(moves=3)
    for wanted in ("profit", "80 % interval", "min_units_ratio", "Biggest moves", "linearised"):
        assert wanted in text
    assert text.count("->") == 3


def test_the_same_inputs_give_the_same_plan_but_for_its_id(tools: Any, plan: PricePlan) -> None:
    again = plan_of(tools, tools.shop())
    pd.testing.assert_frame_equal(plan.to_frame(), again.to_frame())
    first, second = (json.loads(one.to_json()) for one in (plan, again))
    for volatile in ("id", "seconds"):
        assert first.pop(volatile) != second.pop(volatile)
    assert first == second


def test_scaling_money_scales_the_plan(tools: Any, plan: PricePlan) -> None:
    """Prices, costs and step ten times as large: the same plan, ten times the money."""
    text = POLICY.replace("[price]", "[price]\nstep = 0.1")
    scaled = plan_of(tools, tools.shop(scale=10.0), text)
    np.testing.assert_allclose(scaled.price, 10 * plan.price, rtol=2e-3)
    assert scaled.found.value == pytest.approx(10 * plan.found.value, rel=1e-4)


def test_locked_and_planned_prices_stay(tools: Any) -> None:
    frames = {table.name: table.to_frame() for table in tools.shop().tables}
    frames["catalog"]["locked"] = [1, 0, 0, 0, 0, 0]
    frames["planned"] = pd.DataFrame({"date": ["2024-03-25"], "sku": ["s1"], "region": ["north"], "price": [2.22]})
    plan = plan_of(tools, Shop.from_frames(frames))
    frame = plan.to_frame()
    locked = frame[frame["sku"] == "s0"]
    np.testing.assert_array_equal(locked["price"], locked["current_price"])
    assert (locked["reason"] == "stays: locked").all()
    planned = frame[(frame["sku"] == "s1") & (frame["region"] == "north")].iloc[0]
    assert planned["reason"].startswith("as planned")
    assert planned["price"] == pytest.approx(2.5)  # the mean over the horizon, 2.4975, in whole cents
    assert plan.changed.sum() > 5


def test_offers_without_a_price_fail_together_or_are_held(tools: Any) -> None:
    nothing = float("nan")
    shop = tools.shop(min_price=[9.0, nothing, nothing, 9.0, nothing, nothing])
    text = "[price]\nmax_change = 0.15"
    with pytest.raises(Infeasible, match="6 offers are left without a price") as caught:
        plan_of(tools, shop, text)
    assert len(caught.value.conflicts) == 6
    first = caught.value.conflicts[0]
    assert "s0 in north" in first.name
    assert "min_price needs at least 9" in first.name
    assert "max_change 0.15 allows at most 2.63" in first.name
    assert first.relaxation == pytest.approx(9 - 2.29 * 1.15, abs=0.01)
    plan = plan_of(tools, shop, text + '\non_conflict = "hold"')
    frame = plan.to_frame()
    held = frame["sku"].isin(["s0", "s3"])
    np.testing.assert_array_equal(frame["price"][held], frame["current_price"][held])
    assert frame["reason"][held].str.startswith("held at the current price: min_price needs").all()
    assert (frame["price"][~held] != frame["current_price"][~held]).all()


def test_limits_that_cannot_all_hold_say_so(tools: Any) -> None:
    text = "[price]\nmax_change = 0.05\n[portfolio]\nmin_units_ratio = {units}\nmin_margin = {margin}"
    with pytest.raises(Infeasible, match="min_units_ratio") as caught:
        plan_of(tools, tools.shop(), text.format(units=1.8, margin=0.0))
    (conflict,) = caught.value.conflicts
    assert conflict.limit == 1.8
    reachable = conflict.reachable
    assert 1.0 < reachable < 1.2
    assert plan_of(tools, tools.shop(), text.format(units=reachable - 1e-3, margin=0.0)).found.value > 0
    with pytest.raises(Infeasible, match="min_margin") as caught:
        plan_of(tools, tools.shop(), text.format(units=0.5, margin=0.5))
    assert caught.value.conflicts[0].limit == 0.5
    assert 0.3 < caught.value.conflicts[0].reachable < 0.5


def test_stock_caps_units_and_what_is_lost_is_reported(tools: Any) -> None:
    plan = plan_of(tools, tools.shop(stock=[90.0] * 6), "[price]\nmax_change = 0.1")
    frame = plan.to_frame()
    assert (frame["units"] + frame["lost_units"] > frame["units"]).all()
    for _, rows in frame.groupby("sku"):
        assert rows["units"].sum() <= 90.0
    assert plan.totals["planned"]["lost_units"] == pytest.approx(frame["lost_units"].sum())
    assert frame["reason"].str.contains("stock loses").any()


def test_rules_between_prices_hold_in_the_plan(tools: Any) -> None:
    text = POLICY + 'max_price_changes = 12\n[[rules]]\norder = { by = "size", per_unit = true }\n'
    text = text.replace("max_change = 0.15", "max_change = 0.15\nmax_region_spread = 0.02")
    shop = tools.shop(brand=["x"] * 6, size=[1.0, 1.0, 1.3, 1.3, 1.5, 1.5])  # today the largest is dearest per litre
    plan = plan_of(tools, shop, text)
    frame = plan.to_frame()
    regions = frame.groupby("sku")["price"]
    assert (regions.max() / regions.min() <= 1.02 * (1 + 1e-9)).all()
    assert plan.changed.sum() <= 12
    frame["per_unit"] = frame["price"] / plan.offers.size
    frame["line"] = plan.offers.category + plan.offers.brand + frame["region"]
    for _, line in frame.assign(size=plan.offers.size).groupby("line"):
        assert (np.diff(line.sort_values("size")["per_unit"]) <= 1e-9).all()
    now = plan.now / plan.offers.size
    assert (now[plan.offers.sku == "s4"] > now[plan.offers.sku == "s2"]).all()
    assert plan.found.value >= plan.totals["now"]["profit"]


def test_the_difference_to_an_earlier_plan_lists_what_changed(tools: Any, plan: PricePlan) -> None:
    before = plan_of(tools, tools.shop(), POLICY.replace("0.15", "0.05"))
    diff = plan.diff(before)
    changed = plan.price != before.price
    assert len(diff) == changed.sum() > 0
    assert (diff["change"].abs().diff().dropna() <= 1e-12).all()
    np.testing.assert_allclose(diff["change"], diff["price"] / diff["previous_price"] - 1)
    assert len(plan.diff(plan.to_frame())) == 0
    with pytest.raises(InputError, match="lack price"):
        plan.diff(plan.to_frame().drop(columns="price"))


def test_results_are_written_together(plan: PricePlan, tmp_path: Path) -> None:
    files = plan.write(tmp_path / "out", file_format="parquet", previous=plan)
    assert {file.name for file in files} == {"prices.csv", "prices.parquet", "diff.csv", "diff.parquet", "plan.json"}
    assert list(pd.read_csv(tmp_path / "out" / "prices.csv").columns) == COLUMNS
    assert json.loads((tmp_path / "out" / "plan.json").read_text())["id"] == plan.id


def test_revenue_and_units_plans_need_no_cost(tools: Any) -> None:
    shop = tools.shop(cost=[float("nan")] * 6)
    plan = plan_of(tools, shop, 'objective = "units"\n[price]\nmax_change = 0.1')
    assert (plan.price < plan.now).all()
    content = json.loads(plan.to_json())
    assert content["totals"]["planned"]["profit"] is None
    assert content["totals"]["uplift"]["profit"] is None
    assert "units +" in " ".join(plan.reason)


def test_progress_is_told(tools: Any) -> None:
    shop = tools.shop()
    told: list[tuple[str, float]] = []
    price(shop, tools.KnownDemand(shop=shop), tools.policy(POLICY), progress=lambda *step: told.append(step))
    assert [share for _, share in told] == sorted(share for _, share in told)
    assert told[-1][1] == 1.0
