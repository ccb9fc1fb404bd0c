import json
import time

import pytest
from tests.api.harness import CSV, NO_GUARDS, load, serving
from typer.testing import CliRunner

from pricebid import store
from pricebid.cli import app as cli
from pricebid.datasets import write_template
from pricebid_api.publishing import Reason, objections
from pricebid_api.settings import Guards

PLANS = "/v1/shops/corner/plans"


@pytest.fixture
def lenient(client):
    """A service whose shop has no guard on the age of data or the share of moves."""
    guards = {"max_data_age_days": None, "max_share_moved": None}
    assert client.put("/v1/shops/corner", json={"guards": guards}).status_code == 200
    return client


def quoted(client):
    return client.post("/v1/shops/corner/quotes", json={"items": [{"sku": "tea", "region": "north"}]}).json()["items"][
        0
    ]


def test_a_plan_is_published_quoted_replaced_and_taken_back(lenient, fresh_plan):
    client = lenient
    assert quoted(client)["source"] == "current"
    first, second = fresh_plan(client), fresh_plan(client)
    for plan in (first, second):
        answer = client.post(f"{PLANS}/{plan}/publish")
        assert answer.status_code == 200, answer.text
        assert answer.json()["status"] == "published"
        found = quoted(client)
        assert (found["source"], found["plan"]) == ("plan", plan)
    document = client.get(f"{PLANS}/{second}").json()
    assert document["document"]["id"] == second
    assert document["replaced"] == first
    assert client.get("/v1/shops/corner").json()["published"] == {"price": second}
    assert client.post(f"{PLANS}/{first}/publish").json()["code"] == "step_not_allowed"
    answer = client.post(f"{PLANS}/{second}/rollback").json()
    assert (answer["status"], answer["replaced"]) == ("retired", first)
    assert quoted(client)["plan"] == first
    audit = client.get("/v1/shops/corner/decisions?log=audit").json()["items"]
    steps = [(one["kind"], one["subject"], one["who"]) for one in audit if one["kind"].startswith("plan.")][::-1]
    assert steps == [
        ("plan.made", first, "tests"),
        ("plan.made", second, "tests"),
        ("plan.approved", first, "guards"),
        ("plan.published", first, "local"),
        ("plan.approved", second, "guards"),
        ("plan.published", second, "local"),
        ("plan.rolled-back", second, "local"),
    ]
    assert all(one["digest"] for one in audit if one["kind"].startswith("plan."))


def test_what_a_guard_objects_to_is_held_until_somebody_approves_it(client, fresh_plan):
    plan = fresh_plan(client)
    answer = client.post(f"{PLANS}/{plan}/publish")
    assert (answer.status_code, answer.json()["code"]) == (409, "held_for_approval")
    guards = [one["field"] for one in answer.json()["errors"]]
    assert "data_too_old" in guards
    assert "data end" in answer.json()["detail"]
    assert client.get(f"{PLANS}/{plan}").json()["status"] == "held"
    assert quoted(client)["source"] == "current"
    assert client.post(f"{PLANS}/{plan}/publish").json()["code"] == "step_not_allowed"
    assert client.post(f"{PLANS}/{plan}/approve").json()["status"] == "approved"
    assert client.post(f"{PLANS}/{plan}/publish").json()["status"] == "published"
    assert quoted(client)["plan"] == plan
    assert 'pricebid_guard_hits_total{guard="data_too_old"} 1.0' in client.get("/metrics").text


def test_each_guard_says_what_it_found(planned):
    info = planned.plan()

    def seen(guards=NO_GUARDS, **facts):
        changed = type(info.facts)(**(vars(info.facts) | facts))
        return [one.guard for one in objections(planned.db, type(info)(**(vars(info) | {"facts": changed})), guards)]

    assert seen() == []
    assert seen(solution="infeasible") == ["infeasible"]
    assert seen(Guards(max_data_age_days=1.0, max_share_moved=None)) == ["data_too_old"]
    assert seen(Guards(max_data_age_days=None, max_share_moved=0.1), moved=0.2) == ["too_many_moves"]
    before = planned.published()
    least = before.facts.profit_low
    assert seen(profit=least + 0.01) == []
    assert seen(profit=least - 0.01) == ["profit_below"]
    assert seen(Guards(max_data_age_days=None, max_share_moved=None, profit_below_interval=False), profit=0.0) == []
    assert Reason.read("a: b: c") == Reason(guard="a", message="b: c")


