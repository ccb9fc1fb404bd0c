"""Forecasts on simulated shops whose demand is known; bounds as in test_elasticities."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from pricebid.demand import Forecast, fit
from pricebid.demand.counts import quantile
from pricebid.demand.window import before
from pricebid.errors import InputError
from pricebid.tables.arrays import Events

PARTS = ("mean", "p10", "p50", "p90")
WIDE = {"categories": 6, "skus": 6, "regions": 3, "periods": 60}
PROMOTED = {"skus": 6, "regions": 4, "periods": 80, "mean": 40.0, "lift": 0.8}
SMALL = {"skus": 3, "regions": 2, "periods": 40}


def covered(forecast: Forecast, actual: np.ndarray) -> float:
    return float(((actual >= forecast.p10) & (actual <= forecast.p90)).mean())


@pytest.mark.parametrize(("mean", "error"), [(0.5, 0.3), (8.0, 0.3), (60.0, 0.3), (60.0, 0.6)])
def test_expected_units_are_unbiased_over_over_dispersed_counts(
    world: Callable, fitted: Callable, mean: float, error: float
) -> None:
    """108 offers in 6 categories, 60 periods: levels are known to 1.5 - 2 %, the bound is 3 standard errors."""
    shop = world(**WIDE, mean=mean, error=error)
    said = fitted(**WIDE, mean=mean, error=error).forecast(shop.future)
    assert said.mean.sum() / shop.truth.sum() == pytest.approx(1.0, abs=0.06)


@pytest.mark.parametrize(("mean", "error"), [(8.0, 0.3), (60.0, 0.3), (60.0, 0.6)])
def test_the_range_holds_what_happens_four_times_of_five(
    world: Callable, fitted: Callable, mean: float, error: float
) -> None:
    """864 cells, nearly independent: standard error 1.4 %; whole counts cover more than asked, as the truth's own do."""
    shop = world(**WIDE, mean=mean, error=error)
    said = fitted(**WIDE, mean=mean, error=error).forecast(shop.future)
    low, high = (quantile(shop.truth, np.full(shop.truth.shape, error**2), p, whole=True) for p in (0.1, 0.9))
    best = ((shop.after >= low) & (shop.after <= high)).mean()
    assert covered(said, shop.after) == pytest.approx(best, abs=0.06)


def test_quantiles_are_in_order_and_the_mean_of_skewed_demand_lies_above_its_median(
    world: Callable, fitted: Callable
) -> None:
    said = fitted(**WIDE, mean=60.0, error=0.6).forecast(world(**WIDE, mean=60.0, error=0.6).future)
    assert (said.p10 <= said.p50).all()
    assert (said.p50 <= said.p90).all()
    assert (said.mean > said.p50).all()


def test_a_season_is_carried_on(world: Callable) -> None:
    shop = world(skus=4, regions=3, periods=130, horizon=13, mean=60.0, season=0.5)
    said = fit(shop.history).forecast(shop.future)
    assert np.abs(said.mean - shop.truth).sum() / shop.truth.sum() < 0.2
    flat = np.repeat(shop.history.units[:, -4:].mean(1, keepdims=True), 13, axis=1)
    assert np.abs(said.mean - shop.truth).sum() < 0.5 * np.abs(flat - shop.truth).sum()


def test_days_know_their_weekday(world: Callable) -> None:
    shop = world(skus=4, regions=2, periods=100, horizon=14, frequency="day", weekday=0.5, mean=15.0, spell=7)
    said = fit(shop.history).forecast(replace(shop.future, price=np.repeat(shop.future.price[:, :1], 14, axis=1)))
    truth = np.log(shop.truth) + 2.5 * np.log(shop.future.price)
    profile, week = np.log(said.mean).mean(0), truth.mean(0)
    assert np.corrcoef(profile, week)[0, 1] > 0.95
    assert np.std(profile) == pytest.approx(np.std(week), rel=0.25)


def test_months_are_forecast_too(world: Callable) -> None:
    shop = world(skus=4, regions=3, periods=48, horizon=6, frequency="month", season=0.3, mean=200.0, spell=2)
    said = fit(shop.history).forecast(shop.future)
    assert np.abs(said.mean - shop.truth).sum() / shop.truth.sum() < 0.2


def test_counts_that_are_mostly_zero_give_small_means_and_whole_quantiles(world: Callable) -> None:
    shop = world(skus=25, regions=4, mean=0.2, periods=50)
    assert (shop.history.units == 0).mean() > 0.7
    said = fit(shop.history).forecast(shop.future)
    assert said.mean.sum() / shop.truth.sum() == pytest.approx(1.0, abs=0.12)
    assert (said.p10 == 0).all()
    assert (said.p90 == np.round(said.p90)).all()
    assert (said.mean > 0).all()


@pytest.mark.parametrize("periods", [3, 5, 8, 14])
def test_a_short_history_gives_finite_forecasts_near_what_was_sold(world: Callable, periods: int) -> None:
    shop = world(skus=5, regions=3, periods=periods, horizon=4)
    model = fit(shop.history)
    said = model.forecast(shop.future)
    assert all(np.isfinite(getattr(said, name)).all() for name in PARTS)
    assert 0.6 < said.mean.sum() / shop.truth.sum() < 1.6
    assert (model.elasticities().own < 0).all()


def test_a_new_sku_is_forecast_from_its_group(world: Callable) -> None:
    shop = world(categories=2, skus=6, regions=3, periods=60, mean=40.0, level_sd=0.3)
    offers = shop.history.offers
    new = offers.sku == "s003"
    units = np.where(new[:, None], np.nan, shop.history.units)
    said = fit(replace(shop.history, units=units)).forecast(shop.future)
    group = (offers.category == "c0") & ~new
    usual = np.median(said.mean[group])
    assert 0.4 * usual < said.mean[new].mean() < 2.5 * usual
    width = np.log1p(said.p90) - np.log1p(said.p10)
    assert width[new].mean() > 1.05 * width[group].mean()


