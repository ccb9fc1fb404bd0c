import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from pricebid import store
from pricebid.store.audit import append


def steps(db, **asked):
    return [(row.id, row.who, row.what) for row in store.list_audit(db, "acme", **asked).items]


def test_each_step_leaves_one_row_newest_first(db, makes):
    plan = makes.plan(db, approved=True)
    store.publish_plan(db, "acme", plan.id, by="bea")
    assert steps(db) == [
        (4, "bea", "plan.published"),
        (3, "ann", "plan.approved"),
        (2, "ann", "plan.made"),
        (1, "tests", "shop.made"),
    ]
    newest = store.list_audit(db, "acme", limit=1).items[0]
    assert (newest.subject, newest.digest, newest.detail["inputs"]) == (plan.id, plan.digest, "ab12")
    assert steps(db, what="plan.made") == [(2, "ann", "plan.made")]


def test_a_row_goes_with_its_transaction(db):
    def fail_late():
        with db.write() as conn:
            append(conn, shop="acme", who="ann", what="never")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_late()
    with db.write() as conn:
        number = append(conn, shop="acme", who="ann", what="done", detail={"k": [1, "x"]})
    assert number == 2, "numbers have no gap where a transaction was rolled back"
    assert store.list_audit(db, "acme", limit=1).items[0].detail == {"k": [1, "x"]}


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET who = 'nobody'",
        "UPDATE audit SET at = 0 WHERE id = 1",
        "DELETE FROM audit",
        "DELETE FROM audit WHERE shop = 'acme'",
    ],
)
def test_the_log_is_append_only(db, statement):
    before = store.list_audit(db, "acme")
    with pytest.raises(DBAPIError, match="the audit log is append-only"), db.write() as conn:
        conn.execute(text(statement))
    assert store.list_audit(db, "acme") == before


def test_the_log_cannot_be_emptied_or_replaced_at_a_stroke(db):
    replace = "INSERT OR REPLACE INTO audit SELECT id, at, shop, 'nobody', what, subject, digest, detail FROM audit"
    statement = "TRUNCATE audit" if db.dialect == "postgresql" else replace
    with pytest.raises(DBAPIError, match="the audit log is append-only"), db.write() as conn:
        conn.execute(text(statement))
    assert steps(db) == [(1, "tests", "shop.made")]


def test_whoever_marks_another_shop_for_erasure_cannot_touch_this_one(db):
    with db.write() as conn:
        conn.execute(text("INSERT INTO erasing (shop) VALUES ('other')"))
    with pytest.raises(DBAPIError, match="append-only"), db.write() as conn:
        conn.execute(text("DELETE FROM audit WHERE shop = 'acme'"))


def test_pages_stay_where_they_are_while_rows_come(db):
    with db.write() as conn:
        for number in range(2, 10):
            append(conn, shop="acme", who="ann", what=f"step-{number}")
    first = store.list_audit(db, "acme", limit=4)
    with db.write() as conn:
        append(conn, shop="acme", who="ann", what="late")
    second = store.list_audit(db, "acme", limit=4, cursor=first.cursor)
    third = store.list_audit(db, "acme", limit=4, cursor=second.cursor)
    seen = [row.id for page in (first, second, third) for row in page.items]
    assert seen == [9, 8, 7, 6, 5, 4, 3, 2, 1]
    assert third.cursor is None
