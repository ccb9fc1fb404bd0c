import gzip
import io
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.api.harness import CATALOG, CSV, SALES, serving

from pricebid import store
from pricebid.errors import TableError
from pricebid.tables import Settings as ShopSettings
from pricebid_api.heavy import Heavy
from pricebid_api.shops import load_shop
from pricebid_api.uploads import Ceilings, check_table, pseudonym, table_of

JSON = {"Content-Type": "application/json"}
PARQUET = {"Content-Type": "application/vnd.apache.parquet"}
ROWS = [
    {"sku": "tea", "cost": 2.5, "category": "drinks", "price": 4.2},
    {"sku": "milk", "cost": 0.7, "category": "drinks", "price": 1.25},
]


def parquet(table):
    sink = io.BytesIO()
    pq.write_table(table, sink)
    return sink.getvalue()


def put(client, table, content, headers, shop="corner"):
    return client.put(f"/v1/shops/{shop}/tables/{table}", content=content, headers=headers)


def test_the_same_table_comes_as_csv_gzip_parquet_and_json(client, db):
    forms = [
        (CATALOG, CSV),
        (gzip.compress(CATALOG.encode(), mtime=0), {**CSV, "Content-Encoding": "gzip"}),
        (parquet(pa.Table.from_pylist(ROWS)), PARQUET),
        (json.dumps(ROWS), JSON),
    ]
    digests = set()
    for content, headers in forms:
        answer = put(client, "catalog", content, headers)
        assert answer.status_code == 200, answer.text
        digests.add(answer.json()["digest"])
    assert len(digests) == 1
    told = client.get("/v1/shops/corner").json()
    assert {one["name"]: (one["version"], one["rows"]) for one in told["tables"]} == {
        "sales": (1, 24),
        "catalog": (5, 2),
    }
    shop = load_shop(db, "corner").shop
    assert shop.offers.cost.tolist() == [0.7, 0.7, 2.5, 2.5]


def test_the_old_table_stays_until_the_new_one_holds(client):
    before = client.get("/v1/shops/corner").json()["tables"]
    bad = SALES + "2026-13-01,tea,north,-1,0\n2026-01-01,tea,north,1,1\n"
    answer = put(client, "sales", bad, CSV)
    assert answer.status_code == 422
    problem = answer.json()
    assert problem["code"] == "table_faults"
    assert {"table": "sales", "column": "date", "row": 25, "field": "date"}.items() <= problem["errors"][0].items()
    assert client.get("/v1/shops/corner").json()["tables"] == before


def test_a_table_is_checked_beside_the_others(local):
    answer = put(local, "regions", "region,tax\nnorth,0.1\n", CSV)
    assert answer.status_code == 422
    error = answer.json()["errors"][0]
    assert (error["table"], error["column"]) == ("sales", "region")
    assert "'south' is not in regions" in error["message"]
    assert put(local, "regions", "region,tax\nnorth,0.1\nsouth,0\n", CSV).status_code == 200


@pytest.mark.parametrize("first", ["sales", "catalog", "regions", "planned"])
def test_tables_may_come_in_any_order(local, first):
    texts = {
        "sales": SALES,
        "catalog": CATALOG,
        "regions": "region\nnorth\nsouth\n",
        "planned": "date,sku,price\n2026-07-01,tea,4.1\n",
    }
    for table in (first, *(name for name in texts if name != first)):
        answer = put(local, table, texts[table], CSV, shop="new")
        assert answer.status_code == 200, (table, answer.text)


