"""Win curves: more is won by higher bids, each further click costs just the bid, and means are those of the draws."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from pricebid import InputError
from pricebid.landscape import BidLandscape, Observed
from pricebid.landscape.curves import WinCurves, factor, log_positive, won_and_paid
from pricebid.landscape.drift import Memory
from pricebid.landscape.model import Rates
from pricebid.tables import KeywordAxis


def landscape(seed: int, *, size: float = 1.0, auction: str = "second", hours: int = 3) -> BidLandscape:
    """Four series of two campaigns with random curves; `size` scales all uncertainty."""
    rng = np.random.default_rng(seed)
    root = rng.normal(0.0, 0.15, (4, 3, 3)) * size
    wave = rng.normal(0.0, 0.1, (2, hours, hours)) * size
    curves = WinCurves(
        campaign=np.array([0, 0, 1, 1]),
        mean=np.stack([rng.normal(1.0, 1.0, 4), rng.normal(0.0, 0.5, 4), rng.normal(-0.5, 0.2, 4)], axis=1),
        covariance=root @ root.transpose(0, 2, 1),
        traffic=rng.normal(0.0, 0.5, (2, hours)),
        level=rng.normal(0.0, 0.2, (2, hours)),
        traffic_covariance=0.3 * wave @ wave.transpose(0, 2, 1),
        level_covariance=wave @ wave.transpose(0, 2, 1),
        trade=rng.uniform(0.5, 1.5, (2, hours)),
    )
    none = np.zeros(4)
    rates = Rates(
        mean=rng.uniform(0.01, 0.1, 4),
        log_variance=np.full(4, 0.1 * size),
        hours=rng.uniform(0.5, 1.5, (2, hours)),
        hours_log_covariance=0.2 * wave @ wave.transpose(0, 2, 1),
    )
    return BidLandscape(
        keywords=KeywordAxis(
            columns=("campaign", "keyword", "match_type"),
            labels=tuple(np.array(list(one), dtype=object) for one in ("aabb", "wxyz", "eeee")),
        ),
        hours=hours,
        auction="second" if auction == "second" else "first",
        bid=np.ones((4, hours)),
        candidate=np.zeros(4, dtype=bool),
        observed=Observed(days=7, **{f.name: none for f in dataclasses.fields(Observed)[1:]}),
        revenue_per_conversion=np.ones(4),
        day_shock=0.1,
        curves=curves,
        click_rate=rates,
        conversion_rate=rates,
        completeness=np.ones(3),
        memory=Memory(),
    )


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 500), st.floats(0.0, 2.0), st.sampled_from(["second", "first"]))
def test_outcomes_rise_with_bids_and_a_further_click_costs_at_least_the_bid(
    seed: int, size: float, auction: str
) -> None:
    made = landscape(seed, size=size, auction=auction)
    ladder = np.geomspace(0.05, 20.0, 60)
    got = made.expected(np.broadcast_to(ladder, (4, 3, 60)).copy())
    for values in (got.impressions, got.clicks, got.cost, got.conversions):
        assert np.all(np.isfinite(values))
        assert np.all(np.diff(values, axis=2) >= -1e-12)
    assert np.all(got.cost <= got.clicks * ladder * (1 + 1e-9))
    further, paid = np.diff(got.clicks, axis=2), np.diff(got.cost, axis=2)
    # Between two bids a click more costs no less than the lower one; in a second-price auction no more than the higher.
    assert np.all(paid >= further * ladder[:-1] - 1e-9)
    if auction == "second":
        assert np.all(paid <= further * ladder[1:] + 1e-9)
        # Concave in cost: what a click more costs never falls.
        clear = further > 1e-6
        each = np.where(clear, paid / np.maximum(further, 1e-12), np.nan)
        assert np.all((np.diff(each, axis=2) > -1e-4) | np.isnan(np.diff(each, axis=2)))


@pytest.mark.parametrize("auction", ["second", "first"])
def test_expected_outcomes_are_the_means_of_the_draws(auction: str) -> None:
    made = landscape(3, auction=auction)
    for bid in (0.4, 1.0, 3.0):
        drawn = made.draws(np.full((4, 3), bid), np.random.default_rng(1), 1500)
        got = made.expected(np.full((4, 3, 1), bid))
        for name in ("impressions", "clicks", "cost", "conversions"):
            values = getattr(drawn, name)
            error = values.std(axis=0) / np.sqrt(len(values))
            exact = getattr(got, name).sum(axis=(1, 2))
            # 24 means at four standard errors, and 1.5 % for the spread's two points.
            assert np.all(np.abs(values.mean(axis=0) - exact) < 4 * error + 0.015 * exact)


def test_without_uncertainty_expected_outcomes_are_the_textbook_ones() -> None:
    made = landscape(5, size=0.0)
    rng = np.random.default_rng(2)
    level = made.curves.mean[0, 1] + made.curves.level[0, 1]
    rival = np.exp(level + np.exp(made.curves.mean[0, 2]) * rng.standard_normal(400_000))
    auctions = np.exp(made.curves.mean[0, 0] + made.curves.traffic[0, 1])
    clicked = made.click_rate.mean[0] * made.click_rate.hours[0, 1]
    got = made.expected(np.full((4, 3, 1), 1.1))
    assert got.impressions[0, 1, 0] == pytest.approx(auctions * (rival < 1.1).mean(), rel=0.01)
    assert got.cost[0, 1, 0] == pytest.approx(auctions * clicked * (rival * (rival < 1.1)).mean(), rel=0.01)
    drawn = made.draws(np.full((4, 3), 1.1), rng, 2)
    np.testing.assert_allclose(drawn.cost[0], got.cost.sum(axis=(1, 2)), rtol=1e-5)


def test_no_bid_brings_nothing() -> None:
    made = landscape(1)
    got = made.expected(np.array([0.0, np.nan]) * np.ones((4, 3, 1)))
    for values in (got.impressions, got.clicks, got.cost, got.conversions):
        assert np.all(values == 0.0)
    assert np.all(np.isneginf(log_positive(np.array([0.0, np.nan]))))
    won, paid = won_and_paid(np.array([-np.inf]), np.zeros(1), np.ones(1), second=False)
    assert (won[0], paid[0]) == (0.0, 0.0)


def test_many_series_are_worked_on_in_parts_with_the_same_result(monkeypatch: pytest.MonkeyPatch) -> None:
    made = landscape(2)
    bid = np.random.default_rng(1).uniform(0.1, 3.0, (4, 3, 7))
    whole = made.expected(bid)
    monkeypatch.setattr("pricebid.landscape.model._CELLS", 30)
    np.testing.assert_array_equal(made.expected(bid).cost, whole.cost)


def test_bids_of_another_shape_are_refused() -> None:
    made = landscape(2)
    with pytest.raises(InputError, match=r"give \[series, hour, option\] for 4 series x 3 hours"):
        made.expected(np.ones((4, 3)))
    with pytest.raises(InputError, match="for 2 series"):
        made.draws(np.ones((4, 3)), np.random.default_rng(1), 3, rows=np.array([0, 1]))


def root_of(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    return factor(matrix)


def test_a_root_of_a_singular_covariance_gives_it_back() -> None:
    rng = np.random.default_rng(1)
    half = rng.normal(size=(5, 4, 2))
    matrix = half @ half.transpose(0, 2, 1)
    root = root_of(matrix)
    np.testing.assert_allclose(root @ root.transpose(0, 2, 1), matrix, atol=1e-10)
