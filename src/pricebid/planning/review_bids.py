"""Planned bids against what was bid, paid and brought."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from pricebid.errors import InputError
from pricebid.planning.review_scores import Kept, compare
from pricebid.tables.ads import HOURS
from pricebid.tables.period import day_given

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from pricebid.planning.review_plan import ExpectedBids
    from pricebid.tables import KeywordReports, Shop

    Floats = NDArray[np.float64]
    Bools = NDArray[np.bool_]
    Ints = NDArray[np.int64]

SHOWN = ("cost", "clicks", "conversions", "revenue")
_SUMMED = ("impressions", *SHOWN)
_OF = " of campaign "
_NONE = "(none)"


@dataclass(frozen=True, kw_only=True)
class BudgetDays:
    """A daily budget, day by day.

    Parameters
    ----------
    campaign : str, optional
        Whose; None: of all.
    budget : float
        Money per day.
    days, above : int
        Days looked at, and how many of them cost more.
    due : float
        Days that may cost more by the policy's ``budget_confidence``.
    worst, over : float
        Money above the budget: on the worst day, and in sum.
    """

    campaign: str | None
    budget: float
    days: int
    above: int
    due: float
    worst: float
    over: float


@dataclass(frozen=True, kw_only=True, eq=False)
class BidReview:
    """Keywords of the plan, then keywords that ran without being in it; outcomes per day, float64[keyword].

    Parameters
    ----------
    columns : tuple of str
        Key columns.
    labels : tuple of object[keyword]
        One array of str per key column.
    days : datetime64[D][day]
        The days looked at.
    asked_days : int
        Days that were to be looked at: as asked, else from the start to the last day reported.
    silent_days : int
        Of the days looked at, those without a row of any keyword.
    recent : bool
        The last of them is the last day reported.
    planned, seen : bool[keyword]
        In the plan; with rows in the window.
    planned_bid, bid : float64[keyword]
        Money per click: as planned, and as set (mean over clicks; NaN: no row tells it).
    at_plan : float64[keyword]
        Share of the rows with a bid in which that was the planned one, with its multipliers or without; of a keyword that
        was to be paused, share of the days without an impression.
    impressions_expected, ..., revenue_expected : float64[keyword]
        Expected per day; NaN for keywords that are not in the plan.
    impressions, clicks, cost, conversions, revenue : float64[keyword]
        Mean per day over the days looked at.
    budgets : tuple of BudgetDays
        Of the policy and of campaigns.
    limits : tuple of Kept
        ``min_roas`` and ``max_cpa`` over the window.
    """

    columns: tuple[str, ...]
    labels: tuple[NDArray[np.object_], ...]
    days: NDArray[np.datetime64]
    asked_days: int
    silent_days: int
    recent: bool
    planned: Bools
    seen: Bools
    planned_bid: Floats
    bid: Floats
    at_plan: Floats
    impressions_expected: Floats
    clicks_expected: Floats
    cost_expected: Floats
    conversions_expected: Floats
    revenue_expected: Floats
    impressions: Floats
    clicks: Floats
    cost: Floats
    conversions: Floats
    revenue: Floats
    budgets: tuple[BudgetDays, ...]
    limits: tuple[Kept, ...]

    def __len__(self) -> int:
        return len(self.labels[0])

    @property
    def status(self) -> NDArray[np.object_]:
        """``compared``, ``plan only`` or ``report only``, object[keyword]."""
        found = np.where(self.planned & self.seen, "compared", np.where(self.planned, "plan only", "report only"))
        return found.astype(object)

    @property
    def followed(self) -> tuple[int, int]:
        """How many planned keywords were bid as planned throughout, and of how many the reports tell."""
        told = self.at_plan[self.planned & np.isfinite(self.at_plan)]
        return int((told == 1.0).sum()), len(told)

    @cached_property
    def totals(self) -> dict[str, dict[str, float]]:
        """Per day over the planned keywords: ``expected``, ``actual`` and ``difference`` of cost, clicks, conversions, revenue."""
        totals = {}
        for name in SHOWN:
            before, after = (
                getattr(self, f"{name}_expected")[self.planned].sum(),
                getattr(self, name)[self.planned].sum(),
            )
            totals[name] = {"expected": float(before), "actual": float(after), "difference": float(after - before)}
        return totals

    @property
    def surprises(self) -> Ints:
        """Planned keywords, those first whose cost and revenue differ most from what was expected, int64[keyword]."""
        off = np.abs(self.cost - self.cost_expected) + np.abs(self.revenue - self.revenue_expected)
        order = np.argsort(-np.where(self.planned, off, -1.0), kind="stable")
        return order[self.planned[order]]

    @cached_property
    def notices(self) -> tuple[str, ...]:
        """What the figures leave out or had to assume."""
        from pricebid.planning.review_words import bid_notices

        return bid_notices(self)

    def to_frame(self) -> pd.DataFrame:
        """Return the table ``review_bids``: one row per keyword, in the shop's own keys."""
        import pandas as pd

        from pricebid.planning.review_words import keyword_notes

        outcomes = {one: getattr(self, one) for name in _SUMMED for one in (f"{name}_expected", name)}
        return pd.DataFrame(
            {
                **dict(zip(self.columns, self.labels, strict=True)),
                "status": self.status,
                "planned_bid": self.planned_bid,
                "bid": self.bid,
                "at_plan": self.at_plan,
                **outcomes,
                "note": keyword_notes(self),
            }
        )


