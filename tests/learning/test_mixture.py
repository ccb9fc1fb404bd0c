"""The best mixture: optimal by its own duals, by another solver, and by the kernel's certificate."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from pricebid.learning.mixture import best_mixtures
from pricebid.optimize import Limit, choose, lagrangian_bound


def assert_optimal(reward, use, rate, best):
    """Feasible, and worth what its shadow prices prove to be the most (weak duality)."""
    scale = np.maximum(reward.max(axis=1, initial=0.0), 1.0)
    held = np.einsum("nk,nkr->nr", best.shares, use)
    tight = 1e-9 * np.maximum(use.max(axis=1, initial=0.0), 1e-300)
    assert (best.shares >= 0).all()
    assert (best.shares.sum(axis=1) <= 1 + 1e-9).all()
    assert (held <= rate + tight).all()
    assert (best.shadow_prices >= 0).all()
    finite = np.where(np.isinf(rate), 0.0, rate)
    assert (best.shadow_prices[np.isinf(rate)] == 0).all()
    net = (reward - np.einsum("nkr,nr->nk", use, best.shadow_prices)).max(axis=1, initial=0.0)
    dual = (finite * best.shadow_prices).sum(axis=1) + np.maximum(net, 0.0)
    np.testing.assert_array_less(np.abs(dual - best.value), 1e-8 * scale)
    np.testing.assert_array_less(np.abs((best.shares * reward).sum(axis=1) - best.value), 1e-8 * scale)


@settings(max_examples=80, deadline=None)
@given(data=st.data())
def test_mixtures_are_optimal_ties_and_empty_stocks_included(data):
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    programs, options, resources = (data.draw(st.integers(low, high)) for low, high in ((1, 5), (1, 8), (1, 4)))
    # Few different numbers, so that ties and degenerate vertices are the rule.
    levels = data.draw(st.sampled_from([2, 3, 50]))
    reward = rng.integers(-1, levels, (programs, options)) * data.draw(st.sampled_from([1e-6, 1.0, 1e6]))
    use = rng.integers(0, levels, (programs, options, resources)) * data.draw(st.sampled_from([1e-6, 1.0, 1e6]))
    rate = rng.choice([0.0, 0.5, 1.0, 1e5, np.inf], (programs, resources))
    best = best_mixtures(reward.astype(float), use.astype(float), rate)
    assert_optimal(reward, use, rate, best)
    for at in range(programs):
        alone = best_mixtures(reward[[at]].astype(float), use[[at]].astype(float), rate[[at]])
        assert_optimal(reward[[at]], use[[at]], rate[[at]], alone)
        assert alone.value[0] == pytest.approx(best.value[at], rel=1e-9, abs=1e-12)


def test_another_solver_finds_the_same_value():
    rng = np.random.default_rng(0)
    reward, use, rate = rng.random((40, 12)), rng.random((40, 12, 3)), rng.random((40, 3)) * 0.6
    best = best_mixtures(reward, use, rate)
    for at in range(40):
        limits = np.vstack([use[at].T, np.ones(12)])
        other = linprog(-reward[at], A_ub=limits, b_ub=np.append(rate[at], 1.0))
        assert best.value[at] == pytest.approx(-other.fun, rel=1e-9)


def test_it_is_the_kernels_problem_with_many_equal_decisions():
    # A thousand periods with the same options: the kernel picks one for each, the mixture says in which shares.
    rng = np.random.default_rng(1)
    reward, use = rng.random(5), rng.random(5)
    best = best_mixtures(reward[None], use[None, :, None], np.array([[0.2]]))
    periods = 1_000
    outcomes = {
        "reward": np.tile(np.append(reward, 0.0), (periods, 1)),
        "use": np.tile(np.append(use, 0.0), (periods, 1)),
    }
    limits = [Limit("use", at_most=0.2 * periods)]
    certificate = lagrangian_bound(outcomes, maximise="reward", limits=limits, shadow_prices=best.shadow_prices[0])
    assert certificate == pytest.approx(best.value[0] * periods, rel=1e-9)
    choice = choose(outcomes, maximise="reward", limits=limits)
    counts = np.bincount(choice.option, minlength=6)[:5] / periods
    np.testing.assert_allclose(counts, best.shares[0], atol=2e-3)
