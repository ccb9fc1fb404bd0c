"""Rules between two prices (pack sizes in order, region spread), kept exactly by a minimum cut.

Every such rule reads ``price[u] <= factor * price[v]``. Maximising a sum of any values of single prices under rules of
that form is a maximum closure problem, solved by one minimum cut (Picard 1976; Ishikawa 2003 for ordered labels): node
(i, k) says "offer i takes option k or a dearer one", it implies (i, k - 1), and a rule makes it imply a node of the
other offer. The solution is then turned into one window per offer inside which the prices may move freely without
breaking a rule, so that limits on totals need know nothing of the rules.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse
from scipy.sparse import csgraph

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pricebid.pricing.grid import Ladder, Options

_TOLERANCE = 1e-9
_MOST_FLOW = 2.0**29  # capacities are int32, and their sum must be too


@dataclass(frozen=True, kw_only=True, eq=False)
class SideRules:
    """Rules ``price[low] <= factor * price[high]``, between offers or between an offer and a free level.

    Nodes 0 .. offers - 1 are offers. Nodes from there on are *levels*: free numbers that tie many offers together with
    few rules (the spread of R regions: each price lies between the level and (1 + spread) times it).

    Parameters
    ----------
    offers : int
        Number of offers.
    levels : int
        Number of levels.
    low, high : int[rule]
        Nodes.
    factor : float64[rule]
        > 0.
    names : tuple of str
        Distinct rules in words.
    name_of : int[rule]
        Which one it is.
    """

    offers: int
    levels: int
    low: NDArray[np.intp]
    high: NDArray[np.intp]
    factor: NDArray[np.float64]
    names: tuple[str, ...]
    name_of: NDArray[np.intp]

    def __len__(self) -> int:
        return len(self.low)

    @property
    def touched(self) -> NDArray[np.bool_]:
        """Offers that stand in any rule, bool[offer]."""
        touched = np.zeros(self.offers + self.levels, dtype=bool)
        touched[self.low] = touched[self.high] = True
        return touched[: self.offers]

    def pairs(self) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float64], NDArray[np.intp]]:
        """Return the rules between offers only, levels multiplied out: (low, high, factor, name_of)."""
        plain = (self.low < self.offers) & (self.high < self.offers)
        parts = [(self.low[plain], self.high[plain], self.factor[plain], self.name_of[plain])]
        for level in range(self.offers, self.offers + self.levels):
            above, below = np.flatnonzero(self.high == level), np.flatnonzero(self.low == level)
            a, b = np.repeat(above, len(below)), np.tile(below, len(above))
            other = self.low[a] != self.high[b]
            a, b = a[other], b[other]
            parts.append((self.low[a], self.high[b], self.factor[a] * self.factor[b], self.name_of[a]))
        low, high, factor, name = (np.concatenate(part) for part in zip(*parts, strict=True))
        return low, high, factor, name

    def broken(self, price: NDArray[np.float64]) -> NDArray[np.intp]:
        """Return the rules broken at ``price``, as positions in ``pairs()``."""
        low, high, factor, _ = self.pairs()
        return np.flatnonzero(price[low] > factor * price[high] * (1.0 + _TOLERANCE))


@dataclass(frozen=True, kw_only=True, eq=False)
class Relaxed:
    """The best picks under side rules when nothing else couples the offers.

    Parameters
    ----------
    option : int64[offer]
        The picks.
    best : float
        An upper bound on the sum of values under the rules (rounding of the cut included).
    allowed : bool[offer, option]
        Windows around the picks: any picks inside keep every rule.
    """

    option: NDArray[np.int64]
    best: float
    allowed: NDArray[np.bool_]


def reachable(rules: SideRules, ladder: Ladder) -> tuple[Ladder, NDArray[np.bool_]]:
    """Return the ladder cut down to options that can be part of plans keeping every rule, and the offers left with none.

    Bounds are tightened to a fixed point. For rules of this form the lowest remaining options of all offers keep the
    rules together, so that where no offer is stuck there is a plan.

    Parameters
    ----------
    rules : SideRules
        The rules.
    ladder : Ladder
        Options of each offer, none empty.
    """
    n = rules.offers
    low, high = np.zeros(n + rules.levels), np.full(n + rules.levels, np.inf)
    low[:n], high[:n] = ladder.ends()
    for _ in range(1_000):
        least, most = low.copy(), high.copy()
        np.maximum.at(least, rules.high, low[rules.low] / rules.factor)
        np.minimum.at(most, rules.low, high[rules.high] * rules.factor)
        cut = ladder.within(least[:n] * (1.0 - _TOLERANCE), most[:n] * (1.0 + _TOLERANCE))
        if cut.empty.any():
            return cut, cut.empty
        least[:n], most[:n] = cut.ends()
        if (least <= low).all() and (most >= high).all():
            return cut, cut.empty
        ladder, low, high = cut, np.maximum(low, least), np.minimum(high, most)
    return ladder, ladder.empty


def relax(rules: SideRules, options: Options, value: NDArray[np.float64]) -> Relaxed:
    """Pick one option per offer so that the sum of values is highest and every side rule holds.

    Parameters
    ----------
    rules : SideRules
        The rules.
    options : Options
        Options of each offer, among them some that keep every rule together.
    value : float64[offer, option]
        Worth of each option.

    Returns
    -------
    Relaxed
        Picks, bound and windows.
    """
    masked = np.where(options.allowed, value, -np.inf)
    free = ~rules.touched
    option = masked.argmax(axis=1)
    best = float(masked[free].max(axis=1).sum()) if free.any() else 0.0
    allowed = options.allowed.copy()
    rows = np.flatnonzero(rules.touched)
    if len(rows):
        picks, slack = _cut(rules, options, masked, rows)
        option[rows] = picks
        best += float(masked[rows, picks].sum()) + slack
        allowed &= _windows(rules, options, option)
    return Relaxed(option=option, best=best, allowed=allowed)


def _cut(
    rules: SideRules, options: Options, value: NDArray[np.float64], rows: NDArray[np.intp]
) -> tuple[NDArray[np.int64], float]:
    """Solve the closure problem of the touched offers: their picks, and the most that rounding can have cost."""
    ladders, gains = _ladders(rules, options, value, rows)
    start = np.concatenate([[0], np.cumsum([len(x) for x in ladders])])
    where = np.full(rules.offers + rules.levels, -1)
    nodes = np.concatenate([rows, np.arange(rules.offers, rules.offers + rules.levels)])
    where[nodes] = np.arange(len(nodes))
    gain = np.concatenate(gains)
    first = np.zeros(len(gain), dtype=bool)
    first[start[:-1]] = True
    tails, heads = [np.flatnonzero(~first)], [np.flatnonzero(~first) - 1]
    for low, high, factor in zip(where[rules.low], where[rules.high], rules.factor, strict=True):
        need = np.searchsorted(ladders[high], ladders[low] / factor * (1.0 - _TOLERANCE))
        fits = need < len(ladders[high])
        tails.append(start[low] + np.flatnonzero(fits))
        heads.append(start[high] + need[fits])
        if not fits.all():  # an option that no option of the other allows: out, and all dearer ones with it
            gain[start[low] + np.flatnonzero(~fits)] = -np.inf
    scale = _MOST_FLOW / max(float(np.abs(gain[np.isfinite(gain) & ~first]).sum()), 1e-300)
    weight = np.where(first, 0.0, np.clip(np.round(gain * scale), -_MOST_FLOW, _MOST_FLOW)).astype(np.int64)
    chosen = _closure(weight, np.concatenate(tails), np.concatenate(heads)) | first
    picks = np.add.reduceat(chosen.astype(np.int64), start[:-1])[: len(rows)] - 1
    spots = np.stack([np.flatnonzero(options.allowed[row])[pick] for row, pick in zip(rows, picks, strict=True)])
    return spots, len(gain) / scale


def _ladders(
    rules: SideRules, options: Options, value: NDArray[np.float64], rows: NDArray[np.intp]
) -> tuple[list[NDArray[np.float64]], list[NDArray[np.float64]]]:
    """Return the ascending numbers and the step gains of each node: touched offers, then levels (worth nothing)."""
    ladders = [options.prices[row, options.allowed[row]] for row in rows]
    gains = [np.diff(value[row, options.allowed[row]], prepend=0.0) for row in rows]
    at = dict(zip(rows.tolist(), range(len(rows)), strict=True))
    for level in range(rules.offers, rules.offers + rules.levels):
        above, below = np.flatnonzero(rules.low == level), np.flatnonzero(rules.high == level)
        ends = [ladders[at[int(rules.high[r])]] * rules.factor[r] for r in above]
        ends += [ladders[at[int(rules.low[r])]] / rules.factor[r] for r in below]
        ladders.append(np.unique(np.concatenate(ends)))
        gains.append(np.zeros(len(ladders[-1])))
    return ladders, gains


def _closure(weight: NDArray[np.int64], tails: NDArray[np.intp], heads: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Return the heaviest set of nodes closed under tail -> head, by one minimum cut; bool[node]."""
    n = len(weight)
    source, sink = n, n + 1
    gains, losses = np.flatnonzero(weight > 0), np.flatnonzero(weight < 0)
    most = np.iinfo(np.int32).max // 2
    row = np.concatenate([np.full(len(gains), source), losses, tails])
    column = np.concatenate([gains, np.full(len(losses), sink), heads])
    capacity = np.concatenate([weight[gains], -weight[losses], np.full(len(tails), most)]).astype(np.int32)
    graph = sparse.coo_matrix((capacity, (row, column)), shape=(n + 2, n + 2))
    graph = graph.tocsr()
    graph.data = np.minimum(graph.data, most).astype(np.int32)
    flow = csgraph.maximum_flow(graph, source, sink).flow
    residual = (graph - flow).tocsr()
    residual.data = np.maximum(residual.data, 0)
    residual.eliminate_zeros()
    order = csgraph.breadth_first_order(residual, source, return_predecessors=False)
    chosen = np.zeros(n + 2, dtype=bool)
    chosen[order] = True
    return chosen[:n]


