"""The quality benchmarks with their sizes: ``smoke`` shows in seconds that each runs, ``full`` gives the figures."""

from __future__ import annotations

from benchmarks.quality import backtests, elasticities, known_truth, recovery
from benchmarks.registry import Benchmark

SPECS: tuple[Benchmark, ...] = (
    Benchmark(
        name="quality.known_truth",
        run=known_truth.main,
        smoke=("--seeds", "1", "--market", "logit 400"),
        full=("--first", "100", "--seeds", "10", "--planner", "fixed effects", "engine"),
    ),
    Benchmark(
        name="quality.recovery",
        run=recovery.main,
        smoke=("--seeds", "1", "--case", "a"),
        full=("--seeds", "5"),
    ),
    Benchmark(
        name="quality.elasticities",
        run=elasticities.main,
        full=(),
        needs_data=True,
    ),
    Benchmark(
        name="quality.backtests",
        run=backtests.main,
        smoke=("--panel", "avocado monthly"),
        full=("--heavy",),
        needs_data=True,
    ),
)
