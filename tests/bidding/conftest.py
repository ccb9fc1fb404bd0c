"""Bid landscapes whose every parameter is known."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from pricebid.bidding import BidPlan, ConversionValue, bid
from pricebid.landscape import BidLandscape, Observed
from pricebid.landscape.curves import WinCurves
from pricebid.landscape.drift import Memory
from pricebid.landscape.model import Rates
from pricebid.policy import Policy
from pricebid.tables import Campaigns, KeywordAxis

if TYPE_CHECKING:
    from numpy.typing import NDArray


def axis(campaigns: list[str], keywords: list[str], **more: list[str]) -> KeywordAxis:
    """Series by campaign and keyword, match type exact, and further columns."""
    columns = ("campaign", "keyword", "match_type", *more)
    labels = (campaigns, keywords, more.pop("match_type", ["exact"] * len(keywords)), *more.values())
    columns = tuple(dict.fromkeys(columns))
    return KeywordAxis(columns=columns, labels=tuple(np.array(one, dtype=object) for one in labels))


def known_landscape(
    keywords: KeywordAxis,
    *,
    hours: int = 1,
    auction: str = "second",
    auctions: NDArray[np.float64] | float = 50.0,
    level: NDArray[np.float64] | float = -0.5,
    spread: float = 0.6,
    click_rate: float = 0.1,
    rate: NDArray[np.float64] | float = 0.05,
    rate_hours: NDArray[np.float64] | None = None,
    traffic: NDArray[np.float64] | None = None,
    unsure: float = 0.0,
    bid: NDArray[np.float64] | float = 0.8,
    revenue: NDArray[np.float64] | float = 40.0,
    day_shock: float = 0.0,
    clicks: NDArray[np.float64] | float = 1000.0,
    conversions: NDArray[np.float64] | float = 50.0,
    candidate: NDArray[np.bool_] | None = None,
) -> BidLandscape:
    """A landscape with given auctions, log-normal rivals and rates; `unsure` is the sd of logs of what is fitted."""
    n = len(keywords)
    campaign = keywords.numbers(("campaign",))
    count = int(campaign.max()) + 1
    shape = (count, hours)
    each = np.ones(n)
    zeros = np.zeros((count, hours, hours))
    curves = WinCurves(
        campaign=campaign,
        mean=np.stack([np.log(auctions * each / hours), level * each, np.log(spread) * each], axis=1),
        covariance=np.tile(np.diag([unsure**2, unsure**2, 0.0]), (n, 1, 1)),
        traffic=np.zeros(shape) if traffic is None else traffic,
        level=np.zeros(shape),
        traffic_covariance=zeros,
        level_covariance=zeros,
        trade=np.zeros(shape),
    )
    conversion = Rates(
        mean=rate * each,
        log_variance=unsure**2 * each,
        hours=np.ones(shape) if rate_hours is None else rate_hours,
        hours_log_covariance=zeros,
    )
    click = Rates(mean=click_rate * each, log_variance=0.0 * each, hours=np.ones(shape), hours_log_covariance=zeros)
    seen = dict.fromkeys(("impressions", "clicks", "cost", "conversions", "revenue", "total_cost"), 0.0 * each)
    return BidLandscape(
        keywords=keywords,
        hours=hours,
        auction=auction,
        bid=np.broadcast_to(np.asarray(bid * each)[:, None], (n, hours)).copy(),
        candidate=np.zeros(n, dtype=bool) if candidate is None else candidate,
        observed=Observed(
            days=7,
            total_clicks=clicks * each,
            total_conversions=conversions * each,
            exposed_clicks=clicks * each,
            **seen,
        ),
        revenue_per_conversion=revenue * each,
        day_shock=day_shock,
        curves=curves,
        click_rate=click,
        conversion_rate=conversion,
        completeness=np.ones(1),
        memory=Memory(),
    )


def table_of(landscape: BidLandscape, **columns: float | list[float]) -> Campaigns:
    """The table ``campaigns`` of a landscape; columns not given are empty."""
    labels = np.unique(landscape.keywords.label("campaign"))
    names = ("margin", "daily_budget", "min_roas", "max_cpa", "min_bid", "max_bid")
    filled = {name: np.full(len(labels), np.nan) for name in names}
    filled.update({name: np.ones(len(labels)) * value for name, value in columns.items()})
    return Campaigns(labels=labels, **filled)


def worth(landscape: BidLandscape, margin: float = 0.5) -> ConversionValue:
    """Revenue as the landscape has it, and a share of it as profit before ad cost."""
    revenue = landscape.revenue_per_conversion
    return ConversionValue(revenue=revenue, profit=margin * revenue)


def market(seed: int = 0, *, keywords: int = 24, campaigns: int = 3, hours: int = 24, **given: object) -> BidLandscape:
    """A landscape drawn at random: rivals, volumes, rates and hours differ."""
    rng = np.random.default_rng(seed)
    names = [f"c{at * campaigns // keywords}" for at in range(keywords)]
    keys = axis(names, [f"k{at:03d}" for at in range(keywords)])
    shape = (campaigns, hours)
    made = {
        "auctions": rng.lognormal(4.0, 1.0, keywords),
        "level": rng.normal(-0.6, 0.3, keywords),
        "rate": rng.lognormal(-3.0, 0.4, keywords),
        "rate_hours": rng.lognormal(0.0, 0.4, shape) if hours > 1 else None,
        "traffic": rng.normal(0.0, 0.4, shape) if hours > 1 else None,
        "unsure": 0.1,
    }
    return known_landscape(keys, hours=hours, **{**made, **given})


def plan_of(
    landscape: BidLandscape, policy: str = "", *, margin: float = 0.5, campaigns: Campaigns | None = None
) -> BidPlan:
    """A plan under a policy written as TOML; campaigns without limits of their own where none are given."""
    return bid(
        landscape,
        Policy.from_toml(policy),
        campaigns=table_of(landscape) if campaigns is None else campaigns,
        value=worth(landscape, margin),
    )


@pytest.fixture(scope="session")
def known() -> SimpleNamespace:
    """Give the makers above."""
    return SimpleNamespace(
        axis=axis, landscape=known_landscape, table=table_of, worth=worth, market=market, plan=plan_of
    )
