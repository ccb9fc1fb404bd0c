"""Feedback goes in portions, again where an answer was lost, and counts once."""

import json

import httpx
import pytest
from tests.client.test_wire import problem

from pricebid.client import Event, Feedback, Refused, Unreachable


def kept(request):
    events = json.loads(request.content)["events"]
    return httpx.Response(200, json={"accepted": len(events), "duplicates": 0, "rejected": []})


def sizes(client):
    return [len(json.loads(one.content)["events"]) for one in client.requests]


def events(count):
    return (Event(event_id=f"e{k}", decision_id="d", units=1.0) for k in range(count))


def test_any_number_is_sent_ten_thousand_at_a_time(answering):
    client = answering(kept)
    assert client.shop("a").feedback(events(25_000)) == Feedback(accepted=25_000)
    assert sizes(client) == [10_000, 10_000, 5_000]
    assert client.shop("a").feedback([]) == Feedback()


def test_what_was_not_given_is_not_sent(answering):
    client = answering(kept)
    client.shop("a").feedback(
        [Event(event_id="e", decision_id="d", clicks=0.0), {"event_id": "f", "decision_id": "d", "units": 2}]
    )
    sent = json.loads(client.requests[0].content)["events"]
    assert sent == [
        {"event_id": "e", "decision_id": "d", "clicks": 0.0},
        {"event_id": "f", "decision_id": "d", "units": 2},
    ]


def test_a_portion_whose_answer_was_lost_is_sent_again_as_it_was(answering):
    answers = iter([httpx.ReadTimeout("lost"), problem(503, "busy"), None])
    client = answering(lambda request: next(answers) or kept(request))
    assert client.shop("a").feedback(events(7)).accepted == 7
    assert len({one.content for one in client.requests}) == 1
    assert len(client.requests) == 3


def test_a_service_that_takes_less_at_a_time_gets_less(answering):
    def small(request):
        return kept(request) if len(json.loads(request.content)["events"]) <= 300 else problem(413, "too_many_items")

    client = answering(small)
    assert client.shop("a").feedback(events(1_000)) == Feedback(accepted=1_000)
    assert max(size for size, one in zip(sizes(client), client.requests, strict=True) if size <= 300) == 250


def test_one_event_that_is_too_large_is_refused(answering):
    with pytest.raises(Refused):
        answering(lambda _: problem(413, "too_large")).shop("a").feedback(events(3))


def test_a_buffer_sends_when_there_are_enough_and_at_the_end(answering):
    client = answering(kept)
    with client.shop("a").feedback_buffer(size=3) as buffer:
        for event in events(7):
            buffer.add(event)
        assert sizes(client) == [3, 3]
    assert sizes(client) == [3, 3, 1]
    assert buffer.result == Feedback(accepted=7)


def test_what_a_buffer_could_not_send_waits_in_it(answering):
    down = [True]
    client = answering(lambda request: httpx.ConnectError("down") if down else kept(request))
    buffer = client.shop("a").feedback_buffer()
    for event in events(2):
        buffer.add(event)
    with pytest.raises(Unreachable):
        buffer.flush()
    down.clear()
    assert buffer.flush() == Feedback(accepted=2)
    assert buffer.flush() == Feedback()
