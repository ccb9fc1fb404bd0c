"""Forecast the past as if it were the future: rolling origins, scored against simple forecasters."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from pricebid.demand import baselines
from pricebid.demand.fit import fit
from pricebid.demand.scores import Cells, Predicted, Score, naive_scale, score
from pricebid.demand.window import before, block
from pricebid.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from pricebid.tables.arrays import Future, History

ENGINE = "pricebid"
_DECIDED = ("promo", "feature", "discount")
_NEVER = ("stock", "visitors")
_LEAST = 6


@dataclass(frozen=True, kw_only=True)
class Origin:
    """One block of the past, forecast from what was known before it.

    Parameters
    ----------
    origin : datetime64[D]
        First day of the last period that was known.
    periods : datetime64[D][step]
        First day of each period of the block.
    actual : float64[offer, step]
        Units sold; NaN where not observed.
    censored : bool[offer, step]
        All that was in stock was sold: not scored, since demand may have been higher.
    mean, p10, p50, p90 : float64[offer, step]
        The engine's forecast.
    price : float64[offer, step]
        Prices of the block, which count as planned.
    scores : tuple of Score
        The engine, then the baselines, on this block.
    """

    origin: np.datetime64
    periods: NDArray[np.datetime64]
    actual: NDArray[np.float64]
    censored: NDArray[np.bool_]
    mean: NDArray[np.float64]
    p10: NDArray[np.float64]
    p50: NDArray[np.float64]
    p90: NDArray[np.float64]
    price: NDArray[np.float64]
    scores: tuple[Score, ...]


@dataclass(frozen=True, kw_only=True)
class Block:
    """One block of the past with all that was forecast of it: a part of a backtest that can be made on its own.

    Parameters
    ----------
    origin : Origin
        The engine's forecasts.
    cells : Cells
        What happened.
    said : tuple of (str, Predicted)
        What each forecaster said, the engine first.
    """

    origin: Origin
    cells: Cells
    said: tuple[tuple[str, Predicted], ...]


@dataclass(frozen=True, kw_only=True)
class BacktestResult:
    """Forecasts of the past, and how good they were.

    Parameters
    ----------
    columns : tuple of str
        Key columns of the offers.
    labels : tuple of object[offer]
        Their labels.
    origins : tuple of Origin
        The blocks, the earliest first.
    scores : tuple of Score
        The engine, then the baselines, over all blocks together.
    """

    columns: tuple[str, ...]
    labels: tuple[NDArray[np.object_], ...]
    origins: tuple[Origin, ...]
    scores: tuple[Score, ...]

    def to_frame(self) -> pd.DataFrame:
        """Give one row per origin and observed cell: origin, date, keys, actual, units, p10, p50, p90, price, censored."""
        import pandas as pd

        parts = []
        for one in self.origins:
            offer, step = np.nonzero(np.isfinite(one.actual))
            keys = {name: label[offer] for name, label in zip(self.columns, self.labels, strict=True)}
            values = {"actual": one.actual, "units": one.mean, "p10": one.p10, "p50": one.p50, "p90": one.p90}
            parts.append(
                pd.DataFrame(
                    {
                        "origin": np.full(len(offer), one.origin.astype("datetime64[s]")),
                        "date": one.periods[step].astype("datetime64[s]"),
                        **keys,
                        **{name: value[offer, step] for name, value in values.items()},
                        "price": one.price[offer, step],
                        "censored": one.censored[offer, step].astype(np.int64),
                    }
                )
            )
        return pd.concat(parts, ignore_index=True)

    def metrics_frame(self) -> pd.DataFrame:
        """Give one row per origin (``all`` first) and forecaster: cells, wape, bias, rmsse, pinball, coverage."""
        import pandas as pd

        tables = [("all", self.scores), *((str(one.origin), one.scores) for one in self.origins)]
        return pd.DataFrame([{"origin": origin, **asdict(line)} for origin, lines in tables for line in lines])


def backtest(
    history: History,
    *,
    horizon: int,
    origins: int,
    seed: int = 0,
    planned: tuple[str, ...] = (),
    progress: Callable[[str, float], None] | None = None,
) -> BacktestResult:
    """Forecast the last blocks of a history, each from what was known before it, and score the forecasts.

    The model is fitted anew at each origin. Of the block it is given prices, promotions, features and discounts, which
    a shop decides itself, and the drivers named in ``planned``; other drivers are not used at all. Scores are over cells
    that were observed and not cut off by stock.

    Parameters
    ----------
    history : History
        Sales, prices and drivers.
    horizon : int
        Periods per block.
    origins : int
        Non-overlapping blocks at the end of the history.
    seed : int
        Same history and seed, same result.
    planned : tuple of str
        Further drivers that are known ahead.
    progress : callable, optional
        Told ``(stage, share done)``.

    Returns
    -------
    BacktestResult

    Raises
    ------
    InputError
        The history is too short for that many blocks, or a planned driver is not one of the sales table.
    """
    blocks = []
    for at in range(origins):

        def told(stage: str, share: float, at: int = at) -> None:
            if progress:
                progress(f"origin {at + 1} of {origins}: {stage}", (at + share) / origins)

        blocks.append(
            backtest_block(history, horizon=horizon, origins=origins, at=at, seed=seed, planned=planned, progress=told)
        )
    if progress:
        progress("scored", 1.0)
    return gather(history, blocks)


def backtest_block(
    history: History,
    *,
    horizon: int,
    origins: int,
    at: int,
    seed: int = 0,
    planned: tuple[str, ...] = (),
    progress: Callable[[str, float], None] | None = None,
) -> Block:
    """Forecast one of the blocks of `backtest`, which are independent of each other: `gather` puts them together.

    Parameters
    ----------
    history, horizon, origins, seed, planned, progress
        As for `backtest`; the progress is this block's own.
    at : int
        Which block, 0 being the earliest.

    Raises
    ------
    InputError
        As `backtest`.
    """
    _check(history, horizon=horizon, origins=origins, planned=planned)
    known = (*_DECIDED, *planned)
    history = _only(history, known)
    first, start = (len(history.periods) - back * horizon for back in (origins, origins - at))
    rivals = {"naive": baselines.naive, "log-log regression": baselines.log_log}
    if baselines.has_season(before(history, first)):  # a rival takes part in all blocks or in none
        rivals["seasonal naive"] = baselines.seasonal_naive

    def told(stage: str, share: float) -> None:
        if progress:
            progress(stage, 0.9 * share if stage == "fit" else 0.9)

    train, future, actual = _split(history, start, horizon, known)
    forecast = fit(train, seed=seed, progress=told).forecast(future)
    censored = history.censored[:, start : start + horizon]
    cells = Cells(actual=np.where(censored, np.nan, actual), scale=naive_scale(train.units))
    own = Predicted(mean=forecast.mean, p10=forecast.p10, p50=forecast.p50, p90=forecast.p90)
    said = ((ENGINE, own), *((name, rival(train, future)) for name, rival in rivals.items()))
    origin = Origin(
        origin=train.periods[-1],
        periods=future.periods,
        actual=actual,
        censored=censored,
        **vars(own),
        price=future.price,
        scores=tuple(score(name, [(cells, one)]) for name, one in said),
    )
    return Block(origin=origin, cells=cells, said=said)


def gather(history: History, blocks: Sequence[Block]) -> BacktestResult:
    """Put the blocks of a backtest together, the earliest first, and score all of them as one."""
    offers = history.offers
    names = [name for name, _ in blocks[0].said]
    return BacktestResult(
        columns=offers.columns,
        labels=offers.labels,
        origins=tuple(block.origin for block in blocks),
        scores=tuple(score(name, [(block.cells, dict(block.said)[name]) for block in blocks]) for name in names),
    )


def _check(history: History, *, horizon: int, origins: int, planned: tuple[str, ...]) -> None:
    if horizon < 1 or origins < 1:
        raise InputError(f"horizon {horizon} and origins {origins}: both are at least 1")
    sold = np.flatnonzero(np.nansum(history.units, axis=0) > 0)
    # A block can only be forecast when something was sold before it.
    least = max(_LEAST, int(sold[0]) + 1 if len(sold) else len(history.periods))
    most = max(len(history.periods) - least, 0) // horizon
    if origins > most:
        instead = f"at most {most} such blocks fit" if most else "not even one such block fits: take a shorter horizon"
        raise InputError(
            f"{origins} blocks of {horizon} {history.frequency}s asked for, but the history has {len(history.periods)} "
            f"periods and the first block needs {least} before it; {instead}"
        )
    for name in planned:
        if name in _NEVER:
            raise InputError(f"planned driver {name!r}: it is never known ahead; leave it out")
        if name not in history.driver_names:
            known = ", ".join(history.driver_names) or "none"
            raise InputError(f"planned driver {name!r}: the sales table has no such driver (it has {known})")


def _only(history: History, known: tuple[str, ...]) -> History:
    """Leave out drivers whose future would not be known."""
    kept = [d for d, name in enumerate(history.driver_names) if name in known]
    names = tuple(history.driver_names[d] for d in kept)
    return replace(history, driver_names=names, drivers=history.drivers[kept])


def _split(
    history: History, start: int, horizon: int, known: tuple[str, ...]
) -> tuple[History, Future, NDArray[np.float64]]:
    """Part the history at an origin, so that nothing later is left in either half.

    Prices of a history are carried back before an offer's first row, and the current price is of its end: both would
    tell an early origin what came later. They are set anew from what the origin and the block itself may know.
    """
    train = before(history, start)
    future, actual = block(history, start, horizon, known)
    first = np.where(np.isfinite(history.units).any(1), np.isfinite(history.units).argmax(1), len(history.periods))
    fresh, unheard = first >= start, first >= start + horizon
    # An offer without a row until the block's end has no price yet: a constant stands in, and says nothing.
    opening = np.where(unheard, 1.0, history.price[np.arange(len(first)), np.minimum(first, start + horizon - 1)])
    price = np.where(fresh[:, None], np.nan, train.price)
    current = np.where(fresh, opening, _last_regular(train))
    ahead = np.where(np.arange(start, start + horizon) < first[:, None], opening[:, None], future.price)
    train = replace(train, price=price, offers=replace(history.offers, current_price=current))
    return train, replace(future, price=ahead), actual


def _last_regular(train: History) -> NDArray[np.float64]:
    """Last price without promotion, else the last price, float64[offer]."""
    regular = np.isfinite(train.units)
    if "promo" in train.driver_names:
        regular = regular & (train.drivers[train.driver_names.index("promo")] == 0)
    last = regular.shape[1] - 1 - regular[:, ::-1].argmax(1)
    at = np.where(regular.any(1), last, regular.shape[1] - 1)
    return np.asarray(train.price[np.arange(len(at)), at])
