"""Prices and bids together, against prices first and bids after and against each alone, where the truth is known.

Run ``python -m benchmarks.quality.joint [--seeds N] [--first S]``. Markets are those of `pricebid.simulate.joint_market`: ads bring
about a third of the units, buyers from ads answer to prices by 20 % more or less than all buyers. Money is true expected
profit after ad cost over the horizon, above today's prices and bids. Each market is planned with no limit on the plan as a
whole, and with one that prices and bids share: 8 % more units than today.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

import pricebid
from pricebid.bidding import BidPlan, bid, shop_value
from pricebid.landscape import BidLandscape, fit_landscape
from pricebid.planning.joint import plan
from pricebid.policy import Policy
from pricebid.simulate import AdMarketSettings, MarketSettings
from pricebid.simulate.joint_market import JointMarket, draw_joint_market

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pricebid.demand import DemandModel
    from pricebid.tables import Shop

PRICES = MarketSettings()
ADS = AdMarketSettings(volume=60.0, conversion_rate=0.12, bid_level=0.6)
WAYS = ("prices only", "bids only", "each alone, both set", "prices, then bids", "together")
SHARED = {"free": "", "units": "portfolio.min_units_ratio = 1.08\n"}


@dataclass(frozen=True)
class Setup:
    """A market as the engine sees it."""

    market: JointMarket
    shop: Shop
    model: DemandModel
    landscape: BidLandscape

    def policy(self, shared: str) -> Policy:
        """The policy: a budget of two thirds of what is spent now, and what prices and bids share."""
        spent = float(self.market.ads.truth.outcomes(self.market.ads.logged[-1]).cost.sum())
        text = f"{shared}price.max_change = 0.15\nprice.min_margin = 0.1\n[bids]\ndaily_budget = {spent * 2 / 3:.2f}\n[bids.dayparts]\n"
        return Policy.from_toml(text)

    def profit(self, price: NDArray[np.float64], bids: BidPlan | None) -> tuple[float, float]:
        """True profit over the horizon above today's, and true units ÷ today's."""
        market = self.market
        now = market.prices.truth.current
        logged = market.ads.logged[-1]
        setting: tuple[NDArray[np.float64], NDArray[np.float64] | None] = (logged, None)
        if bids is not None:
            names = ("campaign", "keyword", "match_type")
            labels = list(zip(*(bids.layout.label(name).tolist() for name in names), strict=True))
            amount = np.zeros(len(logged))
            amount[market.ads.keywords.locate(labels)] = bids.bid
            setting = (amount, bids.times[0])
        gain = market.profit(price, *setting) - market.profit(now, logged)
        return gain, float(market.units(price, *setting).sum() / market.units(now, logged).sum())


def draw(seed: int) -> Setup:
    """One market, and what is learnt of it."""
    market = draw_joint_market(PRICES, ADS, np.random.default_rng(seed))
    shop = market.shop
    return Setup(market, shop, pricebid.fit(shop), fit_landscape(shop.keyword_reports()))


def ways(setup: Setup, shared: str) -> tuple[list[tuple[float, float]], bool]:
    """Gain and units of each way, and whether prices first and bids after believed to keep the limits."""
    policy = setup.policy(shared)
    shop, landscape, now = setup.shop, setup.landscape, setup.market.prices.truth.current
    value = shop_value(shop, landscape, policy)
    prices = pricebid.price(shop, setup.model, policy)
    bids = bid(landscape, policy, campaigns=shop.campaigns(), value=value)
    after = bid(landscape, policy, campaigns=shop.campaigns(), value=shop_value(shop, landscape, policy, prices=prices))
    both = plan(shop, setup.model, landscape, policy, apart=value)
    settings = (
        (prices.price, None),
        (now, bids),
        (prices.price, bids),
        (prices.price, after),
        (both.prices.price, both.bids),
    )
    return [setup.profit(*setting) for setting in settings], both.turns[0].holds


def main(arguments: Sequence[str] | None = None) -> list[dict[str, object]]:
    """Print the table and return its rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first", type=int, default=100)
    asked = parser.parse_args(arguments)
    head = "".join(f"{way:>22}" for way in WAYS)
    print(f"{'seed':>5} {'shared':<7}{head}   true profit above today's, and units / today's")
    rows: list[dict[str, object]] = []
    for seed in range(asked.first, asked.first + asked.seeds):
        setup = draw(seed)
        for name, shared in SHARED.items():
            found, holds = ways(setup, shared)
            rows.append({"seed": seed, "shared": name, "sequence holds": holds, **dict(zip(WAYS, found, strict=True))})
            cells = "".join(f"{gain:>14,.0f} ({units:.3f})" for gain, units in found)
            print(f"{seed:>5} {name:<7}{cells}" + ("" if holds else "   prices, then bids: limit broken"), flush=True)
    for name in SHARED:
        kept = [row for row in rows if row["shared"] == name]
        means = "".join(
            f"{np.mean([row[way][0] for row in kept]):>14,.0f} ({np.mean([row[way][1] for row in kept]):.3f})"
            for way in WAYS
        )  # type: ignore[index]
        print(f" mean {name:<7}{means}")
    return rows


if __name__ == "__main__":
    main()
