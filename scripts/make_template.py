"""Make the template shop that `pricebid init` copies: a small coffee and tea shop with known behaviour.

Demand is a multinomial logit with an outside option per category, region and week, so that the template has what a
real shop has: substitution, a season, promotions, price changes that last, and a stock-out. Run it from the root of
the project: `python scripts/make_template.py`. The same seed gives the same files.
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

FOLDER = Path(__file__).parents[1] / "src" / "pricebid" / "datasets" / "template"
WEEKS, START = 104, np.datetime64("2023-07-03")
DAY = np.timedelta64(1, "D")
REGIONS = ("north", "south")
#          sku              category  brand      size   cost  price  appeal role
SKUS = (
    ("espresso-250", "coffee", "Kestrel", 250, 3.90, 6.99, 1.6, "traffic"),
    ("espresso-1000", "coffee", "Kestrel", 1000, 13.20, 21.99, 0.6, "profit"),
    ("filter-250", "coffee", "Kestrel", 250, 3.60, 6.49, 1.2, "profit"),
    ("decaf-250", "coffee", "Lull", 250, 4.30, 7.49, 0.4, "profit"),
    ("black-tea-100", "tea", "Lull", 100, 1.90, 3.99, 1.3, "traffic"),
    ("green-tea-100", "tea", "Lull", 100, 2.10, 4.49, 1.0, "profit"),
    ("rooibos-100", "tea", "Veld", 100, 2.40, 4.99, 0.5, "profit"),
)
VISITORS = {"coffee": 260.0, "tea": 150.0}


def path_of_prices(list_price: float, rng: np.random.Generator) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Give one offer's price per week (float64[week]) and which weeks are promotions (bool[week])."""
    factor = np.ones(WEEKS)
    for week in rng.choice(np.arange(8, WEEKS - 4), size=5, replace=False):
        factor[week:] *= np.exp(rng.normal(0.0, 0.06))
    factor *= (1.0 / factor[-1]) ** np.linspace(0.0, 1.0, WEEKS)
    promo = rng.random(WEEKS) < 0.09
    promo[-2:] = False
    price = list_price * factor * np.where(promo, 0.82, 1.0)
    return np.maximum(np.round(price, 1) - 0.01, 0.5), promo


def sales_rows(rng: np.random.Generator) -> Iterable[tuple[object, ...]]:
    """Give the rows of the sales table, region by region, category by category."""
    dates = START + 7 * np.arange(WEEKS) * DAY
    season = 0.25 * np.cos(2 * np.pi * (np.arange(WEEKS) - 26) / 52.0)
    for region_shift, region in zip((0.0, 0.35), REGIONS, strict=True):
        for category, visitors in VISITORS.items():
            skus = [row for row in SKUS if row[1] == category]
            paths = [path_of_prices(row[5] * (1 + 0.04 * (region == "south")), rng) for row in skus]
            price = np.array([path[0] for path in paths])
            promo = np.array([path[1] for path in paths])
            list_price = np.array([row[5] for row in skus])[:, None]
            appeal = np.array([row[6] for row in skus])[:, None] + rng.normal(0, 0.15, (len(skus), 1))
            utility = appeal - 3.2 * np.log(price / list_price) + 0.25 * promo + region_shift
            share = np.exp(utility) / (2.5 + np.exp(utility).sum(axis=0))
            units = rng.poisson(visitors * np.exp(season) * rng.gamma(20, 1 / 20, WEEKS) * share)
            for i, row in enumerate(skus):
                for week in range(WEEKS):
                    out_of_stock = row[0] == "green-tea-100" and 60 <= week < 63
                    stock = min(units[i, week], 12) if out_of_stock else 400
                    sold = min(units[i, week], stock)
                    yield dates[week], row[0], region, sold, f"{price[i, week]:.2f}", int(promo[i, week]), stock


def write(name: str, header: str, rows: Iterable[tuple[object, ...]]) -> None:
    """Write one table of the template."""
    with (FOLDER / f"{name}.csv").open("w", newline="", encoding="utf8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header.split())
        writer.writerows(rows)


def main() -> None:
    """Write every table."""
    rng = np.random.default_rng(20250704)
    FOLDER.mkdir(parents=True, exist_ok=True)
    rows = sorted(sales_rows(rng), key=lambda row: (row[0], row[1], row[2]))
    write("sales", "date sku region units price promo stock", rows)
    write("catalog", "sku category brand size cost role", ((r[0], r[1], r[2], r[3], f"{r[4]:.2f}", r[7]) for r in SKUS))
    write("regions", "region shipping_cost tax", (("north", "0.35", "0.07"), ("south", "0.55", "0.07")))
    last = START + 7 * (WEEKS - 1) * DAY
    write(
        "planned",
        "date sku region promo",
        ((last + 14 * DAY, "filter-250", "north", 1), (last + 14 * DAY, "filter-250", "south", 1)),
    )
    write("calendar", "date event", ((f"{year}-12-18", "holiday season") for year in (2023, 2024, 2025)))
    rivals = (("espresso-250", 7.19), ("filter-250", 6.29), ("black-tea-100", 4.09), ("green-tea-100", 4.39))
    write(
        "competitors",
        "date sku competitor price in_stock",
        (
            (last + 5 * DAY, sku, rival, f"{price * factor:.2f}", 1)
            for sku, price in rivals
            for rival, factor in (("Hilltop", 1.0), ("Crate & Cup", 1.03))
        ),
    )


if __name__ == "__main__":
    main()
