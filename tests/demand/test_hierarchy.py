"""Pooling over the tree against dense Gaussian algebra, and variances learnt from many children."""

import numpy as np
import pytest

from pricebid.demand.hierarchy import Information, Split, Spread, Tree, pool

TREE = Tree(sku_of=np.array([0, 0, 0, 1, 2, 2, 3]), category_of=np.array([0, 0, 1, 1]))
J, K = 2, 3


def spread_of(root: np.ndarray, category: np.ndarray, sku: np.ndarray, series: np.ndarray) -> Spread:
    return Spread(root=root, category=category, sku=sku, series=series, freedom=np.full(len(root), 4.0))


def random_information(
    rng: np.random.Generator,
) -> tuple[list[tuple[np.ndarray, ...]], tuple[Split, Split, Information]]:
    """Rows y = d @ parent + x @ (child - parent) of every series and sku, and direct rows of every category."""

    def split(rows: list[tuple[np.ndarray, np.ndarray, np.ndarray]]) -> Split:
        parts = [(d.T @ d, d.T @ x, x.T @ x, d.T @ y, x.T @ y) for d, x, y in rows]
        return Split(*(np.stack(part) for part in zip(*parts, strict=True)))

    leaves = [(rng.normal(size=(5, J)), rng.normal(size=(5, J)), rng.normal(size=5)) for _ in TREE.sku_of]
    leaves[3] = (np.zeros((5, J)), np.zeros((5, J)), np.zeros(5))
    skus = [(rng.normal(size=(4, K)), rng.normal(size=(4, K)), rng.normal(size=4)) for _ in TREE.category_of]
    tops = [(rng.normal(size=(2, K)), rng.normal(size=2)) for _ in range(2)]
    direct = Information(np.stack([x.T @ x for x, _ in tops]), np.stack([x.T @ y for x, y in tops]))
    return [leaves, skus, tops], (split(leaves), split(skus), direct)


def dense_posterior(parts: list, spread: Spread) -> tuple[np.ndarray, np.ndarray]:
    """Mean and covariance of (categories, skus, series) stacked, from the joint prior and all rows."""
    n_c, n_s, n_l = 2, TREE.skus, len(TREE.sku_of)
    size = (n_c + n_s) * K + n_l * J
    at_c = [slice(c * K, (c + 1) * K) for c in range(n_c)]
    at_s = [slice((n_c + s) * K, (n_c + s + 1) * K) for s in range(n_s)]
    at_l = [slice((n_c + n_s) * K + i * J, (n_c + n_s) * K + (i + 1) * J) for i in range(n_l)]
    precision, vector = np.zeros((size, size)), np.zeros(size)

    def add(rows: np.ndarray, y: np.ndarray, variance: np.ndarray) -> None:
        nonlocal precision, vector
        precision += rows.T @ (rows / variance[:, None])
        vector += rows.T @ (y / variance)

    def rows_of(m: int, *parts: tuple[slice, np.ndarray]) -> np.ndarray:
        out = np.zeros((m, size))
        for where, values in parts:
            out[:, where] += values
        return out

    for c in range(n_c):
        add(rows_of(K, (at_c[c], np.eye(K))), spread.root, spread.category)
        x, y = parts[2][c]
        add(rows_of(len(y), (at_c[c], x)), y, np.ones(len(y)))
    for s, c in enumerate(TREE.category_of):
        add(rows_of(K, (at_s[s], np.eye(K)), (at_c[c], -np.eye(K))), np.zeros(K), spread.sku)
        d, x, y = parts[1][s]
        add(rows_of(len(y), (at_c[c], d - x), (at_s[s], x)), y, np.ones(len(y)))
    for i, s in enumerate(TREE.sku_of):
        first = slice(at_s[s].start, at_s[s].start + J)
        add(rows_of(J, (at_l[i], np.eye(J)), (first, -np.eye(J))), np.zeros(J), spread.series)
        d, x, y = parts[0][i]
        add(rows_of(len(y), (first, d - x), (at_l[i], x)), y, np.ones(len(y)))
    covariance = np.linalg.inv(precision)
    return covariance @ vector, covariance


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_one_pass_up_and_down_gives_the_dense_posterior(seed: int) -> None:
    rng = np.random.default_rng(seed)
    parts, info = random_information(rng)
    spread = spread_of(rng.normal(size=K), rng.uniform(0.1, 1, K), rng.uniform(0.1, 1, K), rng.uniform(0.1, 1, J))
    pooled = pool(info, TREE, spread, rounds=1)
    mean, covariance = dense_posterior(parts, spread)
    at = 0
    for tier, size in ((pooled.category, K), (pooled.sku, K), (pooled.series, J)):
        for node in range(len(tier.mean)):
            here = slice(at, at + size)
            np.testing.assert_allclose(tier.mean[node], mean[here], rtol=1e-8, atol=1e-10)
            np.testing.assert_allclose(tier.covariance[node], covariance[here, here], rtol=1e-8, atol=1e-10)
            at += size


