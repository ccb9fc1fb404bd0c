"""What is won and paid stays within what can be, however unsure the curve is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricebid.landscape.curves import won_and_paid


@given(
    bid=st.floats(1e-4, 1e4),
    level=st.floats(-12.0, 12.0),
    spread=st.floats(0.01, 60.0),
    second=st.booleans(),
)
def test_a_win_costs_no_more_than_the_bid_and_is_always_a_number(bid, level, spread, second):
    won, paid = won_and_paid(np.array([np.log(bid)]), np.array([level]), np.array([spread]), second=second)
    assert 0.0 <= won[0] <= 1.0
    assert 0.0 <= paid[0] <= won[0] * bid * (1 + 1e-12)


def test_the_mean_price_is_that_of_the_log_normal_below_the_bid():
    rng = np.random.default_rng(0)
    rivals = np.exp(rng.normal(0.3, 0.6, 2_000_000))
    won, paid = won_and_paid(np.log(np.array([1.5])), np.array([0.3]), np.array([0.6]), second=True)
    assert won[0] == pytest.approx((rivals < 1.5).mean(), abs=2e-3)
    assert paid[0] == pytest.approx((rivals * (rivals < 1.5)).mean(), abs=3e-3)


def test_no_bid_wins_and_costs_nothing():
    won, paid = won_and_paid(np.array([-np.inf]), np.zeros(1), np.ones(1), second=True)
    assert (won[0], paid[0]) == (0.0, 0.0)
