"""A folder of files, or a set of DataFrames, to typed tables; pandas and pyarrow are loaded with this module."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pricebid.errors import Fault, TableError
from pricebid.policy import nearest
from pricebid.tables.convert import from_arrow, from_frame
from pricebid.tables.files import find_tables, read_file
from pricebid.tables.schema import SCHEMAS
from pricebid.tables.settings import FILE, Settings, read_settings
from pricebid.tables.shop import Report

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    import pandas as pd
    import pyarrow as pa

    from pricebid.tables.table import Table


def read_folder(folder: Path) -> tuple[tuple[Table, ...], Report, Settings]:
    """Read every table of a folder that can be read, and its settings; what is wrong comes back in the report.

    Raises
    ------
    TableError
        The folder itself cannot be read.
    """
    files = find_tables(folder)
    found = Report(faults=files.faults, notices=files.notices)
    settings = Settings()
    try:
        if (folder / FILE).exists():
            settings = read_settings(folder / FILE)
    except TableError as error:
        found += Report(faults=error.faults)
    tables = []
    for name, path in files.paths:
        table, report = _typed(name, lambda name=name, path=path: read_file(name, path))  # type: ignore[misc]
        found += report
        tables += [] if table is None else [table]
    return tuple(tables), found, settings


def read_frames(frames: Mapping[str, pd.DataFrame]) -> tuple[tuple[Table, ...], Report]:
    """Type every DataFrame; what is wrong comes back in the report."""
    names = [one.name for one in SCHEMAS]
    found = Report()
    tables = []
    for name, frame in frames.items():
        if name not in names:
            message = f"no such table{nearest(name, names)}; tables are {', '.join(names)}"
            found += Report(faults=(Fault(table=str(name), message=message),))
            continue
        table, report = _typed(name, lambda name=name, frame=frame: from_frame(name, frame))  # type: ignore[misc]
        found += report
        tables += [] if table is None else [table]
    return tuple(tables), found


def _typed(name: str, load: Callable[[], pa.Table]) -> tuple[Table | None, Report]:
    try:
        table, faults, notices = from_arrow(name, load())
    except TableError as error:
        return None, Report(faults=error.faults)
    return table, Report(faults=faults, notices=notices)
