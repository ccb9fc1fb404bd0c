"""Slopes pooled over series, skus and categories: exact inference on the tree, variances learnt by EM.

A node's slopes are normal around its parent's. Given each leaf's information matrix, one pass up and one pass down the
tree give every posterior exactly (Gaussian belief propagation; Lindley and Smith 1972 for the model), all nodes of a
tier at once.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


_STRIDE = 1.0


class Information(NamedTuple):
    """Normal log likelihood of some nodes' slopes: matrix float64[node, k, k] and vector float64[node, k]."""

    matrix: NDArray[np.float64]
    vector: NDArray[np.float64]


class Split(NamedTuple):
    """Information of nodes whose data see the parent's slopes and the node's own deviation through different columns.

    Data that are deviations from the mean over siblings, ``y = d @ parent + x @ (child - parent)``, where ``d`` is ``x``
    less the siblings' mean: what is common to all siblings cancels, what is peculiar to the node does not.
    ``parent = d'd``, ``cross = d'x``, ``child = x'x`` float64[node, k, k]; ``of_parent = d'y``, ``of_child = x'y``.
    """

    parent: NDArray[np.float64]
    cross: NDArray[np.float64]
    child: NDArray[np.float64]
    of_parent: NDArray[np.float64]
    of_child: NDArray[np.float64]

    @classmethod
    def none(cls, n: int, k: int) -> Split:
        """Return no information on n nodes with k slopes."""
        matrix, vector = np.zeros((n, k, k)), np.zeros((n, k))
        return cls(matrix, matrix, matrix, vector, vector)

    def plus(self, info: Information) -> Split:
        """Add information that speaks of the child's slopes as a whole."""
        j = info.vector.shape[1]
        parts = [part.copy() for part in self]
        for part in parts[:3]:
            part[:, :j, :j] += info.matrix
        for part in parts[3:]:
            part[:, :j] += info.vector
        return Split(*parts)


@dataclass(frozen=True, kw_only=True)
class Spread:
    """Variances of the slopes around their parents, float64[k] each; the root has a given mean.

    Parameters
    ----------
    root : float64[k]
        Prior mean of the categories' slopes.
    category, sku : float64[k]
        Variance of a category around the root, and of a sku around its category.
    series : float64[j]
        Variance of a series around its sku, for the first j <= k slopes, those that a single series has.
    freedom : float64[k]
        How many nodes' worth of evidence the prior guesses of the variances weigh.
    """

    root: NDArray[np.float64]
    category: NDArray[np.float64]
    sku: NDArray[np.float64]
    series: NDArray[np.float64]
    freedom: NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Slopes:
    """Posterior of the slopes of one tier: mean float64[node, k], covariance float64[node, k, k].

    ``shared`` is the part of the covariance that comes from the uncertainty of the category's slopes.
    """

    mean: NDArray[np.float64]
    covariance: NDArray[np.float64]
    shared: NDArray[np.float64]


def sum_by(index: NDArray[np.intp], values: NDArray[np.float64], n: int) -> NDArray[np.float64]:
    """Sum rows of ``values`` by ``index``, float64[n, ...]."""
    flat = values.reshape(len(values), -1)
    out = np.zeros((n, flat.shape[1]))
    order = np.argsort(index, kind="stable")
    if len(order):
        starts = np.flatnonzero(np.r_[True, np.diff(index[order]) > 0])
        out[index[order][starts]] = np.add.reduceat(flat[order], starts, axis=0)
    return out.reshape(n, *values.shape[1:])


def _inverse(matrix: NDArray[np.float64], variance: NDArray[np.float64]) -> NDArray[np.float64]:
    """(matrix + 1/variance)^-1, also where a variance is 0."""
    root = np.sqrt(variance)
    inner = np.linalg.inv(np.eye(len(variance)) + root[None, :, None] * matrix * root[None, None, :])
    return np.asarray(root[None, :, None] * inner * root[None, None, :])


def soften(info: Split, variance: NDArray[np.float64]) -> Information:
    """What nodes say of their parents, the nodes' own deviations (with the given variance) integrated out."""
    pull = info.cross @ _inverse(info.child, variance)
    matrix = info.parent - pull @ info.cross.transpose(0, 2, 1)
    vector = info.of_parent - np.einsum("nij,nj->ni", pull, info.of_child)
    return Information(0.5 * (matrix + matrix.transpose(0, 2, 1)), vector)


def _told(info: Split, variance: NDArray[np.float64]) -> float:
    """Log factor that integrating out the nodes' deviations leaves."""
    root = np.sqrt(variance)
    inner = np.eye(len(variance)) + root[None, :, None] * info.child * root[None, None, :]
    scaled = root * info.of_child
    fit = np.einsum("ni,ni->", scaled, np.linalg.solve(inner, scaled[..., None])[..., 0])
    return float(0.5 * fit - 0.5 * np.linalg.slogdet(inner)[1].sum())


def _down(info: Split, variance: NDArray[np.float64], parent: Slopes) -> tuple[Slopes, NDArray[np.float64]]:
    """Posterior of children given the posterior of their (already repeated) parents; and E[(child - parent)^2]."""
    own = _inverse(info.child, variance)
    step = -own @ info.cross.transpose(0, 2, 1)
    pull = np.eye(len(variance)) + step
    deviation = np.einsum("nij,nj->ni", own, info.of_child) + np.einsum("nij,nj->ni", step, parent.mean)
    covariance = own + pull @ parent.covariance @ pull.transpose(0, 2, 1)
    shared = pull @ parent.shared @ pull.transpose(0, 2, 1)
    moved = own + step @ parent.covariance @ step.transpose(0, 2, 1)
    second = deviation**2 + np.einsum("nii->ni", moved)
    return Slopes(mean=parent.mean + deviation, covariance=covariance, shared=shared), second


