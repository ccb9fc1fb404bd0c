"""Result tables and documents of an earlier run, read back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pricebid.errors import InputError
from pricebid.tables.schema import KEYS

if TYPE_CHECKING:
    import pandas as pd


def read_result(folder: str | Path, name: str, *, texts: tuple[str, ...] = KEYS) -> pd.DataFrame:
    """Read a table that an earlier run wrote, its keys as text.

    Parameters
    ----------
    folder : path
        What was given as ``--out`` then.
    name : str
        The table, such as ``prices``.
    texts : tuple of str
        Columns that are text whatever they look like; an empty cell of them is ``""``.

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
            others = [column for column in pd.read_csv(csv, nrows=0).columns if column not in texts]
            empty = {column: [""] for column in others}
            # Every digit counts: the quick parser of pandas before 3.1 is a rounding off, and later ones have no other than an exact one.
            quick = tuple(int(part) for part in pd.__version__.split(".")[:2]) < (3, 1)
            return pd.read_csv(
                csv,
                dtype=dict.fromkeys(texts, str),
                keep_default_na=False,
                na_values=empty,
                float_precision="round_trip" if quick else None,
            )
        if parquet.is_file():
            return pd.read_parquet(parquet)
    except (OSError, ValueError) as error:
        raise InputError(f"{folder}: {name} cannot be read as a table of results: {error}") from None
    raise InputError(f"{folder} holds no {name}.csv: give the --out folder of an earlier run")


def read_document(folder: str | Path, name: str = "plan.json") -> dict[str, Any]:
    """Read a JSON document that an earlier run wrote.

    Parameters
    ----------
    folder : path
        What was given as ``--out`` then.
    name : str
        The file.

    Raises
    ------
    InputError
        The folder has no such file, or it is not one JSON object.
    """
    path = Path(folder) / name
    try:
        content = json.loads(path.read_text(encoding="utf8"))
    except FileNotFoundError:
        raise InputError(f"{folder} holds no {name}: give the --out folder of an earlier run") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read as JSON: {error}") from None
    if not isinstance(content, dict):
        raise InputError(f"{path} is not one JSON object: give the --out folder of an earlier run")
    return content
