"""Files to Arrow tables: finds the file of each table and reads it, or says in one sentence why it cannot be read."""

from __future__ import annotations

import csv
import gzip
import zlib
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.csv as pcsv
import pyarrow.parquet as pq

from pricebid.errors import Fault, TableError
from pricebid.policy import nearest
from pricebid.tables.schema import SCHEMAS, Schema, schema

if TYPE_CHECKING:
    from pathlib import Path

SUFFIXES = (".parquet", ".csv.gz", ".csv")
MAX_COLUMNS = 1_000
MAX_HEADER = 1_000_000  # bytes of a CSV's first line
MAX_FOOTER = 64_000_000  # bytes of a Parquet file's description of itself
MAX_UNPACKED = 16_000_000_000  # bytes that a .csv.gz may unpack to
_TYPES = {"text": pa.dictionary(pa.int32(), pa.string()), "date": pa.date32()}
_CHUNK = 1 << 24
_OTHER_FORMATS = (
    (b"\xff\xfe", "is UTF-16; save it as UTF-8"),
    (b"\xfe\xff", "is UTF-16; save it as UTF-8"),
    (b"PK\x03\x04", "is a spreadsheet, not CSV; export it as CSV in UTF-8"),
    (b"\xd0\xcf\x11\xe0", "is a spreadsheet, not CSV; export it as CSV in UTF-8"),
    (b"\x1f\x8b", "is gzip; name it .csv.gz"),
)


@dataclass(frozen=True, kw_only=True)
class Found:
    """The tables that a folder holds.

    Parameters
    ----------
    paths : tuple of (str, Path)
        Name and place of each table, in the order of the schemas.
    faults : tuple of Fault
        Tables given twice, and files that are folders.
    notices : tuple of str
        Files that belong to no table.
    """

    paths: tuple[tuple[str, Path], ...]
    faults: tuple[Fault, ...]
    notices: tuple[str, ...]


def find_tables(folder: Path) -> Found:
    """List the tables in a shop folder.

    Raises
    ------
    TableError
        The folder is not there, or is not a folder.
    """
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        reason = "is not there" if isinstance(error, FileNotFoundError) else f"cannot be opened ({error.strerror})"
        message = f"{reason}; a shop is a folder of tables such as sales.csv"
        raise TableError([Fault(table=_short(folder), message=message)]) from None
    except ValueError as error:
        raise TableError([Fault(table=_short(folder), message=f"is no path ({error})")]) from None
    names = [one.name for one in SCHEMAS]
    places: dict[str, list[Path]] = defaultdict(list)
    notices = []
    for entry in entries:
        stem = next((entry.name.removesuffix(end) for end in SUFFIXES if entry.name.endswith(end)), None)
        name = entry.name if stem is None and entry.is_dir() else stem
        if name in names:
            places[name].append(entry)
        elif stem is not None:
            notices.append(f"{entry.name} belongs to no table and is not read{nearest(stem, names)}")
    faults = [
        Fault(table=name, message=f"is there {len(found)} times ({', '.join(one.name for one in found)}); keep one")
        for name, found in places.items()
        if len(found) > 1
    ]
    paths = tuple((name, places[name][0]) for name in names if len(places.get(name, ())) == 1)
    return Found(paths=paths, faults=tuple(faults), notices=tuple(notices))


def read_file(name: str, path: Path) -> pa.Table:
    """Read one table as Arrow columns, types as far as the file tells them.

    Raises
    ------
    TableError
        The file cannot be read as a table at all.
    """
    try:
        if path.is_dir():
            return _read_parts(name, path)
        if not path.is_file():
            raise _refused(name, f"{path.name} is no file (a broken link, or a device)")
        if path.name.endswith(".parquet"):
            return _read_parquet(name, path)
        return read_csv(name, _unpacked(name, path))
    except OSError as error:
        raise _refused(name, f"cannot be opened ({error.strerror or error})") from None
    except MemoryError:
        raise _refused(name, "does not fit into memory") from None


