"""Bayesian linear regression as a bounded state: Gram matrices and their products with the rewards."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from pricebid.errors import InputError
from pricebid.learning.contextual import ROWS, lay_out
from pricebid.learning.forgetting import KEEP_ALL, DatedSums, Forgetting
from pricebid.learning.gaussian_prior import GaussianPrior, root_of
from pricebid.learning.ids import SeenIds, fresh, frozen

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pricebid.learning.features import FeatureMap
    from pricebid.learning.protocol import Outcome

    Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class LinearState:
    """What a linear contextual learner remembers.

    Parameters
    ----------
    mean : float64[block, width]
        Posterior means of the parameters.
    root : float64[block, width, width]
        Square roots of their covariances: ``mean + root @ z`` is a draw.
    sums : DatedSums
        Gram matrices of the features, and in the last column their products with the rewards.
    seen : SeenIds
        The latest outcome ids.
    """

    mean: Floats
    root: Floats
    sums: DatedSums
    seen: SeenIds


@dataclass(frozen=True, kw_only=True, eq=False)
class LinearModel:
    """Reward = features x parameters + noise, parameters normal: the model behind linear contextual learners.

    Parameters
    ----------
    features : FeatureMap
        `PerOption` or `Crossed`, or another.
    prior : GaussianPrior
        Of the parameters.
    noise : float
        Standard deviation of a reward around its mean, > 0 (1/2 is safe for what lies between 0 and 1).
    forgetting : Discount or Window
        What of the past counts. Discounted Gram matrices are those of Russac, Vernade and Cappé (2019); the widths here are
        those of the discounted matrix itself, which are never smaller than theirs.
    """

    features: FeatureMap
    prior: GaussianPrior = field(default_factory=GaussianPrior)
    noise: float = 1.0
    forgetting: Forgetting = KEEP_ALL

    def __post_init__(self) -> None:
        if not (self.noise > 0.0 and np.isfinite(self.noise)):
            raise InputError(f"noise is {self.noise!r}; give a standard deviation above 0")
        _ = self._prior

    @property
    def options(self) -> int:
        """How many options there are."""
        return self.features.options

    @cached_property
    def _prior(self) -> tuple[Floats, Floats]:
        return self.prior.laid_out(self.features.blocks, self.features.width)

    def start(self) -> LinearState:
        """Give the state before any feedback."""
        width = self.features.width
        return self._state(self.forgetting.start((self.features.blocks, width, width + 1)), SeenIds.none())

    def update(self, state: LinearState, outcomes: Sequence[Outcome]) -> LinearState:
        """Give the state after feedback.

        Raises
        ------
        InputError
            An outcome makes no sense; nothing is changed then.
        """
        seen, new = fresh(state.seen, outcomes)
        if not new:
            return state
        told = lay_out(new, self.features, state.sums.latest)
        sums = state.sums
        for begin in range(0, len(new), ROWS):
            part = slice(begin, begin + ROWS)
            rows = told.features[part]
            sides = np.concatenate([rows, told.reward[part, None]], axis=1)
            sums = self.forgetting.add(sums, told.time[part], told.block[part], rows[:, :, None] * sides[:, None, :])
        return self._state(sums, seen)

    def _state(self, sums: DatedSums, seen: SeenIds) -> LinearState:
        prior_mean, prior_precision = self._prior
        total = self.forgetting.total(sums) / self.noise**2
        precision = prior_precision + total[:, :, :-1]
        shift = (prior_precision @ prior_mean[:, :, None])[:, :, 0] + total[:, :, -1]
        root = root_of(precision)
        mean = (root @ (root.swapaxes(1, 2) @ shift[:, :, None]))[:, :, 0]
        return LinearState(mean=frozen(mean), root=frozen(np.ascontiguousarray(root)), sums=sums, seen=seen)

    def means_and_widths(self, state: LinearState, context: Floats) -> tuple[Floats, Floats]:
        """Give the posterior mean and standard deviation of each option's expected reward.

        Parameters
        ----------
        state : LinearState
            What is known.
        context : float64[request, feature]
            Of each request.

        Returns
        -------
        float64[request, option], float64[request, option]
            Means and standard deviations.
        """
        rows, block = self.features.of_all(context), self.features.block
        mean = np.einsum("row,ow->ro", rows, state.mean[block])
        spread = np.einsum("row,owv->rov", rows, state.root[block])
        return mean, np.sqrt(np.einsum("rov,rov->ro", spread, spread))
