"""`simulate`: the whole loop on a market with known truth."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from pricebid.cli._run import Run

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

PICTURE = "loop.png"
# As in `pricebid.simulate`, which is not imported before it is needed.
LoopKind = Literal["stable", "drift", "shock"]
ShockKind = Literal["rival", "elasticity", "cost"]


def simulate(
    run: Run,
    *,
    days: Annotated[int, typer.Option(metavar="N", min=1, help="Days that the loop runs.")] = 120,
    kind: Annotated[
        LoopKind, typer.Option(help="Buyers stay as they are, drift in how they mind prices, or change on one day.")
    ] = "drift",
    shock: Annotated[
        ShockKind, typer.Option(help="With --kind shock: a rival leaves, elasticities turn, or costs jump.")
    ] = "rival",
    shock_day: Annotated[
        int | None, typer.Option(metavar="D", min=1, help="Day of the shock; default: halfway.")
    ] = None,
    explore: Annotated[bool, typer.Option("--explore/--no-explore", help="Also play the loop that explores.")] = True,
    budget: Annotated[
        float,
        typer.Option(metavar="SHARE", help="Expected profit per day that exploring may cost (exploration_budget)."),
    ] = 0.01,
    sparse: Annotated[
        bool, typer.Option("--sparse/--varied", help="Prices hardly moved in the history, or moved a lot.")
    ] = True,
    refit: Annotated[int, typer.Option(metavar="N", min=1, help="Nights between fits and plans.")] = 1,
    window: Annotated[
        int | None, typer.Option(metavar="DAYS", help="Fit to the latest days only; default: to all.")
    ] = None,
    keywords: Annotated[
        int, typer.Option(metavar="N", min=0, help="Keywords whose bids are planned beside the prices; 0: no ads.")
    ] = 12,
    rebid: Annotated[int, typer.Option(metavar="N", min=1, help="Nights between bid plans.")] = 7,
    visitors: Annotated[float, typer.Option(metavar="N", help="Visitors per category, region and day.")] = 120.0,
    seed: Annotated[int, typer.Option(help="Of market, sales and exploration.")] = 0,
) -> None:
    """Run the whole loop on a market with known truth: forecast, price, bid, sell, learn, every night anew.

    Plays the same days as the status quo, a static plan, the loop without and with exploration, and a clairvoyant. Writes
    `loop` (profit of every day and policy, what exploring truly cost, and its budget) and loop.png.
    """
    from pricebid import engine
    from pricebid.report import loop, text
    from pricebid.simulate import LoopMarketSettings, LoopSettings

    market = LoopMarketSettings(
        kind=kind,
        days=days,
        shock=shock,
        shock_day=shock_day,
        sparse=sparse,
        keywords=keywords,
        visitors=visitors,
    )
    settings = LoopSettings(explore=explore, budget=budget, refit=refit, rebid=rebid, window=window)
    with run.progress("Living through it") as progress:
        result = engine.simulate(market, settings, seed=seed, progress=progress)
    frame = result.to_frame()
    day = market.shocked_from
    files = run.write({"loop": frame}, documents=_picture(run, frame, shock_day=None if day is None else day + 1))
    run.show(loop.loop_report(frame), text.where(files))
    run.finish({"files": files, **loop.loop_summary(frame)})


def _picture(run: Run, frame: pd.DataFrame, *, shock_day: int | None) -> Mapping[str, bytes]:
    """Draw the courses; without matplotlib say how to get it, and go on."""
    from pricebid.errors import InputError
    from pricebid.report.loop_plots import plot_loop

    try:
        figure = plot_loop(frame, shock_day=shock_day)
    except InputError as error:
        run.note(f"note: no picture: {error}")
        return {}
    drawn = io.BytesIO()
    figure.savefig(drawn, format="png")
    return {PICTURE: drawn.getvalue()}
