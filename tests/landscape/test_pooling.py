"""Pooled quantities against exact answers: dense Gaussian algebra, and integrals over every unknown."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import sparse, stats
from scipy.integrate import quad

from pricebid.landscape.pooling import Design, Variances, log_predictive, pool_counts, pool_normal

Floats = NDArray[np.float64]


def groups_of(codes: list[NDArray[np.int64]], cluster: NDArray[np.int64] | None = None) -> Design:
    """A free intercept, then one kind of pooled effects per coding."""
    count = len(codes[0])
    blocks = [np.zeros(count, dtype=np.int64), *codes]
    sizes = [int(block.max()) + 1 for block in blocks]
    column = np.concatenate([block + start for block, start in zip(blocks, np.cumsum([0, *sizes]), strict=False)])
    row = np.tile(np.arange(count), len(blocks))
    return Design(
        matrix=sparse.csr_array((np.ones(len(row)), (row, column)), shape=(count, sum(sizes))),
        kind=np.repeat(np.arange(len(sizes)), sizes),
        pooled=np.array([False] + [True] * len(codes)),
        cluster=np.arange(count) if cluster is None else cluster,
    )


def covariance_of(design: Design, variances: Variances) -> Floats:
    x = design.matrix.toarray()
    same = design.cluster[:, None] == design.cluster
    return (x * variances.kinds[design.kind]) @ x.T + variances.cluster * same + variances.own * np.eye(len(x))


def test_normal_pooling_is_the_exact_posterior_with_clusters_and_unseen_series() -> None:
    rng = np.random.default_rng(1)
    design = groups_of([rng.integers(0, 4, 60), rng.integers(0, 7, 60)], np.repeat(np.arange(20), 3))
    variances = Variances(kinds=np.array([100.0, 0.3, 0.1]), cluster=0.2, own=0.15)
    prior = covariance_of(design, variances)
    noise = rng.uniform(0.05, 2.0, 60)
    seen = rng.random(60) < 0.7
    values = rng.multivariate_normal(np.zeros(60), prior) + rng.normal(0.0, np.sqrt(noise))
    precision = np.where(seen, 1 / noise, 0.0)
    found = pool_normal(values * precision, precision, design, variances=variances, rounds=0)
    gain = np.linalg.solve(prior[np.ix_(seen, seen)] + np.diag(noise[seen]), prior[seen])
    np.testing.assert_allclose(found.mean, gain.T @ values[seen], atol=1e-8)
    np.testing.assert_allclose(found.variance, np.diag(prior - prior[:, seen] @ gain), atol=1e-8)
    at = int(np.flatnonzero(seen)[0])  # what the others say of a series: the same without its own value
    others = seen & (np.arange(60) != at)
    gain = np.linalg.solve(prior[np.ix_(others, others)] + np.diag(noise[others]), prior[others, at])
    assert found.before_mean[at] == pytest.approx(gain @ values[others])
    assert found.before_variance[at] == pytest.approx(prior[at, at] - prior[at, others] @ gain)


@pytest.mark.parametrize(("count", "exposure"), [(0.0, 3.0), (0.0, 300.0), (1.0, 20.0), (40.0, 900.0)])
def test_one_count_is_the_exact_integral(count: float, exposure: float) -> None:
    mean, variance = np.log(0.03), 0.5

    def joint(f: float) -> float:
        return float(stats.poisson.pmf(count, exposure * np.exp(f)) * stats.norm.pdf(f, mean, np.sqrt(variance)))

    mass = quad(joint, -12.0, 4.0, points=[-6.0, -4.0, -3.0])[0]
    made = log_predictive(np.array([count]), np.array([exposure]), np.array([mean]), np.array([variance]))
    assert made[0] == pytest.approx(np.log(mass), abs=2e-4)


def test_pooled_rates_are_near_the_exact_posterior_of_a_small_case() -> None:
    # Three keywords of one group: integrate over the group's effect and each own effect on a grid.
    count, exposure = np.array([0.0, 2.0, 9.0]), np.array([3.0, 60.0, 150.0])
    variances = Variances(kinds=np.array([1.0, 0.2]), cluster=0.0, own=0.3)
    design = groups_of([np.zeros(3, dtype=np.int64)])
    usual = np.log(count.sum() / exposure.sum())
    shared = np.linspace(-5.0, 5.0, 801)
    own = np.linspace(-4.0, 4.0, 641)
    prior = stats.norm.pdf(shared, 0.0, np.sqrt(1.2))
    own_prior = stats.norm.pdf(own, 0.0, np.sqrt(0.3))
    rate = np.exp(usual + shared[:, None] + own)
    inner = [stats.poisson.pmf(y, e * rate) * own_prior for y, e in zip(count, exposure, strict=True)]
    mass = [one.sum(axis=1) for one in inner]
    exact = []
    for at in range(3):
        others = prior * np.prod([mass[k] for k in range(3) if k != at], axis=0)
        exact.append((others * (inner[at] * rate).sum(axis=1)).sum() / (others * mass[at]).sum())
    free = Design(matrix=design.matrix, kind=design.kind, pooled=np.array([False, False]), cluster=design.cluster)
    made = pool_counts(count, exposure, free, variances=variances, rounds=40)
    # The variances of free kinds stay; that of own effects is learnt, so it is given as learnt.
    learnt = made.log.variances.own
    assert 0.02 < learnt < 0.4
    np.testing.assert_allclose(made.mean, exact, rtol=0.15)


@pytest.fixture(scope="module")
def many() -> tuple[Design, Floats, Floats, Floats]:
    rng = np.random.default_rng(5)
    size = 800
    group, word = rng.integers(0, 8, size), rng.integers(0, 40, size)
    log_rate = -3.5 + rng.normal(0.0, 0.2, 8)[group] + rng.normal(0.0, 0.5, 40)[word] + rng.normal(0.0, 0.3, size)
    exposure = np.exp(rng.normal(3.5, 1.2, size))
    return groups_of([group, word]), rng.poisson(exposure * np.exp(log_rate)).astype(float), exposure, log_rate


def test_variances_are_learnt_and_intervals_cover(many: tuple[Design, Floats, Floats, Floats]) -> None:
    design, count, exposure, log_rate = many
    made = pool_counts(count, exposure, design)
    sd = np.sqrt(made.log.variances.kinds[1:])
    assert 0.1 < sd[0] < 0.4
    assert 0.35 < sd[1] < 0.65
    assert 0.15 < made.log.variances.own**0.5 < 0.45
    inside = np.abs(log_rate - made.log.mean) < 1.645 * np.sqrt(made.log.variance)
    assert 0.86 < inside.mean() < 0.95  # 800 series that share effects: three standard errors around .90
    assert (exposure * made.mean).sum() == pytest.approx(count.sum(), rel=0.01)


def test_pooled_rates_predict_new_counts_better_than_none_or_all(many: tuple[Design, Floats, Floats, Floats]) -> None:
    design, count, exposure, log_rate = many
    fresh = np.random.default_rng(6).poisson(exposure * np.exp(log_rate))
    pooled = pool_counts(count, exposure, design)

    def score(rate: Floats) -> float:
        return float(stats.poisson.logpmf(fresh, exposure * rate).sum())

    total = count.sum() / exposure.sum()
    alone = (count + 1.0) / (exposure + 1.0 / total)
    assert score(pooled.mean) > score(alone) + 30
    assert score(pooled.mean) > score(np.full(len(count), total)) + 30


def test_few_clicks_are_no_verdict_and_many_are() -> None:
    rng = np.random.default_rng(2)
    exposure = np.concatenate([[3.0, 300.0], np.full(60, 100.0)])
    count = np.concatenate([[0.0, 0.0], rng.poisson(3.0, 60)]).astype(float)
    made = pool_counts(count, exposure, groups_of([np.zeros(62, dtype=np.int64)]))
    usual = made.mean[2:].mean()
    assert 0.75 * usual < made.mean[0] < usual
    assert made.mean[1] < 0.75 * made.mean[0]


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 1000), st.floats(0.01, 100.0))
def test_rates_scale_with_exposure_and_fall_with_chances_that_brought_nothing(seed: int, factor: float) -> None:
    rng = np.random.default_rng(seed)
    exposure = np.exp(rng.normal(2.0, 1.0, 15))
    count = rng.poisson(0.2 * exposure).astype(float)
    count[0] = 1.0
    design = groups_of([rng.integers(0, 3, 15)])
    made = pool_counts(count, exposure, design)
    assert np.all(made.mean > 0)
    assert np.all(np.isfinite(made.log.variance) & (made.log.variance > 0))
    scaled = pool_counts(count, exposure * factor, design)
    np.testing.assert_allclose(scaled.mean * factor, made.mean, rtol=1e-3)
    more = exposure.copy()
    more[0] *= 3.0
    assert pool_counts(count, more, design).mean[0] < made.mean[0]


def test_nothing_that_came_at_all_still_gives_a_small_rate() -> None:
    made = pool_counts(np.zeros(4), np.full(4, 100.0), groups_of([np.zeros(4, dtype=np.int64)]))
    assert np.all((made.mean > 0) & (made.mean < 0.01))
