"""One shop never sees or touches another's, whatever function of the store is called; and an erased shop is gone."""

import inspect
import json
from pathlib import Path

import pytest
from sqlalchemy import insert, select, text

from pricebid import store
from pricebid.store.schema import job_events, job_parts, jobs, metadata
from pricebid.tables.identify import new_id

MARK = "zq-private-9f3a"
DAY, CAMPAIGN, LEARNER, SECRET, EVENT = "2026-03-01", "c", "bandit", "pseudonyms", "e"  # names that shops share


def fill(db, makes, shop):
    """Put something into every table of a shop, each text of it with a mark, and give what was made."""
    store.put_shop(db, shop, by=f"{MARK}-ann", settings={"note": MARK})
    for version in range(3):
        store.put_table(db, shop, "sales", f"{MARK}{version}".encode() * 50, rows=1, digest=MARK, by=MARK)
    model = store.put_model(db, shop, {"params.npz": MARK.encode() * 50}, by=MARK, meta={"note": MARK})
    files = {"plan.json": json.dumps({"id": new_id(), "note": MARK}).encode(), "prices.parquet": MARK.encode() * 50}
    plan = store.add_plan(db, shop, "price", files=files, facts=makes.facts(inputs=MARK), by=MARK)
    store.hold_plan(db, shop, plan.id, by=MARK, reasons=[MARK])
    store.approve_plan(db, shop, plan.id, by=MARK)
    store.publish_plan(db, shop, plan.id, by=MARK)
    approved = makes.plan(db, shop=shop, approved=True)
    record = store.DecisionRecord(
        id=new_id(), at=store.now(), worker="w", seq=1, kind="price", request=MARK, items=MARK.encode()
    )
    store.add_decisions(db, shop, [record])
    store.add_feedback(db, shop, [makes.event(f"{MARK}-{k}", decision_id=MARK, item=MARK) for k in range(200)])
    store.add_feedback(db, shop, [makes.event(EVENT, item=MARK)])
    store.put_state(db, shop, LEARNER, MARK.encode(), cursor=1, expected_version=0)
    lease = store.lease(db, shop, CAMPAIGN, DAY, budget=10.0, amount=2.0, worker=MARK, seconds=60.0)
    _, key = store.create_key(db, shop=shop, scopes=["read"], name=MARK, by=MARK)
    store.secret(db, SECRET, shop=shop)
    add_job(db, shop)
    return {"plan": plan.id, "approved": approved.id, "model": model.id, "lease": lease.id, "key": key.id}


def add_job(db, shop):
    job = dict.fromkeys((column.name for column in jobs.columns if column.nullable), None)
    job |= {"id": f"job-of-{shop}", "shop": shop, "kind": "price", "policy": MARK, "options": MARK, "priority": 1}
    job |= {"state": "running", "attempts": 1, "max_attempts": 3, "run_after": 0, "progress": 0.5, "stage": MARK}
    job |= {"cancel_requested": False, "created_at": 1, "serial": store.now(), "by": MARK, "result": MARK}
    with db.write() as conn:
        conn.execute(insert(jobs).values(**job))
        conn.execute(insert(job_parts).values(job_id=job["id"], part=0, state="done", digest="", result=MARK.encode()))
        conn.execute(insert(job_events).values(job_id=job["id"], at=1, kind="stage", data=MARK))


def everything(db):
    """Give every row of every table."""
    with db.read() as conn:
        return {
            table.name: sorted(map(repr, conn.execute(select(table)).all()))
            for table in metadata.sorted_tables
            if table.name not in ("counters", "log_workers")
        }


