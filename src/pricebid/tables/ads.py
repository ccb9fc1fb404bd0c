"""The advertising tables as frozen arrays: what was bid and what came, campaigns, and keywords to consider."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pricebid.tables.check import row_key
from pricebid.tables.table import Table, Text, freeze

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

ENTITY = ("campaign", "keyword", "match_type", "sku")
DIMENSIONS = ("region", "segment", "device")
HOURS = 24
_MONEY = ("bid", "impressions", "clicks", "cost", "conversions", "revenue")


@dataclass(frozen=True, kw_only=True, eq=False)
class KeywordAxis:
    """The series of an ad report: one per campaign x keyword x match type (x sku x region x segment x device).

    Parameters
    ----------
    columns : tuple of str
        ``campaign``, ``keyword``, ``match_type``, then those of ``sku``, ``region``, ``segment``, ``device`` that the table has.
    labels : tuple of object[series]
        One array of str per column; ``""`` where a cell is empty.
    """

    columns: tuple[str, ...]
    labels: tuple[NDArray[np.object_], ...]

    def __len__(self) -> int:
        return len(self.labels[0])

    def label(self, name: str) -> NDArray[np.object_]:
        """Return the labels of one column, object[series]; KeyError where the axis has no such column."""
        if name not in self.columns:
            raise KeyError(name)
        return self.labels[self.columns.index(name)]

    def numbers(self, columns: Sequence[str] = ENTITY) -> NDArray[np.int64]:
        """Number each series by its labels in some columns, int64[series]: equal labels, equal number.

        Numbers run from 0 in the sorted order of the labels. By default they tell what carries a bid; columns that the
        axis does not have are passed over.

        Examples
        --------
        >>> axis = KeywordAxis(
        ...     columns=("campaign", "keyword", "match_type", "device"),
        ...     labels=tuple(np.array(one, dtype=object) for one in (["a"] * 3, ["x", "x", "y"], [""] * 3, ["1", "2", "1"])),
        ... )
        >>> axis.numbers()
        array([0, 0, 1])
        """
        key = np.zeros(len(self), dtype=np.int64)
        for name in columns:
            if name in self.columns:
                labels, codes = np.unique(self.label(name), return_inverse=True)
                key = np.unique(key * len(labels) + codes, return_inverse=True)[1]
        return key


@dataclass(frozen=True, kw_only=True, eq=False)
class Development:
    """How the conversions of a day grew from report to report.

    Parameters
    ----------
    row : int64[report]
        Row of `KeywordReports` that the report speaks of; ascending, and reports of a row by their date.
    wait : int64[report]
        Days from the date to the report.
    conversions : float64[report]
        Known by then.
    """

    row: NDArray[np.int64]
    wait: NDArray[np.int64]
    conversions: NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class KeywordReports:
    """What was bid and what came, one row per series x day (x hour): the latest report of each.

    Parameters
    ----------
    keywords : KeywordAxis
        The series.
    hours : int
        24 where the table has hours, else 1.
    days : datetime64[D][day]
        Every day from the first date to the last.
    series, day, hour : int64[row]
        Positions on the axes.
    bid : float64[row]
        Highest cost per click that was offered, money; 0: not known.
    impressions, clicks, conversions : float64[row]
        Counts; conversions as far as they are known.
    cost, revenue : float64[row]
        Money.
    wait : int64[row]
        Days from the date to its latest report; without dates of reports, to the day after the last date.
    development : Development, optional
        Successive reports; None where each row was reported once.
    """

    keywords: KeywordAxis
    hours: int
    days: NDArray[np.datetime64]
    series: NDArray[np.int64]
    day: NDArray[np.int64]
    hour: NDArray[np.int64]
    bid: NDArray[np.float64]
    impressions: NDArray[np.float64]
    clicks: NDArray[np.float64]
    cost: NDArray[np.float64]
    conversions: NDArray[np.float64]
    revenue: NDArray[np.float64]
    wait: NDArray[np.int64]
    development: Development | None = None

    def __len__(self) -> int:
        return len(self.series)


@dataclass(frozen=True, kw_only=True, eq=False)
class Campaigns:
    """Every campaign of the keywords, and of the table ``campaigns``.

    Parameters
    ----------
    labels : object[campaign]
        Names, sorted; ``""`` stands for keywords without a campaign.
    margin : float64[campaign]
        Contribution / revenue before ad cost; NaN where not given, as in the following.
    daily_budget : float64[campaign]
        Money per day.
    min_roas : float64[campaign]
        Least revenue / cost.
    max_cpa : float64[campaign]
        Most cost / conversion.
    min_bid, max_bid : float64[campaign]
        Range of bids, money per click.
    """

    labels: NDArray[np.object_]
    margin: NDArray[np.float64]
    daily_budget: NDArray[np.float64]
    min_roas: NDArray[np.float64]
    max_cpa: NDArray[np.float64]
    min_bid: NDArray[np.float64]
    max_bid: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.labels)


def build_reports(table: Table) -> KeywordReports:
    """Return the table ``keywords`` on its axes, the latest report of each row."""
    columns = ["campaign", "keyword", "match_type", *(name for name in ("sku", *DIMENSIONS) if table.has(name))]
    texts = [table.labels(name) for name in columns]
    keyed = Table(name="keywords", columns=tuple(columns), data=tuple(texts))
    _, first, series = np.unique(row_key(keyed, columns), return_index=True, return_inverse=True)
    labels = [text.labels[text.codes[first]] for text in texts]
    order = np.lexsort([np.unique(one, return_inverse=True)[1] for one in reversed(labels)])
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    axis = KeywordAxis(columns=tuple(columns), labels=tuple(freeze(one[order]) for one in labels))
    dates = table.array("date").astype("datetime64[D]")
    day = (dates - dates.min()).astype(np.int64)
    hour = table.numbers("hour", empty=0.0).astype(np.int64)
    wait = (_reported(table, dates) - dates).astype(np.int64)
    keep, development = _latest(table, wait)
    return KeywordReports(
        keywords=axis,
        hours=HOURS if table.has("hour") else 1,
        days=freeze(dates.min() + np.arange(int(day.max()) + 1)),
        series=freeze(rank[series][keep]),
        day=freeze(day[keep]),
        hour=freeze(hour[keep]),
        wait=freeze(wait[keep]),
        development=development,
        **{name: freeze(table.numbers(name)[keep]) for name in _MONEY},
    )


def _reported(table: Table, dates: NDArray[np.datetime64]) -> NDArray[np.datetime64]:
    """Date of each row's report, datetime64[D][row]: the day after the last date where it is not known."""
    after = dates.max() + np.timedelta64(1, "D")
    if not table.has("reported"):
        return np.full(len(dates), after)
    given = table.array("reported").astype("datetime64[D]")
    return np.where(np.isnat(given), after, given)


