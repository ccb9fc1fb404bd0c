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
