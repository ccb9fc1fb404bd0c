"""How good a forecast was: the figures that backtests and benchmarks report, over observed, uncensored cells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_QUANTILES = (0.1, 0.5, 0.9)


@dataclass(frozen=True, kw_only=True)
class Predicted:
    """What one forecaster said of one block, float64[offer, step] each.

    Parameters
    ----------
    mean : float64[offer, step]
        Expected units.
    p10, p50, p90 : float64[offer, step]
        Quantiles of units.
    """

    mean: NDArray[np.float64]
    p10: NDArray[np.float64]
    p50: NDArray[np.float64]
    p90: NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Score:
    """Figures of one forecaster.

    Parameters
    ----------
    forecaster : str
        Who forecast.
    cells : int
        Cells scored: observed and not cut off by stock.
    wape : float
        Sum of absolute errors of the median over the sum of units.
    bias : float
        Sum of errors (forecast less actual) of the mean over the sum of units.
    rmsse : float
        Root mean squared error of the mean, scaled by that of the one-step naive forecast over the offer's own past;
        mean over offers (Hyndman and Koehler 2006; unweighted).
    pinball : float
        Pinball loss in units per cell, mean over the 10, 50 and 90 % quantiles.
    coverage : float
        Share of cells within p10 and p90; 0.8 is right.

    A figure that no cell allows is NaN.
    """

    forecaster: str
    cells: int
    wape: float
    bias: float
    rmsse: float
    pinball: float
    coverage: float


@dataclass(frozen=True, kw_only=True)
class Cells:
    """What happened in one block, and what forecasts of it are measured by.

    Parameters
    ----------
    actual : float64[offer, step]
        Units; NaN in cells that are not scored.
    scale : float64[offer]
        Mean squared change from one period to the next over the offer's past; NaN where there is none.
    """

    actual: NDArray[np.float64]
    scale: NDArray[np.float64]


def naive_scale(units: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean squared change between neighbouring observed periods since the first sale, float64[offer].

    Parameters
    ----------
    units : float64[offer, period]
        Units of the past; NaN where not observed.

    Returns
    -------
    float64[offer]
        NaN where no two neighbouring periods were observed, or nothing ever changed.
    """
    begun = np.cumsum(np.nan_to_num(units), axis=1) > 0
    change = np.diff(np.where(begun, units, np.nan), axis=1)
    seen = np.isfinite(change)
    total = np.where(seen, change, 0.0) ** 2
    mean = total.sum(1) / np.maximum(seen.sum(1), 1)
    return np.where(mean > 0, mean, np.nan)


def score(forecaster: str, blocks: Sequence[tuple[Cells, Predicted]]) -> Score:
    """Score one forecaster over one or several blocks.

    Parameters
    ----------
    forecaster : str
        Its name.
    blocks : sequence of (Cells, Predicted)
        What happened and what was said.

    Returns
    -------
    Score
    """
    masks = [np.isfinite(cells.actual) for cells, _ in blocks]

    def pooled(name: str) -> NDArray[np.float64]:
        return np.concatenate([getattr(said, name)[mask] for (_, said), mask in zip(blocks, masks, strict=True)])

    actual = np.concatenate([cells.actual[mask] for (cells, _), mask in zip(blocks, masks, strict=True)])
    median, low, high = pooled("p50"), pooled("p10"), pooled("p90")
    total = float(actual.sum())
    return Score(
        forecaster=forecaster,
        cells=len(actual),
        wape=_ratio(float(np.abs(median - actual).sum()), total),
        bias=_ratio(float((pooled("mean") - actual).sum()), total),
        rmsse=_mean(np.concatenate([_rmsse(cells, said) for cells, said in blocks])),
        pinball=_mean(
            np.mean([_pinball(actual, q, p) for q, p in zip((low, median, high), _QUANTILES, strict=True)], axis=0)
        ),
        coverage=_mean(((actual >= low) & (actual <= high)).astype(np.float64)),
    )


def _pinball(actual: NDArray[np.float64], quantile: NDArray[np.float64], p: float) -> NDArray[np.float64]:
    gap = actual - quantile
    return np.maximum(p * gap, (p - 1.0) * gap)


def _rmsse(cells: Cells, said: Predicted) -> NDArray[np.float64]:
    """Scaled error of each offer that has a scale and a scored cell."""
    seen = np.isfinite(cells.actual)
    gap = np.where(seen, said.mean - np.where(seen, cells.actual, 0.0), 0.0)
    kept = seen.any(1) & np.isfinite(cells.scale)
    return np.asarray(np.sqrt((gap**2).sum(1)[kept] / seen.sum(1)[kept] / cells.scale[kept]))


def _ratio(part: float, total: float) -> float:
    return part / total if total > 0 else float("nan")


def _mean(values: NDArray[np.float64]) -> float:
    return float(values.mean()) if len(values) else float("nan")
