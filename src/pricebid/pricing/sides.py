"""From the policy to rules between two prices: region spread, pack sizes and brands in order."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from pricebid.pricing.bounds import matching, price_rules
from pricebid.pricing.side import SideRules

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pricebid.policy import Order, Policy
    from pricebid.tables import Offers


@dataclass(kw_only=True)
class _Builder:
    """Collects rules ``price[low] <= factor * price[high]``."""

    offers: int
    levels: int = 0
    low: list[NDArray[np.intp]] = field(default_factory=list)
    high: list[NDArray[np.intp]] = field(default_factory=list)
    factor: list[NDArray[np.float64]] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    name_of: list[NDArray[np.intp]] = field(default_factory=list)

    def add(self, low: NDArray[np.intp], high: NDArray[np.intp], factor: NDArray[np.float64]) -> None:
        """Add rules under the latest name."""
        self.low.append(low)
        self.high.append(high)
        self.factor.append(factor)
        self.name_of.append(np.full(len(low), len(self.names) - 1, dtype=np.intp))

    def new_levels(self, n: int) -> NDArray[np.intp]:
        """Return the node numbers of n fresh levels."""
        first = self.offers + self.levels
        self.levels += n
        return np.arange(first, first + n)

    def done(self) -> SideRules:
        """Return the rules collected."""
        none = np.zeros(0, dtype=np.intp)
        return SideRules(
            offers=self.offers,
            levels=self.levels,
            low=np.concatenate([none, *self.low]),
            high=np.concatenate([none, *self.high]),
            factor=np.concatenate([np.zeros(0), *self.factor]),
            names=tuple(self.names),
            name_of=np.concatenate([none, *self.name_of]),
        )


def side_rules(policy: Policy, offers: Offers) -> SideRules:
    """Return every rule of the policy that ties two prices together.

    ``max_region_spread``: dearest / cheapest - 1 over the regions of a sku (at equal other keys). ``order`` by size:
    within category, brand, region and other keys, neighbouring pack sizes; by brand: neighbouring brands of the list,
    within category, region and other keys. A gap is a share of the lower of the two numbers.
    """
    builder = _Builder(offers=len(offers))
    for rules, rows, words in price_rules(policy, offers):
        if rules.max_region_spread is not None:
            builder.names.append(f"max_region_spread {rules.max_region_spread:g}{words}")
            _spread(builder, offers, rows, rules.max_region_spread)
    for rule in policy.rules:
        if rule.order is not None:
            unit = " per unit" if rule.order.per_unit else ""
            builder.names.append(f"order by {rule.order.by}{unit}")
            _order(builder, offers, matching(rule, offers), rule.order)
    return builder.done()


def _groups(offers: Offers, *columns: NDArray[np.object_]) -> NDArray[np.intp]:
    """Return a label for each distinct combination of the columns, int[offer]."""
    code = np.zeros(len(offers), dtype=np.intp)
    for column in columns:
        _, at = np.unique(column, return_inverse=True)
        code = code * (int(at.max(initial=0)) + 1) + at
        _, code = np.unique(code, return_inverse=True)
    return code


def _spread(builder: _Builder, offers: Offers, rows: NDArray[np.bool_], spread: float) -> None:
    """Tie the regions of each sku: level <= price <= (1 + spread) * level."""
    keys = [offers.label(name) for name in offers.columns if name != "region"]
    group = _groups(offers, *keys)
    members = np.flatnonzero(rows)
    many = np.bincount(group[members], minlength=len(offers))
    members = members[many[group[members]] > 1]
    if not len(members):
        return
    _, at = np.unique(group[members], return_inverse=True)
    level = builder.new_levels(int(at.max()) + 1)[at]
    builder.add(level, members, np.ones(len(members)))
    builder.add(members, level, np.full(len(members), 1.0 + spread))


def _order(builder: _Builder, offers: Offers, rows: NDArray[np.bool_], order: Order) -> None:
    """Tie neighbours of an order within each group."""
    other = [offers.label(name) for name in offers.columns if name != "sku"]
    sized = np.isfinite(offers.size) & (offers.size > 0)
    if order.by == "size":
        rows = rows & sized
        group = _groups(offers, offers.category, offers.brand, *other)
        _, rank = np.unique(offers.size, return_inverse=True)
        rank = -rank if order.per_unit else rank
    else:
        place = {brand: at for at, brand in enumerate(reversed(order.values))}
        found = np.array([place.get(str(brand), -1) for brand in offers.brand], dtype=np.intp)
        rows = rows & (found >= 0) & (sized if order.per_unit else True)
        group, rank = _groups(offers, offers.category, *other), found
    measure = offers.size if order.per_unit else np.ones(len(offers))
    _chain(builder, np.flatnonzero(rows), group, (np.asarray(rank, dtype=np.intp), measure), gap=order.min_gap)


def _chain(
    builder: _Builder,
    members: NDArray[np.intp],
    group: NDArray[np.intp],
    scale: tuple[NDArray[np.intp], NDArray[np.float64]],
    *,
    gap: float,
) -> None:
    """Let the number price / measure never fall from one rank of a group to the next: price/measure (1 + gap) <= next's."""
    rank, measure = scale
    ordered = members[np.lexsort((rank[members], group[members]))]
    if len(ordered) < 2:
        return
    new_group = np.append(True, np.diff(group[ordered]) != 0)
    tier = np.cumsum(new_group | np.append(True, np.diff(rank[ordered]) != 0)) - 1
    first_of_group = new_group[np.flatnonzero(np.append(True, np.diff(tier) != 0))]
    steps = np.flatnonzero(~first_of_group)  # tiers that have a tier of the same group before them
    if not len(steps):
        return
    level_of = np.full(int(tier.max()) + 2, -1, dtype=np.intp)
    level_of[steps] = builder.new_levels(len(steps))
    below = level_of[tier + 1]  # the level between an offer's tier and the next
    lower = below >= 0
    builder.add(ordered[lower], below[lower], measure[ordered[lower]] / (1.0 + gap))
    above = level_of[tier]
    upper = above >= 0
    builder.add(above[upper], ordered[upper], 1.0 / measure[ordered[upper]])
