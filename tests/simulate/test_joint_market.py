"""Prices and ads of one seller: today's bids change nothing, more of them bring buyers who see the price."""

from __future__ import annotations

import numpy as np
import pytest

from pricebid.simulate import AdMarketSettings, MarketSettings
from pricebid.simulate.joint_market import JointMarket, draw_joint_market

PRICES = MarketSettings(categories=2, skus=4, regions=2, periods=60)
ADS = AdMarketSettings(keywords=12, campaigns=2, days=14, volume=60.0, conversion_rate=0.12)


def draw(seed: int = 1, spread: float = 0.2) -> JointMarket:
    return draw_joint_market(PRICES, ADS, np.random.default_rng(seed), spread=spread)


def test_at_the_bids_of_the_history_units_are_those_of_the_price_market() -> None:
    market = draw()
    for change in (0.9, 1.0, 1.1):
        price = market.prices.truth.current * change
        assert np.allclose(market.units(price, market.ads.logged[-1]), market.prices.units(price))


def test_more_ads_bring_as_many_units_as_they_bring_conversions() -> None:
    market = draw()
    price, bid = market.prices.truth.current, 2.0 * market.ads.logged[-1]
    more = market.ads.truth.outcomes(bid).conversions - market.ads.truth.outcomes(market.ads.logged[-1]).conversions
    gained = market.units(price, bid).sum() - market.prices.units(price).sum()
    assert gained == pytest.approx(market.days * more.sum())


def test_without_a_spread_buyers_from_ads_answer_to_prices_as_all_buyers_do() -> None:
    market = draw(spread=0.0)
    now, bid = market.prices.truth.current, 1.5 * market.ads.logged[-1]
    price = now * np.random.default_rng(2).uniform(0.9, 1.1, len(now))
    ratio = market.units(price, bid) / market.prices.units(price)
    assert np.allclose(ratio, market.units(now, bid) / market.prices.units(now))


def test_profit_is_what_units_earn_less_what_clicks_cost() -> None:
    market = draw()
    price, bid = market.prices.truth.current, market.ads.logged[-1]
    cost = market.days * market.ads.truth.outcomes(bid).cost.sum()
    assert market.profit(price, bid) == pytest.approx(market.prices.profit(price) - cost)
    assert 0.02 < market.advertised < 1.0


def test_the_shop_links_every_keyword_to_a_sku_that_it_sells() -> None:
    shop = draw().shop
    reports = shop.table("keywords")
    assert reports is not None
    assert set(reports.text("sku").labels) <= set(shop.offers.sku)


def test_the_same_seed_draws_the_same_market() -> None:
    one, same, other = draw(1), draw(1), draw(2)
    assert one.frames()["keywords"].equals(same.frames()["keywords"])
    assert not one.frames()["keywords"].equals(other.frames()["keywords"])
