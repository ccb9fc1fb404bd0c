"""The figures of a forecast, by hand."""

import numpy as np
import pytest

from pricebid.demand.scores import Cells, Predicted, naive_scale, score

ACTUAL = np.array([[10.0, np.nan, 6.0], [0.0, 2.0, 4.0]])
SAID = Predicted(
    mean=np.array([[8.0, 99.0, 8.0], [1.0, 1.0, 1.0]]),
    p10=np.array([[5.0, 99.0, 7.0], [0.0, 0.0, 0.0]]),
    p50=np.array([[9.0, 99.0, 8.0], [1.0, 1.0, 1.0]]),
    p90=np.array([[12.0, 99.0, 9.0], [2.0, 2.0, 2.0]]),
)


def test_the_figures_are_those_of_a_hand_calculation() -> None:
    found = score("me", [(Cells(actual=ACTUAL, scale=np.array([4.0, 1.0])), SAID)])
    assert found.cells == 5
    assert found.wape == pytest.approx((1 + 2 + 1 + 1 + 3) / 22)
    assert found.bias == pytest.approx((-2 + 2 + 1 - 1 - 3) / 22)
    assert found.rmsse == pytest.approx((np.sqrt(4 / 4) + np.sqrt((1 + 1 + 9) / 3 / 1)) / 2)
    assert found.coverage == pytest.approx(3 / 5)
    low = [0.1 * 5, 0.9 * 1, 0, 0.1 * 2, 0.1 * 4]
    middle = [0.5, 1.0, 0.5, 0.5, 1.5]
    high = [0.1 * 2, 0.1 * 3, 0.1 * 2, 0.0, 0.9 * 2]
    assert found.pinball == pytest.approx(np.mean([low, middle, high]))


def test_blocks_are_scored_together_by_their_cells_not_by_their_averages() -> None:
    cells = Cells(actual=ACTUAL, scale=np.array([4.0, np.nan]))
    few = Cells(actual=np.array([[np.nan, np.nan, 100.0], [np.nan] * 3]), scale=np.array([4.0, 1.0]))
    found = score("me", [(cells, SAID), (few, SAID)])
    assert found.cells == 6
    assert found.wape == pytest.approx((8 + 92) / 122)
    assert found.rmsse == pytest.approx((1 + np.sqrt(92**2 / 4)) / 2)


def test_without_cells_figures_are_not_numbers() -> None:
    found = score("me", [(Cells(actual=np.full((2, 3), np.nan), scale=np.ones(2)), SAID)])
    assert found.cells == 0
    assert np.isnan([found.wape, found.bias, found.rmsse, found.pinball, found.coverage]).all()


def test_a_perfect_forecast_has_no_error() -> None:
    actual = np.array([[3.0, 4.0]])
    same = Predicted(mean=actual, p10=actual, p50=actual, p90=actual)
    found = score("me", [(Cells(actual=actual, scale=np.ones(1)), same)])
    assert (found.wape, found.bias, found.rmsse, found.pinball, found.coverage) == (0, 0, 0, 0, 1)


def test_the_naive_scale_begins_with_the_first_sale_and_skips_gaps() -> None:
    units = np.array([[0.0, 0.0, 2.0, 5.0, np.nan, 9.0, 8.0], [1.0] * 7, [np.nan] * 7])
    scale = naive_scale(units)
    assert scale[0] == pytest.approx((3**2 + 1**2) / 2)
    assert np.isnan(scale[1:]).all()
