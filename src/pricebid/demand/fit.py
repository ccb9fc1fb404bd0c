"""Fit a demand model and calibrate it on periods held out of the history."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from pricebid.demand.calibration import Calibration, HeldOut, settle
from pricebid.demand.features import future_columns, promoted
from pricebid.demand.fitting import Fitted, fit_panel, second_view
from pricebid.demand.model import DemandModel, Movement, Slopes
from pricebid.demand.panel import clock_of, make_panel
from pricebid.demand.plain import fit_plain
from pricebid.demand.window import before, block
from pricebid.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from pricebid.tables.arrays import History

_HELD_OUT = {"day": 28, "week": 8, "month": 3}
_FOLDS = 2


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
    model = replace(model, calibration=calibrate(history, fitted))
    if progress:
        progress("calibrate", 1.0)
    return model


def model_of(fitted: Fitted) -> DemandModel:
    """Keep of a fit what forecasts need."""
    panel, pooled = fitted.panel, fitted.pooled
    history = panel.history
    decision, covariance, shared = _midway(fitted)
    return DemandModel(
        columns=history.offers.columns,
        labels=history.offers.labels,
        clock=clock_of(history, panel.span),
        recipe=panel.recipe,
        tiers=panel.tiers,
        slopes=Slopes(
            mean=pooled.series.mean,
            covariance=pooled.series.covariance,
            decision=decision,
            decision_covariance=covariance,
            shared=shared,
        ),
        movement=_movement(fitted),
        second=_movement(second_view(panel, fitted)),
        plain=fit_plain(panel, fitted),
        calibration=Calibration(),
        whole=whole_units(history),
    )


def whole_units(history: History) -> bool:
    """All units sold are whole numbers."""
    units = history.units[np.isfinite(history.units)]
    return bool(np.all(units == np.round(units)))


def _movement(fitted: Fitted) -> Movement:
    return Movement(
        upper=fitted.upper,
        tide=fitted.tide,
        tide_ahead=fitted.tide_ahead,
        sku_level=fitted.sku_level,
        series_level=fitted.series_level,
        sku_last=np.stack(fitted.sku_last),
        series_last=np.stack(fitted.series_last),
        intercept=fitted.intercept,
        intercept_variance=fitted.intercept_variance,
        sigma2=fitted.sigma2,
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


def calibrate(history: History, fitted: Fitted) -> Calibration:
    """Forecast the last blocks of the history from what came before each, and see how far off that is."""
    periods, recipe = len(history.periods), fitted.panel.recipe
    length = min(_HELD_OUT[history.frequency], periods // 6)
    folds = [(fold, periods - length * (fold + 1)) for fold in range(_FOLDS)]
    parts: list[HeldOut] = []
    for _, start in folds:
        if length < 1 or start < 8:
            continue
        past = before(history, start)
        if not np.nansum(past.units) > 0:
            continue
        model = model_of(
            fit_panel(make_panel(past, recipe.curvature, recipe.pull, span=fitted.panel.span), like=fitted)
        )
        future, actual = block(history, start, length)
        eta, moving, fresh = model.outlook(future, future.price)
        plain = model.plain.log_mean(model.tiers.tree.sku_of, future_columns(model.recipe, future, future.price))
        seen = np.isfinite(actual)
        event = model.tiers.tree.sku_of[:, None] * periods + np.arange(start, start + length)
        held = HeldOut(
            eta=eta[seen],
            plain=plain[seen],
            variance=(moving + fresh)[seen],
            actual=actual[seen],
            cut=history.censored[:, start : start + length][seen],
            promoted=promoted(model.recipe, future, future.price)[seen],
            fold=np.full(int(seen.sum()), len(parts)),
            event=event[seen],
        )
        parts.append(held)
    if not parts:
        return Calibration()
    return settle(HeldOut.together(parts), whole=whole_units(history))