def test_a_slope_without_variance_is_its_parents() -> None:
    rng = np.random.default_rng(4)
    _, info = random_information(rng)
    spread = spread_of(np.zeros(K), np.ones(K), np.array([0.5, 0.0, 0.5]), np.array([0.3, 0.0]))
    pooled = pool(info, TREE, spread, rounds=5)
    np.testing.assert_allclose(pooled.sku.mean[:, 1], pooled.category.mean[TREE.category_of, 1], atol=1e-12)
    np.testing.assert_allclose(pooled.series.mean[:, 1], pooled.sku.mean[TREE.sku_of, 1], atol=1e-12)


def test_the_shared_part_of_a_covariance_is_what_siblings_have_in_common() -> None:
    rng = np.random.default_rng(5)
    _, info = random_information(rng)
    spread = spread_of(np.zeros(K), np.full(K, 2.0), np.full(K, 0.2), np.full(J, 0.1))
    pooled = pool(info, TREE, spread, rounds=1)
    known = spread_of(pooled.category.mean[0], np.zeros(K), spread.sku, spread.series)
    sure = pool(info, TREE, known, rounds=1)
    rest = pooled.sku.covariance - pooled.sku.shared
    np.testing.assert_allclose(rest[TREE.category_of == 0], sure.sku.covariance[TREE.category_of == 0], atol=1e-10)
    assert (np.einsum("nii->ni", pooled.series.shared) <= np.einsum("nii->ni", pooled.series.covariance) + 1e-12).all()


def test_variances_are_learnt_from_many_children() -> None:
    """400 skus: the standard deviation of a learnt variance is about 10 %, the bound is 4 of them."""
    rng = np.random.default_rng(6)
    n, truth = 400, 0.25
    tree = Tree(sku_of=np.arange(n), category_of=np.zeros(n, dtype=int))
    slope = -2.0 + rng.normal(0, np.sqrt(truth), n)
    precise = np.full((n, 1, 1), 50.0)
    seen = slope + rng.normal(0, np.sqrt(1 / 50), n)
    vector = 50.0 * seen[:, None]
    info = (
        Split(precise, precise, precise, vector, vector),
        Split.none(n, 1),
        Information(np.zeros((1, 1, 1)), np.zeros((1, 1))),
    )
    guess = spread_of(np.zeros(1), np.full(1, 9.0), np.full(1, 1.0), np.zeros(1))
    pooled = pool(info, tree, guess, rounds=60)
    assert pooled.spread.sku[0] == pytest.approx(truth, rel=0.4)
    assert pooled.category.mean[0, 0] == pytest.approx(-2.0, abs=0.12)
    off = pooled.series.mean[:, 0] - slope
    assert np.sqrt((off**2).mean()) < 0.9 * np.sqrt(1 / 50) * 1.05
