"""Simulated channels: same seed same channels, spending that followed demand, and a best split that is one."""

from dataclasses import replace

import numpy as np
import pytest

from pricebid.errors import InputError
from pricebid.simulate.channels import ChannelSettings, draw_channels, stock
from pricebid.tables import Shop

USUAL = ChannelSettings()


def test_the_same_seed_draws_the_same_channels() -> None:
    one, other = (draw_channels(USUAL, np.random.default_rng(4)) for _ in range(2))
    assert np.array_equal(one.history.spend, other.history.spend)
    assert np.array_equal(one.truth.half, other.truth.half)
    assert not np.array_equal(one.history.spend, draw_channels(USUAL, np.random.default_rng(5)).history.spend)


def test_spending_follows_demand_as_far_as_it_is_told_to() -> None:
    def together(follow: float) -> float:
        settings = replace(USUAL, follow=follow, together=0.0, own=0.1, dark=0.0, weeks=208, channels=8)
        logs = np.log(draw_channels(settings, np.random.default_rng(1)).history.spend)
        return float(np.corrcoef(logs)[np.triu_indices(8, 1)].mean())

    assert together(0.0) < 0.1
    assert together(1.0) > 0.8


def test_revenue_is_what_the_truth_says_on_average() -> None:
    settings = replace(USUAL, weeks=52 * 40, noise=0.05, shock=0.05, follow=0.0, own=0.0, together=0.0, dark=0.0)
    market = draw_channels(settings, np.random.default_rng(2))
    spend = market.history.spend[:, 0]
    assert market.history.revenue is not None
    # Forty years: standard errors are below 1 %, most of them from the shared swings.
    np.testing.assert_allclose(market.history.revenue.mean(axis=1), market.truth.revenue(spend), rtol=0.03)


def test_stock_of_a_kept_up_spend_is_the_spend() -> None:
    np.testing.assert_allclose(stock(np.full((2, 9), 3.0), np.array([0.2, 0.8])), 3.0)


def test_no_random_split_beats_the_best_and_the_score_is_its_share() -> None:
    market = draw_channels(USUAL, np.random.default_rng(3))
    budget, most = 60_000.0, np.full(6, 40_000.0)
    best = market.truth.best(budget, most)
    assert best.sum() <= budget + 1e-6
    assert (best <= most + 1e-9).all()
    splits = np.random.default_rng(0).dirichlet(np.ones(6), 3000).T * budget
    splits = splits[:, (splits <= most[:, None]).all(axis=0)]
    worth = market.truth.revenue(splits).sum(axis=0)
    assert worth.max() <= market.truth.revenue(best).sum() * 1.001  # the ladder has steps of a 400th
    assert market.score(best, most) == pytest.approx(1.0)
    assert market.score(market.current, most) < 1.0


def test_the_table_reads_back_as_the_history() -> None:
    market = draw_channels(replace(USUAL, weeks=20), np.random.default_rng(6))
    read = Shop.from_frames({"channels": market.frame()}).channel_history()
    assert read.frequency == "week"
    np.testing.assert_allclose(read.spend, market.history.spend)
    np.testing.assert_allclose(read.revenue, market.history.revenue)


@pytest.mark.parametrize(
    ("key", "value"), [("channels", 0), ("noise", -0.1), ("retention", 1.0), ("dark", 1.0), ("weeks", 0)]
)
def test_settings_outside_their_range_are_refused(key: str, value: float) -> None:
    with pytest.raises(InputError, match=key):
        replace(USUAL, **{key: value})
