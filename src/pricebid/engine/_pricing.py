"""From a shop folder to a demand model and a price plan. No arithmetic here."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import date
    from pathlib import Path
    from typing import Any

    from pricebid.bidding import BidPlan
    from pricebid.demand import BacktestResult, DemandModel, Forecast
    from pricebid.planning import Comparison, JointPlan, Review
    from pricebid.policy import Policy, Scenario
    from pricebid.pricing import PricePlan
    from pricebid.tables import Shop

    Progress = Callable[[str, float], None]


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


def review(
    plan: PricePlan | BidPlan | JointPlan | str | Path,
    shop: Shop,
    *,
    start: date | str | None = None,
    days: int | None = None,
) -> Review:
    """Lay what happened since a plan beside what it expected.

    Parameters
    ----------
    plan : plan or path
        Of prices, of bids or of both; or the ``--out`` folder of the run that made it.
    shop : Shop
        With the sales and ad reports since.
    start : date, optional
        First day on which the plan was in force; default: as it says itself. A plan of bids alone does not. Prices are
        looked at from the first whole period on or after it.
    days : int, optional
        Of bids: how many days to look at; default: the horizon where the plan has one, else all since.

    Raises
    ------
    InputError
        If nothing has happened in the plan's horizon yet, or plan and shop do not fit together.
    """
    from pricebid import planning

    return planning.review(plan, shop, start=start, days=days)
