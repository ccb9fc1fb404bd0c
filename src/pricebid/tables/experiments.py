"""The table ``experiments`` as frozen arrays, and what the shop tells of stock and budgets that the arms share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pricebid.errors import Fault, InputError, TableError
from pricebid.policy import nearest
from pricebid.tables.table import freeze

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from pricebid.tables.table import Table, Text

SPENT = 0.95  # a day's budget counts as used up from this share on


@dataclass(frozen=True, kw_only=True, eq=False)
class ExperimentRows:
    """The rows of one experiment.

    Parameters
    ----------
    name : str
        The experiment.
    units, variants : object[unit], object[variant]
        Labels, sorted.
    unit, variant : int64[row]
        Positions in them.
    outcome : float64[row]
        What came of it.
    denominator : float64[row], optional
        What a ratio metric is per (visits, orders); None where the table lacks the column: each row counts 1.
    covariate : float64[row], optional
        Known before the experiment; NaN where a cell is empty.
    time : datetime64[s][row], optional
        When it was.
    propensity : float64[row], optional
        Probability with which the row's unit got its variant, above 0.
    block : int64[row], optional
        Switchback: number of the stretch of time in which the unit could not switch.
    burn_in : bool[row], optional
        Switchback: the variant before may still act.
    """

    name: str
    units: NDArray[np.object_]
    variants: NDArray[np.object_]
    unit: NDArray[np.int64]
    variant: NDArray[np.int64]
    outcome: NDArray[np.float64]
    denominator: NDArray[np.float64] | None = None
    covariate: NDArray[np.float64] | None = None
    time: NDArray[np.datetime64] | None = None
    propensity: NDArray[np.float64] | None = None
    block: NDArray[np.int64] | None = None
    burn_in: NDArray[np.bool_] | None = None

    def __len__(self) -> int:
        return len(self.unit)


@dataclass(frozen=True, kw_only=True)
class SharedSupply:
    """What the arms of an experiment draw on together, as far as the shop says.

    Parameters
    ----------
    stocked : int
        Skus whose stock is limited and not split by unit; 0 where there are none.
    stock_bound : float
        Share of the sales rows in the time of the experiment that sold all there was; NaN where it is not known.
    budgets : int
        Campaigns with a daily budget that more than one unit spends from.
    budget_bound : float
        Share of their days in that time on which the budget was used up; NaN where it is not known.
    """

    stocked: int = 0
    stock_bound: float = np.nan
    budgets: int = 0
    budget_bound: float = np.nan


def experiment_rows(table: Table, name: str | None = None) -> ExperimentRows:
    """Return the rows of one experiment.

    Parameters
    ----------
    table : Table
        ``experiments``, checked.
    name : str, optional
        Which; may be left out where the table holds one.

    Raises
    ------
    InputError
        The table holds several and none is named, or none of that name.
    TableError
        With every fault: cells of ``time``, ``propensity`` or ``denominator`` that are empty while others are not, a
        propensity of 0, a single variant.
    """
    text = table.text("experiment")
    names = text.labels.tolist()
    if name is None and len(names) > 1:
        raise InputError(f"experiments holds {len(names):,} experiments ({', '.join(names[:8])}): name one")
    asked = names[0] if name is None else name
    if asked not in names:
        raise InputError(
            f"experiments has no experiment {asked!r}{nearest(asked, names)}; it has {', '.join(names[:8])}"
        )
    keep = np.flatnonzero(text.codes == names.index(asked))
    faults = list(_faults(table, keep, asked))
    if faults:
        raise TableError(faults)
    units, unit = _coded(table.text("unit"), keep)
    variants, variant = _coded(table.text("variant"), keep)

    def numbers(column: str) -> NDArray[np.float64] | None:
        values = table.numbers(column)[keep]
        return None if np.isnan(values).all() else freeze(values)

    return ExperimentRows(
        name=asked,
        units=freeze(units),
        variants=freeze(variants),
        unit=freeze(unit),
        variant=freeze(variant),
        outcome=freeze(table.numbers("outcome")[keep]),
        denominator=numbers("denominator"),
        covariate=numbers("covariate"),
        time=_times(table, keep),
        propensity=numbers("propensity"),
        block=None if (block := numbers("block")) is None else freeze(block.astype(np.int64)),
        burn_in=None if (burn_in := numbers("burn_in")) is None else freeze(burn_in > 0),
    )


def shared_supply(tables: dict[str, Table], rows: ExperimentRows) -> SharedSupply:
    """Look for stock and budgets that several units of an experiment draw on, and how often they ran out meanwhile.

    Stock is not shared where each unit is a sku, or a region with a stock of its own; a budget is not shared where each
    unit is a campaign.
    """
    start, end = (None, None) if rows.time is None else (rows.time.min(), rows.time.max())
    stocked, bound = _stock(tables, rows, start, end)
    budgets, spent = _budgets(tables, rows, start, end)
    return SharedSupply(stocked=stocked, stock_bound=bound, budgets=budgets, budget_bound=spent)


def _faults(table: Table, keep: NDArray[np.int64], name: str) -> Iterator[Fault]:
    for column in ("time", "propensity", "denominator", "block", "burn_in"):
        if not table.has(column):
            continue
        values = table.array(column)[keep]
        empty = np.isnat(values) if column == "time" else np.isnan(values)
        if empty.any() and not empty.all():
            message = f"is empty while other rows of {name} have it; fill it in all of them, or in none"
            yield _fault(column, keep[empty], message)
    never = table.numbers("propensity", empty=1.0)[keep] <= 0
    if never.any():
        yield _fault("propensity", keep[never], "0 must be above 0: a variant that was got had a chance")
    variants = np.unique(table.text("variant").codes[keep])
    if len(variants) < 2:
        only = table.text("variant").labels[variants[0]]
        yield Fault(
            table="experiments", column="variant", message=f"{name} has the variant {only!r} only; give two or more"
        )
    units = len(np.unique(table.text("unit").codes[keep]))
    if units < 2:
        yield Fault(
            table="experiments", column="unit", message=f"{name} has {units} unit; give at least two per variant"
        )


def _coded(text: Text, keep: NDArray[np.int64]) -> tuple[NDArray[np.object_], NDArray[np.int64]]:
    """Labels that some rows have, sorted, and each row's position in them."""
    codes, position = np.unique(text.codes[keep], return_inverse=True)
    return text.labels[codes], position.astype(np.int64)


