"""Side rules between single decisions: attributes in order, attributes close together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pricebid.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from pricebid.optimize._types import Floats, Ints

# Rules are held like limits: to this share of what is compared, or absolutely where that is below 1.
TOLERANCE = 1e-9


@dataclass(frozen=True, eq=False, kw_only=True)
class Order:
    """Pairs of decisions whose picked attributes keep an order: ``attribute[lower] + gap <= attribute[upper]``.

    Parameters
    ----------
    attribute : float64[decision, option]
        What is compared: a price, a price per unit of size.
    lower, upper : int64[pair]
        The decisions of each pair.
    gap : float or float64[pair]
        Least distance.
    label : str
        What messages call the rule.

    Raises
    ------
    InputError
        For shapes that differ, decisions that do not exist, or a decision paired with itself.
    """

    attribute: Floats
    lower: Ints
    upper: Ints
    gap: ArrayLike = 0.0
    label: str = "order"

    def __post_init__(self) -> None:
        object.__setattr__(self, "attribute", _attribute(self.attribute, self.label))
        lower, upper = (np.asarray(side, dtype=np.int64).ravel() for side in (self.lower, self.upper))
        if lower.shape != upper.shape:
            raise InputError(f"{self.label}: {len(lower)} lower and {len(upper)} upper decisions; a pair needs both")
        decisions = len(self.attribute)
        for side in (lower, upper):
            if len(side) and not (side.min() >= 0 and side.max() < decisions):
                raise InputError(
                    f"{self.label}: decisions {side.min()} to {side.max()}; there are 0 to {decisions - 1}"
                )
        if np.any(lower == upper):
            raise InputError(f"{self.label}: decision {lower[lower == upper][0]} is paired with itself; drop the pair")
        gap = np.broadcast_to(np.asarray(self.gap, dtype=np.float64), lower.shape)
        if not np.all(np.isfinite(gap)):
            raise InputError(f"{self.label}: a gap is not finite: {gap[~np.isfinite(gap)][0]}")
        object.__setattr__(self, "lower", lower)
        object.__setattr__(self, "upper", upper)
        object.__setattr__(self, "gap", gap)


@dataclass(frozen=True, eq=False, kw_only=True)
class Spread:
    """Groups of decisions whose picked attributes stay close: ``max / min - 1 <= at_most`` in each group.

    Parameters
    ----------
    attribute : float64[decision, option]
        What is compared; > 0 where a decision has a group.
    group : int64[decision]
        Group of each decision, from 0; -1 for none.
    at_most : float or float64[group]
        Largest share by which the dearest may exceed the cheapest; >= 0.
    label : str
        What messages call the rule.

    Raises
    ------
    InputError
        For shapes that differ or a spread below 0.
    """

    attribute: Floats
    group: Ints
    at_most: ArrayLike
    label: str = "spread"

    def __post_init__(self) -> None:
        object.__setattr__(self, "attribute", _attribute(self.attribute, self.label))
        group = np.asarray(self.group, dtype=np.int64)
        if group.shape != self.attribute.shape[:1]:
            raise InputError(f"{self.label}: group has shape {group.shape} for {len(self.attribute)} decisions")
        groups = int(group.max(initial=-1)) + 1
        most = np.asarray(self.at_most, dtype=np.float64)
        if most.ndim and most.shape != (groups,):
            raise InputError(f"{self.label}: at_most has shape {most.shape} for {groups} groups")
        if not np.all(np.isfinite(most) & (most >= 0)):
            raise InputError(f"{self.label}: at_most is {self.at_most!r}; it must be finite and >= 0")
        object.__setattr__(self, "group", group)
        object.__setattr__(self, "at_most", np.broadcast_to(most, (groups,)))


Rule = Order | Spread


def broken(rule: Rule, option: Ints) -> Ints:
    """Which pairs or groups of a rule a choice breaks.

    Parameters
    ----------
    rule : Order or Spread
        The rule.
    option : int64[decision]
        Option picked per decision.

    Returns
    -------
    int64
        Positions in `Order.lower`, or group numbers.
    """
    picked = rule.attribute[np.arange(len(option)), option]
    if isinstance(rule, Order):
        need = picked[rule.lower] + np.asarray(rule.gap, dtype=np.float64)
        return np.flatnonzero(need > picked[rule.upper] + slip(need))
    groups = len(np.asarray(rule.at_most))
    low: Floats = np.full(groups, np.inf)
    high: Floats = np.full(groups, -np.inf)
    inside = rule.group >= 0
    np.minimum.at(low, rule.group[inside], picked[inside])
    np.maximum.at(high, rule.group[inside], picked[inside])
    top = low * (1.0 + np.asarray(rule.at_most, dtype=np.float64))
    return np.flatnonzero(np.isfinite(low) & (high > top + slip(top)))


def offenders(rule: Rule, option: Ints) -> Ints:
    """Decisions, at least one of each pair or group that a choice breaks, int64."""
    wrong = broken(rule, option)
    if isinstance(rule, Order):
        return np.asarray(rule.lower[wrong])
    return np.flatnonzero(np.isin(rule.group, wrong))


def touched(rule: Rule) -> Ints:
    """Decisions that a rule is about, int64."""
    return np.union1d(rule.lower, rule.upper) if isinstance(rule, Order) else np.flatnonzero(rule.group >= 0)


def slip(size: Floats) -> Floats:
    """By how much a comparison at this size may be missed."""
    return np.asarray(TOLERANCE * np.maximum(1.0, np.abs(np.where(np.isfinite(size), size, 0.0))))


def _attribute(given: Floats, label: str) -> Floats:
    attribute = np.ascontiguousarray(given, dtype=np.float64)
    if attribute.ndim != 2:
        raise InputError(f"{label}: attribute has shape {attribute.shape}; it must be [decision, option]")
    return attribute
