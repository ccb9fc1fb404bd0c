"""Off-policy evaluation: what a candidate would have brought, from decisions that others took."""

from pricebid.learning.evaluation.candidate import Candidate, candidate_of, law_of, read_candidate
from pricebid.learning.evaluation.evaluate import Evaluation, EvaluationSettings, evaluate_law
from pricebid.learning.evaluation.overlap import Overlap, OverlapRule, PoorOverlap
from pricebid.learning.evaluation.replay import Replay, replay
from pricebid.learning.evaluation.reward_model import RidgeModel

__all__ = [
    "Candidate",
    "Evaluation",
    "EvaluationSettings",
    "Overlap",
    "OverlapRule",
    "PoorOverlap",
    "Replay",
    "RidgeModel",
    "candidate_of",
    "evaluate_law",
    "law_of",
    "read_candidate",
    "replay",
]
