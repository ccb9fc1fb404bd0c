"""`review`: a plan against what then happened."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pricebid.cli._model import read_shop
from pricebid.cli._options import ShopFolder
from pricebid.cli._run import Run

PlanFolder = Annotated[
    Path,
    typer.Argument(metavar="PLAN", help="The --out folder of `price`, `bid` or `plan`.", show_default=False),
]
Since = Annotated[
    str | None,
    typer.Option(
        "--start",
        metavar="DATE",
        help="First day of the plan in force (prices: from the first whole period on); default: as the plan says.",
    ),
]
Days = Annotated[
    int | None,
    typer.Option("--days", metavar="N", min=1, help="Days of ad reports to look at; default: the horizon, else all."),
]


def review(run: Run, plan: PlanFolder, shop: ShopFolder, *, start: Since = None, days: Days = None) -> None:
    """A plan against what then happened: what sold, at which prices, what it earned, and why that differs.

    SHOP holds the sales (and ad reports) since. Writes `review` (one row per offer) and, of planned bids, `review_bids`
    (one row per keyword), and review.json. The difference of profit is parted exactly into other volumes, other
    revenue per unit (price, coupon or tax) and other costs. What would have happened without the plan no review can say: that takes an experiment.
    """
    from pricebid import engine
    from pricebid.report import reviews, text

    read = read_shop(run, shop, quietly=True)
    found = engine.review(plan, read, start=start, days=days)
    files = run.under_out(found.write(run.out, file_format=run.file_format))
    run.show(reviews.review_report(found), text.where(files))
    run.finish({"files": files, **reviews.review_summary(found)})
