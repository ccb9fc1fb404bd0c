"""The closed loop on markets with known truth: whether exploration pays for itself, and whether it keeps its budget.

Run ``python -m benchmarks.quality.closed_loop [--seeds N] [--first S] [--kinds KIND ...]``. Every seed is one market, lived through by
the status quo, a static plan, the loop without and with exploration, and a clairvoyant. Money is expected under the truth and
given as a share of what the status quo earns over the same days. Errors are standard errors over markets.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from pricebid.simulate import LoopMarketSettings, LoopSettings, run_loop

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pricebid.simulate import LoopResult

MARKET = LoopMarketSettings(categories=1, skus=4, regions=4, keywords=0, days=126)
LOOP = LoopSettings(refit=14, from_scratch=200)
KINDS = {
    "drift": {"kind": "drift"},
    "stable": {"kind": "stable"},
    "rival": {"kind": "shock", "shock": "rival"},
    "elasticity": {"kind": "shock", "shock": "elasticity"},
    "cost": {"kind": "shock", "shock": "cost"},
}


def one_market(result: LoopResult) -> dict[str, float]:
    """What each policy earned above the status quo, and what exploring cost, in percent of what the status quo earns."""
    now = float(result.course("status quo").profit.sum())
    row = {one.name: 100.0 * (float(one.profit.sum()) / now - 1.0) for one in result.courses}
    explored = result.course("exploration")
    row["gain"] = row["exploration"] - row["no exploration"]
    row["cost"] = 100.0 * float(explored.cost.sum()) / now
    row["budget"] = 100.0 * float(explored.allowed.sum()) / now
    return row


def mean_and_error(values: NDArray[np.float64]) -> str:
    """Write a mean with its standard error."""
    error = values.std(ddof=1) / np.sqrt(len(values)) if len(values) > 1 else np.nan
    return f"{values.mean():+.2f} ± {error:.2f}"


def main(arguments: Sequence[str]) -> list[dict[str, object]]:
    """Run and print the table; gives its rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=6)
    parser.add_argument("--first", type=int, default=11)
    parser.add_argument("--kinds", nargs="+", choices=list(KINDS), default=["drift", "stable"])
    parser.add_argument("--days", type=int, default=MARKET.days)
    parser.add_argument("--refit", type=int, default=LOOP.refit)
    parser.add_argument("--budget", type=float, default=LOOP.budget)
    parser.add_argument("--confidence", type=float, default=LOOP.confidence)
    parser.add_argument("--window", type=int, default=0, help="days that the model is fitted to; 0: all")
    parser.add_argument("--keywords", type=int, default=MARKET.keywords)
    parser.add_argument("--varied", action="store_true", help="prices moved a lot in the history")
    given = parser.parse_args(arguments)
    settings = replace(
        LOOP, refit=given.refit, budget=given.budget, confidence=given.confidence, window=given.window or None
    )
    rows: list[dict[str, object]] = []
    for name in given.kinds:
        market = replace(MARKET, **KINDS[name], days=given.days, sparse=not given.varied, keywords=given.keywords)
        found = []
        for seed in range(given.first, given.first + given.seeds):
            found.append(one_market(run_loop(market, settings, seed=seed)))
            row = {"market": name, "seed": seed, **{key: round(value, 3) for key, value in found[-1].items()}}
            rows.append(row)
            print("  ".join(f"{key} {value}" for key, value in row.items()), flush=True)
        columns = {key: np.array([one[key] for one in found]) for key in found[0]}
        print(f"\n{name}: {given.seeds} markets, % of what the status quo earns")
        for key, values in columns.items():
            print(f"  {key:<15}{mean_and_error(values)}")
        kept = int((columns["cost"] <= columns["budget"]).sum())
        print(
            f"  cost within the budget in {kept} of {given.seeds}; gain above 0 in {int((columns['gain'] > 0).sum())}\n",
            flush=True,
        )
    return rows


if __name__ == "__main__":
    import sys

    main(sys.argv[1:])
