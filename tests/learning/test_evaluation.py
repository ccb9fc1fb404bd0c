"""Off-policy estimates against known truth: bias, coverage, double robustness, refusal."""

from dataclasses import replace

import numpy as np
import pytest

from pricebid import InputError
from pricebid.learning.evaluation import EvaluationSettings, OverlapRule, PoorOverlap, RidgeModel, evaluate_law
from pricebid.learning.evaluation import estimators as by
from pricebid.learning.evaluation.overlap import measure_overlap
from pricebid.learning.evaluation.reward_model import cross_fitted, features_of
from pricebid.tables.decisions import DecisionLog
from pricebid.tables.table import Text

OPTIONS = 3


def softmax(score):
    weight = np.exp(score - score.max(axis=1, keepdims=True))
    return weight / weight.sum(axis=1, keepdims=True)


def picked(law, rng):
    return (rng.random(len(law))[:, None] > np.cumsum(law, axis=1)[:, :-1]).sum(axis=1)


def draw(n, rng, *, peak=1.0):
    """A log with known rewards: x decides what works, and what was logged."""
    x = rng.normal(size=(n, 2))
    expected = 1.0 + np.column_stack([x[:, 0], 0.5 * x[:, 1], 0.3 - 0.5 * x[:, 0]])
    logged = 0.1 / OPTIONS + 0.9 * softmax(peak * np.column_stack([x[:, 1], np.zeros(n), x[:, 0]]))
    logged = logged / logged.sum(axis=1, keepdims=True)
    option = picked(logged, rng)
    reward = expected[np.arange(n), option] + rng.normal(0, 0.5, n)
    candidate = 0.1 / OPTIONS + 0.9 * softmax(2 * expected)
    candidate = candidate / candidate.sum(axis=1, keepdims=True)
    log = DecisionLog(
        options=np.array(["a", "b", "c"], dtype=object),
        option=option,
        reward=reward,
        propensity=logged[np.arange(n), option],
        numbers=(("x0", x[:, 0]), ("x1", x[:, 1])),
    )
    return log, candidate, float((candidate * expected).sum(axis=1).mean())


def truth_of(runs=200_000):
    return draw(runs, np.random.default_rng(99))[2]


TRUTH = truth_of()


def test_unbiased_estimators_cover_the_truth_as_often_as_they_say() -> None:
    rng = np.random.default_rng(0)
    runs, covered = 200, dict.fromkeys(("ips", "snips", "dr", "sndr"), 0)
    for _ in range(runs):
        log, law, _ = draw(600, rng)
        found = evaluate_law(log, law)
        for name in covered:
            low, high = found.of(name).interval()
            covered[name] += low <= TRUTH <= high
    # Binomial(200, .95): below 179 with probability .001.
    assert min(covered.values()) >= 179, covered


def test_doubly_robust_is_narrower_than_weights_alone() -> None:
    log, law, _ = draw(2_000, np.random.default_rng(1))
    found = evaluate_law(log, law)
    assert found.of("dr").error < 0.6 * found.of("ips").error
    assert found.of("dr").error < found.of("snips").error


def test_doubly_robust_stands_on_either_leg() -> None:
    log, law, _ = draw(20_000, np.random.default_rng(2))
    weight = law[np.arange(len(log)), log.option] / log.propensity
    blind = np.full(law.shape, 7.0)
    guess = cross_fitted(log.reward, log.option, features_of(log), OPTIONS, np.random.default_rng(0))
    wrong_weight = law[np.arange(len(log)), log.option] * OPTIONS
    by_weights = by.doubly_robust(log.reward, weight, log.option, law, blind)
    by_model = by.doubly_robust(log.reward, wrong_weight, log.option, law, guess)
    neither = by.doubly_robust(log.reward, wrong_weight, log.option, law, blind)
    assert abs(by_weights.value - TRUTH) < 4 * by_weights.error
    assert abs(by_model.value - TRUTH) < 0.03
    assert abs(neither.value - TRUTH) > 0.1


def test_the_model_is_never_asked_about_what_it_saw() -> None:
    rng = np.random.default_rng(3)
    reward, option = rng.normal(size=60), rng.integers(0, 3, 60)
    features = rng.normal(size=(60, 25))
    guess = cross_fitted(reward, option, features, 3, rng, model=RidgeModel(penalty=1e-3))
    assert np.corrcoef(guess[np.arange(60), option], reward)[0, 1] < 0.4


def test_the_model_finds_levels_and_slopes_of_options() -> None:
    log, _, _ = draw(20_000, np.random.default_rng(4))
    guess = cross_fitted(log.reward, log.option, features_of(log), OPTIONS, np.random.default_rng(0))
    x = dict(log.numbers)
    expected = 1.0 + np.column_stack([x["x0"], 0.5 * x["x1"], 0.3 - 0.5 * x["x0"]])
    assert np.abs(guess - expected).mean() < 0.02


