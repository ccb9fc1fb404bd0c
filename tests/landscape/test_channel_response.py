"""Channel responses: curves by hand, the sampler against dense algebra, simulated truth, and what tables may look like."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricebid import TableError
from pricebid.landscape import channel_gibbs as gibbs
from pricebid.landscape import channel_response
from pricebid.landscape.channel_response import ChannelResponse, fit_channel_response
from pricebid.landscape.channel_shapes import BELIEF, FORMS, beliefs, build_grid, curve, stocks
from pricebid.landscape.channel_value import customer_value
from pricebid.simulate.channels import ChannelMarket, ChannelSettings, draw_channels
from pricebid.tables.channels import ChannelHistory, Purchases

CLEAR = ChannelSettings(channels=4, weeks=104, noise=0.03, shock=0.02, dark=0.0)


@pytest.fixture(scope="module")
def clear() -> ChannelMarket:
    return draw_channels(CLEAR, np.random.default_rng(5))


@pytest.fixture(scope="module")
def learnt(clear: ChannelMarket) -> ChannelResponse:
    return fit_channel_response(clear.history)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few sweeps: enough to see that a kind of table is taken, not for figures."""
    for name, sweeps in (("_COARSE", 40), ("_WARM_UP", 30), ("_DRAWS", 60)):
        monkeypatch.setattr(channel_response, name, sweeps)


# -- curves ----------------------------------------------------------------------------------------------------------


def test_curves_at_half_and_far_out_by_hand() -> None:
    every = np.arange(len(FORMS))
    at_half = dict(zip(FORMS, curve(every, np.ones(len(FORMS))), strict=True))
    assert at_half["hill 0.6"] == at_half["hill 2.4"] == 0.5
    assert at_half["exponential"] == pytest.approx(1 - np.exp(-1))
    assert at_half["logarithm"] == pytest.approx(np.log(2))
    assert curve(every, np.zeros(len(FORMS))).tolist() == [0.0] * len(FORMS)
    assert BELIEF.sum() == pytest.approx(1.0)


@given(st.integers(0, len(FORMS) - 1), st.lists(st.floats(0, 1e6), min_size=2, max_size=20))
def test_curves_never_fall(form: int, ratios: list[float]) -> None:
    found = curve(np.array(form), np.sort(np.array(ratios)))
    assert (np.diff(found) >= 0).all()


def test_a_spend_that_is_kept_up_becomes_the_stock_and_a_burst_fades_geometrically() -> None:
    steady = stocks(np.full((1, 30), 7.0), np.array([[0.0, 0.5, 0.9]]))
    np.testing.assert_allclose(steady, 7.0)
    burst = np.zeros((1, 9))
    burst[0, 4] = 8.0
    np.testing.assert_allclose(stocks(burst, np.array([[0.5]]))[0, 0, 4:], [4, 2, 1, 0.5, 0.25])


def test_the_grid_holds_every_combination_and_is_zero_at_the_mean_spend() -> None:
    grid = build_grid(np.ones((2, 10)), np.zeros((2, 3)), np.tile([-1.0, 0.0, 1.0, 2.0], (2, 1)))
    assert grid.log_share.shape == (2, 3 * 4 * len(FORMS), 10)
    np.testing.assert_allclose(grid.log_share, 0.0, atol=1e-12)


def test_less_carries_over_to_the_next_month_than_to_the_next_day() -> None:
    odds = [beliefs(frequency).retention[0] for frequency in ("day", "week", "month")]
    assert odds == sorted(odds, reverse=True)
    assert odds[1] == pytest.approx(np.log(0.4 / 0.6))


# -- the sampler -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("memory", [0.0, 0.5, 0.9])
def test_the_bands_are_the_precision_of_an_autoregression(memory: float) -> None:
    lags = np.abs(np.subtract.outer(np.arange(7), np.arange(7)))
    dense = np.linalg.inv(memory**lags)
    columns = np.random.default_rng(0).normal(size=(7, 3))
    np.testing.assert_allclose(gibbs._precision_times(columns, memory), dense @ columns, atol=1e-9)
    bands = gibbs._bands(memory, 7)
    np.testing.assert_allclose(bands[1], np.diag(dense), atol=1e-9)
    np.testing.assert_allclose(bands[0, 1:], np.diag(dense, 1), atol=1e-9)


