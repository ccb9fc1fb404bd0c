"""The truth over the horizon, the best reachable prices, and the score."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from pricebid.errors import InputError
from pricebid.simulate import Bounds, Market, MarketSettings, draw_market

SMALL = MarketSettings(categories=2, skus=4, regions=3, periods=60)
KINDS = ("logit", "nested", "loglog", "reference")


def market(settings: MarketSettings = SMALL, seed: int = 0) -> Market:
    return draw_market(settings, np.random.default_rng(seed))


@pytest.mark.parametrize("kind", KINDS)
def test_batched_price_vectors_give_what_each_gives_alone(kind: str) -> None:
    drawn = market(replace(SMALL, truth=kind))
    prices = drawn.truth.current * np.random.default_rng(1).uniform(0.9, 1.1, (5, 24))
    alone = np.stack([drawn.units(price) for price in prices])
    np.testing.assert_allclose(drawn.units(prices), alone)
    profit = ((prices - drawn.truth.cost) * alone).sum(axis=1)
    np.testing.assert_allclose(drawn.profit(prices), profit)


@pytest.mark.parametrize("kind", KINDS)
def test_history_averages_to_the_truth_where_nothing_else_moves(kind: str) -> None:
    # 24 offers x 2000 weeks at one price: the standard error of the grand mean is below 0.5 %.
    still = replace(
        SMALL,
        truth=kind,
        periods=2000,
        season=0.0,
        shock=0.0,
        drift=0.0,
        lasting=0.0,
        local=0.0,
        supply=0.0,
        zone=0.0,
        promo_rate=0.0,
        stockouts=0.0,
    )
    drawn = market(still)
    expected = drawn.units(drawn.truth.current) / still.horizon
    assert drawn.history.units.mean() == pytest.approx(expected.mean(), rel=0.02)
    np.testing.assert_allclose(drawn.history.units.mean(axis=1), expected, rtol=0.12)


@pytest.mark.parametrize("kind", KINDS)
def test_moving_one_price_hurts_itself_helps_its_group_and_leaves_others(kind: str) -> None:
    drawn = market(replace(SMALL, truth=kind))
    elasticity = drawn.truth.elasticity(drawn.truth.current)
    own = np.einsum("gii->gi", elasticity)
    assert (own < -1).all()
    assert (elasticity[:, ~np.eye(4, dtype=bool)] > 0).all()
    dearer = drawn.truth.current.copy()
    dearer[0] *= 1.1
    moved = drawn.units(dearer) / drawn.units(drawn.truth.current)
    group = drawn.truth.layout.grouped(moved)
    assert group[0, 0] < 1
    assert (group[0, 1:] > 1).all()
    np.testing.assert_array_equal(group[1:], 1.0)


def test_reference_buyers_get_used_to_a_dearer_price() -> None:
    drawn = market(replace(SMALL, truth="reference"))
    settled = replace(drawn.truth, reference=drawn.truth.layout.grouped(drawn.truth.current))
    dearer = settled.current * 1.1
    one_week = replace(settled, visitors=settled.visitors[:1])
    later = replace(settled, visitors=np.repeat(settled.visitors[:1], 30, axis=0))
    first = one_week.units(dearer).sum() / one_week.units(settled.current).sum()
    whole = later.units(dearer).sum() / later.units(settled.current).sum()
    assert first < whole < 1


def test_ladder_keeps_change_and_margin_and_whole_steps() -> None:
    current, cost = np.array([2.0, 5.0, 1.0]), np.array([1.0, 4.6, 1.2])
    bounds = Bounds(max_change=0.15, min_margin=0.1, step=0.05)
    ladder = bounds.ladder(current, cost)
    assert (ladder <= current[:, None] * 1.15 + 1e-9).all()
    assert (ladder[:2] >= current[:2, None] * 0.85 - 1e-9).all()
    assert ((ladder[:2] - cost[:2, None]) / ladder[:2] >= 0.1 - 1e-9).all()
    np.testing.assert_allclose(ladder / 0.05, np.round(ladder / 0.05), atol=1e-9)
    assert ladder[1].min() == pytest.approx(5.15)
    np.testing.assert_allclose(ladder[2], 1.15)


@pytest.mark.parametrize("kind", KINDS)
def test_best_prices_match_brute_force_on_a_small_market(kind: str) -> None:
    drawn = market(MarketSettings(truth=kind, categories=1, skus=3, regions=2, periods=30), seed=4)
    bounds = Bounds(step=0.1)
    ladder = drawn.truth.layout.grouped(bounds.ladder(drawn.truth.current, drawn.truth.cost).T)
    best = drawn.best(bounds)
    grid = np.array(list(itertools.product(range(len(ladder)), repeat=3)))
    for group in range(2):
        trial = np.repeat(drawn.truth.layout.grouped(best)[None], len(grid), axis=0)
        trial[:, group, :] = np.stack([ladder[grid[:, sku], group, sku] for sku in range(3)], axis=1)
        brute = drawn.profit(drawn.truth.layout.flat(trial)).max()
        assert drawn.profit(best) == pytest.approx(brute, rel=1e-9)


def test_logit_best_has_one_mark_up_per_group() -> None:
    # The closed form: at the optimum of a multinomial logit every offer of a group carries the mark-up 1 / (slope s0).
    drawn = market(seed=5)
    wide = Bounds(max_change=0.9, min_margin=0.0, step=0.01)
    best = drawn.best(wide)
    margin = drawn.truth.layout.grouped(best - drawn.truth.cost)
    outside = 1 - drawn.truth.buyers.rate(
        drawn.truth.layout.grouped(best), lift=np.zeros(margin.shape), reference=np.zeros(margin.shape)
    ).sum(axis=1, keepdims=True)
    expected = 1 / (drawn.truth.buyers.slope * outside)
    np.testing.assert_allclose(margin, np.repeat(expected, 4, axis=1), atol=0.02)


@pytest.mark.parametrize("kind", KINDS)
def test_score_is_one_at_the_best_nought_now_and_the_gap_is_as_asked(kind: str) -> None:
    drawn = market(MarketSettings(truth=kind))
    assert drawn.score(drawn.truth.current) == pytest.approx(0.0, abs=1e-12)
    assert drawn.score(drawn.best()) == pytest.approx(1.0)
    wide = drawn.best(Bounds(max_change=0.5, min_margin=0.0))
    assert 0.10 < np.median(np.abs(wide / drawn.truth.current - 1)) < 0.17
    margin = 1 - drawn.truth.cost / drawn.truth.current
    assert (margin > 0.1).all()


def test_a_price_vector_of_the_wrong_length_is_refused() -> None:
    with pytest.raises(InputError, match="23 prices for 24 offers"):
        market().units(np.ones(23))
