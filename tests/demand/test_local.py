"""Slopes at some prices, held against buyers whose choice is known."""

from collections.abc import Callable

import numpy as np
import pytest

from pricebid.demand.features import DIVERTED, Recipe
from pricebid.demand.local import local_slopes
from pricebid.simulate import LogitBuyers

SKUS, SLOPE, INSIDE = 4, 0.8, 0.35
USUAL = np.array([2.0, 3.0, 4.0, 5.0])


def recipe_of(curvature: float) -> Recipe:
    """One group whose offers sell alike at their usual prices; its price index weighs them by revenue."""
    nothing = np.zeros(SKUS)
    return Recipe(
        names=("own", "cross"),
        group=np.zeros(SKUS, dtype=np.intp),
        weight=USUAL / USUAL.sum(),
        centre=np.log(USUAL),
        level=np.zeros(SKUS),
        current=USUAL,
        pull=np.zeros((SKUS, 1)),
        curvature=curvature,
        reference=nothing,
        renewal=0.2,
        event_names=(),
        driver_names=(),
        middle=np.zeros(0),
        scale=np.zeros(0),
    )


def told(curvature: float, current: np.ndarray) -> object:
    """Local slopes of offers that are told a logit's elasticities at the usual prices."""
    own = -SLOPE * USUAL
    cross = np.full(SKUS, -(own * INSIDE / SKUS).sum()) + DIVERTED * own
    slopes = np.stack([own, cross], axis=1), np.zeros((SKUS, 2, 2)), np.zeros((1, 2, 2))
    level = np.full(SKUS, 3.0)
    return local_slopes(recipe_of(curvature), slopes, np.zeros(SKUS, dtype=np.intp), level=level, current=current)


def elasticity_of(buyers: LogitBuyers, price: np.ndarray) -> np.ndarray:
    """Elasticities of the demand of i to the price of j, by differences."""
    step = 1e-5

    def log_rate(at: np.ndarray) -> np.ndarray:
        return np.log(buyers.rate(at[None], lift=np.zeros((1, SKUS)), reference=at[None])[0])

    rows = [(log_rate(price * np.exp(e)) - log_rate(price * np.exp(-e))) / (2 * step) for e in step * np.eye(SKUS)]
    return np.stack(rows, axis=1)


@pytest.mark.parametrize("move", [0.0, 0.15, -0.2])
def test_told_a_logit_at_usual_prices_it_knows_the_logit_at_all_prices(move: float) -> None:
    current = USUAL * np.exp(move * np.array([1.0, 0.5, -0.5, 1.5]))
    buyers = LogitBuyers(appeal=(np.log(INSIDE / SKUS / (1 - INSIDE)) + SLOPE * USUAL)[None], slope=np.array([[SLOPE]]))
    truth = elasticity_of(buyers, current)
    found = told(1.0, current)
    own, _ = found.total()
    np.testing.assert_allclose(own, np.diag(truth), atol=1e-4)
    np.testing.assert_allclose(found.weight * found.mean[:, 1], truth[[1, 0, 0, 0], range(SKUS)], atol=1e-6)
    attraction, share = found.attraction(np.zeros(SKUS, dtype=np.intp))
    rate = buyers.rate(current[None], lift=np.zeros((1, SKUS)), reference=current[None])[0]
    np.testing.assert_allclose(share, rate, rtol=1e-4)
    np.testing.assert_allclose(attraction, -SLOPE * current, rtol=1e-3)


def test_without_curvature_no_elasticity_changes_with_the_price() -> None:
    usual, dear = told(0.0, USUAL), told(0.0, USUAL * 1.3)
    np.testing.assert_allclose(dear.mean, usual.mean)
    np.testing.assert_allclose(dear.weight, usual.weight)


def test_the_elasticity_of_a_lone_sku_is_its_slope(fitted: Callable) -> None:
    """Nobody shares its buyers, so that nothing of its price effect comes back through rivals."""
    found = fitted(skus=1, regions=6, periods=80, own=-2.5, mean=40.0).elasticities()
    assert found.own.mean() == pytest.approx(-2.5, abs=0.3)
