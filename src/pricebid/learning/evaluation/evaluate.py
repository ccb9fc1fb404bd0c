"""What a candidate would have brought: every estimator with its interval, overlap, and the answer in words."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from pricebid.errors import InputError
from pricebid.learning.evaluation import estimators as by
from pricebid.learning.evaluation.overlap import Overlap, OverlapRule, PoorOverlap, measure_overlap
from pricebid.learning.evaluation.reward_model import RidgeModel, cross_fitted, features_of

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from pricebid.tables.decisions import DecisionLog

    Floats = NDArray[np.float64]

FEW_EVENTS, FEW_FREEDOM = 30, 10.0


@dataclass(frozen=True, kw_only=True)
class EvaluationSettings:
    """How a candidate is evaluated.

    Parameters
    ----------
    alpha : float
        One minus the level of intervals, in (0, 1).
    clip : float, optional
        Largest weight of the estimators that cut weights (clipped IPS, switch-DR, and the strength of DRos is its square):
        these are reported only where it is given, with what the cut changes. Above 0.
    model : RidgeModel
        Of the reward, for DM and DR.
    rule : OverlapRule
        From where on an estimate is refused.
    seed : int
        Of folds, and of learners that draw.
    lower_is_better : bool, optional
        The reward is a cost; told by the log's column (``cost``) where not given.
    """

    alpha: float = 0.05
    clip: float | None = None
    model: RidgeModel = field(default_factory=RidgeModel)
    rule: OverlapRule = field(default_factory=OverlapRule)
    seed: int = 0
    lower_is_better: bool | None = None

    def __post_init__(self) -> None:
        if not 0 < self.alpha < 1:
            raise InputError(f"alpha {self.alpha} must lie between 0 and 1")
        if self.clip is not None and not self.clip > 0:
            raise InputError(f"clip {self.clip} must be above 0")


@dataclass(frozen=True, kw_only=True, eq=False)
class Evaluation:
    """What a candidate would have brought per decision.

    Parameters
    ----------
    candidate : str
        Its name.
    alpha : float
        One minus the level of intervals.
    logged : Estimate
        Mean reward of the log.
    estimates : tuple of Estimate
        By estimator; doubly robust is the one to go by.
    overlap : Overlap
        How much the log holds of the candidate.
    difference : Estimate
        Doubly robust value less the log's (the same decisions are in both).
    notices : tuple of str
        What to know.
    lower_is_better : bool
        The reward is a cost.
    """

    candidate: str
    alpha: float
    logged: by.Estimate
    estimates: tuple[by.Estimate, ...]
    overlap: Overlap
    difference: by.Estimate
    notices: tuple[str, ...] = ()
    lower_is_better: bool = False

    def of(self, name: str) -> by.Estimate:
        """Return the estimate of an estimator; KeyError where it was not made."""
        found = next((one for one in self.estimates if one.name == name), None)
        if found is None:
            raise KeyError(name)
        return found

    @property
    def answer(self) -> str:
        """Whether the candidate is better than what was logged, in words."""
        value, (low, high) = self.difference.value, self.difference.interval(self.alpha)
        level = f"{100 * (1 - self.alpha):g} % interval {low:+,.4g} to {high:+,.4g}"
        if low > 0 or high < 0:
            word = "Better" if (low > 0) != self.lower_is_better else "Worse"
            return f"{word} than what was logged, by {value:+,.4g} per decision ({level})."
        return f"No difference from what was logged is shown: {value:+,.4g} per decision ({level})."

    def to_frame(self) -> pd.DataFrame:
        """Return one row per estimator, the log's own mean first: value, error, low, high, bias."""
        import pandas as pd

        rows = (self.logged, *self.estimates)
        spans = [one.interval(self.alpha) for one in rows]
        return pd.DataFrame(
            {
                "candidate": self.candidate,
                "estimator": [one.name for one in rows],
                "value": [one.value for one in rows],
                "error": [one.error for one in rows],
                "low": [span[0] for span in spans],
                "high": [span[1] for span in spans],
                "bias": [one.bias for one in rows],
                "ess": [float(self.overlap.decisions)] + [self.overlap.ess] * len(self.estimates),
            }
        )


def evaluate_law(
    log: DecisionLog, law: Floats, *, name: str = "candidate", settings: EvaluationSettings | None = None
) -> Evaluation:
    """Estimate what a candidate would have brought, from decisions that others took.

    Parameters
    ----------
    log : DecisionLog
        With the propensities of what was picked.
    law : float64[decision, option]
        The candidate's probabilities.
    name : str
        Of the candidate.
    settings : EvaluationSettings, optional
        Level, cuts, model, refusal.

    Raises
    ------
    PoorOverlap
        The log holds too little of what the candidate would do.
    InputError
        Fewer than two decisions, or the law has another shape.
    """
    known = settings or EvaluationSettings()
    shape = (len(log), len(log.options))
    if law.shape != shape or len(log) < 2:
        raise InputError(f"the law has shape {law.shape}, due is {shape}, with at least two decisions")
    weight = law[np.arange(len(log)), log.option] / log.propensity
    overlap = measure_overlap(log.reward, log.option, weight, law, rule=known.rule)
    if overlap.reasons:
        raise PoorOverlap(overlap)
    rng = np.random.default_rng(known.seed)
    guess = cross_fitted(log.reward, log.option, features_of(log), shape[1], rng, model=known.model)
    told = (log.reward, weight, log.option, law, guess)
    robust = by.doubly_robust(*told)
    made = [
        by.inverse_propensity(log.reward, weight),
        by.self_normalised(log.reward, weight),
        by.direct_method(law, guess),
        robust,
        by.self_normalised_doubly_robust(*told),
    ]
    if known.clip is not None:
        made.append(by.clipped_inverse_propensity(log.reward, weight, most=known.clip))
        made.append(by.switch_doubly_robust(*told, most=known.clip))
        made.append(by.shrunk_doubly_robust(*told, strength=known.clip**2))
    mean = float(log.reward.mean())
    logged = by.Estimate(name="logged", value=mean, influence=log.reward - mean)
    difference = by.Estimate(
        name="difference", value=robust.value - mean, influence=robust.influence - logged.influence
    )
    return Evaluation(
        candidate=name,
        alpha=known.alpha,
        logged=logged,
        estimates=tuple(made),
        overlap=overlap,
        difference=difference,
        notices=(*log.notices, *_notices(overlap, robust, known)),
        lower_is_better=log.result == "cost" if known.lower_is_better is None else known.lower_is_better,
    )


def _notices(overlap: Overlap, robust: by.Estimate, settings: EvaluationSettings) -> list[str]:
    found = ["the interval of dm does not show the error of its model"]
    if robust.freedom < FEW_FREEDOM:
        found.append(
            f"a few decisions carry the variance (as of {robust.freedom:.0f}): the doubly robust interval may still be too short"
        )
    if overlap.events < FEW_EVENTS:
        found.append(
            f"only {overlap.events} decisions that the candidate might have taken too had an unusual reward: normal intervals are "
            f"rough below {FEW_EVENTS}"
        )
    if settings.clip is not None:
        found.append(f"estimators with weights cut at {settings.clip:g} are biased by about `bias`")
    return found
