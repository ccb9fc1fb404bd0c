"""The quality benchmarks with their sizes: ``smoke`` shows in seconds that each runs, ``full`` gives the figures."""

from __future__ import annotations

from benchmarks.quality import (
    ad_loop,
    attribution,
    backtests,
    bandits,
    channels,
    closed_loop,
    contextual,
    elasticities,
    experiments,
    joint,
    keyword_values,
    known_ads,
    known_truth,
    landscapes,
    off_policy,
    pacing,
    recovery,
    reviews,
)
from benchmarks.registry import Benchmark

SPECS: tuple[Benchmark, ...] = (
    Benchmark(
        name="quality.contextual",
        run=contextual.main,
        smoke=("--part", "pricing", "--runs", "2", "--horizon", "1000"),
    ),
    Benchmark(
        name="quality.known_truth",
        run=known_truth.main,
        smoke=("--seeds", "1", "--market", "logit 400"),
        full=("--first", "100", "--seeds", "10", "--planner", "fixed effects", "engine"),
    ),
    Benchmark(
        name="quality.reviews",
        run=reviews.main,
        smoke=("--seeds", "1", "--blocks", "0"),
    ),
    Benchmark(
        name="quality.known_ads",
        run=known_ads.main,
        smoke=("--seeds", "1"),
        full=("--first", "100", "--seeds", "10"),
    ),
    Benchmark(
        name="quality.landscapes",
        run=landscapes.main,
        smoke=("--seeds", "1", "--market", "by day"),
        full=("--seeds", "10"),
    ),
    Benchmark(
        name="quality.ad_loop",
        run=ad_loop.main,
        smoke=("--seeds", "1"),
        full=("--seeds", "3"),
    ),
    Benchmark(
        name="quality.joint",
        run=joint.main,
        smoke=("--seeds", "1"),
        full=("--seeds", "5"),
    ),
    Benchmark(
        name="quality.closed_loop",
        run=closed_loop.main,
        smoke=("--seeds", "1", "--days", "7", "--refit", "7", "--kinds", "drift"),
        full=("--seeds", "6", "--kinds", "drift", "stable", "rival", "elasticity", "cost"),
    ),
    Benchmark(
        name="quality.channels",
        run=channels.main,
        smoke=("--seeds", "1"),
        full=("--seeds", "24"),
    ),
    Benchmark(
        name="quality.pacing",
        run=pacing.main,
        smoke=("--part", "days", "--seeds", "1"),
        full=("--part", "days", "shocks", "regret", "starts", "replay"),
        needs_data=True,
    ),
    Benchmark(
        name="quality.bandits",
        run=bandits.main,
        smoke=("--horizon", "100", "--runs", "50", "--slow-steps", "400"),
        full=(),
    ),
    Benchmark(
        name="quality.keyword_values",
        run=keyword_values.main,
        full=(),
        needs_data=True,
    ),
    Benchmark(
        name="quality.attribution",
        run=attribution.main,
        smoke=("--touches", "20000", "--order", "1"),
        full=(),
        needs_data=True,
    ),
    Benchmark(
        name="quality.experiments",
        run=experiments.main,
        smoke=("--runs", "100", "--units", "1000", "--switchbacks", "4"),
        full=(),
    ),
    Benchmark(
        name="quality.off_policy",
        run=off_policy.main,
        smoke=("--part", "simulated", "--runs", "4"),
        full=(),
        needs_data=True,
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
