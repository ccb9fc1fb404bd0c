from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from pricebid.errors import Infeasible
from pricebid.optimize import Effort, Limit, choose

KEY = {True: "at_least", False: "at_most"}


def moved(limit: Limit, bound: float) -> Limit:
    return dataclasses.replace(limit, **{KEY[limit.at_least is not None]: bound})


def impossible(seed: int) -> tuple[dict[str, np.ndarray], list[Limit], Infeasible] | None:
    rng = np.random.default_rng(seed)
    decisions = int(rng.integers(3, 12))
    outcomes = {name: rng.uniform(0.1, 1.0, (decisions, 4)) for name in ("profit", "revenue", "units")}
    limits = [
        Limit("units", at_most=float(rng.uniform(0.1, 0.6) * decisions)),
        Limit("revenue", at_least=float(rng.uniform(0.5, 0.9) * decisions)),
        Limit("profit", at_least=float(rng.uniform(0.8, 2.0)), per="units"),
    ]
    try:
        choose(outcomes, maximise="profit", limits=limits)
    except Infeasible as error:
        return outcomes, limits, error
    return None


CASES = [case for case in map(impossible, range(40)) if case is not None]


def test_there_are_cases_of_both_kinds():
    alone = ["any one" in str(error) for *_, error in CASES]
    assert sum(alone) > 3
    assert len(alone) - sum(alone) > 3


@pytest.mark.parametrize("case", CASES, ids=range(len(CASES)))
def test_relaxed_as_named_a_plan_exists_and_any_less_is_not_enough(case):
    outcomes, limits, error = case
    named = {conflict.name: conflict for conflict in error.conflicts}
    assert named
    if "any one" in str(error):
        for at, limit in enumerate(limits):
            if limit.title not in named:
                continue
            conflict = named[limit.title]
            assert conflict.relaxation == pytest.approx(abs(conflict.reachable - limit.bound))
            changed = [*limits]
            changed[at] = moved(limit, conflict.reachable)
            choose(outcomes, maximise="profit", limits=changed)
            # A hair less than named (beyond what counts as optimal) and there is no plan again.
            changed[at] = moved(limit, conflict.reachable - limit.sign * (1e-3 * conflict.relaxation + 1e-4))
            with pytest.raises(Infeasible):
                choose(outcomes, maximise="profit", limits=changed)
    else:
        changed = [moved(limit, named[limit.title].reachable) if limit.title in named else limit for limit in limits]
        choose(outcomes, maximise="profit", limits=changed)


def test_a_limit_beyond_reach_names_what_can_be_reached():
    units = np.array([[1.0, 2.0], [3.0, 5.0]])
    with pytest.raises(Infeasible) as caught:
        choose({"units": units}, maximise="units", limits=[Limit("units", at_least=10.0, label="the target")])
    (conflict,) = caught.value.conflicts
    assert conflict.name == "the target"
    assert conflict.reachable == 7.0
    assert conflict.relaxation == 3.0


def test_a_ratio_beyond_reach_names_the_best_ratio():
    rng = np.random.default_rng(4)
    profit, revenue = rng.uniform(0.1, 1.0, (2, 6, 3))
    with pytest.raises(Infeasible) as caught:
        choose(
            {"profit": profit, "revenue": revenue},
            maximise="profit",
            limits=[Limit("profit", at_least=50.0, per="revenue")],
        )
    grid = np.stack(np.meshgrid(*[np.arange(3)] * 6, indexing="ij"), axis=-1).reshape(-1, 6)
    best = (profit[np.arange(6), grid].sum(axis=1) / revenue[np.arange(6), grid].sum(axis=1)).max()
    assert caught.value.conflicts[0].reachable == pytest.approx(best, rel=1e-9)


def test_many_decisions_that_cannot_meet_their_limits_say_so(shop):
    outcomes, limits = shop(20_000)
    limits.append(Limit("revenue", at_most=limits[3].bound * 0.98, label="cap"))
    with pytest.raises(Infeasible, match="any one of these would have to give") as caught:
        choose(outcomes, maximise="profit", limits=limits)
    named = {conflict.name: conflict for conflict in caught.value.conflicts}
    assert "cap" in named
    relaxed = [*limits[:-1], moved(limits[-1], named["cap"].reachable)]
    choice = choose(outcomes, maximise="profit", limits=relaxed, effort=Effort(gap=1e-4))
    assert np.all(choice.slacks >= -np.array([limit.tolerance for limit in relaxed]))


def test_limits_met_by_exactly_one_plan_find_it():
    rng = np.random.default_rng(9)
    for _ in range(20):
        outcomes = {name: rng.uniform(0.0, 1.0, (6, 3)) for name in ("profit", "units")}
        only = outcomes["units"].argmax(axis=1)
        limits = [Limit("units", at_least=float(outcomes["units"].max(axis=1).sum()))]
        assert np.array_equal(choose(outcomes, maximise="profit", limits=limits).option, only)
