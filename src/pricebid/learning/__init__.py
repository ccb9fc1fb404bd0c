"""Bandits, experiments and off-policy evaluation: what learns from what came back."""

from pricebid.learning.arms import BetaState, BetaThompson, GaussianState, GaussianThompson
from pricebid.learning.ids import SeenIds
from pricebid.learning.protocol import Learner, Outcome, Pick, Picks
from pricebid.learning.saving import load_state, save_state

__all__ = [
    "BetaState",
    "BetaThompson",
    "GaussianState",
    "GaussianThompson",
    "Learner",
    "Outcome",
    "Pick",
    "Picks",
    "SeenIds",
    "load_state",
    "save_state",
]
