"""What forecasts of periods held out of the history teach: how wide, how high, and how much of the plain view."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import log_ndtr

from pricebid.demand.counts import quantile
from pricebid.demand.plain import weigh

if TYPE_CHECKING:
    from numpy.typing import NDArray

# What two held-out blocks say of the spread is believed this much, in logs.
_TRUST = 0.8
_LEVELS = (-0.7, 0.35)
# Fewer cells say nothing of a spread; so many of one kind say as much as what is known of all.
_FEW = 30
_MANY = 200.0
_FOLDS = 2


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """What forecasts of periods held out of the history taught.

    Parameters
    ----------
    spread : float
        Factor on the predictive standard deviation of log units.
    level : float
        Factor on expected units.
    plain : float
        Weight of the plain view in the log of the forecast.
    promoted_spread, promoted_level : float
        Further factors on both in cells with a promotion, feature or discount.
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


def settle(cells: NDArray[np.float64], *, whole: bool) -> Calibration:
    """Choose the plain view's weight by errors, the spread by coverage of the 80 % interval, the level by the total."""
    eta, plain, variance, actual, cut, fold = cells[:6]
    promoted = cells[6] > 0
    free = cut == 0
    if not free.any() or actual[free].sum() <= 0:
        return Calibration()
    weight = weigh((eta[free], plain[free]), variance[free], actual[free], fold[free], whole=whole)
    eta = eta + weight * (plain - eta)
    # Cells that sold out were selected to be high: their demand is what is expected of it, given that it was more.
    demand = np.where(~free, _expected_above(eta, variance, actual), actual)
    mean = np.exp(np.minimum(eta + 0.5 * variance, 30.0))
    low, middle, high = (quantile(mean[free], variance[free], p, whole=whole) for p in (0.1, 0.5, 0.9))
    total, told = float(demand.sum()), actual[free]
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
        spread, wider = _spreads(gap / unit, promoted[sure])
    wide = np.where(promoted, spread * wider, spread)
    calibrated = np.exp(np.minimum(eta + 0.5 * wide**2 * variance, 30.0))
    level = _agreed(demand, calibrated, fold)
    higher = _apart(demand, calibrated, fold, promoted)
    kept = float(calibrated.sum() / (calibrated * np.where(promoted, higher, 1.0)).sum())  # the total stays as agreed
    return Calibration(
        spread=spread, level=level * kept, plain=weight, promoted_spread=wider, promoted_level=higher, **measured
    )


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


def _apart(
    demand: NDArray[np.float64], mean: NDArray[np.float64], fold: NDArray[np.float64], promoted: NDArray[np.bool_]
) -> float:
    """How much higher expected units of promoted cells should be beside the others: what held-out blocks agree on."""
    off = []
    for at in np.unique(fold):
        totals = [
            (demand[one].sum(), mean[one].sum(), one.sum())
            for one in ((fold == at) & promoted, (fold == at) & ~promoted)
        ]
        if min(count for _, _, count in totals) < _FEW or min(total for total, _, _ in totals) <= 0:
            return 1.0
        least = min(count for _, _, count in totals)
        (there, told, _), (here, said, _) = totals
        off.append(float(np.log(there / told) - np.log(here / said)) * least / (least + _MANY))
    if len(off) < _FOLDS or min(off) <= 0.0 <= max(off):
        return 1.0
    return float(np.exp(np.clip(min(off, key=abs), *_LEVELS)))


def _agreed(demand: NDArray[np.float64], mean: NDArray[np.float64], fold: NDArray[np.float64]) -> float:
    """Factor on expected units: what the held-out blocks agree on, the least of it; 1 where they point opposite ways."""
    at = fold.astype(np.intp)
    off = np.log(np.maximum(np.bincount(at, weights=demand), 1e-9) / np.maximum(np.bincount(at, weights=mean), 1e-9))
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