def test_customers_are_pseudonyms_before_anything_is_stored_and_can_be_forgotten(client, db):
    rows = "customer,time,channel\nanna,2026-01-01 10:00,mail\nben,2026-01-02 11:00,mail\nanna,2026-01-03 10:00,ads\n"
    assert put(client, "touches", rows, CSV).status_code == 200
    secret = store.secret(db, "pseudonyms", shop="corner")
    kept = table_of("touches", store.table_bytes(db, "corner", "touches"))
    anna = pseudonym("anna", secret)
    assert kept.array("customer").tolist() == [anna, pseudonym("ben", secret), anna]
    assert b"anna" not in store.table_bytes(db, "corner", "touches")
    answer = client.post("/v1/shops/corner/customers/erase", json={"customer": "anna"})
    assert answer.json() == {"rows": {"touches": 2}}
    kept = table_of("touches", store.table_bytes(db, "corner", "touches"))
    assert kept.array("customer").tolist() == [pseudonym("ben", secret)]
    with pytest.raises(store.NotFound):
        store.table_bytes(db, "corner", "touches", 1)
    assert client.post("/v1/shops/corner/customers/erase", json={"customer": "zoe"}).json() == {"rows": {"touches": 0}}
    assert pseudonym("anna", b"another key") != anna


def test_a_shop_is_erased_and_only_the_log_says_so(client, db):
    assert client.delete("/v1/shops/corner").status_code == 204
    assert client.get("/v1/shops/corner").status_code == 404
    assert client.post("/v1/shops/corner/quotes", json={"items": [{"sku": "tea"}]}).status_code == 404
    assert client.delete("/v1/shops/corner").status_code == 404
    assert [row.what for row in store.list_audit(db, "corner").items] == ["shop.erased"]


def test_settings_of_a_shop_are_checked_and_count(client):
    answer = client.put(
        "/v1/shops/corner", json={"currency": "EUR", "timezone": "Europe/Berlin", "guards": {"max_share_moved": None}}
    )
    assert answer.json()["settings"]["guards"]["max_share_moved"] is None
    quote = client.post("/v1/shops/corner/quotes", json={"items": [{"sku": "tea", "region": "north"}]}).json()
    assert quote["items"][0]["currency"] == "EUR"
    assert client.put("/v1/shops/corner", json={"timezone": "Mars"}).json()["code"] == "table_faults"
    assert client.put("/v1/shops/corner", json={"colour": "red"}).json()["errors"][0]["field"] == "colour"
    assert client.put("/v1/shops/..%2fetc", json={}).status_code in (404, 422)
    assert client.put("/v1/shops/a%00b", json={}).status_code == 422


NOT_TABLES = {
    "deep JSON": ("[" * 100_000, JSON),
    "nested JSON": ('[{"sku": {"a": 1}}]', JSON),
    "NaN in JSON": ('[{"sku": "a", "cost": NaN}]', JSON),
    "1e999 in JSON": ('[{"sku": "a", "cost": 1e999}]', JSON),
    "1e308": ('[{"sku": "a", "cost": 1e308}]', JSON),
    "1e308 in CSV": ("sku,cost\na,1e308\n", CSV),
    "inf in CSV": ("sku,cost\na,inf\n", CSV),
    "a lone surrogate": ('[{"sku": "\\ud800"}]', JSON),
    "a control character": ('[{"sku": "a\\u0007b"}]', JSON),
    "a line break in a sku": ('sku,cost\n"a\nb",1\n', CSV),
    "an escape sequence in a category": ('[{"sku": "a", "category": "\\u001b[31m"}]', JSON),
    "NUL": ("sku,cost\na\0,1\n", CSV),
    "no object": ("[1, 2]", JSON),
    "no list": ('{"sku": "a"}', JSON),
    "no columns": ("[]", JSON),
    "a huge integer": ('[{"sku": "a", "cost": ' + "9" * 400 + "}]", JSON),
    "no gzip": ("sku\na\n", {**CSV, "Content-Encoding": "gzip"}),
    "a cut gzip": (gzip.compress(b"sku\n" + b"a" * 5000, mtime=0)[:-10], {**CSV, "Content-Encoding": "gzip"}),
    "no Parquet": (b"PAR1" + b"\0" * 100 + b"PAR1", PARQUET),
    "a cut Parquet": (parquet(pa.table({"sku": ["a"] * 100}))[:-7], PARQUET),
    "lists in Parquet": (parquet(pa.table({"sku": ["a"], "cost": [[1.0]]})), PARQUET),
    "nothing": ("", CSV),
    "a spreadsheet": (b"PK\x03\x04" + b"\0" * 50, CSV),
    "Latin-1": ("sku,category\na,caf\xe9\n".encode("latin1"), CSV),
}


