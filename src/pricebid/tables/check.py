"""Checks of one table's cells: ranges, choices, empty cells, duplicate keys, pairs of columns that contradict each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pricebid.errors import Fault
from pricebid.tables.schema import ABSURD, ColumnRule, schema
from pricebid.tables.table import Table, Text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

_PAIRS = (
    ("min_price", "max_price", "{:g} is above max_price {:g}"),
    ("discount", "price", "{:g} is above price {:g}; a discount is money per unit"),
    ("units", "stock", "{:g} is above the row's stock {:g}; stock is what could have been sold in the period"),
    ("start", "end", "{} is after the end {}"),
    ("launch_date", "season_end", "{} is after season_end {}"),
)


def table_faults(table: Table, *, whole: bool = True) -> Iterator[Fault]:
    """Yield every fault of a table on its own, one per column and kind, with the first row and the count.

    Parameters
    ----------
    table : Table
        Typed columns.
    whole : bool
        False where columns could not be read: then rows that look the same may differ.
    """
    rules = schema(table.name)
    for name, column in zip(table.columns, table.data, strict=True):
        rule = rules.rule(name)
        if isinstance(column, Text):
            yield from _text_faults(table, rule or ColumnRule(name=name, kind="text"), column)
        elif column.dtype.kind == "M":
            yield from _date_faults(table, rule or ColumnRule(name=name, kind="date"), column)
        else:
            yield from _number_faults(table, rule or ColumnRule(name=name, kind="number"), column)
    if not len(table) and any(rule.required for rule in rules.columns):
        yield Fault(table=table.name, message="has a header and no rows; fill it, or leave the file out")
    yield from _pair_faults(table)
    if whole:
        yield from _duplicates(table, rules.key)


def table_warnings(table: Table) -> Iterator[Fault]:
    """Yield what is odd but usable in a table on its own."""
    rules = schema(table.name)
    for name, column in zip(table.columns, table.data, strict=True):
        if isinstance(column, Text):
            padded = np.array([label != label.strip() for label in column.labels], dtype=bool)
            if padded.any():
                message = "begins or ends with a space; it is kept, and differs from the text without"
                yield from _at(table, name, padded[column.codes], message)
        elif rules.extras and rules.rule(name) is None and table.name == "sales":
            yield from _at(table, name, np.isnan(column), "is empty; 0 is assumed")


def _text_faults(table: Table, rule: ColumnRule, column: Text) -> Iterator[Fault]:
    empty = column.labels == ""
    if rule.required or (table.name == "sales" and rule.name in {"region", "segment", "channel"}):
        yield from _at(table, rule.name, empty[column.codes], "is empty; every row needs one")
    if rule.choices:
        wrong = ~np.isin(column.labels, np.array(["", *rule.choices], dtype=object))
        bad = wrong[column.codes]
        got = column.labels[column.codes[int(np.argmax(bad))]] if bad.any() else ""
        yield from _at(table, rule.name, bad, f"{str(got)[:60]!r} is none of {', '.join(rule.choices)}")


def _date_faults(table: Table, rule: ColumnRule, column: NDArray[np.datetime64]) -> Iterator[Fault]:
    if rule.required:
        yield from _at(table, rule.name, np.isnat(column), "is empty; every row needs one")
    years = column.astype("datetime64[Y]").astype(np.int64) + 1970
    odd = ((years < 1900) | (years > 2200)) & ~np.isnat(column)
    yield from _at(table, rule.name, odd, f"{_first(column, odd)} is not between 1900 and 2200")


def _number_faults(table: Table, rule: ColumnRule, column: NDArray[np.float64]) -> Iterator[Fault]:
    empty = np.isnan(column)
    low, high = (np.nanmin(column), np.nanmax(column)) if len(column) and not empty.all() else (0.0, 0.0)
    if (rule.required or (table.name, rule.name) == ("sales", "hour")) and empty.any():
        if table.name == "sales" and rule.name == "price" and table.has("units"):
            empty = empty & (table.numbers("units") != 0.0)  # nothing sold: no average price
        yield from _at(table, rule.name, empty, "is empty; every row needs one")
    if low < -ABSURD or high > ABSURD:
        bad = np.abs(column) > ABSURD
        yield from _at(
            table, rule.name, bad, f"{_first(column, bad):g} is not a number of a real shop (beyond {ABSURD:g})"
        )
    if low < rule.low or (rule.above and low <= rule.low):
        bad = (column <= rule.low) if rule.above else (column < rule.low)
        bad &= column >= -ABSURD
        yield from _at(
            table,
            rule.name,
            bad,
            f"{_first(column, bad):g} must be {'above' if rule.above else 'at least'} {rule.low:g}",
        )
    if rule.high < ABSURD and high > rule.high:
        bad = (column > rule.high) & (column <= ABSURD)
        yield from _at(table, rule.name, bad, f"{_first(column, bad):g} must be at most {rule.high:g}")
    if rule.kind == "flag" or rule.whole:
        bad = (column != np.floor(column)) & ~np.isnan(column) & (column >= rule.low) & (column <= rule.high)
        words = "0 or 1" if rule.kind == "flag" else "a whole number"
        yield from _at(table, rule.name, bad, f"{_first(column, bad):g} must be {words}")


def _pair_faults(table: Table) -> Iterator[Fault]:
    for small, large, message in _PAIRS:
        if table.has(small) and table.has(large):
            left, right = table.array(small), table.array(large)
            bad = left > right
            yield from _at(table, small, bad, message.format(_first(left, bad), _first(right, bad)))


def _duplicates(table: Table, key: Sequence[str]) -> Iterator[Fault]:
    columns = [column for column in key if table.has(column)]
    if not columns or len(table) < 2:
        return
    rows = row_key(table, columns)
    ordered = np.sort(rows)
    if not np.any(ordered[1:] == ordered[:-1]):
        return
    order = np.argsort(rows, kind="stable")
    again = np.zeros(len(table), dtype=bool)
    again[order[1:]] = rows[order[1:]] == rows[order[:-1]]
    at = int(np.argmax(again))
    got = ", ".join(f"{column} {_shown(table.array(column)[at])}" for column in columns)
    first = int(np.argmax(rows == rows[at])) + 1
    message = f"{got} is there already in row {first}; keep one row, or sum them up"
    yield Fault(
        table=table.name,
        column=columns[-1] if len(columns) == 1 else "",
        row=at + 1,
        message=message,
        count=int(again.sum()),
    )


def row_key(table: Table, columns: Sequence[str]) -> NDArray[np.int64]:
    """One number per row that is equal where all the columns are equal, int64[row]."""
    key = np.zeros(len(table), dtype=np.int64)
    size = 1
    for name in columns:
        codes, count = _codes(table, name)
        if size * count >= 2**62:
            key = np.unique(key, return_inverse=True)[1]
            size = len(table)
        key = key * count + codes
        size *= count
    return key


def _codes(table: Table, name: str) -> tuple[NDArray[np.int64], int]:
    column = table.column(name)
    if isinstance(column, Text):
        return column.codes.astype(np.int64), max(len(column.labels), 1)
    if column.dtype == np.dtype("datetime64[D]") and not np.isnat(column).any():
        days = column.astype(np.int64)
        return days - days.min(), int(days.max() - days.min()) + 1
    labels, codes = np.unique(column, return_inverse=True)
    return codes.astype(np.int64), max(len(labels), 1)


def _shown(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _first(values: NDArray[np.generic], flags: NDArray[np.bool_]) -> np.generic:
    return values[int(np.argmax(flags))] if len(values) else np.float64(0.0)


def _at(table: Table, column: str, bad: NDArray[np.bool_], message: str) -> Iterator[Fault]:
    if bad.any():
        row = int(np.argmax(bad)) + 1
        yield Fault(table=table.name, column=column, row=row, message=message, count=int(bad.sum()))
