"""How a review judges a forecast: ranges of chance, ranges of counts, and both where the market is known."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

import pricebid
from pricebid.planning import review
from pricebid.planning.review_plan import expected
from pricebid.planning.review_sales import _scaled
from pricebid.planning.review_scores import accuracy, chance, within
from pricebid.simulate import MarketSettings, draw_market
from pricebid.tables import Shop

if TYPE_CHECKING:
    from pathlib import Path


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
        *(np.array([one]) for one in (100.0, 100.0 - 1.28155 * sd, 100.0 + 1.28155 * sd)), np.array([0.25]), 0.0
    )
    assert mean[0] == 25.0
    assert high[0] - mean[0] == pytest.approx(1.28155 * 5.0, rel=1e-4)
    assert mean[0] - low[0] == pytest.approx(1.28155 * 5.0, rel=1e-4)


def test_what_moves_from_week_to_week_shrinks_with_the_root_and_the_level_with_the_share() -> None:
    mean, chance, level = (
        1000.0,
        0.0004,
        15.0,
    )  # of a horizon: 20 units of noise from week to week, 15 of an unsure level
    wide = 1.2815515655446004 * np.sqrt(mean + chance * mean**2 + level**2)
    whole = (np.array([mean]), np.array([mean - wide]), np.array([mean + wide]))
    half, low, high = _scaled(*whole, np.array([0.5]), chance)
    due = 1.2815515655446004 * np.sqrt(0.5 * (mean + chance * mean**2) + 0.25 * level**2)
    assert half[0] == 500.0
    assert high[0] - 500.0 == pytest.approx(due)
    assert 500.0 - low[0] == pytest.approx(due)
    # More noise than the range holds (stock may cap it) is taken to be all of it.
    assert _scaled(*whole, np.array([0.5]), 1.0)[2][0] - 500.0 == pytest.approx(np.sqrt(0.5) * wide)
    assert _scaled(*whole, np.array([1.0]), chance)[2][0] == mean + wide


def test_a_plan_says_what_moves_from_week_to_week(tools: Any, tmp_path: Path) -> None:
    plan = pricebid.price(tools.shop(), tools.KnownDemand(shop=tools.shop()), tools.policy(""))
    said = json.loads(plan.to_json())["chance"]
    assert said == pytest.approx(0.1)
    plan.write(tmp_path)
    for given in (plan, tmp_path):
        prices = expected(given).prices
        assert prices is not None
        assert prices.chance == said
    (tmp_path / "plan.json").write_text(json.dumps(json.loads(plan.to_json()) | {"chance": None}))
    older = expected(tmp_path).prices
    assert older is not None
    assert older.chance == 0.0


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
