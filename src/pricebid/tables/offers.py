"""What is known of each offer: the offers table over the catalog over what the sales show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pricebid.tables.arrays import Offers
from pricebid.tables.table import Table, freeze

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pricebid.tables.axis import Axis
    from pricebid.tables.panel import Panel

RECENT = 8  # periods whose units say how a sku's stock is shared out over its offers


@dataclass(frozen=True, kw_only=True, eq=False)
class _Lookup:
    """A table beside the offer axis: ``row[offer]`` is the table's row for the offer, -1 where it has none."""

    table: Table | None
    row: NDArray[np.int64]

    def numbers(self, column: str) -> NDArray[np.float64]:
        """One number per offer, NaN where not given."""
        if self.table is None or not self.table.has(column) or len(self.table) == 0:
            return np.full(len(self.row), np.nan)
        return np.where(self.row < 0, np.nan, self.table.array(column)[self.row])

    def texts(self, column: str) -> NDArray[np.object_]:
        """One label per offer, empty where not given."""
        if self.table is None or not self.table.has(column) or len(self.table) == 0:
            return np.full(len(self.row), "", dtype=object)
        return np.where(self.row < 0, "", self.table.array(column)[self.row]).astype(object)

    def dates(self, column: str) -> NDArray[np.datetime64]:
        """One date per offer, NaT where not given."""
        if self.table is None or not self.table.has(column) or len(self.table) == 0:
            return np.full(len(self.row), np.datetime64("NaT", "D"), dtype="datetime64[D]")
        return np.where(self.row < 0, np.datetime64("NaT", "D"), self.table.array(column)[self.row])


def beside(axis: Axis, table: Table | None) -> NDArray[np.int64]:
    """Row of a table, which has one per combination of its key columns, for each offer, int64[offer]; -1 where none."""
    if table is None or len(table) == 0:
        return np.full(len(axis), -1, dtype=np.int64)
    columns = [name for name in axis.columns if table.has(name)]
    keys = axis.key_of(table, columns)
    order = np.argsort(keys, kind="stable")
    wanted = axis.key(columns)
    at = np.minimum(np.searchsorted(keys[order], wanted), len(order) - 1)
    return np.where(keys[order][at] == wanted, order[at], -1)


def build_offers(
    axis: Axis, panel: Panel | None, *, catalog: Table | None, offers: Table | None, regions: Table | None
) -> Offers:
    """Join the tables onto the offer axis; see :class:`~pricebid.tables.arrays.Offers` for what comes out."""
    own = _Lookup(table=offers, row=beside(axis, offers))
    sku = _Lookup(table=catalog, row=beside(axis, catalog))
    place = _Lookup(table=regions, row=beside(axis, regions))

    def over(column: str) -> NDArray[np.float64]:
        mine = own.numbers(column)
        return np.where(np.isnan(mine), sku.numbers(column), mine)

    sold = np.full(len(axis), np.nan) if panel is None else panel.last_price
    current = _first_given(over("price"), sold, sku.numbers("list_price"))
    columns: dict[str, NDArray[Any]] = {
        "current_price": current,
        "stock": _stock(axis, panel, own, sku),
        "cost": over("cost"),
        "min_price": over("min_price"),
        "max_price": over("max_price"),
        "locked": np.nan_to_num(over("locked")) > 0.0,
        "shipping_cost": np.nan_to_num(place.numbers("shipping_cost")),
        "tax": np.nan_to_num(place.numbers("tax")),
    }
    columns |= {name: sku.numbers(name) for name in ("size", "list_price", "map_price")}
    columns |= {name: sku.texts(name) for name in ("category", "brand", "role", "stage")}
    columns |= {name: sku.dates(name) for name in ("launch_date", "season_end")}
    labels = tuple(freeze(label[code]) for label, code in zip(axis.labels, axis.codes, strict=True))
    return Offers(columns=axis.columns, labels=labels, **{name: freeze(array) for name, array in columns.items()})


def _first_given(*choices: NDArray[np.float64]) -> NDArray[np.float64]:
    result = choices[0]
    for choice in choices[1:]:
        result = np.where(np.isnan(result), choice, result)
    return result


def _stock(axis: Axis, panel: Panel | None, own: _Lookup, sku: _Lookup) -> NDArray[np.float64]:
    """Units each offer can sell, float64[offer]: a row's stock is shared out over its offers by their recent units."""
    weight = np.ones(len(axis)) if panel is None else panel.recent_units(RECENT)
    group = np.where(own.row < 0, len(axis) + np.arange(len(axis)), own.row)
    mine = own.numbers("stock") * _share(weight, group)
    total = sku.numbers("stock") + np.nan_to_num(sku.numbers("inbound"))
    code = axis.code("sku")
    taken = np.bincount(code, np.nan_to_num(mine), minlength=len(axis.label("sku")))[code]
    open_weight = np.where(np.isnan(mine), weight, 0.0)
    rest = np.maximum(total - taken, 0.0) * _share(open_weight, code, among=np.isnan(mine))
    return np.where(np.isnan(mine), rest, mine)


def _share(
    weight: NDArray[np.float64], group: NDArray[np.int64], among: NDArray[np.bool_] | None = None
) -> NDArray[np.float64]:
    """Share of each offer in its group by weight, evenly where the group's weights are all zero, float64[offer]."""
    among = np.ones(len(weight), dtype=bool) if among is None else among
    _, at = np.unique(group, return_inverse=True)
    total = np.bincount(at, weight)[at]
    members = np.bincount(at, among)[at]
    return np.where(total > 0, weight / np.where(total > 0, total, 1.0), among / np.maximum(members, 1))
