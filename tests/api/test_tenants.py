"""What belongs to a shop is not reached under the name of another, by whoever knows its id; `test_security` tries the keys."""

import pytest
from benchmarks.load import deployment
from tests.api.harness import load

from pricebid import store


@pytest.fixture
def two_shops(local, local_db):
    load(local, "other")
    plan = deployment.price_plan(local_db, "corner")
    key = store.create_key(local_db, shop="other", scopes=["admin"], name="other", by="tests")[0]
    return local, plan, {"Authorization": f"Bearer {key}"}


def test_no_route_reaches_a_plan_under_another_shop(two_shops):
    client, plan, other = two_shops
    document = client.get("/openapi.json").json()
    tried = 0
    for path, methods in document["paths"].items():
        if "{plan}" not in path:
            continue
        for method in methods:
            answer = client.request(method, path.format(shop="other", plan=plan, name="plan.json"), headers=other)
            assert answer.status_code == 404, (method, path, answer.text)
            tried += 1
    assert tried >= 5


def test_a_table_is_dropped_from_its_own_shop_alone(two_shops, local_db):
    client, _, other = two_shops
    assert client.delete("/v1/shops/corner/tables/catalog", headers=other).status_code == 403
    assert client.delete("/v1/shops/other/tables/catalog", headers=other).status_code == 204
    held = {shop: [one.name for one in store.get_tables(local_db, shop)] for shop in ("corner", "other")}
    assert held == {"corner": ["catalog", "sales"], "other": ["sales"]}


def test_lists_of_a_shop_hold_nothing_of_another(two_shops):
    client, plan, other = two_shops
    for what in ("plans", "jobs", "decisions"):
        answer = client.get(f"/v1/shops/other/{what}", headers=other)
        assert answer.json()["items"] == [], what
        assert plan not in answer.text
    audit = client.get("/v1/shops/other/decisions", params={"log": "audit"}, headers=other).json()["items"]
    assert plan not in {one["subject"] for one in audit}


def test_decisions_of_a_shop_are_refused_as_feedback_to_another(two_shops, local_db):
    client, _, other = two_shops
    corner = store.create_key(local_db, shop="corner", scopes=["quote"], name="corner", by="tests")[0]
    headers = {"Authorization": f"Bearer {corner}"}
    asked = {"items": [{"sku": "tea", "region": "north"}]}
    (item,) = client.post("/v1/shops/corner/quotes", json=asked, headers=headers).json()["items"]
    told = {"events": [{"event_id": "a", "decision_id": item["decision_id"], "units": 1}]}
    answer = client.post("/v1/shops/other/feedback", json=told, headers=other).json()
    assert (answer["accepted"], [one["code"] for one in answer["rejected"]]) == (0, ["other_shop"])
