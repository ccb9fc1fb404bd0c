"""Price plans over cross-elastic offers: seconds from shop and response to plan, against a loop over offers and prices.

Run ``python -m benchmarks.speed.prices [--offers N ...]``. Ten offers per category and region, ladders of whole cents
within 15 % of today's price, log-linear demand with uncertain elasticities. The baseline tries every price of every offer
by itself, in plain Python, without any cross effect or limit, on 200 offers scaled up: what a first script would do.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from time import perf_counter, process_time
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from pricebid.demand.response import LogLinearResponse, PriceResponse
from pricebid.policy import Policy
from pricebid.pricing import price
from pricebid.tables import Shop

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pricebid.tables import Future

GROUP, REGIONS, LOOPED = 10, 10, 200
FREE = "[price]\nmax_change = 0.15\nmin_margin = 0.05\n"
ONE = FREE + "[portfolio]\nmin_units_ratio = 0.97\n"
FIVE = (
    ONE + "min_margin = 0.4\nmin_revenue = {revenue}\nmax_price_changes = {changes}\nmax_discount_cost = {discount}\n"
)


@dataclass(frozen=True, kw_only=True)
class Known:
    """Demand as given, in the place of a fitted model."""

    known: LogLinearResponse
    name: str = "given"

    def response(self, future: Future) -> PriceResponse:
        """Return the response, whatever the future."""
        del future
        return self.known


def make(offers: int) -> tuple[Shop, Known]:
    """Return a shop of so many offers and its demand."""
    rng = np.random.default_rng(0)
    skus = [f"s{at:06d}" for at in range(max(1, offers // REGIONS))]
    today = np.round(rng.uniform(2, 6, len(skus)), 2)
    catalog = pd.DataFrame(
        {"sku": skus, "price": today, "cost": today * rng.uniform(0.45, 0.75, len(skus)),
         "category": [f"c{at // GROUP}" for at in range(len(skus))]}
    )  # fmt: skip
    rows = [(day, sku, f"r{r}", 5.0, p) for day in ("2024-01-01", "2024-01-08") for sku, p in zip(skus, today, strict=True) for r in range(REGIONS)]  # fmt: skip
    sales = pd.DataFrame(rows, columns=["date", "sku", "region", "units", "price"])
    shop = Shop.from_frames({"sales": sales, "catalog": catalog})
    n = len(shop.offers)
    labels = [f"{a} {b}" for a, b in zip(shop.offers.category, shop.offers.region, strict=True)]
    _, groups = np.unique(labels, return_inverse=True)
    known = LogLinearResponse(
        current=shop.offers.current_price, base=rng.gamma(2, 10, (n, 4)), groups=groups, weight=rng.uniform(0.5, 2, n),
        own_mean=rng.normal(-2.8, 0.5, n), cross_mean=rng.normal(1.2, 0.3, n),
        covariance=np.array([[0.09, -0.02], [-0.02, 0.05]]), level_sd=np.full(n, 0.1), dispersion=np.full(n, 0.2),
    )  # fmt: skip
    return shop, Known(known=known)


def loop(shop: Shop, model: Known) -> float:
    """Return the seconds that a loop would take over all offers."""
    offers, known = shop.offers, model.known
    best = offers.current_price.copy()
    level = known.base.sum(axis=1)
    rows = range(min(LOOPED, len(best)))
    start = perf_counter()
    for offer in rows:
        today, cost, top = float(best[offer]), float(offers.cost[offer]), -np.inf
        for cents in range(int(np.ceil(today * 85)), int(today * 115) + 1):
            worth = (cents / 100 - cost) * level[offer] * (cents / 100 / today) ** known.own_mean[offer]
            if worth > top:
                top, best[offer] = worth, cents / 100
    return (perf_counter() - start) * len(best) / len(rows)


def measure(offers: int) -> list[dict[str, object]]:
    """Return one row per set of limits."""
    shop, model = make(offers)
    looped = loop(shop, model)
    now = model.known.units(shop.offers.current_price)
    revenue = float((now * shop.offers.current_price).sum())
    five = FIVE.format(revenue=0.97 * revenue, changes=len(now) // 2, discount=0.01 * revenue)
    rows = []
    for limits, text in ((0, FREE), (1, ONE), (5, five)):
        start, used = perf_counter(), process_time()
        plan = price(shop, model, Policy.from_toml(text))
        made, used = perf_counter() - start, process_time() - used
        reasons = len(plan.reason)
        told = perf_counter() - start - made
        rows.append(
            {
                "offers": reasons,
                "limits": limits,
                "seconds": made,
                "cpu": used,
                "search": plan.seconds["search"],
                "reasons": told,
                "loop": looped,
                "gap": plan.found.gap,
                "worst slack": min((one.slack for one in plan.limits), default=0.0),
                "uplift": plan.found.value / plan.totals["now"]["profit"] - 1,
            }
        )
    return rows


def main(arguments: Sequence[str] | None = None) -> list[dict[str, object]]:
    """Print the table and return its rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--offers", type=int, nargs="+", default=[1_000, 10_000])
    asked = parser.parse_args(arguments)
    print(
        f"{'offers':>8} {'limits':>6} {'seconds':>8} {'cpu':>6} {'search':>8} {'reasons':>8} {'loop':>8} {'loop/plan':>9} {'gap':>8} "
        f"{'slack':>9} {'uplift':>7}"
    )
    rows: list[dict[str, object]] = []
    for offers in asked.offers:
        for row in measure(offers):
            rows.append(row)
            print(
                f"{row['offers']:>8,} {row['limits']:>6} {row['seconds']:>8.2f} {row['cpu']:>6.2f} {row['search']:>8.2f} {row['reasons']:>8.2f} "
                f"{row['loop']:>8.2f} {row['loop'] / row['seconds']:>9.2f} {row['gap']:>8.1e} {row['worst slack']:>9.1e} "  # type: ignore[operator]
                f"{row['uplift']:>7.1%}",
                flush=True,
            )
    return rows


if __name__ == "__main__":
    main()
