"""The movement of categories against dense Gaussian algebra."""

import numpy as np
import pytest

from pricebid.demand.season import Season, Tide, fit_tide, learn_season

WEEKLY = Season(sizes=np.log(np.array([0.3, 1.4, 0.3, 0.5, 0.1, 0.05, 0.2, 0.1])), frequency="week", yearly=True)
WIDE = 9.0


def dense(season: Season, times: np.ndarray, regressors: np.ndarray, prior: np.ndarray) -> np.ndarray:
    """Prior covariance of intercept + process + regressors, fresh noise left out."""
    return season.covariance(times, times) + WIDE + regressors.T @ (regressors * prior[:, None])


def data(seed: int, periods: int = 70) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    variance = rng.uniform(0.01, 0.2, (2, periods))
    variance[rng.random(variance.shape) < 0.15] = np.inf
    y = np.where(np.isfinite(variance), rng.normal(0, 0.5, variance.shape), 0.0)
    return y, variance, rng.normal(0, 0.3, (2, 2, periods))


@pytest.mark.parametrize("seed", [1, 2])
def test_the_effect_is_the_dense_conditional_expectation_and_its_forecast_too(seed: int) -> None:
    y, variance, regressors = data(seed)
    periods, ahead = y.shape[1], 5
    prior = np.array([0.2, 0.05])
    tide, effect, spread, _ = fit_tide(y, variance, regressors, WEEKLY, prior=prior, most_ahead=ahead)
    steps = np.arange(periods, periods + ahead, dtype=float)
    times = np.arange(periods + ahead, dtype=float)
    later = np.zeros((2, 2, ahead))
    expected_ahead = tide.effect(steps, later)
    for c in range(2):
        seen = np.flatnonzero(np.isfinite(variance[c]))
        both = np.concatenate([regressors[c], later[c]], axis=1)
        whole = dense(WEEKLY, times, both, prior)
        noisy = whole[np.ix_(seen, seen)] + np.diag(variance[c, seen] + WEEKLY.noise)
        weights = np.linalg.solve(noisy, y[c, seen])
        np.testing.assert_allclose(expected_ahead[c], whole[periods:][:, seen] @ weights, rtol=1e-6, atol=1e-9)
        process = whole[:periods][:, seen] @ weights
        process[seen] += WEEKLY.noise * weights
        np.testing.assert_allclose(effect[c], process, rtol=1e-6, atol=1e-9)
        plain = dense(WEEKLY, times, 0 * both, prior)
        given = plain[np.ix_(seen, seen)] + np.diag(variance[c, seen] + WEEKLY.noise)
        left = plain[periods:, periods:] - plain[periods:][:, seen] @ np.linalg.solve(given, plain[seen][:, periods:])
        np.testing.assert_allclose(spread[c], np.diag(left) + WEEKLY.noise, rtol=1e-6)


def test_the_information_on_slopes_is_that_of_generalised_least_squares() -> None:
    y, variance, regressors = data(3)
    prior = np.array([0.2, 0.05])
    tide, _, _, (matrix, vector) = fit_tide(y, variance, regressors, WEEKLY, prior=prior, most_ahead=2)
    times = np.arange(y.shape[1], dtype=float)
    for c in range(2):
        seen = np.isfinite(variance[c])
        v = dense(WEEKLY, times, 0 * regressors[c], prior)[np.ix_(seen, seen)] + np.diag(
            variance[c, seen] + WEEKLY.noise
        )
        x = regressors[c][:, seen]
        np.testing.assert_allclose(matrix[c], x @ np.linalg.solve(v, x.T), rtol=1e-7)
        np.testing.assert_allclose(vector[c], x @ np.linalg.solve(v, y[c, seen]), rtol=1e-7)
        slope = np.linalg.solve(matrix[c] + np.diag(1 / prior), vector[c])
        np.testing.assert_allclose(tide.slopes[c], slope, rtol=1e-9)


def test_a_category_without_data_stays_at_nothing_with_the_prior_s_range() -> None:
    y, variance, regressors = data(4)
    variance[1] = np.inf
    tide, effect, spread, _ = fit_tide(y, variance, regressors, WEEKLY, prior=np.array([0.2, 0.05]), most_ahead=3)
    assert (effect[1] == 0).all()
    assert (tide.alpha[1] == 0).all()
    assert (spread[1] > spread[0]).all()


@pytest.mark.parametrize("frequency", ["day", "week", "month"])
def test_the_covariance_is_positive_semi_definite(frequency: str) -> None:
    season = Season(sizes=WEEKLY.sizes, frequency=frequency, yearly=True)
    times = np.arange(150, dtype=float)
    assert np.linalg.eigvalsh(season.covariance(times, times)).min() > -1e-8


def test_a_yearly_wave_is_learnt_and_carried_on() -> None:
    """Three years of a wave of amplitude .5, noise .1: next year's wave is found within .2 (the posterior's sd is below .06)."""
    rng = np.random.default_rng(5)
    at = np.arange(156 + 26, dtype=float)
    wave = 0.5 * np.sin(2 * np.pi * at / 52.1775)
    y = np.stack([wave[:156] + rng.normal(0, 0.1, 156) for _ in range(3)])
    none = np.zeros((3, 1, 156))
    variance = np.full(y.shape, 0.005)
    season = learn_season(y, variance, none, prior=np.ones(1), frequency="week")
    tide, *_ = fit_tide(y, variance, none, season, prior=np.ones(1), most_ahead=26)
    assert season.yearly
    assert abs(tide.effect(at[156:], np.zeros((3, 1, 26))) - wave[156:]).max() < 0.2


def test_too_short_a_history_has_no_yearly_wave() -> None:
    y, variance, regressors = data(6, periods=40)
    assert not learn_season(y, variance, regressors, prior=np.ones(2), frequency="week").yearly


def test_the_effect_of_a_tide_is_linear_in_its_regressors() -> None:
    tide = Tide(
        season=WEEKLY,
        times=np.arange(4.0),
        alpha=np.zeros((1, 4)),
        slopes=np.array([[2.0]]),
        intercept=np.array([0.5]),
    )
    np.testing.assert_allclose(tide.effect(np.arange(4.0, 6.0), np.array([[[1.0, -1.0]]])), [[2.5, -1.5]])
