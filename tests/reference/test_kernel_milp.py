"""The kernel against HiGHS' own integer programs (scipy.optimize.milp), which share no code with it."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import Bounds, LinearConstraint, linprog, milp

from pricebid.errors import Infeasible
from pricebid.optimize import Limit, choose, lagrangian_bound


def instance(seed: int) -> tuple[dict[str, np.ndarray], list[Limit], np.ndarray]:
    """Limits pass through the totals of a random choice each: some hold together, some cannot."""
    rng = np.random.default_rng(seed)
    decisions, options = int(rng.integers(1, 15)), int(rng.integers(1, 7))
    outcomes = {
        name: rng.uniform(-1.0 if name == "profit" else 0.0, 1.0, (decisions, options))
        for name in ("profit", "revenue", "units")
    }
    if seed % 3 == 0:  # whole numbers: ties everywhere
        outcomes = {name: np.round(array * 5) for name, array in outcomes.items()}
    available = rng.random((decisions, options)) < 0.8
    available[np.arange(decisions), rng.integers(0, options, decisions)] = True
    limits = []
    for _ in range(rng.integers(0, 5)):
        name, per = str(rng.choice(["profit", "revenue", "units"])), rng.choice([None, None, "revenue", "units"])
        within = None if rng.random() < 0.6 else rng.random(decisions) < 0.5
        counted = np.ones(decisions, dtype=bool) if within is None else within
        pick = np.array([rng.choice(np.flatnonzero(row)) for row in available])
        total = outcomes[name][np.arange(decisions), pick][counted].sum()
        if per is not None:
            under = outcomes[per][np.arange(decisions), pick][counted].sum()
            total = total / under if under > 0 else 0.0
        # A cap on the objective itself would be a subset sum: nothing but search proves those.
        side = "at_least" if name == "profit" else str(rng.choice(["at_least", "at_most"]))
        bound = {side: float(total)}
        limits.append(Limit(name, **bound, per=per, within=within))
    return outcomes, limits, available


def rows(outcomes: dict[str, np.ndarray], limits: list[Limit]) -> tuple[np.ndarray, np.ndarray]:
    """``rows @ x <= rhs`` over all options, flat."""
    matrix, rhs = [], []
    for limit in limits:
        counted = np.ones(len(outcomes["profit"]), dtype=bool) if limit.within is None else limit.within
        row = outcomes[limit.name] * counted[:, None]
        if limit.per is not None:
            row = row - limit.bound * outcomes[limit.per] * counted[:, None]
        matrix.append(limit.sign * row.ravel())
        rhs.append(limit.sign * (limit.bound if limit.per is None else 0.0))
    return np.array(matrix).reshape(len(limits), outcomes["profit"].size), np.array(rhs)


def optimum(outcomes: dict[str, np.ndarray], limits: list[Limit], available: np.ndarray) -> float | None:
    decisions, options = available.shape
    matrix, rhs = rows(outcomes, limits)
    once = np.kron(np.eye(decisions), np.ones(options))
    found = milp(
        -outcomes["profit"].ravel(),
        constraints=[LinearConstraint(once, 1, 1), LinearConstraint(matrix, -np.inf, rhs)],
        integrality=np.ones(available.size),
        bounds=Bounds(0, available.ravel().astype(float)),
        options={"mip_rel_gap": 0.0},
    )
    return -found.fun if found.status == 0 else None


@pytest.mark.parametrize("block", range(10))
def test_no_plan_of_an_integer_program_is_better_and_none_is_missed(block):
    proven = found = 0
    for seed in range(30 * block, 30 * block + 30):
        outcomes, limits, available = instance(seed)
        best = optimum(outcomes, limits, available)
        try:
            choice = choose(outcomes, maximise="profit", limits=limits, available=available)
        except Infeasible:
            assert best is None, f"seed {seed}: a plan exists, worth {best}"
            continue
        assert best is not None, f"seed {seed}: HiGHS finds no plan"
        tolerance = np.array([limit.tolerance for limit in limits])
        assert np.all(choice.slacks[~np.isnan(choice.slacks)] >= -tolerance[~np.isnan(choice.slacks)])
        size = max(1.0, abs(best))
        assert choice.bound >= best - 1e-7 * size, f"seed {seed}"
        assert choice.value >= best - choice.gap * size - 1e-9, f"seed {seed}"
        # Proven optimal means just that; the gap left is only the Lagrangian's own.
        if choice.status == "optimal":
            assert choice.value == pytest.approx(best, rel=2e-5, abs=1e-6), f"seed {seed}"
        proven += choice.status == "optimal"
        found += 1
    assert proven >= found - 1


def test_the_bound_is_the_linear_relaxations_value():
    # Strong duality: with one option per decision the Lagrangian dual and the linear relaxation agree.
    for seed in range(60):
        outcomes, limits, available = instance(seed)
        try:
            choice = choose(outcomes, maximise="profit", limits=limits, available=available)
        except Infeasible:
            continue
        matrix, rhs = rows(outcomes, limits)
        decisions, options = available.shape
        relaxed = linprog(
            -outcomes["profit"].ravel(),
            A_ub=matrix if limits else None,
            b_ub=rhs if limits else None,
            A_eq=np.kron(np.eye(decisions), np.ones(options)),
            b_eq=np.ones(decisions),
            bounds=list(zip(np.zeros(available.size), available.ravel().astype(float), strict=True)),
        )
        assert choice.bound == pytest.approx(-relaxed.fun, rel=1e-5, abs=1e-6), f"seed {seed}"


def test_the_bound_is_the_lagrangian_at_the_shadow_prices_written_out():
    for seed in range(40):
        outcomes, limits, available = instance(seed)
        try:
            choice = choose(outcomes, maximise="profit", limits=limits, available=available)
        except Infeasible:
            continue
        matrix, rhs = rows(outcomes, limits)
        score = outcomes["profit"] - (choice.shadow_prices @ matrix).reshape(available.shape)
        written = choice.shadow_prices @ rhs + np.where(available, score, -np.inf).max(axis=1).sum()
        assert choice.bound == pytest.approx(written, rel=1e-9, abs=1e-9)
        again = lagrangian_bound(
            outcomes, maximise="profit", limits=limits, available=available, shadow_prices=choice.shadow_prices
        )
        assert again == pytest.approx(written, rel=1e-9, abs=1e-9)


def test_reduced_cost_fixing_leaves_the_optimum_in_the_core():
    # Enough decisions that the integer program sees only the core; the full one must agree.
    rng = np.random.default_rng(5)
    for _ in range(4):
        outcomes = {name: rng.uniform(0.0, 1.0, (60, 5)) for name in ("profit", "revenue", "units")}
        limits = [Limit("units", at_most=22.0), Limit("profit", at_least=0.9, per="revenue")]
        available = np.ones((60, 5), dtype=bool)
        choice = choose(outcomes, maximise="profit", limits=limits)
        assert choice.value == pytest.approx(optimum(outcomes, limits, available), rel=1e-5)
