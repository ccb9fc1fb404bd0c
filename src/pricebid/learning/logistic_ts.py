"""Thompson sampling with a logistic model of success."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pricebid.learning.arms import DRAWS
from pricebid.learning.choosing import ChoosingInContext
from pricebid.learning.contextual import laws_of_draws
from pricebid.learning.linear_ts import check_spread, drawn_scores
from pricebid.learning.logistic import LogisticModel, LogisticState, logistic

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Bools = NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True, eq=False)
class LogisticThompson(ChoosingInContext[LogisticState], LogisticModel):
    """Logistic Thompson sampling (Chapelle and Li 2011): draws parameters, and takes what earns most under the draw.

    Parameters
    ----------
    features, prior, worth, cost, forgetting, held
        As in `LogisticModel`.
    spread : float
        Times the posterior's standard deviation that draws spread, at least 0: 1 is Thompson sampling, 0 always takes what
        seems best.
    draws : int
        Posterior draws behind the law of a choice, at least 1. Every choice of a batch has its own.

    Examples
    --------
    Three coupons whose size is known; who responds to size is not.

    >>> import numpy as np
    >>> from pricebid.learning import Crossed, LogisticThompson, Outcome
    >>> policy = LogisticThompson(features=Crossed(of_options=[[1, 0], [1, 5], [1, 10]], context=2), worth=[20, 15, 10])
    >>> state, rng = policy.start(), np.random.default_rng(0)
    >>> for buyer in range(600):
    ...     context = [1.0, buyer % 2]
    ...     pick = policy.choose(state, rng, context=context)
    ...     chance = [[0.2, 0.2, 0.2], [0.1, 0.3, 0.6]][buyer % 2][pick.option]
    ...     state = policy.update(state, [Outcome(option=pick.option, units=rng.random() < chance, context=context)])
    >>> policy.choose(state, rng, context=[1.0, 0.0]).option, policy.choose(state, rng, context=[1.0, 1.0]).option
    (0, 2)
    """

    spread: float = 1.0
    draws: int = DRAWS

    def __post_init__(self) -> None:
        super().__post_init__()
        check_spread(self.spread, self.draws)

    @property
    def _cells(self) -> int:
        return self.draws * (self.options + self.features.width)

    def _laws(self, state: LogisticState, rng: np.random.Generator, context: Floats, mask: Bools | None) -> Floats:
        root = self.spread * state.root
        predictors = drawn_scores(self.features, state.mean, root, context, rng, self.draws)
        return laws_of_draws(logistic(predictors) * self._gain - self._loss, mask)
