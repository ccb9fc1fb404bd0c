from __future__ import annotations

import dataclasses
import tracemalloc

import numpy as np
import pytest

from pricebid.errors import InputError
from pricebid.optimize import Effort, Limit, choose, lagrangian_bound, totals


def held(choice, limits) -> bool:
    return bool(np.all(choice.slacks >= -np.array([limit.tolerance for limit in limits])))


def test_without_limits_every_decision_takes_its_best_option():
    profit = np.random.default_rng(0).normal(size=(50, 7))
    choice = choose({"profit": profit}, maximise="profit")
    assert np.array_equal(choice.option, profit.argmax(axis=1))
    assert choice.value == pytest.approx(profit.max(axis=1).sum())
    assert choice.bound == choice.value
    assert choice.gap == 0
    assert choice.status == "optimal"
    assert choice.shadow_prices.shape == (0,)


def test_the_contracts_example_runs_and_holds():
    rng = np.random.default_rng(1)
    decisions = 2_000
    units = rng.uniform(20.0, 60.0, (decisions, 1)) * np.linspace(1.3, 0.7, 6)
    price = rng.uniform(2.0, 5.0, (decisions, 1)) * np.linspace(0.85, 1.15, 6)
    outcomes = {
        "profit": (price - 1.5) * units,
        "revenue": price * units,
        "units": units,
        "discount": np.maximum(price[:, 2:3] - price, 0) * units,
    }
    east = rng.random(decisions) < 0.3
    limits = [
        Limit("units", at_least=90_000.0),
        Limit("profit", at_least=0.25, per="revenue"),
        Limit("discount", at_most=5_000.0, within=east),
    ]
    choice = choose(outcomes, maximise="profit", limits=limits, available=np.ones(units.shape, dtype=bool))
    every = np.arange(decisions)
    assert held(choice, limits)
    assert units[every, choice.option].sum() >= 90_000.0 - 1e-4
    assert outcomes["discount"][every, choice.option][east].sum() <= 5_000.0 + 1e-5
    assert choice.totals[1] == pytest.approx(
        outcomes["profit"][every, choice.option].sum() / outcomes["revenue"][every, choice.option].sum()
    )
    assert choice.shadow_prices.min() >= 0
    assert choice.gap <= 1e-5


def test_masked_options_may_hold_anything_and_are_never_picked():
    rng = np.random.default_rng(2)
    profit, units = rng.uniform(size=(2, 300, 5))
    available = rng.random(profit.shape) < 0.6
    available[:, 0] = True
    profit[~available] = np.nan
    units[~available] = np.inf
    limits = [Limit("units", at_most=100.0)]
    choice = choose({"profit": profit, "units": units}, maximise="profit", limits=limits, available=available)
    assert available[np.arange(300), choice.option].all()
    assert held(choice, limits)


def test_a_mix_of_outcomes_is_maximised_as_their_weighted_sum(shop):
    outcomes, limits = shop(400)
    mixed = {**outcomes, "mix": 0.7 * outcomes["profit"] + 0.3 * outcomes["revenue"]}
    one = choose(mixed, maximise="mix", limits=limits)
    two = choose(outcomes, maximise={"profit": 0.7, "revenue": 0.3}, limits=limits)
    assert one.bound == pytest.approx(two.bound, rel=1e-6)
    assert two.value >= one.value * (1 - 1e-5)


def test_the_same_question_gets_the_same_answer(shop):
    outcomes, limits = shop(12_000)
    one, two = (choose(outcomes, maximise="profit", limits=limits) for _ in range(2))
    assert np.array_equal(one.option, two.option)
    assert np.array_equal(one.shadow_prices, two.shadow_prices)


def test_ties_are_broken_towards_the_first_option():
    flat = np.ones((40, 4))
    choice = choose({"profit": flat}, maximise="profit")
    assert not choice.option.any()


def test_identical_decisions_are_split_as_a_limit_demands():
    # 3,000 decisions that are all the same: at the optimum's shadow price every one of them is tied.
    profit = np.tile([3.0, 1.0], (3_000, 1))
    units = np.tile([0.0, 1.0], (3_000, 1))
    choice = choose({"profit": profit, "units": units}, maximise="profit", limits=[Limit("units", at_least=1_234.0)])
    assert choice.value == 3 * (3_000 - 1_234) + 1_234
    assert choice.shadow_prices == pytest.approx([2.0])