def review_bids(plan: ExpectedBids, shop: Shop, *, start: str | None = None, days: int | None = None) -> BidReview:
    """Lay what was bid, paid and brought beside what a bid plan expected, per day.

    Parameters
    ----------
    plan : ExpectedBids
        As read.
    shop : Shop
        With the ad reports since.
    start : date, optional
        First day on which the plan was in force; needed where the plan does not say.
    days : int, optional
        Days to look at; default: the plan's horizon where it has one, else all since.

    Raises
    ------
    InputError
        There is no start, or no report of the days from it on.
    """
    reports = shop.keyword_reports()
    first = start or plan.start
    if not first:
        raise InputError(
            "a plan of bids alone does not say from when on it holds: give the first day on which its bids were set (--start DATE)"
        )
    asked = days or plan.days
    begin = day_given(first)
    end = reports.days[-1] if asked is None else begin + np.timedelta64(asked - 1, "D")
    window = reports.days[(reports.days >= begin) & (reports.days <= end)]
    if not len(window):
        raise InputError(
            f"no ad reports from {begin} on{'' if asked is None else f' for {asked} days'}: `keywords` reaches from {reports.days[0]} "
            f"until {reports.days[-1]}; review the plan when reports of its first day are there"
        )
    rows = np.flatnonzero(np.isin(reports.day, np.flatnonzero(np.isin(reports.days, window))))
    labels, keyword = _matched(plan, reports, rows)
    n, known = len(labels[0]), len(plan.bid)
    sums = {name: np.bincount(keyword, getattr(reports, name)[rows], minlength=n) / len(window) for name in _SUMMED}

    def theirs(values: Floats) -> Floats:
        return np.concatenate([values, np.full(n - known, np.nan)])

    bid, at_plan = _bids_set(plan, reports, rows, keyword, n=n, days=len(window), minor=10.0**-shop.settings.decimals)
    return BidReview(
        columns=plan.columns,
        labels=labels,
        days=window,
        asked_days=int((end - begin).astype(np.int64)) + 1,
        silent_days=len(window) - len(np.unique(reports.day[rows])),
        recent=bool(window[-1] == reports.days[-1]),
        planned=np.arange(n) < known,
        seen=np.bincount(keyword, minlength=n) > 0,
        planned_bid=theirs(plan.bid),
        bid=bid,
        at_plan=at_plan,
        **{f"{name}_expected": theirs(getattr(plan, name)) for name in _SUMMED},
        **sums,
        budgets=_budgets(plan, reports, rows, len(window)),
        limits=_limits(plan, reports, rows),
    )


def _matched(plan: ExpectedBids, reports: KeywordReports, rows: Ints) -> tuple[tuple[NDArray[np.object_], ...], Ints]:
    """Labels of the plan's keywords, then of others that ran; and keyword of each row of the window, int64[row]."""
    axis = reports.keywords
    empty = np.full(len(axis), "", dtype=object)
    mine = [axis.label(name) if name in axis.columns else empty for name in plan.columns]
    place = {key: number for number, key in enumerate(zip(*plan.labels, strict=True))}
    planned, ran = len(place), np.unique(reports.series[rows])
    number = np.full(len(axis), -1, dtype=np.int64)
    keys = list(zip(*mine, strict=True))
    for series in ran:
        number[series] = place.setdefault(keys[series], len(place))
    more = list(place)[planned:]
    labels = tuple(
        np.concatenate([label, np.array([key[at] for key in more], dtype=object)])
        for at, label in enumerate(plan.labels)
    )
    return labels, number[reports.series[rows]]


