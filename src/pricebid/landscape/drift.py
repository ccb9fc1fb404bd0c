"""Whether recent days tell more about tomorrow than older ones: chosen on weeks held out of the reports."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pricebid.landscape.cells import WEEK, day_weights

if TYPE_CHECKING:
    from numpy.typing import NDArray

_HALF_LIVES = (28.0, 14.0, 7.0)
_HELD_OUT = 3
_ENOUGH = 5  # weeks
# By how much a half-life must forecast better than none. Swings that pass within two weeks gain 2 to 5 % on the next week,
# and cost everything else what older days would have told.
_GAIN = 0.07
_PRIOR = 4.0  # counts by which a series' past is drawn towards what is expected of it


@dataclass(frozen=True, kw_only=True)
class Memory:
    """Days after which a report counts half as much; infinite where older days tell as much about tomorrow.

    Parameters
    ----------
    traffic, own_traffic : float
        Of the auctions of a campaign, and of a series beside its campaign.
    prices, clicks, conversions : float
        Of prices of clicks, of clicks per impression, of conversions per click.
    """

    traffic: float = np.inf
    own_traffic: float = np.inf
    prices: float = np.inf
    clicks: float = np.inf
    conversions: float = np.inf


def best_half_life(got: NDArray[np.float64], due: NDArray[np.float64]) -> float:
    """Choose after how many days a report counts half as much.

    Each of the last three weeks of every series is forecast from the weeks before it, weighted by each half-life, as a
    factor on what was due; the half-life of least squared error, in units of the count's spread, is taken if it is
    better than none by more than 7 %, and better in each of the three weeks.

    Parameters
    ----------
    got, due : float64[series, day]
        Counts, and what a fit without drift expects of each day.

    Returns
    -------
    float
        Days.
    """
    weeks = got.shape[1] // WEEK
    if weeks < _ENOUGH:
        return np.inf
    shape = (len(got), weeks, WEEK)
    got, due = (part[:, -weeks * WEEK :].reshape(shape).sum(axis=2) for part in (got, due))
    losses = np.array([_losses(got, due, half_life) for half_life in (np.inf, *_HALF_LIVES)])
    best = int(np.argmin(losses.sum(axis=1)))
    sure = losses[best].sum() < (1.0 - _GAIN) * losses[0].sum() and np.all(losses[best] < losses[0])
    return (np.inf, *_HALF_LIVES)[best] if sure else np.inf


def recent_factor(got: NDArray[np.float64], due: NDArray[np.float64], half_life: float) -> NDArray[np.float64]:
    """By which factor recent days differed from what was due, float64[series]; 1 with an infinite half-life.

    Parameters
    ----------
    got, due : float64[series, day]
        Counts, and what a fit without drift expects of each day.
    half_life : float
        Days.
    """
    if np.isinf(half_life):
        return np.ones(len(got))
    weight = day_weights(got.shape[1], half_life)
    return np.asarray((got @ weight + _PRIOR) / (due @ weight + _PRIOR))


def _losses(got: NDArray[np.float64], due: NDArray[np.float64], half_life: float) -> list[float]:
    """Squared errors of the forecasts of each week held out."""
    losses, weeks = [], got.shape[1]
    for at in range(weeks - _HELD_OUT, weeks):
        weight = 0.5 ** (np.arange(at)[::-1] * WEEK / half_life)
        factor = (got[:, :at] @ weight + _PRIOR) / (due[:, :at] @ weight + _PRIOR)
        error = (got[:, at] - factor * due[:, at]) ** 2
        losses.append(float((error / (due[:, at] + 0.01 * due[:, at] ** 2 + 1.0)).sum()))
    return losses