def test_a_price_under_its_floor_of_today_is_held(client, fresh_plan):
    plan = fresh_plan(client)
    dear = "sku,cost,category,price\ntea,9.5,drinks,10.2\nmilk,0.7,drinks,1.25\n"
    assert client.put("/v1/shops/corner/tables/catalog", content=dear, headers=CSV).status_code == 200
    reasons = {one["field"]: one["message"] for one in client.post(f"{PLANS}/{plan}/publish").json()["errors"]}
    assert "2 prices are under their floor, the first tea in north" in reasons["below_floor"]


def test_where_approval_is_required_no_plan_is_published_without(planned):
    with serving(planned.home, require_approval=True, max_data_age_days=None, max_share_moved=None) as client:
        plan = planned.plan().id
        answer = client.post(f"{PLANS}/{plan}/publish").json()
        assert [one["field"] for one in answer["errors"]] == ["approval_required"]
        client.post(f"{PLANS}/{plan}/approve")
        assert client.post(f"{PLANS}/{plan}/publish").json()["status"] == "published"


def test_plans_are_listed_in_pages_and_their_files_given_out(planned):
    made = [planned.plan().id for _ in range(3)]
    with serving(planned.home) as client:
        page = client.get(f"{PLANS}?limit=2&kind=price").json()
        assert [one["id"] for one in page["items"]] == made[:0:-1]
        rest = client.get(f"{PLANS}?limit=2&kind=price&cursor={page['cursor']}").json()
        assert rest["items"][0]["id"] == made[0]
        assert client.get(f"{PLANS}?kind=bid").json() == {"items": [], "cursor": None}
        assert client.get(f"{PLANS}?cursor=nonsense").status_code == 422
        document = client.get(f"{PLANS}/{made[0]}/files/plan.json").json()
        assert (document["id"], document["period"]) == (made[0], "month")
        assert client.get(f"{PLANS}/{made[0]}/files/quotes.parquet").content[:4] == b"PAR1"
        assert client.get(f"{PLANS}/{made[0]}/files/none.csv").status_code == 404
        assert (
            client.get(f"{PLANS}/{made[0][:-1]}{'1' if made[0][-1] == '0' else '0'}/files/plan.json").status_code == 404
        )
        assert client.get(f"{PLANS}/not-an-id").status_code == 422


def test_every_worker_quotes_from_a_new_plan_within_two_seconds(planned):
    with serving(planned.home, max_data_age_days=None, max_share_moved=None) as one, serving(planned.home) as other:
        plan = planned.plan().id
        for client in (one, other):
            assert quoted(client)["plan"] != plan
        assert one.post(f"{PLANS}/{plan}/publish").status_code == 200
        end = time.monotonic() + 2.0
        while quoted(other)["plan"] != plan:
            assert time.monotonic() < end
            time.sleep(0.05)


def test_new_costs_move_the_floor_of_what_is_quoted(planned):
    planned.published()
    with serving(planned.home) as client:
        price = quoted(client)["price"]
        dear = f"sku,cost,category,price\ntea,{price + 1},drinks,4.2\nmilk,0.7,drinks,1.25\n"
        client.put("/v1/shops/corner/tables/catalog", content=dear, headers=CSV)
        client.portal.call(client.app_state["service"].snapshots.refresh_tables)
        end = time.monotonic() + 10.0
        while "error" not in quoted(client):
            assert time.monotonic() < end
            time.sleep(0.05)
        assert quoted(client)["error"]["code"] == "below_floor"
        load(client)


def test_the_command_line_publishes_through_the_same_guards(tmp_path, monkeypatch):
    shop, home = tmp_path / "shop", tmp_path / "home"
    write_template(shop)
    monkeypatch.setenv("PRICEBID_HOME", str(home))
    command = ["price", str(shop), "--publish", "--as", "corner", "--quiet", "--out", str(tmp_path / "out"), "--json"]
    held = CliRunner().invoke(cli, command)
    assert held.exit_code == 1
    assert "held for approval" in held.output
    monkeypatch.setenv("PRICEBID_MAX_DATA_AGE_DAYS", "none")
    monkeypatch.setenv("PRICEBID_MAX_SHARE_MOVED", "none")
    done = CliRunner().invoke(cli, command)
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)["published"]
    db = store.open_store(home)
    assert store.published(db, "corner", "price").plan_id == told["plan"]
    assert [one.status for one in store.list_plans(db, "corner").items] == ["published", "held"]
    db.close()
    with serving(home) as client:
        answer = client.post("/v1/shops/corner/quotes", json={"items": [{"sku": "espresso-250", "region": "north"}]})
        assert answer.json()["items"][0]["price"] > 0
