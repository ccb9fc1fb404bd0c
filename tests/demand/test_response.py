"""The price responses: closed forms against brute force and simulation."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import gammaln

from pricebid.demand.response import LogitResponse, LogLinearResponse, PriceResponse, expected_sold, sold_slope
from pricebid.errors import InputError

Make = Callable[[int], PriceResponse]


def log_linear(seed: int, n: int = 12, n_groups: int = 4, steps: int = 3) -> LogLinearResponse:
    rng = np.random.default_rng(seed)
    groups = np.sort(rng.integers(0, n_groups, n))
    groups[0], groups[-1] = 0, n_groups - 1
    root = rng.normal(0, 0.3, (n, 2, 2))
    shared = rng.normal(0, 0.2, (2, 2, 2))
    return LogLinearResponse(
        current=rng.uniform(1, 9, n),
        base=rng.uniform(0, 40, (n, steps)),
        groups=groups,
        weight=rng.uniform(0.2, 2, n),
        own_mean=rng.normal(-2.5, 0.5, n),
        cross_mean=rng.normal(1.0, 0.4, n),
        covariance=root @ root.transpose(0, 2, 1),
        pools=(np.arange(n) >= n // 2).astype(int),
        common_covariance=shared @ shared.transpose(0, 2, 1),
        level_sd=rng.uniform(0, 0.2, n),
        common_level_sd=np.array([0.1, 0.2]),
        carry=rng.normal(-0.3, 0.1, n),
        decay=0.6,
        dispersion=rng.uniform(0, 0.5, n),
    )


def logit(seed: int, n: int = 12, n_groups: int = 4) -> LogitResponse:
    rng = np.random.default_rng(seed)
    groups = np.sort(rng.integers(0, n_groups, n))
    groups[0], groups[-1] = 0, n_groups - 1
    price = rng.uniform(1, 9, n)
    return LogitResponse(
        current=price,
        groups=groups,
        market=rng.uniform(50, 500, n_groups),
        attraction=rng.normal(3, 1, n),
        slope=rng.uniform(0.4, 1.2, n),
    )


RESPONSES = [pytest.param(log_linear, id="log-linear"), pytest.param(logit, id="logit")]


def moved(response: PriceResponse, price: np.ndarray, offer: int, to: float) -> np.ndarray:
    new = price.copy()
    new[offer] = to
    return response.units(new)


@pytest.mark.parametrize("make", RESPONSES)
@pytest.mark.parametrize("spread", [0.2, 3.0])
def test_options_and_spill_are_the_units_after_each_single_move(make: Make, spread: float) -> None:
    response = make(1)
    rng = np.random.default_rng(2)
    n = len(response.current)
    price = response.current * np.exp(rng.uniform(-0.2, 0.2, n))
    ladder = price[:, None] * np.exp(rng.uniform(-spread, spread, (n, 5)))
    value = rng.normal(0, 1, (2, n))
    before = response.units(price)
    own = response.options(price, ladder)
    spill = response.spill(price, ladder, value)
    for i in range(n):
        for k in range(5):
            after = moved(response, price, i, ladder[i, k])
            others = value * (after - before)
            assert own[i, k] == pytest.approx(after[i], rel=1e-10)
            assert spill[:, i, k] == pytest.approx(np.delete(others, i, axis=1).sum(axis=1), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("make", RESPONSES)
def test_offers_of_other_groups_do_not_answer(make: Make) -> None:
    response = make(3)
    price = response.current
    after = moved(response, price, 0, price[0] * 1.3)
    other = response.groups != response.groups[0]
    assert other.any()
    np.testing.assert_allclose(after[other], response.units(price)[other], rtol=1e-14)


def test_units_are_the_expectation_over_the_parameters() -> None:
    """200,000 draws: the mean's relative standard error is below 0.3 %, so that 1.5 % is five of them."""
    response = log_linear(5, n=4, n_groups=2)
    price = response.current * np.array([0.85, 1.1, 1.2, 0.9])
    draws = response.draws(price[None], np.random.default_rng(6), 200_000)[0]
    np.testing.assert_allclose(draws.mean(axis=0), response.units(price), rtol=0.015)


def test_at_current_prices_units_are_the_base_and_the_index_does_not_matter() -> None:
    response = log_linear(7)
    np.testing.assert_allclose(response.units(response.current), response.base.sum(axis=1), rtol=1e-12)


def test_draws_are_common_to_the_plans_and_repeat_with_the_seed() -> None:
    response = log_linear(8)
    prices = np.stack([response.current, response.current])
    draws = response.draws(prices, np.random.default_rng(1), 7)
    np.testing.assert_array_equal(draws[0], draws[1])
    np.testing.assert_array_equal(draws, response.draws(prices, np.random.default_rng(1), 7))


def test_shared_uncertainty_does_not_shrink_with_the_number_of_offers() -> None:
    """Sd of the log total of 400 offers with a shared level sd of .2: .2 (+- 5 standard errors of a sd from 2,000 draws)."""
    n = 400
    zero = np.zeros(n)
    response = LogLinearResponse(
        current=np.ones(n),
        base=np.ones((n, 1)),
        groups=np.arange(n),
        own_mean=zero - 2,
        cross_mean=zero,
        pools=np.zeros(n, dtype=int),
        level_sd=np.full(n, 0.2),
        common_level_sd=np.array([0.2]),
    )
    total = response.draws(response.current[None], np.random.default_rng(0), 2_000)[0].sum(axis=1)
    assert np.log(total).std() == pytest.approx(0.2, abs=0.016)


