"""Attribution: which channels conversions are credited to, by each rule."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from pricebid.errors import InputError
from pricebid.landscape import attribution_rules as rules
from pricebid.landscape.attribution_markov import CONVERSION, NULL, START, Graph, build_graph, markov, removal_effects
from pricebid.landscape.attribution_shapley import MOST_CHANNELS, by_rates, even_split
from pricebid.tables.table import Table, freeze

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from pricebid.landscape.attribution_paths import Paths

RULES = (
    "last",
    "last_non_direct",
    "first",
    "linear",
    "time_decay",
    "position",
    "markov",
    "shapley",
    "shapley_rate",
)


@dataclass(frozen=True, kw_only=True)
class AttributionSettings:
    """What the rules are to know.

    Parameters
    ----------
    half_life : float
        Of `time_decay`, in days (in touches where paths are counted already); > 0.
    order : int
        How many touches a state of the Markov graph remembers; 1 or more.
    seed : int
        Used by `shapley_rate` where there are too many channels for exact values.

    Raises
    ------
    InputError
        Outside these ranges.
    """

    half_life: float = 7.0
    order: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.half_life > 0:
            raise InputError(f"half_life {self.half_life:g} must be above 0")
        if self.order < 1:
            raise InputError(f"order {self.order} must be at least 1")
        if self.seed < 0:
            raise InputError(f"seed {self.seed} must be at least 0")


@dataclass(frozen=True, kw_only=True, eq=False)
class Attribution:
    """Conversions and their money by channel, as each rule credits them.

    Parameters
    ----------
    channels : object[channel]
        Labels.
    rules : tuple of str
        Names of the rules.
    conversions, value : float64[rule, channel]
        Credited. Every rule gives the same total; parts may lie below 0 by `shapley_rate`.
    removal : float64[2, channel]
        Share of conversions and of value that would be lost without the channel (Markov graph).
    touches : float64[channel]
        Touches.
    cost : float64[channel], optional
        Money paid for them.
    graph : Graph
        The Markov graph.
    paths : float
        Paths, with and without conversion.
    notices : tuple of str
        Rules that were left out, and why.
    """

    channels: NDArray[np.object_]
    rules: tuple[str, ...]
    conversions: NDArray[np.float64]
    value: NDArray[np.float64]
    removal: NDArray[np.float64]
    touches: NDArray[np.float64]
    cost: NDArray[np.float64] | None
    graph: Graph = field(repr=False)
    paths: float
    notices: tuple[str, ...] = ()

    @property
    def total(self) -> tuple[float, float]:
        """Conversions and value in all."""
        return float(self.conversions[0].sum()), float(self.value[0].sum())

    def of(self, rule: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Conversions and value by channel, float64[channel] each, of one rule; InputError where it was not asked for."""
        if rule not in self.rules:
            raise InputError(f"no rule {rule!r} here; there are {', '.join(self.rules)}")
        at = self.rules.index(rule)
        return self.conversions[at], self.value[at]

    def to_frame(self) -> pd.DataFrame:
        """Return the table ``attribution``: one row per rule and channel.

        Columns: rule, channel, conversions, conversion_share, value, value_share, removal_effect (Markov graph; the
        same in all rules), touches, cost, cpa (cost per conversion), roi (value less cost, per cost).
        """
        rows, size = self.conversions.shape
        whole = np.broadcast_to(self.conversions.sum(axis=1, keepdims=True), self.conversions.shape)
        money = np.broadcast_to(self.value.sum(axis=1, keepdims=True), self.value.shape)
        known = np.full(size, np.nan) if self.cost is None else self.cost
        cost = np.tile(known, (rows, 1))
        columns = {
            "rule": np.repeat(np.array(self.rules, dtype=object), size),
            "channel": np.tile(self.channels, rows),
            "conversions": self.conversions,
            "conversion_share": _ratio(self.conversions, whole),
            "value": self.value,
            "value_share": _ratio(self.value, money),
            "removal_effect": np.tile(self.removal[0], rows),
            "touches": np.tile(self.touches, rows),
            "cost": cost,
            "cpa": _ratio(cost, self.conversions),
            "roi": _ratio(self.value - cost, cost),
        }
        data = tuple(np.ravel(column) for column in columns.values())
        return Table(name="attribution", columns=tuple(columns), data=data).to_frame()

    def transitions(self) -> pd.DataFrame:
        """Return the table ``transitions``: from, to, count, probability of the Markov graph, start and ends included."""
        graph, names = self.graph, self.graph.names()
        ends = np.arange(len(names))
        source = np.concatenate([np.append(names, START)[graph.source], names, names])
        target = np.concatenate([names[graph.target], np.full(len(ends), CONVERSION), np.full(len(ends), NULL)])
        count = np.concatenate([graph.count, graph.conversions, graph.nulls])
        begun = float(graph.count[graph.source < 0].sum())
        leaving = np.concatenate([np.append(graph.leaving, begun)[graph.source], graph.leaving, graph.leaving])
        seen = count > 0
        data = (source[seen], target[seen].astype(object), count[seen], count[seen] / leaving[seen])
        return Table(name="transitions", columns=("from", "to", "count", "probability"), data=data).to_frame()

    def summary(self) -> str:
        """Return conversions by channel and rule, side by side, in a page of text."""
        conversions, value = self.total
        order = np.argsort(-self.conversions[-1], kind="stable")
        width = max(len("channel"), *(len(str(name)) for name in self.channels))
        head = f"{'channel':<{width}}" + "".join(f"{rule:>17}" for rule in self.rules)
        lines = [
            f"{conversions:,.0f} conversions worth {value:,.2f} in {self.paths:,.0f} paths over {len(order)} channels",
            "",
            head,
        ]
        for at in order:
            cells = "".join(f"{one:>17,.1f}" for one in self.conversions[:, at])
            lines.append(f"{self.channels[at]!s:<{width}}{cells}")
        lines.append(f"{'in all':<{width}}" + "".join(f"{one:>17,.1f}" for one in self.conversions.sum(axis=1)))
        return "\n".join([*lines, *([""] if self.notices else []), *(f"note: {notice}" for notice in self.notices)])


