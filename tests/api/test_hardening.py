"""What somebody who means no good, or another shop's trouble, must not be able to do."""

import asyncio
import io
import time

import numpy as np
import pytest
from tests.api.harness import CATALOG, CSV, load, serving
from tests.api.test_security import key

from pricebid import store
from pricebid.errors import InputError
from pricebid.live.tokens import Drafts, Signer
from pricebid.tables import Settings
from pricebid_api import forgetting, uploads
from pricebid_api.auth import Keys
from pricebid_api.entries import Entry, decode, encode
from pricebid_api.errors import Problem
from pricebid_api.heavy import Heavy
from pricebid_api.logs import RequestLog
from pricebid_api.streams import Follow, Streams

ID = "019412d8-7c00-7000-8000-000000000000"


def test_nothing_of_a_body_is_read_before_the_caller_is_known(local, local_db):
    key(local_db)
    time.sleep(0.15)
    taken = 0

    def pieces():
        nonlocal taken
        for _ in range(200):
            taken += 1
            yield b" " * 2**16

    headers = {"Content-Type": "application/json"}
    for path in ("/v1/shops/corner/jobs", "/v1/shops/corner/what-if", "/v1/shops/corner/customers/erase"):
        answer = local.post(path, content=b"{" * 5000, headers=headers)
        assert answer.status_code == 401, path
    assert local.post("/v1/shops/tables/jobs", content=pieces(), headers=headers).status_code == 401


def test_a_shop_named_tables_has_the_limits_of_any_other(tmp_path):
    with serving(tmp_path / "home", max_body_bytes=2_000) as client:
        client.put("/v1/shops/tables", json={})
        large = {"kind": "fit", "policy": {"note": "x" * 4_000}}
        for path in ("/v1/shops/tables/jobs", "/v1/shops/tables/what-if"):
            assert client.post(path, json=large).status_code == 413, path
        answer = client.put("/v1/shops/corner/tables/catalog", content=CATALOG + "# " * 2_000, headers=CSV)
        assert answer.status_code != 413


@pytest.mark.parametrize("name", ["X-Forwarded-For", "Forwarded", "X-Forwarded-Host", "X-Real-IP", "Via"])
def test_without_keys_nothing_that_came_through_a_proxy_is_answered(local, name):
    answer = local.get("/v1/shops", headers={name: "203.0.113.9"})
    assert (answer.status_code, answer.json()["code"]) == (403, "not_local")


@pytest.mark.parametrize(
    ("origin", "status"), [("https://evil.example", 403), ("null", 403), ("http://localhost:3000", 404)]
)
def test_without_keys_a_page_of_the_web_cannot_take_a_step_that_needs_no_body(local, origin, status):
    answer = local.post(f"/v1/shops/corner/plans/{ID}/publish", headers={"Origin": origin})
    assert answer.status_code == status


def test_an_event_number_without_end_is_no_error_of_ours(local):
    job = local.post("/v1/shops/corner/jobs", json={"kind": "fit"}).json()["id"]
    local.delete(f"/v1/jobs/{job}")
    assert local.get(f"/v1/jobs/{job}/events", headers={"Last-Event-ID": "9" * 5_000}).status_code == 200


def test_a_stream_that_nobody_came_to_read_gives_its_place_back():
    streams = Streams(1)

    async def never_read():
        yield b""  # pragma: no cover - the reader is gone before the first piece

    async def gone(_message):
        raise OSError("the reader is gone")

    async def receive():
        return {"type": "http.disconnect"}

    async def once():
        response = Follow(streams, "one", never_read())
        scope = {"type": "http", "asgi": {"spec_version": "2.4"}, "method": "GET", "headers": []}
        with pytest.raises(Exception, match=r"gone|Disconnect|^$"):
            await response(scope, receive, gone)

    asyncio.run(once())
    assert streams.open == 0
    streams.enter("one")
    with pytest.raises(Problem, match="open"):
        streams.enter("another")


def test_one_caller_takes_a_quarter_of_the_streams_and_leaves_the_rest_to_others():
    streams = Streams(8)
    for whose in ("one", "one", "another"):
        streams.enter(whose)
    with pytest.raises(Problem, match="2 progress streams") as caught:
        streams.enter("one")
    assert (caught.value.status, caught.value.code) == (429, "too_many")
    streams.leave("one")
    streams.enter("one")
    assert streams.open == 3


def test_stale_keys_are_asked_for_once_however_many_wait(tmp_path):
    db = store.open_store(tmp_path / "home")
    keys, asked = Keys(), []
    plain = keys.refresh

    def slow(db):
        asked.append(1)
        time.sleep(0.05)
        plain(db)

    keys.refresh = slow

    async def many():
        await asyncio.gather(*(keys.freshen(db) for _ in range(50)))

    asyncio.run(many())
    db.close()
    assert len(asked) == 1


