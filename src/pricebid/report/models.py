"""What a demand model knows, for people: elasticities by group, accuracy, what it expects to sell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from rich.console import Group
from rich.text import Text

from pricebid.report.numbers import change, count, money, share
from pricebid.report.text import table

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from rich.console import RenderableType

    from pricebid.demand import BacktestResult, DemandModel, Elasticities, Forecast
    from pricebid.tables import Offers

MOST_GROUPS = 20


@dataclass(frozen=True, kw_only=True, eq=False)
class GroupElasticity:
    """Elasticities of a group of offers, averaged.

    Parameters
    ----------
    name : str
        The group's label.
    offers : int
        How many offers.
    own, low, high : float
        Own elasticity and the ends of its 90 % interval, each the mean over the offers.
    cross : float
        Mean over the offers of the sum of their cross elasticities: what 1 % on every rival's price adds to units.
    """

    name: str
    offers: int
    own: float
    low: float
    high: float
    cross: float


def grouping(offers: Offers) -> tuple[str, NDArray[np.object_]]:
    """Choose by what to group offers for people: brand, else category, else sku; its name, and object[offer] labels."""
    for name in ("brand", "category"):
        labels = getattr(offers, name)
        if len(set(labels)) > 1:
            return name, labels
    return "sku", offers.sku


def group_elasticities(elasticities: Elasticities, labels: NDArray[np.object_]) -> tuple[GroupElasticity, ...]:
    """Average elasticities over groups of offers, the most elastic group first.

    Parameters
    ----------
    elasticities : Elasticities
        Of every offer.
    labels : object[offer]
        Group of each offer.
    """
    cross = np.bincount(elasticities.offer, weights=elasticities.value, minlength=len(labels))
    names, member = np.unique(labels.astype(str), return_inverse=True)
    size = np.bincount(member)
    values = (elasticities.own, elasticities.own_low, elasticities.own_high, cross)
    means = (np.bincount(member, weights=value) / size for value in values)
    columns = zip(names, size, *means, strict=True)
    groups = (
        GroupElasticity(name=str(name) or "(none)", offers=int(n), own=own, low=low, high=high, cross=one)
        for name, n, own, low, high, one in columns
    )
    return tuple(sorted(groups, key=lambda group: group.own))


def elasticity_report(elasticities: Elasticities, offers: Offers) -> RenderableType:
    """Lay out own and cross elasticities by brand (else category, else sku), and say how they were identified."""
    name, labels = grouping(offers)
    groups = group_elasticities(elasticities, labels)
    rows = [
        (one.name, f"{one.offers:,}", f"{one.own:.2f}", f"{one.low:.2f} to {one.high:.2f}", f"{one.cross:+.2f}")
        for one in groups[:MOST_GROUPS]
    ]
    columns = (name, "prices", "own", "90 % interval", "all rivals 1 % dearer")
    parts: list[RenderableType] = [table("Elasticities: what 1 % on the price does to units, in %", columns, rows)]
    if len(groups) > MOST_GROUPS:
        parts.append(Text(f"and {len(groups) - MOST_GROUPS} more; the table `elasticities` has them all"))
    return Group(*parts, Text(f"How: {elasticities.specification}."))


def model_report(model: DemandModel, offers: Offers) -> RenderableType:
    """Say what a fitted model learnt: elasticities, and how it did on periods it had not seen."""
    held = model.calibration
    said = Text("The history is too short to hold periods out: how good the forecasts are is not known.")
    if np.isfinite(held.wape):
        said = Text(
            f"On periods held out: WAPE {held.wape:.3f}, bias {change(held.bias)}, the 80 % range held {share(held.coverage)}."
        )
    return Group(elasticity_report(model.elasticities(), offers), said)


def forecast_report(forecast: Forecast, offers: Offers) -> RenderableType:
    """Lay out what is expected to sell, by brand (else category, else sku)."""
    name, labels = grouping(offers)
    names, member = np.unique(labels.astype(str), return_inverse=True)
    units = np.bincount(member, weights=forecast.mean.sum(axis=1))
    revenue = np.bincount(member, weights=(forecast.mean * forecast.price).sum(axis=1))
    order = np.argsort(-revenue, kind="stable")[:MOST_GROUPS]
    rows = [(str(names[at]) or "(none)", count(units[at]), money(revenue[at])) for at in order]
    rows.append(("all", count(float(units.sum())), money(float(revenue.sum()))))
    first, last = forecast.periods[0], forecast.periods[-1]
    title = f"Expected over {len(forecast.periods)} periods, {first} to {last}"
    return table(title, (name, "units", "units at shelf price"), rows)


def accuracy_report(result: BacktestResult) -> RenderableType:
    """Lay out how good forecasts of the past were, beside the baselines given the same block."""
    rows = [
        (
            one.forecaster,
            f"{one.wape:.3f}",
            change(one.bias),
            f"{one.rmsse:.2f}",
            f"{one.pinball:.2f}",
            share(one.coverage),
        )
        for one in result.scores
    ]
    horizon, blocks = len(result.origins[0].periods), len(result.origins)
    cells = result.scores[0].cells
    title = f"Forecasts of the past: {blocks} blocks of {horizon} periods, {cells:,} cells"
    columns = ("forecaster", "WAPE", "bias", "RMSSE", "pinball", "in 80 % range")
    return table(title, columns, rows)