def _bids_set(
    plan: ExpectedBids, reports: KeywordReports, rows: Ints, keyword: Ints, *, n: int, days: int, minor: float
) -> tuple[Floats, Floats]:
    """Mean bid that was set, and the share of rows with the planned one; float64[keyword] each."""
    bid, known = reports.bid[rows], len(plan.bid)
    told = bid > 0
    weight = np.where(told, reports.clicks[rows] + 1e-6, 0.0)  # clicks count; where there were none, all rows alike
    total = np.bincount(keyword, weight, minlength=n)
    mean = np.bincount(keyword, weight * bid, minlength=n) / np.where(total > 0, total, 1.0)
    base = np.where(keyword < known, np.append(plan.bid, np.nan)[np.minimum(keyword, known)], np.nan)
    moved = base * _times(plan, reports, rows)
    room = 0.5 * minor + 1e-9
    same = told & ((np.abs(bid - base) <= room) | (np.abs(bid - moved) <= room))
    count = np.bincount(keyword, told, minlength=n)
    share = np.where(count > 0, np.bincount(keyword, same, minlength=n) / np.maximum(count, 1), np.nan)
    shown = reports.impressions[rows] > 0
    pairs = np.unique(keyword[shown] * len(reports.days) + reports.day[rows][shown])
    off = 1.0 - np.bincount(pairs // len(reports.days), minlength=n) / days
    paused = np.append(plan.bid == 0.0, np.zeros(n - known, dtype=bool))
    planned = np.arange(n) < known
    return np.where(total > 0, mean, np.nan), np.where(planned, np.where(paused, off, share), np.nan)


def _times(plan: ExpectedBids, reports: KeywordReports, rows: Ints) -> Floats:
    """Planned multiplier of each row: by hour times by region, segment and device, float64[row]."""
    times = np.ones(len(rows))
    axis, series = reports.keywords, reports.series[rows]
    campaigns, campaign = np.unique(axis.label("campaign"), return_inverse=True)
    number = {name: at for at, name in enumerate(campaigns)}
    for name in sorted({dimension for _, dimension, _ in plan.times}):
        if name == "hour":
            values, value = np.arange(HOURS).astype(str), reports.hour[rows]
        elif name in axis.columns:
            values, codes = np.unique(axis.label(name), return_inverse=True)
            value = codes[series]
        else:
            continue
        place = {one: at for at, one in enumerate(values)}
        factor = np.ones((len(campaigns), len(values)))
        for (which, dimension, one), planned in plan.times.items():
            if dimension == name and which in number and one in place:
                factor[number[which], place[one]] = planned
        times *= factor[campaign[series], value]
    return times


def _apart(name: str) -> tuple[str, str | None]:
    """Part the name of a limit into its kind and its campaign; None: all campaigns."""
    kind, of, campaign = name.partition(_OF)
    if not of:
        return kind, None
    return kind, "" if campaign == _NONE else campaign


def _among(reports: KeywordReports, rows: Ints, campaign: str | None) -> Ints:
    """Rows of the window that a limit speaks of."""
    if campaign is None:
        return rows
    mine: Bools = reports.keywords.label("campaign") == campaign
    found: Ints = rows[mine[reports.series[rows]]]
    return found


def _budgets(plan: ExpectedBids, reports: KeywordReports, rows: Ints, days: int) -> tuple[BudgetDays, ...]:
    found = []
    for one in plan.limits:
        kind, campaign = _apart(one.name)
        if kind != "daily_budget":
            continue
        mine = _among(reports, rows, campaign)
        spent = np.bincount(reports.day[mine], reports.cost[mine], minlength=len(reports.days))
        over = np.maximum(spent - one.limit, 0.0)
        over[over <= 1e-9 * max(1.0, one.limit)] = 0.0
        found.append(
            BudgetDays(
                campaign=campaign,
                budget=one.limit,
                days=days,
                above=int((over > 0).sum()),
                due=(1.0 - plan.confidence) * days,
                worst=float(over.max()),
                over=float(over.sum()),
            )
        )
    return tuple(found)


def _limits(plan: ExpectedBids, reports: KeywordReports, rows: Ints) -> tuple[Kept, ...]:
    found = []
    for one in plan.limits:
        kind, campaign = _apart(one.name)
        if kind == "daily_budget":
            continue
        mine = _among(reports, rows, campaign)
        cost, revenue = float(reports.cost[mine].sum()), float(reports.revenue[mine].sum())
        conversions = float(reports.conversions[mine].sum())
        above, below = (revenue, cost) if kind == "min_roas" else (cost, conversions)
        reached, why = (above / below, "") if below > 0 else (float("nan"), "nothing was spent or nothing came of it")
        found.append(compare(one, one.limit, reached, why=why))
    return tuple(found)
