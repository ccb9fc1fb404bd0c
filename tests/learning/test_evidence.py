"""Evidence that may be looked at any time: under the claim its mean is at most 1, checked by listing all that may come."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pricebid.errors import InputError
from pricebid.learning import Bounded, ChangeDetector, Scattered, Window

FAMILIES = [Bounded(), Scattered(noise=0.7, centre=0.3, spread=0.4)]


@pytest.mark.parametrize("chance", [0.03, 0.3, 0.5, 0.9])
def test_the_mean_evidence_of_a_change_is_at_most_one_where_there_is_none(chance):
    detector = ChangeDetector(window=Window(periods=10.0, bins=10), false_alarm=1e-9)
    mean = 0.0
    for rewards in product((0.0, 1.0), repeat=9):
        state = detector.update(
            detector.start(1), np.arange(9.0), np.zeros(9, dtype=int), np.stack([np.ones(9), rewards], axis=1)
        )
        mean += np.exp(detector.evidence(state)[0][0]) * chance ** sum(rewards) * (1 - chance) ** (9 - sum(rewards))
    assert 0.0 < mean <= 1.0


@pytest.mark.parametrize("margin", [0.0, 0.1])
@pytest.mark.parametrize("chance", [0.1, 0.5, 0.85])
def test_the_mean_evidence_that_an_arm_is_better_is_at_most_one_where_it_is_not(chance, margin):
    family, n = Bounded(), 6
    mean = 0.0
    for won in range(n + 1):
        for other in range(n + 1):
            count = np.array(float(n))
            one, two = (count, np.array(float(won))), (count, np.array(float(other)))
            evidence = family.log_mixture(*one) + family.log_mixture(*two) - family.log_best_apart(one, two, margin)
            ways = _ways(n, won) * _ways(n, other)
            here = chance**won * (1 - chance) ** (n - won)
            there = (chance + margin) ** other * (1 - chance - margin) ** (n - other)
            mean += np.exp(evidence) * ways * here * there
    assert 0.0 < mean <= 1.0


def _ways(n, k):
    out = 1.0
    for at in range(k):
        out *= (n - at) / (at + 1)
    return out


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: type(family).__name__)
@settings(max_examples=20, deadline=None)
@given(
    counts=st.tuples(st.integers(1, 200), st.integers(1, 200)),
    means=st.tuples(st.floats(0, 1), st.floats(0, 1)),
    margin=st.sampled_from([0.0, 0.05, 0.3]),
)
def test_the_best_fit_apart_is_the_highest_on_a_grid(family, counts, means, margin):
    one, two = ((np.array(float(n)), np.array(n * m)) for n, m in zip(counts, means, strict=True))
    best = family.log_best_apart(one, two, margin)
    grid = np.linspace(0.0, 1.0 - margin, 801)
    steps = np.linspace(0.0, 1.0, 41)[:, None]
    second = grid + margin + steps * (1.0 - grid - margin)  # everything at least a margin above
    found = (_likelihood(family, one, grid) + _likelihood(family, two, second)).max()
    assert best >= found - 1e-9
    assert best <= family.log_best(*one) + family.log_best(*two) + 1e-9
    if means[1] >= means[0] + margin:
        assert best == pytest.approx(family.log_best(*one) + family.log_best(*two), abs=1e-9)


def _likelihood(family, data, mean):
    count, total = data
    if isinstance(family, Bounded):
        with np.errstate(divide="ignore", invalid="ignore"):
            fails = np.where(count - total > 0, (count - total) * np.log1p(-mean), 0.0)
            return np.where(total > 0, total * np.log(mean), 0.0) + fails
    off = total - count * family.centre
    return ((mean - family.centre) * off - count * (mean - family.centre) ** 2 / 2) / family.noise**2


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: type(family).__name__)
def test_a_mixture_is_never_above_the_best_fit(family):
    rng = np.random.default_rng(0)
    count = rng.integers(0, 500, 1_000).astype(float)
    total = count * rng.random(1_000)
    assert (family.log_mixture(count, total) <= family.log_best(count, total) + 1e-9).all()


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: type(family).__name__)
def test_means_are_drawn_around_what_was_seen(family):
    count, total = np.array([400.0, 100.0]), np.array([120.0, 70.0])
    drawn = family.sample(count, total, np.random.default_rng(0), 20_000)
    np.testing.assert_allclose(drawn.mean(axis=0), [0.3, 0.7], atol=0.02)
    assert drawn.std(axis=0)[1] > drawn.std(axis=0)[0] > 0.0


def test_families_refuse_what_they_cannot_have():
    with pytest.raises(InputError, match=r"rewards \[1.5\]"):
        Bounded().check(np.array([0.5, 1.5]))
    with pytest.raises(InputError, match="rewards"):
        Bounded().check(np.array([np.nan]))
    for terms in ({"noise": 0.0}, {"noise": 1.0, "spread": -1.0}, {"noise": 1.0, "centre": np.nan}):
        with pytest.raises(InputError):
            Scattered(**terms)
