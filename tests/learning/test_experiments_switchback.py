"""Switchback schedules and their readout, with carry-over, gaps and randomisation inference."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from pricebid import InputError, Shop, TableError
from pricebid.learning.experiments import ExperimentSettings, make_schedule, read_experiment, switchback_power
from pricebid.learning.experiments.panel import fit_switchback, lay_out, least_squares, without_effects
from pricebid.learning.experiments.switchback import settled

REGIONS = tuple(f"r{at}" for at in range(8))


def outcome_of(schedule, rng, *, effect=4.0, carried=0.0, noise=2.0):
    regions, periods = schedule.variant.shape
    level = 100 + 10 * rng.normal(size=(regions, 1)) + 8 * np.sin(np.arange(periods))
    treated = (schedule.variant > 0).astype(float)
    made = level + effect * treated + noise * rng.normal(size=(regions, periods))
    made[:, 1:] += carried * treated[:, :-1]
    return made


def rows_of(schedule, outcome, *, marks=True):
    times = np.datetime64("2024-03-01") + np.arange(schedule.variant.shape[1])
    frame = schedule.to_frame(experiment="prices", times=times).assign(outcome=outcome.ravel())
    if not marks:
        frame = frame.drop(columns=["block", "burn_in"])
    return Shop.from_frames({"experiments": frame}).experiment()


def test_a_balanced_schedule_gives_every_region_each_variant_in_every_pair_of_blocks() -> None:
    made = make_schedule(REGIONS, 24, np.random.default_rng(0), block=3, carry_over=1)
    by_block = made.variant[:, ::3]
    assert (np.sort(by_block.reshape(8, 4, 2), axis=2) == [0, 1]).all()
    assert (made.variant.reshape(8, 8, 3) == by_block[:, :, None]).all()
    assert made.propensity == 0.5


def test_burn_in_is_what_follows_a_switch_and_the_beginning() -> None:
    made = make_schedule(("a",), 12, np.random.default_rng(1), block=3, carry_over=2, plan="independent")
    switched = np.flatnonzero(np.diff(made.variant[0])) + 1
    due = np.zeros(12, dtype=bool)
    for at in (0, *switched):
        due[at : at + 2] = True
    assert made.burn_in[0].tolist() == due.tolist()


def test_the_minimax_schedule_switches_where_the_paper_says() -> None:
    # Bojinov et al. 2023, theorem 2: T = 12, m = 2 has switches at periods 1, 5, 7, 9.
    made = make_schedule(REGIONS, 12, np.random.default_rng(2), carry_over=2, plan="minimax")
    assert (np.flatnonzero(np.diff(made.blocks)) + 2).tolist() == [5, 7, 9]
    assert (np.diff(made.variant, axis=1)[:, np.diff(made.blocks) == 0] == 0).all()


def test_same_generator_same_schedule() -> None:
    one, two = (make_schedule(REGIONS, 12, np.random.default_rng(3), block=2) for _ in range(2))
    np.testing.assert_array_equal(one.variant, two.variant)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"block": 2, "carry_over": 2}, "block 2 must be longer than carry_over 2"),
        ({"variants": ("a", "a")}, "two or more, there once each"),
        ({"block": 12}, "hold 1 blocks; at least 2"),
    ],
)
def test_schedules_that_tell_nothing_are_refused(wrong, words) -> None:
    with pytest.raises(InputError, match=words):
        make_schedule(REGIONS, 12, np.random.default_rng(0), **wrong)


def test_region_and_period_effects_are_those_of_a_regression_on_dummies() -> None:
    rng = np.random.default_rng(4)
    values, kept = rng.normal(size=(5, 7)), rng.random((5, 7)) < 0.8
    region, period = np.nonzero(kept)
    dummies = np.column_stack([np.eye(5)[region], np.eye(7)[period]])
    fitted = dummies @ np.linalg.lstsq(dummies, values[kept], rcond=None)[0]
    np.testing.assert_allclose(without_effects(values, kept)[kept], values[kept] - fitted, atol=1e-10)
    np.testing.assert_allclose(without_effects(values.T, kept.T).T, without_effects(values, kept), atol=1e-10)


def test_the_effect_is_that_of_the_whole_regression() -> None:
    rng = np.random.default_rng(5)
    schedule = make_schedule(REGIONS, 20, rng, block=2, variants=("a", "b", "c"))
    outcome = outcome_of(schedule, rng)
    found = fit_switchback(lay_out(rows_of(schedule, outcome)), draws=20)
    kept = np.ones(outcome.shape, dtype=bool)
    region, period = np.nonzero(kept)
    treated = [(schedule.variant == at).ravel().astype(float) for at in (1, 2)]
    design = np.column_stack([*treated, np.eye(8)[region], np.eye(20)[period]])
    slope = np.linalg.lstsq(design, outcome.ravel(), rcond=None)[0][:2]
    np.testing.assert_allclose(found.effect, slope, atol=1e-8)
    np.testing.assert_allclose(least_squares(outcome, schedule.variant, kept, 3), slope, atol=1e-8)


def test_leaving_out_carry_over_recovers_the_lasting_effect() -> None:
    rng = np.random.default_rng(6)
    schedule = make_schedule(REGIONS, 56, rng, block=4, carry_over=1)
    cells = lay_out(rows_of(schedule, outcome_of(schedule, rng, effect=4.0, carried=3.0)))
    blurred, clean = fit_switchback(cells, draws=20), fit_switchback(cells, carry_over=1, draws=20)
    assert abs(clean.effect[0] - 7.0) < 4 * clean.error[0]
    assert blurred.effect[0] < 7.0 - 2 * blurred.error[0]
    assert blurred.lags_p < 0.001
    assert blurred.lags[0, 0] == pytest.approx(3.0, abs=1.0)
    assert clean.left_out == schedule.burn_in.sum()


def test_without_carry_over_the_alarm_is_quiet_as_often_as_it_says() -> None:
    rng = np.random.default_rng(7)
    wrong = 0
    for _ in range(60):
        schedule = make_schedule(REGIONS, 32, rng, block=4)
        wrong += (
            fit_switchback(lay_out(rows_of(schedule, outcome_of(schedule, rng, effect=0.0))), draws=1).lags_p < 0.05
        )
    # Few clusters make such tests a little hasty: 5 % of 60 is meant; above 11 has probability .00006 at 5 %, .003 at 8 %.
    assert wrong <= 11


def test_intervals_and_drawn_p_values_keep_their_error_where_nothing_differs() -> None:
    rng = np.random.default_rng(8)
    missed, drawn, runs = 0, 0, 100
    for _ in range(runs):
        schedule = make_schedule(REGIONS, 20, rng, block=2)
        readout = read_experiment(
            rows_of(schedule, outcome_of(schedule, rng, effect=0.0)), ExperimentSettings(draws=199)
        )
        missed += not readout.comparisons.low[0] <= 0 <= readout.comparisons.high[0]
        drawn += readout.switchback.p_drawn[0] <= 0.05
    # Binomial(100, .05): above 13 with probability .0005.
    assert missed <= 13
    assert drawn <= 13


def test_marks_of_the_schedule_are_used_and_can_be_told_from_the_switches() -> None:
    rng = np.random.default_rng(9)
    schedule = make_schedule(REGIONS, 24, rng, block=4, carry_over=1)
    outcome = outcome_of(schedule, rng)
    marked, bare = (rows_of(schedule, outcome, marks=marks) for marks in (True, False))
    np.testing.assert_array_equal(lay_out(marked).blocks, lay_out(bare).blocks)
    asked = read_experiment(bare, ExperimentSettings(carry_over=1, draws=50))
    assert read_experiment(marked, ExperimentSettings(draws=50)).switchback.effect == asked.switchback.effect
    assert asked.design == "switchback"


def test_missing_cells_are_left_out() -> None:
    rng = np.random.default_rng(10)
    schedule = make_schedule(REGIONS, 24, rng, block=3)
    rows = rows_of(schedule, outcome_of(schedule, rng))
    keep = rng.random(len(rows)) < 0.9
    some = replace(
        rows,
        **{
            name: getattr(rows, name)[keep]
            for name in ("unit", "variant", "outcome", "time", "propensity", "block", "burn_in")
        },
    )
    found = fit_switchback(lay_out(some), draws=20)
    assert found.cells == keep.sum()
    assert abs(found.effect[0] - 4.0) < 4 * found.error[0]


def test_a_switch_inside_a_block_is_a_fault() -> None:
    schedule = make_schedule(REGIONS, 24, np.random.default_rng(11), block=3)
    rows = rows_of(schedule, np.ones((8, 24)), marks=False)
    with pytest.raises(TableError, match="inside a block of 4"):
        lay_out(rows, block=4)
    with pytest.raises(TableError, match="block"):
        lay_out(replace(rows, block=np.zeros(len(rows), dtype=np.int64)))


def test_two_rows_of_one_cell_and_no_times_are_faults() -> None:
    frame = pd.DataFrame(
        {
            "experiment": "x",
            "unit": list("aabb"),
            "variant": list("ABAB"),
            "outcome": 1.0,
            "time": ["2024-01-01"] * 2 + ["2024-01-02"] * 2,
        }
    )
    rows = Shop.from_frames({"experiments": frame}).experiment()
    with pytest.raises(TableError, match="several rows at one time"):
        lay_out(rows)
    with pytest.raises(TableError, match="a switchback needs it"):
        read_experiment(replace(rows, time=None), ExperimentSettings(design="switchback"))


def test_regions_that_switch_together_cannot_be_told_from_the_weather() -> None:
    schedule = make_schedule(("a", "b"), 8, np.random.default_rng(12))
    together = replace(schedule, variant=np.tile(schedule.variant[:1], (2, 1)))
    with pytest.raises(InputError, match="let regions switch at different times"):
        fit_switchback(lay_out(rows_of(together, np.random.default_rng(0).normal(size=(2, 8)))))


def test_placebo_schedules_tell_what_would_be_seen() -> None:
    rng = np.random.default_rng(13)
    schedule = make_schedule(REGIONS, 28, rng, block=2, carry_over=1)
    past = outcome_of(schedule, rng, effect=0.0)
    settings = ExperimentSettings(carry_over=1)
    found = switchback_power(past, schedule, rng, settings=settings, lift=0.01, draws=300)
    errors = []
    for _ in range(40):
        drawn = make_schedule(REGIONS, 28, rng, block=2, carry_over=1)
        cells = lay_out(rows_of(drawn, past))
        errors.append(fit_switchback(cells, carry_over=1, draws=1).error[0])
    assert found.error == pytest.approx(np.mean(errors), rel=0.25)
    assert 0 < found.power < 1
    assert found.detectable == pytest.approx(2.802 * found.error / found.base, rel=1e-3)
    with pytest.raises(InputError, match="the past has 2 regions"):
        switchback_power(past[:2], schedule, rng, settings=settings)


def test_what_is_settled_had_one_variant_for_long_enough() -> None:
    variant = np.array([[0, 0, 1, 1, 1, -1, 1, 1]])
    assert settled(variant, 0).tolist() == [[True] * 5 + [False, True, True]]
    assert settled(variant, 1).tolist() == [[False, True, False, True, True, False, False, True]]
    assert settled(variant, 2).tolist() == [[False] * 4 + [True] + [False] * 3]


def switched(seed, *, noise=1.0, effect=0.0):
    """A switchback of 3 regions x 28 days in blocks of 4, with a day of carry-over left out."""
    rng = np.random.default_rng(seed)
    drawn = make_schedule(["n", "s", "w"], 28, rng, block=4, carry_over=1)
    table = drawn.to_frame(experiment="x", times=np.datetime64("2024-01-01") + np.arange(28))
    table["outcome"] = 200 + noise * rng.normal(size=len(table)) + effect * (table["variant"] == "treatment")
    return read_experiment(Shop.from_frames({"experiments": table}).experiment(), ExperimentSettings(draws=200))


def test_few_blocks_without_an_effect_decide_as_rarely_as_they_say() -> None:
    kinds = [switched(seed).decision.kind for seed in range(100)]
    assert sum(kind != "undecided" for kind in kinds) <= 8  # by errors clustered by 21 blocks alone it is 11
    assert switched(0, effect=3.0).decision.kind == "winner"


def test_a_switchback_in_which_nothing_varies_is_undecided() -> None:
    found = switched(0, noise=0.0)
    assert found.decision.kind == "undecided"
    assert np.isnan(found.switchback.lags_p)