def test_a_shop_of_one_offer_can_be_forecast(world: Callable) -> None:
    shop = world(skus=1, regions=1, periods=60)
    model = fit(shop.history)
    said = model.forecast(shop.future)
    assert 0.5 < said.mean.sum() / shop.truth.sum() < 1.5
    assert len(model.elasticities().value) == 0


def test_a_planned_promotion_raises_and_a_dearer_price_lowers_each_forecast(world: Callable, fitted: Callable) -> None:
    shop, model = world(**PROMOTED), fitted(**PROMOTED)
    quiet = replace(shop.future, drivers=np.zeros_like(shop.future.drivers))
    base = model.forecast(quiet).mean
    assert (model.forecast(replace(quiet, drivers=np.ones_like(quiet.drivers))).mean > base).all()
    one = quiet.price.copy()
    one[0] *= 1.1
    dear = model.forecast(quiet, price=one)
    assert (dear.mean[0] < base[0]).all()
    np.testing.assert_array_equal(dear.price, one)


def test_the_future_of_a_history_is_not_seen(world: Callable, fitted: Callable) -> None:
    """Cut, and cut from a history whose later units, prices and stock-outs were overwritten: the same forecast."""
    shop = world(**SMALL)
    rng = np.random.default_rng(3)
    whole, now = shop.whole, shop.spec.periods
    units, price, censored, drivers = (a.copy() for a in (whole.units, whole.price, whole.censored, whole.drivers))
    units[:, now:] = rng.integers(0, 9999, units[:, now:].shape)
    price[:, now:] = rng.uniform(0.1, 99, price[:, now:].shape)
    censored[:, now:] = True
    drivers[:, :, now:] = 1 - drivers[:, :, now:]
    garbage = replace(whole, units=units, price=price, censored=censored, drivers=drivers)
    one, two = (model.forecast(shop.future) for model in (fitted(**SMALL), fit(before(garbage, now))))
    for name in PARTS:
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name))


def test_the_order_of_offers_does_not_matter(world: Callable) -> None:
    shop = world(categories=2, skus=3, regions=2, periods=40, lift=0.6)
    history, future = shop.history, shop.future
    order = np.random.default_rng(4).permutation(len(history.offers))
    fields = {
        name: tuple(label[order] for label in value) if name == "labels" else value[order]
        for name, value in vars(history.offers).items()
        if name != "columns"
    }
    mixed = replace(
        history,
        offers=replace(history.offers, **fields),
        units=history.units[order],
        price=history.price[order],
        censored=history.censored[order],
        drivers=history.drivers[:, order],
    )
    there = replace(future, price=future.price[order], fixed=future.fixed[order], drivers=future.drivers[:, order])
    one, two = fit(history), fit(mixed)
    np.testing.assert_allclose(two.elasticities().own, one.elasticities().own[order], rtol=1e-3)
    np.testing.assert_allclose(two.forecast(there).mean, one.forecast(future).mean[order], rtol=1e-3)


def test_a_later_start_is_less_sure(world: Callable, fitted: Callable) -> None:
    shop, model = world(**SMALL, horizon=30), fitted(**SMALL, horizon=30)
    whole = model.forecast(shop.future)
    late = replace(
        shop.future,
        periods=shop.future.periods[20:],
        price=shop.future.price[:, 20:],
        drivers=shop.future.drivers[:, :, 20:],
    )
    said = model.forecast(late)
    np.testing.assert_allclose(said.mean[:, 5:], whole.mean[:, 25:], rtol=0.25)
    width = np.log1p(whole.p90) - np.log1p(whole.p10)
    assert width[:, -8:].mean() >= 0.98 * width[:, :8].mean()


def test_what_cannot_be_forecast_is_refused(world: Callable, fitted: Callable) -> None:
    shop, model = world(**SMALL), fitted(**SMALL)
    with pytest.raises(InputError, match="not after the last"):
        model.forecast(replace(shop.future, periods=shop.future.periods - np.timedelta64(7 * 20, "D")))
    with pytest.raises(InputError, match="offers"):
        model.forecast(replace(shop.future, price=shop.future.price[:-1]))
    with pytest.raises(InputError, match="at least 3"):
        fit(before(shop.history, 2))
    with pytest.raises(InputError, match="no sale"):
        fit(replace(shop.history, units=np.zeros_like(shop.history.units)))


def with_event(events: Events, active: np.ndarray, uplift: float) -> Events:
    return replace(events, names=("fair",), uplift=np.array([uplift]), active=active[None, None])


def test_a_calendar_event_that_came_back_is_expected_to_do_the_same(world: Callable) -> None:
    """Eight fairs of +50 % each in every offer: the lift has a standard error of 3 %."""
    shop = world(**SMALL, mean=50.0)
    rng = np.random.default_rng(5)
    fair = np.isin(np.arange(40), rng.choice(40, 8, replace=False))
    units = rng.poisson(shop.history.units * np.where(fair, 1.5, 1.0)).astype(float)
    history = replace(shop.history, units=units, events=with_event(shop.history.events, fair, np.nan))
    model = fit(history)
    steps = len(shop.future.periods)
    there, none = (
        model.forecast(replace(shop.future, events=with_event(shop.future.events, np.full(steps, on), np.nan))).mean
        for on in (True, False)
    )
    np.testing.assert_allclose(there.mean() / none.mean(), 1.5, rtol=0.15)
