"""The closed loop: every policy on the same days, exploration within its budget, the same seed the same result."""

from dataclasses import replace

import numpy as np
import pytest

from pricebid.errors import InputError
from pricebid.simulate import LoopMarketSettings, LoopSettings, draw_loop_market, run_loop
from pricebid.simulate.loop import Learner
from pricebid.simulate.loop_diary import Nightly

SMALL = LoopMarketSettings(days=6, history=28, categories=1, skus=3, regions=2, keywords=3, visitors=80.0, kind="drift")
QUICK = LoopSettings(refit=3, rebid=6, budget=0.02)


@pytest.fixture(scope="module")
def result():
    return run_loop(SMALL, QUICK, seed=3)


def test_every_policy_lives_through_the_same_days_in_order(result):
    names = [one.name for one in result.courses]
    assert names == ["status quo", "static plan", "no exploration", "exploration", "clairvoyant"]
    frame = result.to_frame()
    assert len(frame) == 5 * 6
    totals = frame.groupby("policy")["profit"].sum()
    assert totals["clairvoyant"] == totals.max()
    last = frame[frame["day"] == 6].set_index("policy")
    np.testing.assert_allclose(last["cumulative"], totals[last.index])
    np.testing.assert_allclose(frame["exploration_cost"], frame["planned_profit"] - frame["profit"])


def test_profits_are_those_of_the_truth(result):
    market = result.market
    for course in result.courses:
        for day in (0, 5):
            assert course.profit[day] == pytest.approx(market.profit(day, course.price[day], course.bid[day]))


def test_only_the_loop_that_explores_leaves_its_plan_and_believes_to_stay_within_the_budget(result):
    for course in result.courses:
        if course.name == "exploration":
            assert (course.price != course.planned).any()
            assert (course.believed <= 2.0 * course.allowed + 1e-9).all()
            assert course.believed[:3].sum() <= course.allowed[:3].sum() + 1e-9
            assert (course.allowed > 0).all()
        else:
            np.testing.assert_array_equal(course.price, course.planned)
            assert course.cost.sum() == 0


def test_prices_stay_in_the_corridor_and_bids_in_the_budget(result):
    opening = result.market.opening
    for course in result.courses[2:4]:
        assert (np.abs(course.price / opening - 1.0) <= 0.2 + 1e-9).all()
        assert (np.abs(course.planned[0] / opening - 1.0) <= 0.1 + 1e-6).all()
        assert not np.array_equal(course.bid[0], result.market.ads.opening)
        for day in (0, 5):
            spent = result.market.clicks(day, course.price[day]).outcomes(course.bid[day]).cost.sum()
            assert spent < 1.5 * result.market.ads.budget


def test_the_same_seed_gives_the_same_result_and_no_exploration_does_without():
    small, quick = replace(SMALL, days=2, keywords=0), replace(QUICK, refit=2)
    told = []
    first = run_loop(small, quick, seed=3, progress=lambda stage, share: told.append((stage, share)))
    again = run_loop(small, replace(quick, explore=False), seed=3)
    assert [one.name for one in again.courses] == ["status quo", "static plan", "no exploration", "clairvoyant"]
    for name in ("static plan", "no exploration"):
        np.testing.assert_array_equal(again.course(name).profit, first.course(name).profit)
    with pytest.raises(KeyError):
        again.course("exploration")
    shares = [share for _, share in told]
    assert shares == sorted(shares)
    assert told[-1] == ("", 1.0)
    assert {stage for stage, _ in told} >= {"no exploration", "exploration", "clairvoyant"}


def test_a_learner_sees_costs_jump_and_keeps_prices_above_them():
    settings = replace(SMALL, kind="shock", shock="cost", shock_day=2, keywords=0)
    market = draw_loop_market(settings, np.random.default_rng(0))
    learner = Learner(market, QUICK, np.random.default_rng(0))
    learner.night(0)
    before = learner.price
    price, _, _ = learner.morning(0)
    learner.evening(0, price)
    learner.night(1)
    assert (learner.price >= market.cost[28 + 1]).all()
    assert learner.price.mean() > before.mean()


