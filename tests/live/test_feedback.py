"""Feedback counts once, in whatever order and however often it comes."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricebid.errors import InputError
from pricebid.live import (
    Event,
    Exploration,
    FoldState,
    QuoteItems,
    fold,
    quote,
)

HOUR = 3_600_000_000
WAIT, KEEP = 24 * HOUR, 240 * HOUR


@pytest.fixture(scope="module")
def decided(make):
    """Thirty decisions drawn from a law, one per hour."""
    law = Exploration(
        plan=make.ids[0], keys=make.keys(3), price=np.tile([9.0, 10.0], (3, 1)), probability=np.full((3, 2), 0.5)
    )
    snapshot = make.snapshot(
        make.shop([10.0] * 3), [make.plan([10.0] * 3, end=make.now + 99 * make.day)], exploration=[law]
    )
    rng = np.random.default_rng(0)
    found = []
    for at in range(30):
        items = QuoteItems(sku=[f"sku {at % 3}"], region=["east"])
        answers = quote(snapshot, items, now=make.now + at * HOUR, rng=rng, signer=make.signer())
        found.append(make.signer().verify(answers.decision_id[0]))
    return found


@given(
    st.lists(st.tuples(st.integers(0, 29), st.integers(0, 5)), max_size=60),
    st.lists(st.integers(1, 30), max_size=6),
    st.randoms(),
)
def test_whatever_the_order_each_event_counts_once(make, decided, came, cuts, order):
    events = [
        Event(event_id=str(at), decision=decided[who], units=float(units)) for at, (who, units) in enumerate(came)
    ]
    told = order.sample([*events, *events], 2 * len(events))
    state, now, rows, late, duplicates = FoldState(), make.now, [], 0.0, 0
    pieces = np.array_split(np.arange(len(told)), len(cuts) + 1)
    for piece, hours in zip(pieces, [*cuts, 100], strict=True):
        now += hours * HOUR
        before = state.to_dict()
        folded = fold(state, [told[at] for at in piece], now=now, wait=WAIT, keep=KEEP, decisions=decided)
        assert state.to_dict() == before
        state = FoldState.from_dict(json.loads(json.dumps(folded.state.to_dict())), make.signer())
        rows += zip(folded.outcomes.decisions, folded.outcomes.units, strict=True)
        late += folded.late.units.sum()
        duplicates += folded.duplicates
    assert duplicates == len(events)
    assert sorted(one.id for one, _ in rows) == sorted(
        one.id for one in decided
    )  # each is one trial, also without events
    assert sum(units for _, units in rows) + late == sum(units for _, units in came)


def test_events_of_one_decision_add_up_and_returns_are_negative(make, decided):
    events = [
        Event(event_id="a", decision=decided[0], units=2.0, revenue=20.0),
        Event(event_id="b", decision=decided[0], units=-1.0, revenue=-10.0, clicks=1.0),
    ]
    outcomes = fold(FoldState(), events, now=make.now + 48 * HOUR, wait=WAIT, keep=KEEP).outcomes
    assert len(outcomes) == 1
    assert (outcomes.units[0], outcomes.revenue[0], outcomes.clicks[0], outcomes.cost[0]) == (1.0, 10.0, 1.0, 0.0)


def test_a_late_event_is_a_correction_and_no_second_trial(make, decided):
    first = fold(FoldState(), [], now=make.now + 48 * HOUR, wait=WAIT, keep=KEEP, decisions=decided[:1])
    assert first.outcomes.units.tolist() == [0.0]
    late = [Event(event_id="late", decision=decided[0], units=3.0)]
    second = fold(first.state, late, now=make.now + 49 * HOUR, wait=WAIT, keep=KEEP, decisions=decided[:1])
    assert len(second.outcomes) == 0
    assert second.late.units.tolist() == [3.0]
    assert fold(second.state, late, now=make.now + 50 * HOUR, wait=WAIT, keep=KEEP).duplicates == 1


def test_ids_are_forgotten_with_the_tokens_they_belong_to(make, decided):
    events = [Event(event_id="a", decision=decided[0], units=1.0)]
    state = fold(FoldState(), events, now=make.now + 2 * KEEP, wait=WAIT, keep=KEEP).state
    assert state.to_dict() == {"open": {}, "closed": {}, "seen": {}}
    with pytest.raises(InputError, match="at least as long"):
        fold(FoldState(), [], now=0, wait=2, keep=1)
    with pytest.raises(InputError, match="fold state"):
        FoldState.from_dict({}, make.signer())


def test_learners_get_option_propensity_and_time_by_offer(make, decided):
    events = [Event(event_id=str(at), decision=one, units=float(at)) for at, one in enumerate(decided)]
    outcomes = fold(FoldState(), events, now=make.now + 99 * HOUR, wait=WAIT, keep=KEEP).outcomes
    learnt = outcomes.by_offer(origin=make.now, period=24 * HOUR)
    assert sorted(learnt) == sorted({one.offer for one in decided})
    flat = {one.id: one for many in learnt.values() for one in many}
    for at, one in enumerate(decided):
        assert (flat[one.id].option, flat[one.id].units, flat[one.id].propensity) == (one.option, float(at), 0.5)
        assert flat[one.id].time == pytest.approx(at / 24)
    assert set(np.unique(outcomes.offer).tolist()) == set(learnt)


def test_what_was_not_drawn_teaches_learners_nothing(make):
    snapshot = make.snapshot(make.shop([10.0]), [make.plan([9.0])])
    answers = quote(
        snapshot,
        QuoteItems(sku=["sku 0"], region=["east"]),
        now=make.now,
        rng=np.random.default_rng(0),
        signer=make.signer(),
    )
    event = Event(event_id="a", decision=make.signer().verify(answers.decision_id[0]), units=1.0)
    outcomes = fold(FoldState(), [event], now=make.now + 99 * HOUR, wait=WAIT, keep=KEEP).outcomes
    assert len(outcomes) == 1
    assert outcomes.by_offer(origin=0, period=1) == {}