def test_names_that_no_shop_has_are_refused_on_the_hot_paths_too(local):
    for path in ("quotes", "bids/quotes", "feedback"):
        for name in ("x" * 64, "a%0Ab", ".hidden"):
            answer = local.post(f"/v1/shops/{name}/{path}", json={"items": [{"sku": "tea"}]})
            assert (answer.status_code, answer.json()["code"]) == (422, "bad_request"), (path, name)


def test_a_shop_whose_prices_cannot_be_renewed_holds_up_no_other(local, local_db, planned, monkeypatch):
    service = local.app_state["service"]
    real = service.tables.run

    async def run(seconds, function, *given, **how):
        if "b" in given:
            raise Problem(413, "too_large", "its tables are too large")
        return await real(seconds, function, *given, **how)

    monkeypatch.setattr(service.tables, "run", run)
    for shop in ("a", "b", "c"):
        load(local, shop=shop)
        made = planned.plan()
        files = store.plan_files(planned.db, "corner", made.id)
        facts = type(made.facts)(**(vars(made.facts) | {"inputs": "older tables"}))
        plan = store.add_plan(local_db, shop, "price", files=files, facts=facts, by="tests").id
        store.approve_plan(local_db, shop, plan, by="tests")
        store.publish_plan(local_db, shop, plan, by="tests")
    for _ in range(60):
        found = {one.shop: bool(one.published_at) for one in service.snapshots.shelves()}
        last = store.published(local_db, "c", "price").serial
        if found.keys() >= {"a", "b", "c"} and service.snapshots.serial >= last:
            break
        time.sleep(0.1)
    assert found == {"a": True, "b": True, "c": True}
    assert service.snapshots.serial >= last


def test_work_that_waits_for_its_turn_does_not_end_the_work_of_others():
    heavy = Heavy("thread", 0)

    async def both():
        first = asyncio.create_task(heavy.run(5.0, time.sleep, 0.4))
        await asyncio.sleep(0.05)
        with pytest.raises(Problem) as refused:
            await heavy.run(0.1, time.sleep, 0.0)
        await first
        return refused.value

    refused = asyncio.run(both())
    heavy.close()
    assert (refused.status, refused.code) == (503, "busy")


def test_a_line_of_the_text_log_cannot_be_made_up():
    stream = io.StringIO()
    log = RequestLog(stream, "text")
    log.add({"path": "/v1/shops/a\nlevel=error forged=1", "status": 404})
    log.flush()
    assert stream.getvalue().count("\n") == 1


def test_no_answer_tells_where_files_lie(local):
    sent = (
        ("text/csv", b"\xff\xfe\x00\x00"),
        ("text/csv", b'sku,cost\n"a,1\n'),
        ("text/csv", b""),
        ("application/vnd.apache.parquet", b"PAR1" + b"\0" * 40 + (20).to_bytes(4, "little") + b"PAR1"),
        ("application/json", b"[{]"),
    )
    for media, body in sent:
        answer = local.put("/v1/shops/corner/tables/catalog", content=body, headers={"Content-Type": media})
        assert answer.status_code == 422, (media, body, answer.text)
        assert "pricebid-upload" not in answer.text, answer.text


@pytest.mark.parametrize("media", ["text/csv", "application/json"])
def test_a_customer_whose_id_is_a_number_is_found_and_erased(local, media):
    rows = [
        {"customer": 10442, "time": "2026-05-01T10:00:00Z", "channel": "search"},
        {"customer": 7, "time": "2026-05-01T11:00:00Z", "channel": "mail"},
    ]
    if media == "text/csv":
        body = "customer,time,channel\n" + "".join(",".join(map(str, row.values())) + "\n" for row in rows)
        answer = local.put("/v1/shops/corner/tables/touches", content=body, headers=CSV)
    else:
        answer = local.put("/v1/shops/corner/tables/touches", json=rows)
    assert answer.status_code == 200, answer.text
    found = local.post("/v1/shops/corner/customers/erase", json={"customer": "10442"}).json()
    assert found["rows"] == {"touches": 1}


def test_rows_loaded_while_a_customer_is_erased_are_not_lost(local, monkeypatch):
    head = "customer,time,channel\n"
    first = head + "anna,2026-05-01T10:00:00Z,search\nbert,2026-05-01T11:00:00Z,mail\n"
    second = first + "carl,2026-05-02T10:00:00Z,mail\nanna,2026-05-03T10:00:00Z,mail\n"
    assert local.put("/v1/shops/corner/tables/touches", content=first, headers=CSV).status_code == 200
    plain, service = forgetting.without_customer, local.app_state["service"]
    calls = []

    def slow(name, data, customer, secret):
        if not calls:  # another process loads the table while this one reads it
            held = uploads.table_of(name, data)
            text = second.encode()
            file = service.settings.home / "late.csv"
            file.write_bytes(text)
            late = uploads.check_table(
                name,
                file,
                "csv",
                others={},
                settings=Settings(currency="EUR"),
                ceilings=uploads.Ceilings(unpacked=10**6, rows=100),
                secret=secret,
            )
            store.put_table(service.db, "corner", name, late.data, rows=late.rows, digest=late.digest, by="other")
            assert len(held) == 2
        calls.append(name)
        return plain(name, data, customer, secret)

    monkeypatch.setattr(forgetting, "without_customer", slow)
    assert local.post("/v1/shops/corner/customers/erase", json={"customer": "anna"}).json() == {"rows": {"touches": 2}}
    tables = {one["name"]: one["rows"] for one in local.get("/v1/shops/corner").json()["tables"]}
    assert (tables["touches"], calls) == (2, ["touches", "touches"])


