"""Arrow columns to typed, frozen columns; every cell that is not of its column's type is counted and the first one named."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from pricebid.errors import Fault, TableError
from pricebid.policy import nearest
from pricebid.tables.schema import ColumnRule, Schema, schema
from pricebid.tables.table import Table, Text, freeze

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

_LISTED = 20  # unknown columns named one by one
_UNITS = {"date": "D", "time": "us"}


def from_arrow(name: str, arrow: pa.Table) -> tuple[Table | None, tuple[Fault, ...], tuple[str, ...]]:
    """Turn an Arrow table into a typed one.

    Returns
    -------
    table : Table or None
        The columns that could be read; None where there are none.
    faults : tuple of Fault
        Missing and unknown columns, and cells of the wrong type.
    notices : tuple of str
        Columns that are not read.
    """
    rules = schema(name)
    faults = list(_missing(rules, arrow.column_names))
    notices: list[str] = []
    columns: list[str] = []
    data: list[Text | NDArray[Any]] = []
    for column in arrow.column_names:
        if not column.strip():
            notices.append(f"{name} has a column without a name; it is not read")
            continue
        rule = rules.rule(column)
        values = arrow.column(column)
        if rule is None and rules.extras and _may_be_number(values):
            rule = ColumnRule(name=column, kind="number")
            notices += _near_miss(rules, column, arrow.column_names)
        if rule is None:
            _refuse_column(rules, column, faults, notices)
            continue
        try:
            data.append(_converted(name, rule, values))
            columns.append(column)
        except TableError as error:
            faults.extend(error.faults)
    table = Table(name=name, columns=tuple(columns), data=tuple(data)) if data else None
    return table, tuple(_capped(name, faults)), tuple(notices)


def from_frame(name: str, frame: pd.DataFrame) -> pa.Table:
    """Turn a DataFrame into an Arrow table; columns of mixed types become text.

    Raises
    ------
    TableError
        Column names are not texts, or are there twice.
    """
    names: list[object] = list(frame.columns)
    wrong = [column for column in names if not isinstance(column, str)]
    if wrong:
        raise TableError([Fault(table=name, message=f"column name {wrong[0]!r} is no text")])
    if not frame.columns.is_unique:
        twice = frame.columns[frame.columns.duplicated()][0]
        raise TableError([Fault(table=name, column=twice, message="is there twice; keep one")])
    arrays = {}
    for column in frame.columns:
        try:
            made = pa.Array.from_pandas(frame[column])
            arrays[column] = made if isinstance(made, pa.ChunkedArray) else pa.chunked_array([made])
        except (pa.ArrowException, TypeError):
            arrays[column] = pa.chunked_array([pa.array([None if v is None else str(v) for v in frame[column]])])
        except (OverflowError, ValueError) as error:
            raise TableError([Fault(table=name, column=column, message=f"cannot be read ({error})")]) from None
    return pa.table(arrays)


def _missing(rules: Schema, columns: list[str]) -> Iterable[Fault]:
    strange = [column for column in columns if rules.rule(column) is None]
    for rule in rules.columns:
        if rule.required and rule.name not in columns:
            close = nearest(rule.name, strange)
            hint = close.replace("did you mean", "is it the column").replace("?", "? Then rename it") if close else ""
            yield Fault(table=rules.name, column=rule.name, message=f"this column is missing; the table needs it{hint}")


def _near_miss(rules: Schema, column: str, columns: list[str]) -> list[str]:
    hint = nearest(column, [rule.name for rule in rules.columns if rule.name not in columns], cutoff=0.8)
    return [f"{rules.name}.{column[:80]} is taken as a driver of demand{hint}"] if hint else []


def _refuse_column(rules: Schema, column: str, faults: list[Fault], notices: list[str]) -> None:
    known = [rule.name for rule in rules.columns]
    hint = nearest(column, known, cutoff=0.8 if rules.extras else 0.6)
    if rules.extras and not hint:
        notices.append(f"{rules.name}.{column[:80]} holds no numbers and is no known column: it is not used")
        return
    listed = ", ".join(known)
    message = f"unknown column{hint}; the table may have {listed}"
    faults.append(Fault(table=rules.name, column=column[:80], message=message))


def _capped(name: str, faults: list[Fault]) -> Iterable[Fault]:
    unknown = [fault for fault in faults if fault.message.startswith("unknown column")]
    dropped = set(map(id, unknown[_LISTED:]))
    yield from (fault for fault in faults if id(fault) not in dropped)
    if dropped:
        yield Fault(table=name, message=f"and {len(dropped):,} more unknown columns")


def _may_be_number(values: pa.ChunkedArray) -> bool:
    kind = values.type
    if pa.types.is_null(kind):
        return True
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        given = values.slice(0, 1000).to_pandas().replace("", None).dropna()
        return len(given) == 0 or float(pd.to_numeric(given, errors="coerce").notna().mean()) > 0.5
    return _numeric(kind)


def _numeric(kind: pa.DataType) -> bool:
    tests = (pa.types.is_integer, pa.types.is_floating, pa.types.is_boolean, pa.types.is_decimal)
    return any(test(kind) for test in tests)


def _converted(name: str, rule: ColumnRule, values: pa.ChunkedArray) -> Text | NDArray[Any]:
    if pa.types.is_nested(values.type):
        message = f"holds {values.type} where {_words(rule)} is expected"
        raise TableError([Fault(table=name, column=rule.name, message=message)])
    if rule.kind == "text":
        return _text(values)
    if pa.types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    if rule.kind in _UNITS:
        return _dates(name, rule, values)
    return _numbers(name, rule, values)


def _text(values: pa.ChunkedArray) -> Text:
    if not pa.types.is_dictionary(values.type):
        if not pa.types.is_string(values.type):
            values = _cast_text(values)
        values = values.dictionary_encode()
    whole = values.unify_dictionaries().combine_chunks()
    if isinstance(whole, pa.ChunkedArray):
        whole = whole.chunk(0) if whole.num_chunks else pa.array([], type=whole.type)
    labels = np.array([*_cast_text(whole.dictionary).fill_null("").to_pylist(), ""], dtype=object)
    codes = whole.indices.fill_null(len(labels) - 1).to_numpy(zero_copy_only=False)
    return coded(codes, labels)


def _cast_text(values: Any) -> Any:  # noqa: ANN401 - an Arrow array or chunked array, the same comes out
    if pa.types.is_floating(values.type):  # 17.0 as a sku is a whole number that passed through a spreadsheet
        whole = values.cast(pa.float64())
        if not pc.any(pc.not_equal(pc.floor(whole), whole)).as_py():
            values = whole.cast(pa.int64(), safe=False)
    return values.cast(pa.string())


def coded(codes: NDArray[Any], labels: NDArray[np.object_]) -> Text:
    """Make a text column from codes into any labels: those in use, once each and sorted."""
    used = np.zeros(len(labels), dtype=bool)
    used[codes] = True
    kept = np.flatnonzero(used)
    distinct, inverse = np.unique(labels[kept], return_inverse=True)
    new = np.zeros(len(labels), dtype=np.int32)
    new[kept] = inverse
    return Text(codes=freeze(new[codes]), labels=freeze(distinct))


def _numbers(name: str, rule: ColumnRule, values: pa.ChunkedArray) -> NDArray[np.float64]:
    if pa.types.is_boolean(values.type):
        values = values.cast(pa.uint8())
    if _numeric(values.type) or pa.types.is_null(values.type):
        array = values.cast(pa.float64(), safe=False).to_numpy()
        return freeze(np.ascontiguousarray(array, dtype=np.float64))
    if not pa.types.is_string(values.type) and not pa.types.is_large_string(values.type):
        message = f"holds {values.type} where {_words(rule)} is expected"
        raise TableError([Fault(table=name, column=rule.name, message=message)])
    texts, codes = _distinct(values)
    if rule.kind == "flag":
        texts = texts.replace({"true": "1", "True": "1", "TRUE": "1", "false": "0", "False": "0", "FALSE": "0"})
    numbers = pd.to_numeric(texts, errors="coerce").to_numpy(dtype=np.float64)
    _no_bad_cells(name, rule, texts, np.isnan(numbers), codes)
    return freeze(np.array(numbers)[codes])


def _dates(name: str, rule: ColumnRule, values: pa.ChunkedArray) -> NDArray[Any]:
    unit = _UNITS[rule.kind]
    kind = values.type
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        moments = values.cast(pa.timestamp("us", tz=getattr(kind, "tz", None)), safe=False).to_numpy()
    elif pa.types.is_string(kind) or pa.types.is_large_string(kind):
        texts, codes = _distinct(values)
        iso = texts.str.match(r"^\d{4}-\d{2}-\d{2}([T ][\d:.]+(Z|[+-]\d{2}:?\d{2})?)?$")
        parsed = pd.to_datetime(texts.where(iso), format="ISO8601", errors="coerce", utc=True)
        _no_bad_cells(name, rule, texts, parsed.isna().to_numpy(), codes)
        moments = parsed.dt.tz_localize(None).to_numpy()[codes]
    elif pa.types.is_null(kind):
        moments = np.full(len(values), np.datetime64("NaT", "D"), dtype="datetime64[us]")
    else:
        message = f"holds {kind} where {_words(rule)} is expected"
        raise TableError([Fault(table=name, column=rule.name, message=message)])
    result = moments.astype(f"datetime64[{unit}]")
    late = (result != moments) & ~np.isnat(moments)
    if unit == "D" and late.any():
        at = int(np.argmax(late))
        message = f"{moments[at].astype('datetime64[s]')} has a time of day; write the date alone, 2024-12-31"
        raise TableError([Fault(table=name, column=rule.name, row=at + 1, message=message, count=int(late.sum()))])
    return freeze(np.ascontiguousarray(result))


def _distinct(values: pa.ChunkedArray) -> tuple[pd.Series[str], NDArray[np.int64]]:
    """Distinct texts without spaces around them, and the position of each row's text: far fewer texts to convert."""
    column = _text(values)
    return pd.Series(column.labels, dtype=object).str.strip(), column.codes.astype(np.int64)


def _no_bad_cells(
    name: str, rule: ColumnRule, texts: pd.Series[str], unread: NDArray[np.bool_], codes: NDArray[np.int64]
) -> None:
    bad = unread & ~texts.str.lower().isin(["", "nan", "na", "n/a", "#n/a", "null", "none", "nat"]).to_numpy()
    if bad.any():
        rows = bad[codes]
        at = int(np.argmax(rows))
        got = texts.iloc[codes[at]]
        message = f"{got[:60]!r} is not {_words(rule)}{_remedy(rule, got)}"
        raise TableError([Fault(table=name, column=rule.name, row=at + 1, message=message, count=int(rows.sum()))])


def _words(rule: ColumnRule) -> str:
    words = {"number": "a number", "flag": "0 or 1", "date": "an ISO date", "time": "an ISO time", "text": "text"}
    return words[rule.kind]


def _remedy(rule: ColumnRule, got: str) -> str:
    if rule.kind in _UNITS:
        return "; write dates as 2024-12-31" + (" 23:59:00" if rule.kind == "time" else "")
    if re.fullmatch(r"[-+]?[\d.]*,\d+", got):
        return "; write decimal points, not commas, and no thousands separators"
    return ""
