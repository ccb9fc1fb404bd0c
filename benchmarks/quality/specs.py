"""The quality benchmarks with their sizes: ``smoke`` shows in seconds that each runs, ``full`` gives the figures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.quality import backtests, elasticities, known_truth, recovery

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


@dataclass(frozen=True, kw_only=True)
class QualitySpec:
    """One benchmark.

    Parameters
    ----------
    name : str
        As asked for on the command line.
    run : callable
        Takes arguments as a command line would, and prints a table.
    smoke, full : tuple of str
        Arguments of each size.
    needs_data : bool
        Reads the folder that ``PRICEBID_DATA`` names.
    """

    name: str
    run: Callable[[Sequence[str]], None]
    smoke: tuple[str, ...]
    full: tuple[str, ...]
    needs_data: bool


SPECS: tuple[QualitySpec, ...] = (
    QualitySpec(
        name="quality.known_truth",
        run=known_truth.main,
        smoke=("--seeds", "1", "--market", "logit 400"),
        full=("--first", "100", "--seeds", "10", "--planner", "fixed effects", "engine"),
        needs_data=False,
    ),
    QualitySpec(
        name="quality.recovery",
        run=recovery.main,
        smoke=("--seeds", "1", "--case", "a", "--rivals-only"),
        full=("--seeds", "5"),
        needs_data=False,
    ),
    QualitySpec(
        name="quality.elasticities",
        run=elasticities.main,
        smoke=("--rivals-only",),
        full=(),
        needs_data=True,
    ),
    QualitySpec(
        name="quality.backtests",
        run=backtests.main,
        smoke=("--panel", "avocado monthly", "--anchors-only"),
        full=("--heavy",),
        needs_data=True,
    ),
)
