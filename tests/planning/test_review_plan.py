"""A plan as a review reads it: the plan itself or its folder, by every key that it has."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

import pricebid
from pricebid.planning import review
from pricebid.tables import Shop

if TYPE_CHECKING:
    from pathlib import Path


def test_a_plan_itself_is_reviewed_as_its_folder_is(tools: Any, tmp_path: Path) -> None:
    shop = tools.shop()
    plan = pricebid.price(
        shop, tools.KnownDemand(shop=shop), tools.policy("horizon = 2\n[portfolio]\nmin_revenue = 1.0\n")
    )
    start = pd.Timestamp(str(plan.periods[0]))
    sales = shop.table("sales").to_frame()
    prices = plan.to_frame()[["sku", "region", "price", "units"]]
    since = [
        prices.assign(date=day, units=prices["units"] / 2.0, promo=0.0) for day in (start, start + pd.Timedelta(days=7))
    ]
    frames = {table.name: table.to_frame() for table in shop.tables}
    lived = Shop.from_frames(frames | {"sales": pd.concat([sales, *since])}, shop.settings)
    mine = review(plan, lived)
    plan.write(tmp_path, file_format="parquet")
    read = review(tmp_path, lived)
    (tmp_path / "prices.csv").unlink()
    parquet = review(tmp_path, lived)
    assert mine.to_json() == read.to_json() == parquet.to_json()
    pd.testing.assert_frame_equal(mine.to_frame(), read.to_frame())
    assert mine.prices is not None
    assert mine.prices.totals["profit"]["difference"] == pytest.approx(0.0, abs=1e-6)
    assert mine.prices.share_followed == 1.0
    assert mine.prices.limits[0].kept
    # The totals carry the interval of what was expected, as long as all of the plan is compared.
    profit = mine.prices.totals["profit"]
    assert profit["low"] < profit["expected"] < profit["high"]
    assert profit["low"] == plan.totals["planned"]["profit_low"]
    half = review(plan, Shop.from_frames(frames | {"sales": pd.concat([sales, since[0]])}, shop.settings)).prices
    assert half is not None
    assert half.totals["profit"]["low"] == pytest.approx(profit["low"] / 2.0)
    first = since[0][since[0]["sku"] != "s0"]
    fewer = review(plan, Shop.from_frames(frames | {"sales": pd.concat([sales, first])}, shop.settings)).prices
    assert fewer is not None
    assert "low" not in fewer.totals["profit"]


def test_every_key_column_is_matched_and_carried(tmp_path: Path) -> None:
    rows = [
        (day, "a", hour, segment, units, 2.0)
        for day in pd.date_range("2024-01-01", periods=6)
        for (hour, segment), units in {(7, "x"): 3, (19, "x"): 5, (7, "y"): 8}.items()
    ]
    shop = Shop.from_frames(
        {
            "sales": pd.DataFrame(rows, columns=["date", "sku", "hour", "segment", "units", "price"]),
            "catalog": pd.DataFrame({"sku": ["a"], "cost": [1.0]}),
        }
    )
    frame = pd.DataFrame(
        {
            "sku": "a", "region": "all", "hour": [19, 7, 7], "segment": ["x", "x", "y"], "current_price": 2.0, "price": 2.0,
            "cost": 1.0, "units": [10.0, 6.0, 16.0], "units_low": 0.0, "units_high": 99.0, "revenue": [20.0, 12.0, 32.0],
            "profit": [10.0, 6.0, 16.0],
        }
    )  # fmt: skip
    frame.to_csv(tmp_path / "prices.csv", index=False)
    (tmp_path / "plan.json").write_text(json.dumps({"start": "2024-01-05", "horizon": 2, "limits": []}))
    found = review(tmp_path, shop)
    table = found.to_frame()
    assert list(table.columns[:4]) == ["sku", "region", "hour", "segment"]
    assert table["units"].tolist() == [10.0, 6.0, 16.0]
    assert found.prices is not None
    assert found.prices.totals["profit"]["difference"] == pytest.approx(0.0, abs=1e-9)
