"""Bandits, experiments and off-policy evaluation: what learns from what came back."""

from pricebid.learning.arms import BetaState, BetaThompson, GaussianState, GaussianThompson
from pricebid.learning.contextual_pricing import Priced, logit_pricing
from pricebid.learning.features import Crossed, FeatureMap, PerOption
from pricebid.learning.forgetting import Discount, Window
from pricebid.learning.gaussian_prior import GaussianPrior
from pricebid.learning.ids import SeenIds
from pricebid.learning.linear import LinearState
from pricebid.learning.linear_ts import LinearThompson
from pricebid.learning.linucb import LinUCB
from pricebid.learning.logistic import LogisticState
from pricebid.learning.logistic_ts import LogisticThompson
from pricebid.learning.protocol import Learner, Outcome, Pick, Picks
from pricebid.learning.saving import load_state, save_state
from pricebid.learning.thompson_lp import LPState, ThompsonLP

__all__ = [
    "BetaState",
    "BetaThompson",
    "Crossed",
    "Discount",
    "FeatureMap",
    "GaussianPrior",
    "GaussianState",
    "GaussianThompson",
    "LPState",
    "Learner",
    "LinUCB",
    "LinearState",
    "LinearThompson",
    "LogisticState",
    "LogisticThompson",
    "Outcome",
    "PerOption",
    "Pick",
    "Picks",
    "Priced",
    "SeenIds",
    "ThompsonLP",
    "Window",
    "load_state",
    "logit_pricing",
    "save_state",
]
