"""`channels` and `attribute`: what each channel brings, and how a budget is split over them."""

from __future__ import annotations

from typing import Annotated

import typer

from pricebid.cli._model import read_shop
from pricebid.cli._options import PolicyFile, Seed, ShopFolder
from pricebid.cli._plan import read_policy
from pricebid.cli._run import Run

Margin = Annotated[
    float | None,
    typer.Option("--margin", metavar="M", help="Contribution over revenue before advertising; told from the shop."),
]
Rule = Annotated[
    list[str] | None,
    typer.Option("--rule", metavar="R", help="A rule, as often as wanted; all that apply where none is named."),
]
Window = Annotated[
    float | None, typer.Option("--window", metavar="DAYS", help="Touches longer before a conversion get no credit.")
]
HalfLife = Annotated[float, typer.Option("--half-life", metavar="DAYS", help="Of the rule time_decay.")]
Order = Annotated[int, typer.Option("--order", metavar="K", help="Touches that the Markov graph remembers.")]


def channels(
    run: Run,
    shop: ShopFolder,
    *,
    policy: PolicyFile = None,
    margin: Margin = None,
    seed: Seed = None,
) -> None:
    """Split a budget over channels: the best that floors, caps and changes allow, with marginal returns and reasons.

    Learns from `channels` what each channel brings at any spend that is kept up. Writes `channels` (spend now and planned,
    what each brings with its interval, marginal return, ROI, cost per conversion and per new customer, customer value,
    reason) and plan.json. Without a budget in the policy, profit decides how much is spent.
    """
    from pricebid import engine
    from pricebid.report import channels as report
    from pricebid.report import text

    aim = read_policy(policy, seed)
    read = read_shop(run, shop)
    with run.progress("Learning and planning") as progress:
        plan = engine.channels(read, aim, margin=margin, progress=progress)
    files = run.under_out(plan.write(run.out, file_format=run.file_format))
    run.show(report.channel_report(plan), text.where(files))
    run.finish({"files": files, **report.channel_summary(plan)})


def attribute(
    run: Run,
    shop: ShopFolder,
    *,
    rule: Rule = None,
    window: Window = None,
    half_life: HalfLife = 7.0,
    order: Order = 1,
    seed: Seed = None,
) -> None:
    """Credit conversions to channels by several rules, side by side, from `touches`.

    Rules: last, last_non_direct, first, linear, time_decay, position, markov, shapley, shapley_rate. Writes `attribution`
    (conversions, value, shares, removal effect, cost, cost per conversion and return by rule and channel) and
    `transitions` (the Markov graph). Every rule gives the same total.
    """
    from pricebid import engine
    from pricebid.landscape.attribution import AttributionSettings
    from pricebid.report import channels as report
    from pricebid.report import text

    known = AttributionSettings(half_life=half_life, order=order, seed=seed or 0)
    found = engine.attribute(read_shop(run, shop), rules=rule, window=window, settings=known)
    files = run.write({"attribution": found.to_frame(), "transitions": found.transitions()})
    run.show(report.attribution_report(found), text.where(files))
    run.finish({"files": files, **report.attribution_summary(found)})
