"""The view without movement: its regression, and how far forecasts are drawn to it."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from pricebid.demand import fit
from pricebid.demand.fitting import fit_panel
from pricebid.demand.panel import make_panel
from pricebid.demand.plain import fit_plain, weigh

SHOP = {"skus": 4, "regions": 3, "periods": 60, "own": -2.0, "mean": 60.0, "error": 0.1}


def test_it_finds_what_a_plain_regression_finds(world: Callable) -> None:
    """Large counts, no season, no movement: levels and price effects as least squares on logs has them."""
    shop = world(**SHOP)
    panel = make_panel(shop.history)
    state = fit_panel(panel)
    found = fit_plain(panel, state)
    fitted = found.log_mean(panel.tree.sku_of, panel.columns)
    rest = np.log(np.maximum(shop.history.units, 0.5)) - fitted
    assert abs(rest.mean()) < 0.02
    assert rest.std() < 0.2
    assert np.abs(rest.mean(1)).max() < 0.05


def test_an_offer_that_never_sold_has_the_level_of_the_other_views(world: Callable) -> None:
    shop = world(**SHOP)
    units = shop.history.units.copy()
    units[0] = np.nan
    panel = make_panel(replace(shop.history, units=units))
    state = fit_panel(panel)
    assert fit_plain(panel, state).intercept[0] == pytest.approx(state.intercept[0])


def weight_of(first: np.ndarray, plain: np.ndarray, actual: np.ndarray, fold: np.ndarray) -> float:
    return weigh((first, plain), np.full(len(actual), 0.01), actual, fold, whole=False)


def test_forecasts_are_drawn_to_it_where_all_held_out_blocks_gain() -> None:
    """The first view is .4 too high in logs, the plain one .4 too low: the middle is right, but .4 is the most."""
    fold = np.repeat([0.0, 1.0], 50)
    truth = np.full(100, 3.0)
    assert weight_of(truth + 0.4, truth - 0.4, np.exp(truth), fold) == pytest.approx(0.4)
    assert weight_of(truth + 0.1, truth - 0.4, np.exp(truth), fold) == pytest.approx(0.2)
    assert weight_of(truth, truth - 0.4, np.exp(truth), fold) == 0.0


def test_one_block_alone_does_not_convince() -> None:
    fold = np.repeat([0.0, 1.0], 50)
    truth = np.full(100, 3.0)
    first = truth + np.where(fold == 0, 0.4, 0.0)
    assert weight_of(first, truth - 0.4, np.exp(truth), fold) == 0.0


def test_its_weight_moves_the_forecast_and_not_the_elasticities(world: Callable) -> None:
    shop = world(**SHOP)
    model = fit(shop.history)
    with_it, without = (replace(model, calibration=replace(model.calibration, plain=weight)) for weight in (0.4, 0.0))
    assert np.abs(with_it.forecast(shop.future).mean - without.forecast(shop.future).mean).max() > 0.0
    np.testing.assert_array_equal(with_it.elasticities().own, without.elasticities().own)
