"""Quotes and bids now, from immutable snapshots of published plans."""

from pricebid.live.answers import Answers, ItemError, QuoteItems
from pricebid.live.bid_quote import BidAnswers, BidItems, quote_bids
from pricebid.live.bids import BidSnapshot, CampaignLimits, build_bids
from pricebid.live.budgets import BudgetBook, Grant, Leases, LeaseSettings, MemoryLeases
from pricebid.live.clock import Clock, microseconds
from pricebid.live.errors import ExpiredToken, ForeignToken, ForgedToken, TokenError
from pricebid.live.exploration import Exploration
from pricebid.live.explored import Explored
from pricebid.live.feedback import Event, Folded, FoldState, Outcomes, fold
from pricebid.live.holder import SnapshotHolder
from pricebid.live.keys import OfferKeys
from pricebid.live.pace import Pace, Paced, start_paces
from pricebid.live.prices import PlanPrices, ShopPrices
from pricebid.live.quote import quote
from pricebid.live.snapshot import PriceSnapshot, build_prices
from pricebid.live.tokens import Decision, Signer

__all__ = [
    "Answers",
    "BidAnswers",
    "BidItems",
    "BidSnapshot",
    "BudgetBook",
    "CampaignLimits",
    "Clock",
    "Decision",
    "Event",
    "ExpiredToken",
    "Exploration",
    "Explored",
    "FoldState",
    "Folded",
    "ForeignToken",
    "ForgedToken",
    "Grant",
    "ItemError",
    "LeaseSettings",
    "Leases",
    "MemoryLeases",
    "OfferKeys",
    "Outcomes",
    "Pace",
    "Paced",
    "PlanPrices",
    "PriceSnapshot",
    "QuoteItems",
    "ShopPrices",
    "Signer",
    "SnapshotHolder",
    "TokenError",
    "build_bids",
    "build_prices",
    "fold",
    "microseconds",
    "quote",
    "quote_bids",
    "start_paces",
]
