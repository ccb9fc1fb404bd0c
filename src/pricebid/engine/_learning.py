"""Experiments, off-policy evaluation, exploration, and the loop closed on a simulated market. No arithmetic here."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from pricebid.learning.evaluation import Candidate, Evaluation, EvaluationSettings
    from pricebid.learning.experiments import ExperimentPlan, ExperimentSettings, Readout
    from pricebid.learning.experiments.regions import Metric, RegionalSwitchback
    from pricebid.learning.experiments.switchback import Plan
    from pricebid.planning import Exploration
    from pricebid.pricing import PricePlan
    from pricebid.simulate import LoopMarketSettings, LoopResult, LoopSettings
    from pricebid.tables import Shop
    from pricebid.tables.decisions import DecisionLog

    Progress = Callable[[str, float], None]


def experiment(shop: Shop, name: str | None = None, *, settings: ExperimentSettings | None = None) -> Readout:
    """Read an experiment out: which variant wins, by how much, whether to stop, what more it would take.

    Parameters
    ----------
    shop : Shop
        With a table ``experiments``.
    name : str, optional
        Which experiment, where there are several.
    settings : ExperimentSettings, optional
        How it is to be read.

    Raises
    ------
    TableError, InputError
        There is no such experiment, or its rows cannot be read as one.
    """
    from pricebid.learning.experiments import read_experiment

    rows = shop.experiment(name)
    return read_experiment(rows, settings, shared=shop.shared_supply(rows))


def plan_experiment(
    shop: Shop, lift: float, name: str | None = None, *, settings: ExperimentSettings, variants: int = 2
) -> ExperimentPlan:
    """Say how many units and days it takes to see a relative difference, from the control of an earlier experiment.

    Parameters
    ----------
    shop : Shop
        With a table ``experiments``.
    lift : float
        Relative difference to be seen.
    name : str, optional
        The earlier experiment.
    settings : ExperimentSettings
        ``alpha``, ``power``, ``control`` and ``cuped`` count.
    variants : int
        Including the control.
    """
    from pricebid.learning.experiments.plan import baseline_of, plan_experiment

    rows = shop.experiment(name)
    baseline = baseline_of(rows, control=settings.control, cuped=settings.cuped)
    return plan_experiment(
        baseline,
        lift,
        source=f"from the control of {rows.name}",
        variants=variants,
        alpha=settings.alpha,
        power=settings.power,
    )


def schedule_switchback(
    shop: Shop,
    periods: int,
    *,
    settings: ExperimentSettings,
    variants: Sequence[str] = ("control", "treatment"),
    layout: Plan = "balanced",
    metric: Metric = "revenue",
    lift: float | None = None,
) -> RegionalSwitchback:
    """Draw a switchback over a shop's regions; arguments are those of `learning.experiments.regions.schedule_regions`."""
    from pricebid.learning.experiments.regions import schedule_regions

    return schedule_regions(
        shop, periods, settings=settings, variants=variants, layout=layout, metric=metric, lift=lift
    )


def evaluate(
    log: DecisionLog | str | Path,
    candidate: Candidate | str | Path,
    *,
    reward: str | None = None,
    context: Sequence[str] | None = None,
    settings: EvaluationSettings | None = None,
) -> Evaluation:
    """Estimate what a candidate would have brought, from a log of decisions with their propensities.

    Parameters
    ----------
    log : DecisionLog or path
        One row per decision.
    candidate : Candidate or path
        What is to be evaluated.
    reward : str, optional
        The log's column that counts, where there are several.
    context : sequence of str, optional
        Its columns that were known at the decision; all others where not given.
    settings : EvaluationSettings, optional
        Level, cuts, reward model, refusal.

    Raises
    ------
    TableError, PolicyError
        With every fault of the log or the candidate.
    PoorOverlap
        The log holds too little of what the candidate would do.
    """
    import numpy as np

    from pricebid.learning import evaluation as by
    from pricebid.tables.decisions import DecisionLog, read_log

    known = settings or by.EvaluationSettings()
    aim = candidate if isinstance(candidate, by.Candidate) else by.read_candidate(candidate)
    rows = log if isinstance(log, DecisionLog) else read_log(log, reward=reward, context=context)
    rows = rows.with_options(aim.options)
    law = by.law_of(aim, rows, np.random.default_rng(known.seed))
    return by.evaluate_law(rows, law, name=aim.name, settings=known)


def explore(plan: PricePlan, *, seed: int | None = None) -> Exploration:
    """Say which other prices to try, and how often, within the plan's rules and the policy's exploration budget.

    Parameters
    ----------
    plan : PricePlan
        Its policy's ``learning.exploration_budget`` counts; without it nothing is explored.
    seed : int, optional
        Of the draws of demand; the policy's where not given.
    """
    from pricebid import planning

    return planning.explore(plan, seed=seed)


def simulate(
    market: LoopMarketSettings, settings: LoopSettings, *, seed: int = 0, progress: Progress | None = None
) -> LoopResult:
    """Run the closed loop on a market with known truth, beside policies that do not learn.

    Parameters
    ----------
    market, settings
        What kind of market, and how the loop is run on it.
    seed : int
        Same settings and seed, same result.
    progress : callable, optional
        Called as ``progress(stage, share)``, share in [0, 1].
    """
    from pricebid.simulate import run_loop

    return run_loop(market, settings, seed=seed, progress=progress)
