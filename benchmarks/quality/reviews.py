"""Whether a plan's ranges hold what then sells: reviews of plans that were followed, simulated and on orange juice.

Run ``python -m benchmarks quality.reviews``. On simulated markets buyers meet the planned prices and counts are drawn about
the truth; on orange juice a plan is told the prices and promotions that the next four weeks had, so that it was
followed where the price did not move within them: mostly offers without a promotion, beside rivals with one. Each plan is reviewed over its whole horizon and over half of it.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

import pricebid
from pricebid.datasets import orange_juice_path
from pricebid.policy import Policy
from pricebid.simulate import MarketSettings, draw_market

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pricebid.planning import PriceReview
    from pricebid.pricing import PricePlan

VISITORS = (400.0, 40.0, 4.0)
SEEDS = 10
BLOCKS = 4
HORIZON = 4


@dataclass(frozen=True, kw_only=True)
class Reviewed:
    """Plans of one kind over one part of their horizon.

    Parameters
    ----------
    market : str
        What was planned for.
    weeks : int
        Weeks reviewed, of four.
    offers : int
        Offers that were followed and did not sell out.
    inside : float
        Share of them within their 80 % range; 0.8 is right.
    fewest, most : float
        The same of the single review with the lowest and the highest share.
    wape, bias : float
        Of expected units, pooled.
    """

    market: str
    weeks: int
    offers: int
    inside: float
    fewest: float
    most: float
    wape: float
    bias: float


def simulated(visitors: float, seeds: int) -> Iterator[tuple[int, PriceReview]]:
    """Plan for fresh markets, let buyers meet the plan, review it."""
    settings = MarketSettings(skus=5, regions=3, periods=80, visitors=visitors, horizon=HORIZON)
    for seed in range(seeds):
        market = draw_market(settings, np.random.default_rng([17, seed]))
        plan = pricebid.price(market.shop, pricebid.fit(market.shop), Policy.from_toml("price.max_change = 0.15"))
        rng = np.random.default_rng([18, seed])
        mean = market.units(plan.price) / HORIZON
        keys = dict(zip(plan.offers.columns, plan.offers.labels, strict=True))
        shape = 1.0 / settings.dispersion
        weeks = [
            pd.DataFrame({**keys, "date": pd.Timestamp(str(week)), "price": plan.price, "promo": 0.0}).assign(
                units=rng.poisson(rng.gamma(shape, mean / shape))
            )
            for week in plan.periods
        ]
        yield from reviews(plan, market.shop, weeks)


def orange_juice(blocks: int) -> Iterator[tuple[int, PriceReview]]:
    """Plan for blocks of four weeks at the prices they had, the last first, and review what sold in them."""
    whole = pricebid.Shop.read(orange_juice_path())
    tables = {table.name: table.to_frame() for table in whole.tables}
    sales = tables["sales"]
    dates = np.sort(sales["date"].unique())
    for block in range(blocks):
        end = len(dates) - HORIZON * block
        ahead = sales[sales["date"].isin(dates[end - HORIZON : end])]
        planned = ahead[["date", "sku", "region", "price", "promo", "feature"]]
        before = tables | {"sales": sales[sales["date"] < dates[end - HORIZON]], "planned": planned}
        shop = pricebid.Shop.from_frames(before, whole.settings)
        plan = pricebid.price(shop, pricebid.fit(shop), Policy.from_toml('objective = "revenue"'))
        weeks = [week for _, week in ahead.groupby("date")]
        yield from reviews(plan, shop, weeks)


def reviews(plan: PricePlan, shop: pricebid.Shop, weeks: list[pd.DataFrame]) -> Iterator[tuple[int, PriceReview]]:
    """Review a plan over all of its weeks and over the first half of them."""
    tables = {table.name: table.to_frame() for table in shop.tables}
    for count in (HORIZON, HORIZON // 2):
        sales = pd.concat([tables["sales"], *weeks[:count]], ignore_index=True)
        lived = pricebid.Shop.from_frames(tables | {"sales": sales[tables["sales"].columns]}, shop.settings)
        found = pricebid.review(plan, lived)
        if found.prices is not None:
            yield count, found.prices


def pooled(market: str, weeks: int, found: list[PriceReview]) -> Reviewed:
    """Pool reviews of the same kind."""
    scores = [one.accuracy["followed"] for one in found]
    shares = [one.inside / one.offers for one in scores if one.offers]
    kept = [(one.compared & one.followed & (one.sold_out == 0), one) for one in found]
    units = np.concatenate([one.units[among] for among, one in kept])
    expected = np.concatenate([one.units_expected[among] for among, one in kept])
    return Reviewed(
        market=market,
        weeks=weeks,
        offers=len(units),
        inside=sum(one.inside for one in scores) / max(1, len(units)),
        fewest=min(shares),
        most=max(shares),
        wape=float(np.abs(expected - units).sum() / units.sum()),
        bias=float((expected - units).sum() / units.sum()),
    )


def main(argv: Sequence[str] | None = None) -> list[Reviewed]:
    """Print the table and return its rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--blocks", type=int, default=BLOCKS)
    asked = parser.parse_args(argv)
    kinds = {f"simulated, {visitors:g} visitors": simulated(visitors, asked.seeds) for visitors in VISITORS}
    if asked.blocks:
        kinds["orange juice"] = orange_juice(asked.blocks)
    rows = []
    print(f"{'':26} {'weeks':>6} {'offers':>7} {'inside':>7} {'by review':>13} {'WAPE':>7} {'bias':>7}")
    for name, run in kinds.items():
        found = list(run)
        for count in (HORIZON, HORIZON // 2):
            row = pooled(name, count, [one for weeks, one in found if weeks == count])
            rows.append(row)
            print(
                f"{row.market:26} {row.weeks:>6} {row.offers:>7,} {row.inside:>7.3f} {row.fewest:>6.2f}-{row.most:<6.2f} "
                f"{row.wape:>7.3f} {row.bias:>+7.3f}",
                flush=True,
            )
    return rows


if __name__ == "__main__":
    main()
