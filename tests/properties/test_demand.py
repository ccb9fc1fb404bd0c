"""What holds of the demand model for any shop."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pricebid.demand import backtest, fit, load, save
from pricebid.demand.counts import quantile, sites
from pricebid.demand.levels import Level, smooth, whiten
from pricebid.demand.local import below
from pricebid.demand.scores import Cells, Predicted, score
from pricebid.simulate import RecoverySettings, draw_recovery
from pricebid.tables.arrays import Future, History

SHOPS = st.builds(
    RecoverySettings,
    categories=st.integers(1, 3),
    skus=st.integers(1, 4),
    periods=st.integers(4, 40),
    mean=st.sampled_from([0.05, 1.0, 50.0, 20_000.0]),
    elasticity=st.floats(-6.0, 2.0),
    limited=st.floats(0.0, 0.9),
    season=st.floats(0.0, 1.0),
)


def shop(given_settings: RecoverySettings, seed: int) -> tuple[History, Future]:
    panel = draw_recovery(given_settings, np.random.default_rng(seed)).panel
    return panel.history(), panel.future(3)


@settings(max_examples=12, deadline=None)
@given(SHOPS, st.integers(0, 10**6))
def test_any_shop_gets_finite_ordered_forecasts_and_negative_elasticities(wanted: RecoverySettings, seed: int) -> None:
    history, future = shop(wanted, seed)
    if not history.units.sum() > 0:
        return
    model = fit(history)
    said, found = model.forecast(future), model.elasticities()
    for values in (said.mean, said.p10, said.p50, said.p90):
        assert np.isfinite(values).all()
        assert (values >= 0).all()
    assert (said.p10 <= said.p50).all()
    assert (said.p50 <= said.p90).all()
    assert (said.mean > 0).all()
    assert (found.own_low <= found.own).all()
    assert (found.own <= found.own_high).all()
    assert (found.own < 0).all()


@settings(max_examples=6, deadline=None)
@given(SHOPS, st.integers(0, 10**6))
def test_a_model_of_any_shop_survives_the_disk(
    tmp_path_factory: pytest.TempPathFactory, wanted: RecoverySettings, seed: int
) -> None:
    history, future = shop(wanted, seed)
    if not history.units.sum() > 0:
        return
    model = fit(history)
    folder = tmp_path_factory.mktemp("model")
    save(model, folder)
    one, two = model.forecast(future), load(folder).forecast(future)
    for name in ("mean", "p10", "p50", "p90"):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name))


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 3), st.integers(1, 3))
def test_no_backtest_sees_its_own_block(seed: int, horizon: int, origins: int) -> None:
    from dataclasses import replace

    history, _ = shop(RecoverySettings(categories=2, skus=2, periods=24, mean=5.0), seed)
    units = history.units.copy()
    units[:, -horizon:] = np.random.default_rng(seed).integers(0, 999, units[:, -horizon:].shape)
    one = backtest(history, horizon=horizon, origins=origins)
    two = backtest(replace(history, units=units), horizon=horizon, origins=origins)
    np.testing.assert_array_equal(one.origins[-1].mean, two.origins[-1].mean)
    np.testing.assert_array_equal(one.origins[-1].p90, two.origins[-1].p90)


COUNTS = arrays(np.float64, (2, 5), elements=st.integers(0, 100_000).map(float))
LOGS = arrays(np.float64, (2, 5), elements=st.floats(-8, 12))


@given(COUNTS, arrays(np.bool_, (2, 5)), LOGS, st.floats(1e-3, 3.0))
def test_sites_of_any_counts_are_finite_with_positive_variance(
    units: np.ndarray, cut: np.ndarray, eta: np.ndarray, s2: float
) -> None:
    found = sites(units, cut, eta, np.full((2, 1), s2))
    assert np.isfinite(found.z).all()
    assert np.isfinite(found.v).all()
    assert (found.v > 0).all()


@given(st.floats(1e-6, 1e6), st.floats(1e-4, 3.0), st.booleans())
def test_quantiles_grow_with_their_probability_and_with_the_mean(mean: float, variance: float, whole: bool) -> None:  # noqa: FBT001
    at = [0.05, 0.1, 0.5, 0.9, 0.95]
    q = [float(quantile(np.array([mean]), np.array([variance]), p, whole=whole)[0]) for p in at]
    assert q == sorted(q)
    assert q[0] >= 0
    more = [float(quantile(np.array([8 * mean]), np.array([variance]), p, whole=whole)[0]) for p in at]
    assert all(b >= a for a, b in zip(q, more, strict=True))


@given(
    arrays(np.float64, (2, 8), elements=st.floats(-50, 50)),
    arrays(np.float64, (2, 8), elements=st.one_of(st.floats(1e-3, 100), st.just(np.inf))),
    st.floats(0.01, 0.999),
    st.floats(1e-6, 10),
    st.floats(1e-6, 10),
)
def test_a_smoothed_level_is_linear_in_the_data_and_less_spread_than_the_prior(
    y: np.ndarray, variance: np.ndarray, phi: float, size: float, noise: float
) -> None:
    level = Level(phi=phi, variance=size, noise=noise)
    y = np.where(np.isfinite(variance), y, 0.0)
    effect, last, last_variance = smooth(y, variance, level)
    twice, last_twice, same = smooth(2 * y, variance, level)
    np.testing.assert_allclose(twice, 2 * effect, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(last_twice, 2 * last, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(same, last_variance)
    assert (last_variance <= size * (1 + 1e-9)).all()
    white, _ = whiten(y[None], variance, level)
    assert (white[0][~np.isfinite(variance)] == 0).all()


@given(st.floats(-20, 20), st.floats(1e-3, 10))
def test_a_normal_cut_off_at_zero_has_its_mean_below(mean: float, sd: float) -> None:
    cut, spread = below(np.array([mean]), np.array([sd]), -0.02)
    assert cut[0] < -0.02
    assert 0 < spread[0] <= sd * (1 + 1e-9)


@given(arrays(np.float64, (3, 4), elements=st.floats(0, 1e4)), arrays(np.float64, (3, 4), elements=st.floats(0, 1e4)))
def test_money_and_scale_do_not_change_relative_figures(actual: np.ndarray, said: np.ndarray) -> None:
    def figures(factor: float) -> list[float]:
        values = said * factor
        one = Predicted(mean=values, p10=values, p50=values, p90=values)
        found = score("me", [(Cells(actual=actual * factor, scale=np.full(3, factor**2)), one)])
        return [found.wape, found.bias, found.rmsse]

    np.testing.assert_allclose(figures(8.0), figures(1.0), rtol=1e-9)
