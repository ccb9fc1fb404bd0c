"""Fit a demand model and calibrate it on periods held out of the history."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from pricebid.demand.counts import quantile
from pricebid.demand.fitting import Fitted, fit_panel, make_panel
from pricebid.demand.model import Calibration, DemandModel, Movement, Slopes
from pricebid.demand.tiers import Clock
from pricebid.demand.window import before, block
from pricebid.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from pricebid.tables.arrays import History

_HELD_OUT = {"day": 28, "week": 6, "month": 3}
_FOLDS = 2
_SCALES = np.geomspace(0.4, 2.5, 60)


def fit(
    history: History,
    *,
    seed: int = 0,
    progress: Callable[[str, float], None] | None = None,
) -> DemandModel:
    """Fit the demand model to a shop's history.

    Parameters
    ----------
    history : History
        Sales, prices and drivers.
    seed : int
        Kept with the model; the fit itself draws nothing at random.
    progress : callable, optional
        Told ``(stage, share done)``.

    Returns
    -------
    DemandModel

    Raises
    ------
    InputError
        Fewer than 3 periods, or no sale at all.
    """
    del seed
    if len(history.periods) < 3:
        raise InputError(f"the history has {len(history.periods)} periods: at least 3 are needed")
    if not np.nansum(history.units) > 0:
        raise InputError("the history has no sale: nothing can be learnt")
    fitted = fit_panel(make_panel(history), progress=progress)
    model = model_of(fitted)
    if progress:
        progress("calibrate", 0.0)
    model = replace(model, calibration=_calibrate(history, fitted))
    if progress:
        progress("calibrate", 1.0)
    return model


def model_of(fitted: Fitted) -> DemandModel:
    """Keep of a fit what forecasts need."""
    panel, pooled = fitted.panel, fitted.pooled
    history = panel.history
    k = len(panel.recipe.names)
    units = history.units[np.isfinite(history.units)]
    decision, covariance, shared = _midway(fitted)
    return DemandModel(
        columns=history.offers.columns,
        labels=history.offers.labels,
        clock=Clock(frequency=history.frequency, first=history.periods[0], last=history.periods[-1]),
        recipe=panel.recipe,
        tiers=panel.tiers,
        slopes=Slopes(
            mean=pooled.series.mean,
            covariance=pooled.series.covariance,
            decision=decision,
            decision_covariance=covariance,
            shared=shared,
            over_time=pooled.sku.mean[:, k : 2 * k],
            extra=pooled.sku.mean[:, 2 * k :],
        ),
        movement=Movement(
            tide=fitted.tide,
            tide_ahead=fitted.tide_ahead,
            sku_level=fitted.sku_level,
            series_level=fitted.series_level,
            sku_last=np.stack(fitted.sku_last),
            series_last=np.stack(fitted.series_last),
            intercept=fitted.intercept,
            intercept_variance=fitted.intercept_variance,
            sigma2=fitted.sigma2,
        ),
        calibration=Calibration(),
        whole=bool(np.all(units == np.round(units))),
    )


def _midway(fitted: Fitted) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Slopes for decisions: midway between the two comparisons within a period.

    Prices are compared with the same sku elsewhere, and with the sku's category, in the same period. Where the two tell
    different slopes, either may be off (zones priced by their rivals, stock-piling), and neither is preferred.
    """
    pooled, tree = fitted.pooled, fitted.panel.tree
    k = len(fitted.panel.recipe.names)

    def halved(c: NDArray[np.float64]) -> NDArray[np.float64]:
        cross = c[:, :k, k : 2 * k]
        return 0.5 * (cross + cross.transpose(0, 2, 1)) + 0.25 * c[:, k : 2 * k, k : 2 * k]

    mean = pooled.series.mean + 0.5 * pooled.sku.mean[tree.sku_of, k : 2 * k]
    covariance = pooled.series.covariance + halved(pooled.sku.covariance)[tree.sku_of]
    return mean, covariance, pooled.category.covariance[:, :k, :k] + halved(pooled.category.covariance)


def _calibrate(history: History, fitted: Fitted) -> Calibration:
    """Forecast the last blocks of the history from what came before each, and see how far off that is."""
    periods, recipe = len(history.periods), fitted.panel.recipe
    length = min(_HELD_OUT[history.frequency], periods // 6)
    folds = [(fold, periods - length * (fold + 1)) for fold in range(_FOLDS)]
    parts = []
    for _, start in folds:
        if length < 1 or start < 8:
            continue
        past = before(history, start)
        if not np.nansum(past.units) > 0:
            continue
        model = model_of(fit_panel(make_panel(past, recipe.curvature, recipe.pull), like=fitted))
        future, actual = block(history, start, length)
        eta, moving, fresh = model.outlook(future, future.price)
        seen = np.isfinite(actual) & ~history.censored[:, start : start + length]
        parts.append(np.stack([eta[seen], (moving + fresh)[seen], actual[seen]]))
    if not parts:
        return Calibration()
    eta, variance, actual = np.concatenate(parts, axis=1)
    return _settle(eta, variance, actual, whole=model_of(fitted).whole)


def _settle(eta: np.ndarray, variance: np.ndarray, actual: np.ndarray, *, whole: bool) -> Calibration:
    """Choose the factors: the spread by coverage of the 80 % interval, the level by the total."""
    mean = np.exp(np.minimum(eta + 0.5 * variance, 30.0))
    low, middle, high = (quantile(mean, variance, p, whole=whole) for p in (0.1, 0.5, 0.9))
    total = max(float(actual.sum()), 1e-9)
    measured = {
        "wape": float(np.abs(middle - actual).sum() / total),
        "bias": float((mean - actual).sum() / total),
        "coverage": float(((actual >= low) & (actual <= high)).mean()),
    }
    # Whole small counts cannot be covered exactly: the spread is judged where counts are large enough.
    sure = mean > (4.0 if whole else 0.0)
    spread = 1.0
    if sure.sum() >= 30:
        gap = np.abs(np.log(np.maximum(actual[sure], 0.5)) - eta[sure])
        unit = 1.2815515655446004 * np.sqrt(variance[sure] + (1.0 / mean[sure] if whole else 0.0))
        spread = float(np.clip(np.quantile(gap / unit, 0.8), 0.5, 2.0))
    calibrated = np.exp(np.minimum(eta + 0.5 * spread**2 * variance, 30.0))
    ratio = total / max(float(calibrated.sum()), 1e-9)
    return Calibration(spread=spread, level=float(np.clip(ratio, 0.7, 1.4) ** 0.5), **measured)
