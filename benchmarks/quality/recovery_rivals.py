"""Estimators of own-price elasticities that the engine's are set beside: all Poisson, none knows the truth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import gammainc

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pricebid.simulate import RecoveryPanel

ROUNDS = 40


@dataclass(frozen=True, kw_only=True)
class Fit:
    """Slopes with their sampling variances.

    Parameters
    ----------
    slope, variance : float64[row]
        Elasticity and its sampling variance.
    """

    slope: NDArray[np.float64]
    variance: NDArray[np.float64]


def expected_demand(
    units: NDArray[np.float64], mean: NDArray[np.float64], censored: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Expected Poisson demand given that it was at least `units` where censored: mean P(D >= u-1) / P(D >= u)."""
    at_least = np.where(units > 0, gammainc(np.maximum(units, 1), mean), 1.0)
    one_less = np.where(units > 1, gammainc(np.maximum(units - 1, 1), mean), 1.0)
    return np.where(censored, mean * one_less / np.maximum(at_least, 1e-12), units)


def per_sku(panel: RecoveryPanel, *, censoring: bool) -> Fit:
    """Poisson regression of each sku alone: intercept and log price."""
    history = panel.history
    x = np.log(history.price)
    x = x - x.mean(axis=1, keepdims=True)
    slope = np.zeros(len(x))
    demand, information = history.units, np.ones(len(x))
    for _ in range(ROUNDS):
        shape = np.exp(slope[:, None] * x)
        mean = shape * (demand.sum(axis=1) / shape.sum(axis=1))[:, None]
        if censoring:
            demand = expected_demand(history.units, mean, history.censored)
        centred = x - (mean * x).sum(axis=1, keepdims=True) / np.maximum(mean.sum(axis=1, keepdims=True), 1e-12)
        information = np.maximum((mean * centred**2).sum(axis=1), 1e-6)
        step = ((demand - mean) * x).sum(axis=1) / information
        slope = np.clip(slope + np.clip(step, -2.0, 2.0), -12.0, 12.0)
    return Fit(slope=slope, variance=1 / information)


def category_mean(panel: RecoveryPanel, *, censoring: bool) -> Fit:
    """One slope per category, with effects of each sku and of each week: what a sku's category alone tells of it."""
    history, category = panel.history, panel.category
    x = np.log(history.price)
    x = x - x.mean(axis=1, keepdims=True)
    slope = np.zeros(category.max() + 1)
    week = np.zeros(x.shape[1])
    demand, information = history.units, np.ones(len(slope))
    for _ in range(ROUNDS):
        shape = np.exp(slope[category][:, None] * x + week)
        mean = shape * (demand.sum(axis=1) / shape.sum(axis=1))[:, None]
        if censoring:
            demand = expected_demand(history.units, mean, history.censored)
        week += np.log(demand.sum(axis=0) / mean.sum(axis=0))
        centred = x - (mean * x).sum(axis=1, keepdims=True) / np.maximum(mean.sum(axis=1, keepdims=True), 1e-12)
        information = np.bincount(category, weights=(mean * centred**2).sum(axis=1))
        step = np.bincount(category, weights=((demand - mean) * x).sum(axis=1)) / information
        slope = slope + np.clip(step, -1.0, 1.0)
    return Fit(slope=slope[category], variance=(1 / information)[category])


def empirical_bayes(panel: RecoveryPanel, *, censoring: bool) -> Fit:
    """Per-sku estimates shrunk to their precision-weighted category mean (Morris 1983, one moment step)."""
    own, category = per_sku(panel, censoring=censoring), panel.category
    weight = 1 / (own.variance + 0.25)
    centre = np.bincount(category, weights=weight * own.slope) / np.bincount(category, weights=weight)
    residual = own.slope - centre[category]
    spread = np.average(residual**2 - own.variance, weights=weight**2)
    spread = max(float(spread), 0.01)
    keep = spread / (spread + own.variance)
    return Fit(slope=centre[category] + keep * residual, variance=keep * own.variance)
