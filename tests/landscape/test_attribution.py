"""Attribution: rules by hand, Markov against published values, Shapley against its definition, totals always the same."""

import os
from itertools import permutations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pricebid import InputError, Shop, TableError
from pricebid.landscape import attribution_rules, attribution_shapley
from pricebid.landscape.attribution import RULES, Attribution, AttributionSettings, attribute
from pricebid.landscape.attribution_markov import build_graph
from pricebid.landscape.attribution_paths import Paths, counted_paths, cut_paths
from pricebid.landscape.attribution_shapley import by_rates, even_split, fit_rates, shapley_values

SAME = {"rtol": 0, "atol": 1e-9}


def shares(paths: Paths, rule: str, **known: float) -> dict[str, float]:
    found = attribute(paths, rules=[rule], settings=AttributionSettings(**known))
    return dict(zip(found.channels.tolist(), found.of(rule)[0].round(9).tolist(), strict=True))


def one(path: str) -> Paths:
    return counted_paths([path], conversions=[1], value=[10])


# -- rules by hand ---------------------------------------------------------------------------------------------------


def test_positional_rules_by_hand() -> None:
    paths = one("a > b > b > c > d")
    assert shares(paths, "last") == {"a": 0, "b": 0, "c": 0, "d": 1}
    assert shares(paths, "first") == {"a": 1, "b": 0, "c": 0, "d": 0}
    assert shares(paths, "linear") == {"a": 0.2, "b": 0.4, "c": 0.2, "d": 0.2}
    assert shares(paths, "position") == pytest.approx({"a": 0.4, "b": 0.4 / 3, "c": 0.2 / 3, "d": 0.4})
    assert shares(paths, "shapley") == {"a": 0.25, "b": 0.25, "c": 0.25, "d": 0.25}


def test_position_splits_short_paths_evenly() -> None:
    assert shares(one("a > b"), "position") == {"a": 0.5, "b": 0.5}
    assert shares(one("a"), "position") == {"a": 1.0}


def test_time_decay_halves_with_each_half_life() -> None:
    found = shares(one("a > b > c"), "time_decay", half_life=1.0)
    assert found == pytest.approx({"a": 1 / 7, "b": 2 / 7, "c": 4 / 7})


def test_time_decay_of_old_touches_neither_overflows_nor_loses_the_conversion() -> None:
    found = shares(one(" > ".join(["a"] * 5000 + ["b"])), "time_decay", half_life=0.001)
    assert found == {"a": 0.0, "b": 1.0}


def test_last_non_direct_skips_direct_visits_unless_there_is_nothing_else() -> None:
    paths = counted_paths(["mail > search > direct", "direct > direct"], conversions=[1, 3])
    assert shares(paths, "last_non_direct") == {"direct": 3, "mail": 0, "search": 1}
    assert attribution_rules.direct(np.array(["Direct", "(none)", "directory"], dtype=object)).tolist() == [1, 1, 0]


# -- Markov against published values ---------------------------------------------------------------------------------


def test_markov_agrees_with_the_example_of_bryl() -> None:
    """S. Bryl', Marketing multi-channel attribution model with R (part 1), 2016: 1/2, 1, 1 and .2, .4, .4."""
    paths = counted_paths(["C1 > C2 > C3", "C1", "C2 > C3"], conversions=[1, 0, 0], nulls=[0, 1, 1])
    found = attribute(paths, rules=["markov"])
    np.testing.assert_allclose(found.removal[0], [0.5, 1.0, 1.0], **SAME)
    np.testing.assert_allclose(found.conversions[0], [0.2, 0.4, 0.4], **SAME)


def test_markov_agrees_with_the_example_of_puzyrov() -> None:
    """S. Puzyrov, Markov chain attribution: simple explanation of removal effect, 2019: the transitions printed there."""
    paths = counted_paths(
        ["google ads", "mailing", "google ads > mailing"], conversions=[2, 1, 1], nulls=[1, 0, 0], value=[2, 1, 1]
    )
    found = attribute(paths, rules=["markov"])
    table = found.transitions().set_index(["from", "to"])["probability"]
    assert table["google ads", "(conversion)"] == 0.5
    assert table["google ads", "mailing"] == 0.25
    assert table["google ads", "(null)"] == 0.25
    assert table["mailing", "(conversion)"] == 1.0
    assert table["(start)", "google ads"] == 0.8
    np.testing.assert_allclose(found.removal, [[0.75, 0.5]] * 2, **SAME)
    np.testing.assert_allclose(found.conversions[0], [2.4, 1.6], **SAME)


