"""Forecasters that the engine is set beside, all given the same block: prices, promotions and features ahead.

Each is a callable ``(train, future) -> float64[offer, step]``, one forecast that serves as median and mean alike.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from pricebid.tables.arrays import Future, History

SEASON = {"day": 7, "week": 1, "month": 12}


def _filled(units: NDArray[np.float64]) -> NDArray[np.float64]:
    """Carry each series forward through its gaps, then backward; 0 where it has no value at all."""
    return np.nan_to_num(pd.DataFrame(units).ffill(axis=1).bfill(axis=1).to_numpy(dtype=float))


def naive(train: History, future: Future) -> NDArray[np.float64]:
    """Repeat the last value observed."""
    return np.repeat(_filled(train.units)[:, -1:], len(future.periods), axis=1)


def auto_ets(train: History, future: Future) -> NDArray[np.float64]:
    """AutoETS of statsforecast on logs, series by series; knows no price."""
    from statsforecast import StatsForecast
    from statsforecast.models import AutoETS

    logs = np.log1p(_filled(train.units))
    n, periods = logs.shape
    frame = pd.DataFrame(
        {"unique_id": np.repeat(np.arange(n), periods), "ds": np.tile(np.arange(periods), n), "y": logs.ravel()}
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = StatsForecast(models=[AutoETS(season_length=SEASON[train.frequency])], freq=1)
        out = model.forecast(df=frame, h=len(future.periods))
    values = out.sort_values(["unique_id", "ds"])["AutoETS"].to_numpy(dtype=float)
    return np.maximum(np.expm1(values.reshape(n, -1)), 0.0)


def log_log(train: History, future: Future) -> NDArray[np.float64]:
    """Pooled log-log regression: effects of each offer, and per sku the own price, the drivers and the rivals' prices."""
    skus, code = np.unique(train.offers.sku.astype(str), return_inverse=True)
    seen = np.isfinite(train.units)
    y = np.log1p(np.where(seen, train.units, 0.0))
    past, ahead = _log_log_columns(train, train), _log_log_columns(train, future)
    weight = seen.astype(float)
    count = np.maximum(weight.sum(axis=1), 1.0)
    level_y = (weight * y).sum(axis=1) / count
    level_x = (weight * past).sum(axis=2) / count
    dx, dy = past - level_x[..., None], y - level_y[:, None]
    slopes = np.empty((len(skus), len(past)))
    for sku in range(len(skus)):
        mine = code == sku
        used = seen[mine]
        slopes[sku] = np.linalg.lstsq(dx[:, mine][:, used].T, dy[mine][used], rcond=None)[0]
    move = np.einsum("ok,kot->ot", slopes[code], ahead - level_x[..., None])
    return np.maximum(np.expm1(level_y[:, None] + move), 0.0)


def _log_log_columns(train: History, span: History | Future) -> NDArray[np.float64]:
    """Log price, drivers, and mean log price of the same region and category, float64[column, offer, period]."""
    log_price = np.log(span.price)
    market = train.offers.category.astype(str) + "|" + train.offers.region.astype(str)
    _, group = np.unique(market, return_inverse=True)
    total = np.zeros((group.max() + 1, log_price.shape[1]))
    np.add.at(total, group, log_price)
    mean = (total / np.bincount(group)[:, None])[group]
    return np.concatenate([log_price[None], span.drivers, mean[None]])


def lightgbm(train: History, future: Future) -> NDArray[np.float64]:
    """One LightGBM for all series, on logs less each series' mean: lags beyond the horizon, price, drivers, rivals' prices, season, labels."""
    import lightgbm as lgb

    horizon = len(future.periods)
    y = np.log1p(train.units)
    level = np.nan_to_num(np.nanmean(np.where(np.isfinite(y).any(axis=1)[:, None], y, 0.0), axis=1))[:, None]
    y = y - level
    past, ahead = _rows(train, future, y)
    known = np.isfinite(y)
    known[:, : horizon + 1] = False
    categorical = list(range(past.shape[0] - 2, past.shape[0]))
    data = lgb.Dataset(past[:, known].T, label=y[known], categorical_feature=categorical, free_raw_data=True)
    parameters = {
        "objective": "regression",
        "learning_rate": 0.03,
        "num_leaves": 63,
        "min_data_in_leaf": 20,
        "feature_fraction": 0.8,
        "bagging_fraction": 0.8,
        "bagging_freq": 1,
        "verbosity": -1,
        "seed": 0,
        "num_threads": 1,  # as the engine: two threads on a busy machine mostly wait for each other
        "deterministic": True,
    }
    model = lgb.train(parameters, data, num_boost_round=800)
    shape = ahead.shape[1:]
    predicted = np.asarray(model.predict(ahead.reshape(len(ahead), -1).T)).reshape(shape)
    return np.maximum(np.expm1(predicted + level), 0.0)


def _rows(train: History, future: Future, y: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Features of history and block, float64[feature, offer, period] each; the last two are the labels."""
    horizon = len(future.periods)
    n, periods = y.shape
    y = np.concatenate([y, np.full((n, horizon), np.nan)], axis=1)
    frame = pd.DataFrame(y.T)
    lags = [frame.shift(lag).to_numpy().T for lag in (horizon, horizon + 1, horizon + 2, horizon + 4)]
    shifted = frame.shift(horizon)
    rolls = [shifted.rolling(width, min_periods=1).mean().to_numpy().T for width in (4, 8, 16, 52)]
    rolls.append(shifted.rolling(8, min_periods=2).std().to_numpy().T)
    columns = np.concatenate([_log_log_columns(train, train), _log_log_columns(train, future)], axis=2)
    price = pd.DataFrame(columns[0].T)
    before = price.shift(horizon).rolling(8, min_periods=1).mean().to_numpy().T
    dates = pd.DatetimeIndex(np.concatenate([train.periods, future.periods]))
    clock = [dates.dayofweek, dates.dayofyear, dates.month, np.arange(periods + horizon)]
    calendar = [np.broadcast_to(np.asarray(values, dtype=float), y.shape) for values in clock]
    labels = [
        np.broadcast_to(np.unique(names.astype(str), return_inverse=True)[1].astype(float)[:, None], y.shape)
        for names in (train.offers.sku, train.offers.region)
    ]
    relative = [columns[0] - before, columns[0] - columns[-1]]
    columns[0] -= columns[0, :, :periods].mean(axis=1, keepdims=True)
    features = np.stack([*lags, *rolls, *columns, *relative, *calendar, *labels])
    return features[..., :periods], features[..., periods:]


ANCHORS: dict[str, Callable[[History, Future], NDArray[np.float64]]] = {
    "naive": naive,
    "AutoETS in logs": auto_ets,
    "pooled log-log": log_log,
    "LightGBM": lightgbm,
}
HEAVY = ("AutoETS in logs", "LightGBM")
