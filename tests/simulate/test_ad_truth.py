"""True outcomes of bids against simulated days and against integrals worked out another way."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import lognorm

from pricebid.errors import InputError
from pricebid.simulate import AdMarket, AdMarketSettings, AdTruth, draw_ad_market

SMALL = AdMarketSettings(keywords=6, campaigns=2, days=14)


def market(settings: AdMarketSettings = SMALL, seed: int = 0) -> AdMarket:
    return draw_ad_market(settings, np.random.default_rng(seed))


@pytest.mark.parametrize("auction", ["second", "first"])
def test_share_won_and_price_paid_are_the_integrals_of_the_rival_bid(auction: str) -> None:
    truth = market(replace(SMALL, auction=auction)).truth
    rng = np.random.default_rng(1)
    effective = np.exp(truth.level + truth.spread[:, None] * rng.normal(0.0, 1.0, truth.level.shape))
    outcomes = truth.outcomes_at(effective)
    for series, hour in [(0, 0), (2, 11), (5, 23)]:
        bid = float(effective[series, hour])
        rival = lognorm(s=truth.spread[series], scale=np.exp(truth.level[series, hour]))
        won = rival.cdf(bid)
        paid = bid * won if auction == "first" else quad(lambda price, law=rival: price * law.pdf(price), 0, bid)[0]
        auctions = truth.auctions[series, hour]
        assert outcomes.impressions[series, hour] == pytest.approx(auctions * won, rel=1e-9)
        assert outcomes.cost[series, hour] == pytest.approx(auctions * truth.click_rate[series] * paid, rel=1e-6)


@pytest.mark.parametrize("auction", ["second", "first"])
@pytest.mark.parametrize("dimensions", [{}, {"regions": 2, "devices": 2}, {"skus": 3}])
def test_simulated_days_average_to_the_truth(auction: str, dimensions: dict[str, int]) -> None:
    # Totals over 600 days: common shocks of 10 % leave a standard error of 0.4 % on each, more than 8,000 conversions
    # 1.1 %, and hours of dispersion 0.2 below 0.2 %; 5 % is allowed: beyond 4 standard errors.
    drawn = market(replace(SMALL, auction=auction, volume=2000.0, **dimensions))
    bid = drawn.logged[-1]
    multiplier = np.random.default_rng(5).uniform(0.5, 1.5, (2, 24))
    days = drawn.play(bid, multiplier, np.random.default_rng(2), days=600)
    truth = drawn.truth.outcomes(bid, multiplier)
    assert days.conversions.sum() > 8_000
    for name in ("impressions", "clicks", "cost", "conversions", "revenue"):
        mean = getattr(days, name).sum() / 600
        assert mean == pytest.approx(getattr(truth, name).sum(), rel=0.05), name
    first = np.searchsorted(drawn.truth.entity, np.arange(6))
    cost = np.add.reduceat(days.cost.sum(axis=(0, 2)), first) / 600
    np.testing.assert_allclose(cost, truth.cost, rtol=0.06)
    assert days.spend.shape == (600,)


def test_no_click_costs_more_than_the_bid_and_none_comes_at_bid_0() -> None:
    drawn = market()
    days = drawn.play(drawn.logged[-1], None, np.random.default_rng(0), days=50)
    assert (days.cost <= days.clicks * days.bid + 1e-4).all()
    assert (days.impressions >= days.clicks).all()
    assert (days.clicks >= days.conversions).all()
    nothing = drawn.play(np.zeros(6), None, np.random.default_rng(0), days=5)
    assert nothing.impressions.sum() == 0
    assert drawn.truth.outcomes(np.zeros(6)).cost.sum() == 0.0


@pytest.mark.parametrize("scope", ["market", "campaign"])
def test_a_days_shock_is_as_large_and_as_common_as_asked_for(scope: str) -> None:
    # 2,000 days of many auctions and no dispersion: the standard error of a standard deviation of .1 is .0016, and of
    # a correlation about .02. Counts add about .01 of noise to a campaign's day.
    settings = replace(SMALL, volume=5000.0, dispersion=0.0, shock_scope=scope, shock=0.1, days=2)
    drawn = market(settings)
    days = drawn.play(drawn.logged[-1], None, np.random.default_rng(3), days=2000)
    seen = days.impressions.sum(axis=2)
    per_campaign = np.stack([seen[:, drawn.truth.campaign == c].sum(axis=1) for c in (0, 1)])
    assert np.log(per_campaign).std(axis=1) == pytest.approx([0.1, 0.1], abs=0.01)
    assert np.corrcoef(per_campaign)[0, 1] == pytest.approx(1.0 if scope == "market" else 0.0, abs=0.1)


def test_counts_vary_more_than_poisson_by_the_dispersion_asked_for() -> None:
    # 400 days x 144 cells without common shocks; the moment estimate of .3 has a standard error of about .01.
    drawn = market(replace(SMALL, shock=0.0, dispersion=0.3, volume=2000.0))
    days = drawn.play(np.full(6, 1e6), None, np.random.default_rng(4), days=400)
    mean = days.impressions.mean(axis=0)
    found = np.average((days.impressions.var(axis=0) - mean) / mean**2, weights=mean)
    assert found == pytest.approx(0.3, abs=0.04)


def test_outcomes_of_free_bids_add_up_to_those_of_bids_and_multipliers() -> None:
    truth = market(replace(SMALL, regions=2)).truth
    bid = np.linspace(0.2, 1.0, 6)
    multiplier = np.random.default_rng(0).uniform(0.3, 2.5, (2, 24))
    cells = truth.outcomes_at(truth.effective(bid, multiplier))
    total = truth.outcomes(bid, multiplier)
    np.testing.assert_allclose(total.profit, cells.profit.sum(axis=1).reshape(6, 2).sum(axis=1))
    np.testing.assert_allclose(cells.profit, truth.margin[:, None] * cells.revenue - cells.cost)
    half = truth.outcomes(bid, multiplier, np.full(12, 0.5))
    np.testing.assert_allclose(half.cost, truth.outcomes(bid / 2, multiplier).cost)
    batch = truth.outcomes_at(np.stack([truth.effective(bid), truth.effective(bid, multiplier)]))
    np.testing.assert_allclose(batch.clicks[1], cells.clicks)


def test_every_outcome_but_profit_rises_with_the_bid() -> None:
    truth = market().truth
    ladder = np.geomspace(0.01, 50.0, 60)
    cells = truth.outcomes_at(np.broadcast_to(ladder[:, None, None], (60, *truth.level.shape)))
    for name in ("impressions", "clicks", "cost", "conversions", "revenue"):
        assert (np.diff(getattr(cells, name), axis=0) >= -1e-12).all(), name


def test_bids_of_another_shape_are_refused() -> None:
    truth: AdTruth = market().truth
    with pytest.raises(InputError, match="6 keywords"):
        truth.outcomes(np.ones(5))
    with pytest.raises(InputError, match="2 campaigns x 24 hours"):
        truth.outcomes(np.ones(6), np.ones((3, 24)))
