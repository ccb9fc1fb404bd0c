"""Ladders: every grid point between bounds, no other, and samples that hold what the search needs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricebid.errors import InputError
from pricebid.pricing.grid import Grid, Ladder, Options

grids = st.one_of(
    st.sampled_from([0.01, 0.05, 0.1, 0.25, 1.0]).map(lambda step: Grid.of_step(step, 2)),
    st.lists(st.sampled_from([0.0, 0.19, 0.49, 0.5, 0.95, 0.99]), min_size=1, max_size=4).map(
        lambda endings: Grid.of_endings(tuple(endings), 2)
    ),
)


def every_point(grid: Grid) -> np.ndarray:
    cents = np.arange(1, 5_000)
    if grid.period == 1.0 and len(grid.points) > 0 and grid.points != (0.0,):
        kept = np.isin(cents % 100, np.round(np.array(grid.points) * 100).astype(int))
    else:
        kept = cents % max(1, round(grid.period * 100)) == 0
    return cents[kept] / 100


@given(grid=grids, bound=st.floats(0.5, 40.0))
def test_first_and_last_are_the_nearest_points_on_either_side(grid: Grid, bound: float) -> None:
    points = every_point(grid)
    above, below = points[points >= bound - 1e-9], points[points <= bound + 1e-9]
    assert grid.price(grid.first(np.array([bound])))[0] == pytest.approx(above[0])
    if len(below):
        assert grid.price(grid.last(np.array([bound])))[0] == pytest.approx(below[-1])


@given(grid=grids)
def test_prices_ascend_with_their_number_in_whole_minor_units(grid: Grid) -> None:
    prices = grid.price(np.arange(1, 60))
    assert (np.diff(prices) > 0).all()
    np.testing.assert_allclose(prices * 100, np.round(prices * 100), atol=1e-9)


def test_a_step_is_never_finer_than_the_minor_unit() -> None:
    assert Grid.of_step(0.01, 0).price(np.array([3]))[0] == 3.0


def test_an_empty_pattern_is_refused() -> None:
    with pytest.raises(InputError, match="at least one ending"):
        Grid(period=1.0, points=(), decimals=2)


def ladder(low: list[float], high: list[float], current: list[float], *, keep: bool = True) -> Ladder:
    grid = Grid.of_step(0.05, 2)
    return Ladder(
        grids=(grid,), grid_of=np.zeros(len(low), dtype=np.intp), first=grid.first(np.array(low)),
        last=grid.last(np.array(high)), current=np.array(current), keep=np.full(len(low), keep),
    )  # fmt: skip


def test_a_chunk_of_the_whole_run_is_every_option_once() -> None:
    options = ladder([1.0], [1.2], [1.07]).chunk(0, 10)
    np.testing.assert_allclose(options.prices[options.allowed], [1.0, 1.05, 1.07, 1.1, 1.15, 1.2])


def test_samples_hold_both_ends_the_current_price_and_the_price_at_hand() -> None:
    many = ladder([1.0, 2.0], [9.0, 9.0], [3.33, 4.44])
    options = many.around(np.array([5.0, 6.0]), np.array([20, 20]), 2)
    for row, wanted in ((0, [1.0, 9.0, 3.33, 5.0]), (1, [2.0, 9.0, 4.44, 6.0])):
        held = options.prices[row, options.allowed[row]]
        for price in wanted:
            assert np.isclose(held, price).any()
        assert many.allows(options.prices[:, options.allowed.all(axis=0)][:, 0]).all()


def test_nearest_and_allows_agree() -> None:
    many = ladder([1.0], [2.0], [2.52])
    for price, nearest in ((0.3, 1.0), (1.32, 1.3), (2.2, 2.0), (2.5, 2.52)):
        assert many.nearest(np.array([price]))[0] == pytest.approx(nearest)
        assert many.allows(np.array([nearest]))[0]
    assert not many.allows(np.array([1.02]))[0]
    assert not many.allows(np.array([2.1]))[0]


def test_an_offer_without_points_has_only_its_current_price() -> None:
    none = ladder([2.0], [1.0], [1.5])
    assert not none.empty[0]
    options = none.around(np.array([1.5]), np.array([1]), 3)
    np.testing.assert_allclose(options.prices[options.allowed], [1.5])
    assert ladder([2.0], [1.0], [1.5], keep=False).empty[0]


def test_within_cuts_both_ends_and_the_current_price() -> None:
    cut = ladder([1.0], [2.0], [2.52]).within(np.array([1.22]), np.array([1.6]))
    low, high = cut.ends()
    assert (low[0], high[0]) == (pytest.approx(1.25), pytest.approx(1.6))
    assert not cut.keep[0]


def test_options_find_prices() -> None:
    options = Options.of(np.array([[3.0, 1.0, 1.0, 2.0]]))
    assert options.allowed.sum() == 3
    np.testing.assert_array_equal(options.pick(options.index(np.array([1.9]))), [2.0])