def test_swings_are_drawn_with_the_mean_and_the_spread_of_their_posterior() -> None:
    rng = np.random.default_rng(1)
    periods = 6
    evidence = gibbs.Evidence(
        log=np.zeros((1, periods)),
        known=np.ones((1, periods), dtype=bool),
        count_noise=np.zeros((1, periods)),
        own=np.ones((periods, 1)),
        own_sd=np.ones(1),
        shared=np.ones((periods, 1)),
        shared_sd=np.ones(1),
    )
    state = replace(gibbs._begin(evidence, beliefs("week")), memory=0.6, shock=0.5, shared=np.array([0.3]))
    weight, rest = np.full((1, periods), 4.0), rng.normal(size=(1, periods))
    lags = np.abs(np.subtract.outer(np.arange(periods), np.arange(periods)))
    prior = np.linalg.inv(0.5 * 0.6**lags)
    covariance = np.linalg.inv(prior + 4.0 * np.eye(periods))
    mean = covariance @ (4.0 * rest[0] + prior @ np.full(periods, 0.3))
    drawn = np.stack([gibbs._draw_swings(state, evidence, weight, rest, rng) for _ in range(4000)])
    # Standard errors are below .008 and .012; five of them.
    np.testing.assert_allclose(drawn.mean(axis=0), mean, atol=0.04)
    np.testing.assert_allclose(np.cov(drawn.T), covariance, atol=0.03)


# -- simulated truth -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("times", [0.6, 1.0, 1.5])
def test_the_response_is_recovered_where_the_data_are_clear(
    clear: ChannelMarket, learnt: ChannelResponse, times: float
) -> None:
    spend = times * clear.history.spend.mean(axis=1)
    # Swings of 2 % to 3 % over 104 weeks: 10 % are far beyond any error but a wrong curve.
    np.testing.assert_allclose(learnt.expected(spend[:, None])[:, 0], clear.truth.revenue(spend), rtol=0.1)


def test_carry_over_is_recovered_where_the_data_are_clear(clear: ChannelMarket, learnt: ChannelResponse) -> None:
    np.testing.assert_allclose(np.median(learnt.retention, axis=0), clear.truth.retention, atol=0.08)
    assert (learnt.half_life() > 0).all()


def test_spending_that_followed_demand_is_not_taken_for_its_cause() -> None:
    """A regression of log revenue on log spend credits the demand that spending followed to the spending."""
    settings = ChannelSettings(channels=6, follow=1.0, season=0.5, shock=0.2, own=0.25, dark=0.0)
    market = draw_channels(settings, np.random.default_rng(8))
    history, mean = market.history, market.history.spend.mean(axis=1)
    step = 1e-3 * mean
    change = market.truth.revenue(mean + step) - market.truth.revenue(mean - step)
    true = change / (2e-3 * market.truth.revenue(mean))
    assert history.revenue is not None
    log = np.log(history.spend), np.log(np.maximum(history.revenue, 1.0))
    naive = np.array([np.polyfit(x, y, 1)[0] for x, y in zip(*log, strict=True)])
    response = fit_channel_response(history)
    ours = response.marginal(mean).mean(axis=0) * mean / response.expected(mean[:, None])[:, 0]
    assert (naive - true).mean() > 0.3
    assert abs((ours - true).mean()) < 0.1


@pytest.mark.usefixtures("quick")
def test_the_same_seed_gives_the_same_response_and_nothing_given_is_changed(clear: ChannelMarket) -> None:
    short = cut(clear.history, 30)
    before = short.spend.copy()
    one, other = fit_channel_response(short, seed=3), fit_channel_response(short, seed=3)
    assert np.array_equal(one.half, other.half)
    assert np.array_equal(one.level, other.level)
    assert np.array_equal(short.spend, before)
    assert not np.array_equal(one.level, fit_channel_response(short, seed=4).level)


@pytest.mark.slow
def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    """Response at half, once and twice the mean spend, of 12 markets with 6 channels each.

    Channels of a market share their level's error: a standard error of about 4 points. Shares outside these bounds come
    by chance in about 1 of 50 runs of other seeds, if intervals hold what they say.
    """
    held = []
    for seed in range(12):
        market = draw_channels(ChannelSettings(), np.random.default_rng([2, seed]))
        response = fit_channel_response(market.history)
        for times in (0.5, 1.0, 2.0):
            spend = times * market.history.spend.mean(axis=1)
            low, high = np.quantile(response.draws(spend[:, None])[:, :, 0], (0.05, 0.95), axis=0)
            held.append((low <= market.truth.revenue(spend)) & (market.truth.revenue(spend) <= high))
    assert 0.80 <= np.mean(held) <= 0.99


