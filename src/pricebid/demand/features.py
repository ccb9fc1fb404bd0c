"""What moves demand besides its level: own price, the group's prices, reference prices, promotions and other drivers.

The columns are the same over the history and the future, so that what is learnt of one can be used for the other.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pricebid.tables.arrays import Events, Frequency, Future, History

# How fast buyers forget past prices: the share of the reference price renewed each period (about five weeks' memory).
_RENEWAL = {"day": 0.04, "week": 0.2, "month": 0.5}
_ONCE = ("promo", "feature")
# Share of the price below which a discount is no promotion.
_LEAST_DISCOUNT = 0.02
OWN, CROSS, CARRY = 0, 1, 2
# Share of an own-price effect that comes from the group's other offers: a third, by the decomposition of van Heerde, Gupta and
# Wittink (2003). The own column carries this much of the opposite index, so that "cross" measures the departure from it.
DIVERTED = 1.0 / 3.0


def codes(*columns: NDArray[np.object_]) -> NDArray[np.intp]:
    """Number the distinct combinations of some label columns, in sorted order: int[row]."""
    out = np.zeros(len(columns[0]), dtype=np.intp)
    for column in columns:
        index = np.unique(column.astype(str), return_inverse=True)[1]
        out = np.unique(out * (int(index.max(initial=0)) + 1) + index, return_inverse=True)[1]
    return out


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How the columns are made, fixed when the model is fitted.

    Parameters
    ----------
    names : tuple of str
        One name per column.
    group : int[offer]
        Offers that substitute each other: one category in one region (and segment, channel, hour).
    weight : float64[offer]
        Share of the offer in its group's price index; sums to 1 in each group.
    centre : float64[offer]
        Mean log price over the history.
    level : float64[offer]
        Mean log price relative to the category's, held within -1 and 1.
    current : float64[offer]
        Current price, money.
    pull : float64[offer, 1 + driver]
        Typical slopes of the own price and of the drivers, by category: how many buyers an offer draws to itself.
    curvature : float
        Exponent of the price scale: 0, elasticities are constant (log-log); 1, they grow with the price, both of the
        offer and between offers (log units linear in money, as in a logit).
    reference : float64[offer]
        Log reference price after the last period, relative to ``centre``.
    renewal : float
        Share of the reference price renewed each period.
    event_names : tuple of str
        Calendar events of the history, in its order.
    driver_names : tuple of str
        Drivers of the history, in its order.
    middle, scale : float64[driver]
        Numeric drivers are centred and scaled; 0/1 ones are not.
    """

    names: tuple[str, ...]
    group: NDArray[np.intp]
    weight: NDArray[np.float64]
    centre: NDArray[np.float64]
    level: NDArray[np.float64]
    current: NDArray[np.float64]
    pull: NDArray[np.float64]
    curvature: float
    reference: NDArray[np.float64]
    renewal: float
    event_names: tuple[str, ...]
    driver_names: tuple[str, ...]
    middle: NDArray[np.float64]
    scale: NDArray[np.float64]


def recipe_for(history: History, curvature: float, pull: NDArray[np.float64]) -> tuple[Recipe, NDArray[np.float64]]:
    """Settle how the columns are made, and make them for the history.

    Parameters
    ----------
    history : History
    curvature, pull
        See :class:`Recipe`.

    Returns
    -------
    recipe : Recipe
    columns : float64[column, offer, period]
    """
    offers = history.offers
    group = codes(offers.category, *(offers.label(c) for c in offers.columns if c != "sku"))
    price = filled(history.price, offers.current_price)
    log_price = np.log(price)
    seen = np.isfinite(history.units)
    count = np.maximum(seen.sum(1), 1)
    centre = np.where(seen.any(1), np.where(seen, log_price, 0.0).sum(1) / count, np.log(offers.current_price))
    weight = _shares(group, np.where(seen, np.nan_to_num(history.units) * price, 0.0).sum(1))
    middle, scale = _scales(history)
    category = codes(offers.category)
    mean = np.bincount(category, weights=centre) / np.bincount(category)
    recipe = Recipe(
        names=(),
        group=group,
        weight=weight,
        centre=centre,
        level=np.clip(centre - mean[category], -1.0, 1.0),
        current=np.where(np.isfinite(offers.current_price), offers.current_price, np.exp(centre)),
        pull=pull,
        curvature=curvature,
        reference=np.zeros(len(centre)),
        renewal=_RENEWAL[history.frequency],
        event_names=history.events.names,
        driver_names=history.driver_names,
        middle=middle,
        scale=scale,
    )
    x = log_price - centre[:, None]
    columns, names, last = _columns(recipe, x, history.drivers, price, x[:, 0])
    columns, names = (
        np.concatenate([columns, _events(history.events, x.shape)]),
        [*names, *map(event_column, recipe.event_names)],
    )
    return replace(recipe, names=tuple(names), reference=last), columns