def _fault(column: str, rows: NDArray[np.int64], message: str) -> Fault:
    return Fault(table="experiments", column=column, row=int(rows[0]) + 1, message=message, count=len(rows))


def _times(table: Table, keep: NDArray[np.int64]) -> NDArray[np.datetime64] | None:
    if not table.has("time"):
        return None
    times = table.array("time")[keep].astype("datetime64[s]")
    return None if np.isnat(times).all() else freeze(times)


def _meanwhile(table: Table, start: Any, end: Any) -> NDArray[np.bool_]:  # noqa: ANN401 - a moment, or None
    days = table.array("date").astype("datetime64[D]")
    if start is None:
        return np.ones(len(days), dtype=bool)
    inside: NDArray[np.bool_] = (days >= start.astype("datetime64[D]")) & (days <= end.astype("datetime64[D]"))
    return inside


def _stock(tables: dict[str, Table], rows: ExperimentRows, start: Any, end: Any) -> tuple[int, float]:  # noqa: ANN401
    found = [
        tables[name]
        for name, own in (("catalog", "sku"), ("offers", "region"), ("sales", "region"))
        if name in tables and tables[name].has("stock") and not _are(rows, tables[name], own)
    ]
    found = [one for one in found if not _are(rows, one, "sku")]
    stocked = {sku for one in found for sku in one.text("sku").rows[np.isfinite(one.numbers("stock"))].tolist()}
    sales = tables.get("sales")
    if not stocked or sales is None or not sales.has("stock"):
        return len(stocked), np.nan
    told = _meanwhile(sales, start, end) & np.isfinite(sales.numbers("stock"))
    if not told.any():
        return len(stocked), np.nan
    return len(stocked), float(np.mean(sales.numbers("units")[told] >= sales.numbers("stock")[told]))


def _budgets(tables: dict[str, Table], rows: ExperimentRows, start: Any, end: Any) -> tuple[int, float]:  # noqa: ANN401
    campaigns, keywords = tables.get("campaigns"), tables.get("keywords")
    if campaigns is None or not campaigns.has("daily_budget") or _are(rows, campaigns, "campaign"):
        return 0, np.nan
    limited = np.isfinite(campaigns.numbers("daily_budget"))
    if not limited.any() or keywords is None or not keywords.has("campaign"):
        return int(limited.sum()), np.nan
    budget = np.full(len(keywords.text("campaign").labels), np.nan)
    at = campaigns.text("campaign").code_in(keywords.text("campaign").labels)
    known = limited & (at >= 0)
    budget[at[known]] = campaigns.numbers("daily_budget")[known]
    told = _meanwhile(keywords, start, end) & np.isfinite(budget[keywords.text("campaign").codes])
    if not told.any():
        return int(limited.sum()), np.nan
    days = keywords.array("date")[told].astype("datetime64[D]").astype(np.int64)
    code = keywords.text("campaign").codes[told].astype(np.int64)
    cell, back = np.unique(code * 10**7 + days - days.min(), return_inverse=True)
    cost = np.bincount(back, weights=keywords.numbers("cost")[told])
    return int(limited.sum()), float(np.mean(cost >= SPENT * budget[cell // 10**7]))


def _are(rows: ExperimentRows, table: Table, column: str) -> bool:
    """Tell whether the units of the experiment are labels of a column."""
    return table.has(column) and bool(np.isin(rows.units, table.text(column).labels).all())
