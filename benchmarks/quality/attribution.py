"""Attribution on real paths: every rule side by side, and how long millions of touches take.

Run ``python -m benchmarks.quality.attribution [--touches N] [--order K ...]``. The paths are those that come with the package
ChannelAttribution (folder ``mta_paths`` of ``PRICEBID_DATA``); they hold no truth about what advertising caused.
"""

from __future__ import annotations

import argparse
import time
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from benchmarks.quality.data import data_folder

from pricebid.landscape.attribution import RULES, AttributionSettings, attribute
from pricebid.landscape.attribution_paths import Paths, counted_paths, cut_paths
from pricebid.tables.channels import Touches

if TYPE_CHECKING:
    from collections.abc import Sequence

# ChannelAttribution 2.2.5: markov_model(Data, "path", "total_conversions", "total_conversion_value", "total_null",
# order=..., nsim_start=3e6, conv_par=0.005). It simulates walks; we solve for them.
THEIRS = {
    1: {"alpha": 5350.77, "iota": 3883.99, "eta": 3351.18, "beta": 2525.02, "theta": 1967.22, "lambda": 1281.94},
    2: {"alpha": 5610.75, "iota": 3815.42, "eta": 3391.66, "beta": 2437.13, "theta": 1894.92, "lambda": 1197.90},
}


def demo_paths() -> Paths:
    """Read the demo paths."""
    data = pd.read_csv(data_folder() / "mta_paths" / "channelattribution_paths.csv.gz")
    return counted_paths(
        data["path"].tolist(),
        conversions=data["total_conversions"],
        value=data["total_conversion_value"],
        nulls=data["total_null"],
    )


def many_touches(touches: int, rng: np.random.Generator) -> Touches:
    """Draw touches of a year: 12 channels, six touches per customer, 5 % convert."""
    customer = np.sort(rng.integers(0, max(touches // 6, 1), touches)).astype(np.int32)
    when = np.datetime64("2024-01-01", "s") + rng.integers(0, 365 * 86_400, touches).astype("timedelta64[s]")
    return Touches(
        channels=np.array([f"channel {at:02}" for at in range(12)], dtype=object),
        customer=customer,
        time=when[np.lexsort((when, customer))],
        channel=rng.integers(0, 12, touches).astype(np.int32),
        converted=rng.random(touches) < 0.05,
        value=rng.lognormal(3.0, 1.0, touches),
        cost=rng.random(touches),
    )


def timings(touches: int) -> list[dict[str, object]]:
    """Seconds to cut touches into paths, and of each rule."""
    drawn = many_touches(touches, np.random.default_rng(0))
    begun = time.perf_counter()
    paths = cut_paths(drawn, window=60.0)
    rows: list[dict[str, object]] = [{"step": "cut into paths", "seconds": time.perf_counter() - begun}]
    for rule in (rule for rule in RULES if rule != "last_non_direct"):
        begun = time.perf_counter()
        attribute(paths, rules=[rule])
        rows.append({"step": rule, "seconds": time.perf_counter() - begun})
    return rows


def main(argv: Sequence[str] | None = None) -> list[dict[str, object]]:
    """Print the tables, and return their rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--touches", type=int, default=2_000_000)
    parser.add_argument("--order", type=int, nargs="*", default=[1, 2, 3])
    asked = parser.parse_args(argv)
    begun = time.perf_counter()
    found = attribute(demo_paths())
    seconds = time.perf_counter() - begun
    print(found.summary())
    print(f"\nread, cut and attributed by {len(found.rules)} rules in {seconds:.2f} s\n")
    rows: list[dict[str, object]] = [
        {"rule": rule, "total": float(found.of(rule)[0].sum()), "value": float(found.of(rule)[1].sum())}
        for rule in found.rules
    ]
    for order in asked.order:
        begun = time.perf_counter()
        one = attribute(demo_paths(), rules=["markov"], settings=AttributionSettings(order=order))
        ours = dict(zip(one.channels.tolist(), one.of("markov")[0].tolist(), strict=True))
        apart = {name: abs(ours[name] / value - 1) for name, value in THEIRS.get(order, {}).items()}
        worst = max(apart.values(), default=None)
        beside = "" if worst is None else f", at most {worst:.2%} from ChannelAttribution's simulation (large channels)"
        print(f"markov of order {order}: {len(one.graph.state):,} states, {time.perf_counter() - begun:.2f} s{beside}")
        rows.append({"rule": f"markov {order}", "states": len(one.graph.state), "furthest": worst})
    print(f"\n{asked.touches:,} touches (graph and removal effects are worked out in each):")
    for row in timings(asked.touches):
        print(f"  {row['step']:16} {row['seconds']:6.2f} s")
        rows.append(row)
    return rows


if __name__ == "__main__":
    main()
