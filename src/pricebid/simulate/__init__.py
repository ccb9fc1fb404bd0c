"""Markets with known truth: what a seller sees of them, what buyers would really do, and how good a plan really is."""

from pricebid.simulate.buyers import Buyers, LogitBuyers, LogLogBuyers, NestedBuyers, ReferenceBuyers
from pricebid.simulate.layout import Layout
from pricebid.simulate.market import Market, draw_market
from pricebid.simulate.panel import Panel
from pricebid.simulate.recovery import RecoveryPanel, RecoverySettings, draw_recovery, within_category
from pricebid.simulate.settings import MarketSettings, TruthKind
from pricebid.simulate.truth import Bounds, Truth

__all__ = [
    "Bounds",
    "Buyers",
    "Layout",
    "LogLogBuyers",
    "LogitBuyers",
    "Market",
    "MarketSettings",
    "NestedBuyers",
    "Panel",
    "RecoveryPanel",
    "RecoverySettings",
    "ReferenceBuyers",
    "Truth",
    "TruthKind",
    "draw_market",
    "draw_recovery",
    "within_category",
]
