"""What rivals ask: the market average of each offer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pricebid.policy import Market
    from pricebid.tables import Competitors, Offers


def market_average(
    competitors: Competitors, offers: Offers, market: Market, today: np.datetime64
) -> NDArray[np.float64]:
    """Return the average delivered price of the rivals of each offer, float64[offer]; NaN where none is left.

    Our own name, rows out of stock and rows older than ``max_age_days`` before ``today`` do not count. Of each rival the
    latest row that counts is taken; its rows for the offer's region go before its rows for every region.

    Parameters
    ----------
    competitors : Competitors
        Observations.
    offers : Offers
        The offer axis.
    market : Market
        Our own name, and how old a row may be.
    today : datetime64[D]
        First day planned for.
    """
    counts = competitors.in_stock & np.isfinite(competitors.price)
    if market.own is not None:
        counts &= competitors.competitor != market.own
    if market.max_age_days is not None:
        counts &= (today - competitors.date) <= np.timedelta64(market.max_age_days, "D")
    rows = np.flatnonzero(counts)
    if not len(rows):
        return np.full(len(offers), np.nan)
    rows = rows[np.argsort(competitors.date[rows], kind="stable")]
    _, sku = np.unique(np.concatenate([offers.sku, competitors.sku[rows]]), return_inverse=True)
    _, region = np.unique(np.concatenate([offers.region, [""], competitors.region[rows]]), return_inverse=True)
    _, rival = np.unique(competitors.competitor[rows], return_inverse=True)
    n = len(offers)
    everywhere = region[n]
    latest = _latest(sku[n:], region[n + 1 :], rival)
    rows, sku_of, region_of, rival_of = rows[latest], sku[n:][latest], region[n + 1 :][latest], rival[latest]
    total, count = np.zeros(n), np.zeros(n)
    seen: list[NDArray[np.int64]] = []
    for local in (True, False):
        place = (region_of != everywhere) == local
        offer, at = _matches(
            np.stack([sku[:n], region[:n] if local else np.full(n, everywhere)]),
            np.stack([sku_of[place], region_of[place]]),
        )
        key = offer * (int(rival.max()) + 1) + rival_of[place][at]
        new = np.ones(len(key), dtype=bool) if local else ~np.isin(key, seen[0])
        seen.append(key)
        total += np.bincount(offer[new], competitors.price[rows[place][at[new]]], minlength=n)
        count += np.bincount(offer[new], minlength=n)
    return np.asarray(np.where(count > 0, total / np.maximum(count, 1.0), np.nan), dtype=np.float64)


def _latest(*keys: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return the last row of each distinct key, for rows in order of time."""
    order = np.lexsort((np.arange(len(keys[0])), *keys))
    stacked = np.stack([key[order] for key in keys])
    last = np.append((np.diff(stacked, axis=1) != 0).any(axis=0), True)
    return np.asarray(order[last], dtype=np.intp)


def _matches(left: NDArray[np.intp], right: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return every pair (column of left, column of right) that is equal; both int[2, n]."""
    size = max(int(left.max(initial=0)), int(right.max(initial=0))) + 1
    a, b = left[0] * size + left[1], right[0] * size + right[1]
    order = np.argsort(b, kind="stable")
    low, high = np.searchsorted(b[order], a), np.searchsorted(b[order], a, side="right")
    many = high - low
    first = np.repeat(np.arange(len(a)), many)
    offset = np.arange(len(first)) - np.repeat(np.cumsum(many) - many, many)
    return first, order[np.repeat(low, many) + offset]
