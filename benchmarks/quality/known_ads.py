"""Bids scored where the truth is known: the share of the best profit that each planner reaches, and what it spends.

Run ``python -m benchmarks.quality.known_ads [--seeds N] [--first SEED] [--planner NAME ...]``.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from benchmarks.quality import ad_planners

from pricebid.simulate import AdMarketSettings, best_bids, draw_ad_market

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from pricebid.simulate import AdMarket

    Bids = tuple[NDArray[np.float64], NDArray[np.float64] | None]

MEAN, LEAST, SPEND = 0.95, 0.90, 1.02  # aimed at: mean and lowest share of the best, and cost / budget at most
KEPT = (0.87, 0.93)  # share of days within the budget to aim at, planned for 0.9
PLAYED = 400  # days per market


@dataclass(frozen=True, kw_only=True)
class Score:
    """One planner on one market.

    Parameters
    ----------
    planner : str
        Who planned.
    seed : int
        Which market.
    share : float
        True expected profit ÷ that of the best bids x multipliers.
    spend : float
        True expected cost ÷ budget.
    seconds : float
        The planner's own time.
    """

    planner: str
    seed: int
    share: float
    spend: float
    seconds: float


def market_of(seed: int) -> AdMarket:
    """Draw market `seed`: 75 keywords in 3 campaigns, 8 weeks of hourly reports."""
    return draw_ad_market(AdMarketSettings(), np.random.default_rng([11, seed]))


def _analyst(market: AdMarket) -> Bids:
    return ad_planners.analyst(market), None


def _no_dayparts(market: AdMarket) -> Bids:
    return market.best(dayparts=False).bid, None


def _structural(market: AdMarket) -> Bids:
    plan = best_bids(ad_planners.structural(market), market.budget)
    return plan.bid, plan.multiplier


PLANNERS: dict[str, Callable[[AdMarket], Bids]] = {
    "analyst's rule": _analyst,
    "best, no dayparts": _no_dayparts,
    "structural, point": _structural,
}


def score_seed(seed: int, names: Sequence[str]) -> list[Score]:
    """Score planners on one market; the best is worked out once, off the clock."""
    market = market_of(seed)
    best = market.best()
    scores = []
    for name in names:
        begun = time.perf_counter()
        bid, multiplier = PLANNERS[name](market)
        seconds = time.perf_counter() - begun
        found = market.score(bid, multiplier, best=best)
        scores.append(Score(planner=name, seed=seed, share=found.share, spend=found.spend, seconds=seconds))
    return scores


def table(scores: list[Score]) -> str:
    """Mean, lowest and every share with cost / budget, one block per planner."""
    lines = [f"{'planner':20} {'mean':>6} {'min':>6} {'spend':>6} {'max':>6} {'s each':>7}"]
    for name in dict.fromkeys(score.planner for score in scores):
        mine = [score for score in scores if score.planner == name]
        share, spend = np.array([s.share for s in mine]), np.array([s.spend for s in mine])
        seconds = np.mean([s.seconds for s in mine])
        lines.append(
            f"{name:20} {share.mean():6.3f} {share.min():6.3f} {spend.mean():6.3f} {spend.max():6.3f} {seconds:7.2f}"
        )
        each = " ".join(f"{one:.2f}@{cost:.2f}" for one, cost in zip(share, spend, strict=True))
        lines.append(f"    {each}")
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> list[Score]:
    """Print the tables; gives the scores."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--first", type=int, default=0, help="first seed")
    parser.add_argument("--planner", nargs="*", default=list(PLANNERS), choices=list(PLANNERS))
    asked = parser.parse_args(argv)
    seeds = range(asked.first, asked.first + asked.seeds)
    scores = [score for seed in seeds for score in score_seed(seed, asked.planner)]
    print(table(scores))
    return scores


if __name__ == "__main__":
    main()