# -- what it answers -------------------------------------------------------------------------------------------------


def test_expected_is_the_mean_of_draws_and_more_spend_never_brings_less(learnt: ChannelResponse) -> None:
    spend = learnt.scale[:, None] * np.linspace(0, 4, 30)
    drawn = learnt.draws(spend)
    assert (drawn[:, :, 0] == 0).all()
    assert (np.diff(drawn, axis=2) >= 0).all()
    np.testing.assert_allclose(learnt.expected(spend), drawn.mean(axis=0))


def test_the_marginal_return_is_the_slope_of_the_curve(learnt: ChannelResponse) -> None:
    spend = 0.8 * learnt.scale
    ends = np.stack([spend * 0.999, spend * 1.001], axis=1)
    slope = np.diff(learnt.draws(ends), axis=2)[:, :, 0] / (0.002 * spend)
    np.testing.assert_allclose(learnt.marginal(spend), slope, rtol=1e-3)
    assert np.isfinite(learnt.marginal(np.zeros(len(spend)))).all()


def test_shares_of_forms_sum_to_one(learnt: ChannelResponse) -> None:
    np.testing.assert_allclose(learnt.form_shares().sum(axis=1), 1.0)


def test_what_is_counted_beside_the_outcome_is_in_proportion(clear: ChannelMarket, learnt: ChannelResponse) -> None:
    history = clear.history
    assert history.conversions is not None
    assert history.revenue is not None
    np.testing.assert_allclose(learnt.conversions, history.conversions.sum(axis=1) / history.revenue.sum(axis=1))
    np.testing.assert_allclose(learnt.revenue, 1.0)


# -- tables of other kinds -------------------------------------------------------------------------------------------


def cut(history: ChannelHistory, periods: int, **other: object) -> ChannelHistory:
    names = ("spend", "conversions", "revenue", "new_customers")
    parts = {name: getattr(history, name)[:, -periods:] for name in names}
    return replace(history, periods=history.periods[-periods:], **{**parts, **other})


@pytest.mark.usefixtures("quick")
def test_conversions_alone_are_enough(clear: ChannelMarket) -> None:
    response = fit_channel_response(cut(clear.history, 40, revenue=None, new_customers=None))
    assert response.outcome == "conversions"
    assert np.isnan(response.revenue).all()
    true = clear.truth.revenue(response.scale) / (clear.history.revenue.sum(1) / clear.history.conversions.sum(1))  # type: ignore[union-attr]
    np.testing.assert_allclose(response.expected(response.scale[:, None])[:, 0], true, rtol=0.25)


@pytest.mark.usefixtures("quick")
def test_revenue_alone_is_enough(clear: ChannelMarket) -> None:
    response = fit_channel_response(cut(clear.history, 40, conversions=None, new_customers=None))
    assert response.outcome == "revenue"
    np.testing.assert_allclose(
        response.expected(response.scale[:, None])[:, 0], clear.truth.revenue(response.scale), rtol=0.25
    )


@pytest.mark.usefixtures("quick")
def test_many_days_are_put_together_into_weeks_and_money_stays_per_day(clear: ChannelMarket) -> None:
    weekly = cut(clear.history, 60)
    days = np.datetime64("2023-01-02") + np.arange(60 * 7)

    def spread(array: np.ndarray | None) -> np.ndarray:
        assert array is not None
        return np.repeat(array, 7, axis=1) / 7

    daily = ChannelHistory(
        channels=weekly.channels,
        frequency="day",
        periods=days,
        spend=spread(weekly.spend),
        conversions=spread(weekly.conversions),
        revenue=spread(weekly.revenue),
    )
    by_day, by_week = fit_channel_response(daily), fit_channel_response(weekly)
    assert (by_day.frequency, by_day.fitted) == ("day", "week")
    np.testing.assert_allclose(by_day.spend * 7, by_week.spend)
    one, other = by_day.expected(by_day.scale[:, None]) * 7, by_week.expected(by_week.scale[:, None])
    np.testing.assert_allclose(one, other, rtol=0.03)


@pytest.mark.usefixtures("quick")
def test_few_days_are_learnt_from_as_days(clear: ChannelMarket) -> None:
    few = replace(cut(clear.history, 60), frequency="day")
    response = fit_channel_response(few)
    assert response.fitted == "day"
    assert np.isfinite(response.level).all()


