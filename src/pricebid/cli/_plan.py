"""`price` and `whatif`: plans."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pricebid.cli._model import get_model, read_shop
from pricebid.cli._options import ModelFolder, PolicyFile, Seed, ShopFolder, Start
from pricebid.cli._run import Run

Previous = Annotated[
    Path | None, typer.Option("--previous", metavar="DIR", help="Results of an earlier run to compare with.")
]
ScenarioFile = Annotated[Path, typer.Option("--scenario", metavar="F", help="What changes (TOML).", show_default=False)]


def price(
    run: Run,
    shop: ShopFolder,
    *,
    policy: PolicyFile = None,
    previous: Previous = None,
    model: ModelFolder = None,
    start: Start = None,
    seed: Seed = None,
) -> None:
    """Plan a price for every sku and region: the best that all limits allow, with proof and reasons.

    Writes `prices` (one row per price, with what it was, what it is worth, its range and its reason) and plan.json
    (totals now and planned, limits with their shadow prices, bound and gap); with --previous also `diff`.
    """


def whatif(
    run: Run,
    shop: ShopFolder,
    scenario: ScenarioFile,
    *,
    policy: PolicyFile = None,
    model: ModelFolder = None,
    seed: Seed = None,
) -> None:
    """Plan with changed costs, rivals, limits or prices, beside the plan as things are.

    A scenario file has [[change]] blocks (table, where, set or multiply) and [policy] overrides; `pricebid init` shows
    one. Writes `comparison`, with intervals on the difference, and `prices` of the scenario.
    """
