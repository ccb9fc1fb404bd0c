"""What prices of clicks say: scores of mean 0, information that is their variance, means below the bid."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats
from scipy.special import log_ndtr, ndtr, ndtri

from pricebid.landscape.prices import hazard, mean_price, of_prices

ROWS = 100_000


def paid(clicks: int, log_bid: float, level: float, spread: float) -> NDArray[np.float64]:
    rng = np.random.default_rng(3)
    below = ndtr((log_bid - level) / spread)
    return np.exp(level + spread * ndtri(below * rng.uniform(size=(ROWS, clicks)))).mean(axis=1)


@pytest.mark.parametrize("clicks", [1, 2, 6])
@pytest.mark.parametrize(("log_bid", "level", "spread"), [(0.1, 0.2, 0.6), (0.8, -0.1, 0.5), (-0.5, 0.3, 0.8)])
def test_scores_have_mean_0_and_their_information_as_variance(
    clicks: int, log_bid: float, level: float, spread: float
) -> None:
    price = paid(clicks, log_bid, level, spread)
    told = of_prices(np.log(price), *(np.full(ROWS, one) for one in (float(clicks), log_bid, level, spread)))
    for score in (told.level, told.spread):
        # Far prices are cut off, which moves the mean a little: six standard errors are allowed.
        assert abs(score.mean()) < 6.0 * score.std() / np.sqrt(ROWS)
    found = np.cov(told.level, told.spread)
    # Several clicks: the normal's information, up to the law's skewness and kurtosis.
    slack = 0.05 if clicks == 1 else 0.35
    assert found[0, 0] == pytest.approx(told.level_level[0], rel=slack)
    assert found[1, 1] == pytest.approx(told.spread_spread[0], rel=slack)
    if clicks == 1:
        assert found[0, 1] == pytest.approx(told.level_spread[0], rel=slack, abs=0.02)


def test_the_score_of_one_click_is_the_slope_of_its_log_likelihood() -> None:
    def log_likelihood(level: float, log_spread: float) -> float:
        spread = np.exp(log_spread)
        return float(stats.norm.logpdf(-0.4, level, spread) - log_ndtr((0.2 - level) / spread))

    told = of_prices(*(np.array([one]) for one in (-0.4, 1.0, 0.2, 0.1, 0.7)))
    step, at = 1e-5, (0.1, np.log(0.7))
    by_level = (log_likelihood(at[0] + step, at[1]) - log_likelihood(at[0] - step, at[1])) / (2 * step)
    by_spread = (log_likelihood(at[0], at[1] + step) - log_likelihood(at[0], at[1] - step)) / (2 * step)
    assert told.level[0] == pytest.approx(by_level, rel=1e-6)
    assert told.spread[0] == pytest.approx(by_spread, rel=1e-6)


def test_rows_of_one_and_of_several_clicks_go_together() -> None:
    rows = (np.array([-0.4, -0.3]), np.array([1.0, 4.0]), *(np.full(2, one) for one in (0.2, 0.1, 0.7)))
    both = of_prices(*rows)
    for at in range(2):
        alone = of_prices(*(column[at : at + 1] for column in rows))
        np.testing.assert_allclose([one[at] for one in both], [one[0] for one in alone])


@given(st.floats(-3.0, 3.0), st.floats(-2.0, 2.0), st.floats(0.2, 1.5))
def test_a_mean_price_is_below_the_bid_and_the_hazard_is_a_slope(log_bid: float, level: float, spread: float) -> None:
    price = mean_price(*(np.array([one]) for one in (log_bid, level, spread)))[0]
    lowest = max(log_bid, level - 6.0 * spread)  # bids far below all rivals are taken to be nearer
    assert 0 < price <= np.exp(lowest) * (1 + 1e-9)
    at = np.array([np.clip((log_bid - level) / spread, -5.0, 5.0)])
    step = 1e-5
    assert hazard(at)[0] == pytest.approx(((log_ndtr(at + step) - log_ndtr(at - step)) / (2 * step))[0], rel=1e-4)


def test_a_mean_price_is_the_mean_of_prices_paid() -> None:
    price = paid(1, 0.1, 0.2, 0.6)
    made = mean_price(np.array([0.1]), np.array([0.2]), np.array([0.6]))[0]
    assert made == pytest.approx(price.mean(), abs=5.0 * price.std() / np.sqrt(ROWS))
