"""One table as sent, checked as a whole: ceilings first, then types and ranges, then beside the shop's other tables.

Runs in a process of its own (see `heavy.py`): what bombs takes that process' memory and time, not the service's.
"""

from __future__ import annotations

import gzip
import hashlib
import hmac
import io
import zlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from pricebid.errors import Fault, TableError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import pyarrow as pa

    from pricebid.tables import Settings, Table

Kind = Literal["csv", "csv.gz", "parquet", "json"]
PERSONAL = {"touches": "customer", "orders": "customer"}
"""Columns that name a person, by table."""

_CHUNK = 1 << 20
_MOST_CELLS = 500_000_000
_CONTROL = frozenset(map(chr, [*range(0x20), *range(0x7F, 0xA0)]))
_Rows = list[dict[str, str | int | float | bool | None]]


@dataclass(frozen=True, kw_only=True)
class Ceilings:
    """How much a table may hold, whatever it says of itself.

    Parameters
    ----------
    unpacked : int
        Bytes.
    rows : int
        Rows.
    """

    unpacked: int
    rows: int


@dataclass(frozen=True, kw_only=True)
class Checked:
    """A table that holds.

    Parameters
    ----------
    data : bytes
        As Parquet, typed, persons replaced by pseudonyms.
    rows : int
        How many.
    digest : str
        SHA-256 of ``data``, hexadecimal.
    notices, warnings : tuple of str
        What is not read, and what is odd but usable.
    """

    data: bytes
    rows: int
    digest: str
    notices: tuple[str, ...]
    warnings: tuple[str, ...]


def check_table(
    name: str,
    file: Path,
    kind: Kind,
    *,
    others: Mapping[str, bytes],
    settings: Settings,
    ceilings: Ceilings,
    secret: bytes,
) -> Checked:
    """Check a table by itself and beside the shop's other tables.

    Parameters
    ----------
    name : str
        The table.
    file : Path
        What was sent, on disk.
    kind : {"csv", "csv.gz", "parquet", "json"}
        What it is said to be.
    others : mapping of table name to bytes
        The shop's other tables, as this function gave them. Rules across tables that need one which is not there yet
        are checked when that one comes.
    settings : Settings
        The shop's.
    ceilings : Ceilings
        How much it may hold.
    secret : bytes
        Key of the pseudonyms.

    Raises
    ------
    TableError
        With every fault of this table, and every contradiction with the others.
    """
    from pricebid.tables import Shop
    from pricebid.tables.convert import from_arrow
    from pricebid.tables.shop import Report

    arrow = _read(name, file, kind, ceilings)
    table, faults, notices = from_arrow(name, arrow)
    faults = (*faults, *(() if table is None else _control_faults(table)))
    tables = () if table is None else (table,)
    rest = tuple(table_of(other, data) for other, data in others.items() if other != name)
    shop = Shop(tables=(*tables, *rest), settings=settings, found=Report(faults=faults, notices=notices))
    if table is None:
        raise TableError([Fault(table=name, message="has no column that could be read")])
    kept = _without_names(table, secret)
    data = parquet_of(kept)
    warnings = tuple(str(fault) for fault in shop.warnings if fault.table == name)
    digest = hashlib.sha256(data).hexdigest()
    return Checked(data=data, rows=len(kept), digest=digest, notices=notices, warnings=warnings)


def check_without(others: Mapping[str, bytes], settings: Settings) -> None:
    """Check the tables that stay when another one goes.

    Raises
    ------
    TableError
        With every contradiction between them.
    """
    from pricebid.tables import Shop

    Shop(tables=tuple(table_of(name, data) for name, data in others.items()), settings=settings)


