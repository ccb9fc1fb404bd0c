"""The split: analytic optima and brute force, every limit on random problems, and what a plan says."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pricebid import Infeasible, InputError, Policy, Shop
from pricebid.bidding import channels as commands
from pricebid.bidding.channel_limits import spend_bounds
from pricebid.bidding.channel_margin import shop_margin
from pricebid.bidding.channel_problem import build_problem
from pricebid.bidding.channel_split import split_budget
from pricebid.landscape.channel_response import ChannelResponse
from pricebid.landscape.channel_shapes import FORMS
from pricebid.landscape.channel_value import CustomerValue
from pricebid.policy import Channels, Objective
from pricebid.tables import Settings

if TYPE_CHECKING:
    from pathlib import Path

    from pricebid.bidding.channel_plan import ChannelPlan

LOGARITHM, EXPONENTIAL = FORMS.index("logarithm"), FORMS.index("exponential")
NAMES = np.array(["mail", "radio", "search"], dtype=object)


def response(
    *,
    level: object = (10_000.0, 6_000.0, 3_000.0),
    half: object = 1_000.0,
    form: object = LOGARITHM,
    spend: object = (1_000.0, 2_000.0, 500.0),
    most: object = 4_000.0,
    draws: int = 3,
) -> ChannelResponse:
    """Channels with known curves; every draw the same unless given by draw."""
    shape = (draws, 3)
    return ChannelResponse(
        channels=NAMES,
        frequency="week",
        outcome="revenue",
        spend=np.broadcast_to(np.asarray(spend, dtype=float), 3),
        most=np.broadcast_to(np.asarray(most, dtype=float), 3),
        scale=np.full(3, 1_000.0),
        retention=np.full(shape, 0.4),
        half=np.array(np.broadcast_to(half, shape), dtype=float),
        form=np.array(np.broadcast_to(form, shape), dtype=np.int64),
        level=np.array(np.broadcast_to(level, shape), dtype=float),
        fitted="week",
        revenue=np.ones(3),
        conversions=np.array([0.02, 0.02, 0.05]),
        new_customers=np.array([0.01, 0.0, 0.02]),
    )


def policy(objective: str = "profit", **channels: object) -> Policy:
    return Policy.from_mapping({"objective": objective, "channels": channels})


# -- optima ----------------------------------------------------------------------------------------------------------


def test_within_a_budget_every_marginal_return_is_the_same() -> None:
    """Of a_i log(1 + x_i / h): a_i / (h + x_i) is one number, x_i = a_i (B + n h) / sum a - h."""
    plan = split_budget(response(), policy("revenue", budget=6_000.0))
    a = np.array([10_000.0, 6_000.0, 3_000.0]) / np.log(2)
    best = a * (6_000 + 3 * 1_000) / a.sum() - 1_000
    assert (best > 0).all()
    np.testing.assert_allclose(plan.spend, best, atol=6_000 / 400)
    np.testing.assert_allclose(plan.marginal.mean(axis=0), a.sum() / 9_000, rtol=0.01)
    assert plan.budget_price == pytest.approx(a.sum() / 9_000, rel=0.01)
    assert plan.spend.sum() <= 6_000 + 1e-9
    assert plan.status == "optimal"


def test_without_a_budget_profit_is_spent_for_until_the_next_unit_of_money_does_not_return() -> None:
    """Margin times a_i / (h + x_i) is 1."""
    plan = split_budget(response(), policy(), margin=0.25)
    best = 0.25 * np.array([10_000, 6_000, 3_000]) / np.log(2) - 1_000
    np.testing.assert_allclose(plan.spend, best, atol=8_000 / 200)
    np.testing.assert_allclose(0.25 * plan.marginal.mean(axis=0), 1.0, rtol=0.03)
    assert plan.limits == ()
    assert plan.budget_price == 0.0


def test_the_split_is_the_best_of_all_on_the_ladder() -> None:
    """S-shaped curves have several local optima; all combinations of a small ladder are tried."""
    steep = response(form=FORMS.index("hill 2.4"), half=[1_500.0, 2_000.0, 800.0], most=3_000.0)
    bounds = spend_bounds(NAMES, policy=Channels(budget=3_000.0), spend=steep.spend, most=steep.most)
    problem = build_problem(steep, Objective(profit=0.0, revenue=1.0), bounds, margin=1.0)
    plan = split_budget(steep, policy("revenue", budget=3_000.0))
    coarse = [np.flatnonzero(np.isfinite(row))[::8] for row in problem.spend]
    revenue = problem.outcomes["revenue"]
    best = max(
        sum(revenue[at, option] for at, option in enumerate(pick))
        for pick in product(*coarse)
        if sum(problem.spend[at, option] for at, option in enumerate(pick)) <= 3_000
    )
    assert plan.totals["planned"]["revenue"] >= best - 1e-6


def test_the_mean_over_draws_decides_not_the_mean_parameters() -> None:
    """Search is sure; mail is worth as much on average but saturates at once or late: the mean curve is what counts."""
    unsure = response(
        form=EXPONENTIAL,
        half=[[200.0, 1_000.0, 1_000.0], [5_000.0, 1_000.0, 1_000.0]],
        level=[[5_000.0, 10.0, 5_000.0]] * 2,
        draws=2,
    )
    plan = split_budget(unsure, policy("revenue", budget=4_000.0))
    ladder = np.linspace(0, 4_000, 801)
    curves = [
        np.mean([5_000 * -np.expm1(-x / h) / -np.expm1(-1_000 / h) for h in halves], axis=0)
        for halves, x in (((200.0, 5_000.0), ladder), ((1_000.0,), 4_000 - ladder))
    ]
    assert plan.spend[0] == pytest.approx(ladder[np.argmax(curves[0] + curves[1])], abs=25)


def test_objectives_weigh_profit_revenue_and_conversions() -> None:
    by_revenue = split_budget(response(), policy("revenue", budget=5_000.0)).spend
    by_units = split_budget(response(), policy("units", budget=5_000.0)).spend
    assert by_units[2] > by_revenue[2]  # search has more conversions per revenue
    mixed = Policy.from_mapping({"objective": {"profit": 0.5, "revenue": 0.5}, "channels": {"budget": 5_000.0}})
    plan = split_budget(response(), mixed, margin=0.4)
    totals = plan.totals["planned"]
    assert plan.choice.value == pytest.approx(0.5 * totals["profit"] + 0.5 * totals["revenue"])


def test_what_is_spent_now_is_the_budget_where_revenue_counts_and_none_is_given() -> None:
    plan = split_budget(response(), policy("revenue"))
    assert plan.spend.sum() <= 3_500 + 1e-9
    assert any("what is spent now, 3,500.00, is taken" in notice for notice in plan.notices)


def test_no_channel_is_planned_beyond_twice_what_was_ever_reached() -> None:
    plan = split_budget(response(most=[600.0, 600.0, 600.0], spend=[500.0, 500.0, 500.0]), policy(), margin=1.0)
    np.testing.assert_allclose(plan.spend, 1_200.0)
    assert any("no further than twice the highest level" in notice for notice in plan.notices)
    assert "twice the highest level reached" in plan.reason[0]


def test_a_channel_that_never_brought_anything_gets_nothing_and_is_named() -> None:
    silent = response(level=[10_000.0, 0.0, 3_000.0])
    plan = split_budget(silent, policy("revenue", budget=3_000.0))
    assert plan.spend[1] == 0.0
    assert plan.action[1] == "stop"
    assert any("radio: never spent or brought anything" in notice for notice in plan.notices)


# -- limits ----------------------------------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_every_limit_holds_or_the_problem_is_refused(data: st.DataObject) -> None:
    """Random floors, caps, changes and budgets: a plan keeps all of them, and only what cannot hold is refused."""
    share = st.integers(0, 100).map(lambda percent: percent / 100)
    money = st.integers(2, 6_000).map(float)
    some = lambda values: data.draw(st.dictionaries(st.sampled_from(NAMES.tolist()), values, max_size=3))  # noqa: E731
    budget = data.draw(st.integers(100, 8_000).map(float))
    asked = Channels(
        budget=budget,
        floors=tuple(some(st.one_of(share, money)).items()),
        caps=tuple(some(st.one_of(share, money)).items()),
        max_change=tuple(some(share).items()),
    )
    known = response()
    floor, cap, change = (dict(getattr(asked, name)) for name in ("floors", "caps", "max_change"))

    def in_money(amount: float) -> float:
        return amount if amount > 1 else amount * budget

    low = np.array(
        [
            max(in_money(floor.get(name, 0.0)), now * (1 - change[name]) if name in change else 0.0)
            for name, now in zip(NAMES, known.spend, strict=True)
        ]
    )
    high = np.array(
        [
            min(in_money(cap.get(name, 1e9)), now * (1 + change[name]) if name in change else np.inf)
            for name, now in zip(NAMES, known.spend, strict=True)
        ]
    )
    aim = replace(Policy(), objective=Objective(profit=0.0, revenue=1.0), channels=asked)
    possible = bool((low <= high).all() and low.sum() <= budget)
    try:
        plan = split_budget(known, aim)
    except Infeasible:
        assert not possible
        return
    assert possible
    assert (plan.spend >= low - 1e-6).all()
    assert (plan.spend <= high + 1e-6).all()
    assert plan.spend.sum() <= budget * (1 + 1e-9)
    assert plan.choice.value <= plan.choice.bound + 1e-9 * abs(plan.choice.bound)


def test_shares_are_of_the_budget_and_money_is_money() -> None:
    asked = Channels(budget=10_000.0, floors=(("mail", 0.2),), caps=(("radio", 1_500.0), ("search", 0.05)))
    bounds = spend_bounds(NAMES, policy=asked, spend=np.full(3, 900.0), most=np.full(3, 9_000.0))
    assert bounds.low.tolist() == [2_000, 0, 0]
    assert bounds.high.tolist() == [18_000, 1_500, 500]
    assert bounds.low_by[0] == "floors"
    assert bounds.high_by == ("history", "caps", "caps")


def test_a_cap_of_zero_stops_a_channel() -> None:
    plan = split_budget(response(), policy("revenue", budget=3_000.0, caps={"mail": 0.0}))
    assert plan.spend[0] == 0.0
    assert plan.action[0] == "stop"


def test_limits_of_a_channel_that_do_not_meet_are_all_listed() -> None:
    asked = policy(budget=5_000.0, floors={"mail": 3_000.0, "radio": 100.0}, max_change={"mail": 0.1, "radio": 0.1})
    with pytest.raises(Infeasible, match="1 channels are left without a spend") as caught:
        split_budget(response(), asked, margin=0.5)
    (conflict,) = caught.value.conflicts
    assert "mail: floors needs at least 3,000.00, max_change allows at most 1,100.00" in conflict.name
    assert conflict.relaxation == pytest.approx(1_900.0)


def test_floors_beyond_the_budget_say_what_would_have_to_give() -> None:
    asked = policy(budget=2_000.0, max_change={"mail": 0.1, "radio": 0.05})
    with pytest.raises(Infeasible, match="more than the budget") as caught:
        split_budget(response(), asked, margin=0.5)
    by_name = {conflict.name: conflict for conflict in caught.value.conflicts}
    assert by_name["channels.budget"].reachable == pytest.approx(900 + 1_900)
    assert by_name["radio: max_change"].reachable == pytest.approx(1_100)
    assert by_name["mail: max_change"].reachable == pytest.approx(100)


def test_the_relaxations_named_are_enough() -> None:
    asked = policy(budget=2_800.0, max_change={"mail": 0.1, "radio": 0.05})
    assert split_budget(response(), asked, margin=0.5).spend.sum() <= 2_800 + 1e-9


@pytest.mark.parametrize(
    ("channels", "message"),
    [
        ({"budget": 1e4, "caps": {"serch": 0.5}}, "no channel 'serch'.*did you mean 'search'"),
        ({"floors": {"mail": 0.5}}, "share of the budget, and there is none"),
        ({"budget": 1e4, "max_change": {"tv": 0.5}}, "max_change: no channel 'tv'"),
    ],
)
def test_limits_that_make_no_sense_are_refused(channels: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        split_budget(response(), policy(**channels), margin=0.5)


def test_profit_needs_revenue_and_a_margin_is_a_share() -> None:
    conversions = replace(response(), outcome="conversions", revenue=np.full(3, np.nan), conversions=np.ones(3))
    with pytest.raises(InputError, match=r"the objective needs profit.*no column revenue"):
        split_budget(conversions, policy(budget=3_000.0))
    assert split_budget(conversions, policy("units", budget=3_000.0)).choice.value > 0
    with pytest.raises(InputError, match="the objective needs conversions"):
        split_budget(replace(response(), conversions=np.full(3, np.nan)), policy("units", budget=3_000.0))
    with pytest.raises(InputError, match=r"margin 1\.5 must be"):
        split_budget(response(), policy(), margin=1.5)


# -- what a plan says ------------------------------------------------------------------------------------------------


@pytest.fixture
def plan() -> ChannelPlan:
    customers = CustomerValue(
        channels=np.array(["mail", "search"], dtype=object),
        lifetime=np.array([120.0, 80.0]),
        customers=np.array([10.0, 20.0]),
        months=12,
        overall=100.0,
    )
    unsure = response(level=[[9_000.0, 6_000.0, 3_000.0], [11_000.0, 6_000.0, 3_000.0]], draws=2)
    asked = policy(budget=4_000.0, max_change={"search": 0.0}, caps={"radio": 700.0})
    return split_budget(unsure, asked, margin=0.5, customers=customers, settings=Settings(currency="EUR"))


def test_the_table_has_every_channel_with_returns_costs_and_values(plan: ChannelPlan) -> None:
    frame = plan.to_frame().set_index("channel")
    assert frame.index.tolist() == NAMES.tolist()
    mail = frame.loc["mail"]
    assert mail["profit"] == pytest.approx(0.5 * mail["revenue"] - mail["spend"])
    assert mail["roi"] == pytest.approx(mail["profit"] / mail["spend"])
    assert mail["cpa"] == pytest.approx(mail["spend"] / (0.02 * mail["revenue"]))
    assert mail["cac"] == pytest.approx(mail["spend"] / (0.01 * mail["revenue"]))
    assert mail["ltv"] == pytest.approx(60.0)
    assert frame.loc["radio", "ltv"] == pytest.approx(50.0)  # radio brought no first order: that of all
    assert mail["ltv_to_cac"] == pytest.approx(60.0 / mail["cac"])
    assert mail["new_customer_revenue"] == pytest.approx(100.0)
    assert np.isnan(frame.loc["radio", "cac"])  # no new customers
    assert mail["revenue_low"] < mail["revenue"] < mail["revenue_high"]
    assert mail["marginal_low"] < mail["marginal_return"] < mail["marginal_high"]
    assert frame["revenue"].sum() == pytest.approx(plan.totals["planned"]["revenue"])


def test_reasons_name_the_move_the_return_and_what_ends_it(plan: ChannelPlan) -> None:
    reason = dict(zip(NAMES, plan.reason, strict=True))
    assert reason["mail"].startswith("raise +")
    assert "the next unit of money brings" in reason["mail"]
    assert "pays from" in reason["mail"]
    assert reason["radio"].startswith("lower -65%")
    assert "caps: goes no higher" in reason["radio"]
    assert reason["search"].startswith("keep")
    assert "max_change" in reason["search"]


def test_starting_and_stopping_have_their_own_words() -> None:
    found = split_budget(
        response(spend=[0.0, 2_000.0, 500.0], level=[10_000.0, 1.0, 3_000.0]), policy("revenue", budget=2_500.0)
    )
    assert found.action.tolist() == ["start", "stop", "lower"]


def test_explain_shows_the_ladder_and_what_bars_it(plan: ChannelPlan) -> None:
    told = plan.explain("radio")
    frame = told.to_frame()
    assert frame["spend"].is_monotonic_increasing
    assert frame.loc[frame["picked"], "spend"].item() == pytest.approx(700.0)
    assert frame.loc[frame["current"], "spend"].item() == pytest.approx(2_000.0)
    assert frame.loc[frame["spend"] > 700.0, "barred"].eq("caps").all()
    text = str(told)
    assert "<- planned" in text
    assert "40% carries over to the next week" in text
    assert "budget, unless another channel gives" in str(plan.explain("mail"))
    with pytest.raises(InputError, match="no channel 'male'; did you mean 'mail'"):
        plan.explain("male")


def test_the_plan_is_written_whole_and_reads_back(plan: ChannelPlan, tmp_path: Path) -> None:
    files = plan.write(tmp_path / "out")
    assert [file.name for file in files] == ["channels.csv", "plan.json"]
    content = json.loads((tmp_path / "out" / "plan.json").read_text())
    assert content["id"][14] == "7"
    assert content["status"] == "optimal"
    assert content["objective"] <= content["bound"]
    assert content["policy"]["channels"]["budget"] == 4_000.0
    assert content["limits"][0]["name"] == "budget"
    assert content["totals"]["uplift"]["profit"]["low"] <= content["totals"]["uplift"]["profit"]["high"]
    read = pd.read_csv(tmp_path / "out" / "channels.csv")
    assert read["spend"].tolist() == pytest.approx(plan.spend.tolist())


def test_the_summary_is_a_page_with_totals_budget_channels_and_notices(plan: ChannelPlan) -> None:
    text = plan.summary()
    for words in ("Channel plan for 3 channels, per week", "new customers", "budget 4,000.00", "radio:", "optimal"):
        assert words in text


def test_the_picture_has_a_panel_per_channel(plan: ChannelPlan) -> None:
    figure = plan.plot()
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["mail", "radio", "search"]
    assert all(len(axes.lines) == 3 for axes in figure.axes)


def test_the_same_input_gives_the_same_plan() -> None:
    one, other = (split_budget(response(), policy("revenue", budget=5_000.0)) for _ in range(2))
    assert np.array_equal(one.spend, other.spend)
    assert one.id != other.id


# -- from a shop -----------------------------------------------------------------------------------------------------


def shop_of(**tables: pd.DataFrame) -> Shop:
    weeks = pd.date_range("2024-01-01", periods=2, freq="7D")
    frame = pd.DataFrame({"date": weeks, "channel": "mail", "spend": [1.0, 2.0], "revenue": [3.0, 4.0]})
    return Shop.from_frames({"channels": frame, **tables})


def test_the_margin_is_told_by_sales_and_costs_before_campaigns() -> None:
    campaigns = pd.DataFrame({"campaign": ["x", "y"], "margin": [0.2, 0.4]})
    margin, words = shop_margin(shop_of(campaigns=campaigns))
    assert margin == pytest.approx(0.3)
    assert "campaigns.margin" in words
    days = pd.date_range("2024-01-01", periods=3, freq="7D")
    sales = pd.DataFrame({"date": days, "sku": "a", "units": [1.0, 2.0, 3.0], "price": 10.0})
    margin, words = shop_margin(
        shop_of(campaigns=campaigns, sales=sales, catalog=pd.DataFrame({"sku": ["a"], "cost": [4.0]}))
    )
    assert margin == pytest.approx(0.6)
    assert "last sales" in words
    assert shop_margin(shop_of()) == (None, "")


def test_the_path_from_a_shop_takes_margin_and_orders_along(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "fit_channel_response", lambda *_, **__: response())
    orders = pd.DataFrame(
        {
            "order": ["1", "2"],
            "customer": ["x", "x"],
            "time": ["2024-01-01", "2024-04-01"],
            "sku": "a",
            "units": 1.0,
            "price": 30.0,
            "channel": "mail",
        }
    )
    shop = shop_of(orders=orders, campaigns=pd.DataFrame({"campaign": ["x"], "margin": [0.5]}))
    told: list[tuple[str, float]] = []
    plan = commands.plan_channels(
        shop, policy(budget=3_000.0), progress=lambda stage, share: told.append((stage, share))
    )
    assert plan.margin == 0.5
    assert plan.notices[0].startswith("margin 50.0%")
    assert plan.to_frame()["ltv"].notna().all()
    assert [share for _, share in told] == sorted(share for _, share in told)
    assert told[-1][1] == 1.0
    assert set(plan.seconds) == {"response", "plan"}
    bare = commands.plan_channels(shop_of(), policy(budget=3_000.0))
    assert any("no margin is known" in notice for notice in bare.notices)


def test_a_spend_that_never_moved_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "fit_channel_response", lambda *_, **__: response())
    weeks = pd.date_range("2024-01-01", periods=6, freq="7D")
    rows = [
        (day, name, 100.0 if name == "mail" else 50.0 + at) for at, day in enumerate(weeks) for name in ("mail", "tv")
    ]
    channels = pd.DataFrame(rows, columns=["date", "channel", "spend"]).assign(revenue=1.0)
    shop = Shop.from_frames({"channels": channels})
    plan = commands.plan_channels(shop, policy(budget=3_000.0), margin=0.4)
    assert next(notice for notice in plan.notices if "hardly ever moved" in notice).startswith("spend on mail hardly")
