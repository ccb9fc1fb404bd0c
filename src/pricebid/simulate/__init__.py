"""Markets with known truth: what a seller sees of them, what would really happen, and how good a plan really is."""

from pricebid.simulate.ad_best import AdBids, BidGrid, best_bids, best_free
from pricebid.simulate.ad_days import AdDays
from pricebid.simulate.ad_loop import AdLearner, LoopState, NightPlan, PacedBids, landscape_plan
from pricebid.simulate.ad_market import AdMarket, AdScore, draw_ad_market
from pricebid.simulate.ad_settings import AdMarketSettings
from pricebid.simulate.ad_stream import (
    AdDay,
    AdStream,
    AdStreamSettings,
    Bidder,
    FixedBids,
    draw_ad_stream,
    play_stream_day,
)
from pricebid.simulate.ad_truth import AdOutcomes, AdTruth
from pricebid.simulate.ad_words import AdKeywords
from pricebid.simulate.buyers import Buyers, LogitBuyers, LogLogBuyers, NestedBuyers, ReferenceBuyers
from pricebid.simulate.layout import Layout
from pricebid.simulate.loop import Course, LoopSettings
from pricebid.simulate.loop_market import LoopMarket, draw_loop_market
from pricebid.simulate.loop_run import LoopResult, run_loop
from pricebid.simulate.loop_settings import LoopKind, LoopMarketSettings, ShockKind
from pricebid.simulate.market import Market, draw_market
from pricebid.simulate.panel import Panel
from pricebid.simulate.recovery import RecoveryPanel, RecoverySettings, draw_recovery, within_category
from pricebid.simulate.settings import MarketSettings, TruthKind
from pricebid.simulate.truth import Bounds, Truth

__all__ = [
    "AdBids",
    "AdDay",
    "AdDays",
    "AdKeywords",
    "AdLearner",
    "AdMarket",
    "AdMarketSettings",
    "AdOutcomes",
    "AdScore",
    "AdStream",
    "AdStreamSettings",
    "AdTruth",
    "BidGrid",
    "Bidder",
    "Bounds",
    "Buyers",
    "Course",
    "FixedBids",
    "Layout",
    "LogLogBuyers",
    "LogitBuyers",
    "LoopKind",
    "LoopMarket",
    "LoopMarketSettings",
    "LoopResult",
    "LoopSettings",
    "LoopState",
    "Market",
    "MarketSettings",
    "NestedBuyers",
    "NightPlan",
    "PacedBids",
    "Panel",
    "RecoveryPanel",
    "RecoverySettings",
    "ReferenceBuyers",
    "ShockKind",
    "Truth",
    "TruthKind",
    "best_bids",
    "best_free",
    "draw_ad_market",
    "draw_ad_stream",
    "draw_loop_market",
    "draw_market",
    "draw_recovery",
    "landscape_plan",
    "play_stream_day",
    "run_loop",
    "within_category",
]
