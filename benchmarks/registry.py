"""Which benchmarks there are, and with which arguments each runs for a look (smoke) and for its figures (full)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


@dataclass(frozen=True, kw_only=True)
class Benchmark:
    """One benchmark.

    Parameters
    ----------
    name : str
        As asked for on the command line.
    run : callable
        Takes arguments as a command line would, prints a table, and returns its rows, an exit code or nothing.
    smoke, full : tuple of str
        Arguments of each size.
    needs_data : bool
        Reads the folder that ``PRICEBID_DATA`` names.
    """

    name: str
    run: Callable[[Sequence[str]], object]
    smoke: tuple[str, ...] = ()
    full: tuple[str, ...] = ()
    needs_data: bool = False


def benchmarks() -> tuple[Benchmark, ...]:
    """All benchmarks, in the order in which they run."""
    from benchmarks.load import capacity, cpu, faults, held, race
    from benchmarks.quality.specs import SPECS
    from benchmarks.speed import bandits, bids, feedback, kernel, pacing, prices, quotes, rivals, rules, tables

    speed = (
        Benchmark(
            name="speed.kernel",
            run=kernel.main,
            smoke=("--decisions", "500", "2000", "--repeat", "1"),
            full=("--decisions", "50000", "100000", "500000"),
        ),
        Benchmark(
            name="speed.rivals",
            run=rivals.main,
            smoke=("--highs", "300", "--cbc", "100", "--contour", "500", "--limit", "30"),
            full=("--highs", "5000", "50000", "--cbc", "500", "5000", "--contour", "50000", "1000000"),
        ),
        Benchmark(
            name="speed.rules",
            run=rules.main,
            smoke=("--decisions", "500"),
            full=("--decisions", "10000"),
        ),
        Benchmark(
            name="speed.prices",
            run=prices.main,
            smoke=("--offers", "200"),
            full=("--offers", "1000", "10000"),
        ),
        Benchmark(
            name="speed.bids",
            run=bids.main,
            smoke=("--keywords", "300", "--campaigns", "4"),
            full=("--keywords", "1000", "100000"),
        ),
        Benchmark(
            name="speed.pacing",
            run=pacing.main,
            smoke=("--auctions", "10000", "--single", "200"),
        ),
        Benchmark(
            name="speed.feedback",
            run=feedback.main,
            smoke=("--events", "200", "--batch", "100"),
        ),
        Benchmark(
            name="speed.quotes",
            run=quotes.main,
            smoke=("--offers", "2000", "--quotes", "2000", "--repeat", "1"),
        ),
        Benchmark(
            name="speed.bandits",
            run=bandits.main,
            smoke=("--choices", "1000", "--single", "20", "--rounds", "2"),
        ),
        Benchmark(
            name="speed.tables",
            run=lambda arguments: tables.main([*arguments]),
            smoke=("--rows", "10000"),
            full=("--rows", "1000000"),
        ),
    )
    load = (
        Benchmark(name="load.cpu", run=cpu.main, smoke=("--seconds", "0.5", "--rounds", "1")),
        Benchmark(
            name="load.capacity",
            run=capacity.main,
            smoke=("--seconds", "1", "--events", "20000", "--offers", "20000", "--databases", "sqlite"),
        ),
        Benchmark(name="load.race", run=race.main, smoke=("--budget", "10", "--databases", "sqlite")),
        Benchmark(name="load.held", run=held.main, smoke=("--kills", "1", "--seconds", "1", "2", "--burst", "1")),
        Benchmark(name="load.faults", run=faults.main, smoke=("--kills", "2", "--databases", "sqlite", "--light")),
    )
    return (*speed, *load, *SPECS)
