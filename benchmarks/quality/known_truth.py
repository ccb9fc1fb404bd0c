"""Plans scored where the truth is known: the share of the reachable profit uplift that each planner captures.

Run ``python -m benchmarks.quality.known_truth [--seeds N] [--planner NAME ...] [--market NAME ...]``.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from benchmarks.quality import planners

from pricebid.simulate import Bounds, MarketSettings, draw_market

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.quality.planners import Planner

    from pricebid.simulate import Market

MARKETS: dict[str, MarketSettings] = {
    "logit 400": MarketSettings(truth="logit", visitors=400.0),
    "logit 12": MarketSettings(truth="logit", visitors=12.0),
    "nested": MarketSettings(truth="nested", visitors=400.0),
    "loglog": MarketSettings(truth="loglog", visitors=400.0),
    "reference": MarketSettings(truth="reference", visitors=400.0),
}
PLANNERS: dict[str, Planner] = {
    "fixed effects": planners.fixed_effects_grid,
    "right form": planners.right_form,
    "told, log-linear": planners.told_log_linear,
    "told, attraction": planners.told_attraction,
    "response": planners.engine_response,
    "engine": planners.engine,
}
# Of the engine over ten fresh seeds: mean at least, and lowest seed at least.
TARGETS: dict[str, tuple[float, float]] = {
    "logit 400": (0.85, 0.6),
    "logit 12": (0.5, 0.0),
    "nested": (0.5, -np.inf),
    "loglog": (0.5, -np.inf),
    "reference": (0.5, -np.inf),
}


@dataclass(frozen=True, kw_only=True)
class Score:
    """One planner on one market.

    Parameters
    ----------
    market : str
        Kind of market.
    planner : str
        Who planned.
    seed : int
        Which market of the kind.
    share : float
        Share of the reachable uplift captured.
    seconds : float
        The planner's own time.
    """

    market: str
    planner: str
    seed: int
    share: float
    seconds: float


def market_of(kind: str, seed: int) -> Market:
    """Draw market `seed` of a kind named in `MARKETS`; kinds share nothing, and neither do seeds."""
    number = list(MARKETS).index(kind)
    return draw_market(MARKETS[kind], np.random.default_rng([number, seed]))


def score_market(market: Market, plan: Planner, bounds: Bounds | None = None) -> float:
    """Share of the reachable uplift that a planner captures on one market."""
    bounds = bounds or Bounds()
    return market.score(plan(market, bounds), bounds)


def score_seed(kind: str, planner_names: list[str], seed: int) -> list[Score]:
    """Score planners on one fresh market; the market and its best prices are worked out once, off the clock."""
    market, bounds = market_of(kind, seed), Bounds()
    now, best = market.profit(market.truth.current), market.profit(market.best(bounds))
    scores = []
    for name in planner_names:
        begun = time.perf_counter()
        price = PLANNERS[name](market, bounds)
        seconds = time.perf_counter() - begun
        share = float((market.profit(price) - now) / (best - now))
        scores.append(Score(market=kind, planner=name, seed=seed, share=share, seconds=seconds))
    return scores


def table(scores: list[Score]) -> str:
    """Mean, lowest and every share, one line per market and planner."""
    lines = [f"{'market':10} {'planner':16} {'mean':>7} {'min':>7} {'s each':>7}  shares"]
    for key in sorted({(s.market, s.planner) for s in scores}, key=lambda k: (list(MARKETS).index(k[0]), k[1])):
        mine = [s for s in scores if (s.market, s.planner) == key]
        shares = np.array([s.share for s in mine])
        seconds = np.mean([s.seconds for s in mine])
        each = " ".join(f"{share:.2f}" for share in shares)
        mean, least = TARGETS[key[0]]
        verdict = (
            "" if key[1] != "engine" else "  met" if shares.mean() >= mean and shares.min() >= least else "  MISSED"
        )
        lines.append(
            f"{key[0]:10} {key[1]:16} {shares.mean():7.3f} {shares.min():7.3f} {seconds:7.2f}  {each}{verdict}"
        )
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--first", type=int, default=0, help="first seed")
    parser.add_argument("--planner", nargs="*", default=["fixed effects", "engine"], choices=list(PLANNERS))
    parser.add_argument("--market", nargs="*", default=list(MARKETS), choices=list(MARKETS))
    asked = parser.parse_args(argv)
    seeds = range(asked.first, asked.first + asked.seeds)
    print(table([s for kind in asked.market for seed in seeds for s in score_seed(kind, asked.planner, seed)]))


if __name__ == "__main__":
    main()
