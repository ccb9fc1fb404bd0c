import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress

import httpx
from tests.api.harness import serving

from pricebid import store
from pricebid.store import FeedbackEvent
from pricebid_api.inbox import share

QUOTES = "/v1/shops/corner/quotes"
FEEDBACK = "/v1/shops/corner/feedback"
TEA = {"sku": "tea", "region": "north"}


def ask(client, *items):
    answer = client.post(QUOTES, json={"items": list(items)})
    assert answer.status_code == 200, answer.text
    return answer.json()["items"]


def tell(client, *events):
    answer = client.post(FEEDBACK, json={"events": list(events)})
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_quote_says_all_that_the_contract_promises(local):
    (found,) = ask(local, {**TEA, "quantity": 3})
    assert set(found) == {
        "sku",
        "region",
        "price",
        "currency",
        "source",
        "plan",
        "decision_id",
        "propensity",
        "amount",
        "fallback",
    }
    assert (found["price"], found["amount"], found["source"], found["propensity"]) == (4.2, 12.6, "current", 1.0)


def test_items_without_a_price_have_an_error_and_the_others_an_answer(local):
    known, unknown = ask(local, TEA, {"sku": "gold"})
    assert known["price"] == 4.2
    assert "error" not in known
    assert unknown["error"]["code"] == "unknown_offer"
    assert unknown["price"] is unknown["decision_id"] is None


BAD = [
    ({}, "items"),
    ({"items": []}, "items"),
    ({"items": [{}]}, "items[0]"),
    ({"items": [{"sku": 7}]}, "items[0].sku"),
    ({"items": [{"sku": ""}]}, "items[0].sku"),
    ({"items": [{"sku": "a", "colour": "red"}]}, "items[0]"),
    ({"items": [{"sku": "a", "at": "2026-01-01T10:00:00"}]}, "items[0].at"),
    ({"items": [{"sku": "a", "at": "0001-01-01T00:00:00Z"}]}, "body"),
    ({"items": [{"sku": "a", "quantity": 0}]}, "items[0].quantity"),
    ({"items": [{"sku": "a", "quantity": 1.5}]}, "items[0].quantity"),
]


def test_a_request_that_cannot_be_read_says_where(local):
    for body, field in BAD:
        answer = local.post(QUOTES, json=body)
        assert (answer.status_code, answer.json()["code"]) == (422, "bad_request"), (body, answer.text)
        assert field == "body" or field in json.dumps(answer.json()), (body, answer.text)
    headers = {"Content-Type": "application/json"}
    for content in (
        b"",
        b"{",
        b"[" * 100_000,
        b'{"items": [{"sku": NaN}]}',
        b"\xff\xfe",
        b'{"items":[{"sku":"\xff"}]}',
    ):
        answer = local.post(QUOTES, content=content, headers=headers)
        assert answer.status_code in (400, 422), (content[:20], answer.text)
        assert answer.headers["Content-Type"] == "application/problem+json"
    answer = local.post(QUOTES, json={"items": [TEA] * 5_001})
    assert (answer.status_code, answer.json()["code"]) == (413, "too_many_items")


def test_every_request_is_in_the_log_with_the_tokens_that_were_handed_out(client):
    asked = [ask(client, TEA, {"sku": "gold"}), ask(client, {"sku": "milk", "region": "south"})]
    time.sleep(0.5)
    page = client.get("/v1/shops/corner/decisions?limit=1").json()
    rest = client.get(f"/v1/shops/corner/decisions?limit=5&cursor={page['cursor']}").json()
    items = [*rest["items"][0]["items"], *page["items"][0]["items"]]
    assert [one.get("decision_id") for one in items] == [one["decision_id"] for part in asked for one in part]
    assert items[1] == {"sku": "gold", "region": "all", "error": "unknown_offer"}
    assert (items[2]["amount"], items[2]["source"]) == (1.25, "current")
    assert client.get("/v1/shops/corner/decisions?since=2099-01-01T00:00:00Z").json()["items"] == []
    assert client.get("/v1/shops/corner/decisions?since=2099-01-01").status_code == 422


