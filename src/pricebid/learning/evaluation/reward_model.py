"""A model of the reward: ridge on option x context, cross-fitted, so that no decision is judged by a model that saw it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pricebid.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pricebid.tables.decisions import DecisionLog

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class RidgeModel:
    """How the reward is modelled.

    Two steps: a ridge regression of the reward on the context, common to all options; then for each option a level and slopes of
    its own on what is left, shrunk to the common ones.

    Parameters
    ----------
    folds : int
        Parts of the log; each is predicted from the others. At least 2.
    penalty : float
        Decisions that the prior belief (no effect) is worth, per standardised feature; above 0.
    """

    folds: int = 5
    penalty: float = 20.0

    def __post_init__(self) -> None:
        if self.folds < 2 or not self.penalty > 0:
            raise InputError(f"folds {self.folds} must be at least 2, and penalty {self.penalty:g} above 0")


def features_of(log: DecisionLog) -> Floats:
    """Return what was known of each decision as standardised numbers, float64[decision, feature]; words one by one."""
    columns = [values for _, values in log.numbers]
    for _, words in log.texts:
        # The first label is the base.
        columns += [(words.codes == at).astype(float) for at in range(1, len(words.labels))]
    if not columns:
        return np.zeros((len(log), 0))
    matrix = np.column_stack(columns)
    spread = matrix.std(axis=0)
    matrix = matrix[:, spread > 1e-12]
    scaled: Floats = (matrix - matrix.mean(axis=0)) / matrix.std(axis=0)
    return scaled


def cross_fitted(
    reward: Floats,
    option: Ints,
    features: Floats,
    options: int,
    rng: np.random.Generator,
    *,
    model: RidgeModel | None = None,
) -> Floats:
    """Predict the reward of every option for every decision, float64[decision, option].

    Parameters
    ----------
    reward : float64[decision]
        What came.
    option : int64[decision]
        What was picked.
    features : float64[decision, feature]
        Standardised.
    options : int
        How many there are.
    rng : numpy.random.Generator
        Draws the folds.
    model : RidgeModel, optional
        Folds and penalty.
    """
    known = model or RidgeModel()
    n = len(reward)
    fold = rng.permutation(n) % min(known.folds, max(n, 1))
    guess = np.empty((n, options))
    for part in range(int(fold.max()) + 1):
        train, test = fold != part, fold == part
        if not train.any():
            train = test
        guess[test] = _predict(reward[train], option[train], features[train], features[test], options, known.penalty)
    return guess


def _predict(reward: Floats, option: Ints, seen: Floats, new: Floats, options: int, penalty: float) -> Floats:
    level = reward.mean()
    common = _ridge(seen, reward - level, penalty)
    rest = reward - level - seen @ common
    design = np.column_stack([np.ones(len(seen)), seen])
    wide = np.column_stack([np.ones(len(new)), new])
    order = np.argsort(option, kind="stable")
    ends = np.searchsorted(option[order], np.arange(options + 1))
    own = np.zeros((design.shape[1], options))
    for at in range(options):
        mine = order[ends[at] : ends[at + 1]]
        if len(mine):
            own[:, at] = _ridge(design[mine], rest[mine], penalty)
    guess: Floats = level + (new @ common)[:, None] + wide @ own
    return guess


def _ridge(matrix: Floats, target: Floats, penalty: float) -> Floats:
    width = matrix.shape[1]
    if not width:
        return np.zeros(0)
    return np.asarray(np.linalg.solve(matrix.T @ matrix + penalty * np.eye(width), matrix.T @ target), dtype=np.float64)
