"""Power, duration and mismatch of shares, against closed forms and simulation."""

import numpy as np
import pytest
from scipy import stats

from pricebid import InputError
from pricebid.learning.experiments.mismatch import mismatch_evidence, ratio_mismatch
from pricebid.learning.experiments.power import Baseline, crossing, fixed_drift, needs, sequential_drift
from pricebid.learning.experiments.sequential import sequence_radius
from pricebid.learning.experiments.units import Units


def arrived(counts, *, weight=None):
    variant = np.repeat(np.arange(len(counts)), counts)
    n = len(variant)
    return Units(
        labels=np.array(["control", *"BCD"[: len(counts) - 1]], dtype=object),
        variant=variant,
        numerator=np.zeros(n),
        denominator=np.ones(n),
        weight=np.ones(n) if weight is None else weight,
    )


def test_units_of_a_fixed_test_are_those_of_the_textbook() -> None:
    fixed, _ = needs(Baseline(mean=100.0, deviation=30.0, units_per_day=500), 0.02)
    # n per arm = 2 (z.975 + z.8)^2 (sd / effect)^2
    per_arm = 2 * (stats.norm.ppf(0.975) + stats.norm.ppf(0.8)) ** 2 * (30 / 2) ** 2
    assert fixed.units == np.ceil(2 * per_arm)
    assert fixed.days == pytest.approx(2 * per_arm / 500)


def test_a_fixed_test_of_that_size_has_that_power() -> None:
    rng = np.random.default_rng(0)
    fixed, _ = needs(Baseline(mean=10.0, deviation=4.0), 0.1)
    n = int(fixed.units / 2)
    a, b = rng.normal(10, 4, (2_000, n)), rng.normal(11, 4, (2_000, n))
    seen = stats.ttest_ind(a, b, axis=1).pvalue < 0.05
    assert seen.mean() == pytest.approx(0.8, abs=0.03)  # 3.4 standard errors


def test_crossing_probabilities_are_those_of_simulated_walks() -> None:
    rng = np.random.default_rng(1)
    looks, runs, drift = 20, 20_000, 3.0
    walk = np.cumsum(rng.normal(drift / looks, np.sqrt(1 / looks), (runs, looks)), axis=1)
    at = np.arange(1, looks + 1) / looks
    out = np.abs(walk) > at * sequence_radius(1 / np.sqrt(at), at, alpha=0.05, planned=1.0)
    known = crossing(drift, alpha=0.05, looks=looks)
    stopped = np.maximum.accumulate(out, axis=1).mean(axis=0)
    np.testing.assert_allclose(known.stopped, stopped, atol=0.014)  # 4 standard errors
    first = np.where(out.any(axis=1), np.argmax(out, axis=1) + 1, looks) / looks
    assert known.expected == pytest.approx(first.mean(), abs=0.008)


def test_a_sequence_stops_for_nothing_less_often_than_alpha() -> None:
    for alpha in (0.01, 0.05, 0.2):
        assert 0 < crossing(0.0, alpha=alpha).stopped[-1] < alpha


def test_the_sequential_drift_gives_the_power_asked_for() -> None:
    for power in (0.5, 0.8, 0.95):
        assert crossing(sequential_drift(0.05, power), alpha=0.05).stopped[-1] == pytest.approx(power, abs=1e-3)
    assert sequential_drift(0.05, 0.8) > fixed_drift(0.05, 0.8)


def test_more_variants_or_smaller_effects_need_more_units() -> None:
    base = Baseline(mean=1.0, deviation=1.0)
    two, three, finer = needs(base, 0.1), needs(base, 0.1, variants=3), needs(base, 0.05)
    for at in (0, 1):
        assert three[at].units > 1.5 * two[at].units
        assert finer[at].units == pytest.approx(4 * two[at].units, rel=1e-3)
        assert np.isnan(two[at].days)
    assert two[1].expected_units < two[1].units


def test_plans_without_an_effect_or_a_spread_are_refused() -> None:
    with pytest.raises(InputError, match="needs an effect"):
        needs(Baseline(mean=0.0, deviation=1.0), 0.1)
    with pytest.raises(InputError, match="is the outcome constant"):
        Baseline(mean=1.0, deviation=0.0)
    with pytest.raises(InputError, match="units_per_day"):
        Baseline(mean=1.0, deviation=1.0, units_per_day=0.0)


def test_the_mismatch_of_shares_is_the_chi_squared_test() -> None:
    found = ratio_mismatch(arrived([5_000, 5_300]))
    assert found.p == pytest.approx(stats.chisquare([5_000, 5_300]).pvalue)
    assert not found.alarm
    assert ratio_mismatch(arrived([5_000, 5_400])).alarm
    meant = ratio_mismatch(arrived([9_000, 1_000]), (("B", 1.0), ("control", 9.0)))
    assert meant.p == pytest.approx(1.0)
    assert meant.expected.tolist() == [9_000, 1_000]
    with pytest.raises(InputError, match="give a share for each"):
        ratio_mismatch(arrived([10, 10]), (("control", 1.0),))


def test_shares_are_told_by_propensities() -> None:
    weight = np.concatenate([np.full(9_000, 1 / 0.9), np.full(1_000, 10.0)])
    found = ratio_mismatch(arrived([9_000, 1_000], weight=weight))
    np.testing.assert_allclose(found.expected, [9_000, 1_000])
    assert not found.alarm


def test_shares_that_vary_from_unit_to_unit_are_checked_by_their_weights() -> None:
    rng = np.random.default_rng(2)
    chance = rng.uniform(0.2, 0.8, 20_000)
    treated = rng.random(20_000) < chance
    order = np.argsort(treated, kind="stable")
    weight = (1 / np.where(treated, chance, 1 - chance))[order]
    counts = [int((~treated).sum()), int(treated.sum())]
    assert not ratio_mismatch(arrived(counts, weight=weight)).alarm
    lost = rng.random(counts[1]) < 0.93  # the treatment loses 7 % of its units
    kept = np.concatenate([weight[: counts[0]], weight[counts[0] :][lost]])
    assert ratio_mismatch(arrived([counts[0], int(lost.sum())], weight=kept)).alarm


def test_the_sequential_alarm_keeps_its_error_however_often_it_looks() -> None:
    rng = np.random.default_rng(3)
    wrong, runs = 0, 400
    for _ in range(runs):
        ones = np.cumsum(rng.random(3_000) < 0.5)[99::100]
        total = np.arange(100, 3_001, 100)
        evidence = [mismatch_evidence([a, n - a], [0.5, 0.5]) for a, n in zip(ones, total, strict=True)]
        wrong += max(evidence) > 20
    # Ville: at most 5 %; above 8.5 % of 400 with probability .002.
    assert wrong <= 34


def test_the_sequential_alarm_sees_what_is_lost() -> None:
    found = ratio_mismatch(arrived([50_000, 48_500]), sequential=True)
    assert found.always_p < 1e-3
    assert found.alarm
    assert mismatch_evidence([500_000, 500_000], [0.5, 0.5]) < 1
