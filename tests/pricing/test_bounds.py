"""What the policy allows a single price."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pricebid.errors import TableError
from pricebid.pricing.bounds import Allowed, allowed_prices, prior_low
from pricebid.pricing.make import money
from pricebid.tables import Shop


def allowed(tools: Any, shop: Shop, text: str) -> Allowed:
    policy = tools.policy(text)
    future = shop.future(policy.horizon)
    return allowed_prices(shop, policy, money(shop, policy, future), future)


def test_the_margin_floor_counts_tax_shipping_and_discount(tools: Any) -> None:
    shop = tools.shop()
    policy = tools.policy("[price]\nmin_margin = 0.2")
    economics = money(shop, policy, shop.future(4))
    n = len(shop.offers)
    economics = replace(economics, tax=np.full(n, 0.19), shipping=np.full(n, 0.3), discount=np.full(n, 0.1))
    found = allowed_prices(shop, policy, economics, shop.future(4))
    low, _ = found.ladder.ends()
    some = found.ladder.sizes > 0

    def margin(price: np.ndarray) -> np.ndarray:
        revenue = (price - 0.1) / 1.19
        return (revenue - economics.cost - 0.3) / revenue

    assert (margin(low[some]) >= 0.2 - 1e-9).all()
    assert (margin(low[some & ~found.ladder.keep] - 0.01) < 0.2).all()


def test_without_a_bound_the_search_range_ends_the_ladder(tools: Any) -> None:
    found = allowed(tools, tools.shop(), "[price]\nnever_below_cost = false")
    low, high = found.ladder.ends()
    np.testing.assert_allclose(low, found.ladder.current / 2, atol=0.01)
    np.testing.assert_allclose(high, found.ladder.current * 2, atol=0.01)


def test_max_change_min_max_and_map_price_bind_where_they_are_tightest(tools: Any) -> None:
    nothing = float("nan")
    shop = tools.shop(
        min_price=[2.2, *[nothing] * 5], max_price=[2.4, 2.5, *[nothing] * 4], map_price=[nothing, 2.58, *[nothing] * 4]
    )
    found = allowed(tools, shop, "[price]\nmax_change = 0.1")
    first = shop.offers.sku == "s0"
    low, high = found.ladder.ends()
    np.testing.assert_allclose(low[first], 2.2)
    np.testing.assert_allclose(high[first], 2.4)
    assert {found.bounds[at].name for at in found.low[first]} == {"min_price"}
    # s1: the map price 2.58 is above the max price 2.5: no price, and the current 2.59 breaks the max price only.
    second = shop.offers.sku == "s1"
    assert (found.ladder.sizes[second] == 0).all()
    assert found.ladder.keep[second].all()


def test_the_current_price_stays_an_option_off_the_grid_but_not_below_a_floor(tools: Any) -> None:
    found = allowed(tools, tools.shop(), "[price]\nendings = [0.95]\nmax_change = 0.03\nmin_margin = 0.35")
    economics = money(tools.shop(), tools.policy(), tools.shop().future(4))
    margin = 1 - economics.cost / found.ladder.current
    np.testing.assert_array_equal(found.ladder.keep, margin >= 0.35)
    assert (found.ladder.empty == (margin < 0.35)).any()


def test_prices_have_the_endings_and_rules_may_give_their_own(tools: Any) -> None:
    shop = tools.shop()
    found = allowed(
        tools,
        shop,
        '[price]\nendings = [0.99, 0.49]\n[[rules]]\nsku = "s1"\nendings = [0.49]\n[[rules]]\nsku = "s2"\nstep = 0.25',
    )
    options = found.ladder.chunk(0, int(found.ladder.sizes.max()))
    for sku, cents in (("s0", {49, 99}), ("s1", {49}), ("s2", {0, 25, 50, 75})):
        for row in np.flatnonzero(shop.offers.sku == sku):
            prices = options.prices[row, options.allowed[row]]
            prices = prices[np.abs(prices - found.ladder.current[row]) > 1e-9]
            assert {round(price * 100) % 100 for price in prices} <= cents


def test_selectors_of_a_rule_must_all_match(tools: Any) -> None:
    shop = tools.shop()
    found = allowed(tools, shop, '[[rules]]\ncategory = "a"\nregion = "north"\nmax_change = 0.0')
    frozen = (found.ladder.ends()[0] == found.ladder.ends()[1]) & (found.ladder.sizes <= 1)
    np.testing.assert_array_equal(frozen, (shop.offers.category == "a") & (shop.offers.region == "north"))


def test_the_market_rule_leaves_out_our_own_name_and_says_where_no_rival_is(tools: Any) -> None:
    shop = tools.shop()
    text = '[market]\nown = "OUR"\nmax_age_days = 14\n[[rules]]\nmarket_average = [-0.05, -0.03]'
    found = allowed(tools, shop, text)
    mine = shop.offers.sku == "s0"
    low, high = found.ladder.ends()
    assert (low[mine] >= 2.5 * 0.95 - 1e-9).all()
    assert (high[mine] <= 2.5 * 0.97 + 1e-9).all()
    assert "no rival left for 15 offers" in found.notices[0]
    stale = allowed(tools, shop, text.replace("14", "2"))
    assert "18 offers" in stale.notices[0]


def test_a_cost_that_profit_needs_and_nobody_gave_is_an_error(tools: Any) -> None:
    shop = tools.shop(cost=[1.0, float("nan"), 1.0, 1.0, 1.0, 1.0])
    with pytest.raises(TableError, match="no cost for s1"):
        money(shop, tools.policy(), shop.future(4))
    economics = money(shop, tools.policy('objective = "revenue"'), shop.future(4))
    assert np.isnan(economics.cost).sum() == 3
    with pytest.raises(TableError, match="no cost"):
        money(shop, tools.policy('objective = "revenue"\n[price]\nmin_margin = 0.1'), shop.future(4))


def promoted_shop() -> Shop:
    """Ten weeks at 5, but 4.2 in week 4 and 4.5 in week 8; a promotion is planned from the first week to come."""
    days = pd.date_range("2024-01-01", periods=10, freq="7D")
    price = np.full(10, 5.0)
    price[3], price[7] = 4.2, 4.5
    sales = pd.DataFrame({"date": days, "sku": "s", "units": 10.0, "price": price, "promo": 0})
    planned = pd.DataFrame({"date": ["2024-03-11", "2024-03-18"], "sku": ["s", "s"], "promo": [1, 1]})
    return Shop.from_frames(
        {"sales": sales, "planned": planned, "catalog": pd.DataFrame({"sku": ["s"], "cost": [2.0]})}
    )


def test_an_announced_discount_is_below_the_lowest_price_of_the_days_before(tools: Any) -> None:
    shop = promoted_shop()
    np.testing.assert_allclose(prior_low(shop, shop.future(4), 30), [4.5])
    np.testing.assert_allclose(prior_low(shop, shop.future(4), 60), [4.2])
    found = allowed(tools, shop, "[price]\nprior_low_days = 30")
    assert found.ladder.ends()[1][0] == pytest.approx(4.5)
    assert not found.ladder.keep[0]
    assert np.isnan(prior_low(tools.shop(), tools.shop().future(4), 30)).all()


def test_locked_and_planned_prices_have_no_other_option(tools: Any) -> None:
    shop = tools.shop(locked=[1, 0, 0, 0, 0, 0])
    found = allowed(tools, shop, "[price]\nmin_margin = 0.9\non_conflict = 'hold'")
    locked = shop.offers.sku == "s0"
    assert (found.ladder.sizes[locked] == 0).all()
    assert found.ladder.keep[locked].all()
    assert found.hold.all()
