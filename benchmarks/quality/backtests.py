"""Forecast accuracy on real panels: the engine beside anchors, on the same cells.

Run ``python -m benchmarks.quality.backtests [--panel NAME ...] [--heavy] [--anchors-only | --engine-only]``. Four
origins, non-overlapping blocks at the end, prices, promotions and features of the block given. WAPE is of the median,
bias of the mean, both over observed cells; seconds are of one origin, in this process.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from benchmarks.quality.anchors import ANCHORS, HEAVY
from benchmarks.quality.blocks import ORIGINS, Accuracy, Block, accuracy, blocks
from benchmarks.quality.data import PANELS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pricebid.tables.arrays import History

# (panel, horizon): highest WAPE, widest bias, and the known figures of the anchors on these cells where there are any.
CASES: dict[tuple[str, int], str] = {
    ("orange juice", 4): "reach .400, bias within .05; known: log-log .431, LightGBM .430, blend .411",
    ("orange juice", 8): "reach .430, bias within .07; known: log-log .453, LightGBM .483, blend .447",
    ("avocado", 8): "reach .077, bias within .03; known: log-log .119, LightGBM .077, blend .088",
    ("avocado monthly", 3): "",
    ("accounts weekly", 8): "",
    ("retail daily", 14): "",
    ("retail weekly", 4): "",
}


@dataclass(frozen=True, kw_only=True)
class Line:
    """One forecaster on one panel.

    Parameters
    ----------
    panel, method : str
        Which.
    horizon : int
        Periods ahead.
    accuracy : Accuracy
        Over the observed cells of all blocks.
    seconds : float
        Of one origin, the mean over origins.
    by_origin : tuple of float
        WAPE of each block, the earliest first.
    """

    panel: str
    method: str
    horizon: int
    accuracy: Accuracy
    seconds: float
    by_origin: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class Guess:
    """What a forecaster says of one block, float64[offer, step] each; low and high are p10 and p90."""

    median: np.ndarray
    mean: np.ndarray
    low: np.ndarray | None = None
    high: np.ndarray | None = None


def engine(history: History, horizon: int, origins: int) -> list[Guess]:
    """Backtest the engine with its defaults: one guess per block."""
    from pricebid.demand import backtest

    found = backtest(history, horizon=horizon, origins=origins).origins
    return [Guess(median=one.p50, mean=one.mean, low=one.p10, high=one.p90) for one in found]


def anchor(name: str, block: Block) -> Guess:
    """Forecast the block with an anchor; its one forecast is median and mean."""
    forecast = ANCHORS[name](block.train, block.future)
    return Guess(median=forecast, mean=forecast)


def measure(panel: str, horizon: int, methods: list[str], *, origins: int = ORIGINS) -> list[Line]:
    """Backtest methods on a panel; where both are asked for, the blend of log-log and LightGBM too."""
    history = PANELS[panel]()
    cut = list(blocks(history, horizon, origins))
    guesses: dict[str, list[Guess]] = {}
    seconds: dict[str, float] = {}
    for method in methods:
        begun = time.perf_counter()
        if method == "engine":
            guesses[method] = engine(history, horizon, origins)
        else:
            guesses[method] = [anchor(method, block) for block in cut]
        seconds[method] = (time.perf_counter() - begun) / len(cut)
    if {"pooled log-log", "LightGBM"} <= set(methods):
        pairs = zip(guesses["pooled log-log"], guesses["LightGBM"], strict=True)
        guesses["blend of the two"] = [_blend(one, other) for one, other in pairs]
        seconds["blend of the two"] = seconds["pooled log-log"] + seconds["LightGBM"]
    return [_line((panel, method, horizon), cut, said, seconds[method]) for method, said in guesses.items()]


def _blend(one: Guess, other: Guess) -> Guess:
    middle = np.expm1((np.log1p(one.median) + np.log1p(other.median)) / 2)
    return Guess(median=middle, mean=middle)


def _line(key: tuple[str, str, int], cut: list[Block], said: list[Guess], seconds: float) -> Line:
    actual = np.concatenate([block.actual for block in cut], axis=1)
    interval = None
    if all(guess.low is not None and guess.high is not None for guess in said):
        interval = (
            np.concatenate([guess.low for guess in said if guess.low is not None], axis=1),
            np.concatenate([guess.high for guess in said if guess.high is not None], axis=1),
        )
    whole = accuracy(
        actual,
        median=np.concatenate([guess.median for guess in said], axis=1),
        mean=np.concatenate([guess.mean for guess in said], axis=1),
        interval=interval,
    )
    each = tuple(
        accuracy(block.actual, median=guess.median, mean=guess.mean).wape
        for block, guess in zip(cut, said, strict=True)
    )
    return Line(panel=key[0], method=key[1], horizon=key[2], accuracy=whole, seconds=seconds, by_origin=each)


def table(lines: list[Line]) -> str:
    """One line per panel, horizon and method."""
    head = f"{'panel':16} {'H':>2} {'method':18} {'WAPE':>6} {'bias':>7} {'80 %':>6} {'s':>7}   WAPE by origin"
    rows = []
    for line in lines:
        a = line.accuracy
        inside = f"{a.coverage:6.3f}" if np.isfinite(a.coverage) else f"{'-':>6}"
        each = " ".join(f"{wape:.3f}" for wape in line.by_origin)
        rows.append(
            f"{line.panel:16} {line.horizon:2} {line.method:18} {a.wape:6.3f} {a.bias:+7.3f} {inside} "
            f"{line.seconds:7.2f}   {each}"
        )
    return "\n".join([head, *rows])


def methods_of(*, heavy: bool, anchors: bool = True, own: bool = True) -> list[str]:
    """Names of the forecasters to run."""
    wanted = [name for name in ANCHORS if anchors and (heavy or name not in HEAVY)]
    return [*wanted, "engine"] if own else wanted


def main(argv: Sequence[str] | None = None) -> None:
    """Print the table, panel by panel."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--panel", nargs="*", default=list(dict.fromkeys(panel for panel, _ in CASES)))
    parser.add_argument("--horizon", type=int, nargs="*", help="only these horizons")
    parser.add_argument("--heavy", action="store_true", help="AutoETS and LightGBM too: minutes")
    parser.add_argument("--anchors-only", action="store_true")
    parser.add_argument("--engine-only", action="store_true")
    asked = parser.parse_args(argv)
    methods = methods_of(heavy=asked.heavy, anchors=not asked.engine_only, own=not asked.anchors_only)
    for (panel, horizon), known in CASES.items():
        if panel in asked.panel and (not asked.horizon or horizon in asked.horizon):
            print(table(measure(panel, horizon, methods)))
            print(f"  {known}\n" if known else "", flush=True)


if __name__ == "__main__":
    main()
