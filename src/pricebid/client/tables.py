"""Tables as they are sent: a file, bytes, or a DataFrame."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from pricebid.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

CSV, PARQUET, JSON = "text/csv", "application/vnd.apache.parquet", "application/json"
_BY_NAME = {".csv": CSV, ".parquet": PARQUET, ".json": JSON}
_MAGIC, _GZIP = b"PAR1", b"\x1f\x8b"


@dataclass(frozen=True, kw_only=True)
class Content:
    """A table's bytes with the headers that tell what they are."""

    data: bytes
    headers: dict[str, str]


def content_of(table: pd.DataFrame | Path | str | bytes) -> Content:
    """Give what is sent for a table.

    Parameters
    ----------
    table : DataFrame, path or bytes
        A frame is sent as Parquet without its index. A file is told by its name: ``.csv``, ``.csv.gz``, ``.parquet``,
        ``.json`` (rows). Bytes are told by how they begin.

    Raises
    ------
    InputError
        There is no such file, or it is of another kind.
    """
    if isinstance(table, bytes):
        return _named(table, _guess(table))
    if isinstance(table, (str, Path)):
        return _from_file(Path(table))
    sink = BytesIO()
    table.to_parquet(sink, index=False)
    return _named(sink.getvalue(), PARQUET)


def _from_file(file: Path) -> Content:
    name = file.name.lower().removesuffix(".gz")
    kind = _BY_NAME.get(Path(name).suffix)
    if kind is None or (file.suffix.lower() == ".gz" and kind != CSV):
        raise InputError(f"{file}: a table is a file named .csv, .csv.gz, .parquet or .json")
    try:
        return _named(file.read_bytes(), kind)
    except OSError as error:
        raise InputError(f"{file}: cannot be read: {error.strerror}") from None


def _guess(data: bytes) -> str:
    if data.startswith(_MAGIC):
        return PARQUET
    return JSON if data.lstrip()[:1] == b"[" else CSV


def _named(data: bytes, kind: str) -> Content:
    packed = {"Content-Encoding": "gzip"} if kind == CSV and data.startswith(_GZIP) else {}
    return Content(data=data, headers={"Content-Type": kind, **packed})