def test_uncertain_elasticities_make_expected_units_convex_in_the_move() -> None:
    sure, unsure = (
        LogLinearResponse(
            current=np.ones(1), base=np.ones((1, 1)), groups=np.zeros(1, int), own_mean=np.array([-2.0]),
            cross_mean=np.zeros(1), covariance=np.diag([variance, 0.0]),
        )
        for variance in (0.0, 0.25)
    )  # fmt: skip
    up = np.array([1.1])
    assert unsure.units(up)[0] / sure.units(up)[0] == pytest.approx(np.exp(0.125 * np.log(1.1) ** 2))


def test_the_reference_price_effect_fades() -> None:
    response = LogLinearResponse(
        current=np.ones(1), base=np.array([[10.0, 10.0]]), groups=np.zeros(1, int), own_mean=np.array([-1.0]),
        cross_mean=np.zeros(1), carry=np.array([-2.0]), decay=0.5,
    )  # fmt: skip
    x = np.log(1.2)
    assert response.units(np.array([1.2]))[0] == pytest.approx(10 * (np.exp(-2 * x) + np.exp(-1.5 * x)))


@pytest.mark.parametrize("make", RESPONSES)
def test_the_elasticity_is_the_slope_of_log_units(make: Make) -> None:
    response = make(11)
    step = 1e-6
    price = response.current
    up = response.options(price, price[:, None] * np.exp(step))[:, 0]
    down = response.options(price, price[:, None] * np.exp(-step))[:, 0]
    mean, sd = response.elasticity()
    np.testing.assert_allclose(mean, np.log(up / down) / (2 * step), rtol=1e-6)
    assert (sd >= 0).all()


def test_a_wrong_shape_a_negative_price_and_a_slope_of_zero_are_refused() -> None:
    good = {"base": np.ones((2, 1)), "groups": np.zeros(2, int), "own_mean": -np.ones(2), "cross_mean": np.zeros(2)}
    with pytest.raises(InputError, match="prices must be > 0"):
        LogLinearResponse(current=np.array([1.0, -1.0]), **good)
    with pytest.raises(InputError, match="own_mean"):
        LogLinearResponse(current=np.ones(2), **(good | {"own_mean": np.ones(3)}))
    with pytest.raises(InputError, match="decay"):
        LogLinearResponse(current=np.ones(2), decay=1.0, **good)
    with pytest.raises(InputError, match="slope"):
        LogitResponse(
            current=np.ones(1), groups=np.zeros(1, int), market=np.ones(1), attraction=np.ones(1), slope=np.zeros(1)
        )


def test_fields_are_read_only() -> None:
    with pytest.raises(ValueError, match="read-only"):
        log_linear(1).base[0, 0] = 1.0


def test_the_spill_of_ten_thousand_offers_takes_well_under_a_second() -> None:
    response = log_linear(3, n=10_000, n_groups=1_000)
    ladder = response.current[:, None] * np.linspace(0.85, 1.15, 30)
    start = time.process_time()
    response.spill(response.current, ladder, np.ones((3, 10_000)))
    assert time.process_time() - start < 1.0


@settings(max_examples=60, deadline=None)
@given(
    mean=st.floats(0.01, 200),
    available=st.floats(0, 300),
    dispersion=st.one_of(st.just(0.0), st.floats(0.001, 3)),
)
def test_expected_sold_is_the_sum_over_the_distribution(mean: float, available: float, dispersion: float) -> None:
    count = np.arange(0, 20_000, dtype=float)
    if dispersion == 0:
        log_p = count * np.log(mean) - mean - _log_gamma(count + 1)
    else:
        r = 1 / dispersion
        log_p = _log_gamma(count + r) - _log_gamma(count + 1) - _log_gamma(np.array([r]))
        log_p += r * np.log(r / (r + mean)) + count * np.log(mean / (r + mean))
    brute = (np.exp(log_p) * np.minimum(count, available)).sum()
    got = expected_sold(mean, available, dispersion)
    assert float(got) == pytest.approx(brute, rel=1e-6, abs=1e-8)
    assert float(got) <= min(mean, available)


def _log_gamma(x: np.ndarray) -> np.ndarray:
    return gammaln(x)


@settings(max_examples=60, deadline=None)
@given(mean=st.floats(0.1, 200), available=st.floats(0, 300), dispersion=st.one_of(st.just(0.0), st.floats(0.001, 3)))
def test_the_slope_of_units_sold_is_the_finite_difference(mean: float, available: float, dispersion: float) -> None:
    step = 1e-4 * mean
    both = expected_sold(np.array([mean + step, mean - step]), available, dispersion)
    assert float(sold_slope(mean, available, dispersion)) == pytest.approx((both[0] - both[1]) / (2 * step), abs=1e-5)


def test_unlimited_stock_sells_all_demand() -> None:
    sold = expected_sold([3.0, 4.0], [np.nan, np.inf], 0.3)
    np.testing.assert_array_equal(sold, [3.0, 4.0])