def _windows(rules: SideRules, options: Options, option: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return the options inside windows that share each rule's slack evenly between its two prices."""
    price = np.concatenate([options.pick(option), np.zeros(rules.levels)])
    for level in range(rules.offers, rules.offers + rules.levels):
        below, above = rules.high == level, rules.low == level
        least = (price[rules.low[below]] / rules.factor[below]).max(initial=0.0)
        most = (price[rules.high[above]] * rules.factor[above]).min(initial=np.inf)
        price[level] = least if not np.isfinite(most) else np.sqrt(least * most) if least > 0 else most
    ratio = np.maximum(rules.factor * price[rules.high] / price[rules.low], 1.0)
    share = np.where((rules.low < rules.offers) & (rules.high < rules.offers), np.sqrt(ratio), ratio)
    top = np.full(len(price), np.inf)
    bottom = np.zeros(len(price))
    np.minimum.at(top, rules.low, price[rules.low] * share)
    np.maximum.at(bottom, rules.high, price[rules.high] / share)
    rounding = 1e-12
    inside = (options.prices >= bottom[: rules.offers, None] * (1.0 - rounding)) & (
        options.prices <= top[: rules.offers, None] * (1.0 + rounding)
    )
    inside[np.arange(rules.offers), option] = True
    return inside
