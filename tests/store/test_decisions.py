import pytest

from pricebid import store


def test_records_are_listed_newest_first_in_pages_that_new_ones_do_not_shift(db, makes):
    records = [makes.record(seq, at=100 + seq // 2) for seq in range(1, 8)]  # some at the same moment
    assert store.add_decisions(db, "acme", records) == 7
    first = store.list_decisions(db, "acme", limit=3)
    store.add_decisions(db, "acme", [makes.record(8, at=500)])
    rest = store.list_decisions(db, "acme", limit=10, cursor=first.cursor)
    expected = sorted(records, key=lambda record: (record.at, record.id), reverse=True)
    assert [*first.items, *rest.items] == expected
    assert [record.seq for record in store.list_decisions(db, "acme", since=104).items] == [8]
    assert store.list_decisions(db, "acme", since=103).items == (
        store.list_decisions(db, "acme", limit=1).items + tuple(record for record in expected if record.at >= 103)
    )


def test_a_batch_that_is_sent_again_counts_once(db, makes):
    records = [makes.record(seq) for seq in (1, 2, 3)]
    assert store.add_decisions(db, "acme", records) == 3
    assert store.add_decisions(db, "acme", [*records, makes.record(4)]) == 1
    (loss,) = store.losses(db)
    assert (loss.worker, loss.issued, loss.written, loss.lost) == ("w1", 4, 4, 0)


def test_records_that_never_arrived_are_counted(db, makes):
    store.put_shop(db, "other", by="ann")
    store.add_decisions(db, "acme", [makes.record(seq) for seq in (1, 2, 6)])  # 4 and 5 are lost
    store.add_decisions(db, "other", [makes.record(3)])  # numbers go over all shops of a worker
    store.add_decisions(db, "acme", [makes.record(1, worker="w2")])
    store.note_loss(db, "w2", issued=5)  # and was killed before it wrote the others
    store.note_loss(db, "w2", issued=2)
    store.note_loss(db, "w3", issued=2)
    counted = {loss.worker: (loss.issued, loss.written, loss.lost) for loss in store.losses(db)}
    assert counted == {"w1": (6, 4, 2), "w2": (5, 1, 4), "w3": (2, 0, 2)}
    store.add_decisions(db, "acme", [makes.record(seq) for seq in (4, 5)])  # late, not lost
    assert {loss.worker: loss.lost for loss in store.losses(db)} == {"w1": 0, "w2": 4, "w3": 2}


def test_old_records_go_and_their_count_stays(db, makes):
    store.add_decisions(db, "acme", [makes.record(seq, at=seq) for seq in range(1, 6)])
    assert store.drop_decisions(db, "acme", before=4) == 3
    assert [record.seq for record in store.list_decisions(db, "acme").items] == [5, 4]
    assert store.losses(db)[0].lost == 0


def test_records_of_a_shop_that_is_not_there_are_refused_whole(db, makes):
    with pytest.raises(store.NotFound, match="no shop 'gone'"):
        store.add_decisions(db, "gone", [makes.record(1)])
    assert store.losses(db) == ()
    assert store.add_decisions(db, "acme", []) == 0
