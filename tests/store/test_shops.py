from threading import Thread

import pytest

from pricebid import store
from pricebid.errors import InputError


@pytest.mark.parametrize("name", ["", "../etc", ".hidden", "a/b", "a b", "a\n", "a\x00", "ü", "x" * 64, "-a", "a\\b"])
def test_a_name_that_could_be_taken_for_something_else_is_refused(db, name):
    with pytest.raises(InputError, match="cannot name a shop"):
        store.put_shop(db, name, by="ann")


def test_settings_stay_unless_others_are_given(db):
    made = store.put_shop(db, "shop.1_b-C", by="ann", settings={"currency": "EUR"})
    assert store.put_shop(db, "shop.1_b-C", by="ann") == made == store.get_shop(db, "shop.1_b-C")
    changed = store.put_shop(db, "shop.1_b-C", by="bea", settings={"currency": "CHF"})
    assert (changed.settings, changed.created_at) == ({"currency": "CHF"}, made.created_at)
    assert store.get_shop(db, "shop.1_b-C") == changed
    assert [row.what for row in store.list_audit(db, "shop.1_b-C").items] == ["shop.set", "shop.made"]


def test_two_may_make_the_same_shop_at_once(db):
    threads = [Thread(target=store.put_shop, args=(db, "race"), kwargs={"by": "ann"}) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [row.what for row in store.list_audit(db, "race").items] == ["shop.made"]


def test_shops_are_listed_by_name_page_by_page(db):
    for name in ("b", "d", "c"):
        store.put_shop(db, name, by="ann")
    first = store.list_shops(db, limit=2)
    store.put_shop(db, "aa", by="ann")
    second = store.list_shops(db, limit=2, cursor=first.cursor)
    assert [info.shop for info in (*first.items, *second.items)] == ["acme", "b", "c", "d"]
    assert second.cursor is None
    for limit in (0, 1001):
        with pytest.raises(InputError, match=f"limit is {limit}"):
            store.list_shops(db, limit=limit)


def put(db, data, **more):
    return store.put_table(db, "acme", "sales", data, rows=len(data), digest=data.decode(), by="ann", **more)


def test_a_table_is_replaced_whole_and_the_one_before_stays_for_those_who_began_with_it(db):
    assert [put(db, data).version for data in (b"one", b"two", b"three")] == [1, 2, 3]
    store.put_table(db, "acme", "catalog", b"c", rows=1, digest="c", by="ann")
    assert [(t.name, t.version, t.digest, t.rows, t.bytes) for t in store.get_tables(db, "acme")] == [
        ("catalog", 1, "c", 1, 1),
        ("sales", 3, "three", 5, 5),
    ]
    assert store.table_bytes(db, "acme", "sales") == b"three"
    assert store.table_bytes(db, "acme", "sales", 2) == b"two"
    with pytest.raises(store.NotFound, match="no version 1 of table 'sales'"):
        store.table_bytes(db, "acme", "sales", 1)


def test_a_table_can_be_replaced_without_leaving_the_one_before(db):
    put(db, b"with-a-person")
    put(db, b"without", drop_versions=True)
    with pytest.raises(store.NotFound):
        store.table_bytes(db, "acme", "sales", 1)


def test_loads_at_once_each_become_a_version(db):
    threads = [Thread(target=put, args=(db, f"v{k}".encode())) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (table,) = store.get_tables(db, "acme")
    assert table.version == 4
    assert store.table_bytes(db, "acme", "sales") == table.digest.encode()
