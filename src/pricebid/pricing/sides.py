"""From the policy to rules between two prices: region spread, pack sizes and brands in order."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pricebid.pricing.bounds import matching, price_rules
from pricebid.pricing.side import PairRule, SideRules, SpreadRule

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pricebid.policy import Order, Policy
    from pricebid.tables import Offers


def side_rules(policy: Policy, offers: Offers) -> SideRules:
    """Return every rule of the policy that ties two prices together.

    ``max_region_spread``: dearest / cheapest - 1 over the regions of a sku (at equal other keys). ``order`` by size:
    within category, brand, region and other keys, neighbouring pack sizes; by brand: neighbouring brands of the list,
    within category, region and other keys. A gap is a share of the lower of the two numbers.
    """
    spreads = tuple(
        SpreadRule(
            name=f"max_region_spread {rules.max_region_spread:g}{words}",
            group=_regions(offers, rows),
            at_most=rules.max_region_spread,
        )
        for rules, rows, words in price_rules(policy, offers)
        if rules.max_region_spread is not None
    )
    pairs = tuple(_order(offers, matching(rule, offers), rule.order) for rule in policy.rules if rule.order is not None)
    return SideRules(pairs=pairs, spreads=spreads)


def _groups(offers: Offers, *columns: NDArray[np.object_]) -> NDArray[np.intp]:
    """Return a label for each distinct combination of the columns, int[offer]."""
    code = np.zeros(len(offers), dtype=np.intp)
    for column in columns:
        _, at = np.unique(column, return_inverse=True)
        code = code * (int(at.max(initial=0)) + 1) + at
        _, code = np.unique(code, return_inverse=True)
    return code


def _regions(offers: Offers, rows: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Return a label per sku (and other keys) for the offers in ``rows`` that stand in several regions; else -1."""
    group = _groups(offers, *(offers.label(name) for name in offers.columns if name != "region"))
    many = np.bincount(group[rows], minlength=int(group.max(initial=0)) + 1) > 1
    member = rows & many[group]
    labels = np.full(len(offers), -1, dtype=np.intp)
    _, labels[member] = np.unique(group[member], return_inverse=True)
    return labels


def _order(offers: Offers, rows: NDArray[np.bool_], order: Order) -> PairRule:
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
        rank = np.array([place.get(str(brand), -1) for brand in offers.brand], dtype=np.intp)
        rows = rows & (rank >= 0) & (sized if order.per_unit else True)
        group = _groups(offers, offers.category, *other)
    low, high = _neighbours(np.flatnonzero(rows), group, np.asarray(rank, dtype=np.intp))
    measure = offers.size if order.per_unit else np.ones(len(offers))
    unit = " per unit" if order.per_unit else ""
    return PairRule(
        name=f"order by {order.by}{unit}",
        low=low,
        high=high,
        factor=measure[low] / measure[high] / (1.0 + order.min_gap),
    )


def _neighbours(
    members: NDArray[np.intp], group: NDArray[np.intp], rank: NDArray[np.intp]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return every pair (lower, upper) of members of one group whose ranks follow each other, int[pair] each."""
    ordered = members[np.lexsort((rank[members], group[members]))]
    if len(ordered) < 2:
        return ordered[:0], ordered[:0]
    fresh = np.append(True, np.diff(group[ordered]) != 0)
    starts = np.flatnonzero(fresh | np.append(True, np.diff(rank[ordered]) != 0))
    size = np.diff(np.append(starts, len(ordered)))
    tier = np.repeat(np.arange(len(starts)), size)
    following = tier + 1
    has = (following < len(starts)) & ~fresh[starts[np.minimum(following, len(starts) - 1)]]
    many = np.where(has, size[np.minimum(following, len(starts) - 1)], 0)
    low = np.repeat(np.arange(len(ordered)), many)
    offset = np.arange(len(low)) - np.repeat(np.cumsum(many) - many, many)
    return ordered[low], ordered[starts[following[low]] + offset]