def test_a_plan_made_before_costs_rose_is_never_quoted_below_the_floor_of_now(local, local_db, planned, monkeypatch):
    def publish():
        made = planned.plan()
        files = store.plan_files(planned.db, "corner", made.id)
        plan = store.add_plan(local_db, "corner", "price", files=files, facts=made.facts, by="tests").id
        store.approve_plan(local_db, "corner", plan, by="tests")
        return store.publish_plan(local_db, "corner", plan, by="tests").id

    def tea():
        asked = {"items": [{"sku": "tea", "region": "north"}]}
        return local.post("/v1/shops/corner/quotes", json=asked).json()["items"][0]

    def until(what):
        end = time.monotonic() + 15
        while not what():
            assert time.monotonic() < end
            time.sleep(0.02)

    first = publish()
    until(lambda: tea()["plan"] == first and tea()["price"])
    dearer = CATALOG.replace("tea,2.5", "tea,9.5")
    assert local.put("/v1/shops/corner/tables/catalog", content=dearer, headers=CSV).status_code == 200
    until(lambda: tea().get("error", {}).get("code") == "below_floor")
    service = local.app_state["service"]
    reading = asyncio.Event()

    async def never(*_given, **_how):
        await asyncio.wait_for(reading.wait(), 5)
        raise Problem(503, "busy", "others first")

    monkeypatch.setattr(service.tables, "run", never)
    second = publish()
    until(lambda: service.snapshots.get("corner").prices.plans[-1] == second)
    assert tea()["error"]["code"] == "below_floor"


def test_the_log_can_be_read_after_a_secret_is_gone():
    keys = {0: bytes(32), 1: b"1" * 32}
    signer = Signer(shop="corner", keys=keys, current=1)
    one = np.ones(1, dtype=np.int64)
    drafts = Drafts(
        code=np.zeros(1, dtype=np.uint64),
        plan=np.zeros((1, 2), dtype=np.uint64),
        offer=one.astype(np.uint64),
        option=-one,
        minor=1299 * one,
        propensity=np.ones(1),
        at=1_700_000_000_000_000,
        decimals=2,
    )
    signed = signer.sign(drafts)
    data = encode(Entry("price", ("sku",), (["tea"],), signed.words, {}))
    (item,) = decode(data, signer)
    assert (item["amount"], item["decision_id"]) == (12.99, signed.tokens[0])
    (item,) = decode(data, Signer(shop="corner", keys={0: bytes(32)}, current=0))
    assert (item["amount"], item["sku"], item["decision_id"]) == (12.99, "tea", None)


def test_a_batch_of_the_quote_log_that_fails_while_the_service_stops_is_written_or_counted(tmp_path, monkeypatch):
    with serving(tmp_path / "home") as client:
        load(client)
        service = client.app_state["service"]
        plain, tries = service.recorder._write, []

        def busy(batch):
            tries.append(len(batch))
            if len(tries) == 1:
                time.sleep(0.5)
                raise store.Busy("others write")
            plain(batch)

        monkeypatch.setattr(service.recorder, "_write", busy)
        asked = {"items": [{"sku": "tea", "region": "north"}]}
        assert client.post("/v1/shops/corner/quotes", json=asked).status_code == 200
        while not tries:
            time.sleep(0.01)
    db = store.open_store(tmp_path / "home")
    kept = store.list_decisions(db, "corner").items
    db.close()
    assert (len(kept), tries) == (1, [1, 1])


@pytest.mark.parametrize("given", [{}, {"jwt_issuer": "https://id"}, {"jwt_audience": "pricebid"}])
def test_tokens_made_for_another_service_never_open_this_one(tmp_path, given):
    with (
        pytest.raises(InputError, match="PRICEBID_JWT_AUDIENCE"),
        serving(tmp_path / "home", jwt_public_key="-----BEGIN PUBLIC KEY-----", **given),
    ):
        pass  # pragma: no cover - it does not start


@pytest.mark.parametrize("query", ["limt=5", "=170", "limit=5&cursr=x"])
def test_a_query_parameter_that_a_route_does_not_have_is_refused(client, query):
    client.put("/v1/shops/corner", json={})
    answer = client.get(f"/v1/shops/corner/jobs?{query}")
    assert answer.status_code == 422
    assert answer.json()["code"] == "bad_request"
    assert "this route has" in answer.json()["detail"]
    assert client.get("/v1/shops/corner?limit=5").status_code == 422
    assert client.get("/v1/shops/corner/jobs?limit=5").status_code == 200