def _repeat(slopes: Slopes, index: NDArray[np.intp]) -> Slopes:
    return Slopes(mean=slopes.mean[index], covariance=slopes.covariance[index], shared=slopes.shared[index])


def _first(slopes: Slopes, j: int) -> Slopes:
    return Slopes(mean=slopes.mean[:, :j], covariance=slopes.covariance[:, :j, :j], shared=slopes.shared[:, :j, :j])


@dataclass(frozen=True, kw_only=True)
class Tree:
    """Which sku each series is of, and which category each sku is of: int[series], int[sku]."""

    sku_of: NDArray[np.intp]
    category_of: NDArray[np.intp]

    @property
    def skus(self) -> int:
        """Number of skus."""
        return len(self.category_of)

    @property
    def categories(self) -> int:
        """Number of categories."""
        return int(self.category_of.max()) + 1


@dataclass(frozen=True, kw_only=True)
class Pooled:
    """Posteriors of all tiers, the variances learnt, and the log marginal likelihood (up to a constant of the data)."""

    series: Slopes
    sku: Slopes
    category: Slopes
    spread: Spread
    evidence: float


def pool(
    info: tuple[Split, Split, Information],
    tree: Tree,
    spread: Spread,
    *,
    start: Spread | None = None,
    rounds: int = 25,
) -> Pooled:
    """Pool slopes over the tree and learn how far children lie from their parents.

    Parameters
    ----------
    info : (Split, Split, Information)
        What the data say at each tier: of the series' slopes (the first j), the skus', the categories'.
    tree : Tree
        Who belongs to whom.
    spread : Spread
        Prior mean of the root, and prior guesses of the variances.
    start : Spread, optional
        Where EM begins (an earlier result); default: the prior guesses.
    rounds : int
        EM rounds.

    Returns
    -------
    Pooled
    """
    guess = spread
    spread = start or guess
    for at in range(rounds):
        result, seconds, evidence = _posterior(info, tree, spread)
        if at < rounds - 1:
            spread = _updated(guess, spread, seconds, result[2].mean)
    return Pooled(series=result[0], sku=result[1], category=result[2], spread=spread, evidence=evidence)


def _updated(
    guess: Spread,
    spread: Spread,
    seconds: tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]],
    categories: NDArray[np.float64],
) -> Spread:
    """One EM step for the variances and the root, lengthened because plain EM creeps where the data say little."""
    variances = []
    old = (spread.category, spread.sku, spread.series)
    for second, prior, before in zip(seconds, (guess.category, guess.sku, guess.series), old, strict=True):
        freedom = guess.freedom[: len(prior)]
        step = (second.sum(0) + freedom * prior) / (len(second) + freedom)
        ratio = np.where(prior > 0, step / np.where(before > 0, before, 1.0), 0.0)
        variances.append(before * np.clip(ratio**_STRIDE, 0.25, 4.0))
    more = len(categories) - 1
    pull = more * guess.category / np.where(variances[0] > 0, variances[0], 1.0)
    root = (guess.root + pull * categories.mean(0)) / (1.0 + pull)
    return replace(guess, root=root, category=variances[0], sku=variances[1], series=variances[2])


def _posterior(
    info: tuple[Split, Split, Information], tree: Tree, spread: Spread
) -> tuple[tuple[Slopes, Slopes, Slopes], tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]], float]:
    """One pass up and one down: posteriors of (series, sku, category), second moments of (category, sku, series), evidence."""
    leaves, skus, categories = info
    up = soften(leaves, spread.series)
    j, n_cat, k = len(spread.series), tree.categories, len(spread.root)
    at_sku = skus.plus(
        Information(sum_by(tree.sku_of, up.matrix, tree.skus), sum_by(tree.sku_of, up.vector, tree.skus))
    )
    up = soften(at_sku, spread.sku)
    matrix = categories.matrix + sum_by(tree.category_of, up.matrix, n_cat)
    vector = categories.vector + sum_by(tree.category_of, up.vector, n_cat)
    at_category = Split(matrix, matrix, matrix, vector, vector)
    nothing = np.zeros((n_cat, k, k))
    root = Slopes(mean=np.broadcast_to(spread.root, (n_cat, k)), covariance=nothing, shared=nothing)
    category, second_c = _down(at_category, spread.category, root)
    category = Slopes(mean=category.mean, covariance=category.covariance, shared=category.covariance)
    sku, second_s = _down(at_sku, spread.sku, _repeat(category, tree.category_of))
    series, second_l = _down(leaves, spread.series, _first(_repeat(sku, tree.sku_of), j))
    centred = vector - matrix @ spread.root
    told = Split(matrix, matrix, matrix, centred, centred)
    evidence = _told(leaves, spread.series) + _told(at_sku, spread.sku) + _told(told, spread.category)
    evidence += float((vector @ spread.root - 0.5 * (matrix @ spread.root) @ spread.root).sum())
    return (series, sku, category), (second_c, second_s, second_l), evidence
