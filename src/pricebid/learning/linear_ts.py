"""Thompson sampling with a linear model of rewards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pricebid.errors import InputError
from pricebid.learning.arms import DRAWS
from pricebid.learning.choosing import ChoosingInContext
from pricebid.learning.contextual import laws_of_draws
from pricebid.learning.linear import LinearModel, LinearState

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pricebid.learning.features import FeatureMap

    Floats = NDArray[np.float64]
    Bools = NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True, eq=False)
class LinearThompson(ChoosingInContext[LinearState], LinearModel):
    """Linear Thompson sampling (Agrawal and Goyal 2013): draws parameters, and takes what is best for the draw.

    Parameters
    ----------
    features, prior, noise, forgetting
        As in `LinearModel`.
    spread : float
        Times the posterior's standard deviation that draws spread, at least 0: 1 is Thompson sampling, more explores more (the
        proofs ask for more), 0 always takes what seems best.
    draws : int
        Posterior draws behind the law of a choice, at least 1. Every choice of a batch has its own.

    Examples
    --------
    Two banners, of which the second works for visitors who came before.

    >>> import numpy as np
    >>> from pricebid.learning import LinearThompson, Outcome, PerOption
    >>> policy = LinearThompson(features=PerOption(options=2, context=2), noise=0.5)
    >>> state, rng = policy.start(), np.random.default_rng(0)
    >>> for visitor in range(400):
    ...     context = [1.0, visitor % 2]
    ...     pick = policy.choose(state, rng, context=context)
    ...     clicked = rng.random() < [0.3, 0.1 + 0.5 * (visitor % 2)][pick.option]
    ...     state = policy.update(state, [Outcome(option=pick.option, units=float(clicked), context=context)])
    >>> policy.choose(state, rng, context=[1.0, 1.0]).option, policy.choose(state, rng, context=[1.0, 0.0]).option
    (1, 0)
    """

    spread: float = 1.0
    draws: int = DRAWS

    def __post_init__(self) -> None:
        super().__post_init__()
        check_spread(self.spread, self.draws)

    @property
    def _cells(self) -> int:
        return self.draws * (self.options + self.features.width)

    def _laws(self, state: LinearState, rng: np.random.Generator, context: Floats, mask: Bools | None) -> Floats:
        scores = drawn_scores(self.features, state.mean, self.spread * state.root, context, rng, self.draws)
        return laws_of_draws(scores, mask)


def drawn_scores(
    features: FeatureMap, mean: Floats, root: Floats, context: Floats, rng: np.random.Generator, draws: int
) -> Floats:
    """Draw what features x parameters are for every option.

    Parameters
    ----------
    features : FeatureMap
        Of the model.
    mean, root : float64[block, width], float64[block, width, width]
        Posterior: ``mean + root @ z`` is a draw.
    context : float64[choice, feature]
        One row per choice.
    rng : numpy Generator
        Draws, for each choice anew.
    draws : int
        How many for each.

    Returns
    -------
    float64[choice, draw, option]
        The linear predictors.
    """
    rows, block = features.of_all(context), features.block
    choices, options = len(context), features.options
    if features.blocks == 1:
        parameters = mean[0] + rng.standard_normal((choices, draws, features.width)) @ root[0].T
        scores: Floats = parameters @ rows.swapaxes(1, 2)
        return scores
    if features.blocks == options:
        # Options share no parameter, so that their predictors are independent normals: draw those.
        centre = np.einsum("row,ow->ro", rows, mean[block])
        spread = np.einsum("row,owv->rov", rows, root[block])
        width = np.sqrt(np.einsum("rov,rov->ro", spread, spread))
        drawn: Floats = centre[:, None, :] + width[:, None, :] * rng.standard_normal((choices, draws, options))
        return drawn
    normal = rng.standard_normal((choices, draws, *mean.shape))
    parameters = mean + np.einsum("bwv,rdbv->rdbw", root, normal)
    predictors: Floats = np.einsum("row,rdow->rdo", rows, parameters[:, :, block])
    return predictors


def check_spread(spread: float, draws: int) -> None:
    """Refuse a spread below 0, or less than one draw.

    Raises
    ------
    InputError
        One of them is out of range.
    """
    if not (spread >= 0.0 and np.isfinite(spread)):
        raise InputError(f"spread is {spread!r}; give 0 or more (1: Thompson sampling)")
    if draws < 1:
        raise InputError(f"draws is {draws!r}; give a whole number of at least 1")
