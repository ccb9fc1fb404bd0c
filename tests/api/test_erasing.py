"""Customers and tables that go, and what was under way meanwhile: nothing comes back, nothing loaded anew is lost."""

import gzip
import json
import time

import pyarrow as pa
import pytest
from tests.api.harness import CATALOG, CSV, SALES, load
from tests.api.test_tables import JSON, PARQUET, parquet, put

from pricebid import store
from pricebid_api import forgetting, uploads
from pricebid_api.routes import shops as shops_routes
from pricebid_api.uploads import pseudonym, table_of
from pricebid_api.worker.attempt import attempt
from pricebid_api.worker.kinds import KINDS
from pricebid_api.worker.signals import Signals
from pricebid_api.worker.work import Work

TOUCHES = "customer,time,channel\n"
ANNA, BEN = "anna,2026-01-01 10:00,mail\n", "ben,2026-01-02 11:00,mail\n"
ORDERS = "order,customer,time,sku,units,price\no1,anna,2026-01-01 10:00,tea,1,4\n"
PLANNED = "date,sku,price\n2026-07-01,juice,4.1\n"
JUICE = CATALOG + "juice,1.0,drinks,2.5\n"


def names(client, shop="corner"):
    return {one["name"]: one["version"] for one in client.get(f"/v1/shops/{shop}").json()["tables"]}


def forget(client, customer):
    return client.post("/v1/shops/corner/customers/erase", json={"customer": customer})


def steps(db, shop="corner"):
    return [(row.what, row.subject) for row in store.list_audit(db, shop).items]


def meanwhile(monkeypatch, what, *, times=1):
    """Have something happen while a table is checked; gives how often tables were."""
    plain, calls = uploads.check_table, []

    def check(*given, **more):
        calls.append(given[0])
        if len(calls) <= times:
            what()
        return plain(*given, **more)

    monkeypatch.setattr(uploads, "check_table", check)
    return calls


# -- one customer -----------------------------------------------------------------------------------------------


def test_a_customer_who_is_alone_in_a_table_is_erased_with_it(client, db, tmp_path):
    assert put(client, "orders", ORDERS, CSV).status_code == 200
    assert put(client, "orders", ORDERS, CSV).status_code == 200  # the version before names her too
    assert put(client, "touches", TOUCHES + ANNA + BEN, CSV).status_code == 200
    before = names(client)
    anna = pseudonym("anna", store.secret(db, "pseudonyms", shop="corner"))
    assert forget(client, "anna").json() == {"rows": {"orders": 1, "touches": 1}}
    del before["orders"]
    assert names(client) == before | {"touches": 2}
    for version in (None, 1, 2):
        with pytest.raises(store.NotFound):
            store.table_bytes(db, "corner", "orders", version)
    assert steps(db)[:2] == [("table.loaded", "touches"), ("table.dropped", "orders")]
    assert len(steps(db)) == 8
    asked = {"items": [{"sku": "tea", "region": "north"}]}
    assert client.post("/v1/shops/corner/quotes", json=asked).json()["items"][0]["price"] == 4.2
    held = [file for file in tmp_path.rglob("*") if file.is_file() and anna.encode() in file.read_bytes()]
    assert held == []
    assert forget(client, "anna").json() == {"rows": {"touches": 0}}
    assert put(client, "orders", ORDERS, CSV).json()["version"] == 3


def test_a_table_loaded_anew_while_its_only_customer_is_erased_is_not_dropped(local, local_db, monkeypatch):
    assert put(local, "touches", TOUCHES + ANNA, CSV).status_code == 200
    plain, calls = forgetting.without_customer, []

    def slow(name, data, customer, secret):
        calls.append(name)
        found = plain(name, data, customer, secret)
        if len(calls) == 1:
            assert found[0] is None
            table = table_of(name, data)
            text = table.text("customer")
            kept = uploads.parquet_of(table.replace("customer", type(text).of(["c" * 33])))
            store.put_table(local_db, "corner", name, kept, rows=1, digest="d", by="other")
        return found

    monkeypatch.setattr(forgetting, "without_customer", slow)
    assert forget(local, "anna").json() == {"rows": {"touches": 0}}
    assert len(calls) == 2
    assert names(local)["touches"] == 3
    with pytest.raises(store.NotFound):
        store.table_bytes(local_db, "corner", "touches", 1)


def test_other_tables_loaded_again_and_again_do_not_keep_a_customer_from_being_erased(local, local_db, monkeypatch):
    assert put(local, "touches", TOUCHES + ANNA + BEN, CSV).status_code == 200
    assert put(local, "orders", ORDERS, CSV).status_code == 200
    plain, calls = forgetting.without_customer, []

    def slow(*given):
        calls.append(given[0])
        put_beside(local_db, "catalog", CATALOG)
        return plain(*given)

    monkeypatch.setattr(forgetting, "without_customer", slow)
    assert forget(local, "anna").json() == {"rows": {"orders": 1, "touches": 1}}
    assert calls == ["orders", "touches"]


