"""Side rules as a web: nodes with ordered options, edges that say which options go together.

A rule between two decisions is monotone: sorted by attribute, each option of the one allows a window of options of the
other. A spread rule becomes a hub: an extra node whose options are the candidates for the group's lowest attribute; each
candidate allows every member a window. Where the web is a forest, dynamic programming over windows is exact (`forest`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pricebid.errors import InputError
from pricebid.optimize.rules import Order, Rule, Spread, slip

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pricebid.optimize._types import Bools, Floats, Ints

_COMPARISONS = 8_000_000


@dataclass(frozen=True, kw_only=True, eq=False)
class Edges:
    """Pairs of nodes, and for every option of the first a window of options of the second.

    Parameters
    ----------
    first, second : int64[edge]
        Nodes.
    start : int64[edge + 1]
        Where each edge's windows start; one per option of its first node.
    low, high : int64[window]
        Options ``low <= option < high`` of the second node are allowed.
    """

    first: Ints
    second: Ints
    start: Ints
    low: Ints
    high: Ints

    def __len__(self) -> int:
        return len(self.first)

    def take(self, which: Ints) -> Edges:
        """Some of the edges."""
        size = np.diff(self.start)[which]
        at = ragged(self.start[which], size)
        return Edges(
            first=self.first[which],
            second=self.second[which],
            start=offsets(size),
            low=self.low[at],
            high=self.high[at],
        )

    def flipped(self, counts: Ints) -> Edges:
        """The same pairs seen from the second node; windows are monotone, so counting inverts them."""
        size = counts[self.second]
        edge = np.repeat(np.arange(len(self)), np.diff(self.start))
        start = offsets(size + 1)
        # Options j of the second are allowed by the first's options with low <= j < high: a run, as both grow.
        low = np.bincount(start[edge] + self.high, minlength=start[-1])
        high = np.bincount(start[edge] + self.low, minlength=start[-1])
        inside = ragged(start[:-1], size)
        return Edges(
            first=self.second,
            second=self.first,
            start=offsets(size),
            low=_running(low, start)[inside],
            high=_running(high, start)[inside],
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Web:
    """Nodes and edges of all side rules.

    Parameters
    ----------
    decisions : int
        The first so many nodes are decisions; hubs follow.
    counts : int64[node]
        Options per node; for decisions the available ones.
    option : int64[slot]
        The caller's option at each slot of the decisions, node after node, in the rules' order.
    edges : Edges
        Between nodes; at most one per pair. They form a forest.
    spare : Edges
        Edges that would close a circle.
    block : int64[node]
        Connected part of each node, all rules counted.
    tangled : bool[decision]
        In a part with spare edges, or with a decision whose options the rules sort differently (its edges are left
        out): there the forest is a relaxation of the rules.
    """

    decisions: int
    counts: Ints
    option: Ints
    edges: Edges
    spare: Edges
    block: Ints
    tangled: Bools
    mixed: Bools

    def part(self, kept: Ints) -> Web:
        """The web of some decisions (whole blocks), renumbered in the order given."""
        inside = np.isin(self.block, np.unique(self.block[kept]))
        hubs = np.flatnonzero(inside[self.decisions :]) + self.decisions
        nodes = np.concatenate([kept, hubs])
        place = np.full(len(self.counts), -1)
        place[nodes] = np.arange(len(nodes))
        starts = offsets(self.counts[: self.decisions])
        return Web(
            decisions=len(kept),
            counts=self.counts[nodes],
            option=self.option[ragged(starts[kept], self.counts[kept])],
            edges=_renumbered(self.edges, place),
            spare=_renumbered(self.spare, place),
            block=self.block[nodes],
            tangled=self.tangled[kept],
            mixed=self.mixed[kept],
        )


def weave(rules: Sequence[Rule], shape: tuple[int, int], available: Bools | None) -> Web:
    """Turn side rules into a web.

    Parameters
    ----------
    rules : sequence of Order and Spread
        At least one.
    shape : tuple of int
        Decisions, options.
    available : bool[decision, option] or None
        Options that may be picked.

    Raises
    ------
    InputError
        Where an attribute has another shape, is not finite for an available option, or is not > 0 in a spread.
    """
    mask = np.ones(shape, dtype=bool) if available is None else available
    for rule in rules:
        _check(rule, mask)
    order, mixed = _sorted(rules, mask)
    counts = mask.sum(axis=1)
    parts, hubs = [], []
    node = shape[0]
    for rule in rules:
        values = np.take_along_axis(np.where(mask, rule.attribute, np.inf), order, axis=1)
        if isinstance(rule, Order):
            parts.append(_order_edges(_reduced(rule), values, counts))
        else:
            edges, sizes = _spread_edges(rule, values, counts, node)
            parts.append(edges)
            hubs.append(sizes)
            node += len(sizes)
    every = np.concatenate([counts, *hubs]).astype(np.int64)
    edges = _merged(joined(parts), every)
    block = _parts(edges, len(every))
    clean = np.append(~mixed, np.ones(len(every) - shape[0], dtype=bool))
    edges = edges.take(np.flatnonzero(clean[edges.first] & clean[edges.second]))
    tree = spanning(edges, len(every), shape[0])
    tangled = np.zeros(int(block.max()) + 1, dtype=bool)
    tangled[block[edges.first[~tree]]] = True
    tangled[block[: shape[0]][mixed]] = True
    return Web(
        decisions=shape[0],
        counts=every,
        option=order[np.arange(shape[1]) < counts[:, None]],
        edges=edges.take(np.flatnonzero(tree)),
        spare=edges.take(np.flatnonzero(~tree)),
        block=block,
        tangled=tangled[block[: shape[0]]],
        mixed=mixed,
    )


def offsets(size: Ints) -> Ints:
    """Starts of consecutive runs of these sizes, and the end: int64[run + 1]."""
    return np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(size, dtype=np.int64)])


def ragged(start: Ints, size: Ints) -> Ints:
    """Indices of runs: ``start[0], start[0] + 1, ...``, run after run."""
    begin = offsets(size)
    return np.repeat(start - begin[:-1], size) + np.arange(begin[-1])


def _running(count: Ints, start: Ints) -> Ints:
    """Running sums that begin anew at every start."""
    total = np.cumsum(count)
    before = np.concatenate([np.zeros(1, dtype=np.int64), total])[start[:-1]]
    return np.asarray(total - np.repeat(before, np.diff(start)), dtype=np.int64)


def _check(rule: Rule, mask: Bools) -> None:
    if rule.attribute.shape != mask.shape:
        raise InputError(f"{rule.label}: attribute has shape {rule.attribute.shape}, the outcomes {mask.shape}")
    touched = np.zeros(len(mask), dtype=bool)
    if isinstance(rule, Order):
        touched[rule.lower] = touched[rule.upper] = True
    else:
        touched = rule.group >= 0
    values = rule.attribute[touched][mask[touched]]
    if not np.all(np.isfinite(values)):
        raise InputError(f"{rule.label}: an attribute of an available option is not finite; mask the option")
    if isinstance(rule, Spread) and np.any(values <= 0):
        raise InputError(
            f"{rule.label}: attribute {values.min()} of an available option; a spread needs attributes > 0"
        )


def _sorted(rules: Sequence[Rule], mask: Bools) -> tuple[Ints, Bools]:
    """One order of options per decision that suits its rules, and the decisions that have none."""
    keys: dict[int, Floats] = {}
    touches: dict[int, Bools] = {}
    for rule in rules:
        touched = np.zeros(len(mask), dtype=bool)
        if isinstance(rule, Order):
            touched[rule.lower] = touched[rule.upper] = True
        else:
            touched = rule.group >= 0
        at = id(rule.attribute)
        keys[at] = rule.attribute
        touches[at] = touches.get(at, np.zeros(len(mask), dtype=bool)) | touched
    columns = [np.where(mask, np.where(touches[at][:, None], key, 0.0), np.inf) for at, key in keys.items()]
    order = np.argsort(columns[0], axis=1, kind="stable") if len(columns) == 1 else np.lexsort(columns[::-1], axis=1)
    mixed = np.zeros(len(mask), dtype=bool)
    for column in columns[1:]:
        values = np.take_along_axis(column, order, axis=1)
        mixed |= np.any(values[:, 1:] < values[:, :-1], axis=1)
    return order.astype(np.int64), mixed


def _reduced(rule: Order) -> Order:
    """Drop pairs that follow from others, so that all pairs of a chain become the chain."""
    gap = np.asarray(rule.gap)
    if not len(gap) or gap.min() < 0 or gap.min() != gap.max():
        return rule
    from scipy.sparse import csr_array

    size = len(rule.attribute)
    pairs = csr_array((np.ones(len(gap), dtype=np.int32), (rule.lower, rule.upper)), shape=(size, size))
    pairs.data[:] = 1
    reach, longer = pairs, pairs @ pairs
    while longer.nnz:
        before = reach.nnz
        reach = reach + longer
        reach.data[:] = 1
        if reach.nnz == before:
            break
        longer = longer @ pairs
        longer.data[:] = 1
    if reach.diagonal().any():
        return rule
    implied = pairs.multiply(pairs @ reach).tocsr()
    keep = np.asarray(implied[rule.lower, rule.upper]).ravel() == 0
    return Order(
        attribute=rule.attribute, lower=rule.lower[keep], upper=rule.upper[keep], gap=gap[keep], label=rule.label
    )


def _order_edges(rule: Order, values: Floats, counts: Ints) -> Edges:
    lower, upper = rule.lower, rule.upper
    size = counts[lower]
    edge = np.repeat(np.arange(len(lower)), size)
    need = values[lower[edge], ragged(np.zeros_like(size), size)] + np.asarray(rule.gap)[edge]
    return Edges(
        first=lower,
        second=upper,
        start=offsets(size),
        low=_count(values, upper[edge], need - slip(need), strict=True),
        high=counts[upper[edge]],
    )


def _spread_edges(rule: Spread, values: Floats, counts: Ints, first_hub: int) -> tuple[Edges, Ints]:
    """Edges from hubs, one per group of two or more, to their members; and the hubs' numbers of candidates."""
    members = np.flatnonzero(rule.group >= 0)
    crowd = np.bincount(rule.group[members], minlength=len(np.asarray(rule.at_most)))
    members = members[crowd[rule.group[members]] > 1]
    names, hub = np.unique(rule.group[members], return_inverse=True)
    inside = np.arange(values.shape[1]) < counts[members][:, None]
    pairs = np.stack([np.broadcast_to(hub[:, None], inside.shape)[inside], values[members][inside]])
    order = np.lexsort((pairs[1], pairs[0]))
    owner, value = pairs[0][order].astype(np.int64), pairs[1][order]
    fresh = np.ones(len(value), dtype=bool)
    fresh[1:] = (owner[1:] != owner[:-1]) | (value[1:] != value[:-1])
    owner, value = owner[fresh], value[fresh]
    sizes = np.bincount(owner, minlength=len(names))
    begin = offsets(sizes)
    size = sizes[hub]
    candidate = value[ragged(begin[hub], size)]
    top = candidate * (1.0 + np.repeat(np.asarray(rule.at_most)[names][hub], size))
    member = np.repeat(members, size)
    edges = Edges(
        first=first_hub + hub,
        second=members,
        start=offsets(size),
        low=_count(values, member, candidate - slip(candidate), strict=True),
        high=_count(values, member, top + slip(top), strict=False),
    )
    return edges, sizes


