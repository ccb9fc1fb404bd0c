"""The report of simulated days as a table ``keywords``, with conversions that come late where the market has a delay."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from datetime import date

    import pandas as pd
    from numpy.typing import NDArray

    from pricebid.simulate.ad_days import AdDays
    from pricebid.simulate.ad_market import AdMarket

LAGS = (1, 3, 7, 14)  # mornings, counted in days, on which a day is reported where the market keeps all reports
LONGEST = 60  # a conversion that has not come after this many days counts as come


def report_frame(market: AdMarket, days: AdDays, first: date) -> pd.DataFrame:
    """Return days as rows of the table ``keywords``: one per date x series (x hour).

    Where the market has a delay, conversions are those known on the morning after the last day; with `reports` each
    date stands in the table as often as it was reported, with what was known then.

    Parameters
    ----------
    market : AdMarket
        Labels and settings.
    days : AdDays
        What happened, by hour.
    first : date
        Date of the first day.
    """
    import pandas as pd

    settings = market.settings
    shown = days if settings.hourly else days.by_day()
    count = len(shown.bid)
    if not settings.delay:
        return _rows(market, shown, first, wait=None)
    rng = np.random.default_rng([market.late, first.toordinal()])
    come = _come(shown.conversions, settings.delay, rng)
    if not settings.reports:
        return _rows(market, _known(shown, come, count - np.arange(count)), first, wait=None)
    waits = [wait for wait in LAGS if wait <= count]
    known = [_known(shown, come, np.full(count, wait)) for wait in waits]
    parts = [_rows(market, seen, first, wait=wait) for seen, wait in zip(known, waits, strict=True)]
    return pd.concat(parts, ignore_index=True)


def _come(conversions: NDArray[np.int64], delay: float, rng: np.random.Generator) -> NDArray[np.int64]:
    """Return conversions that came within each number of days, int64[wait, day, series, hour]; lags are geometric."""
    come = np.zeros((LONGEST + 1, *conversions.shape), dtype=np.int64)
    for wait in range(1, LONGEST):
        come[wait] = come[wait - 1] + rng.binomial(conversions - come[wait - 1], 1 / (1 + delay))
    come[LONGEST] = conversions
    return come


def _known(days: AdDays, come: NDArray[np.int64], wait: NDArray[np.int64]) -> AdDays:
    """Return the days with the conversions that came within `wait` days, int64[day], and their share of the revenue."""
    known = come[np.minimum(wait, LONGEST), np.arange(len(wait))]
    share = known / np.maximum(days.conversions, 1)
    return replace(days, conversions=known, revenue=np.round(days.revenue * share, 2))


def _rows(market: AdMarket, days: AdDays, first: date, *, wait: int | None) -> pd.DataFrame:
    """Return all cells as rows; with a wait only the days that were reported by then, with the date of the report."""
    import pandas as pd

    day, series, hour = (axis.ravel() for axis in np.indices(days.bid.shape))
    keep = day <= len(days.bid) - (wait or 0)
    day, series, hour = day[keep], series[keep], hour[keep]
    keywords, entity = market.keywords, market.series.entity[series]
    dates = np.array(
        [(first + timedelta(days=at)).isoformat() for at in range(len(days.bid) + (wait or 0))], dtype=object
    )
    frame = pd.DataFrame({"date": dates[day]})
    if market.settings.hourly:
        frame["hour"] = hour
    frame["campaign"] = keywords.campaigns[keywords.campaign[entity]]
    frame["keyword"] = keywords.keyword[entity]
    frame["match_type"] = keywords.match_type[entity]
    if market.products is not None:
        frame["sku"] = market.products.names[market.products.sku[entity]]
    for name, number, count in (
        ("region", market.series.region, market.settings.regions),
        ("device", market.series.device, market.settings.devices),
    ):
        if count > 1:
            frame[name] = np.array([f"{name[0]}{at + 1:02d}" for at in range(count)], dtype=object)[number[series]]
    for name in ("bid", "impressions", "clicks", "cost", "conversions", "revenue"):
        frame[name] = getattr(days, name)[day, series, hour]
    if wait is not None:
        frame["reported"] = dates[day + wait]
    return frame
