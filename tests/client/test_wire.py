"""What is tried again, what is not, and which error each answer becomes."""

import subprocess
import sys

import httpx
import pytest

from pricebid.client import (
    BadAnswer,
    Client,
    ClientError,
    NotAllowed,
    NotThere,
    PlanHeld,
    Refused,
    Retry,
    ServiceFailed,
    StepRefused,
    TooMany,
    Unreachable,
)
from pricebid.errors import InputError, PricebidError

SHOP = {"shop": "a", "settings": {}, "created_at": "2026-01-01T00:00:00Z"}
QUOTE = {
    "sku": "tea",
    "region": "all",
    "price": 4.2,
    "currency": "EUR",
    "source": "plan",
    "plan": "p",
    "decision_id": "d",
    "propensity": 1.0,
}


def problem(status, code="some_code", **fields):
    body = {
        "type": f"urn:pricebid:problem:{code}",
        "title": "T",
        "status": status,
        "code": code,
        "detail": "A sentence.",
    }
    return httpx.Response(status, json=body | fields, headers={"Content-Type": "application/problem+json"})


def in_turn(*answers):
    left = list(answers)
    return lambda _: left.pop(0)


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "bad_json", Refused),
        (413, "too_large", Refused),
        (422, "table_faults", Refused),
        (401, "no_key", NotAllowed),
        (403, "wrong_scope", NotAllowed),
        (404, "not_found", NotThere),
        (409, "step_not_allowed", StepRefused),
        (409, "held_for_approval", PlanHeld),
        (429, "too_many", TooMany),
        (500, "internal", ServiceFailed),
        (503, "busy", ServiceFailed),
    ],
)
def test_each_problem_is_an_error_of_its_own_that_says_all_of_it(answering, status, code, kind):
    fault = {"field": "units", "message": "-2 is below 0", "table": "sales", "column": "units", "row": 3}
    client = answering(lambda _: problem(status, code, errors=[fault], request_id="r7"))
    with pytest.raises(kind) as told:
        client.shop("a").publish("p")
    error = told.value
    assert type(error) is kind
    assert isinstance(error, ClientError)
    assert isinstance(error, PricebidError)
    assert (error.status, error.code, error.detail, error.request_id) == (status, code, "A sentence.", "r7")
    assert [(one.field, one.row) for one in error.errors] == [("units", 3)]
    assert "sales column units row 3: -2 is below 0" in str(error)


def test_the_key_is_sent_and_not_shown(answering):
    client = answering(lambda _: httpx.Response(200, json=SHOP | {"tables": [], "published": {}}))
    client.shop("a").describe()
    assert client.requests[0].headers["authorization"] == "Bearer the-key"
    assert "the-key" not in repr(client)


def test_a_read_is_tried_again_until_it_is_answered(answering):
    good = httpx.Response(200, json=SHOP | {"tables": [], "published": {}})
    client = answering(in_turn(httpx.ReadTimeout("slow"), problem(503, "busy"), good))
    assert client.shop("a").describe().shop == "a"
    assert len(client.requests) == 3


def test_it_gives_up_after_as_many_attempts_as_were_allowed(answering):
    client = answering(lambda _: httpx.ConnectError("refused"))
    with pytest.raises(Unreachable, match=r"GET /v1/shops/a: no answer \(ConnectError: refused\)"):
        client.shop("a").describe()
    assert len(client.requests) == 3


@pytest.mark.parametrize(
    "failure", [httpx.ReadTimeout("slow"), httpx.RemoteProtocolError("broke"), problem(503, "busy")]
)
def test_what_may_have_been_done_is_not_done_twice(answering, failure):
    client = answering(lambda _: failure)
    for ask in (
        lambda shop: shop.submit("fit"),
        lambda shop: shop.publish("p"),
        lambda shop: shop.bids([{"keyword": "k"}]),
    ):
        client.requests.clear()
        with pytest.raises((Unreachable, ServiceFailed)):
            ask(client.shop("a"))
        assert len(client.requests) == 1


