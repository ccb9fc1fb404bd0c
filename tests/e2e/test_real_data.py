"""Shops that nothing was built on: read as a user would, fitted with the defaults, and held against what then sold."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import pricebid

pytestmark = [
    pytest.mark.realdata,
    pytest.mark.skipif(not os.environ.get("PRICEBID_DATA"), reason="PRICEBID_DATA names no folder with the real data"),
]


def data(*parts: str) -> Path:
    return Path(os.environ["PRICEBID_DATA"]).joinpath(*parts)


def test_weekly_avocado_markets_are_forecast_within_loose_bounds() -> None:
    raw = pd.read_csv(data("avocado_us", "avocado_weekly.csv.gz"), parse_dates=["date"])
    raw = raw[raw["level"] == "market"]
    markets = sorted(raw["region"].unique())[::4]
    rows = raw[raw["region"].isin(markets)].rename(columns={"type": "sku"})
    rows = rows[["date", "sku", "region", "units", "price"]].sort_values(["date", "sku", "region"])
    last = rows["date"].max() - pd.Timedelta(weeks=8)
    then = rows[rows["date"] > last]
    frames = {
        "sales": rows[rows["date"] <= last],
        "catalog": pd.DataFrame({"sku": sorted(rows["sku"].unique()), "category": "avocado"}),
        "planned": then[["date", "sku", "region", "price"]],
    }
    shop = pricebid.Shop.from_frames(frames)
    assert shop.history().frequency == "week"
    future = shop.future(8)
    forecast = pricebid.fit(shop).forecast(future)
    table = then.pivot_table(index=["sku", "region"], columns="date", values="units")
    actual = table.reindex(pd.MultiIndex.from_arrays([shop.offers.sku, shop.offers.region])).to_numpy()
    assert actual.shape == forecast.mean.shape
    seen = np.isfinite(actual)
    assert seen.mean() > 0.9
    total = actual[seen].sum()
    # A year's typical error here is near .08 to .12 with a pooled regression, .2 with naive.
    assert np.abs(forecast.p50 - actual)[seen].sum() / total < 0.16
    assert abs((forecast.mean - actual)[seen].sum()) / total < 0.10
    inside = (forecast.p10 <= actual) & (actual <= forecast.p90)
    assert 0.5 < inside[seen].mean() < 0.98
    assert (forecast.p10 <= forecast.p50).all()
    assert (forecast.p50 <= forecast.p90).all()


def test_a_daily_shop_of_mostly_zeros_is_forecast_with_sane_totals() -> None:
    raw = pd.read_parquet(data("uci_online_retail_ii", "transactions_y1.parquet")).drop_duplicates()
    raw = raw.astype({"sku": str, "country": str})
    raw = raw[raw["sku"].str.fullmatch(r"\d{5}") & (raw["country"] == "United Kingdom")]
    raw = raw[(raw["quantity"] > 0) & (raw["quantity"] < 2000) & (raw["unit_price"] > 0)]
    raw = raw.assign(date=pd.to_datetime(raw["invoice_ts"]).dt.normalize())
    raw = raw[raw["date"] < "2010-12-06"]
    by_days = raw.groupby("sku")["date"].nunique().sort_values(ascending=False).index
    rows = raw[raw["sku"].isin(by_days[20:820:20])].groupby(["date", "sku"], as_index=False)
    daily = rows.agg(units=("quantity", "sum"), price=("unit_price", "median"))
    horizon = 14
    last = daily["date"].max() - pd.Timedelta(days=horizon)
    past, then = daily[daily["date"] <= last], daily[daily["date"] > last]
    shop = pricebid.Shop.from_frames({"sales": past}, pricebid.tables.Settings(absent="zero"))
    history = shop.history()
    assert history.frequency == "day"
    known = np.isfinite(history.units)
    assert (history.units[known] == 0).mean() > 0.5
    forecast = pricebid.fit(shop).forecast(shop.future(horizon))
    for quantity in (forecast.mean, forecast.p10, forecast.p50, forecast.p90):
        assert np.isfinite(quantity).all()
        assert (quantity >= 0).all()
    before = past[past["date"] > last - pd.Timedelta(days=horizon)]["units"].sum()
    low, high = sorted([float(before), float(then["units"].sum())])
    assert 0.5 * low < forecast.mean.sum() < 2.0 * high
    # The mean of a day lies below the best day that the sku ever had.
    best = np.nanmax(history.units, axis=1)
    assert (forecast.mean <= best[:, None]).all()
