"""The market average of rivals' prices."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from pricebid.policy import Market
from pricebid.pricing.market import market_average
from pricebid.tables import Shop

TODAY = np.datetime64("2024-02-01")


def average(rows: list[tuple[object, ...]], market: Market) -> dict[str, float]:
    sales = pd.DataFrame(
        [
            (day, sku, region, 1.0, 2.0)
            for day in ("2024-01-01", "2024-01-08")
            for sku in ("a", "b")
            for region in ("n", "s")
        ],
        columns=["date", "sku", "region", "units", "price"],
    )
    names = ["date", "sku", "competitor", "region", "price", "in_stock", "shipping_cost"]
    shop = Shop.from_frames({"sales": sales, "competitors": pd.DataFrame(rows, columns=names)})
    found = market_average(shop.competitors, shop.offers, market, TODAY)
    return {f"{s}/{r}": value for s, r, value in zip(shop.offers.sku, shop.offers.region, found, strict=True)}


def row(day: str, sku: str, rival: str, price: float, **more: Any) -> tuple[object, ...]:
    return (f"2024-01-{day}", sku, rival, more.get("region", ""), price, more.get("stock", 1), more.get("ship", 0.0))


def test_only_rivals_in_stock_and_fresh_count_at_the_delivered_price() -> None:
    rows = [
        row("30", "a", "Us", 1.0),
        row("30", "a", "X", 4.0, ship=0.5),
        row("30", "a", "Y", 9.0, stock=0),
        row("10", "a", "Z", 9.0),
        row("29", "a", "W", 5.5),
    ]
    found = average(rows, Market(own="Us", max_age_days=14))
    assert found["a/n"] == found["a/s"] == 5.0
    assert np.isnan(found["b/n"])


def test_the_latest_row_of_each_rival_counts_once() -> None:
    rows = [row("20", "a", "X", 9.0), row("30", "a", "X", 3.0), row("25", "a", "Y", 5.0)]
    assert average(rows, Market())["a/n"] == 4.0


def test_a_rival_s_price_for_the_region_goes_before_its_price_everywhere() -> None:
    rows = [row("20", "a", "X", 3.0, region="n"), row("30", "a", "X", 5.0), row("30", "a", "Y", 7.0)]
    found = average(rows, Market())
    assert found["a/n"] == 5.0
    assert found["a/s"] == 6.0


def test_without_rows_there_is_no_average() -> None:
    assert all(np.isnan(value) for value in average([row("30", "a", "Us", 1.0)], Market(own="Us")).values())