def _latest(table: Table, wait: NDArray[np.int64]) -> tuple[NDArray[np.int64], Development | None]:
    """Return the rows that are the latest report of what they speak of, and how conversions grew until then."""
    everything = np.arange(len(table))
    if not table.has("reported"):
        return everything, None
    columns = [name for name in ("date", "hour", *ENTITY, *DIMENSIONS) if table.has(name)]
    key = row_key(table, columns)
    order = np.lexsort((wait, key))
    last = np.append(key[order][1:] != key[order][:-1], True)
    if last.all():
        return everything, None
    # Reports of one row stand together and end with the latest.
    row = np.cumsum(np.concatenate(([False], last[:-1])))
    development = Development(
        row=freeze(row.astype(np.int64)),
        wait=freeze(wait[order]),
        conversions=freeze(table.numbers("conversions")[order]),
    )
    return order[last], development


def build_campaigns(keywords: Table, campaigns: Table | None, candidates: Table | None) -> Campaigns:
    """Return every campaign of the keywords, the candidates and the table ``campaigns``."""
    named = [keywords.labels("campaign").labels]
    named += [] if campaigns is None else [campaigns.text("campaign").labels]
    if candidates is not None:
        named.append(candidates.labels("campaign").labels)
    labels = np.unique(np.concatenate(named))
    if not np.any(keywords.labels("campaign").labels == ""):
        labels = labels[labels != ""]

    def filled(name: str) -> NDArray[np.float64]:
        values = np.full(len(labels), np.nan)
        if campaigns is not None and campaigns.has(name):
            values[campaigns.text("campaign").code_in(labels)] = campaigns.numbers(name)
        return freeze(values)

    names = ("margin", "daily_budget", "min_roas", "max_cpa", "min_bid", "max_bid")
    return Campaigns(labels=freeze(labels), **{name: filled(name) for name in names})


def build_candidates(table: Table | None, keywords: Table) -> KeywordAxis:
    """Return the keywords to consider, by campaign, keyword, match type and, where ``keywords`` has it, sku."""
    columns = ("campaign", "keyword", "match_type", *(["sku"] if keywords.has("sku") else []))
    if table is None:
        return KeywordAxis(columns=columns, labels=tuple(np.empty(0, dtype=object) for _ in columns))
    texts: list[Text] = [table.labels(name) for name in columns]
    return KeywordAxis(columns=columns, labels=tuple(text.rows for text in texts))
