"""Days and weeks: what the keywords of a campaign share on a day, and how much counts vary beyond that."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pricebid.landscape.cells import WEEK
from pricebid.landscape.sums import stacked

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pricebid.landscape.cells import Cells

_BELIEF, _WEIGHT = (
    0.1**2,
    3.0,
)  # a day's shock is believed to have this variance, as firmly as so many days would say it
_FEW_WEEKS = 4
_HOURLY, _WEEKLY = 0.1, 0.03  # where there are too few weeks to tell
_HALF, _DOUBT = 0.007, 5.0  # a usual variance of the mean of a month


@dataclass(frozen=True, kw_only=True, eq=False)
class Shocks:
    """Factors on traffic that the keywords of a campaign share.

    Parameters
    ----------
    factor : float64[campaign, day]
        Mean 1 over the (weighted) days of a campaign.
    shared, apart : float
        Variance of the log of what all campaigns share on a day, and of a campaign's own part.
    """

    factor: NDArray[np.float64]
    shared: float = _BELIEF
    apart: float = _BELIEF

    @classmethod
    def none(cls, shape: tuple[int, int]) -> Shocks:
        """No shocks on any day."""
        return cls(factor=np.ones(shape))


@dataclass(frozen=True, kw_only=True)
class Dispersion:
    """How much counts vary beyond a Poisson's variance.

    Parameters
    ----------
    hourly : float
        Variance of the factor on a row's mean, from row to row.
    weekly : float
        Of slow swings of a series: variance of the factor on the mean of one week, times the number of weeks after which it
        averages out as if weeks were independent.
    """

    hourly: float = _HOURLY
    weekly: float = _WEEKLY


def shocks_of(
    won: NDArray[np.float64],
    due: NDArray[np.float64],
    campaign: NDArray[np.int64],
    weight: NDArray[np.float64],
    before: Shocks,
    dispersion: Dispersion,
) -> Shocks:
    """Estimate the days' factors: shrunk towards what all campaigns share on a day, and that towards 1.

    A factor is a day's own: bids that stay up for days cannot hide behind it without paying for each day anew.

    Parameters
    ----------
    won, due : float64[series, day]
        Impressions, and what is expected without shocks.
    campaign : int64[series]
        Campaign of each series.
    weight : float64[day]
        How much a day counts.
    before : Shocks
        Current variances.
    dispersion : Dispersion
        How much counts vary.
    """
    got, mean, square = (stacked(campaign, values, len(before.factor)) for values in (won, due, due**2))
    off = np.log((got + 0.5) / (mean + 0.5))
    # Slow swings of single series are no shock; they blur the sum the more, the fewer series make it up.
    noise = 1.0 / (mean + 0.5) + dispersion.weekly * square / (mean + 0.5) ** 2
    seen = mean > 0
    precision = np.where(seen, 1.0 / (noise + before.apart), 0.0)
    total = precision.sum(axis=0) + 1.0 / before.shared
    shared = (precision * off).sum(axis=0) / total
    keep = np.where(seen, before.apart / (before.apart + noise), 0.0)
    own = keep * (off - shared)
    days = seen.any(axis=0)
    log_factor = shared + own
    factor = np.exp(log_factor)
    held = np.where(seen, weight, 0.0)
    level = (factor * held).sum(axis=1, keepdims=True) / np.maximum(held.sum(axis=1, keepdims=True), 1e-12)
    factor /= np.where(level > 0, level, 1.0)
    own_moment = own**2 + np.where(seen, before.apart * (1 - keep) + keep**2 / total, 0.0)
    return Shocks(
        factor=np.where(seen, factor, 1.0),
        shared=float(((shared**2 + 1.0 / total)[days].sum() + _WEIGHT * _BELIEF) / (days.sum() + _WEIGHT)),
        apart=float((own_moment[seen].sum() + _WEIGHT * _BELIEF) / (seen.sum() + _WEIGHT)),
    )


def dispersion_of(
    cells: Cells, rate: NDArray[np.float64], won: NDArray[np.float64], due: NDArray[np.float64], shocks: Shocks
) -> Dispersion:
    """Estimate how much counts vary from row to row, and slowly from week to week.

    Parameters
    ----------
    cells : Cells
        The reports.
    rate : float64[spell, hour]
        Expected impressions of a usual day.
    won, due : float64[series, day]
        Impressions, and what is expected of each day.
    shocks : Shocks
        Days.
    """
    reports, rows = cells.reports, cells.rows
    factor = shocks.factor[cells.campaign[reports.series[rows]], reports.day[rows]]
    mean = rate.ravel()[cells.cell] * factor
    count = reports.impressions[rows]
    excess = (count**2 - 2.0 * count * mean).sum()
    once = cells.exposure(shocks.factor / cells.weight)
    twice = cells.exposure(shocks.factor**2 / cells.weight)
    squares = (rate**2 * twice).sum()
    hourly = float(np.clip((excess + squares - (rate * once).sum()) / max(squares, 1e-12), 0.0, 3.0))
    return Dispersion(hourly=hourly, weekly=_weekly(won, due, hourly, cells.hours))


def _weekly(won: NDArray[np.float64], due: NDArray[np.float64], hourly: float, hours: int) -> float:
    """Variance of slow swings x weeks per independent one, from how far the two halves of the days differ.

    The difference of a series' two halves cannot be hidden by its own mean, and its variance is just what long means vary
    by, however long the swings last.
    """
    weeks = won.shape[1] // WEEK
    if weeks < _FEW_WEEKS:
        return _WEEKLY
    half = won.shape[1] // 2
    shape = (len(won), 2, half)
    got, mean = (part[:, -2 * half :].reshape(shape) for part in (won, due))
    # Within a day the rows' own variation partly averages out: taken as even over the hours.
    noise = mean.sum(axis=2) + hourly * (mean**2).sum(axis=2) / hours
    got, mean = got.sum(axis=2), mean.sum(axis=2)
    use = mean.min(axis=1) > 5.0
    if not use.any():
        return _WEEKLY
    got, mean, noise = got[use], mean[use], noise[use]
    error, known = got / mean, (noise / mean**2).sum(axis=1)
    weight = 1.0 / (known + 2.0 * _HALF) ** 2
    square = 0.5 * ((error[:, 1] - error[:, 0]) ** 2 - known)
    belief = _DOUBT / (2.0 * _HALF) ** 2  # so many large series would say the usual as firmly
    found = ((weight * square).sum() + belief * _HALF) / (weight.sum() + belief)
    return float(np.clip(found * half / WEEK, 1e-3, 1.0))
