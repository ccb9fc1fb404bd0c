"""Markets that are lived through: what is true on a day, what changes and what does not."""

from dataclasses import replace

import numpy as np
import pytest

from pricebid.errors import InputError
from pricebid.simulate import LoopMarketSettings, draw_loop_market

SMALL = LoopMarketSettings(days=30, history=28, skus=3, regions=2, keywords=4, visitors=80.0)


def market(seed: int = 0, **changes):
    return draw_loop_market(replace(SMALL, **changes), np.random.default_rng(seed))


def mean_elasticity(one, day):
    return float(np.diagonal(one.truth(day).elasticity(one.opening), axis1=1, axis2=2).mean())


def test_the_same_state_gives_the_same_market_and_the_same_day_the_same_sales():
    one, two = market(), market()
    np.testing.assert_array_equal(one.past_sales(), two.past_sales())
    np.testing.assert_array_equal(one.sell(3, one.opening), two.sell(3, two.opening))
    assert one.advertise(3, one.opening, one.ads.opening).equals(two.advertise(3, two.opening, two.ads.opening))
    assert not np.array_equal(one.sell(3, one.opening), one.sell(4, one.opening))


def test_sales_are_those_expected_on_average():
    one = market()
    price = 1.05 * one.opening
    sold = np.stack([replace(one, seed=seed).sell(5, price) for seed in range(800)])
    mean = one.expected(5, price)
    error = sold.std(axis=0) / np.sqrt(len(sold))
    assert (np.abs(sold.mean(axis=0) - mean) < 4 * error).all()
    np.testing.assert_allclose(sold.var(axis=0), mean + 0.05 * mean**2, rtol=0.3)


def test_buyers_of_a_stable_market_stay_as_they_are_and_those_of_a_drifting_one_do_not():
    stable, drift = market(kind="stable"), market(kind="drift")
    np.testing.assert_allclose(stable.slope[0], stable.slope[-1])
    np.testing.assert_allclose(drift.slope[:28], np.broadcast_to(drift.slope[0], drift.slope[:28].shape))
    change = np.log(drift.slope[-1] / drift.slope[28])
    assert 0.05 < change.std() < 0.6
    np.testing.assert_array_equal(stable.past_sales(), drift.past_sales())


@pytest.mark.parametrize("shock", ["rival", "elasticity", "cost"])
def test_a_shock_changes_one_day_and_all_after_it(shock):
    calm, shocked = market(kind="stable"), market(kind="shock", shock=shock, shock_day=11)
    price = calm.opening
    for day in (0, 9):
        assert shocked.profit(day, price) == calm.profit(day, price)
    moved = 1.1 * price
    for day in (10, 29):
        assert abs(shocked.profit(day, moved) / calm.profit(day, moved) - 1.0) > 0.005
    if shock == "rival":
        assert shocked.expected(10, price).sum() > 1.1 * calm.expected(10, price).sum()
        assert mean_elasticity(shocked, 10) > mean_elasticity(calm, 10)
    if shock == "cost":
        assert (shocked.cost[28 + 10] > 1.1 * calm.cost[28 + 10]).all()


def test_without_a_day_the_shock_comes_halfway():
    assert replace(SMALL, kind="shock").shocked_from == 15
    assert replace(SMALL, kind="drift").shocked_from is None


def test_the_best_prices_beat_all_neighbours_within_the_corridor():
    one = market(kind="stable")
    best = one.best(0)
    assert (np.abs(best / one.opening - 1.0) <= 0.2 + 1e-9).all()
    most = one.truth(0).profit(best)
    rng = np.random.default_rng(1)
    for _ in range(60):
        other = np.clip(best * (1 + rng.normal(0.0, 0.03, len(best))), 0.8 * one.opening, 1.2 * one.opening)
        assert one.truth(0).profit(other) <= most * (1 + 1e-4)
    assert one.truth(0).profit(one.opening) < most


def test_prices_hardly_moved_in_a_sparse_history():
    sparse, varied = market(sparse=True), market(sparse=False)
    assert np.log(sparse.charged).std(axis=1).mean() < 0.5 * np.log(varied.charged).std(axis=1).mean()


def test_ads_bring_their_share_and_answer_to_prices():
    one = market()
    ads = one.ads
    clicks = one.clicks(0, one.opening)
    brought = clicks.outcomes(ads.opening).conversions.sum()
    assert brought / one.expected(0, one.opening).sum() == pytest.approx(0.15, abs=0.01)
    np.testing.assert_allclose(one.expected(0, one.opening, ads.opening), one.expected(0, one.opening))
    assert one.expected(0, one.opening, 2 * ads.opening).sum() > one.expected(0, one.opening).sum()
    dear = one.clicks(0, 1.1 * one.opening)
    assert (dear.conversion_rate < clicks.conversion_rate).all()
    assert (dear.revenue > clicks.revenue).all()
    best = ads.best(clicks)
    assert clicks.outcomes(best).profit.sum() >= clicks.outcomes(ads.opening).profit.sum()
    assert clicks.outcomes(best).cost.sum() <= ads.budget * (1 + 1e-9)


def test_profit_counts_what_ads_cost():
    one, plain = market(), market(keywords=0)
    assert plain.ads is None
    spent = one.clicks(0, one.opening).outcomes(one.ads.opening).cost.sum()
    assert plain.profit(0, plain.opening) - one.profit(0, one.opening) == pytest.approx(spent)
    with pytest.raises(InputError, match="no ads"):
        plain.clicks(0, plain.opening)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"kind": "wild"}, "kind is 'wild': one of stable"),
        ({"shock": "flood"}, "shock"),
        ({"days": 0}, "days is 0"),
        ({"elasticity": -0.5}, "below -1"),
        ({"corridor": 1.5}, "corridor"),
        ({"shock_day": 99}, "a day of the loop"),
        ({"visitors": 0.0, "wander": -1.0}, "wander is -1.0: not negative; visitors"),
    ],
)
def test_nonsense_is_refused_with_every_fault(changes, words):
    with pytest.raises(InputError, match=words):
        replace(SMALL, **changes)
