"""Result tables of an earlier run, read back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pricebid.errors import InputError
from pricebid.tables.schema import KEYS

if TYPE_CHECKING:
    import pandas as pd


def read_result(folder: str | Path, name: str) -> pd.DataFrame:
    """Read a table that an earlier run wrote, its keys as text.

    Parameters
    ----------
    folder : path
        What was given as ``--out`` then.
    name : str
        The table, such as ``prices``.

    Raises
    ------
    InputError
        The folder has no such table, or it cannot be read.
    """
    import pandas as pd

    csv, parquet = Path(folder) / f"{name}.csv", Path(folder) / f"{name}.parquet"
    try:
        if csv.is_file():
            # A key may read "NA" or "007": only the other columns have empty cells and numbers.
            others = [column for column in pd.read_csv(csv, nrows=0).columns if column not in KEYS]
            empty = {column: [""] for column in others}
            return pd.read_csv(csv, dtype=dict.fromkeys(KEYS, str), keep_default_na=False, na_values=empty)
        if parquet.is_file():
            return pd.read_parquet(parquet)
    except (OSError, ValueError) as error:
        raise InputError(f"{folder}: {name} cannot be read as a table of results: {error}") from None
    raise InputError(f"{folder} holds no {name}.csv: give the --out folder of an earlier run")
