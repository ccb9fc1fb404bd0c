"""What held-out blocks teach of ranges and expectations, with promotions and without."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pricebid import demand
from pricebid.demand.calibration import Calibration, HeldOut, settle
from pricebid.demand.features import promoted
from pricebid.demand.window import before, block
from pricebid.simulate import MarketSettings, draw_market

VARIANCE = 0.09


def held_out(rng, *, shelf=(0.0, 1.0), promotion=(0.0, 1.0), of=3_000, share=0.4, folds=2, events=500):
    """Cells forecast with mean 1 and the same variance: what is off without and with a promotion, (log mean, width)."""
    promo = rng.random(of) < share
    eta = rng.normal(5.0, 0.5, of)
    shift, width = (np.where(promo, b, a) for a, b in zip(shelf, promotion, strict=True))
    sd = width * np.sqrt(VARIANCE)
    # The mean of demand is exp(shift) times what was expected, however wide it scatters.
    actual = np.exp(eta + 0.5 * VARIANCE + shift - 0.5 * sd**2 + sd * rng.standard_normal(of))
    return HeldOut(
        eta=eta,
        plain=eta,
        variance=np.full(of, VARIANCE),
        actual=actual,
        cut=np.zeros(of, dtype=bool),
        promoted=promo,
        fold=rng.integers(0, folds, of),
        event=rng.integers(0, events, of),
    )


def told(cells, found, demand=None):
    """Expected units without and with a promotion, over what was sold or demanded."""
    demand = cells.actual if demand is None else demand
    mean = found.level_of(cells.promoted) * np.exp(cells.eta + 0.5 * found.spread_of(cells.promoted) ** 2 * VARIANCE)
    return tuple(float(mean[one].sum() / demand[one].sum()) for one in (~cells.promoted, cells.promoted))


def test_promotions_that_scatter_more_get_wider_ranges_and_the_rest_narrower_ones():
    cells = held_out(np.random.default_rng(1), shelf=(0.0, 0.8), promotion=(0.0, 1.5))
    found = settle(cells, whole=False)
    assert 0.80 < found.spread < 0.92, "towards .8, not quite believed"
    assert 1.25 < found.spread * found.promoted_spread < 1.45, "towards 1.5, not quite believed"


def test_expected_units_are_right_with_and_without_a_promotion_and_in_all():
    cells = held_out(np.random.default_rng(2), shelf=(-0.09, 1.0), promotion=(0.09, 1.0), of=30_000)
    pooled = settle(replace(cells, promoted=np.zeros_like(cells.promoted)), whole=False)
    assert pooled.promoted_level == pooled.promoted_spread == 1.0
    shelf, promotion = told(cells, pooled)
    assert shelf > 1.06, "one level for all leaves shelf weeks too high"
    assert promotion < 0.94
    found = settle(cells, whole=False)
    shelf, promotion = told(cells, found)
    assert shelf == pytest.approx(promotion, rel=0.03)
    assert 0.95 < promotion < 1.03
    weights = [cells.actual[~cells.promoted].sum(), cells.actual[cells.promoted].sum()]
    in_all, before = (np.average(told(cells, one), weights=weights) for one in (found, pooled))
    assert in_all == pytest.approx(before, abs=0.02), "nothing is added in all"


def test_blocks_that_point_opposite_ways_or_have_few_promotions_move_nothing():
    rng = np.random.default_rng(3)
    up, down = held_out(rng, promotion=(0.3, 1.0), folds=1), held_out(rng, promotion=(-0.3, 1.0), folds=1)
    both = HeldOut.together([up, replace(down, fold=down.fold + 1)])
    assert settle(both, whole=False).promoted_level == 1.0
    assert settle(held_out(rng, promotion=(0.5, 1.0), folds=1), whole=False).promoted_level == 1.0, "one block alone"
    few = held_out(rng, promotion=(0.5, 2.0), share=0.005)
    found = settle(few, whole=False)
    assert found.promoted_level == 1.0
    assert found.promoted_spread == pytest.approx(1.0, abs=0.02)
    one = settle(held_out(rng, promotion=(0.2, 1.0), events=1), whole=False)
    assert 1.0 <= one.promoted_level < 1.03, "all of them the same promotion of one sku"


@pytest.mark.parametrize("width", [0.5, 1.0, 1.5])
def test_promotions_that_sell_out_leave_expected_demand_where_it_is(width):
    cells = held_out(np.random.default_rng(4), shelf=(0.0, width), promotion=(0.0, width), of=20_000)
    stock = np.where(cells.promoted, np.exp(cells.eta + 0.5 * VARIANCE), np.inf)
    sold_out = replace(cells, actual=np.minimum(cells.actual, stock), cut=cells.actual >= stock)
    assert sold_out.cut[cells.promoted].mean() > 0.35
    assert not sold_out.cut[~cells.promoted].any()
    assert told(cells, settle(sold_out, whole=False)) == pytest.approx((1.0, 1.0), abs=0.04)


def test_expected_units_are_drawn_apart_only_so_far():
    found = settle(held_out(np.random.default_rng(7), shelf=(-0.4, 1.0), promotion=(0.4, 1.0), of=30_000), whole=False)
    assert found.promoted_level == pytest.approx(np.exp(0.2))


def test_factors_go_to_promoted_cells_only():
    found = Calibration(spread=0.8, level=0.9, promoted_spread=1.5, promoted_level=1.2)
    where = np.array([[False, True]])
    np.testing.assert_allclose(found.spread_of(where), [[0.8, 1.2]])
    np.testing.assert_allclose(found.level_of(where), [[0.9, 1.08]])


def test_a_promotion_is_a_promotion_a_feature_or_a_discount_that_counts():
    market = draw_market(MarketSettings(categories=1, skus=1, regions=1, periods=30), np.random.default_rng(5))
    recipe = replace(demand.fit(market.history).recipe, driver_names=("promo", "feature", "discount", "visitors"))
    drivers = np.zeros((4, 1, 5))
    drivers[0, 0, 0], drivers[1, 0, 1], drivers[3, 0, 4] = 1.0, 1.0, 9.0
    drivers[2, 0, 2:4] = 0.20, 0.19
    future = replace(market.shop.future(5), drivers=drivers, driver_names=recipe.driver_names)
    assert promoted(recipe, future, np.full((1, 5), 10.0)).tolist() == [[True, True, True, False, False]]
    bare = replace(recipe, driver_names=())
    assert not promoted(bare, replace(future, drivers=drivers[:0], driver_names=()), np.full((1, 5), 10.0)).any()


def test_forecasts_use_the_factors_where_a_promotion_is_planned():
    market = draw_market(MarketSettings(categories=1, skus=3, regions=2, periods=60), np.random.default_rng(5))
    model = demand.fit(market.history)
    future = market.shop.future(2)
    at = market.history.driver_names.index("promo")
    drivers = future.drivers.copy()
    drivers[at, 0, 1] = 1.0
    future = replace(future, drivers=drivers)
    plain = replace(model, calibration=Calibration())
    moved = replace(model, calibration=Calibration(promoted_level=1.3, promoted_spread=1.4))
    ratio = moved.forecast(future).mean / plain.forecast(future).mean
    assert ratio[0, 1] > 1.3
    assert (np.delete(ratio.ravel(), 1) == 1.0).all()
    assert moved.forecast(future).p90[0, 1] > plain.forecast(future).p90[0, 1]


def test_an_offer_without_a_row_does_not_switch_calibration_off():
    market = draw_market(MarketSettings(categories=1, skus=4, regions=3, periods=60), np.random.default_rng(6))
    units, price = market.history.units.copy(), market.history.price.copy()
    units[0], price[0] = np.nan, np.nan
    history = replace(market.history, units=units, price=price)
    future, _ = block(history, 50, 4)
    assert np.isfinite(future.price).all()
    found = demand.fit(history).calibration
    assert np.isfinite([found.wape, found.bias, found.coverage, found.level]).all()
    assert found.spread != 1.0
    assert np.isfinite(demand.fit(before(history, 55)).forecast(block(history, 55, 4)[0]).mean).all()


def test_draws_of_a_response_scatter_as_its_dispersion_says_where_some_are_promoted():
    market = draw_market(MarketSettings(categories=1, skus=6, regions=2, periods=60), np.random.default_rng(8))
    model = replace(demand.fit(market.history), calibration=Calibration(promoted_spread=1.3))
    future = market.shop.future(4)
    drivers = future.drivers.copy()
    drivers[market.history.driver_names.index("promo"), ::3] = 1.0
    response = model.response(replace(future, drivers=drivers))
    draws = response.draws(response.current[None], np.random.default_rng(9), 20_000)[0]
    relative = draws.var(0) / draws.mean(0) ** 2
    # Parameters are drawn too, so a little above; of 20,000 draws the variance is known within 3 %.
    assert relative == pytest.approx(response.dispersion - response.chance, rel=0.1)
