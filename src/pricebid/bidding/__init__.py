"""Bids, dayparts, adjustments, channel budgets and pacing: landscapes in, plans and live bids out."""

from pricebid.bidding.pacing import Pacer, Paces
from pricebid.bidding.pacing_mirror import MirrorPacer
from pricebid.bidding.pacing_state import PacerState
from pricebid.bidding.pid import PidPacer

__all__ = ["MirrorPacer", "Pacer", "PacerState", "Paces", "PidPacer"]
