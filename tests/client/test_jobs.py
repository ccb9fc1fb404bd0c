"""A job is followed to its end, through broken connections and silence."""

import time

import httpx
import pytest
from tests.client.test_wire import problem

from pricebid.client import BadAnswer, JobFailed, NotThere, ServiceFailed, StillRunning, Unreachable
from pricebid.client.jobs import events_of

JOB = {
    "id": "j",
    "shop": "a",
    "kind": "price",
    "state": "done",
    "priority": 0,
    "progress": 1.0,
    "stage": "",
    "attempts": 1,
    "cancel_requested": False,
    "policy": {},
    "options": {},
    "result": {"plan": "p1"},
    "error": None,
    "by": "me",
    "created_at": "2026-01-01T00:00:00Z",
    "started_at": None,
    "ended_at": None,
}


def stream(*kinds, start=1, end=None):
    """A stream of events of these kinds; then the end, or an error."""

    def lines():
        yield b"retry: 1000\n\n: still here\n\n"
        for at, kind in enumerate(kinds, start):
            yield b'id: %d\nevent: %s\ndata: {"share": 0.5}\n\n' % (at, kind.encode())
        if end is not None:
            raise end

    return httpx.Response(200, stream=Pieces(lines()))


class Pieces(httpx.SyncByteStream):
    def __init__(self, pieces):
        self.pieces = pieces

    def __iter__(self):
        yield from self.pieces


def service(answers, job=JOB):
    left = list(answers)
    return lambda request: left.pop(0) if request.url.path.endswith("/events") else httpx.Response(200, json=job)


def test_a_job_that_is_done_is_given_with_what_it_made(answering):
    seen = []
    client = answering(service([stream("queued", "started", "progress", "done")]))
    job = client.wait("j", on_event=seen.append)
    assert (job.state, job.plan, job.ended) == ("done", "p1", True)
    assert [one.kind for one in seen] == ["queued", "started", "progress", "done"]
    assert seen[2].data == {"share": 0.5}


def test_a_connection_that_breaks_is_made_again_where_it_broke_off(answering):
    broken = httpx.RemoteProtocolError("peer closed connection")
    client = answering(
        service(
            [
                stream("queued", "started", end=broken),
                httpx.ConnectError("restarts"),
                problem(503, "busy"),
                stream("progress", start=3, end=httpx.ReadTimeout("silence")),
                stream(),
                stream("done", start=4),
            ]
        )
    )
    assert [one.id for one in client.follow("j")] == [1, 2, 3, 4]
    assert [one.headers.get("last-event-id") for one in client.requests] == [None, "2", "2", "2", "3", "3"]


@pytest.mark.parametrize(
    ("failure", "error"),
    [
        (httpx.ConnectError("down"), Unreachable),
        (problem(503, "busy"), ServiceFailed),
        (problem(404, "not_found"), NotThere),
    ],
)
def test_a_service_that_stays_away_is_an_error(answering, failure, error):
    client = answering(service([failure] * 20))
    with pytest.raises(error):
        client.wait("j")
    assert len(client.requests) <= 3


@pytest.mark.parametrize(("state", "told"), [("failed", "is failed: No price is left"), ("cancelled", "was cancelled")])
def test_a_job_without_a_result_is_an_error_that_carries_it(answering, state, told):
    fault = {
        "code": "infeasible",
        "detail": "No price is left.",
        "errors": [{"field": "floor", "message": "above the ceiling"}],
    }
    job = JOB | {"state": state, "result": None, "error": fault if state == "failed" else None}
    client = answering(service([stream("queued", state)], job))
    with pytest.raises(JobFailed, match=told.removeprefix("is ")) as failed:
        client.wait("j")
    assert failed.value.job.plan is None
    if state == "failed":
        assert failed.value.job.error.errors[0].field == "floor"
        assert "floor: above the ceiling" in str(failed.value)


def test_waiting_ends_when_its_time_is_over(answering):
    client = answering(lambda _: stream("queued", end=httpx.ReadTimeout("silence")))
    with pytest.raises(StillRunning, match="j: the job has not ended"):
        client.wait("j", timeout=0.05)


def test_waiting_ends_also_while_the_service_goes_on_talking(answering):
    def talk():
        while True:
            time.sleep(0.01)
            yield b": still here\n\n"

    client = answering(lambda _: httpx.Response(200, stream=Pieces(talk())))
    with pytest.raises(StillRunning):
        client.wait("j", timeout=0.05)


def test_lines_that_are_no_events_of_the_service_are_told_as_such():
    assert list(events_of([": comment", "", "retry: 5", ""])) == []
    with pytest.raises(BadAnswer):
        list(events_of(["data: hello", ""]))
