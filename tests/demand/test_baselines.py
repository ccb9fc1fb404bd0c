"""The simple forecasters, by hand and against a regression package's answer."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from pricebid.demand import baselines
from pricebid.demand.window import before, block


def test_naive_repeats_the_last_value_observed(world: Callable) -> None:
    shop = world(skus=2, regions=2, periods=30, horizon=4)
    units = shop.history.units.copy()
    units[0, -3:] = np.nan
    units[1] = np.nan
    said = baselines.naive(replace(shop.history, units=units), shop.future)
    np.testing.assert_allclose(said.p50[0], units[0, -4])
    np.testing.assert_allclose(said.p50[1], 0.0)
    np.testing.assert_allclose(said.mean[2], units[2, -1])


def test_ranges_of_a_random_walk_grow_with_the_root_of_the_step() -> None:
    """200 walks of 300 steps: standard errors of the spreads are below 2 %, the bound is 5 of them."""
    rng = np.random.default_rng(1)
    logs = 5 + np.cumsum(rng.normal(0, 0.1, (200, 300)), axis=1)
    spread = [baselines._spread(baselines._change(logs, np.ones(logs.shape, dtype=bool), h)).mean() for h in (1, 4)]
    assert spread[0] == pytest.approx(0.1, rel=0.1)
    assert spread[1] == pytest.approx(0.2, rel=0.1)


@pytest.mark.parametrize(("frequency", "lag"), [("day", 7), ("week", 52), ("month", 12)])
def test_seasonal_naive_looks_one_season_back(world: Callable, frequency: str, lag: int) -> None:
    shop = world(skus=2, regions=1, periods=60, horizon=10, frequency=frequency)
    said = baselines.seasonal_naive(shop.history, shop.future)
    at = 60 - lag + np.arange(10) % lag
    np.testing.assert_allclose(said.p50, shop.history.units[:, at])
    assert (said.p10 <= said.p50).all()
    assert (said.p50 <= said.p90).all()
    assert not baselines.has_season(before(shop.history, lag))


def test_the_log_log_regression_finds_the_elasticity_of_large_counts_and_follows_the_price(world: Callable) -> None:
    """Units near 5,000: the slope's standard error is below .03."""
    shop = world(skus=4, regions=3, mean=5000.0, error=0.1, own=-2.5)
    low, high = (
        baselines.log_log(shop.history, replace(shop.future, price=shop.future.price * np.where(row, factor, 1.0)))
        for factor in (1.0, 1.1)
        for row in [np.arange(12)[:, None] == 0]
    )
    change = np.log(high.p50[0] / low.p50[0]) / np.log(1.1)
    np.testing.assert_allclose(change, -2.5, atol=0.3)


def test_regressors_of_the_log_log_regression_include_promotions(world: Callable) -> None:
    shop = world(skus=4, regions=3, mean=500.0, error=0.1, lift=0.8)
    drivers = shop.future.drivers
    on, off = (
        baselines.log_log(shop.history, replace(shop.future, drivers=np.full_like(drivers, value)))
        for value in (1.0, 0.0)
    )
    np.testing.assert_allclose(np.log(on.p50 / off.p50), 0.8, atol=0.12)


def test_ranges_of_the_log_log_regression_cover_what_happens(world: Callable) -> None:
    """96 cells with one error distribution over time: the share covered has a standard error of 4 %; 3.5 of them allowed."""
    shop = world(skus=6, regions=2, mean=200.0, horizon=8)
    said = baselines.log_log(shop.history, shop.future)
    assert ((shop.after >= said.p10) & (shop.after <= said.p90)).mean() == pytest.approx(0.8, abs=0.14)


def test_offers_without_history_are_forecast_as_something_finite(world: Callable) -> None:
    shop = world(skus=3, regions=2, periods=30, horizon=4)
    units, price = shop.history.units.copy(), shop.history.price.copy()
    units[0], price[0] = np.nan, np.nan
    train = replace(shop.history, units=units, price=price)
    future, _ = block(shop.whole, 30, 4)
    for forecaster in (baselines.naive, baselines.log_log):
        said = forecaster(train, future)
        assert all(np.isfinite(getattr(said, name)).all() for name in ("mean", "p10", "p50", "p90"))
