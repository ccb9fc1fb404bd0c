"""`price` and `whatif`: plans."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pricebid.cli._model import get_model, read_shop
from pricebid.cli._options import ModelFolder, PolicyFile, Seed, ShopFolder, Start
from pricebid.cli._publish import Publish, StoredAs, name_in_store, publish_prices
from pricebid.cli._run import Run

if TYPE_CHECKING:
    from pricebid.policy import Policy

Previous = Annotated[
    Path | None, typer.Option("--previous", metavar="DIR", help="Results of an earlier run to compare with.")
]
ScenarioFile = Annotated[
    Path, typer.Option("--scenario", metavar="F", help="What is different (TOML).", show_default=False)
]


def price(
    run: Run,
    shop: ShopFolder,
    *,
    policy: PolicyFile = None,
    previous: Previous = None,
    model: ModelFolder = None,
    start: Start = None,
    seed: Seed = None,
    publish: Publish = False,
    stored_as: StoredAs = None,
) -> None:
    """Plan a price for every sku and region: the best that all limits allow, with proof and reasons.

    Writes `prices` (one row per price, with what it was, what it is worth, its range and its reason) and plan.json
    (totals now and planned, limits with their shadow prices, bound and gap); with --previous also `diff`. Without
    --policy: highest profit, no price below cost, whole cents, four periods.
    """
    from pricebid import engine
    from pricebid.report import plans, summaries, text
    from pricebid.tables.results import read_result

    # What is quick to find wrong is looked at first: nobody wants to wait for a fit to hear of a typing error.
    aim = read_policy(policy, seed)
    before = None if previous is None else read_result(previous, "prices")
    read = read_shop(run, shop, start=start)
    fitted = get_model(run, read, folder=model, seed=aim.seed)
    if aim.price.max_change is None and not any(rule.price and rule.price.max_change for rule in aim.rules):
        run.note(
            "note: no max_change in the policy: prices may go where none was ever charged, and nobody knows demand"
        )
    with run.progress("Planning") as progress:
        plan = engine.price(read, fitted, aim, start=start, progress=progress)
    files = run.under_out(plan.write(run.out, file_format=run.file_format, previous=before))
    run.show(plans.plan_report(plan), text.where(files))
    told = publish_prices(run, plan, read, name=name_in_store(shop, stored_as)) if publish else {}
    run.finish({"files": files, **summaries.plan_summary(plan), **told})


def whatif(
    run: Run,
    shop: ShopFolder,
    scenario: ScenarioFile,
    *,
    policy: PolicyFile = None,
    model: ModelFolder = None,
    start: Start = None,
    seed: Seed = None,
) -> None:
    """Plan with changed costs, rivals, limits or prices, beside the plan as things are.

    A scenario file has `change` blocks (table, where, set or multiply) and `policy` overrides; `pricebid init` shows
    one. Writes `comparison` (totals in both, with intervals on the difference), `prices` of the scenario, `diff` (the
    prices that differ) and comparison.json.
    """
    from pricebid import engine
    from pricebid.policy import Scenario
    from pricebid.report import plans, summaries, text

    aim, change = read_policy(policy, seed), Scenario.read(scenario)
    read = read_shop(run, shop, start=start)
    fitted = get_model(run, read, folder=model, seed=aim.seed)
    with run.progress("Planning both") as progress:
        both = engine.what_if(read, fitted, aim, change, start=start, progress=progress)
    tables = {"comparison": both.to_frame(), "prices": both.scenario.to_frame(), "diff": both.prices()}
    files = run.write(tables, {"comparison.json": both.to_json()})
    run.show(plans.comparison_report(both), text.where(files))
    run.finish({"files": files, **summaries.comparison_summary(both)})


def read_policy(file: Path | None, seed: int | None) -> Policy:
    """Read the policy, with the seed of the command line in it, if one was given."""
    from pricebid import engine

    policy = engine.read_policy(file)
    return policy if seed is None else replace(policy, seed=seed)
