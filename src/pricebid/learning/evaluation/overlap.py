"""Can the log speak of the candidate at all? Weights, effective sample size, support, and the refusal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pricebid.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]


class PoorOverlap(InputError):  # noqa: N818 - it names what is wrong, as Infeasible does
    """The log holds too little of what the candidate would do: any estimate would be a guess.

    Parameters
    ----------
    overlap : Overlap
        What was found.
    """

    def __init__(self, overlap: Overlap) -> None:
        self.overlap = overlap
        reasons = "; ".join(overlap.reasons)
        super().__init__(
            f"the log cannot tell what the candidate would bring: {reasons}. Log with more exploration, or judge a candidate nearer "
            "to what was logged (a mixture of both)"
        )


@dataclass(frozen=True, kw_only=True)
class OverlapRule:
    """From where on an estimate is refused.

    Parameters
    ----------
    least_ess : float
        Least effective sample size.
    most_share : float
        Largest part of all weight that one decision may have.
    most_unsupported : float
        Largest share of the candidate's picks that may be options the log never holds.
    most_drift : float
        Standard errors by which the mean weight may differ from 1.
    """

    least_ess: float = 50.0
    most_share: float = 0.1
    most_unsupported: float = 0.01
    most_drift: float = 5.0

    def __post_init__(self) -> None:
        wrong = [name for name in ("least_ess", "most_drift") if not getattr(self, name) >= 0]
        wrong += [name for name in ("most_share", "most_unsupported") if not 0 <= getattr(self, name) <= 1]
        if wrong:
            raise InputError(f"{', '.join(wrong)} of OverlapRule: shares lie in [0, 1], the others are at least 0")


@dataclass(frozen=True, kw_only=True)
class Overlap:
    """How much the log holds of what the candidate does.

    Parameters
    ----------
    decisions : int
        In the log.
    matched : int
        Those whose option the candidate might have picked too.
    ess : float
        Effective sample size (sum w)^2 / sum w^2 (Kish 1965).
    largest_weight, mean_weight : float
        Of candidate's probability / propensity; the mean is near 1 where propensities are right and the log covers the
        candidate.
    drift : float
        Standard errors by which the mean is off 1.
    largest_share : float
        Of all weight, in one decision.
    unsupported : float
        Share of the candidate's picks that are options the log never holds.
    events : int
        Matched decisions with a reward other than the commonest: few mean that normal intervals are rough.
    reasons : tuple of str
        Why an estimate is refused; empty where it is not.
    """

    decisions: int
    matched: int
    ess: float
    largest_weight: float
    mean_weight: float
    drift: float
    largest_share: float
    unsupported: float
    events: int
    reasons: tuple[str, ...] = ()


def measure_overlap(
    reward: Floats, option: Ints, weight: Floats, law: Floats, *, rule: OverlapRule | None = None
) -> Overlap:
    """Measure how much a log holds of what a candidate does, and say why an estimate is refused, if it is.

    Parameters
    ----------
    reward, option, weight : [decision]
        What came, what was picked, candidate's probability / propensity.
    law : float64[decision, option]
        The candidate's probabilities.
    rule : OverlapRule, optional
        From where on to refuse.
    """
    known = rule or OverlapRule()
    n, total, mean = len(weight), float(weight.sum()), float(weight.mean())
    ess = total**2 / float((weight**2).sum()) if total > 0 else 0.0
    spread = float(weight.std(ddof=1) / np.sqrt(n)) if n > 1 else float("inf")
    drift = (
        (mean - 1.0) / spread
        if spread > 0
        else (0.0 if abs(mean - 1.0) < 1e-9 else float(np.copysign(np.inf, mean - 1.0)))
    )
    unheard = np.bincount(option, minlength=law.shape[1]) == 0
    unsupported = float(law[:, unheard].sum(axis=1).mean())
    share = float(weight.max() / total) if total > 0 else 1.0
    values, counts = np.unique(reward, return_counts=True)
    events = int(((reward != values[np.argmax(counts)]) & (weight > 0)).sum())
    reasons = []
    if ess < known.least_ess:
        reasons.append(f"the effective sample size is {ess:,.1f} of {n:,} decisions, below {known.least_ess:g}")
    if share > known.most_share:
        reasons.append(f"one decision has {100 * share:.0f} % of all weight, more than {100 * known.most_share:g} %")
    if unsupported > known.most_unsupported:
        reasons.append(f"{100 * unsupported:.1f} % of the candidate's picks are options that the log never holds")
    if abs(drift) > known.most_drift:
        cause = (
            "the log lacks what the candidate does in some contexts"
            if drift < 0
            else "the candidate's law is too large"
        )
        reasons.append(
            f"weights have mean {mean:.3f}, {abs(drift):.1f} standard errors from 1: propensities are wrong, or {cause}"
        )
    return Overlap(
        decisions=n,
        matched=int((weight > 0).sum()),
        ess=ess,
        largest_weight=float(weight.max()),
        mean_weight=mean,
        drift=float(drift),
        largest_share=share,
        unsupported=unsupported,
        events=events,
        reasons=tuple(reasons),
    )
