"""Bandits, experiments and off-policy evaluation: what learns from what came back."""

from pricebid.learning.protocol import Learner, Outcome, Pick, Picks

__all__ = ["Learner", "Outcome", "Pick", "Picks"]
