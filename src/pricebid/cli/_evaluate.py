"""`evaluate`: what a policy would have brought, from a log of decisions that another one took."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pricebid.cli._options import Seed
from pricebid.cli._run import Run

Log = Annotated[
    Path, typer.Argument(metavar="LOG", help="Decisions with propensities (CSV or Parquet).", show_default=False)
]
Policy = Annotated[
    Path,
    typer.Option("--policy", metavar="P", help="The candidate: TOML, or CSV of probabilities.", show_default=False),
]
Reward = Annotated[str | None, typer.Option("--reward", metavar="COL", help="The column that counts.")]
Context = Annotated[
    list[str] | None, typer.Option("--context", metavar="COL", help="A column known at the decision; all others.")
]
Alpha = Annotated[float, typer.Option("--alpha", metavar="A", help="One minus the level of intervals.")]
Clip = Annotated[float | None, typer.Option("--clip", metavar="W", help="Also estimators with weights cut at W.")]
Lower = Annotated[
    bool | None, typer.Option("--lower-is-better/--higher-is-better", help="Is the reward a cost? `cost` is one.")
]
Least = Annotated[float, typer.Option("--least-ess", metavar="N", help="Effective sample size below which to refuse.")]


def evaluate(
    run: Run,
    log: Log,
    *,
    policy: Policy,
    reward: Reward = None,
    context: Context = None,
    alpha: Alpha = 0.05,
    clip: Clip = None,
    least_ess: Least = 50.0,
    lower_is_better: Lower = None,
    seed: Seed = None,
) -> None:
    """Estimate what a policy would have brought, from a log of decisions with the probabilities with which they were taken.

    The log has one row per decision: `option`, `propensity`, `reward` (or units, clicks, ...), and anything known of the request.
    The policy always takes one option, all alike, a table of probabilities by segment, the log's own columns p_OPTION, or is a
    stored learner.

    Writes `evaluation`: inverse propensity, self-normalised, direct method and doubly robust, with intervals. Refuses (exit
    code 2) where the log holds too little of what the policy would do.
    """
    from pricebid import engine
    from pricebid.learning.evaluation import EvaluationSettings, OverlapRule
    from pricebid.report import evaluations as report
    from pricebid.report import text

    settings = EvaluationSettings(
        alpha=alpha, clip=clip, rule=OverlapRule(least_ess=least_ess), seed=seed or 0, lower_is_better=lower_is_better
    )
    found = engine.evaluate(log, policy, reward=reward, context=context or None, settings=settings)
    files = run.write({"evaluation": found.to_frame()})
    run.show(report.evaluation_report(found), text.where(files))
    run.finish({"files": files, **report.evaluation_summary(found)})
