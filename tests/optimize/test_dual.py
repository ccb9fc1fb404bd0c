"""The dual's optimality conditions, and what its prices promise."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from pricebid.optimize import Limit, choose, lagrangian_bound
from pricebid.optimize.dual import solve_dual
from pricebid.optimize.pool import Pool, spread_sample
from pricebid.optimize.problem import build
from pricebid.optimize.repair import mixture


def solved(outcomes, limits):
    problem = build(outcomes, "profit", limits, None)
    return problem, solve_dual(problem, Pool.of(problem), start=None, tolerance=1e-9 * len(outcomes["profit"]))


@pytest.mark.parametrize("decisions", [40, 3_000, 15_000])
def test_karush_kuhn_tucker(shop, decisions):
    outcomes, limits = shop(decisions)
    problem, dual = solved(outcomes, limits)
    assert np.all(dual.multipliers >= 0)
    # Stationarity: the mixture of the dual's plans is a convex combination of plans that are best at the multipliers.
    usage = sum(
        weight[group] * cut.usage[group]
        for cut, weight in zip(dual.cuts, dual.weights, strict=True)
        for group in range(len(weight))
    )
    gain = sum(float(weight @ cut.gain) for cut, weight in zip(dual.cuts, dual.weights, strict=True))
    assert gain + dual.multipliers @ (problem.rhs - usage) == pytest.approx(dual.bound, rel=1e-7)
    # Primal feasibility and complementary slackness of that mixture.
    slack = problem.rhs - usage
    assert np.all(slack >= -1e-6 * decisions)
    assert dual.multipliers * slack == pytest.approx(np.zeros(len(limits)), abs=1e-6 * decisions)


def test_the_screened_pools_dual_function_is_the_whole_ones_inside_its_box(shop):
    outcomes, limits = shop(4_000)
    problem = build(outcomes, "profit", limits, None)
    whole = Pool.of(problem)
    rng = np.random.default_rng(0)
    middle, radius = np.array([0.3, 0.1, 0.3, 0.1]), np.array([0.05, 0.02, 0.05, 0.05])
    small = whole.narrow(middle, radius)
    assert 0 < len(small) < len(whole)
    for _ in range(20):
        point = middle + rng.uniform(-1, 1, 4) * radius
        one, two = whole.evaluate(point), small.evaluate(point)
        assert two.lagrangian(problem.rhs) == pytest.approx(one.lagrangian(problem.rhs), rel=1e-12)
        assert np.array_equal(one.option[small.index], two.option)


@pytest.mark.parametrize("parts", [1, 3])
def test_shadow_prices_are_what_a_limit_is_worth(shop, parts):
    # Finite differences of the bound: convex in the limits, so the price lies between the slopes to either side.
    outcomes, limits = shop(2_000)
    if parts > 1:
        region = np.arange(2_000) % parts
        spent = outcomes["discount"].max(axis=1)
        limits += [Limit("discount", at_most=float(0.12 * spent[region == 0].sum()), within=region == 0)]
    choice = choose(outcomes, maximise="profit", limits=limits)
    for at, limit in enumerate(limits):
        if limit.per is not None:
            continue
        step = 1e-3 * abs(limit.bound)
        key = "at_least" if limit.at_least is not None else "at_most"

        def bound(change: float, at: int = at, key: str = key, limit: Limit = limit) -> float:
            moved = [*limits]
            moved[at] = dataclasses.replace(limit, **{key: limit.bound + limit.sign * change})
            return choose(outcomes, maximise="profit", limits=moved).bound

        slack_gain = (bound(step) - choice.bound) / step
        tight_loss = (choice.bound - bound(-step)) / step
        noise = 3e-6 * choice.bound / step
        assert slack_gain - noise <= choice.shadow_prices[at] <= tight_loss + noise


def test_any_prices_give_a_bound(shop):
    outcomes, limits = shop(300)
    choice = choose(outcomes, maximise="profit", limits=limits)
    rng = np.random.default_rng(1)
    for _ in range(30):
        prices = rng.exponential(0.5, len(limits))
        assert lagrangian_bound(outcomes, maximise="profit", limits=limits, shadow_prices=prices) >= choice.value


def test_rounding_the_mixture_misses_its_totals_by_a_few_decisions(shop):
    outcomes, limits = shop(40_000)
    problem, dual = solved(outcomes, limits)
    for phase in (0.0, 0.25, 0.5):
        slack = problem.rhs - problem.usage(problem.picked(mixture(dual, phase)))
        # Rows are scaled so that one decision swings by about 1; 40,000 decisions are in play.
        binding = dual.multipliers > 1e-9
        assert np.abs(slack[binding]).max() < 40


def test_samples_are_spread_over_cells_and_without_period():
    cells = np.repeat(np.arange(4), 5_000)
    kept = spread_sample(cells, 1_000)
    assert np.bincount(cells[kept]) == pytest.approx([250] * 4, abs=3)
    for period in (2, 5, 10, 100):
        share = np.bincount(kept % period, minlength=period) / len(kept)
        assert share == pytest.approx([1 / period] * period, abs=0.02)
