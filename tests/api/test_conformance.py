import time

import pytest


def test_allow_names_every_method_of_the_path(local):
    for path, methods in (("/v1/shops/corner", "DELETE, GET, PUT"), ("/v1/shops/corner/jobs", "GET, POST")):
        answer = local.patch(path)
        assert (answer.status_code, answer.headers["allow"]) == (405, methods)
        assert answer.json()["code"] == "method_not_allowed"


@pytest.mark.parametrize("list_of", ["jobs", "plans", "decisions"])
def test_a_shop_that_is_not_there_has_no_lists(local, list_of):
    assert local.get(f"/v1/shops/corner/{list_of}").status_code == 200
    assert local.get(f"/v1/shops/nobody/{list_of}").status_code == 404


@pytest.mark.parametrize("log", ["decisions", "audit"])
def test_a_page_always_says_where_the_next_one_begins(local, log):
    local.post("/v1/shops/corner/quotes", json={"items": [{"sku": "tea", "region": "north"}]})
    time.sleep(0.3)
    page = local.get("/v1/shops/corner/decisions", params={"log": log, "limit": 1}).json()
    assert set(page) == {"items", "cursor"}
    assert len(page["items"]) == 1


def test_a_time_is_no_number(local):
    assert local.get("/v1/shops/corner/decisions", params={"since": "2026-01-05T08:00:00Z"}).status_code == 200
    for wrong in ("0.5", "1767600000", "-1", "2026-01-05T08:00:00"):
        assert local.get("/v1/shops/corner/decisions", params={"since": wrong}).status_code == 422, wrong


def test_feedback_for_a_shop_that_is_not_there_is_refused_even_where_no_event_is_good(local):
    body = {"events": [{"event_id": "a", "decision_id": "nonsense", "units": 1}]}
    assert local.post("/v1/shops/corner/feedback", json=body).json()["rejected"][0]["code"] == "unknown_decision"
    assert local.post("/v1/shops/nobody/feedback", json=body).status_code == 404
