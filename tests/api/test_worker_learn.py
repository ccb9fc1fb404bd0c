"""Feedback is folded into a learner's state, each event once, whoever folds."""

import functools
import json
from collections.abc import Iterator, Sequence

import pytest

from pricebid import store
from pricebid.store import FeedbackEvent, Store
from pricebid_api.worker import learn
from pricebid_api.worker.attempt import attempt
from pricebid_api.worker.kinds import KINDS, Handler
from pricebid_api.worker.outcomes import outcome_totals
from pricebid_api.worker.signals import Signals
from pricebid_api.worker.work import Work


class Sums:
    """A learner that adds up units by option."""

    name = "sums"

    def __init__(self) -> None:
        self.before = lambda: None

    def fold(self, work: Work, state: bytes | None, events: Sequence[FeedbackEvent]) -> bytes:
        assert work.job.kind == "learn"
        self.before()
        sums = json.loads(state) if state else {}
        for event in events:
            sums[str(event.option)] = sums.get(str(event.option), 0.0) + event.units
        return json.dumps(sums).encode()


@pytest.fixture
def db(database_url: str) -> Iterator[Store]:
    opened = store.open_store(database_url)
    store.put_shop(opened, "a", by="tests")
    yield opened
    opened.close()


def tell(db: Store, names: range) -> None:
    given = {"decision_id": "t", "decided_at": 5, "kind": "price", "plan_id": "p", "item": "x", "value": 2.0}
    events = [FeedbackEvent(event_id=f"e{at}", option=at % 2, propensity=0.5, units=1.0, **given) for at in names]
    store.add_feedback(db, "a", events)


def run(db: Store, *learners: Sums) -> store.Job:
    job = store.submit(db, "a", "learn", by="me")
    claim = store.claim(db, "w")
    attempt(Work(db=db, claim=claim, signals=Signals()), Handler(run=functools.partial(learn.learn, learners=learners)))
    return store.get_job(db, job.id)


def sums(db: Store) -> dict[str, float]:
    return json.loads(store.get_state(db, "a", "sums").data)


def test_new_feedback_is_folded_once_and_in_portions(db: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learn, "EVENTS_AT_ONCE", 4)
    tell(db, range(10))
    assert run(db, Sums()).result == {"folded": {"sums": 10}}
    assert store.get_state(db, "a", "sums").version == 3
    tell(db, range(6, 13))  # four of them are known already
    assert run(db, Sums()).result == {"folded": {"sums": 3}}
    assert run(db, Sums()).result == {"folded": {"sums": 0}}
    assert sums(db) == {"0": 7.0, "1": 6.0}


def test_events_that_another_folded_meanwhile_are_not_folded_again(db: Store) -> None:
    tell(db, range(4))
    slow, quick = Sums(), Sums()

    def other() -> None:
        slow.before = lambda: None
        kept = store.unfolded(db, "a", after=0)
        store.put_state(db, "a", "sums", quick.fold(work, None, kept[0]), cursor=kept[1], expected_version=0)
        tell(db, range(4, 6))

    slow.before = other
    job = store.submit(db, "a", "learn", by="me")
    work = Work(db=db, claim=store.claim(db, "w"), signals=Signals())
    attempt(work, Handler(run=functools.partial(learn.learn, learners=(slow,))))
    assert store.get_job(db, job.id).result == {"folded": {"sums": 2}}
    assert sums(db) == {"0": 3.0, "1": 3.0}


def test_a_try_that_breaks_after_a_portion_keeps_it(db: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learn, "EVENTS_AT_ONCE", 2)
    tell(db, range(6))
    breaking, calls = Sums(), []

    def before() -> None:
        calls.append(1)
        if len(calls) == 3:
            raise RuntimeError("the power went")

    breaking.before = before
    assert run(db, breaking).state == "queued"
    assert sums(db) == {"0": 2.0, "1": 2.0}


def test_outcomes_are_added_up_by_what_was_given_out(db: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learn, "EVENTS_AT_ONCE", 3)
    tell(db, range(10))
    clicked = {"decision_id": "t", "decided_at": 5, "kind": "bid", "plan_id": "q", "item": "y", "option": -1}
    store.add_feedback(
        db, "a", [FeedbackEvent(event_id="c", value=0.5, propensity=1.0, clicks=3.0, cost=0.9, **clicked)]
    )
    job = store.submit(db, "a", "learn", by="me")
    attempt(Work(db=db, claim=store.claim(db, "w"), signals=Signals()), KINDS["learn"])
    assert store.get_job(db, job.id).result["folded"]["outcomes"] == 11
    totals = outcome_totals(store.get_state(db, "a", "outcomes").data).set_index(["kind", "item", "option"])
    assert totals.loc[("price", "x", 1), ["events", "units", "inverse_units", "clicks"]].to_list() == [5, 5, 10, 0]
    assert totals.loc[("bid", "y", -1), ["events", "units", "clicks", "cost"]].to_list() == [1, 0, 3, 0.9]
    assert len(totals) == 3


def test_without_learners_there_is_nothing_to_fold(db: Store) -> None:
    tell(db, range(2))
    assert run(db).result == {"folded": {}}
