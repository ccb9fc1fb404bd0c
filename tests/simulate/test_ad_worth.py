"""What bid plans are worth where the truth is known, and what learning from nothing earns: the long proof."""

from __future__ import annotations

import numpy as np
import pytest

from pricebid.bidding import bid, conversion_value
from pricebid.landscape import fit_landscape
from pricebid.policy import Policy
from pricebid.simulate import (
    AdLearner,
    AdMarket,
    AdMarketSettings,
    AdStreamSettings,
    draw_ad_market,
    draw_ad_stream,
    landscape_plan,
    play_stream_day,
)


def planned(market: AdMarket, confidence: float = 0.5) -> tuple[np.ndarray, np.ndarray]:
    """Bids and multipliers of the engine's plan, on the market's axes."""
    shop = market.shop
    policy = Policy.from_mapping(
        {"bids": {"daily_budget": market.budget, "budget_confidence": confidence, "dayparts": {}}}
    )
    landscape, campaigns = fit_landscape(shop.keyword_reports()), shop.campaigns()
    plan = bid(landscape, policy, campaigns=campaigns, value=conversion_value(landscape, campaigns))
    bids, times = plan.to_frame(), plan.dayparts_frame()
    rows = market.keywords.locate([*zip(bids["campaign"], bids["keyword"], bids["match_type"], strict=True)])
    chosen, multiplier = np.zeros(len(market.keywords)), np.ones((market.truth.campaigns, 24))
    chosen[rows] = bids["bid"]
    at = {name: number for number, name in enumerate(market.keywords.campaigns)}
    multiplier[times["campaign"].map(at), times["hour"]] = times["multiplier"]
    return chosen, multiplier


# Floors a little below what is reached today, so that it is not lost unnoticed; the aims are mean .95, lowest .90 and
# cost at most 1.02 of the budget (docs/simulate.md, benchmarks). Fixed markets: no chance of failing without a change.
@pytest.mark.slow
def test_bid_plans_come_near_the_best_bids_and_multipliers_and_near_their_budget() -> None:
    scores = []
    for seed in range(5):
        market = draw_ad_market(AdMarketSettings(), np.random.default_rng([43, seed]))
        scores.append(market.score(*planned(market)))
    share, spend = (np.array([getattr(score, name) for score in scores]) for name in ("share", "spend"))
    assert share.mean() >= 0.95, share
    assert share.min() >= 0.88, share
    assert spend.max() <= 1.08, spend
    assert spend.mean() <= 1.03, spend


def test_a_bid_plan_beats_the_bids_of_today_within_a_third_of_their_cost() -> None:
    settings = AdMarketSettings(keywords=12, campaigns=2, days=28, volume=400.0)
    market = draw_ad_market(settings, np.random.default_rng(8))
    best, (chosen, multiplier) = market.best(), planned(market)
    score = market.score(chosen, multiplier, best=best)
    today = market.score(market.logged[-1], best=best)
    assert score.share > 0.85
    assert score.spend < 1.1
    # Today's bids cost three budgets for what they earn.
    assert today.spend > 2.5
    assert score.share / score.spend > 2 * today.share / today.spend


@pytest.mark.slow
@pytest.mark.parametrize(("volume", "rate", "least"), [(64.0, 0.5, 0.75), (24.0, 0.1, 0.3)])
def test_learning_from_nothing_earns_most_of_the_bound(volume: float, rate: float, least: float) -> None:
    # One fixed stream each over 40 days; over 60 days the aims are .85 dense and .45 very sparse.
    settings = AdStreamSettings(volume=volume, conversion_rate=rate, days=40)
    stream = draw_ad_stream(settings, np.random.default_rng(9))
    names = np.array([f"keyword {at:03d}" for at in range(len(stream))], dtype=object)
    learner = AdLearner(keywords=names, budget=stream.budget(), plans=landscape_plan)
    state, rng, moves = learner.start(), np.random.default_rng(10), np.random.default_rng(11)
    for _ in range(settings.days):
        bidder = learner.bidder(state, moves)
        state = learner.update(state, play_stream_day(stream, bidder, learner.budget, rng), bidder)
    profit = np.mean([day.profit(stream) for day in state.days]) / stream.bound()[1]
    assert profit >= least
    assert max(day.cost.sum() for day in state.days) <= learner.budget + 1e-9
