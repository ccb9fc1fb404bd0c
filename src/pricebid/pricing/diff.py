"""What differs between two tables of prices."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pricebid.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

_VALUES = ("price", "units", "profit")


def diff_frames(after: pd.DataFrame, before: pd.DataFrame, *, keys: tuple[str, ...]) -> pd.DataFrame:
    """Return the rows whose price differs, the largest relative change first; see :meth:`PricePlan.diff`.

    Raises
    ------
    InputError
        The earlier table lacks a key or a column, or has two rows for one offer.
    """
    lacking = [name for name in (*keys, *_VALUES) if name not in before.columns]
    if lacking:
        raise InputError(f"the earlier prices lack {', '.join(lacking)}: give a table that `pricebid price` wrote")
    if before.duplicated(list(keys)).any():
        raise InputError(f"the earlier prices have two rows for the same {', '.join(keys)}")
    old = before[[*keys, *_VALUES]].copy()
    for name in keys:
        old[name] = old[name].astype(after[name].dtype).astype(str)
    new = after[[*keys, *_VALUES, "reason"]].copy()
    for name in keys:
        new[name] = new[name].astype(str)
    both = new.merge(old, on=list(keys), how="outer", suffixes=("", "_before"))
    both = both.rename(
        columns={"price_before": "previous_price", "units_before": "previous_units", "profit_before": "previous_profit"}
    )
    both["change"] = both["price"] / both["previous_price"] - 1.0
    same = np.isclose(both["price"].to_numpy(), both["previous_price"].to_numpy(), rtol=0.0, atol=1e-9)
    both = both[~same]
    order = both["change"].abs().fillna(np.inf).sort_values(ascending=False, kind="stable").index
    columns = [
        *keys,
        "previous_price",
        "price",
        "change",
        "previous_units",
        "units",
        "previous_profit",
        "profit",
        "reason",
    ]
    changed: pd.DataFrame = both.loc[order, columns].reset_index(drop=True)
    return changed
