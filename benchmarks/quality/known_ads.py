"""Bids scored where the truth is known: the share of the best profit that each planner reaches, and what it spends.

Run ``python -m benchmarks.quality.known_ads [--seeds N] [--first SEED] [--planner NAME ...]``.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np
from benchmarks.quality import ad_planners

from pricebid.bidding import bid, conversion_value
from pricebid.landscape import fit_landscape
from pricebid.policy import Policy
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


def engine_bids(market: AdMarket, confidence: float = 0.5) -> Bids:
    """Plan from the reports alone: a fitted landscape, then bids and multipliers within the budget."""
    reports, campaigns = market.shop.keyword_reports(), market.shop.campaigns()
    limits = {"daily_budget": market.budget, "budget_confidence": confidence, "dayparts": {}}
    policy = Policy.from_mapping({"bids": limits})
    landscape = fit_landscape(reports, seed=policy.seed)
    plan = bid(landscape, policy, campaigns=campaigns, value=conversion_value(landscape, campaigns))
    bids, times = plan.to_frame(), plan.dayparts_frame()
    rows = market.keywords.locate([*zip(bids["campaign"], bids["keyword"], bids["match_type"], strict=True)])
    chosen = np.zeros(len(market.keywords))
    chosen[rows] = bids["bid"].to_numpy()
    number = {name: at for at, name in enumerate(market.keywords.campaigns)}
    multiplier = np.ones((len(number), 24))
    multiplier[times["campaign"].map(number), times["hour"]] = times["multiplier"]
    return chosen, multiplier


PLANNERS: dict[str, Callable[[AdMarket], Bids]] = {
    "analyst's rule": _analyst,
    "best, no dayparts": _no_dayparts,
    "structural, point": _structural,
    "pricebid": engine_bids,
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


@dataclass(frozen=True, kw_only=True)
class Kept:
    """How often simulated days stayed within a budget that was to be kept on 90 % of them.

    Parameters
    ----------
    seed : int
        Which market.
    days : float
        Share of days within the budget.
    share, spend : float
        As in `Score`.
    """

    seed: int
    days: float
    share: float
    spend: float


def keep_seed(seed: int, confidence: float = 0.9) -> Kept:
    """Plan one market at a confidence, and play days with shocks."""
    market = market_of(seed)
    bids = engine_bids(market, confidence)
    found = market.score(*bids)
    days = market.play(*bids, np.random.default_rng([13, seed]), days=PLAYED)
    kept = float((days.spend <= market.budget).mean())
    return Kept(seed=seed, days=kept, share=found.share, spend=found.spend)


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
        if name == "pricebid":
            met = share.mean() >= MEAN and share.min() >= LEAST and spend.max() <= SPEND
            lines[-1] += "  met" if met else "  MISSED"
        each = " ".join(f"{one:.2f}@{cost:.2f}" for one, cost in zip(share, spend, strict=True))
        lines.append(f"    {each}")
    return "\n".join(lines)


def kept_table(kept: list[Kept]) -> str:
    """Share of days within the budget, with what that costs."""
    days = np.array([one.days for one in kept])
    share, spend = (np.mean([getattr(one, name) for one in kept]) for name in ("share", "spend"))
    verdict = "met" if KEPT[0] <= days.mean() <= KEPT[1] else "MISSED"
    each = " ".join(f"{one:.2f}" for one in days)
    return (
        f"days within the budget at 0.9: {days.mean():.3f} ({verdict}), share of the best {share:.3f}, spend {spend:.3f}\n"
        f"    {each}"
    )


def main(argv: Sequence[str] | None = None) -> list[dict[str, object]]:
    """Print the tables, and return a row per score."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--first", type=int, default=0, help="first seed")
    parser.add_argument("--planner", nargs="*", default=list(PLANNERS), choices=list(PLANNERS))
    parser.add_argument("--keep", action="store_true", help="also play days against a budget kept on 90 %% of them")
    asked = parser.parse_args(argv)
    seeds = range(asked.first, asked.first + asked.seeds)
    scores = [score for seed in seeds for score in score_seed(seed, asked.planner)]
    print(table(scores))
    if asked.keep:
        print(kept_table([keep_seed(seed) for seed in seeds]))
    return [asdict(one) for one in scores]


if __name__ == "__main__":
    main()
