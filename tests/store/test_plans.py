from dataclasses import asdict

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from pricebid import store
from pricebid.errors import InputError
from pricebid.store import plans


def test_a_plan_is_given_back_as_it_was_put(db, makes):
    files, facts = makes.plan_files(), makes.facts(profit=10.5, profit_low=9.0, totals={"units": 3.0}, data_until=7)
    added = store.add_plan(db, "acme", "price", files=files, facts=facts, by="ann")
    assert store.get_plan(db, "acme", added.id) == added
    assert (added.status, added.facts, added.by, added.reasons, added.replaced) == ("made", facts, "ann", (), None)
    assert store.plan_files(db, "acme", added.id) == files
    assert store.plan_files(db, "acme", added.id, ["prices.parquet"]) == {"prices.parquet": b"prices\x00"}
    with pytest.raises(store.NotFound, match=r"has no file bids\.parquet"):
        store.plan_files(db, "acme", added.id, ["bids.parquet", "plan.json"])


def test_adding_the_same_plan_again_changes_nothing(db, makes):
    files, facts = makes.plan_files(), makes.facts()
    first = store.add_plan(db, "acme", "price", files=files, facts=facts, by="ann")
    approved = store.approve_plan(db, "acme", first.id, by="bea")
    assert store.add_plan(db, "acme", "price", files=files, facts=facts, by="ann") == approved
    assert sum(row.what == "plan.made" for row in store.list_audit(db, "acme").items) == 1


def test_an_id_belongs_to_one_plan(db, makes):
    files = makes.plan_files()
    store.add_plan(db, "acme", "price", files=files, facts=makes.facts(), by="ann")
    store.put_shop(db, "other", by="ann")
    for shop, kind, contents in (
        ("acme", "price", files | {"prices.parquet": b"else"}),
        ("acme", "bid", files),
        ("other", "price", files),
    ):
        with pytest.raises(store.StepError, match="a plan needs an id of its own"):
            store.add_plan(db, shop, kind, files=contents, facts=makes.facts(), by="ann")


@pytest.mark.parametrize("document", [None, b"{}", b"[]", b"x", b'{"id": 3}', b'{"id": "x"}', b'{"id": null}'])
def test_a_plan_without_an_id_is_refused(db, makes, document):
    files = {} if document is None else {"plan.json": document}
    with pytest.raises(InputError, match="name the plan's id, a UUID"):
        store.add_plan(db, "acme", "price", files=files, facts=makes.facts(), by="ann")


def test_facts_that_a_newer_version_kept_besides_are_left_out(db, makes, monkeypatch):
    facts = makes.facts(profit=10.5)
    monkeypatch.setattr(plans, "asdict", lambda kept: asdict(kept) | {"of_tomorrow": {"a": 1}})
    plan = store.add_plan(db, "acme", "price", files=makes.plan_files(), facts=facts, by="ann").id
    with db.read() as conn:
        assert "of_tomorrow" in conn.execute(text("SELECT facts FROM plans")).scalar()
    assert store.get_plan(db, "acme", plan).facts == facts
    assert [one.facts for one in store.list_plans(db, "acme").items] == [facts]


def test_a_plan_of_another_kind_is_refused(db, makes):
    with pytest.raises(InputError, match="kind is 'guess'"):
        store.add_plan(db, "acme", "guess", files=makes.plan_files(), facts=makes.facts(), by="ann")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE plan_files SET data = data",
        "UPDATE plan_files SET name = 'other'",
        "DELETE FROM plan_files",
        "DELETE FROM plans",
        "UPDATE plans SET facts = '{}'",
        "UPDATE plans SET digest = 'x'",
        "UPDATE plans SET shop = 'other'",
        "UPDATE plans SET made_at = 1",
    ],
)
def test_the_database_itself_refuses_to_change_a_plan(db, makes, statement):
    store.put_shop(db, "other", by="ann")
    plan = makes.plan(db, approved=True)
    with pytest.raises(DBAPIError, match="a plan is immutable"), db.write() as conn:
        conn.execute(text(statement))
    assert store.get_plan(db, "acme", plan.id) == plan
    assert len(store.plan_files(db, "acme", plan.id)) == 2


def test_a_damaged_file_is_told(tmp_path, makes):
    db = store.open_store(tmp_path)
    store.put_shop(db, "acme", by="ann")
    plan = makes.plan(db)
    with db.write() as conn:
        conn.execute(text("DROP TRIGGER plan_files_no_update"))
        conn.execute(text("UPDATE plan_files SET data = x'00' WHERE name = 'prices.parquet'"))
    with pytest.raises(store.StoreError, match=r"file prices\.parquet of plan .* is damaged"):
        store.plan_files(db, "acme", plan.id)
    db.close()


def test_plans_are_listed_newest_first_in_pages_that_new_plans_do_not_shift(db, makes):
    made = [makes.plan(db, kind=kind).id for kind in ("price", "bid", "price", "price", "joint")]
    first = store.list_plans(db, "acme", limit=2)
    makes.plan(db)
    rest = store.list_plans(db, "acme", limit=3, cursor=first.cursor)
    assert [plan.id for plan in (*first.items, *rest.items)] == made[::-1]
    assert rest.cursor is None
    assert [plan.id for plan in store.list_plans(db, "acme", kind="bid").items] == [made[1]]