def test_an_overdrawn_ledger_stops_exploration():
    market = draw_loop_market(replace(SMALL, keywords=0), np.random.default_rng(0))
    learner = Learner(market, QUICK, np.random.default_rng(0))
    learner.night(0)
    learner.ledger = learner.ledger.after(profit=0.0, loss=1e9)
    price, believed, allowed = learner.morning(0)
    np.testing.assert_array_equal(price, learner.price)
    assert believed == 0.0
    assert allowed > 0.0


def test_what_was_lost_is_judged_anew_with_what_is_known_later():
    market = draw_loop_market(replace(SMALL, keywords=0), np.random.default_rng(0))
    learner = Learner(market, QUICK, np.random.default_rng(0))
    learner.night(0)
    _, believed, allowed = learner.morning(0)
    assert learner.ledger.lost == pytest.approx(1.25 * believed)
    learner.evening(0, 0.85 * learner.price)  # had far too low a price been charged...
    learner._owed = [(0.85 * learner.price, learner.price, believed)]
    learner.night(1)
    assert learner.ledger.lost > 1.25 * believed  # ...the ledger says so
    assert learner.ledger.allowed == pytest.approx(allowed)
    settled = learner.ledger
    learner.night(2)
    assert learner.ledger.lost == pytest.approx(settled.lost)


def test_fits_between_those_from_scratch_take_over_variances_and_follow_the_days():
    market = draw_loop_market(replace(SMALL, keywords=0), np.random.default_rng(0))
    learner = Learner(market, QUICK, np.random.default_rng(0))
    shop = learner.diary.shop(price=market.opening, cost=market.cost[28])
    first = Nightly(every=3).after(shop.history())
    diary = learner.diary
    for day in range(2):
        diary = diary.after(market.opening, market.sell(day, market.opening))
    later = diary.shop(price=market.opening, cost=market.cost[28]).history()
    warm = first.after(later, nights=2)
    assert (warm.base, warm.age) == (first.base, 2)
    assert warm.model.calibration == first.model.calibration
    assert warm.model.clock.last == later.periods[-1]
    scratch = warm.after(later, nights=1)
    assert scratch.age == 0
    future = learner.diary.shop(price=market.opening, cost=market.cost[28]).future(9)
    near = warm.model.forecast(replace_last(future)).mean / scratch.model.forecast(replace_last(future)).mean
    assert np.abs(np.log(near)).max() < 0.3


def replace_last(future):
    """The steps after the two days more that the later history has."""
    return replace(
        future,
        periods=future.periods[2:],
        price=future.price[:, 2:],
        drivers=future.drivers[:, :, 2:],
        events=replace(future.events, active=future.events.active[:, :, 2:]),
    )


def test_a_window_keeps_the_latest_days():
    market = draw_loop_market(replace(SMALL, keywords=0, history=60), np.random.default_rng(0))
    diary = Learner(market, QUICK, np.random.default_rng(0)).diary
    history = diary.shop(price=market.opening, cost=market.cost[0], window=28).history()
    assert history.units.shape[1] == 28
    np.testing.assert_array_equal(history.units, diary.units[:, -28:])


@pytest.mark.slow
def test_exploration_pays_for_itself_on_drifting_markets_and_keeps_its_budget_on_stable_ones():
    # The figures over more seeds are those of `python -m benchmarks quality.closed_loop`.
    gains, costs = [], []
    for seed in range(1, 5):
        small = replace(SMALL, days=126, history=84, skus=4, regions=4, keywords=0, visitors=120.0)
        settings = LoopSettings(refit=14, from_scratch=200)
        drift = run_loop(small, settings, seed=seed)
        now = drift.course("status quo").profit.sum()
        gains.append((drift.course("exploration").profit.sum() - drift.course("no exploration").profit.sum()) / now)
        stable = run_loop(replace(small, kind="stable"), settings, seed=seed).course("exploration")
        costs.append(stable.cost.sum() / stable.allowed.sum())
    assert np.mean(gains) > 0
    assert np.mean(costs) <= 1.0


@pytest.mark.parametrize(
    "changes",
    [
        {"refit": 0},
        {"budget": 2.0},
        {"window": 7},
        {"confidence": 1.0},
        {"max_change": 0.0},
        {"rebid": 0},
        {"caution": 0.5},
    ],
)
def test_nonsense_is_refused(changes):
    with pytest.raises(InputError):
        replace(QUICK, **changes)
