"""Prices and bids together, and plans beside each other: what-if scenarios, and a plan beside what then happened."""

from pricebid.planning.explore import Exploration, ExploreSettings, explore
from pricebid.planning.joint import plan
from pricebid.planning.joint_plan import JointPlan, Turn
from pricebid.planning.review import Review, review
from pricebid.planning.review_bids import BidReview, BudgetDays
from pricebid.planning.review_prices import PriceReview
from pricebid.planning.review_scores import Accuracy, Kept
from pricebid.planning.what_if import Comparison, Difference, what_if

__all__ = [
    "Accuracy",
    "BidReview",
    "BudgetDays",
    "Comparison",
    "Difference",
    "Exploration",
    "ExploreSettings",
    "JointPlan",
    "Kept",
    "PriceReview",
    "Review",
    "Turn",
    "explore",
    "plan",
    "review",
    "what_if",
]
