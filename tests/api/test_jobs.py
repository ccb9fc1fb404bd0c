import json
from threading import Timer

import pytest
from tests.api.harness import serving

from pricebid import store
from pricebid.store import jobs

JOBS = "/v1/shops/corner/jobs"


def events_of(text):
    """Server-sent events as (id, kind, data)."""
    found = []
    for block in text.split("\n\n"):
        lines = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line and not line.startswith(":"))
        if "event" in lines:
            found.append((int(lines["id"]), lines["event"], json.loads(lines["data"])))
    return found


def test_a_job_is_queued_looked_at_listed_and_cancelled(client):
    answer = client.post(JOBS, json={"kind": "price", "policy": {"horizon": 2}, "priority": 3})
    assert answer.status_code == 202
    job = answer.json()
    assert answer.headers["Location"] == f"/v1/jobs/{job['id']}"
    assert (job["state"], job["kind"], job["priority"], job["policy"]) == ("queued", "price", 3, {"horizon": 2})
    second = client.post(JOBS, json={"kind": "fit"}).json()
    page = client.get(f"{JOBS}?limit=1").json()
    assert page["items"][0]["id"] == second["id"]
    assert client.get(f"{JOBS}?cursor={page['cursor']}").json()["items"][0]["id"] == job["id"]
    assert client.delete(f"/v1/jobs/{job['id']}").json()["state"] == "cancelled"
    assert client.get(f"/v1/jobs/{job['id']}").json()["ended_at"] is not None
    assert client.get("/v1/jobs/019412d8-7c00-7000-8000-000000000000").json()["code"] == "not_found"
    assert client.get("/v1/jobs/7").status_code == 422


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"kind": "dance"}, "kind"),
        ({"kind": "price", "policy": {"price": {"max_chnge": 0.1}}}, "did you mean 'max_change'"),
        ({"kind": "backtest", "options": {"horizn": 4}}, "horizn"),
        ({"kind": "backtest", "options": {"horizon": "4"}}, "horizon"),
        ({"kind": "what-if"}, "scenario"),
        ({"kind": "fit", "priority": 10}, "priority"),
        ({"kind": "fit", "priority": True}, "priority"),
        ({"kind": "fit", "colour": 1}, "colour"),
        ({}, "kind"),
    ],
)
def test_a_job_that_nobody_could_do_is_refused_at_once(local, body, said):
    answer = local.post(JOBS, json=body)
    assert answer.status_code == 422
    assert said in answer.text


def test_a_policy_nested_too_deep_is_refused(local):
    deep = {}
    for _ in range(200):
        deep = {"a": deep}
    assert local.post(JOBS, json={"kind": "fit", "policy": deep}).status_code == 422
    answer = local.post(JOBS, content="[" * 50_000, headers={"Content-Type": "application/json"})
    assert answer.status_code in (400, 422)
    assert local.post("/v1/shops/none/jobs", json={"kind": "fit"}).json()["code"] == "not_found"


def test_progress_is_streamed_to_the_end_and_resumed(client, db):
    job = client.post(JOBS, json={"kind": "fit"}).json()["id"]
    claim = store.claim(db, "worker-1", seconds=30.0)
    assert claim.job.id == job
    store.report(db, claim, "fitting", 0.5)
    Timer(0.4, lambda: jobs.cancel(db, job, by="tests")).start()
    Timer(0.8, lambda: store.stop(db, claim)).start()
    answer = client.get(f"/v1/jobs/{job}/events")
    assert answer.headers["Content-Type"].startswith("text/event-stream")
    told = events_of(answer.text)
    kinds = [kind for _, kind, _ in told]
    assert kinds[:3] == ["queued", "started", "progress"]
    assert kinds[-1] == "cancelled"
    assert told[2][2]["job"] == job
    again = events_of(client.get(f"/v1/jobs/{job}/events", headers={"Last-Event-ID": str(told[2][0])}).text)
    assert [one[0] for one in again] == [one[0] for one in told[3:]]


def test_more_streams_than_are_served_are_sent_away(tmp_path):
    with serving(tmp_path, max_streams=0) as client:
        client.put("/v1/shops/corner", json={})
        job = client.post(JOBS, json={"kind": "fit"}).json()["id"]
        assert client.get(f"/v1/jobs/{job}/events").json()["code"] == "busy"


def test_a_job_without_result_files_says_so(local):
    job = local.post(JOBS, json={"kind": "forecast"}).json()["id"]
    answer = local.get(f"/v1/jobs/{job}/files/forecast.csv")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