def read_csv(name: str, buffer: pa.Buffer) -> pa.Table:
    """Read CSV bytes: known columns typed, others as Arrow guesses; all as text where a known column does not convert.

    Raises
    ------
    TableError
        The bytes are no comma-separated UTF-8 table.
    """
    rules = schema(name)
    columns = _header(name, buffer)
    parse = pcsv.ParseOptions(newlines_in_values=_quotes(buffer))
    body = buffer.slice(3) if buffer.slice(0, min(3, buffer.size)).to_pybytes() == b"\xef\xbb\xbf" else buffer
    try:
        return pcsv.read_csv(pa.BufferReader(body), parse_options=parse, convert_options=_typed(rules, columns))
    except pa.ArrowInvalid:
        pass  # some cell is not of its column's type: read everything as text, so that all such cells can be named
    try:
        return pcsv.read_csv(pa.BufferReader(body), parse_options=parse, convert_options=_as_text(columns))
    except pa.ArrowInvalid as error:
        if "Empty CSV" in str(error):  # a header line without an end
            return pa.table({column: pa.array([], pa.string()) for column in columns})
        raise TableError(_explained(name, body, str(error))) from None


def _typed(rules: Schema, columns: list[str]) -> pcsv.ConvertOptions:
    types = {}
    for column in columns:
        rule = rules.rule(column)
        if rule is not None and rule.kind != "time":
            types[column] = _TYPES.get(rule.kind, pa.float64())
    return pcsv.ConvertOptions(column_types=types, strings_can_be_null=False)


def _as_text(columns: list[str]) -> pcsv.ConvertOptions:
    return pcsv.ConvertOptions(column_types=dict.fromkeys(columns, pa.string()), strings_can_be_null=False)


def _header(name: str, buffer: pa.Buffer) -> list[str]:
    if buffer.size == 0:
        raise _refused(name, "is empty (0 bytes); it needs a header line and rows")
    head = buffer.slice(0, min(buffer.size, MAX_HEADER)).to_pybytes()
    for magic, message in _OTHER_FORMATS:
        if head.startswith(magic):
            raise _refused(name, message)
    if _has_nul(buffer):
        raise _refused(name, "holds NUL bytes; it is no text (or UTF-16): save it as CSV in UTF-8")
    line, newline, _ = head.removeprefix(b"\xef\xbb\xbf").replace(b"\r", b"\n").lstrip(b"\n").partition(b"\n")
    if not line.strip():
        raise _refused(name, "holds blank lines only; it needs a header line and rows")
    if not newline and len(head) == MAX_HEADER:
        raise _refused(name, f"its first line is longer than {MAX_HEADER:,} bytes; it is not one of the tables")
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _refused(name, f"its header is not UTF-8 ({error.reason}); save it as UTF-8") from None
    for mark, words in ((";", "semicolons"), ("\t", "tabs")):
        if mark in text and "," not in text:
            message = f"is separated by {words}; save it separated by commas, with decimal points and ISO dates"
            raise _refused(name, message)
    return _checked_names(name, next(csv.reader([text]), []))


def _checked_names(name: str, columns: list[str]) -> list[str]:
    if len(columns) > MAX_COLUMNS:
        raise _refused(name, f"has {len(columns):,} columns; at most {MAX_COLUMNS:,} are read")
    twice = sorted({column for column in columns if columns.count(column) > 1})
    if twice:
        raise TableError(
            [Fault(table=name, column=column[:80], message="is there twice; keep one") for column in twice]
        )
    return columns


def _quotes(buffer: pa.Buffer) -> bool:
    """Tell whether the text quotes anything; only then may a value hold a line break (reading that costs time)."""
    view = memoryview(buffer)
    return any(b'"' in bytes(view[at : at + _CHUNK]) for at in range(0, len(view), _CHUNK))


def _has_nul(buffer: pa.Buffer) -> bool:
    view = memoryview(buffer)
    return any(b"\0" in bytes(view[at : at + _CHUNK]) for at in range(0, len(view), _CHUNK))


