"""The offer axis of a shop: every sku x region (x hour x segment x channel) that sells, sold, or is about to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pricebid.tables.table import Table, Text, freeze

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

DEFAULT_REGION = "all"
_DENSE = 50_000_000  # keys below this are found by a lookup table, else by sorting


@dataclass(frozen=True, kw_only=True, eq=False)
class Axis:
    """The offers of a shop, coded.

    Parameters
    ----------
    columns : tuple of str
        Key columns.
    labels : tuple of object[label]
        Every label of each key column, sorted (hours by number).
    codes : tuple of int64[offer]
        Label of each offer by key column; offers are unique and sorted.
    rows : int64[row]
        Offer of each row of ``sales``.
    """

    columns: tuple[str, ...]
    labels: tuple[NDArray[np.object_], ...]
    codes: tuple[NDArray[np.int64], ...]
    rows: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.codes[0])

    def code(self, column: str) -> NDArray[np.int64]:
        """Label code of each offer in a key column, int64[offer]."""
        return self.codes[self.columns.index(column)]

    def label(self, column: str) -> NDArray[np.object_]:
        """Labels of a key column, object[label]."""
        return self.labels[self.columns.index(column)]

    def key(self, columns: Sequence[str]) -> NDArray[np.int64]:
        """One number per offer over some key columns, int64[offer]."""
        return combined([self.code(name) for name in columns], [len(self.label(name)) for name in columns])

    def key_of(self, table: Table, columns: Sequence[str]) -> NDArray[np.int64]:
        """Return the same number per row of another table, int64[row]; -1 where a label is unknown."""
        codes = [labels_of(table, name).code_in(self.label(name)) for name in columns]
        key = combined(codes, [len(self.label(name)) for name in columns])
        return np.where(np.min(codes, axis=0) < 0, -1, key) if len(table) else key


def combined(codes: Sequence[NDArray[np.int64]], sizes: Sequence[int]) -> NDArray[np.int64]:
    """Mixed-radix number of several codes, the first the most significant, int64[row]."""
    key = np.zeros(len(codes[0]), dtype=np.int64)
    for code, size in zip(codes, sizes, strict=True):
        key = key * size + code
    return key


def labels_of(table: Table, column: str) -> Text:
    """Return a key column as text; hours become their number, an absent region ``all``."""
    if column == "hour" and table.has("hour"):
        hours = table.array("hour").astype(np.int32)
        return Text(codes=hours, labels=np.array([str(hour) for hour in range(24)], dtype=object))
    return table.labels(column, empty=DEFAULT_REGION if column == "region" else "")


def offer_axis(sales: Table | None, offers: Table | None, catalog: Table | None) -> Axis:
    """Build the offer axis from what has sold, what ``offers`` lists, and the catalog's skus that have a price.

    A sku of the catalog that never sold and that ``offers`` does not list is offered wherever anything sold.
    """
    if sales is not None:
        columns = ("sku", "region", *(name for name in ("hour", "segment", "channel") if sales.has(name)))
    else:
        columns = ("sku", "region", *(["segment"] if offers is not None and offers.has("segment") else []))
    sources = [table for table in (sales, offers, catalog) if table is not None]
    labels = tuple(_all_labels(column, sources) for column in columns)
    sizes = [len(one) for one in labels]
    keys = np.empty(0, dtype=np.int64)
    if sales is not None:
        codes = [labels_of(sales, column).code_in(one) for column, one in zip(columns, labels, strict=True)]
        keys = combined(codes, sizes)
    sold = _distinct(keys, sizes)
    found = np.union1d(sold, _listed(sold, offers, columns, labels))
    found = np.union1d(found, _new(found, catalog, labels))
    where = np.searchsorted(found, keys)
    return Axis(columns=columns, labels=labels, codes=_split(found, sizes), rows=freeze(where))


def _all_labels(column: str, sources: Sequence[Table]) -> NDArray[np.object_]:
    carrying = [table for table in sources if table.has(column)]
    if not carrying:
        return np.array([DEFAULT_REGION if column == "region" else ""], dtype=object)
    if column == "hour":
        used = np.unique(np.concatenate([table.array("hour") for table in carrying])).astype(int)
        return np.array([str(hour) for hour in used], dtype=object)
    return np.unique(np.concatenate([table.text(column).labels for table in carrying]))


def _distinct(keys: NDArray[np.int64], sizes: Sequence[int]) -> NDArray[np.int64]:
    total = int(np.prod(np.array(sizes, dtype=float)))
    if total > max(_DENSE, 4 * len(keys)):
        return np.unique(keys)
    seen = np.zeros(total, dtype=bool)
    seen[keys] = True
    return np.flatnonzero(seen)


def _split(keys: NDArray[np.int64], sizes: Sequence[int]) -> tuple[NDArray[np.int64], ...]:
    codes = []
    for size in reversed(sizes):
        codes.append(freeze(keys % size))
        keys = keys // size
    return tuple(reversed(codes))


def _listed(
    sold: NDArray[np.int64],
    offers: Table | None,
    columns: Sequence[str],
    labels: Sequence[NDArray[np.object_]],
) -> NDArray[np.int64]:
    """Keys of the offers that the table ``offers`` lists and that never sold: with every combination of the other keys."""
    if offers is None:
        return np.empty(0, dtype=np.int64)
    sizes = [len(one) for one in labels]
    given = [at for at, column in enumerate(columns) if offers.has(column)]
    silent = [at for at in range(len(columns)) if at not in given]
    codes = _split(sold, sizes)
    rows = {at: offers.labels(columns[at]).code_in(labels[at]) for at in given}
    some = [sizes[at] for at in given]
    fresh = ~np.isin(combined([rows[at] for at in given], some), combined([codes[at] for at in given], some))
    others = _combinations([codes[at] for at in silent], [sizes[at] for at in silent])
    count = len(others[0]) if others else 1
    full = {at: np.repeat(rows[at][fresh], count) for at in given}
    full |= {at: np.tile(other, int(fresh.sum())) for at, other in zip(silent, others, strict=True)}
    return combined([full[at] for at in range(len(columns))], sizes)


def _new(
    found: NDArray[np.int64],
    catalog: Table | None,
    labels: Sequence[NDArray[np.object_]],
) -> NDArray[np.int64]:
    if catalog is None:
        return np.empty(0, dtype=np.int64)
    sizes = [len(one) for one in labels]
    codes = _split(found, sizes)
    priced = ~np.isnan(catalog.numbers("price")) | ~np.isnan(catalog.numbers("list_price"))
    sku = catalog.labels("sku").code_in(labels[0])
    fresh = np.unique(sku[priced & ~np.isin(sku, codes[0])])
    others = _combinations(codes[1:], sizes[1:])
    count = len(others[0])
    every = [np.repeat(fresh, count), *(np.tile(other, len(fresh)) for other in others)]
    return combined(every, sizes)


def _combinations(codes: Sequence[NDArray[np.int64]], sizes: Sequence[int]) -> tuple[NDArray[np.int64], ...]:
    if not codes:
        return ()
    seen = np.unique(combined(codes, sizes))
    if len(seen) == 0:
        seen = np.zeros(1, dtype=np.int64)
    return _split(seen, sizes)