def test_markov_agrees_with_the_example_of_pychattr_within_its_simulation_noise() -> None:
    """README of pychattr: 1.991 and 1.009 from 10,000 simulated walks; exactly 2 and 1."""
    paths = counted_paths(["A > B > A > B > B > A", "A > B > B > A > A", "A > A"], conversions=[1, 1, 1])
    found = attribute(paths, rules=["markov"]).conversions[0]
    np.testing.assert_allclose(found, [2.0, 1.0], **SAME)
    np.testing.assert_allclose(found, [1.991106, 1.008894], atol=0.02)


# ChannelAttribution 2.2.5 on its own demo paths: markov_model(Data, "path", "total_conversions", "total_conversion_value",
# "total_null", order=..., nsim_start=3e6, conv_par=0.005); it simulates, so that small channels are noisy.
DEMO = {
    1: {
        "alpha": (5350.77, 18782.50),
        "beta": (2525.02, 9716.51),
        "eta": (3351.18, 13033.63),
        "iota": (3883.99, 14993.15),
        "lambda": (1281.94, 5159.53),
        "theta": (1967.22, 7485.64),
    },
    2: {
        "alpha": (5610.75, 19186.22),
        "beta": (2437.13, 9739.25),
        "eta": (3391.66, 12990.53),
        "iota": (3815.42, 14904.96),
        "lambda": (1197.90, 4907.04),
        "theta": (1894.92, 7323.06),
    },
}


def demo_paths() -> Paths:
    folder = os.environ.get("PRICEBID_DATA", "")
    if not folder:
        pytest.skip("PRICEBID_DATA names no folder with mta_paths")
    data = pd.read_csv(Path(folder) / "mta_paths" / "channelattribution_paths.csv.gz")
    counts = {"conversions": data["total_conversions"], "value": data["total_conversion_value"]}
    return counted_paths(data["path"].tolist(), **counts, nulls=data["total_null"])


@pytest.mark.realdata
@pytest.mark.parametrize("order", [1, 2])
def test_markov_agrees_with_channel_attribution_on_its_demo_paths(order: int) -> None:
    found = attribute(demo_paths(), rules=["markov"], settings=AttributionSettings(order=order))
    at = [found.channels.tolist().index(name) for name in DEMO[order]]
    theirs = np.array(list(DEMO[order].values())).T
    np.testing.assert_allclose(np.stack(found.of("markov"))[:, at], theirs, rtol=0.01)


def test_a_higher_order_remembers_what_came_before() -> None:
    # After a, b converts; after c, it does not: one touch of memory cannot tell, two can.
    paths = counted_paths(["a > b", "c > b", "a", "c"], conversions=[4, 0, 0, 0], nulls=[0, 4, 4, 4])
    near = attribute(paths, rules=["markov"], settings=AttributionSettings(order=1)).removal[0]
    far = attribute(paths, rules=["markov"], settings=AttributionSettings(order=2)).removal[0]
    np.testing.assert_allclose(near, [0.5, 1.0, 0.5], **SAME)
    np.testing.assert_allclose(far, [1.0, 1.0, 0.0], **SAME)


def test_states_of_a_higher_order_are_named_by_their_touches() -> None:
    graph = build_graph(one("a > b > a > c"), order=2)
    assert sorted(graph.names()) == ["a", "a > b", "a > c", "b > a"]
    assert graph.leaving.tolist() == [1.0] * 4


def test_probabilities_of_leaving_a_state_sum_to_one() -> None:
    table = attribute(random_paths(1), rules=["markov"]).transitions()
    np.testing.assert_allclose(table.groupby("from")["probability"].sum(), 1.0)


# -- Shapley against its definition ----------------------------------------------------------------------------------


def by_permutations(worth: np.ndarray) -> np.ndarray:
    players = int(np.log2(len(worth)))
    orders = list(permutations(range(players)))
    found = np.zeros(players)
    for order in orders:
        met = 0
        for player in order:
            found[player] += worth[met | 1 << player] - worth[met]
            met |= 1 << player
    return found / len(orders)


@pytest.mark.parametrize("players", [1, 2, 3, 5])
def test_shapley_values_are_averages_over_all_orders(players: int) -> None:
    worth = np.append(0.0, np.random.default_rng(players).normal(size=2**players - 1))
    np.testing.assert_allclose(shapley_values(worth), by_permutations(worth), **SAME)


