"""Bayesian logistic regression as a bounded state: the latest outcomes as they are, older ones as a quadratic.

The posterior of a logistic model has no sufficient statistics. Laplace's approximation (Chapelle and Li 2011) is made anew at
each update from the outcomes held; when too many are held, the log likelihood of the older half is replaced by its
expansion to second order at the mode, which leaves the mode where it is. Where that happens the mode hardly moves any more.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from pricebid.errors import InputError
from pricebid.learning.contextual import lay_out
from pricebid.learning.drawing import per_option
from pricebid.learning.forgetting import KEEP_ALL, DatedSums, Forgetting
from pricebid.learning.gaussian_prior import GaussianPrior, root_of
from pricebid.learning.ids import SeenIds, fresh, frozen

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    from pricebid.learning.contextual import Feedback
    from pricebid.learning.features import FeatureMap
    from pricebid.learning.protocol import Outcome

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

HELD = 512
STEPS, NEAR = 50, 1e-5  # Newton steps at most; a step that moves no predictor further than this is the last


@dataclass(frozen=True, kw_only=True, eq=False)
class LogisticState:
    """What a logistic contextual learner remembers.

    Parameters
    ----------
    mean : float64[block, width]
        Mode of the posterior.
    root : float64[block, width, width]
        Square roots of the covariances there: ``mean + root @ z`` is a draw.
    rows : float64[held, width + 2]
        Features, reward and time of the latest outcomes, in order of time.
    block : int64[held]
        Whose parameters these meet.
    sums : DatedSums
        Of older outcomes: curvature of the log likelihood, and in the last column its slope at parameters 0.
    seen : SeenIds
        The latest outcome ids.
    """

    mean: Floats
    root: Floats
    rows: Floats
    block: Ints
    sums: DatedSums
    seen: SeenIds


@dataclass(frozen=True, kw_only=True, eq=False)
class LogisticModel:
    """P(success) = logistic(features x parameters), parameters normal: the model behind logistic contextual learners.

    Parameters
    ----------
    features : FeatureMap
        `PerOption` or `Crossed`, or another.
    prior : GaussianPrior
        Of the parameters.
    worth, cost : float or float[option]
        Money per success, and money for showing the option whether it succeeds or not.
    forgetting : Discount or Window
        What of the past counts.
    held : int
        Outcomes kept as they are at most, at least 2; while there have not been more, no order of feedback makes a difference.
    """

    features: FeatureMap
    prior: GaussianPrior = field(default_factory=GaussianPrior)
    worth: ArrayLike = 1.0
    cost: ArrayLike = 0.0
    forgetting: Forgetting = KEEP_ALL
    held: int = HELD
    _gain: Floats = field(init=False, repr=False)
    _loss: Floats = field(init=False, repr=False)

    def __post_init__(self) -> None:
        options = self.features.options
        object.__setattr__(self, "_gain", per_option(self.worth, options, "worth"))
        object.__setattr__(self, "_loss", per_option(self.cost, options, "cost"))
        if self.held < 2:
            raise InputError(f"held is {self.held!r}; give at least 2 outcomes")
        _ = self._prior

    @property
    def options(self) -> int:
        """How many options there are."""
        return self.features.options

    @cached_property
    def _prior(self) -> tuple[Floats, Floats]:
        return self.prior.laid_out(self.features.blocks, self.features.width)

    def start(self) -> LogisticState:
        """Give the state before any feedback."""
        width, (mean, precision) = self.features.width, self._prior
        return LogisticState(
            mean=frozen(mean.copy()),
            root=frozen(np.ascontiguousarray(root_of(precision))),
            rows=frozen(np.zeros((0, width + 2))),
            block=frozen(np.zeros(0, dtype=np.int64)),
            sums=self.forgetting.start((self.features.blocks, width, width + 1)),
            seen=SeenIds.none(),
        )

    def update(self, state: LogisticState, outcomes: Sequence[Outcome]) -> LogisticState:
        """Give the state after feedback: rewards from 0 to 1.

        Raises
        ------
        InputError
            An outcome makes no sense; nothing is changed then.
        """
        seen, new = fresh(state.seen, outcomes)
        if not new:
            return state
        told = lay_out(new, self.features, state.sums.latest)
        if not ((told.reward >= 0.0) & (told.reward <= 1.0)).all():
            odd = told.reward[(told.reward < 0.0) | (told.reward > 1.0)]
            raise InputError(f"outcomes: rewards {odd[:5].tolist()}; a logistic model takes 0 to 1")
        sums = self.forgetting.moved(state.sums, max(state.sums.latest, float(told.time.max())))
        rows, block = self._held(state, told, sums.latest)
        mean, precision = self._mode(state.mean, rows, block, sums)
        if len(rows) > self.held:
            old = len(rows) - self.held // 2
            sums = self._folded(sums, mean, rows[:old], block[:old])
            rows, block = rows[old:].copy(), block[old:].copy()
        root = np.ascontiguousarray(root_of(precision))
        return LogisticState(
            mean=frozen(mean), root=frozen(root), rows=frozen(rows), block=frozen(block), sums=sums, seen=seen
        )

    def _held(self, state: LogisticState, told: Feedback, latest: float) -> tuple[Floats, Ints]:
        added = np.concatenate([told.features, told.reward[:, None], told.time[:, None]], axis=1)
        rows = np.concatenate([state.rows, added])
        block = np.concatenate([state.block, told.block])
        if not (np.diff(rows[:, -1]) > 0.0).all():
            # Equal times are ordered by all else, so that the state is the same whatever came first.
            order = np.lexsort((block, *rows.T))
            rows, block = rows[order], block[order]
        counts = self.forgetting.weight(latest - rows[:, -1]) > 0.0
        return (rows, block) if counts.all() else (rows[counts], block[counts])

    def _mode(self, mean: Floats, rows: Floats, block: Ints, sums: DatedSums) -> tuple[Floats, Floats]:
        prior_mean, prior_precision = self._prior
        old = self.forgetting.total(sums)
        known = prior_precision + old[:, :, :-1]
        pull = (prior_precision @ prior_mean[:, :, None])[:, :, 0] + old[:, :, -1]
        features, reward = np.ascontiguousarray(rows[:, :-2]), rows[:, -2]
        weight = self.forgetting.weight(sums.latest - rows[:, -1])
        for _ in range(STEPS):
            slope, curvature = _expanded(mean, features, block, reward, weight)
            precision = known + curvature
            slope = slope + pull - (known @ mean[:, :, None])[:, :, 0]
            step: Floats = np.linalg.solve(precision, slope[:, :, None])[:, :, 0].astype(np.float64, copy=False)
            moved = float(np.abs(_predicted(step, features, block)).max(initial=0.0))
            # This much of a Newton step always improves a logistic likelihood (Bach 2010).
            mean = mean + step * (np.log1p(moved) / moved if moved > 0.0 else 1.0)
            if moved < NEAR:
                break
        return mean, known + _expanded(mean, features, block, reward, weight)[1]

    def _folded(self, sums: DatedSums, mean: Floats, rows: Floats, block: Ints) -> DatedSums:
        features, reward = rows[:, :-2], rows[:, -2]
        predictor = _predicted(mean, features, block)
        chance = logistic(predictor)
        bend = chance * (1.0 - chance)
        sides = np.concatenate([bend[:, None] * features, (reward - chance + bend * predictor)[:, None]], axis=1)
        return self.forgetting.add(sums, rows[:, -1], block, features[:, :, None] * sides[:, None, :])


def logistic(predictor: Floats) -> Floats:
    """Give 1 / (1 + exp(-predictor)) without overflow."""
    return 0.5 * (1.0 + np.tanh(0.5 * predictor))


def _expanded(mean: Floats, features: Floats, block: Ints, reward: Floats, weight: Floats) -> tuple[Floats, Floats]:
    # Slope and curvature of the log likelihood at `mean`, by block.
    blocks, width = mean.shape
    chance = logistic(_predicted(mean, features, block))
    rest, bend = weight * (reward - chance), weight * chance * (1.0 - chance)
    if blocks == 1:
        return (rest @ features)[None], (features.T @ (bend[:, None] * features))[None]
    # Sums by block as products with a table of who belongs to which: adding at places takes ten times as long.
    belongs = (block == np.arange(blocks)[:, None]).astype(np.float64)
    squares = (features[:, :, None] * features[:, None, :]).reshape(len(features), width * width)
    return (belongs * rest) @ features, ((belongs * bend) @ squares).reshape(blocks, width, width)


def _predicted(parameters: Floats, features: Floats, block: Ints) -> Floats:
    if len(parameters) == 1:
        alike: Floats = features @ parameters[0]
        return alike
    predicted: Floats = np.einsum("iw,iw->i", features, parameters[block])
    return predicted