def ids_of(makes, made):
    """Give the calls of every function that takes a shop, with that shop and with what is another's."""
    files = makes.plan_files()
    return {
        "add_decisions": lambda db, shop: store.add_decisions(db, shop, [makes.record(2)]),
        "add_feedback": lambda db, shop: store.add_feedback(db, shop, [makes.event(EVENT)]),
        "add_plan": lambda db, shop: store.add_plan(db, shop, "price", files=files, facts=makes.facts(), by="x"),
        "approve_plan": lambda db, shop: store.approve_plan(db, shop, made["plan"], by="x"),
        "count_feedback": store.count_feedback,
        "create_key": lambda db, shop: store.create_key(db, shop=shop, scopes=["read"], name="n", by="x"),
        "drop_decisions": lambda db, shop: store.drop_decisions(db, shop, before=2**60),
        "drop_table": lambda db, shop: store.drop_table(db, shop, "sales", by="x"),
        "erase_shop": lambda db, shop: store.erase_shop(db, shop, by="x"),
        "get_model": lambda db, shop: store.get_model(db, shop, made["model"]),
        "get_plan": lambda db, shop: store.get_plan(db, shop, made["plan"]),
        "get_shop": store.get_shop,
        "get_state": lambda db, shop: store.get_state(db, shop, LEARNER),
        "get_tables": store.get_tables,
        "hold_plan": lambda db, shop: store.hold_plan(db, shop, made["approved"], by="x", reasons=["r"]),
        "latest_model": store.latest_model,
        "lease": lambda db, shop: store.lease(db, shop, CAMPAIGN, DAY, budget=9.0, amount=9.0, worker="x", seconds=1.0),
        "list_audit": store.list_audit,
        "list_decisions": store.list_decisions,
        "list_keys": lambda db, shop: store.list_keys(db, shop=shop),
        "list_plans": store.list_plans,
        "model_files": lambda db, shop: store.model_files(db, shop, made["model"]),
        "next_decisions": lambda db, shop: store.next_decisions(db, shop, kind="price", after=(0, ""), before=2**60),
        "plan_files": lambda db, shop: store.plan_files(db, shop, made["plan"]),
        "publish_plan": lambda db, shop: store.publish_plan(db, shop, made["approved"], by="x"),
        "published": lambda db, shop: store.published(db, shop, "price"),
        "put_model": lambda db, shop: store.put_model(db, shop, {"f": b"x"}, by="x"),
        "put_shop": lambda db, shop: store.put_shop(db, shop, by="x", settings={"changed": True}),
        "put_state": lambda db, shop: store.put_state(db, shop, LEARNER, b"x", cursor=5, expected_version=1),
        "put_table": lambda db, shop: store.put_table(db, shop, "sales", b"x", rows=1, digest="x", by="x"),
        "record_spend": lambda db, shop: store.record_spend(db, shop, made["lease"], 1.0),
        "revoke_key": lambda db, shop: store.revoke_key(db, made["key"], by="x", shop=shop),
        "rollback_plan": lambda db, shop: store.rollback_plan(db, shop, made["plan"], by="x"),
        "secret": lambda db, shop: store.secret(db, SECRET, shop=shop),
        "see_shop": store.see_shop,
        "settle": lambda db, shop: store.settle(db, shop, made["lease"], 1.0),
        "spend_of": lambda db, shop: store.spend_of(db, shop, DAY),
        "table_bytes": lambda db, shop: store.table_bytes(db, shop, "sales"),
        "unfolded": lambda db, shop: store.unfolded(db, shop, after=0),
        "unsettled": store.unsettled,
    }


def test_these_are_all_the_functions_that_take_a_shop(makes):
    public = {name: getattr(store, name) for name in store.__all__}
    taking = {
        name
        for name, value in public.items()
        if inspect.isfunction(value)
        and "shop" in inspect.signature(value).parameters
        and "job" not in value.__module__  # those of jobs are tried where jobs are tested
    }
    assert taking == set(ids_of(makes, {}))


