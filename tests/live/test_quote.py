"""A quote is the plan's price, else the current price, else an error; never below the floor."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricebid.errors import InputError
from pricebid.live import Exploration, QuoteItems, microseconds, quote
from pricebid.live.quote import FEW
from pricebid.tables import Settings


def ask(make, snapshot, skus, *, region="east", seed=0, **more):
    items = QuoteItems(sku=skus, region=[region] * len(skus), **more)
    return quote(snapshot, items, now=make.now, rng=np.random.default_rng(seed), signer=make.signer())


def both(make, snapshot, skus, **more):
    """The answers of a few items, after checking that many items are answered the same."""
    few = ask(make, snapshot, skus, **more)
    times = FEW // len(skus) + 1
    more = {name: value * times if isinstance(value, list) else value for name, value in more.items()}
    many = ask(make, snapshot, skus * times, **more)
    for name in ("price", "source", "plan", "propensity"):
        assert getattr(many, name) == getattr(few, name) * times, name
    assert {at % len(skus): error for at, error in many.errors.items()} == few.errors
    assert {at % len(skus): why for at, why in many.fallbacks.items()} == few.fallbacks
    return few


def test_the_plans_price_goes_first(make):
    snapshot = make.snapshot(make.shop([10.0, 20.0]), [make.plan([9.99, 21.0])])
    found = both(make, snapshot, ["sku 1", "sku 0"])
    assert found.price == [21.0, 9.99]
    assert found.source == ["plan", "plan"]
    assert found.plan == [make.ids[0]] * 2
    assert found.propensity == [1.0, 1.0]
    assert not found.errors
    assert not found.fallbacks


def test_a_token_says_what_was_quoted(make):
    snapshot = make.snapshot(make.shop([10.0, 20.0]), [make.plan([9.99, 21.0])])
    for skus in (["sku 1"], ["sku 1"] * 20):
        found = ask(make, snapshot, skus)
        said = make.signer().verify(found.decision_id[-1])
        assert (said.amount, said.source, said.plan, said.propensity) == (21.0, "plan", make.ids[0], 1.0)
        row = snapshot.index.find(np.array([said.offer], dtype=np.uint64))
        assert snapshot.index.labels(int(row[0])) == {"sku": "sku 1", "region": "east"}
        assert make.signer().seal(found.words) == found.decision_id


def test_an_offer_that_is_not_in_the_plan_keeps_its_price_and_says_why(make):
    snapshot = make.snapshot(make.shop([10.0, 20.0]), [make.plan([9.99])])
    found = both(make, snapshot, ["sku 0", "sku 1"])
    assert found.price == [9.99, 20.0]
    assert found.source == ["plan", "current"]
    assert found.fallbacks == {1: "not_in_plan"}


def test_what_cannot_be_quoted_is_an_error_of_its_item_alone(make):
    snapshot = make.snapshot(make.shop([10.0, np.nan, 3.0], floor=[5.0, 5.0, 5.0]), [make.plan([9.99])])
    found = both(make, snapshot, ["sku 0", "sku 1", "sku 2", "sku 9"])
    assert found.price == [9.99, None, None, None]
    assert found.decision_id[1:] == found.source[1:] == found.plan[1:] == found.propensity[1:] == [None] * 3
    assert {at: error.code for at, error in found.errors.items()} == {
        1: "no_price",
        2: "below_floor",
        3: "unknown_offer",
    }
    assert "sku 9 / east" in found.errors[3].message
    assert len(found.words) == 1


def test_a_planned_price_below_its_floor_or_above_its_ceiling_is_not_given_out(make):
    now = make.shop([10.0, 20.0, 30.0], floor=[9.5, 1.0, 1.0], ceiling=[99.0, 20.5, 29.0])
    snapshot = make.snapshot(now, [make.plan([9.0, 21.0, 30.0])])
    found = both(make, snapshot, ["sku 0", "sku 1", "sku 2"])
    assert found.price == [10.0, 20.0, 30.0]  # the last stays above its ceiling, as plans let current prices
    assert found.fallbacks == {0: "plan_below_floor", 1: "plan_above_ceiling"}
    assert found.source == ["current", "current", "plan"]


def test_a_locked_price_stays_whatever_the_floor(make):
    snapshot = make.snapshot(make.shop([3.0], floor=[5.0], fixed=[True]), [make.plan([3.0])])
    assert both(make, snapshot, ["sku 0"]).price == [3.0]


def test_floors_are_rounded_up_and_ceilings_down(make):
    now = make.shop([10.0] * 4, floor=[9.991, 9.99, 1.0, 1.0], ceiling=[99.0, 99.0, 10.009, 10.01])
    found = both(make, make.snapshot(now, [make.plan([9.99, 9.99, 10.01, 10.01])]), [f"sku {at}" for at in range(4)])
    assert found.fallbacks == {0: "plan_below_floor", 2: "plan_above_ceiling"}


def test_outside_its_horizon_a_plan_is_not_quoted(make):
    snapshot = make.snapshot(make.shop([10.0]), [make.plan([9.0])])
    at = [None, make.now - 2 * make.day, make.now + 2 * make.day, make.now + make.day, make.now + make.day - 1]
    found = both(make, snapshot, ["sku 0"] * 5, at=at)
    assert found.price == [9.0, 10.0, 10.0, 10.0, 9.0]
    assert found.plan == [make.ids[0], None, None, None, make.ids[0]]
    assert found.fallbacks == {1: "not_started", 2: "ended", 3: "ended"}
    assert both(make, make.snapshot(make.shop([10.0])), ["sku 0"]).fallbacks == {0: "no_plan"}


def test_the_price_of_a_later_day_comes_from_the_plan_in_effect_then(make):
    plans = [
        make.plan([9.0]),
        make.plan([8.0], name=make.ids[1], start=make.now + make.day, end=make.now + 3 * make.day),
    ]
    snapshot = make.snapshot(make.shop([10.0]), plans)
    found = both(make, snapshot, ["sku 0"] * 3, at=[None, make.now + 2 * make.day, make.now + 4 * make.day])
    assert found.price == [9.0, 8.0, 10.0]
    assert found.plan == [*make.ids, None]


def test_of_two_plans_in_effect_the_last_published_counts(make):
    snapshot = make.snapshot(make.shop([10.0]), [make.plan([9.0]), make.plan([8.0], name=make.ids[1])])
    assert both(make, snapshot, ["sku 0"]).price == [8.0]


def test_a_segment_without_a_price_of_its_own_gets_the_offers(make):
    axis = make.keys(2, segment=["", "club"])
    snapshot = make.snapshot(make.shop([10.0, 8.0], axis=axis), [make.plan([9.5, 7.5], axis=axis)])
    found = both(make, snapshot, ["sku 0", "sku 0", "sku 1", "sku 1"], segment=["club", None, "club", None])
    assert found.price == [9.5, 9.5, 7.5, None]
    assert found.errors[3].code == "unknown_offer"


def test_prices_by_hour_follow_local_time_through_the_change_of_clocks(make):
    axis = make.keys(24, hour=list(range(24)))
    axis = type(axis)(sku=["sku 0"] * 24, group=axis.group, groups=axis.groups, hour=axis.hour)
    now = make.shop([10.0])
    settings = Settings(timezone="Europe/Berlin", currency="EUR")
    plan = make.plan(np.arange(1.0, 25.0), axis=axis, start=0, end=2**60)
    snapshot = make.snapshot(now, [plan], settings)
    winter, summer = (datetime(2026, 3, 29, hour, 30, tzinfo=UTC) for hour in (0, 1))
    found = both(make, snapshot, ["sku 0", "sku 0"], at=[microseconds(winter), microseconds(summer)])
    assert found.price == [2.0, 4.0]  # 1:30 and, with no 2:30 that night, 3:30


def test_an_explored_price_carries_its_exact_probability(make):
    keys = make.keys(1)
    law = Exploration(
        plan=make.ids[0], keys=keys, price=np.array([[9.0, 9.5, 10.0]]), probability=np.array([[0.2, 0.5, 0.3]])
    )
    snapshot = make.snapshot(make.shop([10.0]), [make.plan([9.5])], exploration=[law])
    found = ask(make, snapshot, ["sku 0"] * 20_000)
    price, chance = np.array(found.price), np.array(found.propensity)
    for option, (value, probability) in enumerate(((9.0, 0.2), (9.5, 0.5), (10.0, 0.3))):
        drawn = price == value
        assert abs(drawn.mean() - probability) < 4 * np.sqrt(0.25 / 20_000)
        assert (chance[drawn] == probability).all()
        said = make.signer().verify(found.decision_id[int(drawn.argmax())])
        assert (said.option, said.propensity) == (option, probability)
    assert {source for source, value in zip(found.source, price, strict=True) if value == 9.5} == {"plan"}
    assert {source for source, value in zip(found.source, price, strict=True) if value != 9.5} == {"exploration"}


def test_exploration_counts_only_while_its_plan_does(make):
    law = Exploration(plan=make.ids[0], keys=make.keys(1), price=np.array([[1.0]]), probability=np.ones((1, 1)))
    snapshot = make.snapshot(make.shop([10.0]), [make.plan([9.5])], exploration=[law])
    found = both(make, snapshot, ["sku 0"] * 2, at=[None, make.now + 2 * make.day])
    assert found.price == [1.0, 10.0]


@given(
    price=st.lists(st.floats(0.01, 20.0), min_size=2, max_size=6),
    weight=st.lists(st.integers(0, 5), min_size=6, max_size=6),
    floor=st.floats(0.0, 15.0),
    seed=st.integers(0, 2**32 - 1),
)
def test_no_draw_lies_below_the_floor_and_one_by_one_is_as_many_at_once(make, price, weight, floor, seed):
    weights = np.array(weight[: len(price)], dtype=np.float64) + 1e-9
    law = Exploration(
        plan=make.ids[0], keys=make.keys(1), price=np.array([price]), probability=(weights / weights.sum())[None]
    )
    snapshot = make.snapshot(make.shop([20.0], floor=[floor]), [make.plan([20.0])], exploration=[law])
    many = ask(make, snapshot, ["sku 0"] * (FEW + 3), seed=seed)
    rng = np.random.default_rng(seed)
    items = QuoteItems(sku=["sku 0"], region=["east"])
    few = [quote(snapshot, items, now=make.now, rng=rng, signer=make.signer()) for _ in range(FEW + 3)]
    assert many.price == [one.price[0] for one in few]
    assert many.propensity == [one.propensity[0] for one in few]
    assert min(many.price) >= floor - 1e-9
    laws = snapshot.laws[0]
    assert abs(laws.probability[0].sum() - (laws.law[0] >= 0)) < 1e-12
    by_price = {
        value: laws.probability[0][laws.minor[0] == round(value * 100)].sum()
        for value in many.price
        if laws.law[0] >= 0
    }
    for value, chance in zip(many.price, many.propensity, strict=True):
        assert chance == by_price.get(value, 1.0)


def test_the_same_generator_state_gives_the_same_answers(make):
    law = Exploration(
        plan=make.ids[0], keys=make.keys(1), price=np.array([[1.0, 2.0]]), probability=np.full((1, 2), 0.5)
    )
    snapshot = make.snapshot(make.shop([10.0]), [make.plan([1.0])], exploration=[law])
    assert ask(make, snapshot, ["sku 0"] * 50).price == ask(make, snapshot, ["sku 0"] * 50).price


def test_laws_that_are_none_are_refused(make):
    for price, probability in (
        ([[1.0, 2.0]], [[0.5, 0.4]]),
        ([[1.0, np.nan]], [[0.5, 0.5]]),
        ([[1.0, 2.0]], [[1.5, -0.5]]),
    ):
        with pytest.raises(InputError, match="no law"):
            Exploration(plan=make.ids[0], keys=make.keys(1), price=np.array(price), probability=np.array(probability))
    with pytest.raises(InputError, match=r"\[offer, option\]"):
        Exploration(plan=make.ids[0], keys=make.keys(2), price=np.ones((1, 2)), probability=np.ones((1, 2)))


def test_columns_of_different_length_and_a_foreign_signer_are_refused(make):
    with pytest.raises(InputError, match="2 items have 1 entries of region"):
        QuoteItems(sku=["a", "b"], region=["east"])
    snapshot = make.snapshot(make.shop([10.0]))
    with pytest.raises(InputError, match="cannot be signed for 'south'"):
        quote(
            snapshot,
            QuoteItems(sku=["sku 0"], region=["east"]),
            now=0,
            rng=np.random.default_rng(0),
            signer=make.signer("south"),
        )


def test_no_items_no_answers(make):
    found = ask(make, make.snapshot(make.shop([10.0])), [])
    assert found.price == []
    assert found.words.shape == (0, 7)


def test_laws_with_other_weights_are_those_that_a_new_snapshot_would_have(make):
    price = np.array([[9.0, 9.001, 9.5, 10.0, np.nan], [1.0, 2.0, 3.0, 4.0, 5.0]])
    first = np.array([[0.25, 0.25, 0.0, 0.5, 0.0], [0.2] * 5])
    later = np.array([[0.1, 0.2, 0.7, 0.0, 0.0], [0.5, 0.5, 0.0, 0.0, 0.0]])
    now, plans = make.shop([10.0, 4.0], floor=[8.0, 3.5]), [make.plan([9.5, 4.0])]

    def law(probability):
        return Exploration(plan=make.ids[0], keys=make.keys(2), price=price, probability=probability)

    snapshot = make.snapshot(now, plans, exploration=[law(first)])
    moved, anew = snapshot.weighted(make.ids[0], later), make.snapshot(now, plans, exploration=[law(later)])
    assert np.array_equal(moved.laws[0].probability, anew.laws[0].probability)
    assert np.array_equal(moved.laws[0].law, anew.laws[0].law)
    assert moved.laws[0].law.tolist()[:2] == [0, -1]  # all that the second may draw lies below its floor
    back = moved.weighted(make.ids[0], first)
    assert np.array_equal(back.laws[0].law, snapshot.laws[0].law)
    assert snapshot.weighted("another plan", later).laws[0] is snapshot.laws[0]
    with pytest.raises(InputError, match="probabilities"):
        snapshot.weighted(make.ids[0], later[:1])


def test_what_is_below_its_floor_is_told_of_the_plan_in_effect_too(make):
    shop = make.shop([1.0, 1.0, 1.0], floor=[2.0, 2.0, 2.0])
    found = both(make, make.snapshot(shop, [make.plan([1.5, 2.5])]), ["sku 0", "sku 1", "sku 2"])
    assert found.price == [None, 2.5, None]
    assert {error.code for error in found.errors.values()} == {"below_floor"}
    assert "the price of the plan in effect is below its floor" in found.errors[0].message
    assert "no plan in effect gives it a price" in found.errors[2].message
