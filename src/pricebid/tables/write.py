"""Results written whole or not at all.

All files of one result go into a new folder beside the target, are flushed to the disk, and the two folders then change
places in one step (``renameat2`` with ``RENAME_EXCHANGE``, Linux). Whoever looks sees the old results or the new ones,
whenever the process is killed. Files of the target that the result does not replace are kept (as hard links to the same data).

Where the target cannot change places - another system, a mount point, folders inside it - each file is renamed on its own,
``plan.json`` last: every file is whole, and ``plan.json`` is never newer than what it speaks of.
"""

from __future__ import annotations

import ctypes
import errno
import glob
import os
import shutil
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from uuid import uuid4

from pricebid.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import pandas as pd

LAST = "plan.json"
_STAGING = ".pricebid-"
_AT_FDCWD = -100
_EXCHANGE = 2
_LEFT_SECONDS = 24 * 3600


def write_results(
    folder: str | Path,
    frames: Mapping[str, pd.DataFrame],
    *,
    documents: Mapping[str, str | bytes] | None = None,
    file_format: Literal["csv", "parquet"] = "csv",
) -> tuple[Path, ...]:
    """Write tables and documents of one result into a folder, all or none of them.

    Parameters
    ----------
    folder : path
        Made where it is not there; its other files stay.
    frames : mapping of name to DataFrame
        Written as ``NAME.csv`` and, with ``file_format="parquet"``, also as ``NAME.parquet``.
    documents : mapping of file name to text or bytes
        Such as ``plan.json``.
    file_format : {"csv", "parquet"}
        CSV only, or both.

    Returns
    -------
    tuple of Path
        The files, where they now are.

    Raises
    ------
    InputError
        The folder cannot be written to.
    """
    writers: dict[str, Callable[[Path], None]] = {}
    for name, frame in frames.items():
        writers[f"{name}.csv"] = lambda path, frame=frame: _write_csv(frame, path)  # type: ignore[misc]
        if file_format == "parquet":
            writers[f"{name}.parquet"] = lambda path, frame=frame: _write_parquet(frame, path)  # type: ignore[misc]
    for name, content in (documents or {}).items():
        raw = content.encode() if isinstance(content, str) else content
        writers[name] = lambda path, raw=raw: _write_bytes(raw, path)  # type: ignore[misc]
    target = Path(folder)
    stale = [f"{name}.parquet" for name in frames] if file_format == "csv" else []
    try:
        return write_files(target, writers, drop=stale)
    except OSError as error:
        raise InputError(
            f"cannot write to {target}: {error.strerror or error}; name another folder with --out"
        ) from None


def write_files(
    folder: Path, writers: Mapping[str, Callable[[Path], None]], *, drop: Sequence[str] = ()
) -> tuple[Path, ...]:
    """Write files into a folder, all or none of them.

    Parameters
    ----------
    folder : Path
        Made where it is not there.
    writers : mapping of file name to callable
        Each writes its file at the path it is given.
    drop : sequence of str
        Files of an earlier result that the new one has no counterpart of; removed with it.

    Returns
    -------
    tuple of Path
        The files, where they now are.

    Raises
    ------
    OSError
        The disk is full, or the folder cannot be written to; the target is as before.
    """
    folder = Path(os.path.abspath(folder))  # noqa: PTH100 - a link is kept as a link
    target = folder.resolve()
    target.parent.mkdir(parents=True, exist_ok=True)
    _sweep(target)
    staging = target.with_name(f"{_STAGING}{target.name}-{uuid4().hex}")
    staging.mkdir()
    try:
        for name, write in writers.items():
            write(staging / name)
            _flush(staging / name)
        _publish(staging, target, tuple(writers), drop)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return tuple(folder / name for name in writers)


def _publish(staging: Path, target: Path, names: tuple[str, ...], drop: Sequence[str]) -> None:
    if not target.exists():
        try:
            _flush(staging)
            staging.rename(target)
            _flush(target.parent)
        except OSError as error:
            if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
                raise
        else:
            return
    if _keeps(staging, target, drop) and _exchange(staging, target):
        _flush(target.parent)
        return
    for name in sorted(names, key=lambda name: name == LAST):
        (staging / name).replace(target / name)
    for name in drop:
        (target / name).unlink(missing_ok=True)
    _flush(target)


def _keeps(staging: Path, target: Path, drop: Sequence[str]) -> bool:
    """Link the target's other files into the staging folder; False where something cannot be linked."""
    if not target.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, "is a file, not a folder")
    linked: list[str] = []
    for entry in target.iterdir():
        if entry.name in drop or (staging / entry.name).exists():
            continue
        try:
            if entry.is_symlink() or not entry.is_file():
                raise OSError  # noqa: TRY301 - folders and links are not moved
            os.link(entry, staging / entry.name)
        except OSError:
            for name in linked:
                (staging / name).unlink()
            return False
        linked.append(entry.name)
    _flush(staging)
    return True


def _exchange(one: Path, other: Path) -> bool:
    """Let two folders change places in one step; False where the system cannot."""
    if not sys.platform.startswith("linux"):
        return False
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if rename is None:
        return False
    return bool(rename(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _EXCHANGE) == 0)


def _flush(path: Path) -> None:
    if path.is_dir() and os.name == "nt":
        return  # a folder cannot be opened there
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _sweep(target: Path) -> None:
    """Remove what killed writers of this folder left behind, once no writer can still be at it."""
    for left in target.parent.glob(f"{_STAGING}{glob.escape(target.name)}-*"):
        if time.time() - left.stat().st_mtime > _LEFT_SECONDS:
            shutil.rmtree(left, ignore_errors=True)


def _write_bytes(raw: bytes, path: Path) -> None:
    path.write_bytes(raw)


def _write_csv(frame: pd.DataFrame, path: Path) -> None:
    """Write CSV with quotes only where a text needs them: fast where none does, which is nearly always."""
    import pyarrow as pa
    import pyarrow.csv as pcsv

    table = _arrow(frame)
    with path.open("wb") as stream:
        try:
            header = pa.table({name: pa.array([name]) for name in table.column_names})
            bare = pcsv.WriteOptions(include_header=False, quoting_style="none")
            pcsv.write_csv(header, stream, bare)
            pcsv.write_csv(table, stream, bare)
        except pa.ArrowInvalid:
            stream.truncate(0)
            stream.seek(0)
            table.to_pandas(date_as_object=True).to_csv(stream, index=False)


def _write_parquet(frame: pd.DataFrame, path: Path) -> None:
    import pyarrow.parquet as pq

    pq.write_table(_arrow(frame), path, compression="zstd")


def _arrow(frame: pd.DataFrame):  # type: ignore[no-untyped-def]  # noqa: ANN202 - pyarrow has no types
    """Turn a frame into Arrow: midnight timestamps become dates, as everywhere in the tables."""
    import pyarrow as pa

    table = pa.Table.from_pandas(frame, preserve_index=False)
    for at, column in enumerate(table.schema):
        if pa.types.is_timestamp(column.type):
            days = table.column(at).cast(pa.date32(), safe=False)
            if days.cast(column.type).equals(table.column(at)):
                table = table.set_column(at, column.name, days)
    return table.replace_schema_metadata(None)