def future_columns(recipe: Recipe, future: Future, price: NDArray[np.float64], gap: int = 0) -> NDArray[np.float64]:
    """Columns for the steps to come, float64[column, offer, step].

    Parameters
    ----------
    recipe : Recipe
        As fitted.
    future : Future
        Planned drivers.
    price : float64[offer, step]
        Prices to assume.
    gap : int
        Periods between the history's end and the first step, over which the first price is taken to hold.
    """
    x = np.log(price) - recipe.centre[:, None]
    kept = (1.0 - recipe.renewal) ** gap
    start = kept * recipe.reference + (1.0 - kept) * x[:, 0]
    columns = _columns(recipe, x, future.drivers, price, start)[0]
    return np.concatenate([columns, _events(future.events, x.shape)])


def promoted(recipe: Recipe, future: Future, price: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether an offer is promoted, featured or has a discount that counts, bool[offer, step], at prices of the same shape."""
    found = np.zeros(price.shape, dtype=bool)
    for name, values in zip(recipe.driver_names, future.drivers, strict=True):
        if name in _ONCE:
            found |= values > 0
        elif name == "discount":
            found |= values >= _LEAST_DISCOUNT * price
    return found


def event_column(name: str) -> str:
    """Name of the column of a calendar event."""
    return f"event {name}"


def _events(events: Events, shape: tuple[int, ...]) -> NDArray[np.float64]:
    active = events.active.astype(np.float64)
    return np.broadcast_to(active, (len(events.names), *shape)) if len(events.names) else np.zeros((0, *shape))


def filled(price: NDArray[np.float64], current: NDArray[np.float64]) -> NDArray[np.float64]:
    """Prices float64[offer, period], the offer's current one where they are missing, and 1 where that is missing too."""
    return np.where(np.isfinite(price), price, np.where(np.isfinite(current), current, 1.0)[:, None])


def _shares(group: NDArray[np.intp], value: NDArray[np.float64]) -> NDArray[np.float64]:
    """Shares of value within groups, each drawn a little towards equal shares so that a new offer has one."""
    n = np.bincount(group)
    total = np.bincount(group, weights=value)
    share = np.where(total[group] > 0, value / np.where(total > 0, total, 1.0)[group], 1.0 / n[group])
    mixed = 0.9 * share + 0.1 / n[group]
    return np.asarray(mixed / np.bincount(group, weights=mixed)[group])


def _scales(history: History) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Centre and scale of each driver; 0/1 drivers and discounts (used as a share of price) stay as they are."""
    n = len(history.driver_names)
    middle, scale = np.zeros(n), np.ones(n)
    seen = np.isfinite(history.units)
    for d, name in enumerate(history.driver_names):
        values = history.drivers[d][seen]
        if name in {*_ONCE, "discount"} or len(values) == 0 or set(np.unique(values[:10000])) <= {0.0, 1.0}:
            continue
        middle[d], scale[d] = values.mean(), max(float(values.std()), 1e-9)
    return middle, scale


def _columns(
    recipe: Recipe,
    x: NDArray[np.float64],
    drivers: NDArray[np.float64],
    price: NDArray[np.float64],
    start: NDArray[np.float64],
) -> tuple[NDArray[np.float64], list[str], NDArray[np.float64]]:
    """Build all columns; ``x`` is the log price relative to the centre, ``start`` the reference price before."""
    reference = np.empty_like(x)
    last = start
    for t in range(x.shape[1]):
        reference[:, t] = last
        last = last + recipe.renewal * (x[:, t] - last)
    depth = x - reference
    lone = np.bincount(recipe.group)[recipe.group] == 1
    index = _Index(recipe)
    move = np.exp(recipe.curvature * recipe.level)[:, None] * bent(x, recipe.curvature)
    values = [_driver(recipe, d, drivers[d], price) for d in range(len(recipe.driver_names))]
    drawn = recipe.pull[:, :1] * move
    for d, value in enumerate(values):
        drawn = drawn + recipe.pull[:, 1 + d, None] * value
    # Log of the group's appeal, less that without any move: nonlinear, since buyers won saturate.
    crowd = np.log1p(DIVERTED * (index.of(np.exp(np.clip(drawn, -4.0, 4.0))) - 1.0))
    crowd = np.where(lone[:, None], 0.0, crowd)
    rivals = np.where(lone[:, None], 0.0, index.of(bent(x, recipe.curvature)))
    named: list[tuple[str, NDArray[np.float64]]] = [
        ("own", move - crowd / recipe.pull[:, :1]),
        ("cross", rivals),
        ("carry", depth),
        ("cross carry", index.others(depth)),
    ]
    for d, name in enumerate(recipe.driver_names):
        value = values[d]
        named.append((name, value))
        if name in _ONCE:
            cut = value * np.minimum(depth, 0.0)
            named += [(f"{name} x depth", cut), (f"cross {name}", index.others(value))]
            named.append((f"cross {name} x depth", index.others(cut)))
    return np.stack([column for _, column in named]), [name for name, _ in named], last


def _driver(recipe: Recipe, d: int, values: NDArray[np.float64], price: NDArray[np.float64]) -> NDArray[np.float64]:
    """One driver as a column: discounts as a log share of the price, numbers centred and scaled."""
    if recipe.driver_names[d] == "discount":
        return np.asarray(np.log1p(-np.clip(values / price, 0.0, 0.95)))
    return np.asarray((values - recipe.middle[d]) / recipe.scale[d])


def bent(x: NDArray[np.float64], curvature: float) -> NDArray[np.float64]:
    """Box-Cox transform of a log price change: ``(exp(curvature x) - 1) / curvature``, and ``x`` itself at 0."""
    return x if curvature == 0.0 else np.expm1(curvature * x) / curvature


class _Index:
    """Weighted means over the offers of each group."""

    def __init__(self, recipe: Recipe) -> None:
        from scipy.sparse import csr_matrix

        n = len(recipe.group)
        self.group, self.weight = recipe.group, recipe.weight[:, None]
        self.sums = csr_matrix((recipe.weight, (recipe.group, np.arange(n))), shape=(int(recipe.group.max()) + 1, n))

    def of(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Index of the offer's group, itself included."""
        return np.asarray(self.sums @ values)[self.group]

    def others(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Index of the others of the offer's group; 0 where there are none."""
        rest = 1.0 - self.weight
        alone = rest < 1e-9
        return np.where(alone, 0.0, (self.of(values) - self.weight * values) / np.where(alone, 1.0, rest))


def season_columns(periods: NDArray[np.datetime64], frequency: Frequency, span: float) -> NDArray[np.float64]:
    """Yearly waves (and weekly ones for days) at some dates, float64[column, period].

    Parameters
    ----------
    periods : datetime64[D][period]
        First day of each period.
    frequency : {"day", "week", "month"}
        Length of a period.
    span : float
        Years of history: yearly waves need more than one year to be told from a trend.
    """
    day = periods.astype("datetime64[D]").astype(np.float64)
    waves = []
    if span > 1.2:
        for k in (1, 2):
            angle = 2.0 * np.pi * k * day / 365.2425
            waves += [np.sin(angle), np.cos(angle)]
    if frequency == "day":
        for k in (1, 2, 3):
            angle = 2.0 * np.pi * k * day / 7.0
            waves += [np.sin(angle), np.cos(angle)]
    return np.stack(waves) if waves else np.zeros((0, len(periods)))
