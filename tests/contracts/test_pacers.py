"""The contract of every pacer: pure, replayable, never out of bounds, and never more than one click above the budget."""

from __future__ import annotations

import json
from dataclasses import asdict
from functools import reduce

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pricebid.bidding import MirrorPacer, Pacer, PacerState, PidPacer
from pricebid.errors import InputError
from pricebid.simulate.pacing_days import PacingSettings, draw_pacing_day, play

KINDS = [Pacer, PidPacer, MirrorPacer]
TERMS = {
    "budget": {"budget": 40.0},
    "cpa": {"budget": np.inf, "max_cpa": 0.8},
    "roas": {"budget": np.inf, "min_roas": 1.25},
    "both": {"budget": 40.0, "max_cpa": 0.8},
    "warm": {"budget": 40.0, "max_cpa": 0.8, "multiplier": 0.5},
}
OPPORTUNITIES = 1_000
every_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
every_terms = pytest.mark.parametrize("terms", TERMS.values(), ids=TERMS)


def plain(state):
    """The state as JSON holds it."""
    return state.to_dict() if isinstance(state, PacerState) else asdict(state)


def stored(state):
    """The state after it was written down and read back."""
    text = json.dumps(plain(state), allow_nan=False)
    return PacerState.from_dict(json.loads(text)) if isinstance(state, PacerState) else type(state)(**json.loads(text))


def auctions(pacer, state, rng, *, count, noisy=False, elapsed=None):
    """What comes of one batch in a market of log-normal values and rivals."""
    value = rng.lognormal(-0.5, 1.0, count)
    bid = pacer.bid(state, value=value, elapsed=elapsed)
    price = value * rng.lognormal(-0.7, 0.7, count)
    won = bid > price
    got = rng.poisson(value) if noisy else value
    return {"value": np.where(won, got, 0.0), "bid": bid, "won": won, "cost": np.where(won, price, 0.0)}


def midday(pacer, *, batches=12, count=40, noisy=False, seed=0):
    """A state after half a day, and the log of what came."""
    rng = np.random.default_rng(seed)
    state, log = pacer.start(), []
    for _ in range(batches):
        log.append(auctions(pacer, state, rng, count=count, noisy=noisy))
        state = pacer.update(state, **log[-1])
    return state, log


@every_kind
@every_terms
def test_nothing_passed_in_is_changed_and_the_same_gives_the_same(kind, terms):
    pacer = kind(opportunities=OPPORTUNITIES, **terms)
    state, log = midday(pacer)
    before = json.dumps(plain(state))
    batch = {name: array.copy() for name, array in log[-1].items()}
    for array in batch.values():
        array.flags.writeable = False
    value = np.array([0.3, 0.0, 2.0])
    value.flags.writeable = False
    first, second = pacer.bid(state, value=value), pacer.bid(state, value=value)
    np.testing.assert_array_equal(first, second)
    once, twice = pacer.update(state, **batch), pacer.update(state, **batch)
    assert json.dumps(plain(once)) == json.dumps(plain(twice))
    assert json.dumps(plain(state)) == before
    for name, array in batch.items():
        np.testing.assert_array_equal(array, log[-1][name])


@every_kind
@every_terms
def test_the_log_replays_to_the_same_state(kind, terms):
    pacer = kind(opportunities=OPPORTUNITIES, **terms)
    state, log = midday(pacer, noisy=True)
    again = reduce(
        lambda held, batch: pacer.update(held, **batch), log, kind(opportunities=OPPORTUNITIES, **terms).start()
    )
    assert json.dumps(plain(again)) == json.dumps(plain(state))


@every_kind
@every_terms
@pytest.mark.parametrize("batches", [0, 1, 12])
def test_a_state_stored_as_json_goes_on_just_as_the_one_in_memory(kind, terms, batches):
    pacer = kind(opportunities=OPPORTUNITIES, **terms)
    state, _ = midday(pacer, batches=batches)
    back = stored(state)
    for step in range(6):
        one = auctions(pacer, state, np.random.default_rng(step), count=30, elapsed=0.5 + step / 20)
        two = auctions(pacer, back, np.random.default_rng(step), count=30, elapsed=0.5 + step / 20)
        np.testing.assert_array_equal(one["bid"], two["bid"])
        state, back = pacer.update(state, **one), pacer.update(back, **two)
    assert json.dumps(plain(state)) == json.dumps(plain(back))


@every_kind
@every_terms
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_bids_are_finite_not_negative_and_within_what_is_left(kind, terms, data):
    pacer = kind(opportunities=OPPORTUNITIES, **terms)
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    state = pacer.start()
    for _ in range(data.draw(st.integers(1, 6))):
        scale = data.draw(st.sampled_from([0.0, 1e-9, 1.0, 1e9]))
        count = data.draw(st.sampled_from([0, 1, 3, 200]))
        value = scale * rng.lognormal(0, 2, count) * (rng.random(count) < 0.8)
        bid = pacer.bid(state, value=value, elapsed=data.draw(st.none() | st.floats(0, 1)))
        assert bid.shape == value.shape
        assert np.isfinite(bid).all()
        assert (bid >= 0).all()
        assert (bid[value == 0] == 0).all()
        assert (bid <= max(pacer.budget - state.spent, 0.0)).all()
        won = (rng.random(count) < data.draw(st.sampled_from([0.0, 0.3, 1.0]))) & (bid > 0)
        cost = np.where(won, bid * rng.random(count), 0.0)
        got = np.where(won, value * rng.exponential(1.0, count), 0.0)
        state = pacer.update(state, value=got, bid=bid, won=won, cost=cost)


