"""Landscapes where the truth is known: whether expected outcomes and intervals hold, near the bids placed and far away.

Each market is 75 keywords in 3 campaigns over 8 weeks. All bids are set to a multiple of the current ones, and truth is
compared with what the landscape says. *chosen* is the hard case: a planner with a third of the money picks one of 41 bids for
each keyword and hour by what the landscape expects; what the picks truly cost shows whether they only looked cheap.

Run ``python -m benchmarks.quality.landscapes [--first SEED] [--seeds N] [--market NAME ...]``.
"""

from __future__ import annotations

import argparse
import time
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from pricebid.landscape import fit_landscape
from pricebid.simulate import AdMarketSettings, draw_ad_market

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pricebid.landscape import BidLandscape
    from pricebid.simulate import AdMarket

MARKETS = {
    "second": AdMarketSettings(),
    "by day": AdMarketSettings(hourly=False),
    "first": AdMarketSettings(auction="first"),
    "late": AdMarketSettings(delay=3.0, reports=True),
}
TIMES = (0.4, 0.7, 1.0, 1.5)
CHOSEN = "chosen"


class Line(NamedTuple):
    """Truth ÷ expectation of one market at one multiple of its bids, the share of series inside their 90 % interval, seconds."""

    market: str
    times: float | str
    cost: float
    conversions: float
    inside: float
    seconds: float


def lines_of(name: str, seed: int) -> list[Line]:
    """Fit one market and compare."""
    market = draw_ad_market(MARKETS[name], np.random.default_rng(seed))
    reports = market.shop.keyword_reports()
    began = time.process_time()
    landscape = fit_landscape(reports)
    seconds = time.process_time() - began
    current = np.exp(np.log(landscape.bid).mean(axis=1))
    lines = [_at(name, times, market, landscape, current * times, seconds) for times in TIMES]
    if landscape.hours > 1:
        ratio = _chosen(market, landscape, current)
        lines.append(Line(name, CHOSEN, *ratio, float("nan"), seconds))
    return lines


def _at(
    name: str, times: float, market: AdMarket, landscape: BidLandscape, bid: NDArray[np.float64], seconds: float
) -> Line:
    flat = np.repeat(bid[:, None], landscape.hours, axis=1)
    true = market.truth.outcomes_at(np.repeat(bid[:, None], 24, axis=1))
    expected = landscape.expected(flat[:, :, None])
    drawn = np.log(np.maximum(landscape.draws(flat, np.random.default_rng(0), 200).cost, 1e-12))
    low, high = np.quantile(drawn, [0.05, 0.95], axis=0)
    cost = np.log(np.maximum(true.cost.sum(axis=1), 1e-12))
    return Line(
        name,
        times,
        float(true.cost.sum() / expected.cost.sum()),
        float(true.conversions.sum() / expected.conversions.sum()),
        float(((cost >= low) & (cost <= high)).mean()),
        seconds,
    )


def _chosen(market: AdMarket, landscape: BidLandscape, current: NDArray[np.float64]) -> tuple[float, float]:
    ladder = np.concatenate([[0.0], np.geomspace(0.03, 3.0, 40)]) * current.mean()
    shape = (len(landscape), landscape.hours, len(ladder))
    got = landscape.expected(np.broadcast_to(ladder, shape).copy())
    cost, conversions = got.cost.reshape(-1, shape[2]), got.conversions.reshape(-1, shape[2])
    value = np.repeat(market.truth.margin * landscape.revenue_per_conversion, landscape.hours)
    profit = conversions * value[:, None] - cost
    rows, low, high = np.arange(len(cost)), 0.0, 100.0
    for _ in range(50):
        weight = (low + high) / 2
        over = cost[rows, np.argmax(profit - weight * cost, axis=1)].sum() > market.budget
        low, high = (weight, high) if over else (low, weight)
    pick = np.argmax(profit - high * cost, axis=1)
    true = market.truth.outcomes_at(ladder[pick].reshape(shape[:2]))
    return (
        float(true.cost.sum() / cost[rows, pick].sum()),
        float(true.conversions.sum() / conversions[rows, pick].sum()),
    )


def main(arguments: Sequence[str] | None = None) -> list[Line]:
    """Print a table over seeds and return its rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--first", type=int, default=100)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--market", nargs="+", choices=list(MARKETS), default=list(MARKETS))
    asked = parser.parse_args(arguments)
    print(
        f"{'market':8} {'bids x':>7} {'cost':>7} {'sd':>6} {'lowest':>7} {'highest':>8} {'conv.':>7} {'inside':>7} {'s':>5}"
    )
    every: list[Line] = []
    for name in asked.market:
        found = [line for seed in range(asked.first, asked.first + asked.seeds) for line in lines_of(name, seed)]
        every += found
        for times in (*TIMES, CHOSEN):
            rows = [line for line in found if line.times == times]
            if rows:
                cost = np.array([line.cost for line in rows])
                rest = [np.mean([getattr(line, key) for line in rows]) for key in ("conversions", "inside", "seconds")]
                spread = (cost.mean(), cost.std(), cost.min(), cost.max())
                print(f"{name:8} {times:>7} {spread[0]:7.3f} {spread[1]:6.3f} {spread[2]:7.3f} {spread[3]:8.3f} "
                      f"{rest[0]:7.3f} {rest[1]:7.3f} {rest[2]:5.1f}")  # fmt: skip
    print(
        "cost, conv.: truth / expectation; inside: series within their 90 % interval of cost; s: processor seconds per fit"
    )
    return every


if __name__ == "__main__":
    main()
