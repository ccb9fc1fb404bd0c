"""Panels of known elasticities: what was asked for is what was drawn."""

from __future__ import annotations

import numpy as np
import pytest

from pricebid.errors import InputError
from pricebid.simulate import RecoverySettings, draw_recovery, within_category


def test_panel_has_the_moments_asked_for() -> None:
    # 1,000 skus: standard errors are 0.016 for the deviations, 0.11 for the category means (20 of them), 0.005 for the rest.
    drawn = draw_recovery(RecoverySettings(), np.random.default_rng(0))
    assert drawn.history.units.shape == (1000, 30)
    assert drawn.deviation.std() == pytest.approx(0.5, abs=0.05)
    assert drawn.elasticity.mean() == pytest.approx(-2.0, abs=0.4)
    assert drawn.history.censored.mean() == pytest.approx(0.25, abs=0.03)
    assert drawn.history.units.mean() == pytest.approx(1.0, abs=0.15)


def test_a_poisson_regression_recovers_the_elasticities_where_there_is_much_to_see() -> None:
    settings = RecoverySettings(
        categories=2, skus=10, periods=400, mean=200.0, limited=0.0, pass_through=0.0, season=0.0
    )
    drawn = draw_recovery(settings, np.random.default_rng(1))
    x = np.log(drawn.history.price)
    x -= x.mean(axis=1, keepdims=True)
    y = np.log(np.maximum(drawn.history.units, 1))
    found = (x * y).sum(axis=1) / (x**2).sum(axis=1)
    # Standard error of one slope: 1 / sqrt(400 x 200 x 0.15^2) = 0.024; five of them for the largest of twenty.
    np.testing.assert_allclose(found, drawn.elasticity, atol=0.12)


def test_same_seed_same_panel() -> None:
    one, two = (draw_recovery(RecoverySettings(), np.random.default_rng(3)) for _ in range(2))
    np.testing.assert_array_equal(one.history.units, two.history.units)
    np.testing.assert_array_equal(one.elasticity, two.elasticity)


def test_within_category_takes_the_category_means_out() -> None:
    category = np.array([0, 0, 1, 1, 1])
    np.testing.assert_allclose(within_category(np.array([1.0, 3.0, 2.0, 4.0, 6.0]), category), [-1, 1, -2, 0, 2])


@pytest.mark.parametrize("change", [{"periods": 0}, {"limited": 1.5}, {"mean": -1.0}])
def test_impossible_settings_are_refused(change: dict[str, float]) -> None:
    with pytest.raises(InputError, match=next(iter(change))):
        RecoverySettings(**change)
