"""Apply a scenario's change to a shop: the matching rows of one table get new values, and the shop is checked again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pricebid.errors import Fault, TableError
from pricebid.policy import nearest
from pricebid.tables.schema import SCHEMAS, ColumnRule, schema
from pricebid.tables.table import Table, Text, freeze

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pricebid.policy import Change
    from pricebid.tables.shop import Shop

Value = str | float | bool
_EMPTY = {"text": "", "date": np.datetime64("NaT", "D"), "time": np.datetime64("NaT", "us")}


def apply_change(shop: Shop, change: Change, *, horizon: int) -> Shop:
    """Return the shop with the change made; see ``docs/tables.md`` for what a change may do.

    Parameters
    ----------
    shop : Shop
        Left as it is.
    change : Change
        Table, rows, and new values or factors.
    horizon : int
        Periods for which a row of ``planned`` is made where the change names none.

    Raises
    ------
    TableError
        The table, a column or a row is not there, a value is of the wrong kind, the change would have no effect, or
        the changed shop has faults.
    """
    known = [one.name for one in SCHEMAS]
    if change.table not in known:
        raise _refused(change.table, "", f"no such table{nearest(change.table, known)}; tables are {', '.join(known)}")
    table = shop.table(change.table)
    if table is None or not _matching(shop, table, change).any():
        table = _with_new_rows(shop, table, change, horizon)
    rows = _matching(shop, table, change)
    for column, value in change.assign:
        table = _assigned(shop, table, rows, column, value)
    for column, factor in change.multiply:
        table = _multiplied(shop, table, rows, column, factor)
    _no_dead_change(shop, table, rows, change)
    return shop.with_table(table)


def _matching(shop: Shop, table: Table, change: Change) -> NDArray[np.bool_]:
    rows = np.ones(len(table), dtype=bool)
    for column, value in change.where:
        rows &= _equal(table.name, column, _column(shop, table, column), value)
    return rows


def _column(shop: Shop, table: Table, column: str) -> Text | NDArray[Any]:
    """Return a column of the table, or of the catalog through the row's sku."""
    if table.has(column):
        return table.column(column)
    catalog = shop.table("catalog")
    if catalog is not None and catalog.has(column) and table.has("sku"):
        row = table.text("sku").code_in(catalog.array("sku"))
        values = catalog.array(column)[row]
        if isinstance(catalog.column(column), Text):
            return Text.of(np.where(row < 0, "", values).astype(object))
        return np.where(row < 0, np.full(1, np.nan).astype(values.dtype), values)
    rule = schema(table.name).rule(column)
    if rule is not None and rule.kind == "text":
        return table.labels(column)
    raise _refused(table.name, column, f"where names a column that is not there{nearest(column, table.columns)}")


def _equal(table: str, name: str, column: Text | NDArray[Any], value: Value) -> NDArray[np.bool_]:
    if isinstance(column, Text):
        return np.asarray((column.labels == _as_text(value))[column.codes], dtype=bool)
    wanted = _typed(table, ColumnRule(name=name, kind="date" if column.dtype.kind == "M" else "number"), value)
    return np.asarray(column == wanted, dtype=bool)


def _with_new_rows(shop: Shop, table: Table | None, change: Change, horizon: int) -> Table:
    """Return the table with the rows that ``where`` asks for: only ``offers`` and ``planned`` may get new ones."""
    where = dict(change.where)
    if change.table not in ("offers", "planned") or "sku" not in where:
        raise _no_row(shop, table, change)
    offers = shop.offers
    picked = np.ones(len(offers), dtype=bool)
    for column in ("sku", "region", "segment"):
        if column in where and column in offers.columns:
            picked &= offers.label(column) == _as_text(where[column])
    if not picked.any() or set(where) - {"sku", "region", "segment", "date"}:
        raise _no_row(shop, table, change)
    if change.table == "planned":
        fresh = _planned_rows(shop, where, horizon)
    else:
        keys = [name for name in ("sku", "region", "segment") if name in offers.columns]
        first = np.unique(
            np.array([offers.label(name)[picked] for name in keys]).astype(str), axis=1, return_index=True
        )[1]
        fresh = {name: Text.of(offers.label(name)[picked][first]) for name in keys}
        fresh |= {"price": offers.current_price[picked][first]}
    return _joined(table, Table(name=change.table, columns=tuple(fresh), data=tuple(fresh.values())))


