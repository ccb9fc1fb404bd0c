import jsonschema_rs
from tests.api.harness import serving

from pricebid_api import openapi, raw
from pricebid_api.routes import ROUTERS


def test_it_is_alive_and_ready_and_says_why_not(local):
    assert local.get("/healthz").json() == {"status": "alive"}
    assert local.get("/readyz").json() == {"status": "ready", "reasons": []}
    poller = local.app_state["service"].poller
    poller._answered -= 60
    poller._loaded = False
    answer = local.get("/readyz")
    if answer.status_code == 503:  # the poller may have looked again meanwhile
        assert any("not answered" in reason or "being loaded" in reason for reason in answer.json()["reasons"])


def test_metrics_count_what_was_done(local):
    local.post("/v1/shops/corner/quotes", json={"items": [{"sku": "tea", "region": "north"}, {"sku": "gold"}]})
    text = local.get("/metrics").text
    assert 'pricebid_quotes_total{kind="price",source="current"} 1.0' in text
    assert 'pricebid_quotes_total{kind="price",source="error"} 1.0' in text
    assert 'pricebid_fallbacks_total{kind="price",reason="no_plan"} 1.0' in text
    assert 'pricebid_requests_total{route="/v1/shops/{shop}/quotes",status="200"} 1.0' in text
    assert 'pricebid_request_seconds_count{route="/v1/shops/{shop}/quotes"} 1.0' in text


def test_every_route_is_described_with_an_example_and_its_problems(local):
    document = local.get("/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    text = str(document)
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            where = (method, path)
            assert operation["summary"], where
            assert operation["description"], where
            assert operation["responses"]["default"] == {"$ref": "#/components/responses/Problem"}, where
            for parameter in operation.get("parameters", []):
                if parameter["in"] == "path":
                    assert parameter["schema"].get("examples") or parameter.get("examples"), (where, parameter["name"])
            for content in operation.get("requestBody", {}).get("content", {}).values():
                binary = content["schema"].get("format") == "binary"
                assert binary or "example" in content or "examples" in content, where
    for name in document["components"]["schemas"]:
        assert f"#/components/schemas/{name}" in text, f"{name} is used by no route"


def test_examples_fit_the_schemas_they_stand_beside(local):
    document = local.get("/openapi.json").json()
    seen = 0
    for methods in document["paths"].values():
        for operation in methods.values():
            parts = [operation.get("requestBody", {}), *operation["responses"].values()]
            for content in [one for part in parts for one in part.get("content", {}).values()]:
                examples = [content["example"]] if "example" in content else []
                examples += [one["value"] for one in content.get("examples", {}).values()]
                schema = {**content.get("schema", {}), "components": document["components"]}
                for example in examples:
                    jsonschema_rs.Draft202012Validator(schema).validate(example)
                    seen += 1
    assert seen >= 12


def test_no_hot_route_was_forgotten_by_the_security_tests():
    hot = [route for router in ROUTERS for route in router.routes if isinstance(route, raw.RawRoute)]
    assert {openapi.scope_of(route) for route in hot} == {"quote", "feedback"}


def test_wrong_routes_and_methods_are_problems(local):
    for method, path, status, code in (
        ("GET", "/nowhere", 404, "no_such_route"),
        ("PATCH", "/v1/shops", 405, "method_not_allowed"),
    ):
        answer = local.request(method, path)
        assert (answer.status_code, answer.json()["code"]) == (status, code)
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.json()["request_id"] == answer.headers["X-Request-Id"]


def test_what_nobody_expected_is_a_problem_without_details(local, monkeypatch):
    def fails(*_, **__):
        raise RuntimeError("the password is swordfish")

    monkeypatch.setattr("pricebid.store.list_shops", fails)
    answer = local.get("/v1/shops")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal")
    assert "swordfish" not in answer.text
    assert answer.headers["X-Request-Id"] == answer.json()["request_id"]


def test_a_small_scenario_is_answered_at_once(planned):
    scenario = {"change": [{"table": "catalog", "where": {"sku": "tea"}, "multiply": {"cost": 1.1}}]}
    body = {"scenario": scenario, "policy": {"price": {"max_change": 0.1}, "horizon": 2}}
    with serving(planned.home, what_if_seconds=60.0) as client:
        answer = client.post("/v1/shops/corner/what-if", json=body)
        assert answer.status_code == 200, answer.text
        profit = next(one for one in answer.json()["differences"] if one["outcome"] == "profit")
        assert profit["low"] <= profit["difference"] <= profit["high"]
        assert profit["difference"] < 0
        assert answer.json()["prices"]
        wrong = {"scenario": {"change": [{"table": "catalog", "where": {"sku": "gold"}, "set": {"cost": 1}}]}}
        assert client.post("/v1/shops/corner/what-if", json=wrong).status_code == 422
    with serving(planned.home, what_if_offers=3) as client:
        answer = client.post("/v1/shops/corner/what-if", json=body)
        assert answer.status_code == 422
        assert "use a job" in answer.json()["detail"]
