"""Bids, dayparts, adjustments, channel budgets and pacing: landscapes in, plans and live bids out."""

from pricebid.bidding.explain import BidCurve
from pricebid.bidding.make import bid
from pricebid.bidding.pacing import Pacer
from pricebid.bidding.pacing_mirror import MirrorPacer
from pricebid.bidding.pacing_state import PacerState
from pricebid.bidding.pacing_terms import Paces
from pricebid.bidding.pid import PidPacer
from pricebid.bidding.plan import BidPlan
from pricebid.bidding.revalue import revalued
from pricebid.bidding.shop_value import check_value, planned_prices, shop_value
from pricebid.bidding.value import ConversionValue, SkuMoney, conversion_value, sku_money

__all__ = [
    "BidCurve",
    "BidPlan",
    "ConversionValue",
    "MirrorPacer",
    "Pacer",
    "PacerState",
    "Paces",
    "PidPacer",
    "SkuMoney",
    "bid",
    "check_value",
    "conversion_value",
    "planned_prices",
    "revalued",
    "shop_value",
    "sku_money",
]
