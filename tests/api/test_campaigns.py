"""The limits of campaigns, by which bids are kept, are not lifted unseen while a plan of bids is in force."""

import json

import pytest
from tests.api.harness import CSV

from pricebid import store
from pricebid.tables.identify import new_id
from pricebid_api.publishing import Reason
from pricebid_api.worker.facts import bid_facts

SHOP = "/v1/shops/corner"
TABLE = f"{SHOP}/tables/campaigns"
COFFEE = "daily_budget of campaign coffee"  # the template's
HELD = "campaign,daily_budget,max_bid\nsummer,20,1.5\nwinter,,0.8\nspring,10,\n"


def put(client, text):
    answer = client.put(TABLE, content=text, headers=CSV)
    assert answer.status_code == 200, answer.text
    return [one for one in answer.json()["warnings"] if "in force" in one]


@pytest.fixture
def plan(client, db, bid_plan):
    """A plan of bids in force in a shop whose campaigns have limits."""
    shop, made, files = bid_plan
    client.put(SHOP, json={"currency": "EUR"}).raise_for_status()
    assert put(client, HELD) == []
    info = store.add_plan(db, "corner", "bid", files=files, facts=bid_facts(made, shop, inputs=""), by="tests")
    store.approve_plan(db, "corner", info.id, by="tests")
    return store.publish_plan(db, "corner", info.id, by="tests").id


@pytest.fixture
def added_to(bid_plan):
    """Put the template's plan of bids into a shop, its document changed; gives its id."""
    shop, made, files = bid_plan

    def add(client, db, change=dict):
        client.put(SHOP, json={"currency": "EUR"}).raise_for_status()
        document = json.dumps(change(json.loads(files["plan.json"])) | {"id": new_id()}).encode()
        facts = bid_facts(made, shop, inputs="")
        return store.add_plan(db, "corner", "bid", files={**files, "plan.json": document}, facts=facts, by="tests").id

    return add


@pytest.fixture
def added(client, db, added_to):
    return lambda change=dict: added_to(client, db, change)


def test_campaigns_are_not_dropped_while_bids_are_in_force(client, plan):
    answer = client.delete(TABLE)
    assert (answer.status_code, answer.json()["code"]) == (409, "plan_in_force")
    assert f"bid plan {plan}" in answer.json()["detail"]
    assert f"{SHOP}/plans/{plan}/rollback" in answer.json()["detail"]
    assert "campaigns" in [one["name"] for one in client.get(SHOP).json()["tables"]]
    assert client.post(f"{SHOP}/plans/{plan}/rollback").status_code == 200
    assert client.delete(TABLE).status_code == 204


def test_a_table_that_takes_limits_away_says_whose_while_bids_are_in_force(client, plan):
    (told,) = put(client, "campaign,daily_budget,max_bid\nsummer,,1.4\nwinter,5,\n")
    assert f"bid plan {plan} is in force" in told
    assert told.endswith("spring (daily_budget), summer (daily_budget), winter (max_bid)")
    assert put(client, "campaign,daily_budget,max_bid\nsummer,30,1.4\nwinter,50,2\n") == [], "none is taken away"
    (told,) = put(client, "campaign\nsummer\n")
    assert told.endswith(": summer (daily_budget, max_bid), winter (daily_budget, max_bid)")
    rows = "".join(f"c{at:02},{at + 1}\n" for at in range(30))
    assert put(client, f"campaign,daily_budget\n{rows}") == []
    (told,) = put(client, "campaign,daily_budget\nc29,1\n")
    assert told.endswith("c19 (daily_budget) and 9 more")


def test_without_bids_in_force_limits_are_taken_away_without_a_word(client, plan):
    assert client.post(f"{SHOP}/plans/{plan}/rollback").status_code == 200
    assert put(client, "campaign\nsummer\n") == []
    assert client.delete(TABLE).status_code == 204
    assert put(client, "campaign\nsummer\n") == []