@pytest.mark.parametrize("factor", [1e-6, 1 / 3, 100.0, 1e9])
def test_scaling_money_scales_the_plan(shop, factor):
    outcomes, _ = shop(600)
    money = {name: array * (1.0 if name == "units" else factor) for name, array in outcomes.items()}
    _, limits = shop(600)
    scaled = [
        dataclasses.replace(limit, at_least=None if limit.at_least is None else limit.at_least * factor)
        if limit.name == "revenue"
        else dataclasses.replace(limit, at_most=limit.at_most * factor)
        if limit.name == "discount"
        else limit
        for limit in limits
    ]
    one = choose(outcomes, maximise="profit", limits=limits)
    two = choose(money, maximise="profit", limits=scaled)
    assert two.bound == pytest.approx(one.bound * factor, rel=1e-7)
    assert two.value == pytest.approx(one.value * factor, rel=2e-5)
    assert held(two, scaled)


def test_a_warm_start_changes_the_work_and_not_the_bound(shop):
    outcomes, limits = shop(20_000)
    cold = choose(outcomes, maximise="profit", limits=limits)
    warm = choose(outcomes, maximise="profit", limits=limits, start=cold.shadow_prices)
    assert warm.bound == pytest.approx(cold.bound, rel=1e-7)
    far = choose(outcomes, maximise="profit", limits=limits, start=1000.0 * cold.shadow_prices + 50.0)
    assert far.bound == pytest.approx(cold.bound, rel=1e-7)


def test_a_limit_within_nothing_holds_when_nothing_is_asked():
    profit = np.random.default_rng(3).uniform(size=(20, 3))
    none = np.zeros(20, dtype=bool)
    free = choose({"profit": profit}, maximise="profit")
    limits = [Limit("profit", at_most=0.0, within=none), Limit("profit", at_least=0.2, per="profit", within=none)]
    choice = choose({"profit": profit}, maximise="profit", limits=limits)
    assert np.array_equal(choice.option, free.option)
    assert choice.totals[0] == 0
    assert np.isnan(choice.totals[1])


def test_zero_denominators_leave_a_ratio_to_the_others():
    profit = np.array([[0.0, 5.0], [2.0, 1.0]])
    revenue = np.array([[0.0, 0.0], [10.0, 2.0]])
    limits = [Limit("profit", at_least=0.5, per="revenue")]
    choice = choose({"profit": profit, "revenue": revenue}, maximise="profit", limits=limits)
    assert choice.option.tolist() == [1, 0]
    assert choice.totals[0] == pytest.approx(0.7)


def test_one_decision_is_a_problem_too():
    outcomes = {"profit": np.array([[1.0, 3.0, 2.0]]), "units": np.array([[9.0, 4.0, 6.0]])}
    choice = choose(outcomes, maximise="profit", limits=[Limit("units", at_least=5.0)])
    assert choice.option.tolist() == [2]
    assert choice.status == "optimal"


def test_totals_add_up_the_picks():
    outcomes = {"a": np.array([[1.0, 2.0], [3.0, 4.0]]), "b": np.array([[5.0, 6.0], [7.0, 8.0]])}
    assert totals(outcomes, np.array([1, 0])) == {"a": 5.0, "b": 13.0}


def test_inputs_are_not_changed(shop):
    outcomes, limits = shop(500)
    before = {name: array.copy() for name, array in outcomes.items()}
    for array in outcomes.values():
        array.setflags(write=False)
    choose(outcomes, maximise="profit", limits=limits)
    assert all(np.array_equal(before[name], array) for name, array in outcomes.items())


def test_fifty_thousand_decisions_meet_gap_limits_and_memory(shop):
    outcomes, limits = shop(50_000)
    choose(outcomes, maximise="profit", limits=limits)
    tracemalloc.start()
    choice = choose(outcomes, maximise="profit", limits=limits)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert choice.gap <= 1e-5
    assert held(choice, limits)
    assert peak + sum(array.nbytes for array in outcomes.values()) <= 2.5 * sum(a.nbytes for a in outcomes.values())


