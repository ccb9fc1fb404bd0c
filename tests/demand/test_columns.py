"""What the columns, tiers, clock and windows of the model are made of."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from pricebid.demand.features import bent, codes, season_columns
from pricebid.demand.panel import make_panel
from pricebid.demand.tiers import Clock, mean_by
from pricebid.demand.window import before, block


def test_codes_number_distinct_combinations_whatever_their_order() -> None:
    a = np.array(["x", "y", "x", "y", "x"], dtype=object)
    b = np.array(["1", "1", "2", "1", "1"], dtype=object)
    np.testing.assert_array_equal(codes(a, b), [0, 2, 1, 2, 0])
    np.testing.assert_array_equal(codes(a), [0, 1, 0, 1, 0])


@pytest.mark.parametrize("curvature", [0.0, 1e-6, 0.5, 1.0])
def test_a_bent_price_change_has_slope_one_and_ends_linear_in_money(curvature: float) -> None:
    x = np.array([-0.3, 0.0, 0.4])
    found = bent(x, curvature)
    assert bent(np.array([1e-6]), curvature)[0] == pytest.approx(1e-6, rel=1e-5)
    assert found[1] == 0.0
    expected = {0.0: x, 1e-6: x, 1.0: np.exp(x) - 1}
    if curvature in expected:
        np.testing.assert_allclose(found, expected[curvature], rtol=1e-5)


def test_weighted_means_are_those_of_a_loop() -> None:
    rng = np.random.default_rng(1)
    index = np.array([2, 0, 2, 2, 0])
    values, weight = rng.normal(size=(2, 5, 3)), rng.uniform(0.1, 1, (5, 3))
    weight[1, 0] = weight[4, 0] = 0.0
    found, total = mean_by(index, values, weight, 4)
    for g in range(4):
        here = index == g
        np.testing.assert_allclose(total[g], weight[here].sum(0))
        for t in range(3):
            if total[g, t] > 0:
                np.testing.assert_allclose(
                    found[:, g, t], np.average(values[:, here, t], axis=1, weights=weight[here, t])
                )
            else:
                assert (found[:, g, t] == 0).all()
    np.testing.assert_allclose(mean_by(index, values[0], weight, 4)[0], found[0])


@pytest.mark.parametrize(
    ("frequency", "periods", "steps"),
    [
        ("day", ["2024-02-29", "2024-03-01"], [1, 2]),
        ("week", ["2024-03-06", "2024-03-20"], [1, 3]),
        ("month", ["2024-03-01", "2025-02-01"], [1, 12]),
    ],
)
def test_the_clock_counts_periods_after_the_last(frequency: str, periods: list[str], steps: list[int]) -> None:
    last = {"day": "2024-02-28", "week": "2024-02-28", "month": "2024-02-01"}[frequency]
    clock = Clock(frequency=frequency, first=np.datetime64("2020-01-01"), last=np.datetime64(last), span=3.0)
    np.testing.assert_array_equal(clock.steps(np.array(periods, dtype="datetime64[D]")), steps)


def test_waves_repeat_after_a_year_and_after_a_week() -> None:
    day = np.datetime64("2023-03-06")
    year = season_columns(np.array([day, day + 365, day + 4 * 365 + 1]), "week", 3.0)
    np.testing.assert_allclose(year[:, 1:], np.repeat(year[:, :1], 2, axis=1), atol=0.02)
    days = season_columns(np.array([day, day + 7, day + 3]), "day", 0.5)
    np.testing.assert_allclose(days[:, 0], days[:, 1], atol=1e-9)
    assert abs(days[:, 0] - days[:, 2]).max() > 0.5
    assert len(season_columns(np.array([day]), "week", 0.5)) == 0


def test_columns_of_one_region_do_not_know_another_s_prices(world: Callable) -> None:
    shop = world(skus=4, regions=3, periods=30, lift=0.4)
    history = shop.history
    there = history.offers.region == "r1"
    price = np.where(there[:, None], history.price * 1.3, history.price)
    price[there, 20:] *= 0.8
    one, two = make_panel(history), make_panel(replace(history, price=price))
    np.testing.assert_allclose(one.columns[:, ~there], two.columns[:, ~there], atol=0.05)
    assert abs(one.columns[:, there] - two.columns[:, there]).max() > 0.1


def test_an_offer_without_rivals_has_no_cross_columns(world: Callable) -> None:
    panel = make_panel(world(skus=1, regions=3, periods=30, lift=0.4).history)
    for name, column in zip(panel.recipe.names, panel.columns, strict=True):
        if name.startswith("cross"):
            assert (column == 0).all(), name


def test_a_window_cuts_everything_that_has_periods(world: Callable) -> None:
    history = world(skus=2, regions=2, periods=30, lift=0.4).history
    past = before(history, 20)
    assert {len(past.periods), past.units.shape[1], past.price.shape[1], past.censored.shape[1]} == {20}
    assert (past.drivers.shape[2], past.events.active.shape[2]) == (20, 20)
    future, actual = block(history, 20, 5)
    np.testing.assert_array_equal(actual, history.units[:, 20:25])
    np.testing.assert_array_equal(future.drivers, history.drivers[:, :, 20:25])
    held, _ = block(history, 20, 5, known=())
    np.testing.assert_array_equal(held.drivers, np.repeat(history.drivers[:, :, 19:20], 5, axis=2))
