"""Side rules over many small groups with portfolio limits: seconds, gap, and that every rule holds.

Run ``python -m benchmarks.speed.rules [--decisions N ...]``. Groups of five decisions at 20 prices each, under three
limits: the regions of a sku within 10 %; pack sizes in order; and both at once, which closes circles (the bound is then
that of a forest of the rules, so part of the gap is the bound's).
"""

from __future__ import annotations

import argparse
from time import process_time
from typing import TYPE_CHECKING

import numpy as np
from benchmarks.speed.market import worst

from pricebid.optimize import Limit, Order, Rule, Spread, broken, choose

if TYPE_CHECKING:
    from collections.abc import Sequence

GROUP = 5
OPTIONS = 20


def problem(decisions: int, kind: str) -> tuple[dict[str, np.ndarray], list[Rule]]:
    """Outcomes of one kind of market, and its rules."""
    rng = np.random.default_rng(0)
    base = np.repeat(rng.lognormal(1.5, 0.5, decisions // GROUP), GROUP) * rng.uniform(0.97, 1.03, decisions)
    price = np.round(base[:, None] * np.linspace(0.85, 1.15, OPTIONS), 2)
    units = rng.lognormal(2.0, 1.0, (decisions, 1)) * (price / base[:, None]) ** -rng.uniform(1.3, 4.0, (decisions, 1))
    cost = base[:, None] * rng.uniform(0.5, 0.8, (decisions, 1))
    outcomes = {
        "profit": (price - cost) * units,
        "revenue": price * units,
        "units": units,
        "discount": np.maximum(base[:, None] - price, 0.0) * units,
    }
    every = np.arange(decisions)
    spread = Spread(attribute=price, group=every // GROUP, at_most=0.1)
    if kind == "spread":
        return outcomes, [spread]
    if kind == "order":
        lower = every[every % GROUP < GROUP - 1]
        return outcomes, [Order(attribute=price, lower=lower, upper=lower + 1)]
    lower = every[(every // GROUP % 4 < 3) & (every < decisions - GROUP)]
    level = price / np.repeat(price[::GROUP, OPTIONS // 2], GROUP)[:, None]
    return outcomes, [spread, Order(attribute=level, lower=lower, upper=lower + GROUP, gap=-0.05)]


def measure(decisions: int, kind: str) -> dict[str, object]:
    """One size of one kind."""
    outcomes, rules = problem(decisions, kind)
    free = choose(outcomes, maximise="profit", rules=rules)
    every = np.arange(decisions)
    total = {name: float(array[every, free.option].sum()) for name, array in outcomes.items()}
    asked = [
        Limit("units", at_least=1.02 * total["units"]),
        Limit("profit", at_least=0.99 * total["profit"] / total["revenue"], per="revenue"),
        Limit("discount", at_most=0.8 * total["discount"]),
    ]
    began = process_time()
    choice = choose(outcomes, maximise="profit", limits=asked, rules=rules)
    cpu = process_time() - began
    return {
        "kind": kind,
        "decisions": decisions,
        "seconds": choice.seconds,
        "cpu": cpu,
        "gap": choice.gap,
        "violation": worst(choice.slacks, asked),
        "broken": sum(len(broken(rule, choice.option)) for rule in rules),
        "status": choice.status,
    }


def main(arguments: Sequence[str] | None = None) -> list[dict[str, object]]:
    """Print the table and return its rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--decisions", type=int, nargs="+", default=[10_000])
    asked = parser.parse_args(arguments)
    print(f"{'rules':8} {'decisions':>10} {'seconds':>8} {'CPU':>6} {'gap':>9} {'violation':>10} {'broken':>7}  status")
    rows = []
    for decisions in asked.decisions:
        for kind in ("spread", "order", "both"):
            row = measure(decisions, kind)
            rows.append(row)
            print(
                f"{kind:8} {decisions:>10,} {row['seconds']:>8.3f} {row['cpu']:>6.2f} {row['gap']:>9.1e} {row['violation']:>10.1e} "
                f"{row['broken']:>7}  {row['status']}",
                flush=True,
            )
    return rows


if __name__ == "__main__":
    main()
