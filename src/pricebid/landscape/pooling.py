"""Partial pooling: a quantity per series, as the sum of effects of the groups that the series belongs to and its own.

    f_i = sum of beta_g over the groups g of i  +  effect of i's cluster  +  u_i

Effects of one kind are normal around 0 with one variance each, learnt from the data (empirical Bayes; Morris 1983). What
is seen of f_i is normal (`pool_normal`), or a Poisson count around ``exposure x exp(f_i)`` (`pool_counts`, by expectation
propagation; Minka 2001). A series that says nothing of its own lies where its groups are, with the uncertainty of that.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse
from scipy.linalg.lapack import dpotrf, dpotri
from scipy.special import gammaln

from pricebid.landscape.sums import summed

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ROUNDS = 40
_FLAT = 4.0  # variance of effects that are not pooled: the intercept, by how far logs may lie from a first guess
_WEIGHT = 2.0  # what is believed of a variance counts as so many effects seen
_STEP = 3.0
_CHUNK = 20_000
_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(15)


@dataclass(frozen=True, kw_only=True, eq=False)
class Design:
    """Which groups each series belongs to.

    Parameters
    ----------
    matrix : sparse float64[series, effect]
        1 where the series has the effect (or a covariate's value).
    kind : int64[effect]
        Which variance the effect shares.
    pooled : bool[kind]
        False: the effects of this kind are free.
    cluster : int64[series]
        The cluster of each series: series of one keyword in several regions. Each has an effect of its own; where all
        clusters have one series, it is the series' own effect.
    belief, most : float
        Standard deviation that effects are believed to have, and the largest that is credited: where the data say almost
        nothing, a variance learnt from them may be anything.
    """

    matrix: sparse.csr_array
    kind: NDArray[np.int64]
    pooled: NDArray[np.bool_]
    cluster: NDArray[np.int64]
    belief: float = 0.3
    most: float = 3.0

    @property
    def clustered(self) -> bool:
        """Some cluster has several series."""
        return int(self.cluster.max(initial=-1)) + 1 < len(self.cluster)


@dataclass(frozen=True, kw_only=True, eq=False)
class Variances:
    """Variances of the effects.

    Parameters
    ----------
    kinds : float64[kind]
        Of the groups' effects.
    cluster, own : float
        Of the clusters' and the series' own effects.
    """

    kinds: NDArray[np.float64]
    cluster: float
    own: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Pooled:
    """Posterior of the pooled quantity.

    Parameters
    ----------
    mean, variance : float64[series]
        Of f.
    before_mean, before_variance : float64[series]
        The same without what the series itself says: what the others say of it.
    variances : Variances
        As learnt.
    """

    mean: NDArray[np.float64]
    variance: NDArray[np.float64]
    before_mean: NDArray[np.float64]
    before_variance: NDArray[np.float64]
    variances: Variances


@dataclass(frozen=True, kw_only=True, eq=False)
class PooledRates:
    """Posterior of pooled Poisson rates.

    Parameters
    ----------
    mean : float64[series]
        Posterior mean of the rate.
    log : Pooled
        Posterior of its log.
    score : float
        Log predictive likelihood of the counts, each given the others.
    """

    mean: NDArray[np.float64]
    log: Pooled
    score: float


@dataclass
class _Solved:
    """One solution for given variances: effects, their covariance, and each series' posterior."""

    effects: NDArray[np.float64]
    effect_variance: NDArray[np.float64]
    mean: NDArray[np.float64]
    variance: NDArray[np.float64]
    own: float = 0.0
    cluster: float = 0.0
    freedom: NDArray[np.float64] = field(default_factory=lambda: np.zeros(2))


def start(design: Design) -> Variances:
    """Variances to start from."""
    return Variances(
        kinds=np.where(design.pooled, design.belief**2, _FLAT),
        cluster=design.belief**2 if design.clustered else 0.0,
        own=design.belief**2,
    )


def pool_normal(
    shift: NDArray[np.float64],
    precision: NDArray[np.float64],
    design: Design,
    *,
    variances: Variances | None = None,
    rounds: int = _ROUNDS,
) -> Pooled:
    """Pool quantities that were seen with normal errors.

    Parameters
    ----------
    shift : float64[series]
        What was seen times its precision.
    precision : float64[series]
        1 / variance of the error; 0 where nothing was seen.
    design : Design
        Groups.
    variances : Variances, optional
        To start from.
    rounds : int
        Rounds of EM on the variances; 0 keeps them.

    Returns
    -------
    Pooled
    """
    found = variances or start(design)
    for _ in range(rounds):
        after = _learnt(design, found, _solve(shift, precision, design, found))
        done = _change(found, after) < 1e-3
        found = after
        if done:
            break
    solved = _solve(shift, precision, design, found)
    left = np.maximum(1.0 / solved.variance - precision, 1e-9)
    return Pooled(
        mean=solved.mean,
        variance=solved.variance,
        before_mean=(solved.mean / solved.variance - shift) / left,
        before_variance=1.0 / left,
        variances=found,
    )


def pool_counts(
    count: NDArray[np.float64],
    exposure: NDArray[np.float64],
    design: Design,
    *,
    variances: Variances | None = None,
    rounds: int = 10,
) -> PooledRates:
    """Pool rates of which counts were seen: ``count ~ Poisson(exposure x exp(f))``.

    Each count is replaced by the normal that changes what the others say of f just as the count does (in mean and
    variance), over and over until they agree; counts of 0 are nothing special.

    Parameters
    ----------
    count : float64[series]
        At least 0; need not be whole.
    exposure : float64[series]
        At least 0.
    design : Design
        Groups; one of its kinds should be a free intercept.
    variances : Variances, optional
        To start from.
    rounds : int
        Rounds of expectation propagation.

    Returns
    -------
    PooledRates
    """
    usual = np.log(max(count.sum(), 0.5) / max(exposure.sum(), 1e-12))
    found = variances or start(design)
    precision = np.minimum(exposure * np.exp(usual), 1.0 / design.belief**2)
    shift = np.zeros(len(count))
    for at in range(rounds):
        pooled = pool_normal(shift, precision, design, variances=found, rounds=2)
        found = pooled.variances
        tilted = _tilted(count, exposure, usual + pooled.before_mean, pooled.before_variance)
        fresh = np.maximum(1.0 / tilted.variance - 1.0 / pooled.before_variance, 0.0)
        moved = (tilted.log_mean - usual) / tilted.variance - pooled.before_mean / pooled.before_variance
        keep = 0.0 if at == 0 else 0.2
        shift, precision = keep * shift + (1 - keep) * moved, keep * precision + (1 - keep) * fresh
    pooled = pool_normal(shift, precision, design, variances=found, rounds=0)
    pooled = replace(pooled, mean=pooled.mean + usual, before_mean=pooled.before_mean + usual)
    tilted = _tilted(count, exposure, pooled.before_mean, pooled.before_variance)
    return PooledRates(mean=tilted.mean, log=pooled, score=float(tilted.log_mass.sum()))


@dataclass(frozen=True, kw_only=True)
class _Tilted:
    mean: NDArray[np.float64]
    log_mean: NDArray[np.float64]
    variance: NDArray[np.float64]
    log_mass: NDArray[np.float64]


def log_predictive(
    count: NDArray[np.float64],
    exposure: NDArray[np.float64],
    mean: NDArray[np.float64],
    variance: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Log probability of Poisson counts whose log rate is normal, float64[series]."""
    return _tilted(count, exposure, mean, variance).log_mass


def _tilted(
    count: NDArray[np.float64],
    exposure: NDArray[np.float64],
    mean: NDArray[np.float64],
    variance: NDArray[np.float64],
) -> _Tilted:
    """Moments of a normal log rate once its Poisson count is seen, by Gauss-Hermite quadrature about the mode."""
    mode = np.where(count > 0, np.log(np.maximum(count, 0.1) / np.maximum(exposure, 1e-12)), mean)
    share = variance * count / (1.0 + variance * count)
    mode = np.where(exposure > 0, share * mode + (1.0 - share) * mean, mean)
    for _ in range(8):
        rate = exposure * np.exp(np.minimum(mode, 30.0))
        step = (count - rate - (mode - mean) / variance) / (rate + 1.0 / variance)
        mode = mode + np.clip(step, -_STEP, _STEP)
    width = 1.0 / np.sqrt(exposure * np.exp(np.minimum(mode, 30.0)) + 1.0 / variance)
    points = mode[:, None] + width[:, None] * _NODES
    log_rate = points + np.log(np.maximum(exposure, 1e-300))[:, None]
    seen = count[:, None] * np.where(count[:, None] > 0, log_rate, 0.0) - np.exp(np.minimum(log_rate, 30.0))
    height = seen - 0.5 * (points - mean[:, None]) ** 2 / variance[:, None] + 0.5 * _NODES**2
    top = height.max(axis=1)
    weight = np.exp(height - top[:, None]) * _WEIGHTS
    total = weight.sum(axis=1)
    weight /= total[:, None]
    log_mean = (weight * points).sum(axis=1)
    return _Tilted(
        mean=(weight * np.exp(points)).sum(axis=1),
        log_mean=log_mean,
        variance=np.maximum((weight * (points - log_mean[:, None]) ** 2).sum(axis=1), 1e-12),
        log_mass=np.log(total * width / np.sqrt(2.0 * np.pi * variance)) + top - gammaln(count + 1.0),
    )


def _solve(shift: NDArray[np.float64], precision: NDArray[np.float64], design: Design, variances: Variances) -> _Solved:
    """Posterior for given variances: own and cluster effects are summed out, the others solved for at once."""
    x, cluster = design.matrix, design.cluster
    own, between = max(variances.own, 1e-8), variances.cluster
    # A series says `weight` of its groups' sum, its own effect summed out.
    weight = precision / (1.0 + precision * own)
    told = shift / (1.0 + precision * own)
    groups = int(cluster.max()) + 1
    total = np.bincount(cluster, weight, minlength=groups)
    pull = between / (1.0 + between * total)
    rows = np.arange(len(cluster))
    gathered = sparse.csr_array((weight, (cluster, rows)), shape=(groups, len(cluster))) @ x
    answer = sparse.diags_array(pull) @ gathered
    told_sum = np.bincount(cluster, told, minlength=groups)
    matrix = (x.T @ (sparse.diags_array(weight) @ x) - gathered.T @ answer).toarray()
    matrix[np.diag_indices_from(matrix)] += 1.0 / np.maximum(variances.kinds[design.kind], 1e-8)
    covariance = _inverse(matrix)
    effects = covariance @ (x.T @ told - gathered.T @ (pull * told_sum))
    cluster_mean = pull * (told_sum - gathered @ effects)
    keep = 1.0 / (1.0 + precision * own)
    base = x @ effects + cluster_mean[cluster]
    mean = keep * base + own * told
    # How f moves with the effects once own and cluster effects have answered to them.
    members = sparse.csr_array((np.ones(len(cluster)), (rows, cluster)), shape=(len(cluster), groups))
    lean = sparse.csr_array(x - members @ answer)
    spread = _quadratic(lean, covariance) + pull[cluster]
    variance = keep**2 * spread + own * keep
    return _Solved(
        effects=effects,
        effect_variance=np.diagonal(covariance),
        mean=mean,
        variance=variance,
        own=_second_moment(mean - base, own * keep + (1 - keep) ** 2 * spread),
        cluster=_second_moment(cluster_mean, pull + _quadratic(sparse.csr_array(answer), covariance)),
        freedom=np.array([len(cluster) - keep.sum(), groups - (pull / max(between, 1e-12)).sum()]),
    )


def _inverse(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """Inverse of a positive definite matrix, by Cholesky: a third of the time of the general one."""
    factor, _ = dpotrf(matrix, lower=1, overwrite_a=1)
    inverse, _ = dpotri(factor, lower=1, overwrite_c=1)
    lower: NDArray[np.float64] = np.tril(inverse)
    return lower + np.tril(lower, -1).T


def _second_moment(mean: NDArray[np.float64], variance: NDArray[np.float64]) -> float:
    return float((mean**2 + variance).sum())


def _quadratic(rows: sparse.csr_array, covariance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return x' C x for each sparse row, float64[row], in parts that fit into memory."""
    out = np.empty(rows.shape[0])
    for at in range(0, rows.shape[0], _CHUNK):
        part = rows[at : at + _CHUNK]
        out[at : at + _CHUNK] = (part * (part @ covariance)).sum(axis=1)
    return out


def _learnt(design: Design, before: Variances, solved: _Solved) -> Variances:
    """One step of EM, the belief about variances counted as a few effects more."""

    def variance(moment: NDArray[np.float64] | float, count: NDArray[np.intp] | int) -> NDArray[np.float64]:
        return np.minimum((moment + _WEIGHT * design.belief**2) / (count + _WEIGHT), design.most**2)

    size = len(before.kinds)
    moments = summed(design.kind, solved.effects**2 + solved.effect_variance, (size,))
    fresh = variance(moments, np.bincount(design.kind, minlength=size))
    series, clusters = len(design.cluster), int(design.cluster.max()) + 1
    return Variances(
        kinds=np.where(design.pooled, fresh, before.kinds),
        cluster=float(variance(solved.cluster, clusters)) if design.clustered else 0.0,
        own=float(variance(solved.own, series)),
    )


def _change(one: Variances, other: Variances) -> float:
    a, b = (np.log(np.append(v.kinds, [v.own, max(v.cluster, 1e-8)])) for v in (one, other))
    return float(np.abs(a - b).max())
