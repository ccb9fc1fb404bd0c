"""Checks of the advertising tables: numbers of one row that contradict each other, dates, and names that others lack."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pricebid.errors import Fault
from pricebid.tables.check import row_key
from pricebid.tables.period import MAX_GAP_DAYS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from pricebid.tables.table import Table

ABOVE = 1.05  # a click that costs more than its bid by this factor is odd; less is rounding
_KEY = ("date", "hour", "keyword", "campaign", "match_type", "sku", "region", "segment", "device")
_TOUCH = ("customer", "time", "channel")


def ads_faults(tables: dict[str, Table]) -> Iterator[Fault]:
    """Yield what makes the advertising tables useless: hours or reports left empty, dates that cannot be."""
    keywords, campaigns = tables.get("keywords"), tables.get("campaigns")
    if keywords is not None:
        yield from _date_faults(keywords)
        if keywords.has("hour"):
            yield from _rows(keywords, "hour", np.isnan(keywords.numbers("hour")), "is empty; every row needs one")
        if keywords.has("reported"):
            reported = keywords.array("reported")
            yield from _rows(keywords, "reported", np.isnat(reported), "is empty; every row needs one")
            with np.errstate(invalid="ignore"):
                early = reported < keywords.array("date")
            yield from _rows(keywords, "reported", early, "is before the row's date; a day is reported when it is over")
    if campaigns is not None and campaigns.has("min_bid") and campaigns.has("max_bid"):
        bad = campaigns.numbers("min_bid") > campaigns.numbers("max_bid")
        yield from _rows(campaigns, "min_bid", bad, "is above max_bid; no bid is left")


def ads_warnings(tables: dict[str, Table]) -> Iterator[Fault]:
    """Yield what is odd but usable: impossible counts, prices above the bid, gaps, names that another table lacks."""
    if "touches" in tables:
        yield from _repeated_touches(tables["touches"])
    keywords = tables.get("keywords")
    if keywords is None:
        return
    yield from _count_warnings(keywords)
    yield from _money_warnings(keywords)
    dates = np.unique(keywords.array("date").astype("datetime64[D]"))
    gaps = np.flatnonzero(np.diff(dates).astype(np.int64) > 1)
    if len(gaps):
        missing = int(np.diff(dates).astype(np.int64)[gaps].sum()) - len(gaps)
        message = f"no row at all on {missing:,} days, the first {dates[gaps[0]] + 1}: taken as not reported"
        yield Fault(table="keywords", column="date", message=message)
    yield from _shrinking(keywords)
    yield from _strange_names(tables)


def ads_notices(tables: dict[str, Table]) -> Iterator[str]:
    """Yield one sentence per feature of bids that a missing table or column switches off."""
    keywords = tables.get("keywords")
    if keywords is None:
        return
    lost = {
        "campaign": "all keywords are one campaign",
        "match_type": "keywords are not told apart by match type",
        "hour": "no multipliers by hour",
        "reported": "conversions of recent days are complete only as far as the policy's conversion_delay tells",
    }
    yield from (f"keywords.{name} is not given: {what}" for name, what in lost.items() if not keywords.has(name))
    if not any(keywords.has(name) for name in ("region", "segment", "device")):
        yield "keywords has no region, segment or device: no adjustments by these"
    if not keywords.has("sku") and "catalog" in tables:
        yield "keywords.sku is not given: a conversion is worth its revenue times the campaign's margin"
    if "campaigns" not in tables:
        yield "campaigns is not given: no margins, budgets and bounds by campaign"
    if "candidates" not in tables:
        yield "candidates is not given: no new keywords are considered"


def _date_faults(keywords: Table) -> Iterator[Fault]:
    dates = keywords.array("date")
    distinct = np.unique(dates[~np.isnat(dates)]).astype("datetime64[D]")
    gaps = np.diff(distinct).astype(np.int64)
    if len(gaps) and gaps.max() > MAX_GAP_DAYS:
        at = int(np.argmax(gaps))
        message = (
            f"nothing lies between {distinct[at]} and {distinct[at + 1]}; one of them is mistyped, or the rows before the "
            "gap are too old to be of use: leave them out"
        )
        yield Fault(table="keywords", column="date", message=message)
    elif len(gaps) >= 2 and gaps.min() > 1 and np.median(gaps) >= 7:
        message = (
            f"its dates are mostly {int(np.median(gaps))} days apart; bids are planned per day: give the rows by day"
        )
        yield Fault(table="keywords", column="date", message=message)


def _count_warnings(keywords: Table) -> Iterator[Fault]:
    impressions, clicks = keywords.numbers("impressions"), keywords.numbers("clicks")
    conversions = keywords.numbers("conversions")
    yield from _rows(
        keywords, "clicks", clicks > impressions, "is above the row's impressions; both are used as they are"
    )
    lone = (conversions > 0) & (clicks == 0)
    message = "has conversions without a click; they should stand in the row of their click"
    yield from _rows(keywords, "conversions", lone, message)
    many = (conversions > clicks) & (clicks > 0)
    yield from _rows(keywords, "conversions", many, "is above the row's clicks")


def _money_warnings(keywords: Table) -> Iterator[Fault]:
    bid, cost, clicks = keywords.numbers("bid"), keywords.numbers("cost"), keywords.numbers("clicks")
    lone = (keywords.numbers("revenue") > 0) & (keywords.numbers("conversions") == 0)
    yield from _rows(keywords, "revenue", lone, "has revenue without a conversion")
    yield from _rows(keywords, "cost", (cost > 0) & (clicks == 0), "has a cost without a click; bids are per click")
    dear = (bid > 0) & (clicks > 0) & (cost > ABOVE * bid * clicks)
    yield from _rows(keywords, "cost", dear, "is above bid x clicks; the price of a click is taken to be the bid there")
    unknown = (bid == 0) & (keywords.numbers("impressions") > 0)
    message = "is 0 in a row with impressions: taken as not known; the row tells rates, not what a bid wins"
    yield from _rows(keywords, "bid", unknown, message)


def _shrinking(keywords: Table) -> Iterator[Fault]:
    if not keywords.has("reported"):
        return
    key = row_key(keywords, [name for name in _KEY if keywords.has(name)])
    order = np.lexsort((keywords.array("reported"), key))
    conversions = keywords.numbers("conversions")[order]
    fewer = np.zeros(len(keywords), dtype=bool)
    fewer[order[1:]] = (key[order][1:] == key[order][:-1]) & (conversions[1:] < conversions[:-1])
    yield from _rows(keywords, "conversions", fewer, "is below an earlier report of the same row: were some cancelled?")


def _repeated_touches(touches: Table) -> Iterator[Fault]:
    key = row_key(touches, [column for column in _TOUCH if touches.has(column)])
    again = np.ones(len(touches), dtype=bool)
    again[np.unique(key, return_index=True)[1]] = False
    message = (
        "this customer, moment and channel stand in an earlier row: both count; leave one out if it is the same touch"
    )
    yield from _rows(touches, "", again, message)


def _strange_names(tables: dict[str, Table]) -> Iterator[Fault]:
    keywords, campaigns, catalog = tables["keywords"], tables.get("campaigns"), tables.get("catalog")
    if campaigns is not None:
        known = campaigns.text("campaign").labels
        message = "is not in campaigns: it has no margin and no limits of its own"
        yield from _lacking(keywords, "campaign", known, message)
        yield from _lacking(campaigns, "campaign", keywords.labels("campaign").labels, "has no keyword")
    if catalog is not None:
        message = "is not in catalog: its conversions are worth their revenue times the campaign's margin"
        for name in ("keywords", "candidates"):
            if name in tables and tables[name].has("sku"):
                yield from _lacking(tables[name], "sku", catalog.text("sku").labels, message)


def _lacking(table: Table, column: str, known: NDArray[np.object_], message: str) -> Iterator[Fault]:
    if not table.has(column):
        return
    text = table.text(column)
    bad = ~np.isin(text.labels, known) & (text.labels != "")
    rows = bad[text.codes]
    if rows.any():
        yield from _rows(table, column, rows, f"{text.rows[int(np.argmax(rows))]!r} {message}")


def _rows(table: Table, column: str, bad: NDArray[np.bool_], message: str) -> Iterator[Fault]:
    if bad.any():
        at = int(np.argmax(bad))
        got = "" if message[0] == "'" or not column or not _says(table, column, at) else f"{_says(table, column, at)} "
        yield Fault(table=table.name, column=column, row=at + 1, message=got + message, count=int(bad.sum()))


def _says(table: Table, column: str, at: int) -> str:
    value = table.array(column)[at]
    if isinstance(value, np.datetime64):
        return "" if np.isnat(value) else str(value)
    return "" if isinstance(value, float) and np.isnan(value) else f"{value:g}"
