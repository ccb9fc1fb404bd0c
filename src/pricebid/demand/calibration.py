"""What forecasts of periods held out of the history teach: how wide, how high, and how much of the plain view."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import log_ndtr

from pricebid.demand.counts import quantile
from pricebid.demand.plain import weigh

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

# What two held-out blocks say of the spread is believed this much, in logs.
_TRUST = 0.8
_LEVELS = (-0.7, 0.35)
# How far expected units of promoted cells and of the others may be drawn apart, in logs.
_APART = 0.2
_FOLDS = 2
# Fewer cells say nothing. So many cells of one kind say as much of its spread as what is known of all do; so many promotions (of
# a sku in a period: its regions sell well or badly together) as much of what they sell as that there is nothing to say.
_FEW = 30
_MANY = 200.0
_EVENTS = 10.0


@dataclass(frozen=True, kw_only=True)
class HeldOut:
    """Cells of blocks held out of the history, forecast from what came before each.

    Parameters
    ----------
    eta, plain : float64[cell]
        Log mean as the two views give it, and as the plain one does.
    variance : float64[cell]
        Of the log of demand.
    actual : float64[cell]
        Units sold.
    cut, promoted : bool[cell]
        Demand was at least that; with a promotion, feature or discount.
    fold : int[cell]
        Number of the block.
    event : int[cell]
        The same for cells of one sku in one period.
    """

    eta: NDArray[np.float64]
    plain: NDArray[np.float64]
    variance: NDArray[np.float64]
    actual: NDArray[np.float64]
    cut: NDArray[np.bool_]
    promoted: NDArray[np.bool_]
    fold: NDArray[np.intp]
    event: NDArray[np.intp]

    @classmethod
    def together(cls, parts: Sequence[HeldOut]) -> HeldOut:
        """Join blocks, each with cells of its own."""
        return cls(**{one.name: np.concatenate([getattr(part, one.name) for part in parts]) for one in fields(cls)})


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """What forecasts of periods held out of the history taught.

    Parameters
    ----------
    spread : float
        Factor on the predictive standard deviation of log units; of cells without a promotion where they have one of their own.
    level : float
        Factor on expected units; the same.
    plain : float
        Weight of the plain view in the log of the forecast.
    promoted_spread, promoted_level : float
        Further factors on both in cells with a promotion, feature or discount that counts.
    wape, bias, coverage : float
        Held-out WAPE of the median, bias of the mean and coverage of the 80 % interval, before calibration; NaN where
        the history was too short to hold any out.
    """

    spread: float = 1.0
    level: float = 1.0
    plain: float = 0.0
    promoted_spread: float = 1.0
    promoted_level: float = 1.0
    wape: float = np.nan
    bias: float = np.nan
    coverage: float = np.nan

    def spread_of(self, promoted: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Factor on the standard deviation of each cell, of the shape given."""
        return np.where(promoted, self.spread * self.promoted_spread, self.spread)

    def level_of(self, promoted: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Factor on expected units of each cell, of the shape given."""
        return np.where(promoted, self.level * self.promoted_level, self.level)


def settle(cells: HeldOut, *, whole: bool) -> Calibration:
    """Choose the plain view's weight by errors, the spread by coverage of the 80 % interval, the level by the total.

    Parameters
    ----------
    cells : HeldOut
    whole : bool
        Units are whole numbers.

    Returns
    -------
    Calibration
    """
    variance, actual, free = cells.variance, cells.actual, ~cells.cut
    if not free.any() or actual[free].sum() <= 0:
        return Calibration()
    views = cells.eta[free], cells.plain[free]
    weight = weigh(views, variance[free], actual[free], cells.fold[free].astype(np.float64), whole=whole)
    eta = cells.eta + weight * (cells.plain - cells.eta)
    mean = np.exp(np.minimum(eta + 0.5 * variance, 30.0))
    low, middle, high = (quantile(mean[free], variance[free], p, whole=whole) for p in (0.1, 0.5, 0.9))
    total, told = float(_demand(cells, eta, variance).sum()), actual[free]
    measured = {
        "wape": float(np.abs(middle - told).sum() / told.sum()),
        "bias": float((mean.sum() - total) / total),
        "coverage": float(((told >= low) & (told <= high)).mean()),
    }
    # Whole small counts cannot be covered exactly: the spread is judged where counts are large enough.
    sure = free & (mean > (4.0 if whole else 0.0))
    spread, wider = 1.0, 1.0
    if sure.sum() >= _FEW:
        gap = np.abs(np.log(np.maximum(actual[sure], 0.5)) - eta[sure])
        unit = 1.2815515655446004 * np.sqrt(variance[sure] + (1.0 / mean[sure] if whole else 0.0))
        spread, wider = _spreads(gap / unit, cells.promoted[sure])
    variance = np.where(cells.promoted, spread * wider, spread) ** 2 * variance
    calibrated, demand = np.exp(np.minimum(eta + 0.5 * variance, 30.0)), _demand(cells, eta, variance)
    level, higher = _agreed(demand, calibrated, cells.fold), _apart(demand, calibrated, cells)
    # The total stays as the blocks agreed.
    apart = np.where(cells.promoted, higher, 1.0)
    kept = float(calibrated.sum() / (calibrated * apart).sum())
    return Calibration(
        spread=spread, level=level * kept, plain=weight, promoted_spread=wider, promoted_level=higher, **measured
    )


def _demand(cells: HeldOut, eta: NDArray[np.float64], variance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give what was sold; for cells that sold out, and so were selected to be high, what is expected given that it was more."""
    return np.where(cells.cut, _expected_above(eta, variance, cells.actual), cells.actual)


def _spreads(ratio: NDArray[np.float64], promoted: NDArray[np.bool_]) -> tuple[float, float]:
    """Factor on standard deviations without a promotion, and how much more it is with one, from |errors| over 80 % bounds."""

    def spread(of: NDArray[np.float64]) -> float:
        return float(np.log(np.clip(np.quantile(of, 0.8), 0.5, 2.0)) * _TRUST)

    both = spread(ratio)
    apart = []
    for where in (~promoted, promoted):
        count = float(where.sum())
        own = spread(ratio[where]) if count >= _FEW else both
        apart.append(both + count / (count + _MANY) * (own - both))
    return float(np.exp(apart[0])), float(np.exp(apart[1] - apart[0]))


def _apart(demand: NDArray[np.float64], mean: NDArray[np.float64], cells: HeldOut) -> float:
    """How much higher expected units of promoted cells should be beside the others: what held-out blocks agree on."""
    off = []
    for fold in np.unique(cells.fold):
        kinds = [(cells.fold == fold) & cells.promoted, (cells.fold == fold) & ~cells.promoted]
        if min((kind & ~cells.cut).sum() for kind in kinds) < _FEW or min(demand[kind].sum() for kind in kinds) <= 0:
            return 1.0
        there, here = (float(np.log(demand[kind].sum() / mean[kind].sum())) for kind in kinds)
        events = min(len(np.unique(cells.event[kind & ~cells.cut])) for kind in kinds)
        off.append((there - here) * events / (events + _EVENTS))
    if len(off) < _FOLDS or min(off) <= 0.0 <= max(off):
        return 1.0
    return float(np.exp(np.clip(min(off, key=abs), -_APART, _APART)))


def _agreed(demand: NDArray[np.float64], mean: NDArray[np.float64], fold: NDArray[np.intp]) -> float:
    """Factor on expected units: what the held-out blocks agree on, the least of it; 1 where they point opposite ways."""
    off = np.log(
        np.maximum(np.bincount(fold, weights=demand), 1e-9) / np.maximum(np.bincount(fold, weights=mean), 1e-9)
    )
    if len(off) < 2 or (off > 0).any() == (off <= 0).any():
        return 1.0
    least = float(np.clip(off[np.abs(off).argmin()], *_LEVELS))
    # A log-normal tail that promises too much does so again; a stretch of good luck need not.
    return float(np.exp(least if least < 0 else 0.5 * least))


def _expected_above(
    eta: NDArray[np.float64], variance: NDArray[np.float64], least: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Mean of demand given that it is at least ``least``: log-normal, the count's own share in its variance."""
    log_mean = np.minimum(eta + 0.5 * variance, 30.0)
    wide = variance + np.log1p(np.exp(-log_mean))
    sd = np.sqrt(wide)
    gap = (log_mean - 0.5 * wide - np.log(np.maximum(least - 0.5, 0.5))) / sd
    return np.asarray(np.maximum(np.exp(log_mean + log_ndtr(gap + sd) - log_ndtr(gap)), least))
