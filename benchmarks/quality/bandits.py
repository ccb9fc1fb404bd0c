"""Share of the linear-programming bound that policies earn in a season while they learn demand, beside those who know it."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pricebid.learning import BlindPricing, PrimalDualKnapsacks, ThompsonLP
from pricebid.simulate.seasons import Season, bound, exact_value, play, play_many

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

PRICES = [29.9, 34.9, 39.9, 44.9]
CHANCES = [0.8, 0.6, 0.3, 0.1]
POLICIES = ("TS-update", "TS-fixed", "re-solving, known", "optimum, known", "knapsacks", "blind")


def one_product(horizon: int, share: float) -> Season:
    """Four prices of one product, stock for a share of the periods; the last option closes."""
    return Season(
        prices=np.array([*PRICES, np.inf])[:, None],
        chances=np.array([*CHANCES, 0.0])[:, None],
        usage=np.ones((1, 1)),
        inventory=np.array([np.floor(share * horizon)]),
        horizon=horizon,
    )


def network(horizon: int, share: float) -> Season:
    """Three products, each at two prices or closed, that take one to two units of two of three resources each."""
    low, high = np.array([20.0, 30.0, 45.0]), np.array([27.0, 42.0, 60.0])
    chance_low, chance_high = np.array([0.6, 0.5, 0.45]), np.array([0.4, 0.3, 0.28])
    levels = np.array(np.meshgrid(*[[0, 1, 2]] * 3, indexing="ij")).reshape(3, -1).T
    prices = np.select([levels == 0, levels == 1], [low, high], np.inf)
    # Products stand in for each other: where one is dear or closed, the others sell a little more.
    lift = 1.0 + 0.08 * (levels.sum(axis=1, keepdims=True) - levels)
    chances = np.select([levels == 0, levels == 1], [chance_low, chance_high], 0.0) * lift
    usage = np.array([[1.0, 1.0, 0.0], [0.0, 1.0, 1.0], [1.0, 0.0, 2.0]])
    return Season(
        prices=prices,
        chances=chances,
        usage=usage,
        inventory=np.floor(share * horizon * np.array([1.4, 1.6, 2.0])),
        horizon=horizon,
    )


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One cell: the mean share of the bound in per cent, its standard error, and over how many seasons."""

    market: str
    share: float
    horizon: int
    policy: str
    percent: float
    error: float
    runs: int


def earned(name: str, season: Season, rng: np.random.Generator, runs: int, slow_runs: int) -> NDArray[np.float64]:
    """What a policy earns in so many seasons."""
    parts = {
        "prices": season.prices,
        "usage": season.usage,
        "inventory": season.inventory,
        "horizon": season.horizon,
    }
    if name == "optimum, known":
        return np.array([exact_value(season)])
    if name == "knapsacks":
        return np.array([play(PrimalDualKnapsacks(**parts), season, rng) for _ in range(slow_runs)])
    if name == "blind":
        return np.array([play(BlindPricing(**parts), season, rng) for _ in range(slow_runs)])
    policy = ThompsonLP(**parts, update_inventory=name != "TS-fixed")
    return play_many(policy, season, rng, runs, known=name == "re-solving, known")


def figure(market: str, share: float, horizon: int, name: str, *, runs: int, slow_steps: int) -> Figure:
    """Measure one cell."""
    season = (one_product if market == "one product" else network)(horizon, share)
    rng = np.random.default_rng([int(100 * share), horizon, POLICIES.index(name)])
    got = earned(name, season, rng, runs, max(slow_steps // horizon, 2)) / bound(season) * 100
    error = float(got.std(ddof=1) / np.sqrt(len(got))) if len(got) > 1 else 0.0
    return Figure(
        market=market,
        share=share,
        horizon=horizon,
        policy=name,
        percent=float(got.mean()),
        error=error,
        runs=len(got),
    )


def main(arguments: Sequence[str] | None = None) -> list[dict[str, object]]:
    """Print the table and return its rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--market", nargs="+", default=["one product", "network"], choices=["one product", "network"])
    parser.add_argument("--share", nargs="+", type=float, default=[0.25, 0.5], help="stock per period")
    parser.add_argument("--horizon", nargs="+", type=int, default=[100, 1_000, 10_000])
    parser.add_argument("--policy", nargs="+", default=list(POLICIES), choices=POLICIES)
    parser.add_argument("--runs", type=int, default=500, help="seasons of the fast policies")
    parser.add_argument("--slow-steps", type=int, default=30_000, help="periods in all of the baselines, per cell")
    asked = parser.parse_args(arguments)
    rows: list[dict[str, object]] = []
    print(f"{'market':12} {'stock':>6} {'periods':>8}  {'policy':18} {'% of bound':>10} {'error':>7} {'seasons':>8}")
    for market in asked.market:
        for share in asked.share:
            for horizon in asked.horizon:
                for name in asked.policy:
                    if name == "optimum, known" and market == "network":
                        continue
                    cell = figure(market, share, horizon, name, runs=asked.runs, slow_steps=asked.slow_steps)
                    rows.append(vars(cell).copy())
                    print(
                        f"{market:12} {share:>6} {horizon:>8,}  {name:18} {cell.percent:>10.3f} {cell.error:>7.3f} "
                        f"{cell.runs:>8,}",
                        flush=True,
                    )
    return rows


if __name__ == "__main__":
    main()