def attribute(
    paths: Paths,
    *,
    rules: Sequence[str] | None = None,
    settings: AttributionSettings | None = None,
) -> Attribution:
    """Credit conversions to channels by several rules.

    Parameters
    ----------
    paths : Paths
        As cut from touches, or counted.
    rules : sequence of str, optional
        Of `RULES`; all that apply where not given.
    settings : AttributionSettings, optional
        Half-life, order of the Markov graph, seed.

    Returns
    -------
    Attribution
        The same total of conversions and of value by every rule.

    Raises
    ------
    InputError
        An unknown rule, or one that does not apply to these paths.

    Examples
    --------
    >>> from pricebid.landscape.attribution_paths import counted_paths
    >>> paths = counted_paths(["c1 > c2 > c3", "c1", "c2 > c3"], conversions=[1, 0, 0], nulls=[0, 1, 1])
    >>> found = attribute(paths, rules=["markov"])
    >>> found.removal[0].tolist(), found.conversions[0].tolist()
    ([0.5, 1.0, 1.0], [0.2, 0.4, 0.4])
    """
    settings = settings or AttributionSettings()
    off = _off(paths)
    asked = tuple(rule for rule in RULES if rule not in off) if rules is None else tuple(dict.fromkeys(rules))
    if not asked:
        raise InputError(f"no rule was asked for; there are {', '.join(RULES)}")
    for rule in asked:
        if rule not in RULES:
            raise InputError(f"no rule {rule!r}; there are {', '.join(RULES)}")
        if rule in off:
            raise InputError(f"rule {rule}: {off[rule]}")
    totals = np.array([paths.conversions.sum(), paths.value.sum()])
    graph = build_graph(paths, order=settings.order)
    removal = removal_effects(graph)
    credits_ = np.stack([_credit(rule, paths, settings, markov(removal, totals)) for rule in asked])
    return Attribution(
        channels=paths.channels,
        rules=asked,
        conversions=freeze(credits_[:, 0].copy()),
        value=freeze(credits_[:, 1].copy()),
        removal=freeze(removal),
        touches=paths.touches,
        cost=paths.cost,
        graph=graph,
        paths=float(paths.conversions.sum() + paths.nulls.sum()),
        notices=tuple(f"{rule}: {why}" for rule, why in off.items()) if rules is None else (),
    )


def _off(paths: Paths) -> dict[str, str]:
    """Name the rules that do not apply, and why."""
    off = {}
    if not rules.direct(paths.channels).any():
        off["last_non_direct"] = f"no channel has the name of direct visits ({', '.join(rules.DIRECT)})"
    if not paths.nulls.any():
        off["shapley_rate"] = "every path converted; rates need paths that did not"
    elif len(paths.channels) > MOST_CHANNELS:
        off["shapley_rate"] = f"{len(paths.channels)} channels are more than {MOST_CHANNELS}; group the small ones"
    return off


def _credit(
    rule: str, paths: Paths, settings: AttributionSettings, by_graph: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Conversions and value by channel of one rule, float64[2, channel]."""
    if rule == "markov":
        return by_graph
    if rule == "shapley":
        return even_split(paths)
    if rule == "shapley_rate":
        return by_rates(paths, np.random.default_rng(settings.seed))
    if rule == "time_decay":
        return rules.credit(paths, rules.time_decay(paths, settings.half_life))
    share = {
        "last": rules.last,
        "last_non_direct": rules.last_non_direct,
        "first": rules.first,
        "linear": rules.linear,
        "position": rules.position,
    }[rule]
    return rules.credit(paths, share(paths))


def _ratio(above: NDArray[np.float64], below: NDArray[np.float64]) -> NDArray[np.float64]:
    """Quotients, NaN where there is nothing to divide by."""
    return np.asarray(np.divide(above, below, out=np.full(above.shape, np.nan), where=below > 0), dtype=np.float64)
