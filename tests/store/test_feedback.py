from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pricebid import store
from pricebid.errors import InputError


def names(db, **asked):
    return [event.event_id for event in store.unfolded(db, "acme", **({"after": 0} | asked))[0]]


def test_events_come_back_as_they_were_sent(db, makes):
    full = makes.event("e1", clicks=2.0, conversions=1.0, cost=0.3)
    bare = replace(makes.event("e2"), units=None, revenue=None)
    store.add_feedback(db, "acme", [full, bare], at=77)
    (first, second), cursor = store.unfolded(db, "acme", after=0)
    assert (first, second) == (replace(full, received_at=77), replace(bare, received_at=77))
    assert cursor == 2 == store.count_feedback(db, "acme")


def test_an_event_counts_once_however_often_it_is_sent(db, makes):
    one, two, three = (makes.event(name) for name in ("one", "two", "three"))
    assert store.add_feedback(db, "acme", [one, two, one]) == store.FeedbackResult(
        accepted=2, duplicates=1, duplicate_ids=("one",)
    )
    again = store.add_feedback(db, "acme", [three, replace(two, units=99.0), one])
    assert (again.accepted, again.duplicate_ids) == (1, ("two", "one"))
    assert names(db) == ["one", "two", "three"]
    assert store.unfolded(db, "acme", after=0)[0][1].units == 1.0, "the first to come is the one that counts"
    assert store.add_feedback(db, "acme", []).accepted == 0


def test_two_shops_may_use_the_same_names(db, makes):
    store.put_shop(db, "other", by="ann")
    for shop in ("acme", "other"):
        assert store.add_feedback(db, shop, [makes.event("e")]).accepted == 1


def test_events_of_a_shop_that_is_not_there_are_refused(db, makes):
    with pytest.raises(store.NotFound, match="no shop 'gone'"):
        store.add_feedback(db, "gone", [makes.event("e")])


def test_the_same_events_sent_at_once_by_many_count_once(db, makes):
    batches = [[makes.event(f"e{(k * 7 + start) % 60}") for k in range(40)] for start in range(0, 60, 5)]
    with ThreadPoolExecutor(6) as pool:
        results = list(pool.map(lambda batch: store.add_feedback(db, "acme", batch), batches))
    seen = names(db)
    assert sorted(seen) == sorted({event.event_id for batch in batches for event in batch})
    assert sum(result.accepted for result in results) == len(seen)
    assert all(result.accepted + result.duplicates == 40 for result in results)


def test_a_learner_that_reads_while_others_write_misses_nothing(db, makes):
    read, cursor = [], 0

    def write(worker):
        for batch in range(8):
            store.add_feedback(db, "acme", [makes.event(f"{worker}-{batch}-{k}") for k in range(5)])

    with ThreadPoolExecutor(4) as pool:
        writers = [pool.submit(write, worker) for worker in range(4)]
        while True:
            over = all(writer.done() for writer in writers)
            events, cursor = store.unfolded(db, "acme", after=cursor, limit=7)
            read += [event.event_id for event in events]
            if over and not events:
                break
        for writer in writers:
            writer.result()
    assert len(read) == len(set(read)) == 4 * 8 * 5


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=st.lists(st.lists(st.integers(0, 12), max_size=8), max_size=5))
def test_whatever_is_sent_twice_the_log_holds_each_name_once_in_the_order_of_arrival(db, makes, batches):
    shop = f"p{store.now()}"
    store.put_shop(db, shop, by="ann")
    expected = list(dict.fromkeys(f"e{name}" for batch in batches for name in batch))
    accepted = sum(store.add_feedback(db, shop, [makes.event(f"e{n}") for n in batch]).accepted for batch in batches)
    events, cursor = store.unfolded(db, shop, after=0)
    assert [event.event_id for event in events] == expected
    assert accepted == len(expected)
    assert store.unfolded(db, shop, after=cursor) == ((), cursor)


def test_a_state_changes_with_its_cursor_and_only_from_the_version_it_was_made_from(db):
    assert store.get_state(db, "acme", "bandit") is None
    assert store.put_state(db, "acme", "bandit", b"one", cursor=10, expected_version=0) == 1
    assert store.put_state(db, "acme", "bandit", b"two", cursor=20, expected_version=1) == 2
    for late in (0, 1, 3):
        with pytest.raises(store.Busy, match=f"no longer at version {late}"):
            store.put_state(db, "acme", "bandit", b"late", cursor=30, expected_version=late)
    state = store.get_state(db, "acme", "bandit")
    assert (state.data, state.cursor, state.version) == (b"two", 20, 2)
    assert store.get_state(db, "acme", "pacer") is None
    with pytest.raises(store.NotFound):
        store.put_state(db, "gone", "bandit", b"", cursor=0, expected_version=0)


def test_of_workers_that_fold_at_once_each_event_is_folded_once(db, makes):
    store.add_feedback(db, "acme", [makes.event(f"e{k}") for k in range(60)])

    def fold(_worker):
        folded = 0
        while True:
            state = store.get_state(db, "acme", "count")
            total, version, after = (int(state.data), state.version, state.cursor) if state else (0, 0, 0)
            events, cursor = store.unfolded(db, "acme", after=after, limit=7)
            if not events:
                return folded
            try:
                data = str(total + len(events)).encode()
                store.put_state(db, "acme", "count", data, cursor=cursor, expected_version=version)
            except store.Busy:
                continue
            folded += len(events)

    with ThreadPoolExecutor(3) as pool:
        folded = list(pool.map(fold, range(3)))
    assert sum(folded) == 60 == int(store.get_state(db, "acme", "count").data)


@pytest.mark.parametrize("name", ["nul\x00", "half\ud800"])
def test_a_batch_with_text_that_no_database_holds_is_refused_whole(db, makes, name):
    batch = [makes.event("good"), makes.event(name)]
    if db.dialect == "sqlite" and name == "nul\x00":
        assert store.add_feedback(db, "acme", batch).accepted == 2, "SQLite holds NUL"
        return
    with pytest.raises(InputError, match="cannot be stored"):
        store.add_feedback(db, "acme", batch)
    assert names(db) == []
    assert store.add_feedback(db, "acme", [makes.event("good")]).accepted == 1, "the connection is as good as before"
