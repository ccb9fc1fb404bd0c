"""`experiment`: read an experiment out, or plan one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from pricebid.cli._model import read_shop
from pricebid.cli._options import Seed, ShopFolder
from pricebid.cli._run import Run
from pricebid.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

    from pricebid.learning.experiments import ExperimentSettings
    from pricebid.tables import Shop

_Layout = Literal["balanced", "independent", "minimax"]
_Metric = Literal["revenue", "units"]
_PLAN, _SWITCH = "Planning", "Switchback"
Name = Annotated[str | None, typer.Option("--name", metavar="X", help="Which experiment, where there are several.")]
Sequential = Annotated[bool, typer.Option("--sequential", help="Valid however often it is looked at.")]
Alpha = Annotated[float, typer.Option("--alpha", metavar="A", help="Error probability over all variants.")]
Planned = Annotated[float | None, typer.Option("--planned", metavar="DAYS", help="When it is to end.")]
PlannedUnits = Annotated[float | None, typer.Option("--planned-units", metavar="N", help="The same in units.")]
Control = Annotated[str | None, typer.Option("--control", metavar="V", help="The variant to compare with.")]
Correction = Annotated[Literal["dunnett", "holm", "none"], typer.Option("--correction", help="For several variants.")]
Share = Annotated[list[str] | None, typer.Option("--share", metavar="V=S", help="Intended share of a variant; equal.")]
Worth = Annotated[float | None, typer.Option("--worth", metavar="L", help="Smallest relative difference that matters.")]
Power = Annotated[float, typer.Option("--power", metavar="P", help="Probability of seeing a difference.")]
NoCovariate = Annotated[bool, typer.Option("--no-covariate", help="Leave the covariate out.")]
Lower = Annotated[bool, typer.Option("--lower-is-better", help="The outcome is a cost.")]
Design = Annotated[
    Literal["auto", "parallel", "switchback"],
    typer.Option("--design", help="Do units keep their variant or switch?", rich_help_panel=_SWITCH),
]
CarryOver = Annotated[
    int, typer.Option("--carry-over", metavar="N", help="Periods left out after a switch.", rich_help_panel=_SWITCH)
]
Block = Annotated[
    int | None, typer.Option("--block", metavar="N", help="Periods between switches.", rich_help_panel=_SWITCH)
]
PlanLift = Annotated[
    float | None,
    typer.Option(
        "--plan", metavar="L", help="Say what it takes to see this relative difference.", rich_help_panel=_PLAN
    ),
]
Variants = Annotated[
    list[str] | None,
    typer.Option("--variant", metavar="V", help="Of the experiment to plan, control first.", rich_help_panel=_PLAN),
]
Schedule = Annotated[
    int | None,
    typer.Option("--schedule", metavar="N", help="Draw a switchback of N periods.", rich_help_panel=_PLAN),
]
Layout = Annotated[
    _Layout,
    typer.Option("--layout", help="How the switchback is drawn.", rich_help_panel=_PLAN),
]
Metric = Annotated[_Metric, typer.Option("--metric", help="Of `sales`, for planning.", rich_help_panel=_PLAN)]


def experiment(
    run: Run,
    shop: ShopFolder,
    *,
    name: Name = None,
    sequential: Sequential = False,
    alpha: Alpha = 0.05,
    planned: Planned = None,
    planned_units: PlannedUnits = None,
    control: Control = None,
    correction: Correction = "dunnett",
    share: Share = None,
    worth: Worth = None,
    power: Power = 0.8,
    no_covariate: NoCovariate = False,
    lower_is_better: Lower = False,
    design: Design = "auto",
    carry_over: CarryOver = 0,
    block: Block = None,
    plan: PlanLift = None,
    variant: Variants = None,
    schedule: Schedule = None,
    layout: Layout = "balanced",
    metric: Metric = "revenue",
    seed: Seed = None,
) -> None:
    """Say in words what an experiment shows: which variant wins, by how much, whether to stop, what more it would take.

    Reads `experiments`. Writes `experiment` (a row per variant: units, value, difference and lift with intervals, p) and, for
    a sequential test with times, `looks` (what was to be seen day by day).

    With --plan L: what it takes to see a relative difference L, from the control of an earlier experiment (writes `needs`). With
    --schedule N: a switchback over the shop's regions (writes `schedule`), and what it would see, from `sales`.
    """
    from pricebid import engine
    from pricebid.learning.experiments import ExperimentSettings
    from pricebid.report import experiments as report
    from pricebid.report import text

    known = ExperimentSettings(
        alpha=alpha,
        sequential=sequential,
        correction=correction,
        control=control,
        shares=_shares(share or []),
        planned_days=planned,
        planned_units=planned_units,
        worth=worth,
        power=power,
        cuped=not no_covariate,
        lower_is_better=lower_is_better,
        design=design,
        carry_over=carry_over,
        block=block,
        seed=seed or 0,
    )
    read = read_shop(run, shop)
    if plan is None and schedule is None:
        readout = engine.experiment(read, name, settings=known)
        looks = {"looks": readout.looks_frame()} if readout.looks else {}
        files = run.write({"experiment": readout.to_frame(), **looks})
        run.show(report.experiment_report(readout), text.where(files))
        run.finish({"files": files, **report.experiment_summary(readout)})
        return
    wanted = _Wanted(name=name, lift=plan, periods=schedule, variants=tuple(variant or ("control", "treatment")))
    _plan(run, read, known, wanted, layout=layout, metric=metric)


@dataclass(frozen=True, kw_only=True)
class _Wanted:
    """What is to be planned: a relative difference to be seen, a switchback of so many periods, or both."""

    name: str | None
    lift: float | None
    periods: int | None
    variants: tuple[str, ...]


def _plan(
    run: Run, shop: Shop, settings: ExperimentSettings, wanted: _Wanted, *, layout: _Layout, metric: _Metric
) -> None:
    from pricebid import engine
    from pricebid.report import experiments as report
    from pricebid.report import text

    frames: dict[str, pd.DataFrame] = {}
    shown: list[object] = []
    summary: dict[str, Any] = {}
    lift, variants = wanted.lift, wanted.variants
    if wanted.periods is not None:
        drawn = engine.schedule_switchback(
            shop, wanted.periods, settings=settings, variants=variants, layout=layout, metric=metric, lift=lift
        )
        frames["schedule"] = drawn.to_frame(wanted.name or "switchback")
        shown.append(report.schedule_report(drawn.schedule, drawn.power, lift))
        summary["schedule"] = drawn.summary()
    if lift is not None and (wanted.periods is None or shop.table("experiments") is not None):
        made = engine.plan_experiment(shop, lift, wanted.name, settings=settings, variants=len(variants))
        frames["needs"] = made.to_frame()
        shown.append(report.plan_report(made))
        summary["needs"] = frames["needs"].to_dict(orient="records")
    files = run.write(frames)
    run.show(*shown, text.where(files))
    run.finish({"files": files, **summary})


def _shares(given: list[str]) -> tuple[tuple[str, float], ...]:
    pairs = []
    for one in given:
        name, _, number = one.rpartition("=")
        try:
            pairs.append((name, float(number)))
        except ValueError:
            raise InputError(f"--share {one!r} must read VARIANT=SHARE, such as B=0.5") from None
    return tuple(pairs)
