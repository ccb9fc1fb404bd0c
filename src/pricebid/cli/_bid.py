"""`bid`: bids and multipliers from keyword reports."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pricebid.cli._model import read_shop
from pricebid.cli._options import PolicyFile, Seed, ShopFolder
from pricebid.cli._plan import read_policy
from pricebid.cli._run import Run

Prices = Annotated[
    Path | None,
    typer.Option(
        "--prices",
        metavar="DIR",
        help="Results of `pricebid price`: values conversions at its prices, their rates unchanged; `plan` moves both.",
    ),
]


def bid(run: Run, shop: ShopFolder, *, policy: PolicyFile = None, prices: Prices = None, seed: Seed = None) -> None:
    """Plan a bid for every keyword and multipliers for every campaign: the best that all limits allow, per day.

    Writes `bids` (one row per keyword, with what it brings, what happens to it and why), `dayparts` (multipliers by
    campaign and hour), `adjustments` (multipliers by region, segment and device) and plan.json (totals now and planned,
    limits with their shadow prices, bound and gap). Without --policy: highest profit, no budget, no multipliers by hour.
    """
    from pricebid import engine
    from pricebid.report import bids, text
    from pricebid.tables.results import read_result

    aim = read_policy(policy, seed)
    sold_at = None if prices is None else read_result(prices, "prices")
    read = read_shop(run, shop)
    if aim.bids is None or aim.bids.daily_budget is None:
        run.note("note: no bids.daily_budget in the policy: spend is limited by what it earns only")
    with run.progress("Planning bids") as progress:
        plan = engine.bid(read, aim, prices=sold_at, progress=progress)
    files = run.under_out(plan.write(run.out, file_format=run.file_format))
    run.show(bids.bid_report(plan), text.where(files))
    run.finish({"files": files, **bids.bid_summary(plan)})
