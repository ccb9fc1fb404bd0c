"""Each truth obeys its own definition: shares, substitution patterns, analytic elasticities."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricebid.simulate import Buyers, LogitBuyers, LogLogBuyers, NestedBuyers, ReferenceBuyers

GROUPS, SKUS = 3, 6


def draw(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    price = rng.uniform(1.0, 6.0, (GROUPS, SKUS))
    return price, rng.normal(1.0, 1.0, (GROUPS, SKUS)), rng.uniform(0.3, 1.5, (GROUPS, 1))


def nested(appeal: np.ndarray, slope: np.ndarray, dissimilarity: float) -> NestedBuyers:
    nest = np.zeros((2, SKUS))
    nest[0, :3] = nest[1, 3:] = 1.0
    return NestedBuyers(appeal=appeal, slope=slope, nest=nest, dissimilarity=dissimilarity)


def rate(buyers: Buyers, price: np.ndarray, reference: np.ndarray | None = None) -> np.ndarray:
    return buyers.rate(price, lift=np.zeros(price.shape), reference=price if reference is None else reference)


def own_by_differences(buyers: Buyers, price: np.ndarray, sku: int) -> np.ndarray:
    """d log rate / d log price of every sku with respect to one price, float64[group, sku]."""
    step = np.zeros(SKUS)
    step[sku] = 1e-5
    up, down = rate(buyers, price * np.exp(step)), rate(buyers, price * np.exp(-step))
    return np.log(up / down) / 2e-5


@given(seed=st.integers(0, 10_000), scale=st.floats(0.01, 50.0))
def test_logit_and_nested_shares_leave_room_for_the_outside(seed: int, scale: float) -> None:
    price, appeal, slope = draw(seed)
    for buyers in (LogitBuyers(appeal=appeal * scale, slope=slope), nested(appeal * scale, slope, 0.5)):
        shares = rate(buyers, price)
        assert (shares >= 0).all()
        assert (shares.sum(axis=1) <= 1 + 1e-12).all()


@given(seed=st.integers(0, 10_000), sku=st.integers(0, SKUS - 1))
def test_logit_elasticities_are_the_textbook_ones(seed: int, sku: int) -> None:
    price, appeal, slope = draw(seed)
    buyers = LogitBuyers(appeal=appeal, slope=slope)
    share = rate(buyers, price)[:, [sku]]
    expected = np.repeat(slope * price[:, [sku]] * share, SKUS, axis=1)
    expected[:, sku] -= (slope * price[:, [sku]])[:, 0]
    np.testing.assert_allclose(own_by_differences(buyers, price, sku), expected, atol=1e-6)


@given(seed=st.integers(0, 10_000), sku=st.integers(0, SKUS - 1))
def test_nested_own_elasticity_is_the_textbook_one(seed: int, sku: int) -> None:
    price, appeal, slope = draw(seed)
    d = 0.6
    buyers = nested(appeal, slope, d)
    shares = rate(buyers, price)
    mates = slice(0, 3) if sku < 3 else slice(3, 6)
    within = shares[:, sku] / shares[:, mates].sum(axis=1)
    expected = -slope[:, 0] * price[:, sku] * (1 / d - (1 / d - 1) * within - shares[:, sku])
    np.testing.assert_allclose(own_by_differences(buyers, price, sku)[:, sku], expected, atol=1e-6)


def test_nest_mates_gain_more_than_strangers_and_dissimilarity_one_is_the_plain_logit() -> None:
    price, appeal, slope = draw(1)
    gain = own_by_differences(nested(appeal, slope, 0.5), price, 0)
    assert (gain[:, 1:3] > gain[:, [3]]).all()
    np.testing.assert_allclose(gain[:, 3:], gain[:, [3]].repeat(3, axis=1), atol=1e-6)
    plain = rate(LogitBuyers(appeal=appeal, slope=slope), price)
    np.testing.assert_allclose(rate(nested(appeal, slope, 1.0), price), plain, rtol=1e-12)


def test_loglog_elasticities_are_the_parameters_at_any_price() -> None:
    rng = np.random.default_rng(2)
    usual = rng.uniform(1, 5, (GROUPS, SKUS))
    elasticity = rng.uniform(0, 0.3, (GROUPS, SKUS, SKUS)) - 2.5 * np.eye(SKUS)
    buyers = LogLogBuyers(base=rng.uniform(0.01, 0.1, (GROUPS, SKUS)), usual=usual, elasticity=elasticity)
    np.testing.assert_allclose(rate(buyers, usual), buyers.base)
    for sku in range(SKUS):
        found = own_by_differences(buyers, usual * 1.3, sku)
        np.testing.assert_allclose(found, elasticity[:, :, sku], atol=1e-6)


@pytest.mark.parametrize("factor", [0.9, 1.1])
def test_reference_buyers_mind_losses_more_than_they_like_gains(factor: float) -> None:
    price, appeal, slope = draw(3)
    logit = LogitBuyers(appeal=appeal, slope=slope)
    buyers = ReferenceBuyers(logit=logit, gain=0.3, loss=0.5)
    np.testing.assert_allclose(rate(buyers, price), rate(logit, price))
    remembered = price * factor
    felt = np.log(rate(buyers, price, remembered) / rate(logit, price))
    felt -= np.log((1 - rate(buyers, price, remembered).sum(1)) / (1 - rate(logit, price).sum(1)))[:, None]
    weight = 0.5 if factor < 1 else 0.3
    np.testing.assert_allclose(felt, -weight * slope * (price - remembered), atol=1e-9)
