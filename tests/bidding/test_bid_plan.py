"""What a bid plan says and writes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from pricebid import Infeasible, InputError
from pricebid.bidding import BidPlan, ConversionValue, bid
from pricebid.policy import Policy

if TYPE_CHECKING:
    from pathlib import Path
    from types import SimpleNamespace

POLICY = "[bids]\ndaily_budget = 60.0\nmin_roas = 3.0\nmax_bid = 1.2\n[bids.dayparts]\n"


@pytest.fixture(scope="module")
def plan(known: SimpleNamespace) -> BidPlan:
    return known.plan(known.market(0, day_shock=0.1), POLICY)


def test_the_table_of_bids_has_the_columns_of_the_contract(plan: BidPlan) -> None:
    frame = plan.to_frame()
    assert list(frame) == [
        "campaign", "keyword", "match_type", "current_bid", "bid", "impressions", "clicks", "cost", "conversions",
        "revenue", "profit", "action", "reason",
    ]  # fmt: skip
    assert len(frame) == 24
    assert frame["cost"].sum() == pytest.approx(plan.totals["planned"]["cost"])
    assert set(frame["action"]) <= {"raise", "lower", "keep", "pause", "start"}


def test_dayparts_name_every_campaign_and_hour(plan: BidPlan) -> None:
    frame = plan.dayparts_frame()
    assert list(frame) == ["campaign", "hour", "multiplier"]
    assert len(frame) == 3 * 24
    assert frame["multiplier"].between(0.3, 2.5).all()
    assert list(plan.adjustments_frame()) == ["campaign", "dimension", "value", "multiplier"]


def test_bids_times_multipliers_bring_what_the_plan_says(plan: BidPlan) -> None:
    """What is written is all there is to it: computed anew from the tables."""
    bids, dayparts = plan.to_frame(), plan.dayparts_frame()
    times = dayparts.set_index(["campaign", "hour"])["multiplier"].unstack().loc[bids["campaign"]].to_numpy()  # noqa: PD010
    effective = bids["bid"].to_numpy()[:, None] * times
    landscape = plan.problem.landscape
    got = landscape.expected(effective[:, :, None], plan.layout.rows)
    assert got.cost.sum(axis=(1, 2)) == pytest.approx(bids["cost"].to_numpy())
    assert got.conversions.sum(axis=(1, 2)) == pytest.approx(bids["conversions"].to_numpy())


def test_plan_json_holds_what_the_contract_names(plan: BidPlan) -> None:
    content = json.loads(plan.to_json())
    assert content["id"][14] == "7"
    assert content["status"] == "feasible"
    assert content["scope"] == "exact"
    assert content["bound"] >= content["objective"]
    assert content["gap"] == pytest.approx(1 - content["objective"] / content["bound"])
    assert [limit["name"] for limit in content["limits"]] == ["daily_budget", "min_roas"]
    assert set(content["limits"][0]) == {"name", "limit", "value", "slack", "shadow_price"}
    assert content["totals"]["planned"]["cost"] <= 60.0
    assert content["totals"]["uplift"]["profit"]["low"] <= content["totals"]["uplift"]["profit"]["high"]
    assert content["policy"]["bids"]["daily_budget"] == 60.0
    assert set(content["seconds"]) == {"ladder", "search", "bound", "intervals"}


def test_the_shadow_price_is_what_more_budget_earns(known: SimpleNamespace) -> None:
    def made(budget: float) -> BidPlan:
        return known.plan(known.market(0, unsure=0.0), f"[bids]\ndaily_budget = {budget}\nstep = 0.001")

    low, middle, high = made(48.0), made(50.0), made(52.0)
    slope = (high.found.value - low.found.value) / 4.0
    assert middle.limits[0].shadow_price == pytest.approx(slope, rel=0.05)


def test_a_curve_shows_the_planned_and_the_current_bid_and_what_bars_others(plan: BidPlan) -> None:
    curve = plan.explain("k003")
    assert curve.bid[curve.picked] == pytest.approx(plan.bid[3])
    assert curve.bid[curve.current] == pytest.approx(0.8)
    assert curve.bid[0] == 0.0
    assert (np.diff(curve.clicks) >= 0).all()
    assert (curve.profit_low <= curve.profit_high).all()
    assert curve.gain[curve.picked] == 0.0
    assert any("max_bid" in why for why in curve.barred)
    assert any("breaks daily_budget" in why for why in curve.barred)
    text = str(curve)
    assert "<- planned" in text
    assert "current" in text
    assert len(curve.to_frame()) == len(curve.bid)


def test_labels_that_do_not_name_one_keyword_are_refused(known: SimpleNamespace) -> None:
    keys = known.axis(["a", "b"], ["x", "x"])
    plan = known.plan(known.landscape(keys))
    with pytest.raises(InputError, match="2 keywords have keyword 'x'; give campaign, match_type too"):
        plan.explain("x")
    assert plan.explain("x", "b").title.startswith("campaign b, keyword x")
    with pytest.raises(InputError, match="0 keywords have"):
        plan.explain("y")
    with pytest.raises(InputError, match="no column 'region'"):
        plan.explain("x", region="n")


def test_reasons_carry_the_numbers_behind_them(plan: BidPlan) -> None:
    at = int(np.argmax(plan.action == "lower"))
    text = plan.reason[at]
    assert f"A click costs {plan.numbers.click_cost[at]:,.2f}" in text
    assert "% more bid brings" in text
    assert "under daily_budget" in text
    assert "probability" in text


def test_elasticity_and_marginal_cost_are_those_of_the_curve(plan: BidPlan) -> None:
    at = 4
    landscape = plan.problem.landscape
    times = plan.found.setting.over(plan.layout, slice(at, at + 1))
    bids = plan.bid[at] * np.array([0.999, 1.001])
    got = landscape.expected(times[:, :, None] * bids, plan.layout.rows[at : at + 1])
    clicks, cost, conversions = (getattr(got, name).sum(axis=(0, 1)) for name in ("clicks", "cost", "conversions"))
    assert plan.numbers.elasticity[at] == pytest.approx(np.diff(np.log(clicks))[0] / 0.002, rel=0.02)
    assert plan.numbers.marginal[at] == pytest.approx((np.diff(cost) / np.diff(conversions))[0], rel=0.02)


def test_the_plan_is_written_whole(plan: BidPlan, tmp_path: Path) -> None:
    files = plan.write(tmp_path / "out", file_format="parquet")
    names = {file.name for file in files}
    assert {"bids.csv", "dayparts.csv", "adjustments.csv", "plan.json", "bids.parquet"} <= names
    back = pd.read_csv(tmp_path / "out" / "bids.csv")
    assert back["bid"].to_numpy() == pytest.approx(plan.bid)


def test_the_summary_is_a_page(plan: BidPlan) -> None:
    text = plan.summary(moves=3)
    assert "Bid plan for 24 keywords in 3 campaigns" in text
    assert "daily_budget" in text
    assert "Biggest moves" in text


def test_a_campaign_without_a_possible_bid_is_infeasible_and_says_by_how_much(known: SimpleNamespace) -> None:
    landscape = known.market(0)
    campaigns = known.table(landscape, min_bid=[0.9, np.nan, 1.5], max_bid=[np.nan, np.nan, 2.0])
    with pytest.raises(Infeasible, match="left without a bid") as caught:
        known.plan(landscape, "[bids]\nmax_bid = 0.7", campaigns=campaigns)
    assert len(caught.value.conflicts) == 2
    assert caught.value.conflicts[0].relaxation == pytest.approx(0.2)


def test_a_limit_that_no_keyword_can_meet_pauses_all(known: SimpleNamespace) -> None:
    plan = known.plan(known.market(0), "[bids]\nmin_roas = 1000.0")
    assert (plan.bid == 0).all()
    assert plan.totals["planned"]["cost"] == 0.0
    assert json.loads(plan.to_json())["limits"][0]["value"] is None


def test_a_negative_budget_does_not_exist_and_one_of_a_cent_buys_next_to_nothing(known: SimpleNamespace) -> None:
    plan = known.plan(known.market(0), "[bids]\ndaily_budget = 0.01")
    assert plan.totals["planned"]["cost"] <= 0.01


def test_values_that_do_not_fit_are_refused(known: SimpleNamespace) -> None:
    landscape = known.market(0)
    short = ConversionValue(revenue=np.ones(3), profit=np.ones(3))
    with pytest.raises(InputError, match="3 values for 24 series"):
        bid(landscape, Policy(), campaigns=known.table(landscape), value=short)
    unknown = ConversionValue(revenue=np.ones(24), profit=np.full(24, np.nan))
    with pytest.raises(InputError, match="not known for 24 series"):
        bid(landscape, Policy(), campaigns=known.table(landscape), value=unknown)
    plan = bid(
        landscape,
        Policy.from_toml('objective = "revenue"\n[bids]\ndaily_budget = 20.0'),
        campaigns=known.table(landscape),
        value=unknown,
    )
    assert plan.totals["planned"]["revenue"] > 0


def test_progress_is_told(known: SimpleNamespace) -> None:
    told: list[tuple[str, float]] = []
    landscape = known.market(0)
    bid(
        landscape,
        Policy(),
        campaigns=known.table(landscape),
        value=known.worth(landscape),
        progress=lambda stage, share: told.append((stage, share)),
    )
    assert [stage for stage, _ in told] == ["search", "bound", "intervals", "bid"]
    assert told[-1][1] == 1.0


def test_without_money_in_the_objective_bids_end_near_those_of_the_reports(known: SimpleNamespace) -> None:
    plan = known.plan(known.market(0), 'objective = "revenue"\n')
    highest = np.nanmax(plan.current)
    assert plan.bid.max() <= 3.0 * highest + 0.01
    assert any("no max_bid" in notice for notice in plan.notices)


@pytest.mark.parametrize("budget", [0.0, 0.001])
def test_a_budget_that_buys_nothing_pauses_everything(known: SimpleNamespace, budget: float) -> None:
    plan = known.plan(known.market(0), f"[bids]\ndaily_budget = {budget}\n")
    assert plan.outcomes[1]["cost"].sum() <= budget
    assert any("paused" in notice for notice in plan.notices) or plan.bid.max() > 0


def test_actions_compare_bids_under_their_multipliers(known: SimpleNamespace) -> None:
    plan = known.plan(known.market(0), "[bids]\ndaily_budget = 30.0\n[bids.dayparts]\nmin = 0.3\nmax = 0.6\n")
    lowered = plan.bid * plan.mean_times < plan.current - 1e-9
    assert lowered.any()
    assert set(plan.action[lowered & (plan.bid > 0)]) == {"lower"}
