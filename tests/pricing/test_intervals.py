"""Ranges of units: what is unsure of the level counts once, chance about it once."""

import numpy as np

import pricebid
from pricebid.demand import AttractionResponse
from pricebid.pricing.economics import Economics
from pricebid.pricing.intervals import draw_totals, predictive
from pricebid.simulate import MarketSettings, draw_market

OFFERS, LEVEL, CHANCE = 400, 0.25, 0.02


def response():
    """Offers alone in their groups with an unsure level and little chance about it."""
    return AttractionResponse(
        current=np.full(OFFERS, 2.0),
        base=np.full((OFFERS, 4), 500.0),
        groups=np.arange(OFFERS),
        share=np.full(OFFERS, 0.1),
        own=np.full(OFFERS, -2.0),
        own_sd=np.zeros(OFFERS),
        pools=np.zeros(OFFERS, dtype=int),
        common_sd=np.zeros(1),
        share_sd=np.zeros(1),
        level_sd=np.full(OFFERS, LEVEL),
        common_level_sd=np.zeros(1),
        carry=np.zeros(OFFERS),
        dispersion=np.full(OFFERS, np.expm1(LEVEL**2) + CHANCE),
        chance=np.full(OFFERS, CHANCE),
    )


def test_eighty_of_a_hundred_draws_of_what_sells_lie_within_the_range():
    demand = response()
    price = np.full((2, OFFERS), 2.0)
    economics = Economics(
        reference=price[0],
        cost=np.ones(OFFERS),
        shipping=np.zeros(OFFERS),
        discount=np.zeros(OFFERS),
        tax=np.zeros(OFFERS),
        available=np.full(OFFERS, np.nan),
    )
    spread = draw_totals(demand, economics, price, np.random.default_rng(0), n=400)
    mean = demand.units(price[0])
    low, high = predictive(mean, spread.deviation[1], demand.chance)
    rng = np.random.default_rng(1)
    level = mean * np.exp(LEVEL * rng.standard_normal((50, OFFERS)) - 0.5 * LEVEL**2)
    sold = rng.poisson(level * rng.gamma(1 / CHANCE, CHANCE, level.shape))
    inside = ((sold >= low) & (sold <= high)).mean()
    # 20,000 draws: a standard error of .003. A gamma range of a lognormal level covers a little more than .80; counted twice, the level gives .9.
    assert 0.78 <= inside <= 0.84
    twice = predictive(mean, spread.deviation[1], demand.dispersion)
    assert ((sold >= twice[0]) & (sold <= twice[1])).mean() > 0.88


def test_a_fitted_model_does_not_count_its_level_as_chance():
    market = draw_market(MarketSettings(skus=3, regions=2, periods=60, horizon=4), np.random.default_rng(3))
    found = pricebid.fit(market.shop).response(market.shop.future(4))
    assert (found.chance > 0).all()
    assert (found.chance < found.dispersion).all()
