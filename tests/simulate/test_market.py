"""Markets: same seed same market, consistent censoring, endogenous prices, tables that read back."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from pricebid.errors import InputError
from pricebid.simulate import Layout, Market, MarketSettings, draw_market
from pricebid.tables import Shop

if TYPE_CHECKING:
    from pathlib import Path

    from pricebid.tables.arrays import History

SMALL = MarketSettings(categories=2, skus=4, regions=3, periods=60)
KINDS = ("logit", "nested", "loglog", "reference")


def market(settings: MarketSettings = SMALL, seed: int = 0) -> Market:
    return draw_market(settings, np.random.default_rng(seed))


def test_layout_maps_offers_to_groups_and_back() -> None:
    layout = Layout(categories=2, skus=3, regions=4)
    offers = np.arange(5.0 * len(layout)).reshape(5, -1)
    grouped = layout.grouped(offers)
    assert grouped.shape == (5, 8, 3)
    np.testing.assert_array_equal(layout.flat(grouped), offers)
    sku, region, category = layout.labels()
    assert sorted(zip(sku, region, strict=True)) == list(zip(sku, region, strict=True))
    code = np.unique(np.char.add(category.astype(str), region.astype(str)), return_inverse=True)[1].astype(float)
    assert (np.ptp(layout.grouped(code), axis=1) == 0).all()


@pytest.mark.parametrize("kind", KINDS)
def test_same_seed_same_market_and_another_seed_another(kind: str) -> None:
    settings = replace(SMALL, truth=kind)
    one, two, other = market(settings), market(settings), market(settings, seed=1)
    np.testing.assert_array_equal(one.history.units, two.history.units)
    np.testing.assert_array_equal(one.truth.cost, two.truth.cost)
    np.testing.assert_array_equal(one.best(), two.best())
    assert (one.history.units != other.history.units).any()


def test_what_was_sold_never_exceeds_the_stock_and_censoring_says_where_it_met_it() -> None:
    drawn = market(replace(SMALL, stockouts=0.2))
    panel, history = drawn.panel, drawn.history
    assert (panel.units <= panel.stock).all()
    np.testing.assert_array_equal(history.censored, panel.units == panel.stock)
    assert 0.1 < history.censored.mean() < 0.25
    assert market(replace(SMALL, stockouts=0.0)).history.censored.mean() < 0.01


def test_panel_has_the_shape_and_the_values_a_model_may_rely_on() -> None:
    drawn = market()
    history, future = drawn.history, drawn.future
    assert history.units.shape == (24, 60)
    assert future.price.shape == (24, 4)
    assert (history.price > 0).all()
    assert (np.diff(history.periods) == np.timedelta64(7, "D")).all()
    assert future.periods[0] - history.periods[-1] == np.timedelta64(7, "D")
    assert set(np.unique(history.drivers)) <= {0.0, 1.0}
    np.testing.assert_allclose(history.price * 100, np.round(history.price * 100), atol=1e-9)
    np.testing.assert_array_equal(future.price, np.repeat(drawn.offers.current_price[:, None], 4, axis=1))


def slope(history: History, *, hold_weeks: bool) -> float:
    """Own elasticity by least squares with offer (and category x week) effects and promotion."""
    keep = history.units > 0
    log_units = np.where(keep, np.log(np.maximum(history.units, 1)), 0.0)
    columns = [np.log(history.price), history.drivers[0], log_units]
    group = np.unique(history.offers.category.astype(str), return_inverse=True)[1]
    weight = keep.astype(float)
    for _ in range(40):
        columns = [c - (weight * c).sum(1, keepdims=True) / weight.sum(1, keepdims=True) for c in columns]
        if not hold_weeks:
            continue
        for g in range(group.max() + 1):
            mine = group == g
            for c in columns:
                c[mine] -= (weight[mine] * c[mine]).sum(0) / weight[mine].sum(0)
    x = np.stack([c[keep] for c in columns[:2]], axis=1)
    return float(np.linalg.lstsq(x, columns[2][keep], rcond=None)[0][0])


def true_slopes(drawn: Market) -> tuple[float, float]:
    """Own elasticity at usual prices, and own less cross: what comparing prices within a week identifies."""
    elasticity = drawn.truth.elasticity(drawn.history.price.mean(axis=1))
    own = np.einsum("gii->gi", elasticity)
    cross = (elasticity.sum(axis=1) - own) / (own.shape[1] - 1)
    return float(own.mean()), float((own - cross).mean())


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_prices_follow_the_season_so_that_plain_regression_is_biased(seed: int) -> None:
    # 24 offers and 104 weeks: over seeds the standard error is about 0.2 with week effects and without; the bias asked
    # for is seven times that. The three markets are fixed.
    settings = replace(SMALL, season=0.5, shock=0.3, pass_through=0.5, supply=0.0, periods=104)
    drawn = market(settings, seed)
    own, relative = true_slopes(drawn)
    assert slope(drawn.history, hold_weeks=True) == pytest.approx(relative, abs=0.6)
    assert slope(drawn.history, hold_weeks=False) > own + 1.5
    calm = market(replace(settings, pass_through=0.0), seed)
    assert slope(calm.history, hold_weeks=False) == pytest.approx(true_slopes(calm)[0], abs=0.6)


def test_counts_vary_more_than_poisson_by_the_dispersion_asked_for() -> None:
    # Season, drift and prices are switched off, so that only the counts vary within an offer: 24 offers x 400 weeks.
    # The standard error of the moment estimate of the dispersion is about 0.01; four of them are allowed.
    still = replace(
        SMALL,
        periods=400,
        season=0.0,
        shock=0.0,
        drift=0.0,
        lasting=0.0,
        local=0.0,
        supply=0.0,
        zone=0.0,
        promo_rate=0.0,
        stockouts=0.0,
    )
    for asked in (0.0, 0.3):
        units = market(replace(still, dispersion=asked)).history.units
        mean = units.mean(axis=1)
        found = np.average((units.var(axis=1) - mean) / mean**2, weights=mean)
        assert found == pytest.approx(asked, abs=0.04)


def test_promotions_cut_prices_and_lift_units() -> None:
    history = market(replace(SMALL, periods=104)).history
    promoted = history.drivers[0] > 0
    assert 0.04 < promoted.mean() < 0.14
    typical = np.median(history.price, axis=1, keepdims=True)
    assert (history.price / typical)[promoted].mean() < 0.9
    usual = history.units.mean(axis=1, keepdims=True)
    assert (history.units / usual)[promoted].mean() > 1.3


def test_csv_tables_read_back_as_the_same_history(tmp_path: Path) -> None:
    drawn = market(replace(SMALL, stockouts=0.1))
    shop = Shop.read(drawn.write(tmp_path / "shop"))
    read, made = shop.history(), drawn.history
    for name in ("units", "price", "censored", "drivers", "periods"):
        np.testing.assert_array_equal(getattr(read, name), getattr(made, name), err_msg=name)
    assert read.driver_names == made.driver_names
    for name in ("sku", "region", "category", "current_price", "cost", "shipping_cost", "tax", "stock", "locked"):
        np.testing.assert_array_equal(getattr(shop.offers, name), getattr(drawn.offers, name), err_msg=name)
    ahead = shop.future(4)
    np.testing.assert_array_equal(ahead.price, drawn.future.price)
    np.testing.assert_array_equal(ahead.periods, drawn.future.periods)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"truth": "oracle"}, "truth"),
        ({"elasticity": -0.9}, "elasticity"),
        ({"inside": 1.0}, "inside"),
        ({"regions": 0}, "regions"),
        ({"dispersion": -0.1}, "dispersion"),
    ],
)
def test_settings_outside_their_range_are_refused_by_name(change: dict[str, object], says: str) -> None:
    with pytest.raises(InputError, match=says):
        replace(SMALL, **change)
