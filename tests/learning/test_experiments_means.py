"""Means, ratios, weights and the covariate of an experiment, against closed forms and resampling."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from pricebid import InputError, Shop, TableError
from pricebid.learning.experiments.fixed import compare_fixed
from pricebid.learning.experiments.means import arm_means
from pricebid.learning.experiments.units import Units, gather_units


def units(variant, numerator, denominator=None, *, weight=None, covariate=None, names=("control", "B")):
    n = len(variant)
    return Units(
        labels=np.array(names, dtype=object),
        variant=np.asarray(variant),
        numerator=np.asarray(numerator, dtype=float),
        denominator=np.ones(n) if denominator is None else np.asarray(denominator, dtype=float),
        weight=np.ones(n) if weight is None else np.asarray(weight, dtype=float),
        covariate=covariate,
    )


def rows(**columns):
    frame = pd.DataFrame({"experiment": "x", **columns})
    return Shop.from_frames({"experiments": frame}).experiment()


def test_means_and_errors_are_those_of_a_t_test() -> None:
    rng = np.random.default_rng(0)
    variant, outcome = rng.integers(0, 2, 60), rng.lognormal(size=60)
    means = arm_means(units(variant, outcome))
    for at in (0, 1):
        assert means.value[at] == pytest.approx(outcome[variant == at].mean())
        assert means.variance[at] == pytest.approx(stats.sem(outcome[variant == at]) ** 2)


def test_the_comparison_of_two_is_welchs_test() -> None:
    rng = np.random.default_rng(1)
    a, b = rng.normal(0, 1, 23), rng.normal(0.7, 4, 31)
    found = compare_fixed(arm_means(units([0] * 23 + [1] * 31, np.concatenate([a, b]))))
    welch = stats.ttest_ind(b, a, equal_var=False)
    span = welch.confidence_interval(0.95)
    assert found.p[0] == pytest.approx(welch.pvalue)
    assert found.freedom[0] == pytest.approx(welch.df)
    assert (found.low[0], found.high[0]) == pytest.approx((span.low, span.high))


def test_rows_of_a_unit_count_as_one_cluster_of_a_ratio() -> None:
    shop = rows(
        unit=["u", "u", "v", "w", "x", "x", "x"],
        variant=["A", "A", "A", "B", "B", "B", "B"],
        outcome=[1.0, 3.0, 5.0, 2.0, 4.0, 0.0, 0.0],
        time=pd.date_range("2024-01-01", periods=7).astype(str),
    )
    gathered = gather_units(shop)
    assert gathered.numerator.tolist() == [4, 5, 2, 4]
    assert gathered.denominator.tolist() == [2, 1, 1, 3]
    assert arm_means(gathered).value.tolist() == [3.0, 1.5]


def test_the_delta_methods_error_of_a_ratio_is_that_of_resampling_units() -> None:
    rng = np.random.default_rng(2)
    visits = 1 + rng.poisson(3, 800)
    rate = rng.gamma(4, 0.5, 800)
    revenue = rng.gamma(visits * rate, 1.0)
    found = arm_means(units(np.repeat([0, 1], 400), revenue, visits))
    drawn = rng.integers(0, 400, (4_000, 400))
    ratios = revenue[drawn].sum(axis=1) / visits[drawn].sum(axis=1)
    assert np.sqrt(found.variance[0]) == pytest.approx(ratios.std(), rel=0.05)


def test_ignoring_the_clusters_would_understate_the_error() -> None:
    rng = np.random.default_rng(3)
    visits = np.full(500, 6)
    level = rng.normal(0, 1, 500)
    each = level[:, None] + rng.normal(0, 0.3, (500, 6))
    found = arm_means(units(np.repeat([0, 1], 250), each.sum(axis=1), visits))
    naive = each[:250].std() / np.sqrt(250 * 6)
    assert np.sqrt(found.variance[0]) > 2 * naive


def test_a_denominator_column_is_summed_up() -> None:
    shop = rows(unit=list("abcd"), variant=list("AABB"), outcome=[1.0, 2.0, 3.0, 4.0], denominator=[1, 3, 1, 1])
    assert arm_means(gather_units(shop)).value.tolist() == [0.75, 3.5]


def test_propensities_weigh_units_back_to_the_whole() -> None:
    rng = np.random.default_rng(4)
    loyal = rng.random(20_000) < 0.5
    chance = np.where(loyal, 0.8, 0.2)
    treated = rng.random(20_000) < chance
    outcome = 10.0 * loyal + 1.0 * treated + rng.normal(size=20_000)
    weight = 1 / np.where(treated, chance, 1 - chance)
    plain = compare_fixed(arm_means(units(treated.astype(int), outcome)))
    fair = compare_fixed(arm_means(units(treated.astype(int), outcome, weight=weight)))
    assert plain.difference[0] > 5
    assert abs(fair.difference[0] - 1.0) < 4 * fair.error[0]


def test_the_covariate_removes_what_it_explains_and_moves_nothing() -> None:
    rng = np.random.default_rng(5)
    before = rng.normal(50, 10, 4_000)
    variant = rng.integers(0, 2, 4_000)
    outcome = before + rng.normal(0, 5, 4_000) + 1.0 * variant
    with_it = arm_means(units(variant, outcome, covariate=before))
    without = arm_means(units(variant, outcome, covariate=before), cuped=False)
    assert with_it.removed == pytest.approx(0.8, abs=0.02)
    assert with_it.slope == pytest.approx(1.0, abs=0.02)
    assert with_it.variance.sum() == pytest.approx((1 - with_it.removed) * without.variance.sum())
    assert abs(with_it.value[1] - with_it.value[0] - 1.0) < 4 * np.sqrt(with_it.variance.sum())


def test_a_useless_covariate_does_no_harm() -> None:
    rng = np.random.default_rng(6)
    variant, outcome = rng.integers(0, 2, 2_000), rng.normal(size=2_000)
    found = arm_means(units(variant, outcome, covariate=rng.normal(size=2_000)))
    assert 0 <= found.removed < 0.01
    constant = arm_means(units(variant, outcome, covariate=np.ones(2_000)))
    assert constant.removed == 0


def test_intervals_with_the_covariate_cover_as_often_as_they_say() -> None:
    rng = np.random.default_rng(7)
    covered, runs = 0, 400
    for _ in range(runs):
        before = rng.gamma(2, 1, 120)
        variant = rng.permutation(np.repeat([0, 1], 60))
        outcome = before + rng.normal(0, 0.5, 120)
        found = compare_fixed(arm_means(units(variant, outcome, covariate=before)))
        covered += found.low[0] <= 0 <= found.high[0]
    # Binomial(400, .95): below 363 with probability .0005.
    assert covered >= 363


def test_a_covariate_that_differs_between_arms_by_more_than_luck_shows() -> None:
    rng = np.random.default_rng(8)
    variant = rng.integers(0, 2, 2_000)
    after = rng.normal(size=2_000) + 0.5 * variant
    assert abs(arm_means(units(variant, after, covariate=after)).balance[1]) > 8


def test_missing_covariates_are_filled_with_the_mean() -> None:
    shop = rows(unit=list("abcd"), variant=list("AABB"), outcome=[1, 2, 3, 4], covariate=[1.0, None, 3.0, None])
    assert gather_units(shop).covariate.tolist() == [1, 2, 3, 2]


def test_the_control_comes_first_by_name_or_as_asked() -> None:
    shop = rows(unit=list("abcdef"), variant=["new", "new", "Control", "Control", "alt", "alt"], outcome=range(6))
    assert gather_units(shop).labels.tolist() == ["Control", "alt", "new"]
    assert gather_units(shop, control="new").labels.tolist() == ["new", "Control", "alt"]
    with pytest.raises(InputError, match="no variant 'newt'; did you mean 'new'"):
        gather_units(shop, control="newt")


def test_a_unit_with_two_variants_is_a_fault_that_names_it() -> None:
    shop = rows(unit=list("aab"), variant=list("ABB"), outcome=[1, 2, 3], propensity=[0.5, 0.4, 0.5])
    with pytest.raises(TableError) as caught:
        gather_units(shop)
    assert [fault.column for fault in caught.value.faults] == ["variant", "propensity"]
    assert "unit a has more than one variant" in str(caught.value)


def test_arms_of_one_unit_and_ratios_per_nothing_are_refused() -> None:
    with pytest.raises(InputError, match="at least two units: B has 1"):
        arm_means(units([0, 0, 1], [1, 2, 3]))
    with pytest.raises(InputError, match="denominators of B add up to 0"):
        arm_means(units([0, 0, 1, 1], [1, 2, 3, 4], [1, 1, 0, 0]))
