"""Whether recent days tell more about tomorrow than older ones: chosen on weeks held out of the reports."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pricebid.landscape.cells import WEEK

if TYPE_CHECKING:
    from pricebid.landscape.auctions import AuctionFit
    from pricebid.landscape.cells import Cells

_HALF_LIVES = (28.0, 14.0, 7.0)
_HELD_OUT = 3
_ENOUGH = 5  # weeks
_GAIN = 0.02  # by how much a half-life must forecast better to be preferred to none
_PRIOR = 4.0  # impressions by which a series' past is drawn towards what is expected of it


def best_half_life(cells: Cells, fit: AuctionFit) -> float:
    """Choose after how many days a report counts half as much.

    Each of the last weeks of every series is forecast from the weeks before it, weighted by each half-life, as a factor on
    what the fit expects of the bids placed; the half-life with the least squared error, in units of the count's spread,
    is taken if it is better than none by more than 2 %.

    Returns
    -------
    float
        Days; infinite where older days are as good.
    """
    won, due = cells.by_day(fit.rate)
    weeks = won.shape[1] // WEEK
    if weeks < _ENOUGH:
        return np.inf
    shape = (len(won), weeks, WEEK)
    got, mean = (part[:, -weeks * WEEK :].reshape(shape).sum(axis=2) for part in (won, due))
    losses = []
    for half_life in (np.inf, *_HALF_LIVES):
        loss = 0.0
        for ahead in range(1, _HELD_OUT + 1):
            at = weeks - ahead
            weight = 0.5 ** (np.arange(at)[::-1] * WEEK / half_life)
            factor = (got[:, :at] @ weight + _PRIOR) / (mean[:, :at] @ weight + _PRIOR)
            error = (got[:, at] - factor * mean[:, at]) ** 2
            loss += float((error / (mean[:, at] + 0.01 * mean[:, at] ** 2 + 1.0)).sum())
        losses.append(loss)
    best = int(np.argmin(losses))
    if losses[best] > (1.0 - _GAIN) * losses[0]:
        return np.inf
    return (np.inf, *_HALF_LIVES)[best]
