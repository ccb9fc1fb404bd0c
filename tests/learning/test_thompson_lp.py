"""Thompson sampling under resource limits: never oversold, as published, near the bound, and its three forms of demand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pricebid.errors import InputError
from pricebid.learning import BlindPricing, Outcome, PrimalDualKnapsacks, ThompsonLP
from pricebid.learning.responses import Totals
from pricebid.simulate.seasons import Season, bound, exact_value, play, play_many

PRICES = np.array([[29.9], [34.9], [39.9], [44.9], [np.inf]])
CHANCES = np.array([[0.8], [0.6], [0.3], [0.1], [0.0]])


def season(horizon=100, share=0.25):
    return Season(
        prices=PRICES,
        chances=CHANCES,
        usage=np.ones((1, 1)),
        inventory=np.array([float(int(share * horizon))]),
        horizon=horizon,
    )


def policy_for(season, kind=ThompsonLP, **more):
    return kind(prices=season.prices, usage=season.usage, inventory=season.inventory, horizon=season.horizon, **more)


def drawn_season(data):
    """Any small season: prices of any size, resources that run out early, late or never."""
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    options, products, resources = (data.draw(st.integers(1, most)) for most in (4, 3, 3))
    prices = rng.uniform(-1, 10, (options, products)) * data.draw(st.sampled_from([1e-3, 1.0, 1e4]))
    prices[rng.random(prices.shape) < 0.2] = np.inf
    prices = np.vstack([prices, np.full((1, products), np.inf)])
    chances = np.where(np.isfinite(prices), rng.random(prices.shape), 0.0)
    return Season(
        prices=prices,
        chances=chances,
        usage=rng.integers(0, 3, (products, resources)).astype(float),
        inventory=rng.choice([0.0, 1.0, 5.0, 12.5, np.inf], resources),
        horizon=data.draw(st.integers(1, 40)),
    )


@pytest.mark.parametrize("kind", [ThompsonLP, PrimalDualKnapsacks, BlindPricing], ids=lambda kind: kind.__name__)
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_no_policy_ever_oversells(kind, data):
    # `play` raises as soon as stock is below zero.
    played = drawn_season(data)
    more = {}
    if kind is ThompsonLP:
        more = {
            "update_inventory": data.draw(st.booleans()),
            "demand": data.draw(st.sampled_from(["independent", "linear"])),
            "draws": data.draw(st.sampled_from([1, 5])),
        }
    elif kind is BlindPricing:
        more = {"exploration": 1.0 + 0.5 * (played.horizon - 1)}
    play(policy_for(played, kind, **more), played, np.random.default_rng(data.draw(st.integers(0, 1_000))))


@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_one_buyer_who_buys_one_product_never_oversells(data):
    played = drawn_season(data)
    policy = policy_for(played, demand="logit")
    rng = np.random.default_rng(data.draw(st.integers(0, 1_000)))
    state, left = policy.start(), played.inventory
    for _ in range(played.horizon):
        pick = policy.choose(state, rng)
        is_open = np.isfinite(played.prices[pick.option])
        units = np.zeros(len(is_open))
        if is_open.any() and rng.random() < 0.8:
            units[rng.choice(np.flatnonzero(is_open))] = 1.0
        left = left - units @ played.usage
        assert (left >= 0).all()
        state = policy.update(state, [Outcome(option=pick.option, units=units)])


def test_seasons_side_by_side_are_the_public_policy():
    for update in (True, False):
        played = season(horizon=80)
        policy = policy_for(played, update_inventory=update)
        for seed in range(2):
            one = play(policy, played, np.random.default_rng(seed))
            many = play_many(policy, played, np.random.default_rng(seed), 1)
            assert many.tolist() == [pytest.approx(one, rel=1e-12)]


@pytest.mark.parametrize(("share", "floor"), [(0.25, 94.0), (0.5, 93.0)])
def test_what_is_earned_while_learning_is_near_the_bound(share, floor):
    # 1,000 seasons: a standard error of .12; over 2,000 the means are .7 above the floors.
    played = season(share=share)
    earned = play_many(policy_for(played), played, np.random.default_rng(0), 1_000)
    assert 100 * earned.mean() / bound(played) >= floor


def test_the_ceilings_are_in_order_and_the_optimum_is_the_known_one():
    played = season()
    known = play_many(policy_for(played), played, np.random.default_rng(1), 2_000, known=True).mean()
    optimum, most = exact_value(played), bound(played)
    assert known < optimum < most
    # 99.16 % at stock for a quarter of 100 periods, 99.94 % at 1,000: figures of others.
    assert 100 * optimum / most == pytest.approx(99.16, abs=0.005)
    longer = season(horizon=1_000)
    assert 100 * exact_value(longer) / bound(longer) == pytest.approx(99.94, abs=0.005)


def test_without_stock_only_what_is_closed_may_be_picked():
    played = replace(season(), inventory=np.array([1.0]))
    policy = policy_for(played)
    state = policy.update(policy.start(), [Outcome(option=0, units=[1.0])])
    pick = policy.choose(state, np.random.default_rng(0))
    assert (pick.option, pick.propensity) == (4, 1.0)
    assert (policy.choose_many(state, np.random.default_rng(0), 50).option == 4).all()
    with pytest.raises(InputError, match="no option may be picked"):
        policy.choose(state, np.random.default_rng(0), available=[True, True, True, True, False])


def test_where_nothing_closes_everything_the_mixture_fills_the_time_and_the_end_is_told():
    policy = ThompsonLP(prices=[30.0, 40.0], usage=[1.0], inventory=2.0, horizon=100)
    state, rng = policy.start(), np.random.default_rng(0)
    assert policy.choose(state, rng).probabilities.sum() == pytest.approx(1.0)
    state = policy.update(state, [Outcome(option=1, units=1.0)] * 2)
    with pytest.raises(InputError, match="stop, or make an option available"):
        policy.choose(state, rng)


def test_where_every_option_opens_everything_it_goes_on_while_something_is_left():
    policy = ThompsonLP(
        prices=[[10.0, 20.0], [15.0, 20.0]], usage=[[1.0, 0.0], [0.0, 1.0]], inventory=[1.0, 5.0], horizon=50
    )
    state = policy.update(policy.start(), [Outcome(option=0, units=[1.0, 0.0])])
    assert policy.choose(state, np.random.default_rng(0)).probabilities.sum() == pytest.approx(1.0)


def test_the_plan_follows_what_is_left_or_what_was_there_at_the_start():
    # Demand is known all but exactly; half of the stock went in the first tenth of the time.
    prior = np.clip(CHANCES, 1e-6, None)
    outcomes = [Outcome(option=0, units=1.0)] * 25 + [Outcome(option=4, units=0.0)] * 5
    laws = {}
    for update in (True, False):
        played = season(horizon=300, share=1 / 6)
        policy = policy_for(played, update_inventory=update, prior_mean=prior, prior_weight=1e9)
        state = policy.update(policy.start(), outcomes)
        assert (state.elapsed, state.used.tolist()) == (30.0, [25.0])
        laws[update] = policy.choose(state, np.random.default_rng(0)).probabilities
    # 25 left for 270 periods: 44.9 in 25 / 270 / .1 of the time. 50 for 300: 39.9 and 44.9 as to use 1 / 6 per period.
    np.testing.assert_allclose(laws[True], [0, 0, 0, 25 / 27, 2 / 27], atol=1e-3)
    np.testing.assert_allclose(laws[False], [0, 0, 1 / 3, 2 / 3, 0], atol=1e-3)


def test_time_goes_by_without_choices_where_outcomes_tell_it():
    policy = policy_for(season())
    state = policy.update(policy.start(), [Outcome(option=0, units=0.0, time=40.0), Outcome(option=0, units=0.0)])
    assert state.elapsed == 41.0
    assert policy.update(state, [Outcome(option=0, units=0.0, time=3.0)]).elapsed == 41.0


def totals_of(shown, units):
    shown, units = np.asarray(shown, dtype=float), np.asarray(units, dtype=float)
    return Totals(shown=shown, units=units, squares=units**2 / np.maximum(shown, 1)[:, None])


def test_linear_demand_is_learnt_across_options():
    # Never shown at 12: what it would sell follows from the other prices.
    prices = np.array([[8.0], [9.0], [10.0], [12.0]])
    policy = ThompsonLP(prices=prices, usage=[1.0], inventory=1e6, horizon=1e6, demand="linear", sales="many")
    truth = 20.0 - 1.5 * prices
    rng = np.random.default_rng(0)
    outcomes = [Outcome(option=at, units=rng.poisson(truth[at])) for at in (0, 1, 2) for _ in range(300)]
    state = policy.update(policy.start(), outcomes)
    totals = Totals(shown=state.shown, units=state.units, squares=state.squares)
    drawn = policy.response.sample(totals, rng, 4_000)[:, :, 0]
    # Least squares would err by about .4 at 12; the posterior must say so.
    assert drawn[:, 3].std() == pytest.approx(0.4, rel=0.4)
    np.testing.assert_array_less(np.abs(drawn.mean(axis=0) - truth[:, 0]) / drawn.std(axis=0), 3.5)


def test_logit_demand_has_the_posterior_that_a_grid_finds():
    prices = np.array([[1.0], [2.0], [3.0], [np.inf]])
    policy = ThompsonLP(prices=prices, usage=[1.0], inventory=1e6, horizon=1e6, demand="logit")
    shown, bought = np.array([40.0, 60.0, 50.0, 10.0]), np.array([[30.0], [35.0], [12.0], [0.0]])
    drawn = policy.response.sample(totals_of(shown, bought), np.random.default_rng(0), 20_000)[:, :, 0]
    z = (prices[:3, 0] - 2.0) / prices[:3, 0].std()
    level, slope = (axis.ravel() for axis in np.meshgrid(np.linspace(-2, 3, 401), np.linspace(-4, 1, 401)))
    utility = level[:, None] + slope[:, None] * z
    chance = 1 / (1 + np.exp(-utility))
    log = (bought[:3, 0] * np.log(chance) + (shown[:3] - bought[:3, 0]) * np.log(1 - chance)).sum(axis=1)
    log -= 0.5 * (level**2 / 9 + (slope + 1) ** 2 / 4)
    weight = np.exp(log - log.max())
    weight /= weight.sum()
    mean = weight @ chance
    spread = np.sqrt(weight @ (chance - mean) ** 2)
    np.testing.assert_allclose(drawn.mean(axis=0)[:3], mean, atol=0.012)
    np.testing.assert_allclose(drawn.std(axis=0)[:3], spread, rtol=0.1)
    assert not drawn[:, 3].any()


def test_logit_demand_shares_one_buyer_among_products():
    policy = ThompsonLP(
        prices=[[1.0, 1.0], [2.0, 1.0], [1.0, np.inf], [2.0, 2.0]],
        usage=np.ones((2, 1)),
        inventory=1e6,
        horizon=1e6,
        demand="logit",
    )
    strength = np.array([[2.0, 1.5], [0.7, 1.5], [2.0, 0.0], [0.7, 0.6]])
    truth = strength / (1 + strength.sum(axis=1, keepdims=True))
    totals = totals_of(np.full(4, 4_000.0), 4_000.0 * truth)
    drawn = policy.response.sample(totals, np.random.default_rng(0), 500)
    assert (drawn.sum(axis=2) < 1).all()
    np.testing.assert_allclose(drawn.mean(axis=0), truth, atol=0.01)


@pytest.mark.parametrize("demand", ["linear", "logit"])
def test_a_form_that_is_right_learns_faster_than_none(demand):
    # Fifteen prices on a line: what one teaches about the others is worth more than 5 % of a short season.
    prices = np.append(np.linspace(10, 24, 15), np.inf)[:, None]
    line = np.clip(1.5 - 0.06 * prices[:-1], 0.02, 0.95)
    curve = 1 / (1 + np.exp(0.45 * (prices[:-1] - 16.0)))
    played = Season(
        prices=prices,
        chances=np.vstack([line if demand == "linear" else curve, [[0.0]]]),
        usage=np.ones((1, 1)),
        inventory=np.array([30.0]),
        horizon=80,
    )
    told = [play(policy_for(played, demand=demand), played, np.random.default_rng(seed)) for seed in range(6)]
    plain = play_many(policy_for(played), played, np.random.default_rng(0), 400)
    assert np.mean(told) > 1.05 * plain.mean()


def test_a_prior_from_a_demand_model_saves_learning():
    played = season()
    policy = policy_for(played, prior_mean=np.clip(CHANCES, 0.01, None), prior_weight=50.0)
    warm = play_many(policy, played, np.random.default_rng(0), 500).mean()
    cold = play_many(policy_for(played), played, np.random.default_rng(0), 500).mean()
    assert warm > cold + 0.02 * bound(played)


def test_bids_are_options_too():
    # A bid wins clicks that cost money: products are (conversion, money paid), the resource is the budget.
    policy = ThompsonLP(
        prices=[[9.0, -1.0], [9.0, -1.0], [np.inf, np.inf]],
        usage=[[0.0], [1.0]],
        inventory=[20.0],
        horizon=100,
        sales="many",
        prior_mean=[[0.1, 0.2], [0.2, 0.6], [0.1, 0.1]],
        prior_weight=1e6,
    )
    pick = policy.choose(policy.start(), np.random.default_rng(0))
    # Worth .7 at .2 of budget, or 1.2 at .6, for .2 of budget per period: the low bid always.
    np.testing.assert_allclose(pick.probabilities, [1, 0, 0], atol=0.02)


def test_what_makes_no_sense_is_refused_all_at_once():
    with pytest.raises(InputError, match=r"(?s)usage has shape.*inventory is \[-1.0\].*horizon is 0"):
        ThompsonLP(prices=[[1.0], [2.0]], usage=np.ones((2, 1)), inventory=[-1.0], horizon=0)
    with pytest.raises(InputError, match="prices must be numbers"):
        ThompsonLP(prices=[[np.nan]], usage=[[1.0]], inventory=[1.0], horizon=5)
    with pytest.raises(InputError, match=r"demand is 'quadratic'.*draws is 0.*prior_weight must be finite"):
        ThompsonLP(
            prices=[[1.0]], usage=[[1.0]], inventory=[1.0], horizon=5, demand="quadratic", draws=0, prior_weight=0.0
        )
    policy = policy_for(season())
    with pytest.raises(InputError, match="2 units of one product in one period"):
        policy.update(policy.start(), [Outcome(option=0, units=[2.0])])
    with pytest.raises(InputError, match="at least 0"):
        policy.update(policy.start(), [Outcome(option=0, units=[-1.0])])
    logit = ThompsonLP(prices=[[1.0, 1.0]], usage=[[1.0], [1.0]], inventory=[5.0], horizon=5, demand="logit")
    with pytest.raises(InputError, match="one buyer buys one"):
        logit.update(logit.start(), [Outcome(option=0, units=[1.0, 1.0])])
