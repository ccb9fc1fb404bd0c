"""Nothing that was under way when a shop was erased comes back with it, however late it arrives."""

import time
from threading import Event, Thread

import pytest
from sqlalchemy import select

from pricebid import store
from pricebid.store import job_claims
from pricebid.store.models import insert_model
from pricebid.store.plans import insert_plan
from pricebid.store.schema import metadata

DAY = "2026-03-01"
KNOWN = (store.NotFound, store.LeaseLost, store.Erased)  # what says that the shop is gone


def under_way(db, makes):
    """Begin something of every kind for a shop; gives how each would be written."""
    store.put_table(db, "acme", "sales", b"s", rows=1, digest="d", by="ann")
    store.add_feedback(db, "acme", [makes.event("first")])
    lease = store.lease(db, "acme", "c", DAY, budget=10.0, amount=2.0, worker="w", seconds=60.0)
    plan = makes.plan(db, approved=True)
    _, key = store.create_key(db, shop="acme", scopes=["read"], name="n", by="ann")
    seen = store.see_shop(db, "acme")
    claims = {}
    for kind in ("fit", "price", "learn"):
        store.submit(db, "acme", kind, by="ann")
        claims[kind] = store.claim(db, f"worker-{kind}", kinds=[kind])
    fit, price, learn = (claims[kind] for kind in ("fit", "price", "learn"))
    numbers = iter(range(10**9))

    def model(conn):
        insert_model(conn, "acme", {"f": b"x"}, by="ann")

    def planned(conn):
        insert_plan(conn, "acme", "price", files=makes.plan_files(), facts=makes.facts(), by="ann")

    def state():
        kept = store.get_state(db, "acme", "bandit")
        version = 0 if kept is None else kept.version
        store.put_state(db, "acme", "bandit", b"x", cursor=1, expected_version=version, claim=learn)

    return {
        "a heartbeat": lambda: store.heartbeat(db, fit),
        "progress": lambda: store.report(db, fit, "fitting", 0.5),
        "a part with a model": lambda: store.checkpoint(db, fit, next(numbers), b"x", within=model),
        "a result with a plan": lambda: job_claims.finish(db, price, {}, within=planned),
        "a failure": lambda: store.fail(db, price, store.Problem(code="c", sentence="s"), retry=True),
        "a state": state,
        "a batch of the quote log": lambda: store.add_decisions(db, "acme", [makes.record(1 + next(numbers))]),
        "a lease": lambda: store.lease(db, "acme", "c", DAY, budget=1e6, amount=1e-6, worker="w", seconds=1.0),
        "spend": lambda: store.settle(db, "acme", lease.id, 1.0),
        "feedback": lambda: store.add_feedback(db, "acme", [makes.event(f"e{next(numbers)}")]),
        "a table": lambda: store.put_table(db, "acme", "sales", b"x", rows=1, digest="d", by="ann", seen=seen),
        "a secret": lambda: store.secret(db, f"s{next(numbers)}", shop="acme", seen=seen),
        "a job": lambda: store.submit(db, "acme", "bid", by="ann"),
        "a step of a plan": lambda: store.publish_plan(db, "acme", plan.id, by="ann"),
        "a key's end": lambda: store.revoke_key(db, key.id, by="ann", shop="acme"),
    }


def rows_of(db, shop):
    """Give every row that names the shop or a job of it."""
    with db.read() as conn:
        return sorted(
            (table.name, repr(row))
            for table in metadata.sorted_tables
            if table.name not in ("counters", "log_workers")
            for row in conn.execute(select(table)).all()
            if f"'{shop}'" in repr(row) or table.name in ("job_parts", "job_events", "model_files", "plan_files")
        )


@pytest.mark.parametrize("anew", [False, True], ids=["gone", "made anew"])
def test_what_arrives_after_the_erasure_is_refused_and_leaves_nothing(db, makes, anew):
    late = under_way(db, makes)
    store.erase_shop(db, "acme", by="officer")
    if anew:
        store.put_shop(db, "acme", by="ann")
    before = rows_of(db, "acme")
    # To a shop of the same name these are new things, asked for by whoever may.
    fresh = ("a batch of the quote log", "a lease", "feedback", "a job") if anew else ()
    for name, write in late.items():
        if name not in fresh:
            with pytest.raises(KNOWN):
                write()
            assert rows_of(db, "acme") == before, name


def test_the_log_of_an_erased_shop_does_not_become_that_of_a_new_one(db, makes):
    old = [makes.record(seq) for seq in (1, 2)]
    time.sleep(0.001)
    store.erase_shop(db, "acme", by="officer")
    store.put_shop(db, "acme", by="ann")
    new = makes.record(3)
    assert store.add_decisions(db, "acme", [*old, new], since_made=True) == 1
    assert store.list_decisions(db, "acme").items == (new,)
    assert store.add_decisions(db, "acme", old) == 2, "whoever restores a log says so"


def test_no_record_of_a_shop_that_was_never_erased_is_dropped_where_clocks_differ(db, makes):
    store.put_shop(db, "other", by="ann")
    store.erase_shop(db, "other", by="officer")
    early = makes.record(1, at=store.now() - 60_000_000)  # the clock of who quoted is a minute behind
    assert store.add_decisions(db, "acme", [early, makes.record(2)], since_made=True) == 2
    assert [loss.lost for loss in store.losses(db)] == [0]


def test_what_arrives_while_the_shop_is_erased_goes_with_it(db, makes):
    late = under_way(db, makes)
    begun, wrong = Event(), {}

    def hammer(name, write):
        end = time.monotonic() + 20.0
        while time.monotonic() < end:
            try:
                write()
            except KNOWN:
                if store.get_shop(db, "acme") is None:
                    return
            except store.StepError:
                continue  # a plan is published once
            except Exception as error:  # noqa: BLE001 - whatever it is, it does not say that the shop is gone
                wrong[name] = error
                return
            begun.set()
        wrong[name] = "was never refused"

    threads = [Thread(target=hammer, args=one) for one in late.items()]
    for thread in threads:
        thread.start()
    assert begun.wait(10.0)
    time.sleep(0.2)
    store.erase_shop(db, "acme", by="officer")
    for thread in threads:
        thread.join()
    assert wrong == {}
    ((table, row),) = rows_of(db, "acme")
    assert table == "audit"
    assert "shop.erased" in row
