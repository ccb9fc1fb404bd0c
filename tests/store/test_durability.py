"""What was acknowledged is there after `kill -9`, whole; what was not is there whole or not at all."""

import pytest

from pricebid import store

WRITE = """
import json, sys
from pricebid import store
from pricebid.tables.identify import new_id

db = store.open_store(sys.argv[1])

def event(name):
    return store.FeedbackEvent(
        event_id=name, decision_id="t", decided_at=1, kind="price", plan_id="p", item="i", option=0, value=1.0, propensity=1.0
    )

for batch in range(10_000):
    store.add_feedback(db, "acme", [event(f"{batch}-{k}") for k in range(50)])
    plan = new_id()
    files = {"plan.json": json.dumps({"id": plan}).encode(), "prices.parquet": b"x" * 1000}
    store.add_plan(db, "acme", "price", files=files, facts=store.PlanFacts(solution="optimal", items=1), by="w")
    store.approve_plan(db, "acme", plan, by="w")
    store.publish_plan(db, "acme", plan, by="w")
    lease = store.lease(db, "acme", "c", "2026-01-01", budget=1e6, amount=2.0, worker="w", seconds=60)
    store.settle(db, "acme", lease.id, 1.25)
    print(batch, plan, flush=True)
"""


@pytest.mark.parametrize("batches", [3])
def test_acknowledged_writes_survive_a_kill(database_url, db, processes, batches):
    process = processes(WRITE, database_url)
    acknowledged = [process.stdout.readline().split() for _ in range(batches)]
    process.kill()  # in the middle of the next ones
    acknowledged += [line.split() for line in process.stdout.read().splitlines()]
    assert process.wait() == -9
    done = len(acknowledged)

    events, cursor = store.unfolded(db, "acme", after=0, limit=1_000_000)
    names = [event.event_id for event in events]
    assert len(set(names)) == len(names)
    assert {f"{batch}-{k}" for batch in range(done) for k in range(50)} <= set(names)
    assert len(names) % 50 == 0, "a batch is there whole or not at all"
    assert cursor == len(names)

    plans = store.list_plans(db, "acme", limit=1000).items
    assert {plan for _, plan in acknowledged} <= {plan.id for plan in plans}
    in_force = [plan for plan in plans if plan.status == "published"]
    assert [store.published(db, "acme", "price").plan_id] == [plan.id for plan in in_force]
    assert in_force[0].id in {acknowledged[-1][1], *(plan.id for plan in plans[: len(plans) - done])}
    audited = store.list_audit(db, "acme", limit=1000).items
    for step in ("plan.made", "plan.approved", "plan.published"):
        steps = {"plan.made": 1, "plan.approved": 2, "plan.published": 3}[step]
        reached = [p for p in plans if {"made": 1, "approved": 2, "published": 3, "retired": 3}[p.status] >= steps]
        assert sum(row.what == step for row in audited) == len(reached), "a step and its audit row come together"
    numbers = [row.id for row in audited]
    assert numbers == list(range(len(numbers), 0, -1))

    (day,) = store.spend_of(db, "acme", "2026-01-01")
    assert day.spent in {1.25 * done, 1.25 * (done + 1)}
    assert day.leased in {0.0, 2.0}


def test_sqlite_waits_for_the_disk_and_logs_ahead(tmp_path):
    db = store.open_store(tmp_path)
    with db.read() as conn:
        assert conn.exec_driver_sql("PRAGMA synchronous").scalar() == 2
        assert conn.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert conn.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
    db.close()


def test_postgresql_waits_for_the_disk_whatever_the_server_is_set_to(postgres):
    url = postgres.make_migrated()
    name = url.split("/")[3].split("?")[0]
    postgres.admin.execute(f'ALTER DATABASE "{name}" SET synchronous_commit TO off')
    db = store.open_store(url)
    with db.read() as conn:
        assert conn.exec_driver_sql("SHOW synchronous_commit").scalar() == "on"
    db.close()
    postgres.drop(url)
