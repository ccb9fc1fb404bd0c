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
AD_DAYS, DEVICES = 42, ("desktop", "mobile")
#            keyword              match     sku          auctions/day  rival bid  conversions per click
KEYWORDS = (
    ("espresso beans", "exact", "espresso-250", 520, 0.16, 0.120),
    ("espresso beans 1kg", "exact", "espresso-1000", 180, 0.30, 0.100),
    ("buy espresso online", "phrase", "espresso-250", 240, 0.20, 0.160),
    ("filter coffee", "broad", "filter-250", 840, 0.14, 0.060),
    ("buy filter coffee", "phrase", "filter-250", 220, 0.18, 0.140),
    ("decaf coffee beans", "exact", "decaf-250", 200, 0.17, 0.110),
    ("how to brew coffee", "broad", "filter-250", 1000, 0.06, 0.008),
    ("black tea", "exact", "black-tea-100", 480, 0.08, 0.100),
    ("black tea gift", "phrase", "black-tea-100", 140, 0.10, 0.090),
    ("green tea", "exact", "green-tea-100", 600, 0.10, 0.090),
    ("buy rooibos", "phrase", "rooibos-100", 160, 0.10, 0.160),
    ("tea benefits", "broad", "green-tea-100", 900, 0.04, 0.006),
)
#           channel      spend  most per week  half of that at
CHANNELS = (("search", 160.0, 4200.0, 180.0), ("social", 140.0, 2300.0, 220.0), ("video", 120.0, 1500.0, 300.0))
CHANNEL_WEEKS, TOUCHED = 60, 400


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


def keyword_rows(rng: np.random.Generator, last: np.datetime64) -> Iterable[tuple[object, ...]]:
    """Give a report of second-price auctions with log-normal rivals, by day, keyword and device."""
    from scipy.stats import truncnorm

    price = {row[0]: row[5] for row in SKUS}
    traffic = np.exp(rng.normal(0.0, 0.1, AD_DAYS))
    for keyword, match, sku, auctions, rival, rate in KEYWORDS:
        bid = rival * np.exp(rng.normal(0.0, 0.2))
        for day in range(AD_DAYS):
            if rng.random() < 0.1:
                bid = max(bid * np.exp(rng.normal(0.0, 0.25)), 0.02)
            bid = round(bid, 2)
            for device, share, keen in zip(DEVICES, (0.45, 0.55), (1.25, 0.8), strict=True):
                highest = np.exp(rng.normal(np.log(rival), 0.5, rng.poisson(auctions * share * traffic[day])))
                clicks = rng.binomial(int((highest < bid).sum()), 0.09)
                top = (np.log(bid) - np.log(rival)) / 0.5
                paid = rival * np.exp(0.5 * truncnorm.rvs(-np.inf, top, size=clicks, random_state=rng)).sum()
                sold = rng.binomial(clicks, min(rate * keen, 1.0))
                yield (
                    *(
                        last + (day - AD_DAYS + 1) * DAY,
                        "coffee" if "tea" not in keyword and "rooibos" not in keyword else "tea",
                        keyword,
                    ),
                    *(match, sku, device, f"{bid:.2f}", int((highest < bid).sum()), clicks, f"{paid:.2f}"),
                    *(sold, f"{sold * price[sku]:.2f}"),
                )


def channel_rows(rng: np.random.Generator, last: np.datetime64) -> Iterable[tuple[object, ...]]:
    """Give spend and what it brought by week and channel, with carry-over and saturation."""
    for channel, spend, most, half in CHANNELS:
        stock = spend
        for week in range(CHANNEL_WEEKS):
            money = round(spend * np.exp(rng.normal(0.0, 0.4)))
            stock = 0.3 * stock + 0.7 * money
            revenue = most * stock / (half + stock) * np.exp(rng.normal(0.0, 0.1))
            bought = rng.poisson(revenue / 14.0)
            new = rng.binomial(bought, 0.4)
            yield (last + 7 * (week - CHANNEL_WEEKS + 1) * DAY, channel, money, bought, f"{bought * 14.0:.2f}", new)


def touch_rows(rng: np.random.Generator, last: np.datetime64) -> Iterable[tuple[object, ...]]:
    """Give customers' touchpoints: video begins, search ends."""
    names = [row[0] for row in CHANNELS]
    for customer in range(TOUCHED):
        count = 1 + rng.poisson(1.0)
        days = np.sort(rng.integers(0, 28, count))
        bought = rng.random() < 0.25 + 0.05 * count
        for at, day in enumerate(days):
            chances = (0.6, 0.25, 0.15) if at == count - 1 else (0.2, 0.4, 0.4)
            ends = bought and at == count - 1
            time = f"{last + (int(day) - 28) * DAY}T{rng.integers(8, 22):02d}:00"
            yield f"c{customer:04d}", time, rng.choice(names, p=chances), int(ends), "14.00" if ends else ""


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
    advertise(last)


def advertise(last: np.datetime64) -> None:
    """Write the tables of advertising; the last day of the last week of sales is their last day."""
    rng, day = np.random.default_rng(20261124), last + 6 * DAY
    columns = "date campaign keyword match_type sku device bid impressions clicks cost conversions revenue"
    rows = sorted(keyword_rows(rng, day), key=lambda row: (row[0], row[1], row[2], row[5]))
    write("keywords", columns, rows)
    write("campaigns", "campaign margin daily_budget", (("coffee", "0.38", "8.00"), ("tea", "0.42", "")))
    write("candidates", "keyword campaign match_type sku", (("buy decaf coffee", "coffee", "phrase", "decaf-250"),))
    weeks = sorted(channel_rows(rng, last), key=lambda row: (row[0], row[1]))
    write("channels", "date channel spend conversions revenue new_customers", weeks)
    write("touches", "customer time channel converted value", touch_rows(rng, day))


if __name__ == "__main__":
    main()
