"""Demand under other advertising: everything scales, and what prices do to it does not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import pricebid
from pricebid.errors import InputError
from pricebid.planning.advertised import Advertised, AdvertisedResponse


def responses(tools: Any) -> tuple[Any, AdvertisedResponse, np.ndarray]:
    shop = tools.shop()
    base = tools.KnownDemand(shop=shop).response(shop.future(4))
    factor = np.random.default_rng(3).uniform(0.5, 2.0, len(shop.offers))
    return base, AdvertisedResponse(base=base, factor=factor), factor


def test_units_options_and_draws_scale_with_the_factor(tools: Any) -> None:
    base, scaled, factor = responses(tools)
    price = base.current * 1.07
    ladder = np.stack([price * 0.95, price, price * 1.1], axis=1)
    assert np.allclose(scaled.units(price), factor * base.units(price))
    assert np.allclose(scaled.options(price, ladder), factor[:, None] * base.options(price, ladder))
    draws = [one.draws(price[None], np.random.default_rng(5), 7) for one in (base, scaled)]
    assert np.allclose(draws[1], factor * draws[0])
    assert np.array_equal(scaled.elasticity()[0], base.elasticity()[0])


def test_spill_is_the_change_of_the_others_scaled_units(tools: Any) -> None:
    base, scaled, _ = responses(tools)
    price, value = base.current, np.random.default_rng(6).uniform(1.0, 3.0, (1, len(base.current)))
    ladder = np.stack([price, price * 1.1], axis=1)
    spill = scaled.spill(price, ladder, value)
    for offer in range(len(price)):
        moved = price.copy()
        moved[offer] = ladder[offer, 1]
        change = value[0] * (scaled.units(moved) - scaled.units(price))
        assert spill[0, offer, 1] == pytest.approx(change.sum() - change[offer], rel=1e-9, abs=1e-9)


def test_a_factor_of_one_plans_the_same_prices(tools: Any) -> None:
    shop, policy = tools.shop(), tools.policy("price.max_change = 0.15")
    demand = tools.KnownDemand(shop=shop)
    plain = pricebid.price(shop, demand, policy)
    same = pricebid.price(shop, Advertised(model=demand, factor=np.ones(len(shop.offers))), policy)
    assert np.array_equal(plain.price, same.price)


def test_a_plan_is_worth_no_less_than_the_plan_it_starts_near(tools: Any) -> None:
    from pricebid.pricing import price

    shop, policy = tools.shop(), tools.policy("price.max_change = 0.15\nportfolio.min_units_ratio = 0.98")
    demand = tools.KnownDemand(shop=shop)
    first = price(shop, demand, policy)
    again = price(shop, demand, policy, near=first.price)
    assert again.found.value >= first.found.value


@pytest.mark.parametrize("factor", [[1.0], [-1.0] * 6, [np.nan] * 6])
def test_a_factor_must_be_one_finite_number_per_offer(tools: Any, factor: list[float]) -> None:
    base, _, _ = responses(tools)
    with pytest.raises(InputError, match="factor"):
        AdvertisedResponse(base=base, factor=np.resize(factor, len(base.current) if len(factor) > 1 else 1))
