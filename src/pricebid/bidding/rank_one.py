"""Free bids as a product of bids and multipliers: where the search for both begins."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pricebid.bidding.layout import Setting

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pricebid.bidding.layout import Layout

    Floats = NDArray[np.float64]

_SWEEPS = 6


def rank_one(layout: Layout, free: Floats, weight: Floats, kinds: tuple[int, ...]) -> Setting:
    """Return the bids and multipliers whose product is nearest to free bids in logs.

    Weighted least squares on the logs by backfitting: each effect in turn is the weighted mean of what the others leave.
    Multipliers are scaled so that, weighted, their logs average 0 in each campaign: bids are then what is bid on average.

    Parameters
    ----------
    layout : Layout
        Which series, hours and values share a bid or multiplier.
    free : float64[series, hour]
        Effective bids; 0 counts for nothing.
    weight : float64[series, hour]
        What a departure in logs costs: near an optimum the curvature of the objective, which is about what is spent.
    kinds : tuple of int
        Multipliers that may differ from 1: 0 hours, then the dimensions.
    """
    used = (free > 0) & (weight > 0)
    logs = np.log(free, out=np.zeros(free.shape), where=used)
    weight = np.where(used, weight, 0.0)
    setting = Setting.flat(layout, np.zeros(len(layout)))
    effects = [np.zeros(one.shape) for one in setting.times]
    bid = np.zeros(len(layout))
    places = [_places(layout, kind) for kind in range(len(effects))]
    entity = np.broadcast_to(layout.entity[:, None], free.shape)
    for _ in range(_SWEEPS if kinds else 1):
        rest = logs - sum((effects[kind].ravel()[places[kind]] for kind in kinds), np.zeros(free.shape))
        bid = _mean(rest, weight, entity, len(layout))
        for kind in kinds:
            others = sum((effects[one].ravel()[places[one]] for one in kinds if one != kind), bid[entity])
            found = _mean(logs - others, weight, places[kind], effects[kind].size)
            effects[kind] = found.reshape(effects[kind].shape)
            effects[kind] -= _centre(effects[kind], weight, places[kind])
    some = np.bincount(entity.ravel(), weight.ravel(), len(layout)) > 0
    return Setting(bid=np.where(some, np.exp(bid), 0.0), times=tuple(np.exp(one) for one in effects))


def _places(layout: Layout, kind: int) -> NDArray[np.int64]:
    """Place of each cell in the flattened multipliers of a kind, int64[series, hour]."""
    campaign = layout.series_campaign[:, None]
    if kind == 0:
        return campaign * layout.hours + np.arange(layout.hours)
    dimension = layout.dimensions[kind - 1]
    place = campaign * len(dimension.names) + dimension.code[:, None]
    return np.asarray(np.broadcast_to(place, (len(place), layout.hours)))


def _mean(values: Floats, weight: Floats, place: NDArray[np.int64], size: int) -> Floats:
    total = np.bincount(place.ravel(), weight.ravel(), size)
    summed = np.bincount(place.ravel(), (weight * values).ravel(), size)
    return np.asarray(np.divide(summed, total, out=np.zeros(size), where=total > 0), dtype=np.float64)


def _centre(effect: Floats, weight: Floats, place: NDArray[np.int64]) -> Floats:
    """Weighted mean of the effects of each campaign, float64[campaign, 1]."""
    load = np.bincount(place.ravel(), weight.ravel(), effect.size).reshape(effect.shape)
    total = load.sum(axis=1, keepdims=True)
    mean = np.divide((load * effect).sum(axis=1, keepdims=True), total, out=np.zeros(total.shape), where=total > 0)
    return np.asarray(mean, dtype=np.float64)
