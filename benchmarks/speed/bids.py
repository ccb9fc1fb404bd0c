"""Bid plans over many keywords: seconds and memory from landscape to plan, the gap to free bids, and what limits do.

Run ``python -m benchmarks.speed.bids [--keywords N ...] [--campaigns N] [--budgets]``. Landscapes are drawn with hour profiles,
uncertain rival bids and uncertain conversion rates; 24 hours; multipliers by hour; a daily budget of 40 % of what is
spent now and a least return on ad spend; with ``--budgets`` each campaign has a budget of its own too. A ladder of a keyword
holds a dozen bids. Baseline: the same landscape evaluated once at the current bids, which any planner must do at least a
dozen times.
"""

from __future__ import annotations

import argparse
import resource
from time import perf_counter, process_time
from typing import TYPE_CHECKING

import numpy as np

from pricebid.bidding import ConversionValue, bid
from pricebid.landscape import BidLandscape, Observed
from pricebid.landscape.curves import WinCurves
from pricebid.landscape.drift import Memory
from pricebid.landscape.model import Rates
from pricebid.policy import Policy
from pricebid.tables import Campaigns, KeywordAxis

if TYPE_CHECKING:
    from collections.abc import Sequence

HOURS = 24
LIMITS = "[bids]\ndaily_budget = {budget}\nmin_roas = 2.5\n[bids.dayparts]\n"


def make(keywords: int, campaigns: int) -> BidLandscape:
    """Return a landscape of so many keywords."""
    rng = np.random.default_rng(0)
    campaign = np.sort(rng.integers(0, campaigns, keywords))
    labels = ([f"c{at:04d}" for at in campaign], [f"k{at:06d}" for at in range(keywords)], ["exact"] * keywords)
    root = rng.normal(0.0, 0.1, (keywords, 3, 3))
    smooth = 0.02**2 * np.tile(np.eye(HOURS), (campaigns, 1, 1))
    turn = 2 * np.pi / HOURS * np.arange(HOURS)

    def wave(size: float) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
        return np.asarray(size * np.cos(turn + rng.uniform(0, 2 * np.pi, (campaigns, 1))))

    level = rng.normal(-0.7, 0.4, keywords)
    curves = WinCurves(
        campaign=campaign,
        mean=np.stack([rng.normal(0.5, 1.0, keywords), level, rng.normal(-0.5, 0.1, keywords)], axis=1),
        covariance=root @ root.transpose(0, 2, 1),
        traffic=wave(0.6),
        level=wave(0.2),
        traffic_covariance=smooth,
        level_covariance=smooth,
        trade=np.zeros((campaigns, HOURS)),
    )
    unsure, none = np.full(keywords, 0.3**2), np.zeros(keywords)
    clicks = rng.poisson(50.0, keywords).astype(np.float64)
    rates = [
        Rates(mean=mean, log_variance=variance, hours=hours, hours_log_covariance=smooth)
        for mean, variance, hours in (
            (rng.lognormal(-2.5, 0.3, keywords), none, np.ones((campaigns, HOURS))),
            (rng.lognormal(-3.5, 0.5, keywords), unsure, np.exp(wave(0.5))),
        )
    ]
    return BidLandscape(
        keywords=KeywordAxis(
            columns=("campaign", "keyword", "match_type"), labels=tuple(np.array(one, dtype=object) for one in labels)
        ),
        hours=HOURS,
        auction="second",
        bid=np.round(np.exp(level + rng.normal(0.2, 0.3, keywords)), 2)[:, None] * np.ones(HOURS),
        candidate=np.zeros(keywords, dtype=bool),
        observed=Observed(
            days=7, impressions=none, clicks=none, cost=none, conversions=none, revenue=none, total_clicks=clicks,
            total_cost=none, total_conversions=rng.poisson(1.5, keywords).astype(np.float64), exposed_clicks=clicks,
        ),
        revenue_per_conversion=rng.uniform(30.0, 80.0, keywords), day_shock=0.1, curves=curves, click_rate=rates[0],
        conversion_rate=rates[1], completeness=np.ones(1), memory=Memory(),
    )  # fmt: skip


def measure(keywords: int, campaigns: int, *, budgets: bool) -> dict[str, float]:
    """Return one row of the table."""
    landscape = make(keywords, campaigns)
    start = perf_counter()
    now = landscape.expected(landscape.bid[:, :, None])
    once = perf_counter() - start
    spent = now.cost.sum(axis=(1, 2))
    revenue = landscape.revenue_per_conversion
    names = np.unique(landscape.keywords.label("campaign"))
    limits = {
        name: np.full(len(names), np.nan)
        for name in ("margin", "daily_budget", "min_roas", "max_cpa", "min_bid", "max_bid")
    }
    if budgets:
        limits["daily_budget"] = 0.45 * np.bincount(landscape.keywords.numbers(("campaign",)), spent)
    before, start, used = _peak(), perf_counter(), process_time()
    plan = bid(
        landscape,
        Policy.from_toml(LIMITS.format(budget=0.4 * float(spent.sum()))),
        campaigns=Campaigns(labels=names, **limits),
        value=ConversionValue(revenue=revenue, profit=0.4 * revenue),
    )
    seconds, used = perf_counter() - start, process_time() - used
    told = perf_counter()
    rows = len(plan.to_frame())
    return {
        "keywords": float(rows),
        "campaigns": float(len(names)),
        "seconds": seconds,
        "cpu": used,
        "once": once,
        "told": perf_counter() - told,
        "peak": _peak(),
        "before": before,
        "gap": plan.gap,
        "worst": min(one.slack / one.limit for one in plan.limits),
        "uplift": plan.found.value / plan.totals["now"]["profit"] - 1.0,
        **{f"s {stage}": value for stage, value in plan.seconds.items()},
    }


def _peak() -> float:
    """Highest memory of this process so far, GB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def main(arguments: Sequence[str] | None = None) -> list[dict[str, float]]:
    """Print the table and return its rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keywords", type=int, nargs="+", default=[1_000, 100_000])
    parser.add_argument("--campaigns", type=int, default=20)
    parser.add_argument("--budgets", action="store_true", help="each campaign has a budget of its own")
    asked = parser.parse_args(arguments)
    print(
        f"{'keywords':>9} {'campaigns':>9} {'seconds':>8} {'cpu':>7} {'once':>6} {'reasons':>8} {'GB':>6} {'GB before':>9} "
        f"{'gap':>8} {'worst slack':>11} {'uplift':>7}  stages"
    )
    rows = []
    for keywords in asked.keywords:
        row = measure(keywords, asked.campaigns, budgets=asked.budgets)
        rows.append(row)
        stages = ", ".join(f"{name[2:]} {value:.1f}" for name, value in row.items() if name.startswith("s "))
        print(
            f"{row['keywords']:>9,.0f} {row['campaigns']:>9,.0f} {row['seconds']:>8.2f} {row['cpu']:>7.2f} {row['once']:>6.2f} "
            f"{row['told']:>8.2f} {row['peak']:>6.2f} {row['before']:>9.2f} {row['gap']:>8.1e} {row['worst']:>11.1e} "
            f"{row['uplift']:>7.1%}  {stages}",
            flush=True,
        )
    return rows


if __name__ == "__main__":
    main()
