"""Random landscapes and policies: whatever comes out keeps every rule and limit, on totals computed anew, and its bound."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pricebid.bidding import BidPlan, ConversionValue, bid
from pricebid.landscape import BidLandscape, Observed
from pricebid.landscape.curves import WinCurves
from pricebid.landscape.drift import Memory
from pricebid.landscape.model import Rates
from pricebid.policy import Policy
from pricebid.tables import Campaigns, KeywordAxis


@dataclass(frozen=True, kw_only=True)
class Case:
    landscape: BidLandscape
    campaigns: Campaigns
    value: ConversionValue
    policy: Policy


def drawn(rng: np.random.Generator, *, hours: int, auction: str, devices: int) -> BidLandscape:
    """Some keywords in some campaigns, a few of them candidates or never converting."""
    words, count = int(rng.integers(1, 9)), int(rng.integers(1, 4))
    campaign = np.sort(rng.integers(0, count, words))
    count = int(campaign.max()) + 1
    campaign = np.unique(np.repeat(campaign, devices), return_inverse=True)[1]
    count, n = int(campaign.max()) + 1, words * devices
    columns = ["campaign", "keyword", "match_type"] + ["device"] * (devices > 1)
    labels = [
        [f"c{at}" for at in campaign],
        [f"k{at // devices}" for at in range(n)],
        ["exact"] * n,
        [f"d{at % devices}" for at in range(n)],
    ]
    shape, covariance = (count, hours), np.zeros((count, hours, hours))
    root = 0.2 * rng.standard_normal((n, 3, 3))
    candidate = np.repeat(rng.random(words) < 0.2, devices)
    current = np.where(candidate, np.nan, rng.choice([0.0, 0.37, 0.8, 2.345], n))[:, None] * np.ones(hours)
    clicks, zeros = rng.poisson(30.0, n).astype(float), np.zeros(n)

    def rates(mean: float) -> Rates:
        return Rates(
            mean=rng.lognormal(np.log(mean), 0.7, n), log_variance=np.full(n, 0.1),
            hours=rng.lognormal(0, 0.4, shape), hours_log_covariance=covariance,
        )  # fmt: skip

    return BidLandscape(
        keywords=KeywordAxis(
            columns=tuple(columns), labels=tuple(np.array(one, dtype=object) for one in labels[: len(columns)])
        ),
        hours=hours, auction=auction, bid=current, candidate=candidate,
        observed=Observed(
            days=7, impressions=zeros, clicks=zeros, cost=zeros, conversions=zeros, revenue=zeros, total_clicks=clicks,
            total_cost=zeros, total_conversions=rng.poisson(0.7, n).astype(float), exposed_clicks=clicks,
        ),
        revenue_per_conversion=rng.uniform(5, 80, n), day_shock=0.1,
        curves=WinCurves(
            campaign=campaign, mean=np.stack([rng.normal(2, 1, n), rng.normal(-0.5, 0.5, n), rng.normal(-0.5, 0.2, n)], axis=1),
            covariance=root @ root.transpose(0, 2, 1), traffic=rng.normal(0, 0.4, shape), level=rng.normal(0, 0.2, shape),
            traffic_covariance=covariance, level_covariance=covariance, trade=np.zeros(shape),
        ),
        click_rate=rates(0.1), conversion_rate=rates(0.04), completeness=np.ones(1), memory=Memory(),
    )  # fmt: skip


@st.composite
def cases(draw: st.DrawFn) -> Case:
    rng = np.random.default_rng(draw(st.integers(0, 100_000)))
    landscape = drawn(
        rng,
        hours=draw(st.sampled_from([1, 4])),
        auction=draw(st.sampled_from(["second", "first"])),
        devices=draw(st.sampled_from([1, 2])),
    )
    spent = float(landscape.expected(np.nan_to_num(landscape.bid)[:, :, None]).cost.sum()) + 1.0
    bids: dict[str, object] = {"step": draw(st.sampled_from([0.01, 0.05]))}
    if draw(st.booleans()):
        bids["dayparts"] = {}
    if draw(st.booleans()):
        bids["daily_budget"] = spent * draw(st.sampled_from([0.05, 0.3, 0.9]))
        bids["budget_confidence"] = draw(st.sampled_from([0.5, 0.5, 0.8]))
    if draw(st.booleans()):
        bids["min_roas"] = draw(st.sampled_from([1.0, 4.0, 30.0]))
    if draw(st.booleans()):
        bids["max_cpa"] = draw(st.sampled_from([0.5, 5.0, 20.0]))
    if draw(st.booleans()):
        bids["min_bid"], bids["max_bid"] = 0.1, draw(st.sampled_from([0.5, 3.0]))
    names = np.unique(landscape.keywords.label("campaign"))
    limits = {
        name: np.full(len(names), np.nan)
        for name in ("margin", "daily_budget", "min_roas", "max_cpa", "min_bid", "max_bid")
    }
    for name, low, high in (("daily_budget", 0.05, 0.6), ("min_roas", 1.0, 8.0), ("max_cpa", 2.0, 20.0)):
        if draw(st.booleans()):
            values = rng.uniform(low, high, len(names)) * (spent if name == "daily_budget" else 1.0)
            limits[name] = np.where(rng.random(len(names)) < 0.7, values, np.nan)
    revenue = landscape.revenue_per_conversion
    objective = draw(st.sampled_from(["profit", "revenue", {"profit": 0.7, "units": 0.3}]))
    return Case(
        landscape=landscape,
        campaigns=Campaigns(labels=names, **limits),
        value=ConversionValue(revenue=revenue, profit=revenue * rng.uniform(-0.1, 0.7, len(revenue))),
        policy=Policy.from_mapping({"objective": objective, "bids": bids}),
    )


def planned(case: Case) -> BidPlan:
    return bid(case.landscape, case.policy, campaigns=case.campaigns, value=case.value)


def outcomes(case: Case, plan: BidPlan) -> dict[str, np.ndarray]:
    """What the written tables bring, series by series in the landscape's own order, computed apart from the plan."""
    keywords = case.landscape.keywords
    frame = plan.to_frame().set_index(["campaign", "keyword"])["bid"]
    effective = np.array(
        [frame[key] for key in zip(keywords.label("campaign"), keywords.label("keyword"), strict=True)]
    )
    effective = effective[:, None] * np.ones(case.landscape.hours)
    times, extra = plan.dayparts_frame(), plan.adjustments_frame()
    for row, name in enumerate(keywords.label("campaign")):
        if len(times):
            mine = times[times["campaign"] == name]
            effective[row] *= mine.sort_values("hour")["multiplier"].to_numpy()
        if len(extra):
            mine = extra[(extra["campaign"] == name) & (extra["value"] == keywords.label("device")[row])]
            effective[row] *= float(mine["multiplier"].iloc[0])
    got = case.landscape.expected(effective[:, :, None])
    cost, conversions = got.cost.sum(axis=(1, 2)), got.conversions.sum(axis=(1, 2))
    return {"cost": cost, "conversions": conversions, "revenue": conversions * case.value.revenue}