def _explained(name: str, body: pa.Buffer, error: str) -> list[Fault]:
    if "UTF8" in error or "UTF-8" in error:
        return [Fault(table=name, message="is not UTF-8 (perhaps Latin-1 or Windows-1252); save it as UTF-8")]
    ragged: list[tuple[int | None, int, int]] = []

    def skip(row: pcsv.InvalidRow) -> str:
        ragged.append((row.number, row.expected_columns, row.actual_columns))
        return "skip"

    try:
        pcsv.read_csv(
            pa.BufferReader(body),
            read_options=pcsv.ReadOptions(use_threads=False),
            parse_options=pcsv.ParseOptions(newlines_in_values=True, invalid_row_handler=skip),
        )
    except pa.ArrowInvalid as worse:
        if not ragged:
            return [Fault(table=name, message=f"cannot be read as CSV ({_plain(worse)})")]
    if not ragged:
        return [Fault(table=name, message=f"cannot be read as CSV ({_plain(error)})")]
    number, expected, actual = ragged[0]
    row = None if number is None else number - 1
    message = (
        f"has {actual} values where the header has {expected} columns (a decimal comma, or a comma without quotes?)"
    )
    return [Fault(table=name, row=row, message=message, count=len(ragged))]


def _unpacked(name: str, path: Path) -> pa.Buffer:
    if not path.name.endswith(".gz"):
        if path.stat().st_size == 0:
            return pa.py_buffer(b"")
        with pa.memory_map(str(path)) as mapped:
            return mapped.read_buffer()
    pieces = []
    size = 0
    try:
        with gzip.open(path, "rb") as stream:
            while piece := stream.read(_CHUNK):
                pieces.append(piece)
                size += len(piece)
                if size > MAX_UNPACKED:
                    raise _refused(name, f"unpacks to more than {MAX_UNPACKED:,} bytes; use Parquet parts")
    except EOFError:
        raise _refused(name, "is a gzip file cut off before its end; copy it again") from None
    except (gzip.BadGzipFile, zlib.error) as error:
        raise _refused(name, f"is no sound gzip file ({error}); copy it again") from None
    return pa.py_buffer(b"".join(pieces))


def _read_parts(name: str, path: Path) -> pa.Table:
    if path.name != name:
        raise _refused(name, f"{path.name} is a folder where a file should be")
    parts = sorted(one for one in path.iterdir() if one.name.endswith(".parquet"))
    if not parts:
        raise _refused(name, f"the folder {path.name}/ holds no .parquet part")
    tables = [_read_parquet(name, part) for part in parts]
    try:
        return pa.concat_tables(tables, promote_options="permissive")
    except pa.ArrowException as error:
        raise _refused(name, f"its parts differ in their columns ({_plain(error)})") from None


def _read_parquet(name: str, path: Path) -> pa.Table:
    size = path.stat().st_size
    with path.open("rb") as stream:
        start = stream.read(4)
        stream.seek(max(size - 8, 0))
        end = stream.read(8)
    if size == 0:
        raise _refused(name, f"{path.name} is empty (0 bytes)")
    if size < 12 or start != b"PAR1" or end[4:] != b"PAR1":
        raise _refused(name, f"{path.name} is no Parquet file, or is cut off; write it again")
    if int.from_bytes(end[:4], "little") > min(MAX_FOOTER, size):
        raise _refused(
            name, f"{path.name} describes itself in more than {MAX_FOOTER:,} bytes; it is damaged or far too wide"
        )
    try:
        columns = pq.read_schema(path).names
        _checked_names(name, columns)
        return pq.read_table(path, partitioning=None)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise _refused(name, f"{path.name} cannot be read as Parquet ({_plain(error)})") from None


def _refused(name: str, message: str) -> TableError:
    return TableError([Fault(table=name, message=message)])


def _plain(error: object) -> str:
    return " ".join(str(error).split())[:200]


def _short(path: Path) -> str:
    text = str(path)
    return text if len(text) <= 200 else f"{text[:100]}...{text[-80:]}"
