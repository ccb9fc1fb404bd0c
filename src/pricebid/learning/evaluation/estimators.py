"""Estimators of what a candidate would have brought, as pure functions of weights, rewards and a reward model.

The definitions are those of the Open Bandit Pipeline (Saito, Aihara, Matsutani and Narita 2021); each value is the mean of one
term per decision, and the standard error is that of the terms' influences.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Estimate:
    """One estimate.

    Parameters
    ----------
    name : str
        The estimator.
    value : float
        Mean reward per decision under the candidate.
    influence : float64[decision]
        Deviation of the value that each decision is responsible for; mean 0.
    bias : float
        For estimators that cut weights: what the cut took away or added, against the same without the cut; else 0.
    """

    name: str
    value: float
    influence: Floats
    bias: float = 0.0

    @property
    def error(self) -> float:
        """Standard error; of the direct method only for the decisions drawn, not for its model."""
        return float(self.influence.std(ddof=1) / np.sqrt(len(self.influence)))

    @property
    def freedom(self) -> float:
        """Degrees of freedom of the standard error: 2 n / (kurtosis - 1), few where a few decisions carry the variance."""
        square = self.influence**2
        spread = float(np.mean(square)) ** 2
        kurtosis = float(np.mean(square**2)) / spread if spread > 0 else 1.0
        return 2.0 * len(square) / max(kurtosis - 1.0, 1e-9)

    def interval(self, alpha: float = 0.05) -> tuple[float, float]:
        """Return the interval by Student's t with `freedom`: for well-behaved influences the normal one."""
        wide = float(stats.t.isf(alpha / 2, self.freedom)) * self.error
        return self.value - wide, self.value + wide


def inverse_propensity(reward: Floats, weight: Floats) -> Estimate:
    """IPS (Horvitz and Thompson 1952): mean of w r. Unbiased where propensities are right and never 0.

    Parameters
    ----------
    reward : float64[decision]
        What was picked brought.
    weight : float64[decision]
        Candidate's probability of what was picked / propensity.
    """
    return _mean("ips", weight * reward)


def self_normalised(reward: Floats, weight: Floats) -> Estimate:
    """SNIPS (Swaminathan and Joachims 2015): sum w r / sum w. Slightly biased, less variable, inside the range of rewards."""
    scale = weight.mean()
    value = float((weight * reward).mean() / scale)
    return Estimate(name="snips", value=value, influence=weight * (reward - value) / scale)


def direct_method(law: Floats, guess: Floats) -> Estimate:
    """DM: what a model of the reward says of the candidate. As biased as the model, which the interval does not show.

    Parameters
    ----------
    law : float64[decision, option]
        The candidate's probabilities.
    guess : float64[decision, option]
        The model's rewards.
    """
    return _mean("dm", (law * guess).sum(axis=1))


def doubly_robust(reward: Floats, weight: Floats, option: Ints, law: Floats, guess: Floats) -> Estimate:
    """DR (Dudik, Langford and Li 2011): the model, plus weighted residuals. Right if the propensities or the model are."""
    return _mean("dr", (law * guess).sum(axis=1) + weight * _residual(reward, option, guess))


def self_normalised_doubly_robust(reward: Floats, weight: Floats, option: Ints, law: Floats, guess: Floats) -> Estimate:
    """SNDR: the model, plus residuals with weights that have mean 1 (Thomas and Brunskill 2016)."""
    model, scale = (law * guess).sum(axis=1), weight.mean()
    residual = _residual(reward, option, guess)
    correction = float((weight * residual).mean() / scale)
    base = float(model.mean())
    influence = model - base + weight * (residual - correction) / scale
    return Estimate(name="sndr", value=base + correction, influence=influence)


def clipped_inverse_propensity(reward: Floats, weight: Floats, *, most: float) -> Estimate:
    """IPS with weights of at most ``most``; the bias is what the cut took away."""
    whole, cut = weight * reward, np.minimum(weight, most) * reward
    return _mean("clipped ips", cut, bias=float((cut - whole).mean()))


def switch_doubly_robust(
    reward: Floats, weight: Floats, option: Ints, law: Floats, guess: Floats, *, most: float
) -> Estimate:
    """Switch-DR (Wang, Agarwal and Dudik 2017): residuals only where the weight is at most ``most``, else the model alone."""
    model = (law * guess).sum(axis=1)
    whole = weight * _residual(reward, option, guess)
    kept = np.where(weight <= most, whole, 0.0)
    return _mean("switch dr", model + kept, bias=float((kept - whole).mean()))


def shrunk_doubly_robust(
    reward: Floats, weight: Floats, option: Ints, law: Floats, guess: Floats, *, strength: float
) -> Estimate:
    """DRos (Su, Dimakopoulou, Krishnamurthy and Dudik 2020): weights shrunk to strength w / (w^2 + strength)."""
    model, residual = (law * guess).sum(axis=1), _residual(reward, option, guess)
    shrunk = strength * weight / (weight**2 + strength)
    return _mean("dr-os", model + shrunk * residual, bias=float(((shrunk - weight) * residual).mean()))


def _residual(reward: Floats, option: Ints, guess: Floats) -> Floats:
    return reward - guess[np.arange(len(reward)), option]


def _mean(name: str, terms: Floats, *, bias: float = 0.0) -> Estimate:
    value = float(terms.mean())
    return Estimate(name=name, value=value, influence=terms - value, bias=bias)