def test_the_even_split_is_the_shapley_value_of_conversions_within_a_set() -> None:
    paths = random_paths(3, channels=4)
    mask = np.bitwise_or.reduceat(1 << paths.channel.astype(np.int64), paths.start)
    sets = np.arange(16)
    within = (mask[None] & ~sets[:, None]) == 0
    worth = within @ paths.conversions
    np.testing.assert_allclose(even_split(paths)[0], by_permutations(worth), **SAME)


def test_shapley_by_rates_is_the_even_split_where_channels_do_not_matter() -> None:
    # Every set converts one path in four: whoever is first brings all of it.
    paths = counted_paths(["a", "b", "a > b", "b > a > b"], conversions=[250] * 4, nulls=[750] * 4)
    np.testing.assert_allclose(by_rates(paths, np.random.default_rng(0)), even_split(paths), rtol=0.02)


def test_shapley_by_rates_credits_what_raises_the_rate() -> None:
    # With b a path converts as often as without it: b gets nothing but its own conversions.
    paths = counted_paths(["a", "b", "a > b"], conversions=[1000, 0, 1000], nulls=[9000, 10000, 9000])
    found = by_rates(paths, np.random.default_rng(0))[0]
    np.testing.assert_allclose(found, [2000, 0], atol=10)


def test_random_orders_come_near_the_exact_values(monkeypatch: pytest.MonkeyPatch) -> None:
    paths = random_paths(5, channels=7, size=4000)
    exact = by_rates(paths, np.random.default_rng(0))
    monkeypatch.setattr(attribution_shapley, "EXACT", 3)
    sampled = by_rates(paths, np.random.default_rng(0))
    again = by_rates(paths, np.random.default_rng(0))
    assert np.array_equal(sampled, again)
    np.testing.assert_allclose(sampled[0].sum(), exact[0].sum())
    # Standard errors over 400 orders are below 1 % of the total; five of them.
    np.testing.assert_allclose(sampled[0], exact[0], atol=0.05 * exact[0].sum())


def test_rates_of_sets_hardly_seen_are_pulled_to_those_of_independent_channels() -> None:
    sets = np.array([1, 2, 3])
    rates = fit_rates(sets, np.array([100.0, 200.0, 2.0]), np.array([1000.0, 1000.0, 2.0]), channels=2)
    assert rates.rate[0] == pytest.approx(0.1, abs=0.01)
    assert rates.rate[1] == pytest.approx(0.2, abs=0.01)
    assert rates.rate[2] < 0.9  # 2 of 2 is no proof of a rate of 1


# -- cutting touches into paths --------------------------------------------------------------------------------------


def touch_shop(rows: list[tuple[object, ...]], columns: str = "customer time channel converted value cost") -> Shop:
    return Shop.from_frames({"touches": pd.DataFrame(rows, columns=columns.split())})


def spelled(paths: Paths) -> list[str]:
    parts = np.split(paths.channels[paths.channel], paths.start[1:])
    return [">".join(part) for part in parts]


def test_a_conversion_ends_a_path_and_what_follows_is_the_next() -> None:
    shop = touch_shop(
        [
            ("x", "2024-01-03", "b", 1, 20.0, 1.0),
            ("x", "2024-01-01", "a", 0, None, 2.0),
            ("x", "2024-01-04", "c", 0, None, 0.0),
            ("y", "2024-01-01", "c", 1, 5.0, 0.5),
        ]
    )
    paths = cut_paths(shop.touches())
    assert spelled(paths) == ["a>b", "c", "c"]
    assert paths.conversions.tolist() == [1, 0, 1]
    assert paths.nulls.tolist() == [0, 1, 0]
    assert paths.value.tolist() == [20, 0, 5]
    assert paths.age.tolist() == [2, 0, 0, 0]
    assert paths.cost is not None
    assert paths.cost.tolist() == [2.0, 1.0, 0.5]


def test_touches_of_one_moment_keep_the_order_of_the_file_and_conversions_come_last() -> None:
    day = "2024-01-01"
    shop = touch_shop([("x", day, "c", 1, 1, 0), ("x", day, "b", 0, None, 0), ("x", day, "a", 0, None, 0)])
    assert spelled(cut_paths(shop.touches())) == ["b>a>c"]


