"""Prices and bids together, and plans beside each other: what-if scenarios and their comparison."""

from pricebid.planning.explore import Exploration, ExploreSettings, explore
from pricebid.planning.joint import plan
from pricebid.planning.joint_plan import JointPlan, Turn
from pricebid.planning.what_if import Comparison, Difference, what_if

__all__ = [
    "Comparison",
    "Difference",
    "Exploration",
    "ExploreSettings",
    "JointPlan",
    "Turn",
    "explore",
    "plan",
    "what_if",
]
