"""How long pacing takes: one auction after the other, and in batches."""

from __future__ import annotations

import argparse
from time import process_time
from typing import TYPE_CHECKING, Any

import numpy as np

from pricebid.bidding import MirrorPacer, Pacer, PidPacer
from pricebid.simulate.pacing_days import PacingSettings, draw_pacing_day

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pricebid.bidding import Paces
    from pricebid.simulate.pacing_days import PacingDay


def seconds(pacer: Paces[Any], day: PacingDay, batch: int, auctions: int) -> float:
    """CPU seconds of bids and updates alone, the market's own work left out."""
    state = pacer.start()
    total = 0.0
    for start in range(0, auctions, batch):
        rows = slice(start, min(start + batch, auctions))
        value, price = day.value[rows], day.price[rows, 0]
        began = process_time()
        bid = pacer.bid(state, value=value)
        total += process_time() - began
        won = bid > price
        got, cost = np.where(won, value, 0.0), np.where(won, price, 0.0)
        began = process_time()
        state = pacer.update(state, value=got, bid=bid, won=won, cost=cost)
        total += process_time() - began
    return total


def main(arguments: Sequence[str] | None = None) -> list[dict[str, object]]:
    """Print the table and return its rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--auctions", type=int, default=1_000_000, help="auctions of the day that is bid in batches")
    parser.add_argument("--single", type=int, default=10_000, help="auctions bid one after the other")
    asked = parser.parse_args(arguments)
    day = draw_pacing_day(PacingSettings(auctions=asked.auctions, limit=1.0), np.random.default_rng(0))
    rows: list[dict[str, object]] = []
    print(f"{'pacer':12} {'batch':>9} {'us / auction':>13} {'millions / s':>13}")
    for kind in (Pacer, PidPacer, MirrorPacer):
        for batch in (1, 1_000, 100_000):
            pacer = kind(budget=day.budget, opportunities=day.opportunities, max_cpa=day.limit)
            count = min(asked.single if batch == 1 else asked.auctions, len(day))
            each = seconds(pacer, day, batch, count) / count
            rows.append({"pacer": kind.__name__, "batch": batch, "seconds": each})
            print(f"{kind.__name__:12} {batch:>9,} {each * 1e6:>13.3f} {1e-6 / max(each, 1e-12):>13.2f}", flush=True)
    return rows


if __name__ == "__main__":
    main()