def test_an_option_that_was_never_logged_gets_the_common_prediction() -> None:
    rng = np.random.default_rng(5)
    guess = cross_fitted(np.ones(50), np.zeros(50, dtype=np.int64), np.zeros((50, 0)), 2, rng)
    np.testing.assert_allclose(guess, 1.0)


def test_words_become_features_one_by_one() -> None:
    log, _, _ = draw(30, np.random.default_rng(6))
    words = Text.of(np.array(["u", "v", "w"] * 10, dtype=object))
    some = DecisionLog(
        options=log.options,
        option=log.option,
        reward=log.reward,
        propensity=log.propensity,
        numbers=(("constant", np.ones(30)),),
        texts=(("segment", words),),
    )
    matrix = features_of(some)
    assert matrix.shape == (30, 2)
    np.testing.assert_allclose(matrix.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(matrix.std(axis=0), 1)


def test_the_logged_law_itself_is_worth_what_was_logged() -> None:
    rng = np.random.default_rng(7)
    law = np.tile([0.2, 0.3, 0.5], (5_000, 1))
    option = picked(law, rng)
    log = DecisionLog(
        options=np.array(["a", "b", "c"], dtype=object),
        option=option,
        reward=option + rng.normal(size=5_000),
        propensity=law[np.arange(5_000), option],
    )
    found = evaluate_law(log, law)
    for name in ("ips", "snips", "dr"):
        assert found.of(name).value == pytest.approx(found.logged.value, abs=0.01)
    assert found.overlap.ess == pytest.approx(5_000)
    assert "No difference" in found.answer or abs(found.difference.value) < 1e-2


def test_the_answer_says_better_worse_or_neither() -> None:
    log, law, _ = draw(4_000, np.random.default_rng(8))
    assert evaluate_law(log, law).answer.startswith("Better than what was logged, by +")
    worst = np.tile([0.0, 1.0, 0.0], (len(log), 1))
    x = dict(log.numbers)
    opposite = np.where((x["x0"] > 0)[:, None], [[0.05, 0.05, 0.9]], [[0.9, 0.05, 0.05]])
    assert evaluate_law(log, opposite).answer.startswith("Worse")
    assert evaluate_law(log, worst).of("dr").value < TRUTH


def test_cut_weights_are_reported_with_their_bias_only_where_asked_for() -> None:
    log, law, _ = draw(3_000, np.random.default_rng(9))
    plain = evaluate_law(log, law)
    assert [one.name for one in plain.estimates] == ["ips", "snips", "dm", "dr", "sndr"]
    with pytest.raises(KeyError):
        plain.of("switch dr")
    cut = evaluate_law(log, law, settings=EvaluationSettings(clip=2.0))
    for name in ("clipped ips", "switch dr", "dr-os"):
        assert cut.of(name).bias != 0
        assert cut.of(name).error < plain.of("ips").error
    assert any("are biased by about" in notice for notice in cut.notices)
    frame = cut.to_frame()
    assert frame["estimator"].tolist()[0] == "logged"
    assert (frame["low"] <= frame["value"]).all()


def test_a_log_that_lacks_what_the_candidate_does_is_refused_with_every_reason() -> None:
    log, _, _ = draw(300, np.random.default_rng(10))
    only_a = DecisionLog(
        options=log.options,
        option=np.zeros(300, dtype=np.int64),
        reward=log.reward,
        propensity=np.full(300, 1.0),
    )
    with pytest.raises(PoorOverlap) as caught:
        evaluate_law(only_a, np.tile([0.0, 0.0, 1.0], (300, 1)))
    reasons = " ".join(caught.value.overlap.reasons)
    assert "effective sample size is 0.0" in reasons
    assert "100.0 % of the candidate's picks are options that the log never holds" in reasons
    assert "one decision has 100 %" in reasons
    assert isinstance(caught.value, InputError)


def test_one_huge_weight_is_refused() -> None:
    rng = np.random.default_rng(11)
    log, law, _ = draw(500, rng)
    propensity = log.propensity.copy()
    propensity[7] = 1e-5
    rare = DecisionLog(options=log.options, option=log.option, reward=log.reward, propensity=propensity)
    with pytest.raises(PoorOverlap, match="of all weight"):
        evaluate_law(rare, law)


def test_wrong_propensities_show_in_the_mean_weight() -> None:
    log, law, _ = draw(5_000, np.random.default_rng(12))
    wrong = DecisionLog(
        options=log.options, option=log.option, reward=log.reward, propensity=np.minimum(2 * log.propensity, 1.0)
    )
    with pytest.raises(PoorOverlap, match="standard errors from 1"):
        evaluate_law(wrong, law)


def test_contexts_in_which_the_log_never_did_what_the_candidate_does_show_too() -> None:
    rng = np.random.default_rng(13)
    old = rng.random(4_000) < 0.5
    option = np.where(old, 0, rng.integers(0, 2, 4_000))
    log = DecisionLog(
        options=np.array(["a", "b"], dtype=object),
        option=option,
        reward=rng.normal(size=4_000),
        propensity=np.where(old, 1.0, 0.5),
    )
    with pytest.raises(PoorOverlap, match="the log lacks what the candidate does in some contexts"):
        evaluate_law(log, np.tile([0.0, 1.0], (4_000, 1)))


def test_the_effective_sample_size_is_kishs() -> None:
    weight = np.array([1.0, 1.0, 2.0, 0.0])
    found = measure_overlap(np.zeros(4), np.zeros(4, dtype=np.int64), weight, np.ones((4, 1)))
    assert found.ess == pytest.approx(16 / 6)
    assert found.matched == 3
    assert found.largest_share == 0.5
    equal = measure_overlap(np.zeros(9), np.zeros(9, dtype=np.int64), np.ones(9), np.ones((9, 1)))
    assert equal.ess == pytest.approx(9)
    assert equal.drift == 0


def test_intervals_are_normal_for_tame_influences_and_wider_for_wild_ones() -> None:
    rng = np.random.default_rng(17)
    tame = by.Estimate(name="x", value=0.0, influence=rng.normal(size=4_000))
    assert tame.freedom == pytest.approx(4_000, rel=0.2)
    assert tame.interval()[1] / tame.error == pytest.approx(1.96, abs=0.005)
    wild = by.Estimate(name="x", value=0.0, influence=rng.standard_t(2.5, 4_000))
    assert wild.freedom < 500
    assert wild.interval()[1] / wild.error > 1.97


def test_few_events_are_said() -> None:
    rng = np.random.default_rng(14)
    option = rng.integers(0, 2, 2_000)
    reward = np.zeros(2_000)
    reward[:8] = 1.0
    log = DecisionLog(
        options=np.array(["a", "b"], dtype=object), option=option, reward=reward, propensity=np.full(2_000, 0.5)
    )
    found = evaluate_law(log, np.tile([0.6, 0.4], (2_000, 1)))
    assert any("only 8 decisions" in notice for notice in found.notices)


@pytest.mark.parametrize("wrong", [{"alpha": 0.0}, {"alpha": 1.0}, {"clip": 0.0}])
def test_settings_outside_their_range_are_refused(wrong) -> None:
    with pytest.raises(InputError):
        EvaluationSettings(**wrong)


def test_rules_and_models_outside_their_range_are_refused() -> None:
    for make in (
        lambda: RidgeModel(folds=1),
        lambda: RidgeModel(penalty=0.0),
        lambda: OverlapRule(most_share=2.0),
        lambda: OverlapRule(least_ess=-1.0),
    ):
        with pytest.raises(InputError):
            make()


def test_a_law_of_another_shape_is_refused() -> None:
    log, law, _ = draw(100, np.random.default_rng(15))
    with pytest.raises(InputError, match="due is"):
        evaluate_law(log, law[:, :2])


def test_same_seed_same_evaluation() -> None:
    log, law, _ = draw(400, np.random.default_rng(16))
    one, two, other = (evaluate_law(log, law, settings=EvaluationSettings(seed=seed)) for seed in (1, 1, 2))
    assert one.of("dr").value == two.of("dr").value
    assert one.of("dr").value != other.of("dr").value
    assert one.of("ips").value == other.of("ips").value


def test_a_cost_is_better_when_lower() -> None:
    log, law, _ = draw(4_000, np.random.default_rng(8))
    assert evaluate_law(replace(log, result="cost"), law).answer.startswith("Worse than what was logged, by +")
    assert evaluate_law(log, law, settings=EvaluationSettings(lower_is_better=True)).answer.startswith("Worse")
    higher = EvaluationSettings(lower_is_better=False)
    assert evaluate_law(replace(log, result="cost"), law, settings=higher).answer.startswith("Better")


def test_a_candidate_of_which_the_log_has_nothing_is_below_its_weight() -> None:
    law = np.tile([0.0, 0.0, 1.0], (60, 1))
    found = measure_overlap(np.zeros(60), np.zeros(60, dtype=int), np.zeros(60), law)
    assert found.drift == -np.inf
    assert "the log lacks what the candidate does" in found.reasons[-1]
