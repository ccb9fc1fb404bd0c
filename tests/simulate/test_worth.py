"""What the whole engine is worth where the truth is known: the long proof, on markets that nothing was tuned on."""

from __future__ import annotations

import numpy as np
import pytest

from pricebid.demand import fit
from pricebid.policy import Policy
from pricebid.pricing import price
from pricebid.simulate import MarketSettings, draw_market

POLICY = Policy.from_mapping({"horizon": 4, "price": {"min_margin": 0.10, "max_change": 0.15, "step": 0.01}})


def shares(settings: MarketSettings, seeds: range) -> np.ndarray:
    """Share of the reachable uplift that the engine's plan captures on each market."""
    found = []
    for seed in seeds:
        market = draw_market(settings, np.random.default_rng([41, seed]))
        shop = market.shop
        found.append(market.score(price(shop, fit(shop.history()), POLICY).price))
    return np.array(found)


# Floors a little below what is reached today (mean .75 and .72, lowest .34 and -.01), so that it is not lost unnoticed;
# the aims are mean .85 and lowest .6 with many visitors, mean .5 and none negative with few (docs/benchmarks.md).
@pytest.mark.slow
@pytest.mark.parametrize(("visitors", "mean", "least"), [(400.0, 0.7, 0.3), (12.0, 0.65, -0.05)])
def test_plans_capture_most_of_the_reachable_uplift_of_logit_markets(
    visitors: float, mean: float, least: float
) -> None:
    # Ten fixed markets: no chance of failing without a change of the code.
    found = shares(MarketSettings(truth="logit", visitors=visitors), range(10))
    assert found.mean() >= mean, found
    assert found.min() >= least, found


@pytest.mark.slow
@pytest.mark.parametrize("truth", ["nested", "loglog", "reference"])
def test_plans_earn_money_where_the_truth_is_no_logit(truth: str) -> None:
    found = shares(MarketSettings(truth=truth, visitors=400.0), range(10))
    assert found.mean() >= 0.45, found
