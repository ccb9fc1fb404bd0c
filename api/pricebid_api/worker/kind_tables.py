"""Jobs whose results are tables, and `fit`: `forecast`, `elasticities`, `backtest`."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import numpy as np

from pricebid import batch, engine
from pricebid_api.worker.bundle import freeze, thaw, written
from pricebid_api.worker.files import ResultFile, keep_files
from pricebid_api.worker.models import model_of
from pricebid_api.worker.work import BLOCKS, FILES, Outcome, Work

if TYPE_CHECKING:
    import pandas as pd

OFFERS_AT_ONCE = 5_000
"""Offers of one block of a forecast."""


def fit(work: Work) -> Outcome:
    """Fit the model: one part, for offers lend each other strength and are fitted together."""
    from pricebid.report import summaries

    fitted = model_of(work, 0.02, 0.98)
    told = summaries.model_summary(fitted.model)
    figures = {
        "offers": told["offers"],
        "mean_own_elasticity": told["mean_own_elasticity"],
        "held_out": {name: _number(value) for name, value in told["held_out"].items()},
    }
    fed = work.inputs.fed.told()
    told_of = {"feedback": fed} if fed != {"rows": 0} else {}
    return Outcome(
        result={"model": fitted.id, "reused": fitted.reused, "inputs": work.inputs.digest, **figures, **told_of}
    )


def forecast(work: Work) -> Outcome:
    """Forecast every offer. Parts: the model, then the table by blocks of offers.

    The forecast of an offer counts the prices of those it competes with, so all are forecast in one go, which takes
    little; the blocks bound what is turned into text, kept and given out at a time.
    """
    from pricebid.report import frames

    fitted = model_of(work, 0.02, 0.8)
    found = engine.forecast(work.shop, fitted.model, horizon=work.request.horizon, start=work.request.start)
    steps = found.mean.shape[1]
    blocks = batch.blocks(len(found.mean), size=OFFERS_AT_ONCE, first=BLOCKS, name="offers")
    table = frames.forecast_frame(fitted.model, found)

    def text(one: batch.Partition) -> bytes:
        rows = table.iloc[one.start * steps : one.stop * steps]
        data = _csv("forecast", rows)
        return data if one.start == 0 else data.split(b"\n", 1)[1]

    batch.run(text, blocks, checkpoints=work.checkpoints, progress=work.progress(0.8, 0.98))
    parts = tuple(one.part for one in blocks)
    size = sum(len(work.checkpoints.load(part)) for part in parts)
    file = ResultFile(name="forecast.csv", parts=parts, bytes=size)
    told = {
        "first": str(found.periods[0]),
        "last": str(found.periods[-1]),
        "offers": len(found.mean),
        "rows": len(table),
        "units": float(found.mean.sum()),
    }
    return Outcome(result={"model": fitted.id, **told, **_named(work, (file,))}, keep=parts)


def elasticities(work: Work) -> Outcome:
    """Give own and cross elasticities. Parts: the model, then the two tables."""
    from pricebid.report import frames

    fitted = model_of(work, 0.02, 0.9)
    found = fitted.model.elasticities()
    files = {
        "elasticities.csv": _csv("elasticities", frames.elasticity_frame(fitted.model, found)),
        "cross.csv": _csv("cross", frames.cross_frame(fitted.model, found)),
    }
    kept = keep_files(work, files, first=FILES)
    told = {"offers": len(found.own), "mean_own_elasticity": float(found.own.mean())}
    return Outcome(
        result={"model": fitted.id, **told, "specification": found.specification, **_named(work, kept)},
        keep=tuple(part for one in kept for part in one.parts),
    )


def backtest(work: Work) -> Outcome:
    """Forecast the past. Parts: one per origin, each fitted and scored on its own, then the two tables."""
    from pricebid.demand.backtest import backtest_block, gather

    request, history = work.request, work.shop.history()

    def one_origin(one: batch.Partition) -> bytes:
        share = (one.start / request.origins, one.stop / request.origins)
        made = backtest_block(
            history,
            horizon=request.horizon,
            origins=request.origins,
            at=one.start,
            seed=request.policy.seed,
            planned=request.planned,
            progress=work.progress(*(0.02 + 0.96 * end for end in share), name=one.name),
        )
        return freeze(made)

    origins = batch.blocks(request.origins, size=1, first=BLOCKS, name="origin")
    batch.run(one_origin, origins, checkpoints=work.checkpoints, progress=work.progress(0.02, 0.98))
    result = gather(history, [thaw(work.checkpoints.load(one.part)) for one in origins])
    files = {
        "backtest.csv": _csv("backtest", result.to_frame()),
        "metrics.csv": _csv("metrics", result.metrics_frame()),
    }
    kept = keep_files(work, files, first=FILES)
    scores = [
        {name: _number(value) if isinstance(value, float) else value for name, value in asdict(one).items()}
        for one in result.scores
    ]
    return Outcome(
        result={"blocks": len(result.origins), "scores": scores, **_named(work, kept)},
        keep=tuple(part for one in kept for part in one.parts),
    )


def _named(work: Work, files: tuple[ResultFile, ...]) -> dict[str, object]:
    return {"inputs": work.inputs.digest, "files": [one.told() for one in files]}


def _csv(name: str, frame: pd.DataFrame) -> bytes:
    from pricebid.tables import write_results

    return written(lambda folder: write_results(folder, {name: frame}))[f"{name}.csv"]


def _number(value: object) -> float | None:
    """JSON has no NaN: a figure that could not be measured is null."""
    return float(value) if isinstance(value, int | float | np.floating) and np.isfinite(value) else None