def table_of(name: str, data: bytes) -> Table:
    """Give a stored table back, typed.

    Raises
    ------
    TableError
        The bytes are damaged, or of a schema that this version does not read.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    from pricebid.tables.convert import from_arrow

    try:
        arrow = pq.read_table(pa.BufferReader(data))
    except (pa.ArrowException, OSError) as error:
        raise TableError([Fault(table=name, message=f"is damaged in the store ({error})")]) from None
    table, faults, _ = from_arrow(name, arrow)
    if faults or table is None:
        raise TableError(faults or [Fault(table=name, message="has no columns in the store")])
    return table


def parquet_of(table: Table) -> bytes:
    """Give a typed table as Parquet."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from pricebid.tables import Text

    columns: dict[str, Any] = {}
    for name, column in zip(table.columns, table.data, strict=True):
        if isinstance(column, Text):
            labels = pa.array([str(label) for label in column.labels], pa.string())
            columns[name] = pa.DictionaryArray.from_arrays(pa.array(column.codes), labels)
        else:
            columns[name] = pa.array(column)
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink, compression="zstd")
    return sink.getvalue()


def pseudonym(customer: str, secret: bytes) -> str:
    """Give what stands for a customer: a keyed hash, which nobody without the key can try names against."""
    return "c" + hmac.digest(secret, customer.encode(), "sha256").hex()[:32]


def without_customer(name: str, data: bytes, customer: str, secret: bytes) -> tuple[bytes | None, int, int]:
    """Give a stored table without one customer's rows, how many are left and how many went; None where nothing is left."""
    import numpy as np

    from pricebid.tables import Text

    table = table_of(name, data)
    gone = table.text(PERSONAL[name]).rows == pseudonym(customer, secret)
    stay = np.flatnonzero(~gone)
    columns = tuple(Text.of(column.rows[stay]) if isinstance(column, Text) else column[stay] for column in table.data)
    left = replace(table, data=columns)
    return (parquet_of(left) if len(left) else None), len(left), int(gone.sum())


def _without_names(table: Table, secret: bytes) -> Table:
    from pricebid.tables import Text

    column = PERSONAL.get(table.name)
    if column is None or not table.has(column):
        return table
    text = table.text(column)
    import numpy as np

    hashed = np.array([pseudonym(str(label), secret) for label in text.labels], dtype=object)
    return table.replace(column, Text.of(hashed[text.codes]))


def _control_faults(table: Table) -> list[Fault]:
    from pricebid.tables import Text

    faults = [
        Fault(table=table.name, column=repr(name)[:80], message="the name holds control characters; rename the column")
        for name in table.columns
        if not _CONTROL.isdisjoint(name)
    ]
    for name, column in zip(table.columns, table.data, strict=True):
        if not isinstance(column, Text):
            continue
        bad = [not _CONTROL.isdisjoint(str(label)) for label in column.labels]
        if any(bad):
            import numpy as np

            rows = np.array(bad, dtype=bool)[column.codes]
            message = "holds a control character, such as a line break or NUL; take it out"
            at = int(np.argmax(rows)) + 1
            faults.append(Fault(table=table.name, column=name, row=at, message=message, count=int(rows.sum())))
    return faults


def _read(name: str, file: Path, kind: Kind, ceilings: Ceilings) -> pa.Table:
    from pricebid.tables.files import read_file

    if kind == "json":
        return _read_json(name, file, ceilings)
    if kind == "csv.gz":
        file = _unpack(name, file, ceilings)
    if kind == "parquet":
        _weigh(name, file, ceilings)
    named = file.with_name(f"{name}.{'parquet' if kind == 'parquet' else 'csv'}")
    file.rename(named)
    try:
        arrow = read_file(name, named)
    finally:
        named.rename(file)  # it is read again where other tables were loaded during the check
    if arrow.num_rows > ceilings.rows:
        raise _refused(name, f"has {arrow.num_rows:,} rows; at most {ceilings.rows:,} are read")
    return arrow


