"""Budgets kept with a probability: cushions against simulated days."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy.special import ndtr

from pricebid.bidding.spread import _square_prices, draw_totals

if TYPE_CHECKING:
    from types import SimpleNamespace

    from pricebid.bidding import BidPlan


def days(plan: BidPlan, rng: np.random.Generator, n: int) -> np.ndarray:
    """Spend of simulated days: the landscape's own parameters drawn anew each day, shocks, and clicks one by one."""
    problem, landscape = plan.problem, plan.problem.landscape
    effective = plan.found.setting.effective(plan.layout)
    shock = np.exp(landscape.day_shock * rng.standard_normal(n) - landscape.day_shock**2 / 2)
    curves = landscape.curves
    rows = plan.layout.rows
    level, spread = curves.mean[rows, 1], np.exp(curves.mean[rows, 2])
    spent = np.zeros(n)
    clicks = problem.landscape.expected(effective[:, :, None], rows).clicks[:, :, 0]
    for day in range(n):
        sure = curves.covariance[rows, 0, 0]
        known = np.exp(np.sqrt(sure) * rng.standard_normal(len(rows)) - sure / 2)
        came = rng.poisson(clicks * known[:, None] * shock[day])
        series, hour = (np.repeat(one.ravel(), came.ravel()) for one in np.indices(came.shape))
        top = ndtr((np.log(effective[series, hour]) - level[series]) / spread[series])
        from scipy.special import ndtri

        spent[day] = np.exp(level[series] + spread[series] * ndtri(rng.uniform(0, 1, len(series)) * top)).sum()
    return spent


@pytest.mark.parametrize("confidence", [0.7, 0.9])
def test_a_budget_is_kept_on_as_many_days_as_asked(known: SimpleNamespace, confidence: float) -> None:
    landscape = known.market(7, keywords=40, day_shock=0.1, auctions=300.0, unsure=0.0)
    plan = known.plan(landscape, f"[bids]\ndaily_budget = 100.0\nbudget_confidence = {confidence}\n[bids.dayparts]\n")
    spent = days(plan, np.random.default_rng(1), 2000)
    # 2000 days: the standard error of a share is .01 or less; 3 of these and what the normal law of logs misses.
    assert np.mean(spent <= 100.0) == pytest.approx(confidence, abs=0.03)
    assert plan.limits[0].value == pytest.approx(100.0, rel=2e-3)


def test_what_is_not_known_leaves_a_little_of_the_budget_at_even_odds(known: SimpleNamespace) -> None:
    policy = "[bids]\ndaily_budget = 60.0\n[bids.dayparts]\n"
    sure = known.plan(known.market(0, unsure=0.0, day_shock=0.3), policy)
    assert sure.outcomes[1]["cost"].sum() == pytest.approx(60.0, rel=1e-3)
    unsure = known.plan(known.market(0, unsure=0.3), policy)
    cost = unsure.draws.cost(1)
    assert unsure.outcomes[1]["cost"].sum() == pytest.approx(60.0 / (1 + 0.5 * cost.std() / cost.mean()), rel=5e-3)


def test_more_confidence_spends_less(known: SimpleNamespace) -> None:
    landscape = known.market(0, day_shock=0.1)
    spent = [
        known.plan(landscape, f"[bids]\ndaily_budget = 60.0\nbudget_confidence = {level}").outcomes[1]["cost"].sum()
        for level in (0.3, 0.5, 0.8, 0.95)
    ]
    assert spent == sorted(spent, reverse=True)
    assert spent[0] > 60.0


def test_campaign_budgets_are_kept_with_the_probability_too(known: SimpleNamespace) -> None:
    landscape = known.market(0, day_shock=0.1)
    campaigns = known.table(landscape, daily_budget=[10.0, 20.0, np.nan])
    plan = known.plan(landscape, "[bids]\nbudget_confidence = 0.9", campaigns=campaigns)
    assert [one.name for one in plan.limits] == ["daily_budget of campaign c0", "daily_budget of campaign c1"]
    spent = np.bincount(plan.layout.campaign, plan.outcomes[1]["cost"])
    for limit, cost in zip(plan.limits_kept, spent, strict=False):
        assert limit.cushion > 1.1
        assert cost * limit.cushion <= limit.asked * (1 + 1e-9)


@pytest.mark.parametrize("auction", ["second", "first"])
def test_the_square_of_prices_is_that_of_a_truncated_log_normal(known: SimpleNamespace, auction: str) -> None:
    landscape = known.landscape(known.axis(["c"], ["a"]), auction=auction, level=-0.5, spread=0.6)
    problem = known.plan(landscape).problem
    bid = np.array([[0.9]])
    score = (np.log(0.9) + 0.5) / 0.6
    second = 5.0 * np.exp(2 * -0.5 + 2 * 0.36) * ndtr(score - 1.2)
    wanted = second if auction == "second" else 5.0 * ndtr(score) * 0.81
    assert _square_prices(problem, bid)[0] == pytest.approx(wanted, rel=2e-3)


def test_draws_are_common_to_all_plans(known: SimpleNamespace) -> None:
    problem = known.plan(known.market(0)).problem
    bid = problem.current
    draws = draw_totals(problem, [bid, bid], seed=4)
    assert np.array_equal(draws.totals[0], draws.totals[1])
    assert draws.totals[0, :, :, 4].sum(axis=1).mean() == pytest.approx(problem.now()["cost"].sum(), rel=0.03)


def test_draws_of_some_series_speak_for_all(known: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    problem = known.plan(known.market(0, keywords=60, unsure=0.2)).problem
    whole = draw_totals(problem, [problem.current], seed=1)
    monkeypatch.setattr("pricebid.bidding.spread._CELLS", 60 * 24 * 30)
    part = draw_totals(problem, [problem.current], seed=1)
    mean = problem.now()["profit"].sum()
    assert part.totals[0, :, :, 0].sum(axis=1).mean() == pytest.approx(mean, rel=0.05)
    # Chance of single series is overstated by drawing fewer of them, never understated.
    assert part.totals[0].sum(axis=1).std(axis=0)[4] >= 0.8 * whole.totals[0].sum(axis=1).std(axis=0)[4]
