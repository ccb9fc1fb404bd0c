"""Upper confidence bounds with a linear model of rewards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pricebid.errors import InputError
from pricebid.learning.choosing import ChoosingInContext
from pricebid.learning.contextual import laws_of_bounds
from pricebid.learning.linear import LinearModel, LinearState

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Bools = NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True, eq=False)
class LinUCB(ChoosingInContext[LinearState], LinearModel):
    """LinUCB (Li, Chu, Langford and Schapire 2010): takes the option whose upper bound is the highest.

    It draws nothing but between equals, so that its propensities are mostly 1: its log tells little of other policies.

    Parameters
    ----------
    features, prior, noise, forgetting
        As in `LinearModel`. `PerOption` features give the disjoint LinUCB of the paper.
    alpha : float
        Standard deviations above the mean at which a bound lies, at least 0.

    Examples
    --------
    >>> import numpy as np
    >>> from pricebid.learning import LinUCB, Outcome, PerOption
    >>> policy = LinUCB(features=PerOption(options=2, context=1), noise=0.5)
    >>> told = [Outcome(option=0, units=0.2, context=[1.0]), Outcome(option=1, units=0.9, context=[1.0])] * 20
    >>> policy.choose(policy.update(policy.start(), told), np.random.default_rng(0), context=[1.0]).probabilities
    array([0., 1.])
    """

    alpha: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not (self.alpha >= 0.0 and np.isfinite(self.alpha)):
            raise InputError(f"alpha is {self.alpha!r}; give 0 or more standard deviations")

    @property
    def _cells(self) -> int:
        return self.options * self.features.width

    def _laws(
        self,
        state: LinearState,
        rng: np.random.Generator,  # noqa: ARG002 - of those that draw
        context: Floats,
        mask: Bools | None,
    ) -> Floats:
        mean, width = self.means_and_widths(state, context)
        return laws_of_bounds(mean + self.alpha * width, mask)
