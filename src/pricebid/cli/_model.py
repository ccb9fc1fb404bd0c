"""`fit`, `forecast`, `backtest`, `elasticities`: the demand model alone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pricebid.cli._options import Horizon, ModelFolder, Seed, ShopFolder, Start
from pricebid.cli._run import Run

if TYPE_CHECKING:
    from pricebid.demand import DemandModel
    from pricebid.tables import Shop

NewModel = Annotated[
    Path,
    typer.Option("--model", metavar="DIR", help="Folder for params.npz, meta.json and card.md.", show_default=False),
]
Origins = Annotated[int, typer.Option("--origins", metavar="M", min=1, help="Blocks of the past to forecast.")]
Planned = Annotated[
    list[str] | None,
    typer.Option(
        "--planned",
        metavar="COL",
        help="A driver that is known ahead, beside price, promo, feature, discount; repeatable.",
    ),
]


def read_shop(run: Run, folder: Path, *, start: str | None = None, quietly: bool = False) -> Shop:
    """Read the shop, and say on standard error what is off or odd in it, unless asked to do so quietly.

    A start that cannot be is refused here: nobody wants to wait for a fit to hear of it.
    """
    from pricebid import engine

    with run.progress("Reading") as progress:
        progress(str(folder), 0.0)
        shop = engine.read(folder)
    for notice in () if quietly else (*shop.notices, *(str(fault) for fault in shop.warnings)):
        run.note(f"note: {notice}")
    if start is not None:
        shop.future(1, start=start)
    return shop


def get_model(run: Run, shop: Shop, *, folder: Path | None, seed: int) -> DemandModel:
    """Load the model that was named, else fit one."""
    from pricebid import engine

    if folder is not None:
        return engine.load(folder, shop)
    with run.progress("Fitting") as progress:
        return engine.fit(shop, seed=seed, progress=progress)


def fit(run: Run, shop: ShopFolder, model: NewModel, *, seed: Seed = None) -> None:
    """Fit the demand model and save it, to be used with --model.

    The folder gets params.npz (numbers), meta.json (what they were learnt from, with a digest) and card.md: data span,
    accuracy, elasticities and limits of use, for people.
    """
    from pricebid import demand
    from pricebid.report import models, summaries

    read = read_shop(run, shop)
    fitted = get_model(run, read, folder=None, seed=seed or 0)
    demand.save(fitted, model)
    run.show(
        models.model_report(fitted, read.offers),
        f"\nThe model is in {model}; its card.md says what it knows and what not.",
    )
    run.finish({"model": model, **summaries.model_summary(fitted)})


def forecast(
    run: Run,
    shop: ShopFolder,
    *,
    horizon: Horizon = 4,
    start: Start = None,
    model: ModelFolder = None,
    seed: Seed = None,
) -> None:
    """Forecast units of every sku and region, with the range in which they should fall.

    Prices and promotions are taken from the table `planned`; where it is silent, the current price and no promotion
    hold. Writes `forecast`: date, keys, units (mean), p10, p50, p90, price.
    """
    from pricebid import engine
    from pricebid.report import frames, models, summaries, text

    read = read_shop(run, shop, start=start)
    fitted = get_model(run, read, folder=model, seed=seed or 0)
    result = engine.forecast(read, fitted, horizon=horizon, start=start)
    files = run.write({"forecast": frames.forecast_frame(fitted, result)})
    run.show(models.forecast_report(result, read.offers), text.where(files))
    run.finish({"files": files, **summaries.forecast_summary(result)})


def backtest(
    run: Run,
    shop: ShopFolder,
    *,
    horizon: Horizon = 4,
    origins: Origins = 4,
    planned: Planned = None,
    seed: Seed = None,
) -> None:
    """Forecast the shop's own past, and score it against naive and other named baselines.

    Fits at each origin on what was known then. Writes `backtest`: origin, date, keys, actual, units, p10, p50, p90,
    price, censored (1 where stock ran out); and `metrics`: WAPE of p50, bias of the mean, RMSSE, pinball, coverage, over observed cells.
    """
    from pricebid import engine
    from pricebid.report import models, summaries, text

    read = read_shop(run, shop)
    known = tuple(planned or ())
    with run.progress("Backtesting") as progress:
        result = engine.backtest(
            read, horizon=horizon, origins=origins, planned=known, seed=seed or 0, progress=progress
        )
    files = run.write({"backtest": result.to_frame(), "metrics": result.metrics_frame()})
    run.show(models.accuracy_report(result), text.where(files))
    run.finish({"files": files, **summaries.accuracy_summary(result)})


def elasticities(run: Run, shop: ShopFolder, *, model: ModelFolder = None, seed: Seed = None) -> None:
    """How units answer to prices: own elasticities with their range, and cross elasticities.

    Writes `elasticities`: sku, region, own, own_low, own_high; and `cross`: sku, of_sku, region, value (what a price
    change of of_sku does to sku).
    """
    from pricebid.report import frames, models, summaries, text

    read = read_shop(run, shop)
    fitted = get_model(run, read, folder=model, seed=seed or 0)
    result = fitted.elasticities()
    tables = {"elasticities": frames.elasticity_frame(fitted, result), "cross": frames.cross_frame(fitted, result)}
    files = run.write(tables)
    run.show(models.elasticity_report(result, read.offers), text.where(files))
    run.finish({"files": files, **summaries.elasticity_summary(result, read.offers)})
