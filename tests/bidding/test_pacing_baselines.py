"""The baselines: a PID controller that answers to its errors, and mirror descent that moves its prices."""

from __future__ import annotations

import numpy as np
import pytest

from pricebid.bidding import MirrorPacer, PidPacer


def told(pacer, *, cost, value, batches=10):
    """The bid for a value of 1 after batches of 10 auctions that each cost and brought so much."""
    state = pacer.start()
    for _ in range(batches):
        state = pacer.update(
            state, value=np.full(10, value), bid=np.ones(10), won=np.full(10, value > 0), cost=np.full(10, cost)
        )
    return float(pacer.bid(state, value=[1.0])[0])


@pytest.mark.parametrize("kind", [PidPacer, MirrorPacer])
def test_spend_ahead_of_the_plan_lowers_bids_and_spend_behind_it_raises_them(kind):
    pacer = kind(budget=100.0, opportunities=1_000, multiplier=1.0)
    assert told(pacer, cost=0.3, value=1.0) < 1.0 < told(pacer, cost=0.01, value=1.0)


@pytest.mark.parametrize("kind", [PidPacer, MirrorPacer])
def test_a_broken_limit_lowers_bids(kind):
    pacer = kind(budget=1_000.0, opportunities=1_000, max_cpa=0.5, multiplier=0.5)
    assert told(pacer, cost=0.9, value=1.0) < told(pacer, cost=0.3, value=1.0)


def test_elapsed_time_raises_what_pid_bids_when_money_is_left():
    pacer = PidPacer(budget=100.0, opportunities=1_000, multiplier=1.0)
    state = pacer.start()
    early, late = (float(pacer.bid(state, value=[1.0], elapsed=elapsed)[0]) for elapsed in (0.1, 0.9))
    assert late > early


def test_integrals_do_not_wind_up():
    pacer = PidPacer(budget=1_000.0, opportunities=100, multiplier=1.0)
    assert told(pacer, cost=0.0, value=0.0, batches=200) <= np.exp(3.0) * (1 + 1e-9)


def test_mirror_descent_settles_where_a_steady_market_spends_the_budget():
    # Value 1, price uniform on 0 to 1: m^2 / 2 = .08 at m = .4; steps of 1 / sqrt(n) leave it within a tenth or so.
    rng = np.random.default_rng(0)
    auctions = 40_000
    pacer = MirrorPacer(budget=0.08 * auctions, opportunities=auctions, multiplier=0.8)
    state, bids = pacer.start(), []
    for _ in range(auctions // 10):
        price = rng.random(10)
        bid = pacer.bid(state, value=np.ones(10))
        won = bid > price
        state = pacer.update(state, value=won.astype(float), bid=bid, won=won, cost=np.where(won, price, 0.0))
        bids.append(float(bid[0]))
    assert np.mean(bids[1_000:3_000]) == pytest.approx(0.4, rel=0.1)