def _planned_rows(shop: Shop, where: dict[str, Value], horizon: int) -> dict[str, Text | NDArray[Any]]:
    if "date" in where:
        date = _typed("planned", ColumnRule(name="date", kind="date"), where["date"])
        dates = np.array([date], dtype="datetime64[D]")
    else:
        dates = shop.period.after(shop.history().periods[-1], horizon)
    keys: dict[str, Text | NDArray[Any]] = {
        name: Text(codes=np.zeros(len(dates), dtype=np.int32), labels=np.array([_as_text(where[name])], dtype=object))
        for name in ("sku", "region")
        if name in where
    }
    return {"date": dates, **keys}


def _joined(old: Table | None, new: Table) -> Table:
    if old is None:
        return new
    columns = (*old.columns, *(name for name in new.columns if not old.has(name)))
    data: list[Text | NDArray[Any]] = []
    for name in columns:
        parts = [one.array(name) if one.has(name) else _empty(new.name, name, len(one)) for one in (old, new)]
        both = np.concatenate(parts)
        data.append(Text.of(both) if both.dtype == object else freeze(both))
    return Table(name=new.name, columns=columns, data=tuple(data))


def _empty(table: str, column: str, size: int) -> NDArray[Any]:
    rule = schema(table).rule(column)
    kind = "number" if rule is None else rule.kind
    return np.full(size, _EMPTY.get(kind, np.nan), dtype=object if kind == "text" else None)


def _assigned(shop: Shop, table: Table, rows: NDArray[np.bool_], column: str, value: Value) -> Table:
    rule = _rule(shop, table, column)
    values = table.array(column).copy() if table.has(column) else _empty(table.name, column, len(table))
    values[rows] = _typed(table.name, rule, value)
    return table.replace(column, Text.of(values) if rule.kind == "text" else freeze(values))


def _multiplied(shop: Shop, table: Table, rows: NDArray[np.bool_], column: str, factor: float) -> Table:
    rule = _rule(shop, table, column)
    if rule.kind != "number":
        raise _refused(table.name, column, "holds no numbers, so it cannot be multiplied; use set")
    if not table.has(column) or np.isnan(table.array(column)[rows]).all():
        others = [one.name for one in shop.tables if one.has(column) and one.name != table.name]
        hint = f"; {' and '.join(others)} has it" if others else ""
        raise _refused(table.name, column, f"is not given for these rows, so it cannot be multiplied{hint}")
    values = table.array(column).copy()
    values[rows] *= factor
    if column == "price":
        values[rows] = np.round(values[rows], shop.settings.decimals)
    return table.replace(column, freeze(values))


def _rule(shop: Shop, table: Table, column: str) -> ColumnRule:
    rules = schema(table.name)
    rule = rules.rule(column)
    sales = shop.table("sales")
    if rule is None and rules.extras and (table.has(column) or (sales is not None and sales.has(column))):
        return ColumnRule(name=column, kind="number")
    if rule is None:
        known = [one.name for one in rules.columns]
        raise _refused(
            table.name, column, f"no such column{nearest(column, known)}; the table may have {', '.join(known)}"
        )
    return rule


def _typed(table: str, rule: ColumnRule, value: Value) -> Any:  # noqa: ANN401 - str, float or datetime64 by the rule
    if rule.kind == "text":
        return _as_text(value)
    try:
        if rule.kind in ("date", "time"):
            return np.datetime64(str(value), "D" if rule.kind == "date" else "us")
        return float(value)
    except ValueError:
        wanted = "an ISO date" if rule.kind in ("date", "time") else "a number"
        raise _refused(table, rule.name, f"{value!r} is not {wanted}") from None


def _as_text(value: Value) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _no_dead_change(shop: Shop, table: Table, rows: NDArray[np.bool_], change: Change) -> None:
    """Refuse to change a value of the catalog that a row of ``offers`` overrides: it would silently do nothing."""
    offers = shop.table("offers")
    if table.name != "catalog" or offers is None:
        return
    touched = np.isin(offers.array("sku"), table.array("sku")[rows])
    for column in (*dict(change.assign), *dict(change.multiply)):
        if column != "stock" and offers.has(column) and not np.isnan(offers.numbers(column)[touched]).all():
            raise _refused("catalog", column, "is overridden by the table offers for these skus: change it there")


def _no_row(shop: Shop, table: Table | None, change: Change) -> TableError:
    if table is None:
        return _refused(change.table, "", "the shop has no such table to change")
    for column, value in change.where:
        held = _column(shop, table, column)
        if not _equal(table.name, column, held, value).any():
            hint = nearest(value, held.labels) if isinstance(held, Text) else ""
            return _refused(table.name, column, f"no row has {column} = {value!r}{hint}")
    wanted = ", ".join(f"{column} = {value!r}" for column, value in change.where) or "any row at all"
    return _refused(table.name, "", f"no row has {wanted}")


def _refused(table: str, column: str, message: str) -> TableError:
    return TableError([Fault(table=table or "scenario", column=column, message=message)])
