"""The advertising half of `demo`: a bid plan on a report that is simulated, and says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pricebid.bidding import BidPlan
    from pricebid.cli._run import Run
    from pricebid.simulate import AdMarket

KEYWORDS, DAYS = 45, 28


def simulated_market(seed: int) -> AdMarket:
    """Draw the ad market of the demo: no keyword report with moving bids is free to be shipped."""
    from pricebid.simulate import AdMarketSettings, draw_ad_market

    settings = AdMarketSettings(keywords=KEYWORDS, campaigns=3, days=DAYS)
    return draw_ad_market(settings, np.random.default_rng(seed))


def bid_demo(run: Run, *, seed: int) -> BidPlan:
    """Plan bids on the simulated report and show the plan.

    Parameters
    ----------
    run : Run
        Where to show it.
    seed : int
        Of the market and of the plan.
    """
    from pricebid import engine
    from pricebid.policy import Policy
    from pricebid.report import bids, text

    market = simulated_market(seed)
    budget = round(market.budget, 2)
    policy = Policy.from_mapping({"seed": seed, "bids": {"daily_budget": budget, "dayparts": {}}})
    shop = market.shop
    run.show(
        "",
        text.section("Which bids earn most within a budget? (SIMULATED keyword report)"),
        text.plain(
            f"A simulated report, not real: {KEYWORDS} keywords in 3 campaigns over {DAYS} days, by the hour; the budget is a "
            "third of what is spent now."
        ),
    )
    with run.progress("Planning bids") as progress:
        plan = engine.bid(shop, policy, progress=progress)
    run.show(bids.bid_report(plan, moves=3))
    best = market.best(budget)
    scored = market.score(*truly_set(market, plan), budget=budget, best=best)
    run.show(
        text.plain(
            f"Because it is simulated, the truth is known: the plan earns {100 * scored.share:.0f}% of what the best bids and "
            f"multipliers would, and truly costs {100 * scored.spend:.0f}% of the budget."
        )
    )
    return plan


def truly_set(market: AdMarket, plan: BidPlan) -> tuple[np.ndarray, np.ndarray]:
    """Return a plan's bids and multipliers in the order of the market: float64[keyword], float64[campaign, hour]."""
    layout = plan.layout
    labels = list(zip(*(layout.label(name).tolist() for name in ("campaign", "keyword", "match_type")), strict=True))
    bid = np.zeros(len(market.keywords))
    bid[market.keywords.locate(labels)] = plan.bid
    order = np.searchsorted(layout.campaigns.astype(str), market.keywords.campaigns.astype(str))
    return bid, plan.times[0][order]
