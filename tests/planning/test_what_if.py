"""What if: the same functions on changed inputs, with intervals on the difference."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from pricebid.errors import InputError, PolicyError, TableError
from pricebid.planning import Comparison, what_if
from pricebid.policy import Scenario

POLICY = "[price]\nmax_change = 0.15\n[portfolio]\nmin_units_ratio = 0.9\n"


def compare(tools: Any, scenario: dict[str, Any], policy: str = POLICY) -> Comparison:
    shop = tools.shop()
    return what_if(shop, tools.KnownDemand(shop=shop), tools.policy(policy), scenario)


def by_outcome(comparison: Comparison) -> dict[str, Any]:
    return {one.outcome: one for one in comparison.differences}


def test_dearer_goods_raise_prices_and_cost_profit(tools: Any) -> None:
    change = {"table": "catalog", "where": {"sku": "s2"}, "multiply": {"cost": 1.2}}
    comparison = compare(tools, {"change": [change]})
    profit = by_outcome(comparison)["profit"]
    assert profit.low < profit.difference < profit.high < 0
    assert profit.difference == pytest.approx(comparison.scenario.found.value - comparison.baseline.found.value)
    raised = comparison.scenario.offers.sku == "s2"
    assert (comparison.scenario.price[raised] >= comparison.baseline.price[raised]).all()
    assert comparison.scenario.price[raised].sum() > comparison.baseline.price[raised].sum()


def test_a_looser_limit_never_costs(tools: Any) -> None:
    comparison = compare(tools, {"policy": {"portfolio": {"min_units_ratio": 0.8}}})
    assert by_outcome(comparison)["profit"].difference >= 0
    assert comparison.scenario.policy.portfolio.min_units_ratio == 0.8


def test_a_price_by_hand_stands(tools: Any) -> None:
    change = {"table": "planned", "where": {"sku": "s1"}, "set": {"price": 2.0}}
    comparison = compare(tools, {"change": [change]})
    mine = comparison.scenario.offers.sku == "s1"
    np.testing.assert_allclose(comparison.scenario.price[mine], 2.0)
    assert comparison.scenario.planned[mine].all()


def test_common_draws_make_the_difference_surer_than_the_plans(tools: Any) -> None:
    change = {"table": "catalog", "where": {"sku": "s2"}, "multiply": {"cost": 1.1}}
    comparison = compare(tools, {"change": [change]})
    draws = [plan.spread.totals[1, :, 0] for plan in (comparison.baseline, comparison.scenario)]
    assert np.std(draws[1] - draws[0]) < 0.5 * np.std(draws[0])


def test_nothing_changed_makes_no_difference(tools: Any) -> None:
    comparison = compare(tools, {"policy": {"portfolio": {"min_units_ratio": 0.9}}})
    for one in comparison.differences:
        assert one.difference == one.low == one.high == 0.0
    assert len(comparison.prices()) == 0


def test_ways_out(tools: Any) -> None:
    scenario = Scenario.from_mapping({"policy": {"price": {"max_change": 0.05}}})
    shop = tools.shop()
    comparison = what_if(shop, tools.KnownDemand(shop=shop), tools.policy(POLICY), scenario)
    frame = comparison.to_frame()
    assert list(frame.columns) == ["outcome", "baseline", "scenario", "difference", "low", "high"]
    assert "80 % interval" in comparison.summary()
    assert set(json.loads(comparison.to_json())) == {"differences", "baseline", "scenario"}
    again = what_if(shop, tools.KnownDemand(shop=shop), tools.policy(POLICY), scenario, baseline=comparison.baseline)
    assert again.baseline is comparison.baseline
    assert again.differences == comparison.differences


def test_scenarios_that_do_not_fit_are_refused(tools: Any) -> None:
    with pytest.raises(TableError, match="no such table"):
        compare(tools, {"change": [{"table": "catalogue", "set": {"cost": 1.0}}]})
    with pytest.raises((PolicyError, InputError)):
        compare(tools, {"policy": {"portfolio": {"min_units": 1}}})