def test_a_window_ends_paths_after_a_silence_and_leaves_out_what_is_older() -> None:
    days = ["2024-01-01", "2024-01-20", "2024-01-26", "2024-02-01", "2024-02-06", "2024-03-30"]
    rows = [("x", day, name, int(name == "e"), None, 1.0) for day, name in zip(days, "abcdef", strict=True)]
    paths = cut_paths(touch_shop(rows).touches(), window=14)
    # a is followed by 19 days without a touch; b lies 17 days before the conversion.
    assert spelled(paths) == ["a", "c>d>e", "f"]
    assert paths.conversions.tolist() == [0, 1, 0]
    assert paths.touches.tolist() == [1] * 6
    assert paths.cost is not None
    assert paths.cost.sum() == 6.0


def test_a_table_in_which_nothing_converted_is_refused() -> None:
    with pytest.raises(TableError, match="converted: has no row with 1"):
        touch_shop([("x", "2024-01-01", "a", 0, None, 1.0)]).touches()
    with pytest.raises(TableError, match="touches: is not there; attribution needs it"):
        Shop.from_frames({"channels": pd.DataFrame({"date": ["2024-01-01"], "channel": "a", "spend": 1})}).touches()


def test_paths_of_touches_and_the_same_paths_counted_get_the_same_credit() -> None:
    rng = np.random.default_rng(11)
    rows, sequences, converted = [], [], []
    for customer in range(60):
        names = rng.choice(list("abcd"), rng.integers(1, 6))
        wins = int(rng.random() < 0.4)
        sequences.append(" > ".join(names))
        converted.append(wins)
        rows += [
            (f"{customer}", f"2024-01-{day + 1:02}", name, int(wins and day == len(names) - 1), 2.0, 1.0)
            for day, name in enumerate(names)
        ]
    known = AttributionSettings(half_life=2.0)
    counts = np.array(converted)
    counted = counted_paths(sequences, conversions=counts, value=2.0 * counts, nulls=1 - counts)
    one_way = attribute(cut_paths(touch_shop(rows).touches()), settings=known)
    other = attribute(counted, settings=known)
    np.testing.assert_allclose(one_way.conversions, other.conversions, **SAME)
    np.testing.assert_allclose(one_way.value, other.value, **SAME)


# -- what holds for any paths ----------------------------------------------------------------------------------------


def random_paths(seed: int, *, channels: int = 5, size: int = 300, nulls: bool = True) -> Paths:
    rng = np.random.default_rng(seed)
    names = np.array([*(f"c{at}" for at in range(channels - 1)), "direct"])
    sequences = [" > ".join(rng.choice(names, rng.integers(1, 7))) for _ in range(size)]
    conversions = rng.integers(0, 3, size)
    conversions[0] = 1
    value = conversions * rng.lognormal(3, 1, size)
    return counted_paths(
        sequences, conversions=conversions, value=value, nulls=rng.integers(0, 9, size) if nulls else None
    )


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 9), st.integers(1, 40), st.booleans(), st.integers(1, 3))
def test_every_rule_gives_the_same_totals(seed: int, channels: int, size: int, nulls: bool, order: int) -> None:  # noqa: FBT001
    paths = random_paths(seed, channels=channels, size=size, nulls=nulls)
    found = attribute(paths, settings=AttributionSettings(order=order, half_life=3.0))
    np.testing.assert_allclose(found.conversions.sum(axis=1), paths.conversions.sum(), rtol=1e-9)
    np.testing.assert_allclose(found.value.sum(axis=1), paths.value.sum(), rtol=1e-9)
    kept = [rule != "shapley_rate" for rule in found.rules]
    assert (found.conversions[kept] >= 0).all()
    assert ((found.removal >= 0) & (found.removal <= 1 + 1e-12)).all()
    assert found.total == (pytest.approx(paths.conversions.sum()), pytest.approx(paths.value.sum()))


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_the_names_and_the_order_of_channels_do_not_matter(seed: int) -> None:
    rng = np.random.default_rng(seed)
    names = np.array(list("abcd"))
    drawn = [rng.integers(0, 4, rng.integers(1, 6)) for _ in range(30)]
    counts = {"conversions": rng.integers(1, 4, 30), "nulls": rng.integers(0, 4, 30)}
    counts["nulls"][0] = 1
    renamed = np.array(list("dbca"))
    first = attribute(counted_paths([">".join(names[one]) for one in drawn], **counts))
    other = attribute(counted_paths([">".join(renamed[one]) for one in drawn], **counts))
    for rule in first.rules:
        before = dict(zip(first.channels, first.of(rule)[0], strict=True))
        after = dict(zip(other.channels, other.of(rule)[0], strict=True))
        for old, new in zip(names, renamed, strict=True):
            if old in before:
                assert after[new] == pytest.approx(before[old], rel=1e-6, abs=1e-6), rule


