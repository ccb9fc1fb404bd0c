"""How a review judges a forecast: ranges of chance, ranges of counts, and both where the market is known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import pricebid
from pricebid.planning import review
from pricebid.planning.review_sales import _scaled
from pricebid.planning.review_scores import accuracy, chance, within
from pricebid.simulate import MarketSettings, draw_market
from pricebid.tables import Shop


def test_chance_is_a_binomial_range() -> None:
    assert chance(0) == (0, 0)
    rng = np.random.default_rng(0)
    for n in (1, 5, 40, 1000):
        low, high = chance(n)
        drawn = rng.binomial(n, 0.8, 20_000)
        assert np.mean((drawn >= low) & (drawn <= high)) >= 0.945
        assert n < 40 or np.mean((drawn > low) & (drawn < high)) < 0.955
    nothing = accuracy(*(np.zeros(0),) * 3)
    assert (nothing.offers, np.isnan(nothing.wape)) == (0, True)


def test_a_count_stands_for_what_rounds_to_it() -> None:
    units, low, high = np.array([0.0, 1.0, 2.0]), np.full(3, 0.02), np.full(3, 0.9)
    assert within(units, low, high, whole=True).tolist() == [1.0, 1.0, 0.0]
    assert within(units, low, high, whole=False).tolist() == [0.0, 0.0, 0.0]


def test_an_interval_of_counting_alone_shrinks_with_the_root() -> None:
    sd = 10.0
    mean, low, high = _scaled(
        *(np.array([one]) for one in (100.0, 100.0 - 1.28155 * sd, 100.0 + 1.28155 * sd)), np.array([0.25])
    )
    assert mean[0] == 25.0
    assert high[0] - mean[0] == pytest.approx(1.28155 * 5.0, rel=1e-4)
    assert mean[0] - low[0] == pytest.approx(1.28155 * 5.0, rel=1e-4)


@pytest.mark.parametrize("seed", [0, 4])
def test_ranges_hold_what_is_due_where_the_market_is_known(seed: int) -> None:
    market = draw_market(MarketSettings(categories=3, skus=5, regions=3, periods=60), np.random.default_rng(seed))
    shop = market.shop
    plan = pricebid.price(shop, pricebid.fit(shop), pricebid.Policy.from_toml("price.max_change = 0.15"))
    rng, weeks = np.random.default_rng(1000 + seed), len(plan.periods)
    mean = market.units(plan.price) / weeks
    keys = dict(zip(plan.offers.columns, plan.offers.labels, strict=True))
    tables = {table.name: table.to_frame() for table in shop.tables}
    since = [
        pd.DataFrame(
            {**keys, "date": pd.Timestamp(str(week)), "units": rng.poisson(mean), "price": plan.price, "promo": 0.0}
        )
        for week in plan.periods
    ]
    for count in (weeks, 2):
        lived = Shop.from_frames(tables | {"sales": pd.concat([tables["sales"], *since[:count]])}, shop.settings)
        prices = review(plan, lived).prices
        assert prices is not None
        followed = prices.accuracy["followed"]
        assert followed.offers == 45
        assert followed.inside >= followed.low
        assert abs(followed.bias) < 0.25
