"""Make the orange-juice shop that ships with the package: ``python benchmarks/data/make_orange_juice.py``.

Reads ``oj_dominicks`` in the folder that ``PRICEBID_DATA`` names and writes the tables of
``src/pricebid/datasets/orange_juice``. The same input gives the same tables.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pandas as pd

TARGET = Path(__file__).parents[2] / "src" / "pricebid" / "datasets" / "orange_juice"
COST_WEEKS = 13  # a quarter: long enough for a median that a single wrong margin cannot move


def labelled(raw: pd.DataFrame) -> pd.DataFrame:
    """Return the source rows with readable labels and a unit cost."""
    return raw.assign(
        date=pd.to_datetime(raw["week_start"]).dt.date,
        sku=raw["brand_name"] + " " + raw["pack_oz"].astype(str) + " oz",
        region="store " + raw["store"].astype(str).str.zfill(3),
        cost=raw["price"] * (1.0 - raw["gross_margin_pct"] / 100.0),
    )


def sales_table(rows: pd.DataFrame) -> pd.DataFrame:
    """Return ``sales``: promo is the shelf deal, feature the newspaper advertisement."""
    table = rows[["date", "sku", "region", "units", "price"]].copy()
    table["price"] = table["price"].round(4)
    table["promo"] = rows["deal"].astype("int8")
    table["feature"] = rows["feat"].astype("int8")
    return table.sort_values(["sku", "region", "date"], ignore_index=True)


def catalog_table(rows: pd.DataFrame) -> pd.DataFrame:
    """Return ``catalog``: category, brand and pack size in ounces."""
    table = rows[["sku", "brand_name", "pack_oz"]].drop_duplicates().sort_values("sku", ignore_index=True)
    table = table.rename(columns={"brand_name": "brand", "pack_oz": "size"})
    table.insert(1, "category", "orange juice")
    return table


def offers_table(rows: pd.DataFrame) -> pd.DataFrame:
    """Return ``offers``: the last price without a deal, and the cost, of each sku in each store."""
    keys = ["sku", "region"]
    ordered = rows.sort_values("week")
    price = ordered[ordered["deal"] == 0].groupby(keys)["price"].last().round(2)
    recent = ordered[ordered["week"] > ordered["week"].max() - COST_WEEKS]
    cost = recent.groupby(keys)["cost"].median().round(4)
    return pd.concat([price, cost], axis=1).reset_index().sort_values(keys, ignore_index=True)


def regions_table(rows: pd.DataFrame, stores: pd.DataFrame) -> pd.DataFrame:
    """Return ``regions``: income of each store's neighbourhood over the mean of all stores (the source has its logarithm)."""
    income = np.exp(stores["INCOME"])
    region = "store " + stores["STORE"].astype(int).astype(str).str.zfill(3)
    table = pd.DataFrame({"region": region, "income_index": (income / income.mean()).round(4)})
    return table[table["region"].isin(rows["region"])].sort_values("region", ignore_index=True)


def main() -> None:
    """Write the tables."""
    folder = os.environ.get("PRICEBID_DATA")
    if not folder:
        sys.exit("PRICEBID_DATA names no folder; it must hold oj_dominicks/oj_weekly.csv.gz")
    source = Path(folder) / "oj_dominicks"
    rows = labelled(pd.read_csv(source / "oj_weekly.csv.gz"))
    TARGET.mkdir(parents=True, exist_ok=True)
    sales_table(rows).to_parquet(TARGET / "sales.parquet", index=False, compression="zstd", compression_level=19)
    catalog_table(rows).to_csv(TARGET / "catalog.csv", index=False)
    offers_table(rows).to_csv(TARGET / "offers.csv", index=False)
    regions_table(rows, pd.read_csv(source / "stores.csv")).to_csv(TARGET / "regions.csv", index=False)
    for path in sorted(TARGET.iterdir()):
        print(f"{path.name:16} {path.stat().st_size:>9,} bytes")


if __name__ == "__main__":
    main()
