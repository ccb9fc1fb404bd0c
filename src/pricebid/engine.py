"""The main paths, a few lines each: read, fit, forecast, price, bid, plan, channels, what if. No arithmetic here.

Each function imports the parts it needs when it is called, so that importing pricebid stays free of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import date
    from pathlib import Path
    from typing import Any

    import pandas as pd

    from pricebid.bidding import BidPlan
    from pricebid.bidding.channel_plan import ChannelPlan
    from pricebid.demand import BacktestResult, DemandModel, Forecast
    from pricebid.landscape import BidLandscape
    from pricebid.landscape.attribution import Attribution, AttributionSettings
    from pricebid.learning.evaluation import Candidate, Evaluation, EvaluationSettings
    from pricebid.learning.experiments import ExperimentPlan, ExperimentSettings, Readout
    from pricebid.learning.experiments.regions import Metric, RegionalSwitchback
    from pricebid.learning.experiments.switchback import Plan
    from pricebid.planning import Comparison, Exploration, JointPlan
    from pricebid.policy import Policy, Scenario
    from pricebid.pricing import PricePlan
    from pricebid.simulate import LoopMarketSettings, LoopResult, LoopSettings
    from pricebid.tables import Shop
    from pricebid.tables.decisions import DecisionLog

    Progress = Callable[[str, float], None]

_AT_PLANNED = (
    "now and planned are both valued at the planned prices, with the conversion rates of today's; `pricebid plan` also moves "
    "those"
)


def read(path: str | Path) -> Shop:
    """Read and check a shop folder.

    Parameters
    ----------
    path : str or Path
        The folder of tables.

    Returns
    -------
    Shop
        Frozen; `notices` name what is switched off, `warnings` what looks odd.

    Raises
    ------
    TableError
        With every fault found.
    """
    from pricebid.tables import Shop

    return Shop.read(path)


def read_policy(path: str | Path | None) -> Policy:
    """Read a policy file; without one, aim at profit with no limit but `never_below_cost`.

    Raises
    ------
    PolicyError
        With every fault found.
    """
    from pricebid.policy import Policy

    return Policy() if path is None else Policy.read(path)


def fit(shop: Shop, *, seed: int = 0, progress: Progress | None = None) -> DemandModel:
    """Fit the demand model to a shop's sales.

    Parameters
    ----------
    shop : Shop
        As read.
    seed : int
        Same shop and seed, same model.
    progress : callable, optional
        Called as ``progress(stage, share)``, share in [0, 1].

    Returns
    -------
    DemandModel
        Forecasts, elasticities, and the price response that plans are made with.
    """
    from pricebid import demand

    return demand.fit(shop.history(), seed=seed, progress=progress)


def load(folder: str | Path, shop: Shop) -> DemandModel:
    """Load a fitted model and check that it belongs to this shop.

    Raises
    ------
    ModelError
        If files are missing or damaged, or the model was fitted to other offers.
    """
    from pricebid import demand

    return demand.check_fits(demand.load(folder), shop.history())


def forecast(shop: Shop, model: DemandModel, *, horizon: int = 4, start: date | str | None = None) -> Forecast:
    """Forecast every offer for the periods to come, at planned prices or else the current ones.

    Parameters
    ----------
    shop, model
        As read and fitted.
    horizon : int
        How many periods.
    start : date, optional
        First period; default: the one after the last sale.
    """
    return model.forecast(shop.future(horizon, start=None if start is None else str(start)))


def backtest(
    shop: Shop,
    *,
    horizon: int = 4,
    origins: int = 4,
    planned: tuple[str, ...] = (),
    seed: int = 0,
    progress: Progress | None = None,
) -> BacktestResult:
    """Forecast the shop's own past from several origins, and score the forecasts against named baselines.

    Parameters
    ----------
    shop : Shop
        As read.
    horizon : int
        Periods per block.
    origins : int
        Non-overlapping blocks at the end of the history.
    planned : tuple of str
        Drivers, beyond price, promo, feature and discount, that are known ahead and so may be used.
    seed : int
        Same shop and seed, same result.
    progress : callable, optional
        Called as ``progress(stage, share)``, share in [0, 1].
    """
    from pricebid import demand

    history = shop.history()
    return demand.backtest(history, horizon=horizon, origins=origins, planned=planned, seed=seed, progress=progress)


def price(
    shop: Shop,
    model: DemandModel,
    policy: Policy,
    *,
    start: date | str | None = None,
    progress: Progress | None = None,
) -> PricePlan:
    """Choose a price for every offer: the highest objective that the policy's limits allow, with proof.

    Parameters
    ----------
    shop, model
        As read and fitted.
    policy : Policy
        What to aim at and what must hold.
    start : date, optional
        First period planned for; default: the one after the last sale.
    progress : callable, optional
        Called as ``progress(stage, share)``, share in [0, 1].

    Raises
    ------
    Infeasible
        If the limits cannot all hold; with the smallest relaxation of each.
    """
    from pricebid import pricing

    return pricing.price(shop, model, policy, start=start, progress=progress)


def what_if(
    shop: Shop,
    model: DemandModel,
    policy: Policy,
    scenario: Scenario | Mapping[str, Any],
    *,
    start: date | str | None = None,
    progress: Progress | None = None,
) -> Comparison:
    """Change inputs, plan again, and compare with the plan as things are.

    Parameters
    ----------
    shop, model, policy
        As for `price`.
    scenario : Scenario or mapping
        ``change`` (a list of table changes) and ``policy`` (overrides), as a scenario file says it.
    start : date, optional
        First period planned for, in both.
    progress : callable, optional
        Called as ``progress(stage, share)``, share in [0, 1].

    Raises
    ------
    InputError
        If the scenario does not fit the shop or the policy.
    Infeasible
        If one of the two has no plan.
    """
    from pricebid import planning

    return planning.what_if(shop, model, policy, scenario, start=start, progress=progress)


def landscape(shop: Shop, policy: Policy, *, progress: Progress | None = None) -> BidLandscape:
    """Learn from a shop's ad reports what each bid would win, cost and bring.

    Parameters
    ----------
    shop : Shop
        With a table ``keywords``.
    policy : Policy
        Its ``bids.auction`` and ``bids.conversion_delay`` count where given.
    progress : callable, optional
        Called as ``progress(stage, share)``, share in [0, 1].

    Raises
    ------
    TableError
        The shop has no ``keywords``.
    InputError
        No row has both a bid and an impression.
    """
    from pricebid.landscape import fit_landscape

    bids = policy.bids
    return fit_landscape(
        shop.keyword_reports(),
        auction=None if bids is None else bids.auction,
        conversion_delay=None if bids is None else bids.conversion_delay,
        candidates=shop.candidates(),
        seed=policy.seed,
        progress=progress,
    )


def bid(
    shop: Shop,
    policy: Policy,
    *,
    prices: PricePlan | pd.DataFrame | None = None,
    known: BidLandscape | None = None,
    progress: Progress | None = None,
) -> BidPlan:
    """Choose a bid per keyword and multipliers per campaign: the highest objective that budgets and limits allow, per day.

    Parameters
    ----------
    shop : Shop
        With a table ``keywords``.
    policy : Policy
        What to aim at; ``[bids]`` says what must hold.
    prices : PricePlan or DataFrame, optional
        A price plan, or its table ``prices``: what linked skus will cost. Current prices where not given.
    known : BidLandscape, optional
        As `landscape` gives it, where it is there already.
    progress : callable, optional
        Called as ``progress(stage, share)``, share in [0, 1].

    Raises
    ------
    TableError
        The shop has no ``keywords``, or profit counts and margins are not known.
    Infeasible
        A campaign's rules leave it no bid.
    """
    from dataclasses import replace

    from pricebid import bidding

    found = landscape(shop, policy, progress=progress) if known is None else known
    value = bidding.shop_value(shop, found, policy, prices=prices)
    made = bidding.bid(found, policy, campaigns=shop.campaigns(), value=value, progress=progress)
    said = () if prices is None else (_AT_PLANNED,)
    return replace(made, currency=shop.settings.currency, remarks=(*said, *made.remarks))


def check_ads(shop: Shop, policy: Policy) -> None:
    """Check that `bid` will know what a conversion is worth, without learning anything.

    Raises
    ------
    TableError
        Profit counts, and neither a sku with price and cost nor a margin of the campaign tells it.
    """
    from pricebid.bidding import check_value

    check_value(shop, policy)


def plan(
    shop: Shop,
    model: DemandModel,
    policy: Policy,
    *,
    start: date | str | None = None,
    known: BidLandscape | None = None,
    progress: Progress | None = None,
) -> JointPlan:
    """Choose prices and bids together, so that clicks are bought for what they are worth at the prices they meet.

    Parameters
    ----------
    shop, model, policy
        As for `price` and `bid`; the keywords must lead to skus of the shop.
    start : date, optional
        First period planned for; default: the one after the last sale.
    known : BidLandscape, optional
        As `landscape` gives it, where it is there already.
    progress : callable, optional
        Called as ``progress(stage, share)``, share in [0, 1].

    Raises
    ------
    InputError
        No keyword leads to a sku of the shop.
    Infeasible
        The limits cannot all hold.
    """
    from pricebid import bidding, planning

    found = landscape(shop, policy, progress=progress) if known is None else known
    apart = bidding.shop_value(shop, found, policy)
    return planning.plan(shop, model, found, policy, apart=apart, start=start, progress=progress)


def channels(
    shop: Shop, policy: Policy, *, margin: float | None = None, progress: Progress | None = None
) -> ChannelPlan:
    """Split a budget over advertising channels.

    Parameters
    ----------
    shop : Shop
        With a table ``channels``.
    policy : Policy
        ``[channels]`` gives budget, floors, caps and changes.
    margin : float, optional
        Contribution over revenue before advertising; told from the shop where not given.
    progress : callable, optional
        Called as ``progress(stage, share)``, share in [0, 1].

    Raises
    ------
    TableError
        The shop has no ``channels``.
    Infeasible
        Floors, caps, changes and budget cannot all hold.
    """
    from pricebid.bidding.channels import plan_channels

    return plan_channels(shop, policy, margin=margin, progress=progress)


def attribute(
    shop: Shop,
    *,
    rules: Sequence[str] | None = None,
    window: float | None = None,
    settings: AttributionSettings | None = None,
) -> Attribution:
    """Credit conversions to channels by several rules, side by side.

    Parameters
    ----------
    shop : Shop
        With a table ``touches``.
    rules : sequence of str, optional
        All that apply where not given.
    window : float, optional
        Days before a conversion in which touches count; all where not given.
    settings : AttributionSettings, optional
        Half-life, order of the Markov graph and the like.

    Raises
    ------
    TableError
        The shop has no ``touches``, or none converted.
    """
    from pricebid.landscape import attribution
    from pricebid.landscape.attribution_paths import cut_paths

    paths = cut_paths(shop.touches(), window=window)
    return attribution.attribute(paths, rules=rules, settings=settings or attribution.AttributionSettings())


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
