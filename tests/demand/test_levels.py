"""Moving levels against dense Gaussian algebra."""

import numpy as np
import pytest

from pricebid.demand import levels
from pricebid.demand.levels import Level

LEVEL = Level(phi=0.8, variance=0.3, noise=0.05)


def covariance(periods: int, level: Level) -> np.ndarray:
    gap = np.abs(np.subtract.outer(np.arange(periods), np.arange(periods)))
    return level.variance * level.phi**gap


def series(seed: int, n: int = 3, periods: int = 12) -> tuple[np.ndarray, np.ndarray]:
    """Data and variances with a few missing cells, one of them the last and one the first."""
    rng = np.random.default_rng(seed)
    variance = rng.uniform(0.05, 0.5, (n, periods))
    variance[rng.random((n, periods)) < 0.2] = np.inf
    variance[0, 0] = variance[1, -1] = np.inf
    y = np.where(np.isfinite(variance), rng.normal(0, 1, (n, periods)), 0.0)
    return y, variance


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_whitened_columns_have_the_inner_products_of_generalised_least_squares(seed: int) -> None:
    y, variance = series(seed)
    rng = np.random.default_rng(seed + 100)
    columns = np.stack([y, *rng.normal(0, 1, (2, *y.shape))]) * np.isfinite(variance)
    white, logs = levels.whiten(columns, variance, LEVEL)
    for i in range(len(y)):
        seen = np.isfinite(variance[i])
        dense = covariance(y.shape[1], LEVEL) + np.diag(np.where(seen, variance[i], 0.0) + LEVEL.noise)
        dense = dense[np.ix_(seen, seen)]
        x = columns[:, i, seen]
        np.testing.assert_allclose(white[:, i] @ white[:, i].T, x @ np.linalg.solve(dense, x.T), rtol=1e-9)
        assert logs[i].sum() == pytest.approx(np.linalg.slogdet(dense)[1], rel=1e-9)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_smoothed_effects_are_the_dense_conditional_expectations(seed: int) -> None:
    y, variance = series(seed)
    effect, last, last_variance = levels.smooth(y, variance, LEVEL)
    prior = covariance(y.shape[1], LEVEL)
    for i in range(len(y)):
        seen = np.isfinite(variance[i])
        noisy = prior + LEVEL.noise * np.eye(len(prior))
        data = noisy[np.ix_(seen, seen)] + np.diag(variance[i, seen])
        expected = prior[:, seen] @ np.linalg.solve(data, y[i, seen])
        assert last[i] == pytest.approx(expected[-1], rel=1e-9)
        left = prior[-1, -1] - prior[-1, seen] @ np.linalg.solve(data, prior[seen, -1])
        assert last_variance[i] == pytest.approx(left, rel=1e-9)
        whole = noisy[:, seen] @ np.linalg.solve(data, y[i, seen])
        np.testing.assert_allclose(effect[i], np.where(seen, whole, expected), rtol=1e-8, atol=1e-12)


def test_a_forecast_fades_to_the_mean_and_its_variance_grows_to_the_stationary_one() -> None:
    y, variance = series(4)
    _, last, last_variance = levels.smooth(y, variance, LEVEL)
    mean, spread = levels.ahead((last, last_variance), LEVEL, np.array([1, 2, 200]))
    longer = np.concatenate([variance, np.full((len(y), 2), np.inf)], axis=1)
    _, then, then_variance = levels.smooth(np.concatenate([y, np.zeros((len(y), 2))], axis=1), longer, LEVEL)
    np.testing.assert_allclose(mean[:, 1], then, rtol=1e-9)
    np.testing.assert_allclose(spread[:, 1], then_variance + LEVEL.noise, rtol=1e-9)
    np.testing.assert_allclose(mean[:, 2], 0.0, atol=1e-12)
    np.testing.assert_allclose(spread[:, 2], LEVEL.variance + LEVEL.noise, rtol=1e-9)


def test_the_movement_is_learnt_from_enough_series() -> None:
    """120 series x 100 periods: log variance and phi have standard errors below .1 and .01, the bounds are 4 of them."""
    truth = Level(phi=0.9, variance=0.2, noise=0.1)
    rng = np.random.default_rng(5)
    root = np.linalg.cholesky(covariance(100, truth))
    y = rng.normal(0, 1, (120, 100)) @ root.T + rng.normal(0, np.sqrt(truth.noise + 0.1), (120, 100))
    found = levels.learn(y, np.full(y.shape, 0.1), start=Level(phi=0.8, variance=0.05, noise=0.03))
    assert found.phi == pytest.approx(truth.phi, abs=0.04)
    assert found.variance == pytest.approx(truth.variance, rel=0.4)
    assert found.noise == pytest.approx(truth.noise, rel=0.4)


def test_without_enough_data_the_start_stays() -> None:
    start = Level(phi=0.9, variance=0.1, noise=0.1)
    assert levels.learn(np.zeros((4, 5)), np.full((4, 5), np.inf), start=start) is start
