"""A table is stored or dropped only upon what was seen when it was checked, and an erased shop is not revived by it."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from pricebid import store
from pricebid.errors import InputError

MARK = b"zq-person-77"


def put(db, data, table="sales", shop="acme", **more):
    return store.put_table(db, shop, table, data, rows=len(data), digest=data.hex(), by="ann", **more)


def names(db, shop="acme"):
    return {one.name: one.version for one in store.get_tables(db, shop)}


def steps(db, shop="acme"):
    return [row.what for row in store.list_audit(db, shop).items]


def test_a_table_is_dropped_with_the_version_before_and_others_stay(db):
    for data in (b"one", b"two"):
        put(db, data)
    put(db, b"c", "catalog")
    store.drop_table(db, "acme", "sales", by="bea")
    assert names(db) == {"catalog": 1}
    for version in (None, 1, 2):
        with pytest.raises(store.NotFound, match=r"(of|no) table 'sales'"):
            store.table_bytes(db, "acme", "sales", version)
    row = store.list_audit(db, "acme").items[0]
    assert (row.what, row.who, row.subject) == ("table.dropped", "bea", "sales")
    assert row.detail == {"version": 2, "rows": 3}
    with pytest.raises(store.NotFound, match="no table 'sales'"):
        store.drop_table(db, "acme", "sales", by="bea")
    with pytest.raises(store.NotFound, match="no shop 'else'"):
        store.drop_table(db, "else", "sales", by="bea")
    assert steps(db)[0] == "table.dropped"
    assert steps(db).count("table.dropped") == 1


def test_what_is_loaded_after_a_drop_never_has_the_number_of_what_was_dropped(db):
    for data in (b"one", b"two"):
        put(db, data)
    store.drop_table(db, "acme", "sales", by="bea")
    assert put(db, b"three").version == 3
    store.drop_table(db, "acme", "sales", by="bea")
    assert put(db, b"four").version == 4
    with pytest.raises(store.NotFound):
        store.table_bytes(db, "acme", "sales", 2)  # a job that began with it is told so


def test_a_table_loaded_anew_meanwhile_is_not_dropped(db):
    put(db, b"one")
    put(db, b"two")
    with pytest.raises(store.Changed, match="meanwhile"):
        store.drop_table(db, "acme", "sales", by="bea", over=1)
    assert store.table_bytes(db, "acme", "sales") == b"two"
    store.drop_table(db, "acme", "sales", by="bea", over=2)
    with pytest.raises(store.Changed, match="dropped meanwhile"):
        put(db, b"three", over=2)
    assert names(db) == {}


def test_a_dropped_table_leaves_no_byte_in_the_files_of_sqlite(tmp_path):
    db = store.open_store(tmp_path)
    store.put_shop(db, "acme", by="ann")
    for table in ("orders", "sales"):
        put(db, MARK * 1000 if table == "orders" else b"nobody" * 1000, table)
    assert any(MARK in path.read_bytes() for path in Path(tmp_path).iterdir())
    store.drop_table(db, "acme", "orders", by="ann")
    held = [path.name for path in Path(tmp_path).iterdir() if MARK in path.read_bytes()]
    db.close()
    assert held == []


@pytest.mark.parametrize(
    "change",
    [
        lambda db: put(db, b"c2", "catalog"),
        lambda db: put(db, b"o", "offers"),
        lambda db: store.drop_table(db, "acme", "catalog", by="bea"),
        lambda db: store.put_shop(db, "acme", by="bea", settings={"period": "week"}),
    ],
    ids=["another table anew", "one more table", "another table dropped", "settings"],
)
def test_a_table_is_stored_only_beside_what_it_was_checked_with(db, change):
    put(db, b"c1", "catalog")
    seen = store.see_shop(db, "acme")
    assert put(db, b"s1", seen=seen).version == 1
    assert put(db, b"s2", seen=seen).version == 2, "its own version was not what it was checked beside"
    change(db)
    for write in (lambda: put(db, b"s3", seen=seen), lambda: store.drop_table(db, "acme", "sales", by="a", seen=seen)):
        with pytest.raises(store.Changed, match="meanwhile"):
            write()
    assert store.table_bytes(db, "acme", "sales") == b"s2"
    assert put(db, b"s3", seen=seen, over=2).version == 3, "what is made from its own version needs nothing beside it"
    assert put(db, b"s4", seen=store.see_shop(db, "acme", since=seen)).version == 4


def test_a_shop_that_was_not_there_is_made_with_its_table_or_not_at_all(db):
    seen = store.see_shop(db, "new")
    assert (seen.made, seen.tables) == (False, {})
    assert put(db, b"one", shop="new", seen=seen).version == 1
    assert steps(db, "new") == ["table.loaded", "shop.made"]
    assert put(db, b"two", shop="new", seen=seen).version == 2, "somebody else made it meanwhile"
    assert steps(db, "new").count("shop.made") == 1
    with pytest.raises(store.NotFound):
        put(db, b"one", shop="newer")
    with pytest.raises(InputError, match="cannot name a shop"):
        put(db, b"one", shop="../etc", seen=store.see_shop(db, "../etc"))


@pytest.mark.parametrize("there", [True, False], ids=["it was there", "it was not"])
@pytest.mark.parametrize("anew", [True, False], ids=["made anew", "gone"])
def test_nothing_that_began_before_an_erasure_is_stored_after_it(db, there, anew):
    if there:
        put(db, b"one", shop="acme")
    name = "acme" if there else "new"
    seen = store.see_shop(db, name)
    store.put_shop(db, name, by="ann")
    store.erase_shop(db, name, by="officer")
    if anew:
        store.put_shop(db, name, by="ann")
    before = steps(db, name)
    late = [
        lambda: put(db, b"late", shop=name, seen=seen),
        lambda: store.drop_table(db, name, "sales", by="ann", seen=seen),
        lambda: store.secret(db, "pseudonyms", shop=name, seen=seen),
        lambda: store.see_shop(db, name, since=seen),
    ]
    for write in late:
        with pytest.raises(store.Erased, match="erased meanwhile"):
            write()
    assert (store.get_shop(db, name) is not None) == anew
    assert names(db, name) == {}
    assert steps(db, name) == before
    assert put(db, b"fresh", shop=name, seen=store.see_shop(db, name)).version == 1


@pytest.mark.parametrize("kind", ["bid", "joint"])
def test_the_table_of_limits_stays_while_a_plan_that_bids_is_in_force(db, makes, kind):
    for table in ("campaigns", "catalog"):
        put(db, b"rows", table)
    plan = makes.plan(db, kind=kind, approved=True).id
    store.publish_plan(db, "acme", plan, by="ann")
    for more in ({}, {"seen": store.see_shop(db, "acme")}):
        with pytest.raises(store.InForce, match=f"the {kind} plan {plan}, which is in force"):
            store.drop_table(db, "acme", "campaigns", by="ann", **more)
    store.drop_table(db, "acme", "catalog", by="ann")
    put(db, b"other rows", "campaigns")
    assert names(db) == {"campaigns": 2}
    store.rollback_plan(db, "acme", plan, by="ann")
    store.drop_table(db, "acme", "campaigns", by="ann")
    assert names(db) == {}


def test_the_table_of_limits_may_go_below_a_plan_of_prices(db, makes):
    put(db, b"rows", "campaigns")
    store.publish_plan(db, "acme", makes.plan(db, approved=True).id, by="ann")
    with pytest.raises(store.NotFound):
        store.drop_table(db, "acme", "keywords", by="ann")
    store.drop_table(db, "acme", "campaigns", by="ann")
    assert names(db) == {}


@pytest.mark.parametrize("attempt", range(5))
def test_of_a_publish_of_bids_and_a_drop_of_their_limits_at_once_a_drop_comes_first_or_not_at_all(db, makes, attempt):
    del attempt
    put(db, b"rows", "campaigns")
    plan = makes.plan(db, kind="bid", approved=True).id
    together = Barrier(2)

    def drop():
        together.wait()
        try:
            store.drop_table(db, "acme", "campaigns", by="ann")
        except store.InForce:
            return False
        return True

    def publish():
        together.wait()
        store.publish_plan(db, "acme", plan, by="ann")

    with ThreadPoolExecutor(2) as pool:
        dropped, published = pool.submit(drop), pool.submit(publish)
        published.result()
    order = [what for what in steps(db) if what in ("table.dropped", "plan.published")]  # newest first
    assert order == (["plan.published", "table.dropped"] if dropped.result() else ["plan.published"])
