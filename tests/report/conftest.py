"""The template shop, a model of it, and a plan."""

from dataclasses import dataclass

import pytest

import pricebid
from pricebid.datasets import template_path
from pricebid.demand import DemandModel
from pricebid.pricing import PricePlan


@dataclass(frozen=True, kw_only=True)
class Planned:
    """What a plan was made of, and the plan."""

    shop: pricebid.Shop
    model: DemandModel
    policy: pricebid.Policy
    plan: PricePlan


@pytest.fixture(scope="session")
def made() -> Planned:
    shop = pricebid.Shop.read(template_path())
    model, policy = pricebid.fit(shop), pricebid.Policy.read(template_path() / "policy.toml")
    return Planned(shop=shop, model=model, policy=policy, plan=pricebid.price(shop, model, policy))
