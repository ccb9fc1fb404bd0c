"""Clicks per impression, conversions per click, revenue per conversion: pooled over groups, with hour profiles."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pricebid.landscape.model import Rates
from pricebid.landscape.pooling import pool_counts, pool_normal
from pricebid.landscape.profiles import Swings, smooth
from pricebid.landscape.sums import counted, stacked, summed

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pricebid.landscape.pooling import Design
    from pricebid.tables import KeywordReports

_ROUNDS = 4
_USUAL_VARIATION = 0.5**2  # squared standard deviation / mean of one conversion's revenue, where it cannot be told
_BELIEF = 20.0  # and how many conversions would say it as firmly


def by_series_hour(reports: KeywordReports, values: NDArray[np.float64], series: int) -> NDArray[np.float64]:
    """Add up values of rows, float64[row] to float64[series, hour]; series beyond the reports' are empty."""
    place = reports.series * reports.hours + reports.hour
    return summed(place, values, (series, reports.hours))


def fit_rates(
    count: NDArray[np.float64], exposure: NDArray[np.float64], campaign: NDArray[np.int64], design: Design
) -> Rates:
    """Fit a rate per series with an hour profile per campaign to Poisson counts.

    Parameters
    ----------
    count, exposure : float64[series, hour]
        What came, and of how many chances.
    campaign : int64[series]
        Campaign of each series.
    design : Design
        Groups of the series.

    Returns
    -------
    Rates
    """
    campaigns, hours = int(campaign.max()) + 1, count.shape[1]
    log_factor, factor = np.zeros((campaigns, hours)), np.ones((campaigns, hours))
    covariance = np.zeros((campaigns, hours, hours))
    weight = stacked(campaign, exposure, campaigns)
    swings, variances = Swings(), None
    total = count.sum(axis=1)
    pooled = pool_counts(total, exposure.sum(axis=1), design)
    for _ in range(_ROUNDS if hours > 1 else 0):
        due = exposure * pooled.mean[:, None] * np.exp(log_factor)[campaign]
        profile = smooth(due * log_factor[campaign] + count - due, due, campaign, campaigns, swings=swings, rounds=6)
        # Counts far above what was due ask for more than one step tells.
        log_factor = log_factor + np.clip(profile.mean - log_factor, -1.0, 1.0)
        covariance, swings = profile.covariance, profile.swings
        factor = np.exp(log_factor + 0.5 * np.diagonal(covariance, axis1=1, axis2=2))
        level = (weight * factor).sum(axis=1, keepdims=True) / np.maximum(weight.sum(axis=1, keepdims=True), 1e-12)
        level = np.where(level > 0, level, factor.mean(axis=1, keepdims=True))
        factor, log_factor = factor / level, log_factor - np.log(level)
        variances = pooled.log.variances
        chances = (exposure * factor[campaign]).sum(axis=1)
        pooled = pool_counts(total, chances, design, variances=variances, rounds=5)
    return Rates(mean=pooled.mean, log_variance=pooled.log.variance, hours=factor, hours_log_covariance=covariance)


def fit_revenue(reports: KeywordReports, weight: NDArray[np.float64], design: Design) -> NDArray[np.float64]:
    """Posterior mean of the revenue per conversion, float64[series]: pooled means of logs; 0 where there is no revenue.

    Parameters
    ----------
    reports : KeywordReports
        Revenue and conversions.
    weight : float64[row]
        How much a row counts.
    design : Design
        Groups of the series.
    """
    size = design.matrix.shape[0]
    use = (reports.conversions > 0) & (reports.revenue > 0)
    series = reports.series[use]
    number = summed(series, (weight * reports.conversions)[use], (size,))
    money = summed(series, (weight * reports.revenue)[use], (size,))
    if money.sum() <= 0:
        return np.zeros(size)
    variation = _variation(reports, use)
    seen = number > 0
    log_mean = np.log(np.where(seen, money, 1.0) / np.where(seen, number, 1.0))
    log_mean = log_mean + np.where(seen, 0.5 * variation / np.maximum(number, 1e-9), 0.0)
    centre = np.log(money.sum() / number.sum())
    precision = number / variation
    pooled = pool_normal(precision * np.where(seen, log_mean - centre, 0.0), precision, design)
    value = np.exp(centre + pooled.mean + 0.5 * pooled.variance)
    # Logs of means and means of logs: the total is kept.
    agree = money.sum() / (number * value).sum()
    return np.asarray(value * np.clip(agree, 0.8, 1.25))


def _variation(reports: KeywordReports, use: NDArray[np.bool_]) -> float:
    """Squared standard deviation / mean of the revenue of one conversion within a series."""
    one = use & (reports.conversions == 1.0)
    series, revenue = reports.series[one], reports.revenue[one]
    if not len(series):
        return _USUAL_VARIATION
    size = (int(series.max()) + 1,)
    count = counted(series, size)
    mean = summed(series, revenue, size) / np.maximum(count, 1.0)
    off = revenue / mean[series] - 1.0
    freedom = float(count.sum() - (count > 0).sum())
    return float(max(((off**2).sum() + _BELIEF * _USUAL_VARIATION) / (freedom + _BELIEF), 1e-4))
