"""Rules between two prices: pack sizes and brands in order, region spread."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from pricebid.optimize import Order, Spread

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pricebid.pricing.grid import Ladder, Options

_TOLERANCE = 1e-9


@dataclass(frozen=True, kw_only=True, eq=False)
class PairRule:
    """``price[low] <= factor * price[high]`` for every pair.

    Parameters
    ----------
    name : str
        In the policy's words.
    low, high : int[pair]
        Offers.
    factor : float64[pair]
        > 0.
    """

    name: str
    low: NDArray[np.intp]
    high: NDArray[np.intp]
    factor: NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class SpreadRule:
    """Dearest / cheapest - 1 of each group at most ``at_most``.

    Parameters
    ----------
    name : str
        In the policy's words.
    group : int[offer]
        Counted from 0; -1 where the rule does not speak of the offer.
    at_most : float
        >= 0.
    """

    name: str
    group: NDArray[np.intp]
    at_most: float

    @property
    def accompanied(self) -> NDArray[np.bool_]:
        """Offers whose group has another one, bool[offer]."""
        count = np.bincount(self.group[self.group >= 0], minlength=1)
        return np.where(self.group >= 0, count[np.minimum(self.group, len(count) - 1)] > 1, False)

    def ends(
        self, least: NDArray[np.float64], most: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the smallest of ``least`` and the largest of ``most`` in each offer's group, float64[offer] each."""
        member = self.group >= 0
        groups = int(self.group.max(initial=-1)) + 1
        low, high = np.full(groups + 1, np.inf), np.full(groups + 1, 0.0)
        np.minimum.at(low, self.group[member], least[member])
        np.maximum.at(high, self.group[member], most[member])
        return np.where(member, low[self.group], np.inf), np.where(member, high[self.group], 0.0)


@dataclass(frozen=True, kw_only=True, eq=False)
class SideRules:
    """All rules between prices.

    Parameters
    ----------
    pairs : tuple of PairRule
        Orders.
    spreads : tuple of SpreadRule
        Spreads.
    """

    pairs: tuple[PairRule, ...] = ()
    spreads: tuple[SpreadRule, ...] = ()

    def __len__(self) -> int:
        return sum(len(rule.low) for rule in self.pairs) + sum(int((rule.group >= 0).sum()) for rule in self.spreads)

    @property
    def names(self) -> tuple[str, ...]:
        """The rules in words."""
        return (*(rule.name for rule in self.pairs), *(rule.name for rule in self.spreads))

    def links(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Return pairs of offers that together tie all that is tied, int[link] each."""
        low, high = [rule.low for rule in self.pairs], [rule.high for rule in self.pairs]
        for rule in self.spreads:
            members = np.flatnonzero(rule.group >= 0)
            ordered = members[np.argsort(rule.group[members], kind="stable")]
            same = rule.group[ordered[1:]] == rule.group[ordered[:-1]]
            low.append(ordered[:-1][same])
            high.append(ordered[1:][same])
        none = np.zeros(0, dtype=np.intp)
        return np.concatenate([none, *low]), np.concatenate([none, *high])

    def without(self, offers: NDArray[np.bool_]) -> SideRules:
        """Return the rules that do not touch the given offers, bool[offer]."""
        pairs = []
        for rule in self.pairs:
            kept = ~(offers[rule.low] | offers[rule.high])
            pairs.append(replace(rule, low=rule.low[kept], high=rule.high[kept], factor=rule.factor[kept]))
        spreads = tuple(replace(rule, group=np.where(offers, -1, rule.group)) for rule in self.spreads)
        return SideRules(pairs=tuple(pairs), spreads=spreads)

    def breaches(
        self, price: NDArray[np.float64], *, slack: float = 0.0
    ) -> list[tuple[str, NDArray[np.bool_], NDArray[np.bool_]]]:
        """Return for each rule its name, the offers too dear and the offers too cheap for it, bool[offer] each.

        With ``slack``, those that would be if they moved by that share.
        """
        found = []
        for rule in self.pairs:
            bad = price[rule.low] * (1.0 + slack) > rule.factor * price[rule.high] * (1.0 + _TOLERANCE)
            dear, cheap = np.zeros((2, len(price)), dtype=bool)
            dear[rule.low[bad]] = cheap[rule.high[bad]] = True
            found.append((rule.name, dear, cheap))
        for one in self.spreads:
            lowest, highest = one.ends(price, price)
            many = (one.group >= 0) & one.accompanied
            limit = (1.0 + one.at_most) * (1.0 + _TOLERANCE)
            dear = many & (price * (1.0 + slack) > lowest * limit)
            cheap = many & (highest * (1.0 + slack) > price * limit)
            found.append((one.name, dear, cheap))
        return found

    def broken(self, price: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Return the offers that stand in a rule broken at ``price``, bool[offer]."""
        broken = np.zeros(len(price), dtype=bool)
        for _, dear, cheap in self.breaches(price):
            broken |= dear | cheap
        return broken

    def for_kernel(self, options: Options) -> list[Order | Spread]:
        """Return the rules over a sample of ladders, as the kernel takes them; orders compare logarithms."""
        logs = np.log(options.prices)
        orders = [
            Order(attribute=logs, lower=rule.low, upper=rule.high, gap=-np.log(rule.factor), label=rule.name)
            for rule in self.pairs
            if len(rule.low)
        ]
        spreads = [
            Spread(attribute=options.prices, group=rule.group, at_most=rule.at_most, label=rule.name)
            for rule in self.spreads
            if (rule.group >= 0).any()
        ]
        return [*orders, *spreads]


def reachable(rules: SideRules, ladder: Ladder) -> tuple[Ladder, NDArray[np.bool_]]:
    """Return the ladder cut down to options that can be part of plans keeping every rule, and the offers left with none.

    Bounds are tightened to a fixed point. Rules of this form are closed under taking the lower of two plans offer by
    offer, so that the lowest remaining options keep them together: where no offer is stuck there is a plan.

    Parameters
    ----------
    rules : SideRules
        The rules.
    ladder : Ladder
        Options of each offer, none empty.
    """
    low, high = ladder.ends()
    for _ in range(1_000):
        least, most = low.copy(), high.copy()
        for pair in rules.pairs:
            np.maximum.at(least, pair.high, low[pair.low] / pair.factor)
            np.minimum.at(most, pair.low, high[pair.high] * pair.factor)
        for spread in rules.spreads:
            lowest, highest = spread.ends(high, low)  # of the group: smallest upper end, largest lower end
            most = np.minimum(most, lowest * (1.0 + spread.at_most))
            least = np.maximum(least, highest / (1.0 + spread.at_most))
        cut = ladder.within(least * (1.0 - _TOLERANCE), most * (1.0 + _TOLERANCE))
        if cut.empty.any():
            return cut, cut.empty
        least, most = cut.ends()
        if (least <= low).all() and (most >= high).all():
            return cut, cut.empty
        ladder, low, high = cut, np.maximum(low, least), np.minimum(high, most)
    return ladder, ladder.empty
