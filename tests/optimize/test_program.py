"""The one place that knows PuLP: what comes back has one sign and one meaning."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scipy.sparse import csr_array

from pricebid.optimize.program import Program, solve


def program(*, whole: bool = False) -> Program:
    # Known by hand: at x = (1, 3) both rows bind, both worth 1.
    return Program(
        gain=np.array([3.0, 2.0]),
        matrix=csr_array(np.array([[1.0, 1.0], [2.0, 1.0]])),
        low=np.full(2, -np.inf),
        high=np.array([4.0, 5.0]),
        upper=np.full(2, np.inf),
        integer=np.full(2, whole),
    )


def test_a_linear_programs_prices_are_its_finite_differences():
    base = program()
    answer = solve(base, seconds=10)
    assert answer.status == "optimal"
    assert answer.x == pytest.approx([1.0, 3.0])
    for row in range(2):
        step = np.zeros(2)
        step[row] = 1e-3
        relaxed = solve(dataclasses.replace(base, high=base.high + step), seconds=10)
        assert answer.prices[row] == pytest.approx((relaxed.bound - answer.bound) / 1e-3)


def test_rows_from_below_are_priced_by_relaxing_them():
    rng = np.random.default_rng(0)
    for _ in range(20):
        matrix = rng.uniform(0.1, 1.0, (3, 5))
        low = np.array([-np.inf, 0.9, -np.inf])
        high = np.array([2.0, np.inf, 3.0])
        base = Program(
            gain=rng.uniform(-1.0, 1.0, 5),
            matrix=csr_array(matrix),
            low=low,
            high=high,
            upper=np.ones(5),
            integer=np.zeros(5, dtype=bool),
        )
        answer = solve(base, seconds=10)
        if answer.status != "optimal":
            continue
        for row in range(3):
            step = 1e-5 * (np.arange(3) == row)
            relaxed = solve(dataclasses.replace(base, low=low - step, high=high + step), seconds=10)
            assert answer.prices[row] == pytest.approx((relaxed.bound - answer.bound) / 1e-5, abs=1e-5)


def test_an_integer_program_gives_its_proven_bound():
    half = dataclasses.replace(program(whole=True), high=np.array([4.0, 4.5]))
    answer = solve(half, seconds=10)
    assert answer.status == "optimal"
    assert answer.x == pytest.approx(np.round(answer.x))
    assert answer.bound == pytest.approx(half.gain @ answer.x)


def test_what_cannot_be_is_infeasible_and_has_no_solution():
    answer = solve(dataclasses.replace(program(), high=np.array([-1.0, 5.0])), seconds=10)
    assert answer.status == "infeasible"
    assert not len(answer.x)


def test_stopped_without_a_solution_is_unknown():
    # A market split problem (Cornuejols and Dawande 1998): tiny, and out of reach of branch and bound in no time.
    rng = np.random.default_rng(0)
    matrix = rng.integers(0, 100, (5, 40)).astype(float)
    half = np.floor(matrix.sum(axis=1) / 2)
    hard = Program(
        gain=np.zeros(40),
        matrix=csr_array(matrix),
        low=half,
        high=half,
        upper=np.ones(40),
        integer=np.ones(40, dtype=bool),
    )
    answer = solve(hard, seconds=0.3)
    assert answer.status == "unknown"
    assert answer.bound == np.inf