@pytest.mark.usefixtures("quick")
def test_cells_that_are_not_known_and_weeks_without_a_conversion_do_no_harm(clear: ChannelMarket) -> None:
    history = cut(clear.history, 40)
    assert history.revenue is not None
    assert history.conversions is not None
    revenue, conversions, spend = history.revenue.copy(), history.conversions.copy(), history.spend.copy()
    revenue[0, 3:9] = np.nan
    revenue[1, ::7] = conversions[1, ::7] = spend[1, ::7] = 0.0
    response = fit_channel_response(replace(history, revenue=revenue, conversions=conversions, spend=spend))
    assert np.isfinite(response.draws(response.scale[:, None])).all()
    at = response.expected(response.scale[:, None])[0, 0]
    assert at == pytest.approx(clear.truth.revenue(response.scale)[0], rel=0.3)


@pytest.mark.usefixtures("quick")
def test_a_channel_that_never_spent_brings_nothing_and_breaks_nothing(clear: ChannelMarket) -> None:
    history = cut(clear.history, 30)
    quiet = {name: getattr(history, name).copy() for name in ("spend", "revenue", "conversions", "new_customers")}
    for array in quiet.values():
        array[2] = 0.0
    response = fit_channel_response(replace(history, **quiet))
    assert np.isfinite(response.draws(response.spend[:, None])).all()
    assert response.expected(response.spend[:, None])[2, 0] == 0.0


@pytest.mark.usefixtures("quick")
def test_one_channel_alone_is_learnt_too(clear: ChannelMarket) -> None:
    history = cut(clear.history, 60)
    parts = {name: getattr(history, name)[:1] for name in ("spend", "revenue", "conversions", "new_customers")}
    response = fit_channel_response(replace(history, channels=history.channels[:1], **parts))
    at = response.expected(response.scale[:, None])[0, 0]
    assert at == pytest.approx(clear.truth.revenue(clear.history.spend.mean(axis=1))[0], rel=0.35)


def test_tables_that_do_not_say_enough_are_refused(clear: ChannelMarket) -> None:
    with pytest.raises(TableError, match="has 11 periods; a response needs at least 12"):
        fit_channel_response(cut(clear.history, 11))
    with pytest.raises(TableError, match="neither revenue nor conversions"):
        fit_channel_response(cut(clear.history, 20, revenue=None, conversions=None))


# -- customers -------------------------------------------------------------------------------------------------------


def lines(rows: list[tuple[int, str, float, int]]) -> Purchases:
    customer, day, money, channel = zip(*rows, strict=True)
    return Purchases(
        customer=np.array(customer, dtype=np.int32),
        day=np.array(day, dtype="datetime64[D]"),
        money=np.array(money, dtype=float),
        channel=np.array(channel, dtype=np.int32),
        channels=np.array(["mail", "search"], dtype=object),
    )


def test_a_customer_belongs_to_the_channel_of_the_first_order() -> None:
    found = customer_value(
        lines([(0, "2024-02-20", 5, 1), (0, "2024-01-01", 10, 0), (1, "2024-01-01", 20, 1), (2, "2024-04-30", 1, 0)])
    )
    assert found.customers.tolist() == [2, 1]
    # 121 days: four whole months; customers 0 and 1 were there all the time, customer 2 not for a month.
    assert found.months == 4
    assert found.overall == pytest.approx((10 + 20) / 2 + 5 / 2)


def test_few_customers_are_valued_like_all_and_many_like_themselves() -> None:
    rich = [(at, "2024-01-01", 100.0, 0) for at in range(2000)]
    poor = [(5000 + at, "2024-01-01", 10.0, 1) for at in range(2000)]
    end = [(9999, "2024-03-01", 0.0, 1)]
    many = customer_value(lines([*rich, *poor, *end]))
    np.testing.assert_allclose(many.lifetime, [99.5, 10.5], atol=0.1)
    few = customer_value(lines([*rich[:2], *poor, *end]))
    assert few.lifetime[0] < 25
    assert few.of(np.array(["search", "radio"], dtype=object)).tolist() == pytest.approx([few.lifetime[1], few.overall])


def test_young_customers_do_not_pull_the_value_down() -> None:
    old = [(at, day, 10.0, 0) for at in range(50) for day in ("2024-01-01", "2024-02-15", "2024-03-20")]
    young = [(100 + at, "2024-03-25", 10.0, 0) for at in range(500)]
    found = customer_value(lines([*old, *young, (9999, "2024-04-01", 0.0, 1)]))
    assert found.lifetime[0] == pytest.approx(30.0, rel=0.02)
