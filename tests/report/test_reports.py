"""Tables for people and summaries for machines say what the results say, in a hundred columns."""

import io
import json
from typing import Any

import numpy as np
import pytest
from rich.console import Console

import pricebid
from pricebid import demand
from pricebid.demand import Elasticities
from pricebid.planning import what_if
from pricebid.pricing.reasons import effects
from pricebid.report import frames, models, plans, summaries, text

WIDTH = 100


def shown(*renderables: object) -> str:
    out = io.StringIO()
    console = Console(file=out, width=WIDTH)
    for renderable in renderables:
        console.print(renderable)
    assert max(map(len, out.getvalue().splitlines())) <= WIDTH
    return out.getvalue()


def test_a_shop_report_names_tables_extent_and_what_is_off(made: Any) -> None:
    said = shown(text.shop_report(made.shop))
    assert "14 offers (sku x region) over 104 weeks, 2023-07-03 to 2025-06-23" in said
    assert "offers is not given" in said
    assert "No faults." in said
    summary = summaries.shop_summary(made.shop)
    assert summary["tables"]["sales"] == 1456
    assert (summary["offers"], summary["periods"], summary["frequency"]) == (14, 104, "week")


def test_words_in_a_table_are_shown_as_they_are() -> None:
    said = shown(text.table("a [b] title", ("[red]x[/]", "n"), [("[bold]y[/]", "1")]))
    assert "[red]x[/]" in said
    assert "[bold]y[/]" in said


def test_a_plan_report_shows_totals_proof_limits_and_the_moves_worth_most(made: Any) -> None:
    said = shown(plans.plan_report(made.plan, moves=3))
    for part in ("profit", "80 % interval", "Proof: no plan", "min_units_ratio", "The 3 moves that are worth most"):
        assert part in said
    worth = np.where(made.plan.changed, effects(made.plan).worth, -np.inf)
    best = int(worth.argmax())
    first = said.split("worth most\n")[1].splitlines()[0]
    assert made.plan.offers.sku[best] in first
    assert f"worth {worth[best]:+,.2f}" in first


def test_the_first_numbers_of_a_plan_report_are_the_plans(made: Any) -> None:
    profit = next(
        line for line in shown(plans.totals_table(made.plan)).splitlines() if line.strip().startswith("profit")
    )
    totals = made.plan.totals
    assert f"{totals['now']['profit']:,.0f}" in profit
    assert f"{totals['planned']['profit']:,.0f}" in profit


def test_a_plan_summary_is_plan_json(made: Any) -> None:
    summary = summaries.plan_summary(made.plan)
    assert summary["plan"] == json.loads(made.plan.to_json())
    assert summary["moved"] == int((made.plan.price != made.plan.now).sum())


def test_a_comparison_says_that_dearer_coffee_costs_profit(made: Any) -> None:
    dearer = {"change": [{"table": "catalog", "where": {"category": "coffee"}, "multiply": {"cost": 1.1}}]}
    both = what_if(made.shop, made.model, made.policy, dearer, baseline=made.plan)
    said = shown(plans.comparison_report(both))
    assert "80 % interval of the difference" in said
    summary = summaries.comparison_summary(both)
    profit = next(one for one in summary["differences"] if one["outcome"] == "profit")
    assert profit["difference"] < 0
    assert profit["low"] <= profit["difference"] <= profit["high"]


def test_a_comparison_without_a_difference_says_so(made: Any) -> None:
    both = what_if(made.shop, made.model, made.policy, {"policy": {"seed": made.policy.seed}}, baseline=made.plan)
    assert "No price differs." in shown(plans.comparison_report(both))


def test_groups_average_their_offers() -> None:
    found = Elasticities(
        own=np.array([-1.0, -3.0, -2.0]),
        own_low=np.array([-2.0, -4.0, -3.0]),
        own_high=np.array([-0.5, -2.5, -1.5]),
        offer=np.array([0, 0, 1, 2]),
        of_offer=np.array([1, 2, 0, 0]),
        value=np.array([0.2, 0.3, 0.4, 0.1]),
        specification="",
    )
    groups = models.group_elasticities(found, np.array(["a", "a", "b"], dtype=object))
    assert [one.name for one in groups] == ["a", "b"]
    assert (groups[0].own, groups[0].low, groups[0].high, groups[0].offers) == (-2.0, -3.0, -1.5, 2)
    assert [one.cross for one in groups] == pytest.approx([(0.5 + 0.4) / 2, 0.1])


def test_elasticities_are_shown_by_brand_with_how_they_were_found(made: Any) -> None:
    found = made.model.elasticities()
    said = shown(models.elasticity_report(found, made.shop.offers))
    assert "Kestrel" in said
    assert "identified" in said
    summary = summaries.elasticity_summary(found, made.shop.offers)
    assert summary["by"] == "brand"
    assert sum(one["offers"] for one in summary["groups"]) == 14


def test_forecast_totals_are_the_sum_of_the_table(made: Any) -> None:
    forecast = pricebid.forecast(made.shop, made.model, horizon=2)
    frame = frames.forecast_frame(made.model, forecast)
    assert len(frame) == 28
    one = frame[(frame["sku"] == "decaf-250") & (frame["region"] == "south")]
    at = list(zip(*made.model.labels, strict=True)).index(("decaf-250", "south"))
    assert np.array_equal(one["units"], forecast.mean[at])
    assert list(one["date"].astype(str)) == [str(day) for day in forecast.periods]
    assert summaries.forecast_summary(forecast)["units"] == pytest.approx(frame["units"].sum())
    assert f"{frame['units'].sum():,.0f}" in shown(models.forecast_report(forecast, made.shop.offers))


def test_the_cross_table_has_no_offer_beside_itself(made: Any) -> None:
    cross = frames.cross_frame(made.model, made.model.elasticities())
    assert (cross["sku"] != cross["of_sku"]).all()
    assert not cross.duplicated(["sku", "of_sku", "region"]).any()


def test_accuracy_is_shown_beside_the_baselines(made: Any) -> None:
    result = demand.backtest(made.shop.history(), horizon=2, origins=1)
    said = shown(models.accuracy_report(result))
    assert "pricebid" in said
    assert "naive" in said
    summary = summaries.accuracy_summary(result)
    assert [one["forecaster"] for one in summary["scores"]] == [one.forecaster for one in result.scores]


def test_a_summary_holds_only_what_json_knows(made: Any) -> None:
    everything = [
        summaries.model_summary(made.model),
        summaries.shop_summary(made.shop),
        summaries.plan_summary(made.plan),
        summaries.elasticity_summary(made.model.elasticities(), made.shop.offers),
    ]
    assert json.loads(json.dumps(everything, allow_nan=False))


def test_the_picture_of_a_real_plan_is_drawn_by_the_plan_itself(made: Any) -> None:
    assert f"{int(made.plan.changed.sum())} of 14 prices move" in made.plan.plot().get_suptitle()