def test_many_limits_on_parts_of_the_decisions_are_solved_together(shop):
    # Sixty campaigns with two limits each, and one over all: most limits touch only a small part.
    outcomes, _ = shop(12_000)
    campaign = np.arange(12_000) % 60
    free = choose(outcomes, maximise="profit")
    every = np.arange(12_000)
    limits = []
    for name in range(60):
        part = campaign == name
        now = {key: array[every, free.option][part].sum() for key, array in outcomes.items()}
        limits.append(Limit("units", at_least=float(1.02 * now["units"]), within=part))
        limits.append(Limit("discount", at_most=float(1.3 * now["discount"]), within=part))
    limits.append(Limit("revenue", at_least=float(1.021 * outcomes["revenue"][every, free.option].sum())))
    choice = choose(outcomes, maximise="profit", limits=limits)
    assert held(choice, limits)
    assert choice.gap <= 1e-3
    assert lagrangian_bound(
        outcomes, maximise="profit", limits=limits, shadow_prices=choice.shadow_prices
    ) == pytest.approx(choice.bound)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"maximise": "margin"}, "no outcome 'margin'.*'profit', 'units'"),
        ({"limits": [Limit("clicks", at_most=1.0)]}, "no outcome 'clicks'"),
        ({"limits": [Limit("profit", at_most=1.0, within=np.ones(3, dtype=bool))]}, "3 entries for 2 decisions"),
        ({"limits": [Limit("units", at_most=1.0, per="loss")]}, "-1.0; a ratio needs denominators >= 0"),
        ({"available": np.ones((2, 3), dtype=bool)}, r"shape \(2, 3\): it must be bool with shape \(2, 2\)"),
        ({"available": np.array([[True, True], [False, False]])}, "decision 1 has no available option"),
        ({"maximise": "nan"}, "decision 1, option 0 is nan"),
        ({"maximise": "minus"}, "decision 0, option 1 is -inf"),
        ({"maximise": "flat"}, r"shape \(2,\): it must be \[decision, option\]"),
        ({"maximise": "long", "limits": [Limit("units", at_most=9.0)]}, "all need the same"),
        ({"maximise": {"profit": float("inf")}}, "weight of 'profit' is inf"),
        ({"start": [1.0]}, "there are 0 limits: give one each"),
    ],
)
def test_senseless_arguments_are_refused_with_the_remedy(arguments, message):
    outcomes = {
        "profit": np.array([[1.0, 2.0], [3.0, 4.0]]),
        "units": np.ones((2, 2)),
        "loss": -np.ones((2, 2)),
        "nan": np.array([[1.0, 2.0], [np.nan, 4.0]]),
        "minus": np.array([[1.0, -np.inf], [3.0, 4.0]]),
        "flat": np.ones(2),
        "long": np.ones((3, 2)),
    }
    with pytest.raises(InputError, match=message):
        choose(outcomes, **{"maximise": "profit", **arguments})


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "neither at_least nor at_most; a limit has exactly one bound: give one of them"),
        ({"at_least": 1.0, "at_most": 2.0}, "exactly one bound: give two limits, one each"),
        ({"at_most": float("nan")}, "must be finite"),
        ({"at_most": 1.0, "within": np.array([0, 1])}, "must be bool"),
    ],
)
def test_a_limit_has_exactly_one_finite_bound(arguments, message):
    with pytest.raises(InputError, match=message):
        Limit("units", **arguments)


def test_effort_is_checked():
    with pytest.raises(InputError, match="must be > 0"):
        Effort(gap=0.0)


def test_prices_of_a_bound_must_be_nonnegative():
    with pytest.raises(InputError, match="finite and >= 0"):
        lagrangian_bound(
            {"profit": np.ones((1, 1))}, maximise="profit", limits=[Limit("profit", at_most=1.0)], shadow_prices=[-1.0]
        )


def test_a_limits_title_says_what_it_is():
    assert Limit("units", at_least=5.0).title == "units at least 5"
    assert Limit("cost", at_most=3.0, per="revenue").title == "cost per revenue at most 3"
    assert Limit("cost", at_most=3.0, label="budget").title == "budget"
