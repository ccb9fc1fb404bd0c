"""What a candidate would have brought: every estimator with its interval, overlap, and the answer in words."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

from pricebid.errors import InputError
from pricebid.learning.evaluation import estimators as by
from pricebid.learning.evaluation.overlap import Overlap, OverlapRule, PoorOverlap, measure_overlap
from pricebid.learning.evaluation.reward_model import RidgeModel, cross_fitted, features_of

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from pricebid.tables.decisions import DecisionLog

    Floats = NDArray[np.float64]

FEW_EVENTS = 30


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
    """

    alpha: float = 0.05
    clip: float | None = None
    model: RidgeModel = field(default_factory=RidgeModel)
    rule: OverlapRule = field(default_factory=OverlapRule)
    seed: int = 0

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
    logged, logged_error : float
        Mean reward of the log, and its standard error.
    estimates : tuple of Estimate
        By estimator; doubly robust is the one to go by.
    overlap : Overlap
        How much the log holds of the candidate.
    difference, difference_error : float
        Doubly robust value less the log's, and its standard error (the same decisions are in both).
    notices : tuple of str
        What to know.
    """

    candidate: str
    alpha: float
    logged: float
    logged_error: float
    estimates: tuple[by.Estimate, ...]
    overlap: Overlap
    difference: float
    difference_error: float
    notices: tuple[str, ...] = ()

    def of(self, name: str) -> by.Estimate:
        """Return the estimate of an estimator; KeyError where it was not made."""
        found = next((one for one in self.estimates if one.name == name), None)
        if found is None:
            raise KeyError(name)
        return found

    def interval(self, value: float, error: float) -> tuple[float, float]:
        """Return the normal interval around a value."""
        wide = float(stats.norm.isf(self.alpha / 2)) * error
        return value - wide, value + wide

    @property
    def answer(self) -> str:
        """Whether the candidate is better than what was logged, in words."""
        low, high = self.interval(self.difference, self.difference_error)
        level = f"{100 * (1 - self.alpha):g} % interval {low:+,.4g} to {high:+,.4g}"
        if low > 0:
            return f"Better than what was logged, by {self.difference:+,.4g} per decision ({level})."
        if high < 0:
            return f"Worse than what was logged, by {self.difference:+,.4g} per decision ({level})."
        return f"No difference from what was logged is shown: {self.difference:+,.4g} per decision ({level})."

    def to_frame(self) -> pd.DataFrame:
        """Return one row per estimator, the log's own mean first: value, error, low, high, bias."""
        import pandas as pd

        rows = [("logged", self.logged, self.logged_error, 0.0)]
        rows += [(one.name, one.value, one.error, one.bias) for one in self.estimates]
        spans = [self.interval(value, error) for _, value, error, _ in rows]
        return pd.DataFrame(
            {
                "candidate": self.candidate,
                "estimator": [row[0] for row in rows],
                "value": [row[1] for row in rows],
                "error": [row[2] for row in rows],
                "low": [span[0] for span in spans],
                "high": [span[1] for span in spans],
                "bias": [row[3] for row in rows],
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
    logged = float(log.reward.mean())
    apart = robust.influence - (log.reward - logged)
    return Evaluation(
        candidate=name,
        alpha=known.alpha,
        logged=logged,
        logged_error=float(log.reward.std(ddof=1) / np.sqrt(len(log))),
        estimates=tuple(made),
        overlap=overlap,
        difference=robust.value - logged,
        difference_error=float(apart.std(ddof=1) / np.sqrt(len(log))),
        notices=(*log.notices, *_notices(overlap, known)),
    )


def _notices(overlap: Overlap, settings: EvaluationSettings) -> list[str]:
    found = ["the interval of dm does not show the error of its model"]
    if overlap.events < FEW_EVENTS:
        found.append(
            f"only {overlap.events} decisions that the candidate might have taken too had an unusual reward: normal intervals are "
            f"rough below {FEW_EVENTS}"
        )
    if settings.clip is not None:
        found.append(f"estimators with weights cut at {settings.clip:g} are biased by about `bias`")
    return found
