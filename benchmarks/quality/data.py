"""Real panels for the backtests: the two of the targets and some of other kinds, which nothing was tuned on.

The folder that ``PRICEBID_DATA`` names holds one folder per data set, each with its SOURCE.md.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from benchmarks.quality.panel import Spec, history_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from pricebid.tables.arrays import History


def data_folder() -> Path:
    """Give the folder that ``PRICEBID_DATA`` names.

    Raises
    ------
    SystemExit
        Where it is not set or is not a folder.
    """
    named = os.environ.get("PRICEBID_DATA", "")
    if not named or not Path(named).is_dir():
        raise SystemExit(f"PRICEBID_DATA is {named!r}: set it to the folder that holds oj_dominicks, avocado_us, ...")
    return Path(named)


def orange_juice_frame() -> pd.DataFrame:
    """Read the orange-juice rows as a long frame; promo = deal, feature = feat, cost per package of each row."""
    raw = pd.read_csv(data_folder() / "oj_dominicks" / "oj_weekly.csv.gz", parse_dates=["week_start"])
    return pd.DataFrame(
        {
            "date": raw["week_start"],
            "sku": raw["brand_name"] + " " + raw["pack_oz"].astype(str) + "oz",
            "region": raw["store"].map("store {:03d}".format),
            "units": raw["units"],
            "price": raw["price"],
            "promo": raw["deal"].astype(float),
            "feature": raw["feat"].astype(float),
            "category": "orange juice",
            "brand": raw["brand_name"],
            "size": raw["pack_oz"].astype(float),
            "cost": raw["price"] * (1 - raw["gross_margin_pct"] / 100),
        }
    )


def orange_juice() -> History:
    """913 weekly series: 11 brands x 83 stores; an absent store-week is unknown, not zero."""
    return history_of(orange_juice_frame(), Spec(frequency="week", drivers=("promo", "feature")))


def avocado_frame() -> pd.DataFrame:
    """Read the market-level avocado rows: sku = type, one category."""
    raw = pd.read_csv(data_folder() / "avocado_us" / "avocado_weekly.csv.gz", parse_dates=["date"])
    raw = raw[raw["level"] == "market"]
    return pd.DataFrame(
        {
            "date": raw["date"],
            "sku": raw["type"],
            "region": raw["region"],
            "units": raw["units"],
            "price": raw["price"],
            "category": "avocado",
        }
    )


def avocado() -> History:
    """90 weekly series: 45 markets x 2 types, no promotion columns."""
    return history_of(avocado_frame(), Spec(frequency="week"))


def avocado_monthly() -> History:
    """Monthly: the avocado weeks summed by the month of their last day, whole months only."""
    frame = avocado_frame()
    frame["revenue"] = frame["units"] * frame["price"]
    frame["date"] = frame["date"].dt.to_period("M").dt.to_timestamp()
    keys = ["date", "sku", "region", "category"]
    monthly = frame.groupby(keys, as_index=False)[["units", "revenue"]].sum()
    monthly["price"] = monthly["revenue"] / monthly["units"]
    return history_of(monthly, Spec(frequency="month"))


def accounts_weekly() -> History:
    """Weekly accounts of one product: one brand of orange juice over its 83 stores, no feature column."""
    frame = orange_juice_frame()
    return history_of(frame[frame["sku"] == "Minute Maid 64oz"], Spec(frequency="week", drivers=("promo",)))


def retail_frame(*, skus: int, rule: str) -> pd.DataFrame:
    """Gift-shop orders summed by day (``rule="D"``) or week (``"W"``), for a spread of skus from busy to rare.

    Parameters
    ----------
    skus : int
        How many skus, taken evenly over the 800 with most sale days.
    rule : {"D", "W"}
        Period. Price is the median unit price of the period's lines; cancellations and odd lines are left out.
    """
    raw = pd.read_parquet(data_folder() / "uci_online_retail_ii" / "transactions_y1.parquet")
    raw = raw.drop_duplicates().astype({"sku": str, "country": str})
    product = raw["sku"].str.fullmatch(r"\d{5}[A-Za-z]?")
    raw = raw[product & (raw["quantity"] > 0) & (raw["quantity"] < 2000) & (raw["unit_price"] > 0)]
    day = pd.to_datetime(raw["invoice_ts"]).dt.normalize()
    raw = raw.assign(day=day)[day < "2010-12-06"]
    busy = raw.groupby("sku")["day"].nunique().sort_values(ascending=False).index[:800]
    raw = raw[raw["sku"].isin(busy[np.linspace(0, len(busy) - 1, skus).astype(int)])]
    start = raw["day"] if rule == "D" else raw["day"] - pd.to_timedelta(raw["day"].dt.dayofweek, unit="D")
    raw = raw.assign(date=start, region=np.where(raw["country"] == "United Kingdom", "home", "abroad"))
    rows = raw.groupby(["date", "sku", "region"], as_index=False).agg(
        units=("quantity", "sum"), price=("unit_price", "median")
    )
    return rows.assign(category="gifts")


def retail_daily() -> History:
    """Daily with many zeros: 150 gift-shop skus at home; days on which nothing at all sold are unknown (closed)."""
    frame = retail_frame(skus=150, rule="D")
    return history_of(frame[frame["region"] == "home"], Spec(frequency="day", zero_when_absent=True))


def retail_weekly() -> History:
    """Weekly and sparse: 200 gift-shop skus, home and abroad, one year, no promotion columns."""
    return history_of(retail_frame(skus=200, rule="W"), Spec(frequency="week", zero_when_absent=True))


PANELS: dict[str, Callable[[], History]] = {
    "orange juice": orange_juice,
    "avocado": avocado,
    "avocado monthly": avocado_monthly,
    "accounts weekly": accounts_weekly,
    "retail daily": retail_daily,
    "retail weekly": retail_weekly,
}


def main() -> None:
    """Print what each panel holds."""
    for name, make in PANELS.items():
        history = make()
        seen = np.isfinite(history.units)
        zero = float((history.units[seen] == 0).mean())
        print(
            f"{name:16} {len(history.offers):5} offers x {len(history.periods):4} {history.frequency}s  "
            f"observed {seen.mean():.2f}  zeros {zero:.2f}  median units {np.median(history.units[seen]):,.1f}"
        )


if __name__ == "__main__":
    main()
