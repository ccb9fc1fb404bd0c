"""What stays the same while fitting: the history as columns, skus and categories, and the shop's clock."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pricebid.demand.features import Recipe, codes, recipe_for
from pricebid.demand.hierarchy import Tree
from pricebid.demand.priors import belief
from pricebid.demand.tiers import Clock, Tiers, years_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pricebid.tables.arrays import History


@dataclass(frozen=True, kw_only=True)
class Panel:
    """Everything about the history that stays the same while fitting.

    Parameters
    ----------
    history : History
    recipe : Recipe
        How the columns were made.
    columns : float64[column, offer, period]
        What moves demand.
    tiers : Tiers
        Skus and categories of the offers.
    extras : float64[extra, sku, period]
        Further columns of the sku's tier.
    years : float64[period]
        Time before the last period, in years.
    span : float
        Years of history by which it is judged what waves can be told.
    """

    history: History
    recipe: Recipe
    columns: NDArray[np.float64]
    tiers: Tiers
    extras: NDArray[np.float64]
    years: NDArray[np.float64]
    span: float

    @property
    def compared(self) -> bool:
        """Some sku has several offers, to be compared within a period."""
        return bool(np.bincount(self.tree.sku_of).max() > 1)

    @property
    def tree(self) -> Tree:
        """Who belongs to whom."""
        return self.tiers.tree


def make_panel(
    history: History,
    curvature: float = 0.5,
    pull: NDArray[np.float64] | None = None,
    *,
    span: float | None = None,
) -> Panel:
    """Make the columns, the tree, and what else the tiers need.

    Parameters
    ----------
    history : History
    curvature : float
        How elasticity changes with the price (see :class:`~pricebid.demand.features.Recipe`).
    pull : float64[offer, 1 + driver], optional
        Typical slopes of the own price and the drivers; default: those believed before any data.
    span : float, optional
        Years of history by which it is judged what waves can be told; default: the history's.
    """
    if pull is None:
        first = [belief(name).mean for name in ("own", *history.driver_names)]
        pull = np.repeat(np.array([first]), len(history.offers), axis=0)
    recipe, columns = recipe_for(history, curvature, pull)
    offers = history.offers
    sku_of = codes(offers.category, offers.sku)
    category_of = np.zeros(int(sku_of.max()) + 1, dtype=np.intp)
    category_of[sku_of] = codes(offers.category)
    size = np.nan_to_num(history.units).sum(1) / np.maximum(np.isfinite(history.units).sum(1), 1)
    share = np.sqrt(size) + 0.1 * np.sqrt(size.mean()) + 1e-9
    tiers = Tiers(tree=Tree(sku_of=sku_of, category_of=category_of), share=share)
    clock = clock_of(history, span)
    return Panel(
        history=history,
        recipe=recipe,
        columns=columns,
        tiers=tiers,
        extras=tiers.extras(recipe.names, columns, clock.waves(history.periods), clock.years(history.periods)),
        years=clock.years(history.periods),
        span=clock.span,
    )


def clock_of(history: History, span: float | None = None) -> Clock:
    """Give the clock of a history."""
    periods = history.periods
    span = years_of(periods) if span is None else span
    return Clock(frequency=history.frequency, first=periods[0], last=periods[-1], span=span)


def known_means(panel: Panel) -> NDArray[np.float64]:
    """Prior means that the shop gives, float64[column]: the log uplift of an event; NaN elsewhere."""
    names, events = panel.recipe.names, panel.history.events
    known = np.full(len(names), np.nan)
    if events.names:
        with np.errstate(divide="ignore", invalid="ignore"):
            known[-len(events.names) :] = np.clip(np.log(events.uplift), -3.0, 3.0)
    return known
