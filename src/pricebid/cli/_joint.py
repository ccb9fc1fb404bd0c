"""`plan`: prices and bids together."""

from __future__ import annotations

from pricebid.cli._model import get_model, read_shop
from pricebid.cli._options import ModelFolder, PolicyFile, Seed, ShopFolder, Start
from pricebid.cli._plan import read_policy
from pricebid.cli._run import Run


def plan(
    run: Run,
    shop: ShopFolder,
    *,
    policy: PolicyFile = None,
    model: ModelFolder = None,
    start: Start = None,
    seed: Seed = None,
) -> None:
    """Plan prices and bids together: what a click is worth depends on the price it meets, and the other way round.

    Needs `sales` and `keywords` with a column sku. Writes `prices` (with the units that ads bring), `bids`, `dayparts`,
    `adjustments` and plan.json, which tells what planning together adds to prices first and bids after.
    """
    from pricebid import engine
    from pricebid.report import joint, text

    aim = read_policy(policy, seed)
    read = read_shop(run, shop, start=start)
    read.keyword_reports()  # missing ads are told before anybody waits for a fit
    fitted = get_model(run, read, folder=model, seed=aim.seed)
    with run.progress("Planning") as progress:
        found = engine.plan(read, fitted, aim, start=start, progress=progress)
    files = run.under_out(found.write(run.out, file_format=run.file_format))
    run.show(joint.joint_report(found), text.where(files))
    run.finish({"files": files, **joint.joint_summary(found)})
