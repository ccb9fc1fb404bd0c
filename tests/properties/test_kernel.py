"""What must hold of the kernel for any numbers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from pricebid.errors import Infeasible
from pricebid.optimize import Limit, Spread, broken, choose, lagrangian_bound

FINE = settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])


@st.composite
def problems(draw: st.DrawFn):
    decisions, options = draw(st.integers(1, 8)), draw(st.integers(1, 5))
    numbers = st.one_of(st.integers(-20, 20).map(float), st.floats(-20.0, 20.0, allow_subnormal=False))
    shape = (decisions, options)
    profit = draw(hnp.arrays(np.float64, shape, elements=numbers))
    units = np.abs(draw(hnp.arrays(np.float64, shape, elements=numbers)))
    available = draw(hnp.arrays(np.bool_, shape))
    available[:, draw(st.integers(0, options - 1))] = True
    pick = available.argmax(axis=1)
    total = float(units[np.arange(decisions), pick].sum())
    slack = draw(st.floats(0.0, 5.0))
    limits = [Limit("units", at_least=total - slack)] if draw(st.booleans()) else []
    if draw(st.booleans()):
        limits.append(Limit("units", at_most=total + slack))
    if draw(st.booleans()) and total > 0:
        worth = float(profit[np.arange(decisions), pick].sum())
        limits.append(Limit("profit", at_least=worth / total - slack, per="units"))
    return {"profit": profit, "units": units}, limits, available


@FINE
@given(problems())
def test_a_plan_that_exists_is_never_missed_and_no_limit_is_ever_broken(problem):
    outcomes, limits, available = problem
    choice = choose(outcomes, maximise="profit", limits=limits, available=available)
    every = np.arange(len(available))
    assert available[every, choice.option].all()
    for limit in limits:
        total = outcomes[limit.name][every, choice.option].sum()
        if limit.per is not None:
            under = outcomes[limit.per][every, choice.option].sum()
            if under == 0:
                continue
            total /= under
        assert limit.sign * (total - limit.bound) <= limit.tolerance
    assert choice.value == pytest.approx(outcomes["profit"][every, choice.option].sum())


@FINE
@given(problems())
def test_value_is_at_most_the_bound_and_the_bound_is_the_lagrangian(problem):
    outcomes, limits, available = problem
    choice = choose(outcomes, maximise="profit", limits=limits, available=available)
    assert choice.value <= choice.bound
    assert np.all(choice.shadow_prices >= 0)
    again = lagrangian_bound(
        outcomes, maximise="profit", limits=limits, available=available, shadow_prices=choice.shadow_prices
    )
    assert choice.bound == pytest.approx(again, rel=1e-9, abs=1e-9)


@FINE
@given(problems(), st.floats(0.0, 1.0))
def test_one_limit_more_is_never_worth_more_than_the_bound_without_it(problem, share):
    outcomes, limits, available = problem
    before = choose(outcomes, maximise="profit", limits=limits, available=available)
    more = [*limits, Limit("units", at_most=float(share * outcomes["units"].sum()))]
    try:
        after = choose(outcomes, maximise="profit", limits=more, available=available)
    except Infeasible:
        return
    size = max(1.0, abs(before.bound))
    assert after.value <= before.bound + 1e-9 * size
    assert after.bound <= before.bound + 1e-6 * size


@FINE
@given(problems(), st.integers(-20, 20))
def test_scaling_by_a_power_of_two_changes_only_the_scale(problem, power):
    outcomes, limits, available = problem
    factor = 2.0**power
    money = {"profit": factor * outcomes["profit"], "units": outcomes["units"]}
    free = [limit for limit in limits if limit.per is None]
    one = choose(outcomes, maximise="profit", limits=free, available=available)
    two = choose(money, maximise="profit", limits=free, available=available)
    assert np.array_equal(one.option, two.option)
    assert two.bound == factor * one.bound
    assert np.array_equal(two.shadow_prices, factor * one.shadow_prices)


@FINE
@given(problems(), st.floats(0.0, 2.0))
def test_a_side_rule_holds_and_never_adds_value(problem, most):
    outcomes, limits, available = problem
    rng = np.random.default_rng(0)
    price = rng.uniform(1.0, 2.0, available.shape)
    rule = Spread(attribute=price, group=np.zeros(len(available), dtype=np.int64), at_most=most)
    without = choose(outcomes, maximise="profit", limits=limits, available=available)
    try:
        choice = choose(outcomes, maximise="profit", limits=limits, available=available, rules=[rule])
    except Infeasible:
        return
    assert not len(broken(rule, choice.option))
    assert choice.value <= without.bound + 1e-9 * max(1.0, abs(without.bound))
