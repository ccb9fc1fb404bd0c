"""The limits of campaigns, by which bids are kept, are not lifted unseen while a plan of bids is in force."""

import pytest
from tests.api.harness import CSV

from pricebid import store
from pricebid_api.publishing import Reason
from pricebid_api.worker.facts import bid_facts

SHOP = "/v1/shops/corner"
TABLE = f"{SHOP}/tables/campaigns"
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
        (
            "campaign,daily_budget\ncoffee,1\ntea,4\n",
            False,
        ),  # another amount: its bids are kept by it, whatever was planned
        ("campaign,daily_budget\ncoffee,\ntea,5\n", True),
        ("campaign,daily_budget\ntea,5\n", True),
        (None, True),
    ],
)
def test_bids_made_within_a_budget_that_is_gone_are_held(client, db, bid_plan, now, gone):
    shop, made, files = bid_plan
    (limit,) = [one for one in made.limits if "campaign" in one.name]
    assert limit.name == "daily_budget of campaign coffee"
    client.put(SHOP, json={"currency": "EUR"}).raise_for_status()
    info = store.add_plan(db, "corner", "bid", files=files, facts=bid_facts(made, shop, inputs=""), by="tests")
    put(client, HELD)
    if now is None:
        assert client.delete(TABLE).status_code == 204
    else:
        put(client, now)
    assert client.post(f"{SHOP}/plans/{info.id}/publish").json()["code"] == "held_for_approval"
    (seen,) = [one for one in client.get(f"{SHOP}/plans").json()["items"] if one["id"] == info.id]
    found = [one for one in seen["reasons"] if one["guard"] == "budget_gone"]
    if not gone:
        assert found == []
        return
    assert found[0]["message"] == f"the table campaigns has no more: {limit.name}"
    (kept,) = [
        one for one in map(Reason.read, store.get_plan(db, "corner", info.id).reasons) if one.guard == "budget_gone"
    ]
    assert (kept.which, kept.extent) == ({limit.name: limit.limit}, {"budgets": 1.0})
    assert client.post(f"{SHOP}/plans/{info.id}/approve").status_code == 200
    assert client.post(f"{SHOP}/plans/{info.id}/publish").json()["status"] == "published"