def test_a_table_dropped_while_a_customer_is_erased_needs_no_more_of_it(local, local_db, monkeypatch):
    assert put(local, "touches", TOUCHES + ANNA + BEN, CSV).status_code == 200
    plain, calls = forgetting.without_customer, []

    def slow(*given):
        calls.append(given[0])
        store.drop_table(local_db, "corner", "touches", by="other")
        return plain(*given)

    monkeypatch.setattr(forgetting, "without_customer", slow)
    assert forget(local, "anna").json() == {"rows": {"touches": 0}}
    assert "touches" not in names(local)
    assert len(calls) == 1


def test_a_customer_of_a_shop_erased_meanwhile_is_not_stored_again(local, local_db, monkeypatch):
    assert put(local, "touches", TOUCHES + ANNA + BEN, CSV).status_code == 200
    plain = forgetting.without_customer

    def slow(*given):
        found = plain(*given)
        store.erase_shop(local_db, "corner", by="officer")
        store.put_shop(local_db, "corner", by="ann")
        return found

    monkeypatch.setattr(forgetting, "without_customer", slow)
    answer = forget(local, "anna")
    assert (answer.status_code, answer.json()["code"]) == (409, "shop_erased")
    assert names(local) == {}


def test_quotes_of_an_erased_shop_do_not_reach_the_log_of_a_new_one(local, local_db, monkeypatch):
    plain, calls = store.add_decisions, []

    def late(db, shop, records, **more):
        calls.append(len(records))
        if len(calls) == 1:
            store.erase_shop(local_db, shop, by="officer")
            store.put_shop(local_db, shop, by="ann")
        return plain(db, shop, records, **more)

    monkeypatch.setattr(store, "add_decisions", late)
    asked = {"items": [{"sku": "tea", "region": "north"}]}
    assert local.post("/v1/shops/corner/quotes", json=asked).status_code == 200
    end = time.monotonic() + 5.0
    while not calls and time.monotonic() < end:
        time.sleep(0.02)
    time.sleep(0.2)
    assert store.get_shop(local_db, "corner") is not None
    assert calls[:1] == [1]
    assert store.list_decisions(local_db, "corner").items == ()


# -- one table --------------------------------------------------------------------------------------------------


def drop(client, table, shop="corner"):
    return client.delete(f"/v1/shops/{shop}/tables/{table}")


def test_a_table_is_dropped_and_the_log_says_so(client, db):
    assert drop(client, "catalog").status_code == 204
    assert names(client) == {"sales": 1}
    assert steps(db)[0] == ("table.dropped", "catalog")
    for table, shop, code in (
        ("catalog", "corner", "not_found"),
        ("sales", "nobody", "not_found"),
        ("nonsense", "corner", "no_such_table"),
    ):
        answer = drop(client, table, shop)
        assert (answer.status_code, answer.json()["code"]) == (404, code), (table, shop)
    assert "no shop 'nobody'" in drop(client, "sales", "nobody").json()["detail"]
    assert drop(client, "sales").status_code == 204, "the last one may go too"
    assert names(client) == {}
    load(client)
    assert names(client) == {"sales": 2, "catalog": 2}


def test_a_table_that_others_need_stays(client):
    assert put(client, "catalog", JUICE, CSV).status_code == 200
    assert put(client, "planned", PLANNED, CSV).status_code == 200
    answer = drop(client, "catalog")
    assert (answer.status_code, answer.json()["code"]) == (409, "table_needed")
    (fault,) = answer.json()["errors"]
    assert (fault["table"], fault["column"], fault["row"]) == ("planned", "sku", 1)
    assert "'juice' is not in sales, catalog or offers" in fault["message"]
    assert names(client).keys() == {"sales", "catalog", "planned"}
    assert drop(client, "planned").status_code == 204
    assert drop(client, "catalog").status_code == 204


def test_a_table_that_another_one_came_to_need_meanwhile_stays(local, local_db, monkeypatch):
    put(local, "catalog", JUICE, CSV)
    plain, calls = uploads.check_without, []

    def check(*given):
        calls.append(1)
        if len(calls) == 1:
            assert put_beside(local_db, "planned", PLANNED) == 1
        plain(*given)

    monkeypatch.setattr(uploads, "check_without", check)
    assert drop(local, "catalog").json()["code"] == "table_needed"
    assert len(calls) == 2


def put_beside(db, name, text):
    """Store a table as another worker would, which no test client can while it waits for its own answer."""
    import pyarrow.csv as pc

    from pricebid.tables.convert import from_arrow

    table, _, _ = from_arrow(name, pc.read_csv(pa.BufferReader(text.encode())))
    data = uploads.parquet_of(table)
    return store.put_table(db, "corner", name, data, rows=len(table), digest=f"{hash(data)}", by="other").version


