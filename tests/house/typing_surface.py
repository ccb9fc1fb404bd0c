"""For mypy, not to be run: the main path, as a user would type it."""

from collections.abc import Iterator
from pathlib import Path
from typing import assert_type

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import pricebid
from pricebid.bidding import BidPlan
from pricebid.bidding.channel_plan import ChannelPlan
from pricebid.client import Client, Feedback, Job, LogEntry, Quote
from pricebid.demand import DemandModel
from pricebid.landscape.attribution import Attribution
from pricebid.planning import Comparison, JointPlan, Review
from pricebid.pricing import PricePlan

Floats = NDArray[np.float64]


def main_path() -> None:
    shop = pricebid.Shop.read(Path("shop"))
    assert_type(shop, pricebid.Shop)
    model = pricebid.fit(shop)
    assert_type(model, DemandModel)
    policy = pricebid.Policy.read(Path("policy.toml"))
    plan = pricebid.price(shop, model, policy)
    assert_type(plan, PricePlan)
    assert_type(plan.summary(), str)
    assert_type(plan.to_frame(), pd.DataFrame)
    assert_type(pricebid.what_if(shop, model, policy, {"change": []}), Comparison)
    assert_type(pricebid.review(plan, shop), Review)
    assert_type(pricebid.review(Path("plan"), shop, start="2024-01-01", days=7).to_frame(), pd.DataFrame)


def advertising() -> None:
    shop, policy = pricebid.Shop.read("shop"), pricebid.Policy()
    model = pricebid.fit(shop)
    bids = pricebid.bid(shop, policy, prices=pricebid.price(shop, model, policy))
    assert_type(bids, BidPlan)
    assert_type(bids.to_frame(), pd.DataFrame)
    assert_type(pricebid.plan(shop, model, policy), JointPlan)
    assert_type(pricebid.channels(shop, policy), ChannelPlan)
    assert_type(pricebid.attribute(shop), Attribution)


def kernel(profit: Floats) -> None:
    choice = pricebid.choose({"profit": profit}, maximise="profit", limits=[pricebid.Limit("profit", at_least=0.0)])
    assert_type(choice.gap, float)
    assert_type(choice.shadow_prices, Floats)


def remote() -> None:
    with Client("http://localhost:8000", "key") as client:
        shop = client.shop("corner")
        assert_type(client.wait(shop.submit("price")), Job)
        assert_type(shop.quote([{"sku": "a"}]), tuple[Quote, ...])
        assert_type(shop.feedback([]), Feedback)
        assert_type(shop.decisions(), Iterator[LogEntry])