def check(name: str, limit: float, got: dict[str, np.ndarray], within: np.ndarray) -> None:
    cost, conversions, revenue = (float(got[key][within].sum()) for key in ("cost", "conversions", "revenue"))
    if name == "daily_budget":
        assert cost <= limit * (1 + 1e-8)
    elif name == "min_roas":
        assert revenue >= limit * cost * (1 - 1e-8) - 1e-12
    else:
        assert cost <= limit * conversions * (1 + 1e-8) + 1e-12


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(cases())
def test_every_plan_keeps_every_limit_range_and_its_bound(case: Case) -> None:
    plan = planned(case)
    bids, got = case.policy.bids, outcomes(case, plan)
    assert bids is not None
    campaign = case.landscape.keywords.label("campaign")
    every = np.ones(len(campaign), dtype=bool)
    for name in ("daily_budget", "min_roas", "max_cpa"):
        if getattr(bids, name) is not None:
            check(name, getattr(bids, name), got, every)
        for at, label in enumerate(case.campaigns.labels):
            limit = getattr(case.campaigns, name)[at]
            if np.isfinite(limit):
                check(name, limit, got, campaign == label)
    on = plan.bid > 0
    kept = on & (np.abs(plan.bid - np.nan_to_num(plan.current)) < 1e-9)
    steps = plan.bid / bids.step
    assert np.all(kept | (np.abs(steps - np.round(steps)) < 1e-6))
    assert np.all(~on | (plan.bid >= (bids.min_bid or 0.0) - 1e-9))
    assert np.all(plan.bid <= (bids.max_bid or np.inf) + 1e-9)
    # Never worse than pausing everything, never better than the bound.
    assert plan.found.value >= -1e-9
    assert plan.found.value <= plan.bound.value + 1e-7 * max(1.0, abs(plan.bound.value))
    assert all(limit.slack >= -1e-8 * max(1.0, limit.limit) for limit in plan.limits if np.isfinite(limit.value))


@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(cases())
def test_the_same_case_gives_the_same_plan(case: Case) -> None:
    one, other = planned(case), planned(case)
    assert np.array_equal(one.bid, other.bid)
    assert one.totals == other.totals
    assert list(one.reason) == list(other.reason)