@every_kind
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), budget=st.floats(0.01, 60.0), limit=st.none() | st.floats(0.2, 2.0))
def test_auction_by_auction_spend_is_never_more_than_one_click_above_the_budget(kind, seed, budget, limit):
    pacer = kind(budget=budget, opportunities=150, max_cpa=limit)
    rng = np.random.default_rng(seed)
    state, spent, dearest = pacer.start(), 0.0, 0.0
    for _ in range(200):
        batch = auctions(pacer, state, rng, count=1)
        state = pacer.update(state, **batch)
        spent += float(batch["cost"].sum())
        dearest = max(dearest, float(batch["cost"].max()))
    assert spent <= budget + dearest * (1 + 1e-12)
    assert state.spent == pytest.approx(spent)


@every_kind
def test_a_batch_gives_what_its_auctions_give_one_by_one(kind):
    # The multiplier moves once per four-hundredth of the horizon: a batch of that size moves it at the same moment.
    # (Without a multiplier to start from, the first batches are bid by their mean value, which one auction has not.)
    pacer = kind(budget=4_000.0, opportunities=40_000, max_cpa=0.8, multiplier=0.5)
    rng = np.random.default_rng(3)
    whole = one_by_one = pacer.start()
    for _ in range(15):
        batch = auctions(pacer, whole, rng, count=100)
        whole = pacer.update(whole, **batch)
        for row in range(100):
            one_by_one = pacer.update(one_by_one, **{name: array[row : row + 1] for name, array in batch.items()})
    assert one_by_one.seen == whole.seen
    assert one_by_one.spent == pytest.approx(whole.spent)
    np.testing.assert_allclose(pacer.bid(one_by_one, value=[1.0]), pacer.bid(whole, value=[1.0]), rtol=0.05)


@every_kind
@pytest.mark.parametrize("terms", [TERMS["budget"], TERMS["both"]], ids=["budget", "both"])
def test_the_less_time_is_left_the_higher_is_the_bid(kind, terms):
    pacer = kind(opportunities=OPPORTUNITIES, **terms)
    state, _ = midday(pacer)
    bids = [float(pacer.bid(state, value=[1.0], elapsed=elapsed)[0]) for elapsed in np.linspace(0.3, 1.0, 15)]
    assert (np.diff(bids) >= -1e-9).all()


@every_kind
def test_without_budget_nothing_is_bid(kind):
    pacer = kind(budget=0.0, opportunities=10, max_cpa=1.0)
    state = pacer.start()
    np.testing.assert_array_equal(pacer.bid(state, value=[1.0, 2.0]), [0.0, 0.0])
    state = pacer.update(state, value=[0.0, 0.0], bid=[0.0, 0.0], won=[False, False], cost=[0.0, 0.0])
    np.testing.assert_array_equal(pacer.bid(state, value=[1.0], elapsed=0.5), [0.0])


@every_kind
def test_an_empty_batch_changes_nothing_that_is_bid(kind):
    pacer = kind(opportunities=OPPORTUNITIES, **TERMS["both"])
    state, _ = midday(pacer)
    assert pacer.bid(state, value=[]).shape == (0,)
    after = pacer.update(state, value=[], bid=[], won=[], cost=[])
    np.testing.assert_array_equal(pacer.bid(after, value=[1.0]), pacer.bid(state, value=[1.0]))


@every_kind
def test_a_minimal_return_is_a_maximal_cost(kind):
    by_cost, _ = midday(kind(opportunities=OPPORTUNITIES, budget=40.0, max_cpa=0.8))
    by_return, _ = midday(kind(opportunities=OPPORTUNITIES, budget=40.0, min_roas=1.25))
    assert by_cost.spent == pytest.approx(by_return.spent)


@every_kind
@pytest.mark.parametrize(
    ("terms", "message"),
    [
        ({"budget": -1.0}, "budget"),
        ({"budget": np.nan}, "budget"),
        ({"opportunities": 0.0}, "opportunities"),
        ({"max_cpa": 0.0}, "max_cpa"),
        ({"min_roas": -2.0}, "min_roas"),
        ({"multiplier": np.inf}, "multiplier"),
        ({"budget": np.inf}, "nothing limits"),
    ],
)
def test_terms_that_make_no_sense_are_refused(kind, terms, message):
    with pytest.raises(InputError, match=message):
        kind(**{"budget": 10.0, "opportunities": 100.0, **terms})


@every_kind
def test_numbers_that_make_no_sense_are_refused(kind):
    pacer = kind(budget=10.0, opportunities=100.0, max_cpa=1.0)
    state = pacer.start()
    good = {"value": [1.0], "bid": [1.0], "won": [True], "cost": [0.5]}
    for bad in ([-1.0], [np.nan], [np.inf]):
        with pytest.raises(InputError, match="value holds"):
            pacer.bid(state, value=bad)
        for name in ("value", "bid", "cost"):
            with pytest.raises(InputError, match=f"{name} holds"):
                pacer.update(state, **{**good, name: bad})
    for elapsed in (-0.1, 1.1, np.nan):
        with pytest.raises(InputError, match="elapsed"):
            pacer.bid(state, value=[1.0], elapsed=elapsed)
        with pytest.raises(InputError, match="elapsed"):
            pacer.update(state, **good, elapsed=elapsed)
    with pytest.raises(InputError, match="cost has 2"):
        pacer.update(state, **{**good, "cost": [0.5, 0.5]})


@every_kind
def test_a_day_is_paced_to_its_end(kind):
    # Bare mirror descent front-loads; all the same it wins more than half of the best.
    day = draw_pacing_day(PacingSettings(auctions=5_000), np.random.default_rng(5))
    paced = play(day, kind(budget=day.budget, opportunities=day.opportunities, multiplier=1.0))
    assert paced.spend <= day.budget * (1 + 1e-9)
    assert paced.spend >= 0.9 * day.budget
    assert paced.expected >= 0.6 * day.best()[1]