def test_repeating_a_channel_does_not_change_its_removal_effect() -> None:
    counts = {"conversions": [3, 1, 0], "nulls": [1, 4, 2]}
    short = attribute(counted_paths(["a > b", "b > c", "c"], **counts), rules=["markov"])
    long = attribute(counted_paths(["a > a > b", "b > b > b > c", "c > c"], **counts), rules=["markov"])
    np.testing.assert_allclose(short.removal, long.removal, **SAME)


# -- what is given and what comes out --------------------------------------------------------------------------------


def test_the_table_has_a_row_per_rule_and_channel_with_cost_and_return() -> None:
    shop = touch_shop([("x", "2024-01-01", "a", 0, None, 2.0), ("x", "2024-01-02", "b", 1, 10.0, 4.0)])
    frame = attribute(cut_paths(shop.touches()), rules=["last", "linear"]).to_frame().set_index(["rule", "channel"])
    assert len(frame) == 4
    assert frame.loc[("last", "b"), "roi"] == pytest.approx(1.5)
    assert frame.loc[("linear", "a"), "cpa"] == pytest.approx(4.0)
    assert np.isnan(frame.loc[("last", "a"), "cpa"])
    assert frame.loc[("linear", "b"), "value_share"] == pytest.approx(0.5)
    assert frame.loc[("last", "a"), "removal_effect"] == 1.0


def test_rules_that_do_not_apply_are_left_out_with_a_notice_or_refused_when_asked_for() -> None:
    paths = counted_paths(["a > b"], conversions=[1])
    found = attribute(paths)
    assert set(RULES) - set(found.rules) == {"last_non_direct", "shapley_rate"}
    assert len(found.notices) == 2
    for rule in ("last_non_direct", "shapley_rate", "best"):
        with pytest.raises(InputError, match=rule):
            attribute(paths, rules=[rule])
    with pytest.raises(InputError, match="no rule was asked for"):
        attribute(paths, rules=[])
    with pytest.raises(InputError, match="no rule 'first' here"):
        attribute(paths, rules=["last"]).of("first")


def test_the_summary_puts_rules_side_by_side_with_their_total() -> None:
    found: Attribution = attribute(random_paths(2), rules=["last", "markov"])
    text = found.summary()
    assert "markov" in text
    last_line = text.splitlines()[-1].split()
    assert last_line[-2] == last_line[-1] == f"{found.total[0]:,.1f}"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"sequences": [], "conversions": []}, "no path was given"),
        ({"sequences": ["a > > b"], "conversions": [1]}, "channel without a name"),
        ({"sequences": ["a"], "conversions": [1, 2]}, "one number per path"),
        ({"sequences": ["a"], "conversions": [-1]}, "below 0"),
        ({"sequences": ["a"], "conversions": [0]}, "nothing to attribute"),
        ({"sequences": ["a"], "conversions": [1], "nulls": [np.nan]}, "not finite"),
    ],
)
def test_paths_that_make_no_sense_are_refused(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        counted_paths(**arguments)


@pytest.mark.parametrize("known", [{"half_life": 0.0}, {"order": 0}, {"seed": -1}])
def test_settings_outside_their_range_are_refused(known: dict[str, float]) -> None:
    with pytest.raises(InputError, match=next(iter(known))):
        AttributionSettings(**known)


def test_an_order_that_cannot_be_told_apart_is_refused() -> None:
    with pytest.raises(InputError, match="order 50"):
        build_graph(one("a > b"), order=50)


def test_a_window_must_be_above_zero() -> None:
    with pytest.raises(InputError, match="window 0"):
        cut_paths(touch_shop([("x", "2024-01-01", "a", 1, 1, 1)]).touches(), window=0)


def test_many_channels_are_exact_where_no_set_needs_to_be_walked_through() -> None:
    paths = counted_paths([f"c{at:03} > c{(at * 7) % 90:03}" for at in range(90)], conversions=[1] * 90, nulls=[1] * 90)
    found = attribute(paths)
    assert "shapley_rate" not in found.rules
    np.testing.assert_allclose(found.of("shapley")[0].sum(), 90)
