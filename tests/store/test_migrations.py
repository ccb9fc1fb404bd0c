import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect, select, text

from pricebid import store
from pricebid.store import migrations
from pricebid.store.schema import HEAD, feedback, job_events, job_parts, jobs, metadata

OPEN = """
import sys
from pricebid import store
print("ready", flush=True)
sys.stdin.readline()
db = store.open_store(sys.argv[1])
store.put_shop(db, "acme", by="process")
db.close()
"""


def tables_of(db):
    with db.read() as conn:
        return set(inspect(conn).get_table_names())


def test_the_migrations_make_exactly_the_tables_that_the_code_knows(database_url):
    db = store.open_store(database_url)
    with db.read() as conn:
        context = MigrationContext.configure(conn, opts={"version_table": "pricebid_schema", "compare_type": True})
        assert compare_metadata(context, metadata) == []
    assert migrations.revision(db) == HEAD == migrations.known()[-1]
    db.close()


def add_job(db, shop):
    job = dict.fromkeys((column.name for column in jobs.columns if column.nullable), None)
    job |= {"id": "j1", "shop": shop, "kind": "price", "policy": "{}", "options": "{}", "priority": 1, "by": "ann"}
    job |= {"state": "running", "attempts": 1, "max_attempts": 3, "run_after": 0, "progress": 0.5, "stage": "fit"}
    job |= {"cancel_requested": False, "created_at": 1, "serial": 1}
    with db.write() as conn:
        conn.execute(jobs.insert().values(**job))
        conn.execute(job_parts.insert().values(job_id="j1", part=0, state="done", digest="", result=b"r"))
        conn.execute(job_events.insert().values(job_id="j1", at=1, kind="stage", data="{}"))


def test_upgrade_and_downgrade_keep_the_data_that_both_revisions_can_hold(db, makes):
    plan = makes.plan(db, approved=True)
    store.publish_plan(db, "acme", plan.id, by="ann")
    store.add_feedback(db, "acme", [makes.event("e1")])
    store.put_table(db, "acme", "sales", b"parquet", rows=1, digest="d", by="ann")
    add_job(db, "acme")
    audited = store.list_audit(db, "acme")

    migrations.downgrade(db, "0001")
    assert migrations.revision(db) == "0001"
    assert tables_of(db).isdisjoint({"jobs", "job_parts", "job_events"})
    migrations.upgrade(db)
    assert migrations.revision(db) == HEAD

    assert store.published(db, "acme", "price").plan_id == plan.id
    assert store.plan_files(db, "acme", plan.id)["prices.parquet"] == b"prices\x00"
    assert store.table_bytes(db, "acme", "sales") == b"parquet"
    assert store.list_audit(db, "acme") == audited
    with db.read() as conn:
        assert conn.execute(select(feedback.c.event_id)).scalars().all() == ["e1"]
        assert conn.execute(select(jobs.c.id)).all() == []
    add_job(db, "acme")  # the tables are as they were
    store.erase_shop(db, "acme", by="ann")


def test_going_back_to_the_base_leaves_nothing_and_the_way_up_is_open(db, makes):
    makes.plan(db)
    migrations.downgrade(db, "base")
    assert tables_of(db) <= {"pricebid_schema", "sqlite_sequence"}
    assert migrations.revision(db) is None
    with db.read() as conn:
        if db.dialect == "postgresql":
            query = text("SELECT proname FROM pg_proc WHERE proname LIKE 'pricebid%'")
            assert conn.execute(query).scalars().all() == []
    migrations.upgrade(db)
    assert store.get_shop(db, "acme") is None
    store.put_shop(db, "acme", by="ann")


def test_a_database_of_a_newer_version_is_refused_and_left_as_it_is(database_url):
    db = store.open_store(database_url)
    with db.write() as conn:
        conn.execute(text("UPDATE pricebid_schema SET version_num = '9999'"))
    db.close()
    for migrate in (True, False):
        with pytest.raises(store.SchemaError, match=r"revision 9999.*newer version; upgrade pricebid"):
            store.open_store(database_url, migrate=migrate)


def test_an_empty_database_is_refused_where_it_may_not_be_changed(empty_database_url):
    with pytest.raises(store.SchemaError, match="revision none, this pricebid needs 0002"):
        store.open_store(empty_database_url, migrate=False)


def test_an_older_database_is_refused_where_it_may_not_be_changed_and_upgraded_where_it_may(database_url):
    db = store.open_store(database_url)
    migrations.downgrade(db, "0001")
    db.close()
    with pytest.raises(store.SchemaError, match="revision 0001, this pricebid needs 0002"):
        store.open_store(database_url, migrate=False)
    upgraded = store.open_store(database_url)
    assert migrations.revision(upgraded) == HEAD
    upgraded.close()


def test_a_migration_that_fails_leaves_nothing_behind(empty_database_url, monkeypatch):
    def fail(_conn):
        raise RuntimeError("half way")

    monkeypatch.setattr("pricebid.store.migrations.guards.make", fail)
    with pytest.raises(RuntimeError, match="half way"):
        store.open_store(empty_database_url)
    monkeypatch.undo()
    db = store.open_store(empty_database_url)
    assert migrations.revision(db) == HEAD
    db.close()


def test_several_processes_may_open_an_empty_database_at_once(empty_database_url, processes):
    started = [processes(OPEN, empty_database_url) for _ in range(2)]
    assert [process.stdout.readline() for process in started] == ["ready\n"] * 2
    for process in started:
        process.stdin.write("go\n")
        process.stdin.flush()
    assert [process.communicate()[1] for process in started] == [""] * 2
    assert [process.returncode for process in started] == [0] * 2
    db = store.open_store(empty_database_url, migrate=False)
    made = [row.what for row in store.list_audit(db, "acme").items]
    db.close()
    assert made == ["shop.made"]