def _count(values: Floats, row: Ints, against: Floats, *, strict: bool) -> Ints:
    """How many of a row's values lie below (or at) a number; padding is infinite and never counts."""
    out = np.empty(len(row), dtype=np.int64)
    step = max(1, _COMPARISONS // values.shape[1])
    for start in range(0, len(row), step):
        part = slice(start, start + step)
        rows, limit = values[row[part]], against[part, None]
        out[part] = (rows < limit).sum(axis=1) if strict else (rows <= limit).sum(axis=1)
    return out


def joined(parts: list[Edges]) -> Edges:
    """All edges of several lists."""
    sizes = np.concatenate([np.diff(part.start) for part in parts])
    return Edges(
        first=np.concatenate([part.first for part in parts]).astype(np.int64),
        second=np.concatenate([part.second for part in parts]).astype(np.int64),
        start=offsets(sizes),
        low=np.concatenate([part.low for part in parts]).astype(np.int64),
        high=np.concatenate([part.high for part in parts]).astype(np.int64),
    )


def _merged(edges: Edges, counts: Ints) -> Edges:
    """One edge per pair of nodes, seen from the smaller number; the windows of several are intersected."""
    turn = edges.first > edges.second
    edges = joined([edges.take(np.flatnonzero(~turn)), edges.take(np.flatnonzero(turn)).flipped(counts)])
    key = edges.first * len(counts) + edges.second
    order = np.argsort(key, kind="stable")
    edges, key = edges.take(order), key[order]
    fresh = np.append(True, key[1:] != key[:-1])[: len(key)]
    if fresh.all():
        return edges
    owner = np.cumsum(fresh) - 1
    base = edges.take(np.flatnonzero(fresh))
    size = np.diff(edges.start)
    into = ragged(base.start[owner], size)
    low, high = base.low.copy(), base.high.copy()
    np.maximum.at(low, into, edges.low)
    np.minimum.at(high, into, edges.high)
    # A window that became empty keeps the other ends monotone.
    return Edges(first=base.first, second=base.second, start=base.start, low=low, high=np.maximum(high, low))


def _renumbered(edges: Edges, place: Ints) -> Edges:
    """The edges between nodes that have a place (>= 0), by their places."""
    edges = edges.take(np.flatnonzero(place[edges.first] >= 0))
    return Edges(
        first=place[edges.first], second=place[edges.second], start=edges.start, low=edges.low, high=edges.high
    )


def _parts(edges: Edges, nodes: int) -> Ints:
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    graph = coo_array((np.ones(len(edges)), (edges.first, edges.second)), shape=(nodes, nodes))
    return np.asarray(connected_components(graph, directed=False)[1], dtype=np.int64)


def spanning(edges: Edges, nodes: int, decisions: int) -> Bools:
    """Edges of a spanning forest, hubs' edges first: bool[edge]."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import minimum_spanning_tree

    cost = np.where(np.maximum(edges.first, edges.second) >= decisions, 1.0, 2.0)
    # Costs that all differ make the tree unique, so that it does not depend on how ties are broken.
    cost = cost + np.arange(1, len(edges) + 1) / (len(edges) + 2.0)
    tree = minimum_spanning_tree(csr_array((cost, (edges.first, edges.second)), shape=(nodes, nodes))).tocoo()
    return np.isin(edges.first * nodes + edges.second, tree.row.astype(np.int64) * nodes + tree.col)
