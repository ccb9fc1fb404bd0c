"""How long a shop of 1,000,000 sales rows takes to read and check, and how much memory: from Parquet, CSV and gzip.

Run ``python -m benchmarks.speed.tables [--rows N]``. Each format is read in a fresh process, imports included; the
promise is 3 s from Parquet, 6 s from CSV, and 1 GB at most. The exit code is 1 where it is not kept.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

FORMATS = ("parquet", "csv", "csv.gz")
SECONDS = {"parquet": 3.0, "csv": 6.0, "csv.gz": 6.0}
MEGABYTES = 1_000.0

PROBE = """
import json, resource, sys, time
began, cpu = time.perf_counter(), time.process_time()
from pricebid.tables import Shop
shop = Shop.read(sys.argv[1])
shop.warnings, shop.notices
read, used = time.perf_counter(), time.process_time() - cpu
history, future = shop.history(), shop.future(8)
done = time.perf_counter()
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024.0 if sys.platform == "linux" else 1024.0**2)
print(json.dumps({"rows": len(shop.table("sales")), "offers": len(shop.offers), "periods": len(history.periods),
                  "read": read - began, "cpu": used, "arrays": done - read, "megabytes": peak}))
"""


def sales(rows: int) -> pd.DataFrame:
    """Return weekly sales of 100 weeks, 50 stores and as many skus as the rows need, with promotion, stock and a driver."""
    rng = np.random.default_rng(0)
    skus = max(rows // 5_000, 1)
    dates = pd.date_range("2022-01-03", periods=100, freq="7D")
    index = pd.MultiIndex.from_product(
        [[f"sku-{at:05d}" for at in range(skus)], [f"store {at:02d}" for at in range(50)], dates],
        names=["sku", "region", "date"],
    )
    frame = index.to_frame(index=False)[["date", "sku", "region"]]
    units = rng.poisson(5.0, len(frame))
    price = np.round(np.exp(rng.normal(1.0, 0.2, len(frame))), 2)
    promo = rng.integers(0, 2, len(frame))
    temperature = np.round(rng.normal(20.0, 3.0, len(frame)), 1)
    return frame.assign(units=units, price=price, promo=promo, stock=units + 20, temperature=temperature)


def measure(frame: pd.DataFrame, suffix: str) -> dict[str, float]:
    """Read the sales in one format in a fresh process; seconds and megabytes."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"sales.{suffix}"
        frame.to_parquet(path) if suffix == "parquet" else frame.to_csv(path, index=False)
        command = [sys.executable, "-c", PROBE, folder]
        result: dict[str, float] = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return result


def main(arguments: list[str] | None = None) -> int:
    """Print the table; 1 where the promise is not kept at a million rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    rows = parser.parse_args(arguments).rows
    frame = sales(rows)
    print(f"{'format':8} {'rows':>10} {'offers':>7} {'read, s':>8} {'CPU, s':>7} {'arrays, s':>9} {'peak, MB':>8}")
    kept = True
    for suffix in FORMATS:
        got = measure(frame, suffix)
        print(
            f"{suffix:8} {got['rows']:>10,} {got['offers']:>7,} {got['read']:>8.2f} {got['cpu']:>7.2f} {got['arrays']:>9.2f} {got['megabytes']:>8.0f}"
        )
        kept &= rows > 1_000_000 or (got["read"] <= SECONDS[suffix] and got["megabytes"] <= MEGABYTES)
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