def test_feedback_counts_once_and_a_bad_event_does_not_lose_the_others(client, db):
    (quote,) = ask(client, TEA)
    token = quote["decision_id"]
    client.put("/v1/shops/other", json={})
    forged = token[:-4] + ("AAAA" if token[-4:] != "AAAA" else "BBBB")
    told = tell(
        client,
        {"event_id": "1", "decision_id": token, "units": 2, "revenue": 8.0},
        {"event_id": "2", "decision_id": forged, "units": 1},
        {"event_id": "3", "decision_id": "nonsense", "units": 1},
        {"event_id": "4", "decision_id": token},
        {"event_id": "5\u0000", "decision_id": token, "units": 1},
        {"event_id": "6", "decision_id": token, "units": 1},
    )
    assert (told["accepted"], told["duplicates"]) == (2, 0)
    assert [(one["event_id"], one["code"]) for one in told["rejected"]] == [
        ("2", "unknown_decision"),
        ("3", "unknown_decision"),
        ("4", "empty"),
        ("'5\\x00'", "control_characters"),
    ]
    again = tell(client, {"event_id": "1", "decision_id": token, "units": 2, "revenue": 8.0})
    assert again == {"accepted": 0, "duplicates": 1, "rejected": []}
    elsewhere = client.post(
        "/v1/shops/other/feedback", json={"events": [{"event_id": "9", "decision_id": token, "units": 1}]}
    )
    assert elsewhere.json()["rejected"][0]["code"] == "other_shop"
    events, _ = store.unfolded(db, "corner", after=0)
    assert [(one.event_id, one.units, one.value, one.kind) for one in events] == [
        ("1", 2.0, 4.2, "price"),
        ("6", 1.0, 4.2, "price"),
    ]


def test_ten_thousand_events_are_one_call(client, db):
    token = ask(client, TEA)[0]["decision_id"]
    events = [{"event_id": f"e{at}", "decision_id": token, "units": 1} for at in range(10_000)]
    assert tell(client, *events)["accepted"] == 10_000
    answer = client.post(FEEDBACK, json={"events": [*events, events[0]]})
    assert answer.status_code in (413, 422)
    assert (
        client.post(FEEDBACK, json={"events": [{"event_id": "x", "decision_id": token, "units": -1}]}).status_code
        == 422
    )
    assert client.post("/v1/shops/none/feedback", json={"events": events[:1]}).status_code in (200, 404)
    assert store.count_feedback(db, "corner") == 10_000


def event(name):
    return FeedbackEvent(
        event_id=name,
        decision_id="d",
        decided_at=0,
        kind="price",
        plan_id="",
        item="",
        option=-1,
        value=1.0,
        propensity=1.0,
    )


def test_requests_that_are_committed_together_are_each_told_their_own_result():
    requests = [[event("a"), event("b")], [event("b"), event("c")], [event("a"), event("a")]]
    told = share(requests, ["b", "a", "a", "c"])
    assert [(one.accepted, one.duplicates) for one in told] == [(2, 0), (0, 2), (0, 2)]


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def quoted_for(seconds, url):
    """Ask for quotes one after the other for a while; gives how many were answered."""
    with httpx.Client(base_url=url, timeout=60.0) as client:
        for _ in range(300):
            with suppress(httpx.TransportError):
                if client.get("/readyz").status_code == 200:
                    break
            time.sleep(0.1)
        client.post(QUOTES, json={"items": [TEA]})  # the first one waits until the shop is loaded
        answered, end = 1, time.monotonic() + seconds
        while time.monotonic() < end:
            answer = client.post(QUOTES, json={"items": [TEA]})
            assert answer.status_code == 200, answer.text
            answered += 1
    return answered


def test_a_killed_worker_loses_at_most_what_it_had_not_flushed_and_that_is_counted(planned):
    port = free_port()
    environment = {
        **os.environ,
        "PRICEBID_HOME": str(planned.home),
        "PRICEBID_HEAVY": "thread",
        "OPENBLAS_NUM_THREADS": "1",
    }
    command = [sys.executable, "-m", "uvicorn", "--factory", "pricebid_api.app:from_environment", "--port", str(port)]
    before = {one.worker for one in store.losses(planned.db)}
    process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    try:
        answered = quoted_for(1.5, f"http://127.0.0.1:{port}")
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    with serving(planned.home):
        time.sleep(0.3)
    (loss,) = (one for one in store.losses(planned.db) if one.worker not in before and one.issued > 0)
    assert loss.issued == answered
    assert loss.written + loss.lost == answered
    assert loss.written > 0
    assert loss.lost < answered * 0.7  # 1 s of 1.5 s: what was asked in the last flush only


def test_what_is_in_memory_is_written_when_the_service_stops(planned):
    with serving(planned.home) as client:
        names = {ask(client, TEA)[0]["decision_id"] for _ in range(50)}
    with serving(planned.home) as client:
        page = client.get("/v1/shops/corner/decisions?limit=100").json()
    logged = {item["decision_id"] for one in page["items"] for item in one["items"]}
    assert names <= logged
    assert list((planned.home / "workers").glob("*")) == []


def test_an_answer_needs_nothing_but_memory(local, monkeypatch):
    ask(local, TEA)
    asked = []
    service = local.app_state["service"]
    for name in ("get_shop", "get_tables", "table_bytes", "published", "plan_files", "get_plan"):
        monkeypatch.setattr(store, name, lambda *_, name=name, **__: asked.append(name))
    monkeypatch.setattr(service.tables, "run", lambda *_, **__: asked.append("a process"))
    assert len(ask(local, *[TEA] * 1000)) == 1000
    assert asked == []
