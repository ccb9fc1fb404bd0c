"""Streams of auctions: expectations against play, the bound, and what the end of a budget does."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pricebid.errors import InputError
from pricebid.simulate import AdStream, AdStreamSettings, FixedBids, draw_ad_stream, play_stream_day

SMALL = AdStreamSettings(keywords=8, days=5, volume=200.0)


def stream(settings: AdStreamSettings = SMALL, seed: int = 0) -> AdStream:
    return draw_ad_stream(settings, np.random.default_rng(seed))


def test_days_without_a_budget_average_to_what_is_expected() -> None:
    # 300 days x 8 keywords x about 200 auctions: standard errors of totals are below 1 %; volumes are clipped at 0,
    # which their standard deviation of at most half the mean makes worth less than 1 %.
    drawn = stream()
    bid = drawn.value * np.linspace(0.5, 1.2, 8)
    cost, profit = drawn.expected(bid)
    rng = np.random.default_rng(1)
    days = [play_stream_day(drawn, FixedBids(bid=bid), np.inf, rng) for _ in range(300)]
    assert np.sum([day.cost.sum() for day in days]) / 300 == pytest.approx(cost.sum(), rel=0.03)
    assert np.mean([day.profit(drawn) for day in days]) == pytest.approx(profit.sum(), rel=0.06)
    clicks = np.sum([day.clicks for day in days], axis=0)
    converted = np.sum([day.conversions for day in days], axis=0)
    assert converted.sum() / clicks.sum() == pytest.approx(
        (clicks * drawn.conversion_rate).sum() / clicks.sum(), rel=0.03
    )
    revenue = np.sum([day.revenue for day in days], axis=0)
    assert revenue.sum() == pytest.approx((converted * drawn.revenue).sum(), rel=0.02)


def test_the_price_law_is_that_of_the_highest_of_several_rivals() -> None:
    # 40,000 draws: the standard error of a share is below .0025.
    drawn = stream()
    win, paid = drawn.won
    rng = np.random.default_rng(2)
    for at in range(len(drawn)):
        shape = (40_000, int(drawn.rivals[at]))
        unit = rng.laplace(0.0, 1.0, shape) if drawn.laplace[at] else rng.normal(0.0, 1.0, shape)
        price = np.abs(drawn.location[at] + drawn.scale[at] * unit).max(axis=1)
        for bid in (0.2, 0.5, 1.0):
            column = round(bid / 0.005)
            assert win[at, column] == pytest.approx((price < bid).mean(), abs=0.012)
            assert paid[at, column] == pytest.approx(np.where(price < bid, price, 0.0).mean(), abs=0.012)
    assert (np.diff(win, axis=1) >= 0).all()
    assert (np.diff(paid, axis=1) >= 0).all()


def test_the_bound_is_the_best_of_one_price_of_money() -> None:
    drawn = stream()
    bid, most = drawn.bound()
    cost, profit = drawn.expected(bid)
    assert cost.sum() == pytest.approx(drawn.budget(), rel=1e-4)
    assert profit.sum() == pytest.approx(most)
    rng = np.random.default_rng(3)
    for _ in range(200):
        other = bid * np.exp(rng.normal(0.0, 0.3, len(bid)))
        cost, profit = drawn.expected(other)
        weight = float(np.median(drawn.value / bid)) - 1
        # Whatever is bid, profit less the price of the money spent beyond the budget is no more.
        assert profit.sum() - weight * (cost.sum() - drawn.budget()) <= most * (1 + 1e-4)


def test_no_day_spends_more_than_its_budget_and_a_paced_one_sees_its_whole_day() -> None:
    drawn = stream()
    budget = drawn.budget()
    rng = np.random.default_rng(4)
    for factor in (0.3, 1.0, 3.0):
        for _ in range(5):
            day = play_stream_day(drawn, FixedBids(bid=drawn.value * factor), budget, rng)
            assert day.cost.sum() <= budget + 1e-9
            assert (day.impressions >= day.clicks).all()
            assert (day.clicks >= day.conversions).all()
    assert play_stream_day(drawn, FixedBids(bid=drawn.value), 0.0, rng).cost.sum() == 0.0


def test_a_bidder_is_told_each_part_of_the_day_once() -> None:
    class Counts:
        def __init__(self) -> None:
            self.asked, self.told, self.paid = 0, 0, 0.0
            self.times: list[float] = []

        def bids(self, keyword: np.ndarray, elapsed: float) -> np.ndarray:
            self.asked += len(keyword)
            self.times.append(elapsed)
            return np.full(len(keyword), 0.4)

        def learn(self, keyword: np.ndarray, bid: np.ndarray, cost: np.ndarray) -> None:
            assert len(keyword) == len(bid) == len(cost)
            self.told += len(keyword)
            self.paid += cost.sum()

    drawn, bidder = stream(), Counts()
    day = play_stream_day(drawn, bidder, np.inf, np.random.default_rng(0))
    assert bidder.asked == bidder.told
    assert bidder.paid == pytest.approx(day.cost.sum())
    assert len(bidder.times) == drawn.settings.parts
    assert bidder.times == sorted(bidder.times)
    assert 0 <= bidder.times[0] < bidder.times[-1] < 1


def test_same_seed_same_stream_and_same_day() -> None:
    one, two = stream(), stream()
    np.testing.assert_array_equal(one.value, two.value)
    assert (one.value != stream(seed=1).value).any()
    days = [play_stream_day(one, FixedBids(bid=one.value), 5.0, np.random.default_rng(6)) for _ in range(2)]
    np.testing.assert_array_equal(days[0].cost, days[1].cost)


@pytest.mark.parametrize(
    "change",
    [{"keywords": 0}, {"volume": -1.0}, {"click_rate": (0.2, 1.2)}, {"scale": (0.3, 0.1)}, {"revenue": (0.0, 1.0)}],
)
def test_settings_outside_their_range_are_refused_by_name(change: dict[str, object]) -> None:
    with pytest.raises(InputError, match=next(iter(change))):
        replace(SMALL, **change)