def test_what_is_no_table_is_refused_with_a_reason(local):
    for name, (content, headers) in NOT_TABLES.items():
        answer = put(local, "catalog", content, headers)
        assert answer.status_code == 422, (name, answer.text)
        assert answer.json()["errors"][0]["message"], name
    assert put(local, "nonsense", "a\n", CSV).json()["code"] == "no_such_table"
    assert put(local, "catalog", CATALOG, {"Content-Type": "application/pdf"}).status_code == 415
    assert put(local, "catalog", CATALOG, {**CSV, "Content-Encoding": "br"}).status_code == 415
    assert put(local, "..%2f..%2fetc%2fpasswd", CATALOG, CSV).status_code == 404


def test_what_unpacks_to_too_much_is_refused_before_it_is_unpacked(tmp_path):
    with serving(tmp_path, max_unpacked_bytes=1_000_000, max_rows=50_000) as client:
        bomb = gzip.compress(b"sku,cost\n" + b"a,1\n" * 1_000_000)
        assert len(bomb) < 20_000
        answer = put(client, "catalog", bomb, {**CSV, "Content-Encoding": "gzip"})
        assert "unpacks to more than" in answer.json()["detail"]
        rows = parquet(pa.table({"sku": pa.array(["a"] * 60_000).dictionary_encode()}))
        assert len(rows) < 2_000
        assert "60,000 rows" in put(client, "catalog", rows, PARQUET).json()["detail"]
        wide = parquet(
            pa.table(
                {
                    "sku": [f"{at}" for at in range(40_000)],
                    "cost": np.arange(40_000.0),
                    "price": np.arange(40_000.0) + 1,
                }
            )
        )
        assert "at most 1,000,000 are read" in put(client, "catalog", wide, PARQUET).json()["detail"]
        many = "[" + ",".join(['{"sku":"a"}'] * 50_001) + "]"
        assert "50,001 rows" in put(client, "catalog", many, JSON).json()["detail"]


def greedy(megabytes):
    return len(bytearray(megabytes << 20))


def slow():
    import time

    time.sleep(60)


def broken():
    raise TableError([])


@pytest.mark.anyio
async def test_a_process_of_its_own_confines_memory_and_time():
    heavy = Heavy("process", 2 << 30)
    try:
        assert await heavy.run(60.0, greedy, 1) == 1 << 20
        with pytest.raises(TableError):
            await heavy.run(60.0, broken)
        with pytest.raises(Exception, match="more memory than") as caught:
            await heavy.run(60.0, greedy, 4096)
        assert caught.value.status == 413
        with pytest.raises(Exception, match="took longer than") as caught:
            await heavy.run(0.5, slow)
        assert caught.value.status == 503
    finally:
        heavy.close()


@pytest.fixture
def anyio_backend():
    return "asyncio"


def test_checking_a_table_names_every_fault_of_it(tmp_path):
    file = tmp_path / "body"
    file.write_text("sku,cost,colour\n,1,red\nb,-2,red\nb,1,red\n", encoding="utf8")
    with pytest.raises(TableError) as caught:
        check_table(
            "catalog",
            file,
            "csv",
            others={},
            settings=ShopSettings(),
            ceilings=Ceilings(unpacked=10**6, rows=100),
            secret=b"k" * 32,
        )
    assert {fault.column for fault in caught.value.faults} >= {"sku", "cost", "colour"}
