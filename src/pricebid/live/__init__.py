"""Quotes and bids now, from an immutable snapshot of a published plan."""

from pricebid.live.answers import Answers, ItemError, QuoteItems
from pricebid.live.clock import Clock, microseconds
from pricebid.live.errors import ExpiredToken, ForeignToken, ForgedToken, TokenError
from pricebid.live.exploration import Exploration
from pricebid.live.holder import SnapshotHolder
from pricebid.live.keys import OfferKeys
from pricebid.live.prices import PlanPrices, ShopPrices
from pricebid.live.quote import quote
from pricebid.live.snapshot import PriceSnapshot, build_prices
from pricebid.live.tokens import Decision, Signer

__all__ = [
    "Answers",
    "Clock",
    "Decision",
    "ExpiredToken",
    "Exploration",
    "ForeignToken",
    "ForgedToken",
    "ItemError",
    "OfferKeys",
    "PlanPrices",
    "PriceSnapshot",
    "QuoteItems",
    "ShopPrices",
    "Signer",
    "SnapshotHolder",
    "TokenError",
    "build_prices",
    "microseconds",
    "quote",
]
