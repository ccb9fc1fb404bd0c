"""Hour profiles against exact Gaussian algebra, and on profiles that are known."""

import numpy as np
import pytest

from pricebid.landscape.profiles import Swings, smooth, waves

HOURS = np.arange(24)


def wave(peak: float, size: float) -> np.ndarray:
    return size * np.cos(2 * np.pi * (HOURS - peak) / 24)


def test_smoothing_is_the_exact_posterior() -> None:
    rng = np.random.default_rng(4)
    owner = np.array([0, 1, 0, 1, 1])
    swings = Swings(shared=0.2, apart=0.05, own=0.02)
    basis, harmonic = waves(24)
    scale = np.maximum(harmonic, 1.0) ** -3.0 * 12.0
    shape = basis[:, 1:] * np.sqrt(scale[1:])
    kernel = shape @ shape.T
    flat = np.ones((24, 24)) * 100.0 / 24
    shared = np.full((24, 24), scale[0] * swings.shared / 24)
    low = basis[:, 1:3] * np.sqrt(swings.own * scale[1:3])
    count = len(owner)
    prior = np.zeros((count * 24, count * 24))
    profile = np.zeros((2 * 24, count * 24))  # of each campaign, without its constant, with all series
    for a in range(count):
        rows = slice(24 * a, 24 * a + 24)
        for b in range(count):
            columns = slice(24 * b, 24 * b + 24)
            same = owner[a] == owner[b]
            prior[rows, columns] = swings.shared * kernel + shared + same * (swings.apart * kernel + flat)
            if a == b:
                prior[rows, columns] += flat + low @ low.T
        for c in range(2):
            profile[24 * c : 24 * c + 24, rows] = (swings.shared + (owner[a] == c) * swings.apart) * kernel
    precision = rng.uniform(1.0, 20.0, (count, 24)) * (rng.random((count, 24)) < 0.8)
    precision[4] = 0.0
    values = rng.normal(0.0, 1.0, (count, 24))
    seen = precision.ravel() > 0
    gain = np.linalg.solve(prior[np.ix_(seen, seen)] + np.diag(1 / precision.ravel()[seen]), profile[:, seen].T)
    made = smooth(values * precision, precision, owner, 2, swings=swings, rounds=0)
    np.testing.assert_allclose(made.mean.ravel(), gain.T @ values.ravel()[seen], atol=1e-6)
    for c in range(2):
        rows = slice(24 * c, 24 * c + 24)
        exact = (swings.shared + swings.apart) * kernel - profile[rows, seen] @ gain[:, rows]
        np.testing.assert_allclose(made.covariance[c], exact, atol=1e-6)


@pytest.mark.parametrize("noise", [0.2, 1.0])
def test_profiles_that_are_known_are_found_within_their_intervals(noise: float) -> None:
    rng = np.random.default_rng(7)
    peaks = rng.uniform(8, 14, 8)
    truth = np.stack([wave(peak, 0.6) + 0.3 * wave(2 * peak, 0.4) for peak in peaks])
    owner = np.repeat(np.arange(8), 5)
    own = rng.normal(0.0, 0.1, (2, 40, 1)) * np.stack([wave(0, 1.0), wave(6, 1.0)])[:, None]
    precision = np.full((40, 24), 1 / noise**2)
    seen = truth[owner] + own.sum(axis=0) + rng.normal(0.0, noise, (40, 24)) + rng.normal(0.0, 3.0, (40, 1))
    made = smooth(seen * precision, precision, owner, 8)
    off = truth - truth.mean(axis=1, keepdims=True) - made.mean
    score = off / np.sqrt(np.diagonal(made.covariance, axis1=1, axis2=2))
    # 8 campaigns x a few independent waves: the share inside varies by about .05 around .90.
    assert 0.78 < np.mean(np.abs(score) < 1.645) <= 1.0
    assert np.sqrt(np.mean(off**2)) < 0.3 * noise + 0.05
    assert made.swings.own == pytest.approx(0.01, rel=0.9)


def test_a_constant_is_no_profile_and_a_campaign_without_reports_has_what_all_share() -> None:
    rng = np.random.default_rng(8)
    precision = rng.uniform(5.0, 9.0, (6, 24))
    seen = wave(12, 0.5) + rng.normal(0.0, 0.05, (6, 24))
    owner = np.array([0, 0, 1, 1, 3, 3])
    made = smooth(seen * precision, precision, owner, 4)
    lifted = smooth((seen + 7.0) * precision, precision, owner, 4)
    np.testing.assert_allclose(lifted.mean, made.mean, atol=0.02)
    np.testing.assert_allclose(made.mean.sum(axis=1), 0.0, atol=1e-9)
    np.testing.assert_allclose(made.mean[2], wave(12, 0.5), atol=0.2)
    variance = np.diagonal(made.covariance, axis1=1, axis2=2).mean(axis=1)
    assert variance[2] > 2.0 * variance[0]


def test_reports_without_hours_have_no_profile() -> None:
    made = smooth(np.ones((3, 1)), np.ones((3, 1)), np.array([0, 1, 1]), 2)
    assert made.mean.tolist() == [[0.0], [0.0]]
    assert made.covariance.shape == (2, 1, 1)


def test_waves_are_orthonormal() -> None:
    for hours in (1, 2, 5, 24):
        basis, harmonic = waves(hours)
        np.testing.assert_allclose(basis.T @ basis, np.eye(hours), atol=1e-12)
        assert harmonic[0] == 0.0