@pytest.mark.parametrize(
    ("now", "gone"),
    [
        ("campaign,daily_budget\ncoffee,1\ntea,4\n", False),  # another amount: it keeps the bids, whatever was planned
        ("campaign,daily_budget\ncoffee,\ntea,5\n", True),
        ("campaign,daily_budget\ntea,5\n", True),
        (None, True),
    ],
)
def test_bids_made_within_a_budget_that_is_gone_are_held(client, db, added, now, gone):
    plan = added()
    put(client, HELD)
    if now is None:
        assert client.delete(TABLE).status_code == 204
    else:
        put(client, now)
    assert client.post(f"{SHOP}/plans/{plan}/publish").json()["code"] == "held_for_approval"
    (seen,) = [one for one in client.get(f"{SHOP}/plans").json()["items"] if one["id"] == plan]
    found = [one for one in seen["reasons"] if one["guard"] == "budget_gone"]
    if not gone:
        assert found == []
        return
    assert found[0]["message"] == f"the table campaigns has no more: {COFFEE}"
    (kept,) = [
        one for one in map(Reason.read, store.get_plan(db, "corner", plan).reasons) if one.guard == "budget_gone"
    ]
    assert (kept.which, kept.extent) == ({COFFEE: 8.0}, {"budgets": 1.0})
    assert client.post(f"{SHOP}/plans/{plan}/approve").status_code == 200
    assert client.post(f"{SHOP}/plans/{plan}/publish").json()["status"] == "published"


def test_an_approval_covers_no_other_budget_that_goes_later(client, added):
    tea = {"name": "daily_budget of campaign tea", "limit": 4.0}
    plan = added(lambda document: document | {"limits": [*document["limits"], tea]})
    put(client, "campaign,daily_budget\ntea,4\n")
    client.post(f"{SHOP}/plans/{plan}/publish")
    assert client.post(f"{SHOP}/plans/{plan}/approve").status_code == 200
    put(client, "campaign,daily_budget\ntea,\n")
    answer = client.post(f"{SHOP}/plans/{plan}/publish").json()
    assert answer["code"] == "held_for_approval"
    assert f"{COFFEE}, {tea['name']}" in answer["detail"]


@pytest.mark.parametrize(
    "limits",
    [
        None,
        {},
        "none",
        [None, {"limit": 1.0}, {"name": "min_roas of campaign coffee", "limit": None}],
        [{"name": COFFEE, "limit": None, "over": "day"}, {"name": COFFEE, "limit": "8"}],
    ],
)
def test_an_odd_document_is_held_or_not_and_never_an_error(local, local_db, added_to, limits):
    plan = added_to(local, local_db, lambda document: document | {"limits": limits})
    answer = local.post(f"{SHOP}/plans/{plan}/publish").json()
    assert answer["code"] == "held_for_approval"
    named = isinstance(limits, list) and limits[-1].get("name") == COFFEE
    assert ("budget_gone" in [one["field"] for one in answer["errors"]]) == named


def test_a_table_that_cannot_be_read_keeps_no_budget_and_approval_helps(local, local_db, added_to):
    plan = added_to(local, local_db)
    store.put_table(local_db, "corner", "campaigns", b"damaged", rows=1, digest="aa", by="tests")
    answer = local.post(f"{SHOP}/plans/{plan}/publish").json()
    assert "budget_gone" in [one["field"] for one in answer["errors"]]
    assert local.post(f"{SHOP}/plans/{plan}/approve").status_code == 200
    assert local.post(f"{SHOP}/plans/{plan}/publish").status_code == 200


def test_a_rollback_is_never_refused_and_names_the_budgets_that_are_gone(client, added):
    put(client, "campaign,daily_budget\ncoffee,8\n")
    first, second = added(), added(lambda document: document | {"limits": []})
    for plan in (first, second):
        client.post(f"{SHOP}/plans/{plan}/publish")
        assert client.post(f"{SHOP}/plans/{plan}/approve").status_code == 200
        assert client.post(f"{SHOP}/plans/{plan}/publish").status_code == 200
        put(client, "campaign,daily_budget\ncoffee,\n")
    back = client.post(f"{SHOP}/plans/{second}/rollback")
    assert (back.status_code, back.json()["replaced"]) == (200, first)
    warning = f"plan {first}: the table campaigns has no more: {COFFEE}"
    assert back.json()["warnings"] == [warning]
    rows = client.get(f"{SHOP}/decisions", params={"log": "audit", "limit": 9}).json()["items"]
    (row,) = [one for one in rows if one["kind"] == "plan.rolled-back"]
    assert row["detail"]["warnings"] == [warning]
    assert client.post(f"{SHOP}/plans/{first}/rollback").json()["warnings"] == []
