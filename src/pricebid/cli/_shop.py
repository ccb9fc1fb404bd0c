"""`init` and `check`: a shop folder to start from, and what is wrong with one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pricebid.cli._options import PolicyFile, ShopFolder
from pricebid.cli._run import Run

NewFolder = Annotated[
    Path, typer.Argument(metavar="DIR", help="Folder to make; it must not hold files yet.", show_default=False)
]


def init(run: Run, folder: NewFolder) -> None:
    """Make a template shop and policy, commented, that run.

    A small coffee and tea shop: seven products, two regions, two years of weeks. Its README.md explains every table
    and column, policy.toml every limit. Replace the tables by your own.
    """
    from pricebid.datasets import write_template

    files = write_template(folder)
    run.show(f"A shop to start from is in {folder}: read its README.md, then try\n  pricebid check {folder}")
    run.finish({"shop": folder, "files": files})


def check(run: Run, shop: ShopFolder, *, policy: PolicyFile = None) -> None:
    """List every fault of a shop, and every feature that is off for lack of a table or column.

    Exits with 2 if there is any fault; all are listed at once, with table, row and column. Give --policy to have the
    policy file checked too; without, ads are checked for the default aim, profit.
    """
    from pricebid import engine
    from pricebid.report import summaries, text

    with run.progress("Reading") as progress:
        progress(str(shop), 0.0)
        read = engine.read(shop)
    aim = engine.read_policy(policy)
    if read.table("keywords") is not None:
        engine.check_ads(read, aim)
    run.show(text.shop_report(read))
    run.finish(summaries.shop_summary(read))