def test_no_function_shows_or_touches_what_is_another_shops(db, makes):
    made = fill(db, makes, "acme")
    secret = store.secret(db, SECRET, shop="acme")
    store.put_shop(db, "rival", by="rival")
    own = {name: [row for row in rows if "'rival'" not in row] for name, rows in everything(db).items()}
    for name, call in ids_of(makes, made).items():
        if name == "erase_shop":
            continue
        try:
            shown = repr(call(db, "rival"))
        except store.StoreError as error:
            shown = str(error)
        assert MARK not in shown, name
        assert secret.hex() not in shown, name
        assert repr(secret) not in shown, name
        seen = {table: {*rows} for table, rows in everything(db).items()}
        for table, rows in own.items():
            assert seen[table].issuperset(rows), (name, table)
    store.erase_shop(db, "rival", by="x")
    left = everything(db)
    assert {table: rows for table, rows in left.items() if table != "audit"} == {
        table: rows for table, rows in own.items() if table != "audit"
    }
    assert set(own["audit"]) < set(left["audit"])


def test_an_erased_shop_leaves_one_row_without_personal_data(db, makes):
    store.put_shop(db, "kept", by="keeper")
    before = everything(db)
    fill(db, makes, "gone")
    store.erase_shop(db, "gone", by="officer")
    after = everything(db)
    (row,) = set(after["audit"]) - set(before["audit"])
    assert {table: rows for table, rows in after.items() if table != "audit"} == {
        table: rows for table, rows in before.items() if table != "audit"
    }
    (stays,) = store.list_audit(db, "gone").items
    assert (stays.what, stays.who, stays.subject) == ("shop.erased", "officer", "gone")
    assert set(stays.detail) == {"rows"}
    assert all(isinstance(count, int) for count in stays.detail["rows"].values())
    assert MARK not in row
    with db.read() as conn:
        for table in ("counters", "log_workers"):
            assert "gone" not in repr(conn.execute(text(f"SELECT * FROM {table}")).all())  # noqa: S608 - constants
    with pytest.raises(store.NotFound, match="no shop 'gone'"):
        store.erase_shop(db, "gone", by="officer")


def test_an_erased_shop_leaves_no_byte_in_the_files_of_sqlite(tmp_path, makes):
    db = store.open_store(tmp_path)
    fill(db, makes, "gone")
    held = [path for path in Path(tmp_path).iterdir() if MARK.encode() in path.read_bytes()]
    assert held != []
    store.erase_shop(db, "gone", by="officer")
    held = [path.name for path in Path(tmp_path).iterdir() if MARK.encode() in path.read_bytes()]
    db.close()
    assert held == []


def test_a_version_with_a_person_in_it_leaves_no_byte_either(tmp_path):
    db = store.open_store(tmp_path)
    store.put_shop(db, "acme", by="ann")
    store.put_table(db, "acme", "orders", MARK.encode() * 1000, rows=1, digest="d", by="ann")
    store.put_table(db, "acme", "orders", b"nobody" * 1000, rows=1, digest="d", by="ann", drop_versions=True)
    held = [path.name for path in Path(tmp_path).iterdir() if MARK.encode() in path.read_bytes()]
    db.close()
    assert held == []


def test_a_shop_made_anew_has_nothing_of_the_one_that_was_erased(db, makes):
    fill(db, makes, "acme")
    old = store.secret(db, SECRET, shop="acme")
    store.erase_shop(db, "acme", by="officer")
    store.put_shop(db, "acme", by="ann")
    assert store.get_shop(db, "acme").settings == {}
    assert store.get_tables(db, "acme") == ()
    assert store.latest_model(db, "acme") is None
    assert store.list_plans(db, "acme").items == ()
    assert store.unfolded(db, "acme", after=0) == ((), 0)
    assert store.add_feedback(db, "acme", [makes.event("first")]).accepted == 1
    assert store.unfolded(db, "acme", after=0)[1] == 1
    assert store.spend_of(db, "acme", DAY) == ()
    assert store.secret(db, SECRET, shop="acme") != old, "pseudonyms made before mean nothing any more"


def test_every_table_belongs_to_a_shop_or_is_known_not_to():
    of_parts = {"model_files", "plan_files", "job_parts", "job_events"}
    of_none = {"counters", "log_workers"}
    without = {table.name for table in metadata.sorted_tables if "shop" not in table.c}
    assert without == of_parts | of_none