def test_jobs_say_what_is_missing_once_a_table_is_dropped(local, local_db):
    def ask(kind):
        store.submit(local_db, "corner", kind, by="tests")
        claim = store.claim(local_db, "w")
        return Work(db=local_db, claim=claim, signals=Signals())

    begun = ask("price")
    assert set(begun.inputs.versions) == {"sales", "catalog"}  # chosen, and kept as a part
    for table in ("catalog", "sales"):
        assert drop(local, table).status_code == 204
    attempt(begun, KINDS["price"])
    ended = store.get_job(local_db, begun.job.id)
    assert (ended.state, ended.error.code) == ("failed", "bad-input")
    assert "loaded twice or dropped since the job began" in ended.error.sentence
    late = ask("price")
    attempt(late, KINDS["price"])
    assert "has no tables yet" in store.get_job(local_db, late.job.id).error.sentence
    put(local, "catalog", CATALOG, CSV)
    late = ask("fit")
    attempt(late, KINDS["fit"])
    assert "sales: is not there; forecasts and prices need it" in store.get_job(local_db, late.job.id).error.sentence


def test_a_plan_is_made_without_the_table_of_a_customer_who_was_alone(local, local_db):
    put(local, "orders", ORDERS, CSV)
    assert forget(local, "anna").json() == {"rows": {"orders": 1}}
    job = store.submit(local_db, "corner", "price", policy={"price": {"max_change": 0.1}, "horizon": 2}, by="tests")
    attempt(Work(db=local_db, claim=store.claim(local_db, "w"), signals=Signals()), KINDS["price"])
    assert store.get_job(local_db, job.id).state == "done"


# -- loading, and what happens meanwhile ------------------------------------------------------------------------


@pytest.mark.parametrize("there", [True, False], ids=["it was there", "it was not"])
@pytest.mark.parametrize("anew", [True, False], ids=["made anew", "gone"])
def test_an_upload_does_not_revive_a_shop_erased_while_it_is_checked(client, db, monkeypatch, there, anew):
    shop = "corner" if there else "fresh"

    def erase():
        if not there:
            store.put_shop(db, shop, by="ann")
        store.erase_shop(db, shop, by="officer")
        if anew:
            store.put_shop(db, shop, by="ann")

    meanwhile(monkeypatch, erase)
    answer = put(client, "touches", TOUCHES + ANNA, CSV, shop=shop)
    assert (answer.status_code, answer.json()["code"]) == (409, "shop_erased")
    assert (store.get_shop(db, shop) is not None) == anew
    assert store.get_tables(db, shop) == ()
    assert steps(db, shop)[-1] == ("shop.erased", shop)
    assert put(client, "touches", TOUCHES + ANNA, CSV, shop=shop).status_code == 200


def test_an_upload_does_not_revive_a_shop_erased_while_it_is_received(client, db, monkeypatch):
    plain = shops_routes._receive

    async def receive(*given):
        await plain(*given)
        store.erase_shop(db, "corner", by="officer")

    monkeypatch.setattr(shops_routes, "_receive", receive)
    answer = put(client, "touches", TOUCHES + ANNA, CSV)
    assert (answer.status_code, answer.json()["code"]) == (409, "shop_erased")
    assert store.get_shop(db, "corner") is None
    with db.read() as conn:
        from pricebid.store.schema import secrets

        assert [row for row in conn.execute(secrets.select()).all() if row.shop == "corner"] == []


FORMS = {
    "csv": (PLANNED, CSV),
    "csv.gz": (gzip.compress(PLANNED.encode(), mtime=0), {**CSV, "Content-Encoding": "gzip"}),
    "parquet": (parquet(pa.table({"date": ["2026-07-01"], "sku": ["juice"], "price": [4.1]})), PARQUET),
    "json": (json.dumps([{"date": "2026-07-01", "sku": "juice", "price": 4.1}]), JSON),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_table_is_checked_again_beside_what_was_loaded_meanwhile(client, db, monkeypatch, form):
    assert put(client, "catalog", JUICE, CSV).status_code == 200
    calls = meanwhile(monkeypatch, lambda: put_beside(db, "catalog", CATALOG))
    answer = put(client, "planned", *FORMS[form])
    assert answer.status_code == 422, "the catalog has no juice any more"
    assert "'juice' is not in" in answer.json()["errors"][0]["message"]
    assert "planned" not in names(client)
    assert calls == ["planned"] * 2
    put_beside(db, "catalog", JUICE)
    calls = meanwhile(monkeypatch, lambda: put_beside(db, "catalog", JUICE.replace("0.7", "0.8")))
    assert put(client, "planned", *FORMS[form]).status_code == 200
    assert calls == ["planned"] * 2
    assert names(client) == {"sales": 1, "catalog": 5, "planned": 1}


def test_a_table_beside_which_others_change_for_ever_is_not_stored(local, local_db, monkeypatch):
    calls = meanwhile(monkeypatch, lambda: put_beside(local_db, "catalog", CATALOG), times=99)
    answer = put(local, "sales", SALES, CSV)
    assert (answer.status_code, answer.json()["code"]) == (503, "busy")
    assert calls == ["sales"] * 3
    assert names(local)["sales"] == 1
