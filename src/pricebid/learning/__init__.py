"""Bandits, experiments and off-policy evaluation: what learns from what came back."""

from pricebid.learning.arms import BetaState, BetaThompson, GaussianState, GaussianThompson
from pricebid.learning.best_arm import BestArm, BestArmState, Verdict
from pricebid.learning.blind import BlindPricing, BlindState
from pricebid.learning.change import ChangeDetector, ChangeState
from pricebid.learning.changing_ts import ChangingState, ChangingThompson
from pricebid.learning.contextual_pricing import Priced, logit_pricing
from pricebid.learning.evidence import Bounded, Scattered
from pricebid.learning.features import Crossed, FeatureMap, PerOption
from pricebid.learning.forgetting import Discount, Window
from pricebid.learning.forgetting_ts import ForgettingState, ForgettingThompson
from pricebid.learning.gaussian_prior import GaussianPrior
from pricebid.learning.ids import SeenIds
from pricebid.learning.knapsacks import PrimalDualKnapsacks
from pricebid.learning.linear import LinearState
from pricebid.learning.linear_ts import LinearThompson
from pricebid.learning.linucb import LinUCB
from pricebid.learning.logistic import LogisticState
from pricebid.learning.logistic_ts import LogisticThompson
from pricebid.learning.protocol import Learner, Outcome, Pick, Picks
from pricebid.learning.saving import load_state, save_state
from pricebid.learning.stock_state import StockState
from pricebid.learning.thompson_lp import ThompsonLP
from pricebid.learning.warm_start import (
    beta_prior,
    gaussian_prior,
    logistic_prior,
    mean_prior,
    pooled_beta,
    pooled_prior,
)

__all__ = [
    "BestArm",
    "BestArmState",
    "BetaState",
    "BetaThompson",
    "BlindPricing",
    "BlindState",
    "Bounded",
    "ChangeDetector",
    "ChangeState",
    "ChangingState",
    "ChangingThompson",
    "Crossed",
    "Discount",
    "FeatureMap",
    "ForgettingState",
    "ForgettingThompson",
    "GaussianPrior",
    "GaussianState",
    "GaussianThompson",
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
    "PrimalDualKnapsacks",
    "Scattered",
    "SeenIds",
    "StockState",
    "ThompsonLP",
    "Verdict",
    "Window",
    "beta_prior",
    "gaussian_prior",
    "load_state",
    "logistic_prior",
    "logit_pricing",
    "mean_prior",
    "pooled_beta",
    "pooled_prior",
    "save_state",
]
