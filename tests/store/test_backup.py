"""A backup that is taken while others write is whole, and a store that is restored from it works on."""

import os
import re
import sqlite3
import subprocess
from contextlib import closing
from threading import Event, Thread

import pytest
from scripts.with_postgres import NoPostgres, programs
from sqlalchemy import make_url, select, text
from sqlalchemy.exc import DBAPIError

from pricebid import store
from pricebid.store.schema import metadata


def rows(db):
    with db.read() as conn:
        return {table.name: sorted(map(repr, conn.execute(select(table)).all())) for table in metadata.sorted_tables}


def back_up(url, target, postgres):
    """Give the URL of a copy, made as docs/store.md says."""
    if make_url(url).get_backend_name() == "sqlite":
        with (
            closing(sqlite3.connect(make_url(url).database)) as source,
            closing(sqlite3.connect(target / "copy.db")) as copy,
        ):
            source.backup(copy)
        return f"sqlite:///{target / 'copy.db'}"
    try:
        tools = programs()
    except NoPostgres as error:
        pytest.skip(f"there is no pg_dump: {error}")
    version = subprocess.run([tools / "pg_dump", "--version"], check=True, capture_output=True, text=True).stdout
    if int(re.search(r"(\d+)\.", version)[1]) < postgres.admin.info.server_version // 10_000:
        pytest.skip(f"{version.strip()} is older than the server, which it refuses to read")
    restored = postgres.make()

    def plain(place):
        return make_url(place).set(drivername="postgresql").render_as_string(hide_password=False)

    env = os.environ | {"LC_ALL": "C"}
    dump = target / "dump"
    subprocess.run([tools / "pg_dump", "-Fc", "-f", dump, plain(url)], check=True, env=env)
    subprocess.run([tools / "pg_restore", "--no-owner", "-d", plain(restored), dump], check=True, env=env)
    return restored


def test_a_restored_store_holds_what_was_there_and_works_on(db, database_url, makes, tmp_path, request):
    plan = makes.plan(db, approved=True)
    store.publish_plan(db, "acme", plan.id, by="ann")
    store.add_feedback(db, "acme", [makes.event(f"e{k}") for k in range(100)])
    secret, before = store.secret(db, "tokens"), rows(db)
    postgres = request.getfixturevalue("postgres") if db.dialect == "postgresql" else None
    place = back_up(database_url, tmp_path, postgres)
    copy = store.open_store(place, migrate=False)
    assert {**rows(copy), "secrets": []} == {**before, "secrets": []}
    assert store.secret(copy, "tokens") == secret
    with pytest.raises(DBAPIError, match="append-only"), copy.write() as conn:
        conn.execute(text("DELETE FROM audit"))
    again = store.add_feedback(copy, "acme", [makes.event("e5"), makes.event("new")])
    assert (again.accepted, again.duplicates) == (1, 1)
    assert store.rollback_plan(copy, "acme", plan.id, by="ann").status == "retired"
    copy.close()
    if postgres is not None:
        postgres.drop(place)


def test_a_backup_of_sqlite_taken_while_others_write_is_whole(tmp_path, makes):
    db = store.open_store(tmp_path)
    store.put_shop(db, "acme", by="ann")
    enough = Event()

    def write():
        batch = 0
        while not enough.is_set():
            store.add_feedback(db, "acme", [makes.event(f"{batch}-{k}") for k in range(20)])
            batch += 1

    writer = Thread(target=write)
    writer.start()
    try:
        while store.count_feedback(db, "acme") < 100:
            pass
        place = back_up(f"sqlite:///{tmp_path / 'pricebid.db'}", tmp_path, None)
    finally:
        enough.set()
        writer.join()
    copy = store.open_store(place, migrate=False)
    events, cursor = store.unfolded(copy, "acme", after=0, limit=10**6)
    assert len(events) == cursor == store.count_feedback(copy, "acme") >= 100
    assert len(events) % 20 == 0
    with copy.read() as conn:
        assert conn.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"
    copy.close()
    db.close()