def _unpack(name: str, file: Path, ceilings: Ceilings) -> Path:
    """Unpack piece by piece, and stop at the ceiling."""
    target = file.with_name("unpacked")
    size = 0
    try:
        with gzip.open(file, "rb") as packed, target.open("wb") as plain:
            while piece := packed.read(_CHUNK):
                size += len(piece)
                if size > ceilings.unpacked:
                    raise _refused(name, f"unpacks to more than {ceilings.unpacked:,} bytes; split it, or use Parquet")
                plain.write(piece)
    except EOFError:
        raise _refused(name, "is a gzip stream cut off before its end; send it again") from None
    except (gzip.BadGzipFile, zlib.error) as error:
        raise _refused(name, f"is no sound gzip stream ({error})") from None
    return target


def _weigh(name: str, file: Path, ceilings: Ceilings) -> None:
    """Refuse a Parquet file that says it is too large, or whose columns are no plain values, before reading any."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    size = file.stat().st_size
    with file.open("rb") as stream:
        stream.seek(max(size - 8, 0))
        end = stream.read(8)
    if size < 12 or end[4:] != b"PAR1" or int.from_bytes(end[:4], "little") > min(size, 16 * 2**20):
        raise _refused(name, "is no Parquet file, or is cut off, or describes itself in more than 16 MiB")
    try:
        meta = pq.read_metadata(file)
        nested = any(pa.types.is_nested(one.type) for one in meta.schema.to_arrow_schema())
    except (pa.ArrowException, OSError, ValueError) as error:
        raise _refused(name, f"cannot be read as Parquet ({' '.join(str(error).split())[:200]})") from None
    groups = [meta.row_group(at) for at in range(meta.num_row_groups)]
    unpacked = sum(group.total_byte_size for group in groups)
    rows = max(meta.num_rows, sum(group.num_rows for group in groups))
    if nested:
        raise _refused(name, "has a column of lists or structs; a column holds plain values")
    if rows > ceilings.rows or rows * meta.num_columns > _MOST_CELLS or min(rows, unpacked) < 0:
        raise _refused(name, f"has {rows:,} rows of {meta.num_columns} columns; at most {ceilings.rows:,} are read")
    if unpacked > ceilings.unpacked:
        raise _refused(name, f"unpacks to {unpacked:,} bytes; at most {ceilings.unpacked:,} are read")


def _read_json(name: str, file: Path, ceilings: Ceilings) -> pa.Table:
    """Read ``[{column: value}, ...]``: values are texts, numbers, true, false or null, nothing nested."""
    import pyarrow as pa

    try:
        rows = msgspec.json.decode(file.read_bytes(), type=_Rows, strict=True)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        message = f"is no JSON list of rows, such as [{{...}}, {{...}}], of plain values ({error})"
        raise _refused(name, message) from None
    if len(rows) > ceilings.rows:
        raise _refused(name, f"has {len(rows):,} rows; at most {ceilings.rows:,} are read")
    names = list(dict.fromkeys(key for row in rows for key in row))
    if len(names) > 1000 or len(names) * len(rows) > _MOST_CELLS:
        raise _refused(name, f"has {len(names):,} columns; at most 1,000 are read")
    columns = {}
    for column in names:
        values = [row.get(column) for row in rows]
        try:
            columns[column] = _array(values)
        except (pa.ArrowException, OverflowError, UnicodeEncodeError) as error:
            raise TableError([Fault(table=name, column=column[:80], message=f"cannot be read ({error})")]) from None
    return pa.table(columns)


def _array(values: list[Any]) -> pa.Array:
    import pyarrow as pa

    kinds = {type(value) for value in values} - {type(None)}
    if kinds <= {int, float}:
        return pa.array([None if value is None else float(value) for value in values], pa.float64())
    if kinds == {bool}:
        return pa.array([None if value is None else float(value) for value in values], pa.float64())
    return pa.array([None if value is None else str(value) for value in values], pa.string())


def _refused(name: str, message: str) -> TableError:
    return TableError([Fault(table=name, message=message)])
