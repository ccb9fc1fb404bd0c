"""`worker`: does the jobs that the service has taken in."""

from __future__ import annotations

from typing import Annotated

import typer

from pricebid.cli._run import Run
from pricebid.cli._serve import Home, settings_of


def worker(
    run: Run,
    *,
    jobs: Annotated[
        int, typer.Option("--jobs", min=1, max=64, help="Jobs at a time, each in a process of its own.")
    ] = 1,
    once: Annotated[bool, typer.Option("--once", help="End when there is nothing left to do.")] = False,
    lease: Annotated[
        float,
        typer.Option("--lease", metavar="SECONDS", min=0.5, help="After so much silence others take a job over."),
    ] = 15.0,
    home: Home = None,
) -> None:
    """Do background jobs: fits, forecasts, plans, backtests, what-ifs, learning.

    `pricebid serve` runs one of these; run more of them, here or on other machines that reach the same PostgreSQL, to do
    more at a time. One that is killed loses nothing: another takes its job over and goes on from the last part done. On
    SIGTERM it gives its jobs back and ends.
    """
    settings = settings_of(home)
    from pricebid_api.worker import run_workers

    taken = run_workers(settings, count=jobs, once=once, lease_seconds=lease)
    run.finish({"jobs": taken})
