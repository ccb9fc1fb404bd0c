"""Backtests: blocks, scores, and that nothing of the future leaks."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from pricebid.demand import BacktestResult, backtest, fit
from pricebid.demand.scores import Cells, Predicted, naive_scale, score
from pricebid.demand.window import before, block
from pricebid.errors import InputError
from pricebid.tables.arrays import History

H, ORIGINS = 4, 2


@pytest.fixture(scope="module")
def history(world: Callable) -> History:
    return world(skus=3, regions=2, periods=60, horizon=0, lift=0.5, season=0.2).whole


@pytest.fixture(scope="module")
def result(history: History) -> BacktestResult:
    return backtest(history, horizon=H, origins=ORIGINS)


def test_blocks_lie_at_the_end_and_do_not_overlap(history: History, result: BacktestResult) -> None:
    assert [one.origin for one in result.origins] == [history.periods[51], history.periods[55]]
    covered = np.concatenate([one.periods for one in result.origins])
    np.testing.assert_array_equal(covered, history.periods[-8:])
    for at, one in enumerate(result.origins):
        np.testing.assert_array_equal(one.actual, history.units[:, 52 + 4 * at : 56 + 4 * at])
        np.testing.assert_array_equal(one.price, history.price[:, 52 + 4 * at : 56 + 4 * at])


def test_each_block_is_forecast_by_a_model_of_what_came_before(history: History, result: BacktestResult) -> None:
    future, _ = block(history, 56, H)
    alone = fit(before(history, 56)).forecast(future)
    for name in ("mean", "p10", "p50", "p90"):
        np.testing.assert_allclose(getattr(result.origins[-1], name), getattr(alone, name), rtol=1e-12)


def test_scores_are_over_all_blocks_and_each(history: History, result: BacktestResult) -> None:
    parts = [
        (
            Cells(actual=one.actual, scale=naive_scale(history.units[:, : 52 + 4 * at])),
            Predicted(mean=one.mean, p10=one.p10, p50=one.p50, p90=one.p90),
        )
        for at, one in enumerate(result.origins)
    ]
    assert result.scores[0] == score("pricebid", parts)
    assert [one.scores[0] for one in result.origins] == [score("pricebid", [part]) for part in parts]
    assert [line.forecaster for line in result.scores] == ["pricebid", "naive", "log-log regression"]


def test_a_long_history_is_also_set_beside_last_year(world: Callable) -> None:
    shop = world(skus=2, regions=1, periods=70, horizon=0, frequency="day", weekday=0.3)
    lines = backtest(shop.whole, horizon=7, origins=1).scores
    assert "seasonal naive" in [line.forecaster for line in lines]


def test_the_engine_beats_every_baseline_where_prices_and_promotions_matter(world: Callable) -> None:
    shop = world(skus=6, regions=3, periods=100, horizon=0, mean=40.0, lift=0.8, season=0.3)
    lines = backtest(shop.whole, horizon=6, origins=2).scores
    for line in lines[1:]:
        assert lines[0].wape < line.wape, line.forecaster
        assert lines[0].pinball < line.pinball, line.forecaster
        assert lines[0].rmsse < line.rmsse, line.forecaster


def test_frames_have_the_contract_s_columns_and_one_row_per_observed_cell(
    history: History, result: BacktestResult
) -> None:
    frame = result.to_frame()
    columns = ["origin", "date", "sku", "region", "actual", "units", "p10", "p50", "p90", "price", "censored"]
    assert list(frame.columns) == columns
    assert len(frame) == 6 * H * ORIGINS
    row = frame.iloc[0]
    assert (row["sku"], row["region"]) == ("s000", "r0")
    assert row["origin"] == np.datetime64(history.periods[51])
    assert row["actual"] == history.units[0, 52]
    metrics = result.metrics_frame()
    assert list(metrics.columns) == ["origin", "forecaster", "cells", "wape", "bias", "rmsse", "pinball", "coverage"]
    assert metrics["origin"].unique().tolist() == ["all", str(history.periods[51]), str(history.periods[55])]


def test_cells_not_observed_are_left_out_and_censored_ones_not_scored(history: History) -> None:
    units, censored = history.units.copy(), history.censored.copy()
    units[0, -1] = np.nan
    censored[1, -1] = True
    result = backtest(replace(history, units=units, censored=censored), horizon=H, origins=1)
    assert result.scores[0].cells == 6 * H - 2
    frame = result.to_frame()
    assert len(frame) == 6 * H - 1
    assert frame["censored"].sum() == 1


def test_what_happens_in_the_block_changes_no_forecast(history: History, result: BacktestResult) -> None:
    """Units, stock-outs, unplanned drivers: the whole future is overwritten, prices and promotions of the block are kept."""
    rng = np.random.default_rng(1)
    units, censored = history.units.copy(), history.censored.copy()
    units[:, -H:] = rng.integers(0, 10_000, (6, H))
    units[0, -H:] = np.nan
    censored[:, -H:] = rng.random((6, H)) < 0.5
    last = backtest(replace(history, units=units, censored=censored), horizon=H, origins=1).origins[0]
    for name in ("mean", "p10", "p50", "p90"):
        np.testing.assert_array_equal(getattr(last, name), getattr(result.origins[-1], name))


def test_deleting_what_lies_behind_a_block_changes_no_forecast_of_it(history: History, result: BacktestResult) -> None:
    cut = before(history, 56)
    offers = replace(history.offers, current_price=history.offers.current_price * 3)
    for shorter in (cut, replace(cut, offers=offers)):
        first = backtest(shorter, horizon=H, origins=1).origins[0]
        for name in ("mean", "p10", "p50", "p90"):
            np.testing.assert_array_equal(getattr(first, name), getattr(result.origins[0], name))


def test_prices_of_an_offer_that_is_launched_later_are_not_known_before(history: History) -> None:
    """Histories carry prices back before the first row: that price must not reach an earlier origin."""
    units, price = history.units.copy(), history.price.copy()
    units[0, :58] = np.nan
    forecasts = []
    for launch_price in (1.0, 30.0):
        price[0] = launch_price
        late = replace(history, units=units, price=price.copy())
        forecasts.append(backtest(late, horizon=H, origins=2).origins[0])
    for name in ("mean", "p10", "p50", "p90"):
        np.testing.assert_array_equal(getattr(forecasts[0], name), getattr(forecasts[1], name))


def test_other_drivers_are_used_only_when_they_are_planned(history: History) -> None:
    """A driver that is the noise itself: of use when its future is given, without any effect when it is not."""
    rng = np.random.default_rng(2)
    signal = rng.normal(0, 1, history.units.shape)
    units = rng.poisson(history.units * np.exp(0.7 * signal)).astype(float)
    drivers = np.concatenate([history.drivers, signal[None]])
    with_signal = replace(history, units=units, driver_names=("promo", "weather"), drivers=drivers)
    plain = backtest(replace(history, units=units), horizon=H, origins=1)
    silent = backtest(with_signal, horizon=H, origins=1)
    told = backtest(with_signal, horizon=H, origins=1, planned=("weather",))
    np.testing.assert_array_equal(silent.origins[0].mean, plain.origins[0].mean)
    assert told.scores[0].wape < 0.7 * plain.scores[0].wape


@pytest.mark.parametrize(
    ("name", "words"), [("weather", "no such driver"), ("stock", "never known"), ("visitors", "never")]
)
def test_a_driver_that_cannot_be_planned_is_refused(history: History, name: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        backtest(history, horizon=H, origins=1, planned=(name,))


def test_too_many_blocks_are_refused_with_the_most_that_fit(history: History) -> None:
    with pytest.raises(InputError, match=r"at most 13 such blocks fit"):
        backtest(history, horizon=4, origins=14)
    with pytest.raises(InputError, match="shorter horizon"):
        backtest(history, horizon=58, origins=1)
    with pytest.raises(InputError, match="at least 1"):
        backtest(history, horizon=0, origins=1)


def test_a_history_that_begins_without_sales_has_fewer_blocks(history: History) -> None:
    units = history.units.copy()
    units[:, :40] = 0.0
    with pytest.raises(InputError, match=r"at most 4 such blocks fit"):
        backtest(replace(history, units=units), horizon=4, origins=5)


def test_the_same_history_gives_the_same_result_and_progress_grows_to_one(
    history: History, result: BacktestResult
) -> None:
    told: list[float] = []
    again = backtest(history, horizon=H, origins=ORIGINS, seed=0, progress=lambda _, share: told.append(share))
    assert again.scores == result.scores
    np.testing.assert_array_equal(again.origins[1].p90, result.origins[1].p90)
    assert told == sorted(told)
    assert told[-1] == 1.0
