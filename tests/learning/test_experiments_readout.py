"""What a readout decides, and says."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from pricebid import InputError, Shop
from pricebid.learning.experiments import ExperimentSettings, needs, read_experiment
from pricebid.learning.experiments.interference import interference_warnings
from pricebid.learning.experiments.plan import baseline_of, plan_experiment
from pricebid.tables.experiments import SharedSupply


def frame(*, n=4_000, effect=0.0, variants=("control", "B"), seed=0, days=10, shares=None):
    rng = np.random.default_rng(seed)
    variant = rng.choice(variants, n, p=shares)
    before = rng.normal(10, 3, n)
    outcome = before + rng.normal(0, 2, n) + effect * (variant == "B")
    day = np.sort(rng.integers(0, days, n))
    return pd.DataFrame(
        {
            "experiment": "x",
            "unit": [f"u{at}" for at in range(n)],
            "variant": variant,
            "outcome": outcome,
            "covariate": before,
            "time": (np.datetime64("2024-01-01") + day).astype(str),
        }
    )


def read(table, settings=None, **more):
    return read_experiment(Shop.from_frames({"experiments": table}).experiment(), settings, **more)


def test_a_clear_difference_wins() -> None:
    found = read(frame(effect=0.5))
    assert (found.decision.kind, found.decision.stop, found.decision.variant) == ("winner", True, "B")
    assert "Stop, use B: it beats control by +" in found.decision.words
    assert found.days == 10
    assert found.to_frame()["decision"].unique().tolist() == ["winner"]


def test_a_cost_is_better_when_lower() -> None:
    found = read(frame(effect=0.5), ExperimentSettings(lower_is_better=True))
    assert (found.decision.kind, found.decision.variant) == ("control", "control")
    assert read(frame(effect=-0.5), ExperimentSettings(lower_is_better=True)).decision.variant == "B"


def test_a_fixed_test_waits_for_its_planned_end() -> None:
    found = read(frame(effect=0.5), ExperimentSettings(planned_days=14))
    assert (found.decision.kind, found.decision.stop) == ("wait", False)
    assert "Wait 4.0 more days" in found.decision.words


def test_nothing_shown_is_not_nothing_there() -> None:
    found = read(frame(n=400, effect=0.05))
    assert found.decision.kind == "undecided"
    assert "does not show that there is none" in found.decision.words
    assert found.needed_units > 400


def test_what_would_be_needed_is_what_planning_says() -> None:
    found = read(frame(n=600, effect=0.1, seed=3), ExperimentSettings(worth=0.02, correction="none"))
    rows = Shop.from_frames({"experiments": frame(n=600, effect=0.1, seed=3)}).experiment()
    fixed, _ = needs(baseline_of(rows), 0.02)
    assert found.needed_units == pytest.approx(fixed.units, rel=0.1)


def test_an_interval_inside_what_matters_is_a_reason_to_stop() -> None:
    found = read(frame(n=20_000), ExperimentSettings(worth=0.02))
    assert (found.decision.kind, found.decision.stop) == ("no difference", True)
    assert read(frame(n=400), ExperimentSettings(worth=0.02)).decision.kind == "undecided"


def test_lost_units_forbid_any_decision() -> None:
    found = read(frame(effect=0.5, shares=[0.56, 0.44]))
    assert (found.decision.kind, found.decision.variant) == ("distrust", "")
    meant = ExperimentSettings(shares=(("control", 0.56), ("B", 0.44)))
    assert read(frame(effect=0.5, shares=[0.56, 0.44]), meant).decision.kind == "winner"


def test_of_several_variants_the_best_winner_is_used_and_the_others_are_named() -> None:
    table = frame(n=6_000, effect=0.8, variants=("control", "B", "C"))
    table.loc[table["variant"] == "C", "outcome"] += 0.5
    found = read(table)
    assert found.decision.variant == "B"
    assert "C beat control too" in found.decision.words


def test_a_sequence_goes_on_until_it_is_sure() -> None:
    nothing = read(frame(n=2_000), ExperimentSettings(sequential=True))
    assert (nothing.decision.kind, nothing.decision.stop) == ("go on", False)
    sure = read(frame(n=6_000, effect=0.6), ExperimentSettings(sequential=True, planned_days=10))
    assert sure.decision.kind == "winner"
    looks = sure.looks_frame()
    assert looks["units"].is_monotonic_increasing
    assert looks["units"].iloc[-1] == 6_000
    last = looks.iloc[-1]
    assert last["low"] == pytest.approx(sure.comparisons.low[0])
    assert (looks["high"] - looks["low"]).iloc[0] > last["high"] - last["low"]


def test_a_sequence_does_not_begin_with_a_handful_of_units() -> None:
    found = read(frame(n=60, effect=50.0), ExperimentSettings(sequential=True))
    assert found.decision.kind == "go on"
    assert "too few units" in found.decision.words
    assert found.looks == ()


def test_what_a_sequence_needs_makes_its_interval_as_narrow_as_the_difference() -> None:
    found = read(frame(n=3_000, effect=0.1), ExperimentSettings(sequential=True, planned_units=20_000))
    assert found.decision.kind == "go on"
    assert found.needed_units > 3_000


def test_earlier_looks_do_not_depend_on_later_rows() -> None:
    table = frame(n=4_000, effect=0.2)
    settings = ExperimentSettings(sequential=True, planned_days=10)
    whole = read(table, settings).looks_frame()
    part = read(table[table["time"] <= "2024-01-05"], settings).looks_frame()
    pd.testing.assert_frame_equal(whole.iloc[: len(part)], part)


def test_notices_say_what_would_help() -> None:
    bare = read(frame().drop(columns=["covariate", "time"]), ExperimentSettings(sequential=True))
    text = " ".join(bare.notices)
    assert "no covariate" in text
    assert "no times" in text
    assert "tuned to 10,000 units" in text
    after = frame(effect=2.0)
    after["covariate"] = after["outcome"]
    assert "is it from before the experiment?" in " ".join(read(after).notices)


def test_shared_stock_and_budgets_are_warned_of() -> None:
    assert interference_warnings(SharedSupply()) == ()
    some = interference_warnings(SharedSupply(stocked=3, stock_bound=0.25, budgets=2, budget_bound=0.0))
    assert "same stock of 3 skus, sold out in 25.0 % of the sales rows" in some[0]
    assert "never used up" in some[1]
    unknown = interference_warnings(SharedSupply(stocked=1))
    assert "is not known" in unknown[0]
    found = read(frame(), shared=SharedSupply(budgets=1, budget_bound=0.5))
    assert any("used up in 50.0 %" in notice for notice in found.notices)


@pytest.mark.parametrize(
    "wrong",
    [
        {"alpha": 0.0},
        {"alpha": 1.0},
        {"power": 1.0},
        {"planned_days": 0},
        {"worth": -0.1},
        {"carry_over": -1},
        {"correction": "bonferroni"},
        {"design": "crossover"},
        {"shares": (("A", 0.0),)},
        {"draws": 0},
    ],
)
def test_settings_outside_their_range_are_refused(wrong) -> None:
    with pytest.raises(InputError):
        ExperimentSettings(**wrong)


def test_all_wrong_settings_are_named_at_once() -> None:
    with pytest.raises(InputError) as caught:
        ExperimentSettings(alpha=2.0, worth=0.0, carry_over=-1)
    assert all(word in str(caught.value) for word in ("alpha", "worth", "carry_over"))


def test_a_plan_starts_from_the_control_of_an_earlier_experiment() -> None:
    rows = Shop.from_frames({"experiments": frame(n=5_000)}).experiment()
    base, plain = baseline_of(rows), baseline_of(rows, cuped=False)
    assert base.units_per_day == pytest.approx(500)
    assert base.deviation == pytest.approx(2.0, rel=0.05)
    assert plain.deviation == pytest.approx(np.sqrt(13), rel=0.05)
    made = plan_experiment(base, 0.02, source="x", variants=3).to_frame()
    assert made["test"].tolist() == ["fixed", "sequential"]
    assert (made["units_per_variant"] * 3 >= made["units"]).all()


def test_a_frozen_readout_repeats_itself() -> None:
    one, two = (read(frame(effect=0.1), ExperimentSettings(sequential=True)) for _ in range(2))
    pd.testing.assert_frame_equal(one.to_frame(), two.to_frame())
    assert replace(one).decision == two.decision


def rare(counts, orders, **more):
    """Units per variant, and how many of them ordered."""
    outcome = np.concatenate([np.arange(n) < k for n, k in zip(counts, orders, strict=True)]).astype(float)
    variant = np.repeat(["A", "B", "C"][: len(counts)], counts)
    units = [f"u{at}" for at in range(len(outcome))]
    table = pd.DataFrame({"experiment": "x", "unit": units, "variant": variant, "outcome": outcome})
    return read(table, ExperimentSettings(shares=tuple(zip("ABC", map(float, counts), strict=False)), **more))


@pytest.mark.parametrize("sequential", [False, True])
def test_a_small_arm_without_any_order_yet_is_not_called_worse(sequential) -> None:
    found = rare([900, 100], [18, 0], sequential=sequential)
    assert found.decision.kind == ("go on" if sequential else "undecided")
    assert "18 of 1,000 units brought something else than most, so that 1.8 are due in B" in found.decision.words
    assert rare([900, 900], [40, 2], sequential=sequential).decision.kind == "control"


def test_two_units_per_arm_decide_nothing() -> None:
    assert rare([2, 2], [0, 2]).decision.kind == "undecided"


def test_a_variant_that_lost_is_named_where_another_is_open() -> None:
    rng = np.random.default_rng(0)
    variant = np.array(["A", "B", "C"] * 300)
    table = pd.DataFrame(
        {
            "experiment": "x",
            "unit": [f"u{at}" for at in range(900)],
            "variant": variant,
            "outcome": rng.normal(10, 1, 900) - (variant == "B"),
        }
    )
    for sequential in (False, True):
        found = read(table, ExperimentSettings(sequential=sequential))
        assert "(C against A: by " in found.decision.words
        assert "Drop B (by -" in found.decision.words
        assert "worse than A" in found.decision.words
        assert not found.needed_units < 900


def test_a_fixed_test_waits_for_its_planned_units() -> None:
    found = read(frame(effect=0.5), ExperimentSettings(planned_units=5_000))
    assert (found.decision.kind, found.decision.stop) == ("wait", False)
    assert "Wait for 1,000 more units" in found.decision.words


def test_a_planned_end_in_days_without_times_is_said_to_be_unknown() -> None:
    found = read(frame(effect=0.5).drop(columns="time"), ExperimentSettings(planned_days=14))
    assert any("whether the planned end has come is not known" in notice for notice in found.notices)


def test_an_outcome_as_its_own_covariate_shows_nothing_and_is_noticed() -> None:
    table = frame(effect=0.5)
    found = read(table.assign(covariate=table["outcome"]))
    assert found.decision.kind == "undecided"
    assert any("tells nearly all of the outcome" in notice for notice in found.notices)


def test_shares_given_twice_and_endless_plans_are_refused() -> None:
    with pytest.raises(InputError, match="share of A is given twice"):
        ExperimentSettings(shares=(("A", 0.5), ("A", 0.5)))
    with pytest.raises(InputError, match="planned_units inf must be above 0 and finite"):
        ExperimentSettings(planned_units=np.inf)