def test_what_never_reached_the_service_is_sent_again_whatever_it_is(answering):
    client = answering(in_turn(httpx.ConnectError("refused"), problem(429, "too_many"), problem(404, "not_found")))
    with pytest.raises(NotThere):
        client.shop("a").submit("fit")
    assert len(client.requests) == 3


def test_pauses_double_and_the_services_own_go_before(answering):
    slept = []
    retry = Retry(attempts=5, first_seconds=0.5, longest_seconds=3.0, sleep=slept.append)
    asked = problem(429, "too_many")
    asked.headers["Retry-After"] = "2"
    busy = problem(503, "busy")
    client = answering(in_turn(busy, busy, asked, busy, problem(404)), retry)
    with pytest.raises(NotThere):
        client.shop("a").describe()
    assert slept == [0.5, 1.0, 2.0, 3.0]


@pytest.mark.parametrize("wrong", [{"attempts": 0}, {"first_seconds": -1.0}, {"first_seconds": 20.0}])
def test_a_retry_that_cannot_be_is_refused(wrong):
    with pytest.raises(InputError):
        Retry(**wrong)


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200, text="<html>hello</html>"),
        httpx.Response(200, json={"shop": 7}),
        httpx.Response(302, headers={"Location": "http://elsewhere"}),
        httpx.Response(404, text="nginx"),
    ],
)
def test_an_answer_that_is_not_the_services_is_told_as_such(answering, answer):
    with pytest.raises(BadAnswer):
        answering(lambda _: answer).shop("a").describe()


def test_a_gateway_that_answers_in_place_of_the_service_is_tried_again(answering):
    good = httpx.Response(200, json=SHOP | {"tables": [], "published": {}})
    client = answering(in_turn(httpx.Response(502, text="bad gateway"), good))
    assert client.shop("a").describe().shop == "a"


def test_a_name_cannot_reach_another_path(answering):
    client = answering(lambda _: problem(404, "not_found"))
    with pytest.raises(NotThere):
        client.shop("a/../b?c=d").plan("../x")
    assert client.requests[0].url.raw_path == b"/v1/shops/a%2F..%2Fb%3Fc%3Dd/plans/..%2Fx"


def test_a_field_of_a_newer_service_is_passed_over(answering):
    client = answering(lambda _: httpx.Response(200, json={"items": [QUOTE | {"brand_new": 1}]}))
    assert client.shop("a").quote([{"sku": "tea"}])[0].price == 4.2


def test_many_items_are_asked_in_portions_and_answered_in_order(answering):
    def handle(request):
        import json

        return httpx.Response(200, json={"items": [QUOTE | one for one in json.loads(request.content)["items"]]})

    client = answering(handle)
    asked = [{"sku": f"s{k}", "region": "n"} for k in range(12_001)]
    assert [one.sku for one in client.shop("a").quote(iter(asked))] == [one["sku"] for one in asked]
    assert len(client.requests) == 3


def test_what_has_no_place_in_json_is_refused_before_it_is_sent(answering):
    client = answering(lambda _: problem(404))
    with pytest.raises(InputError, match="JSON"):
        client.shop("a").submit("price", policy={"horizon": object()})
    assert client.requests == []


def test_a_service_that_is_not_there_is_unreachable():
    retry = Retry(attempts=1)
    with Client("http://127.0.0.1:9", retry=retry) as client, pytest.raises(Unreachable, match="no answer"):
        client.shop("a").describe()


def test_without_its_packages_the_client_says_what_to_install():
    script = "import sys; sys.modules['httpx'] = None; import pricebid.client"
    out = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert "httpx is missing): pip install 'pricebid[client]'" in out.stderr


def test_importing_the_client_loads_no_other_part_of_pricebid():
    script = "import sys, pricebid.client; print([m for m in sys.modules if m.split('.')[0] in ('pandas', 'pricebid', 'pricebid_api')])"
    out = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    loaded = {name for name in eval(out.stdout) if not name.startswith("pricebid.client")}  # noqa: S307 - a list of names
    assert loaded == {"pricebid", "pricebid.errors"}
