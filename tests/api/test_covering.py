"""Which offers, and which plan in force, an approval is about: others than those that were shown are held again."""

import json
from dataclasses import replace

from tests.api.harness import CSV, NO_GUARDS
from tests.api.test_publishing import PLANS

from pricebid import store
from pricebid.tables.identify import new_id
from pricebid_api.publishing import MOST_NAMED, Reason, publish

NORTH, SOUTH, MILK = (
    f"sku={sku}, region={region}" for sku, region in (("tea", "north"), ("tea", "south"), ("milk", "n"))
)


def test_a_reason_keeps_what_it_is_about():
    reason = Reason(
        guard="below_floor", message="2 | prices: {low}", extent={"prices": 2.0}, which={NORTH: 0.1000000001}
    )
    assert reason.which == {NORTH: 0.1}
    assert Reason.read(str(reason)) == reason
    assert Reason.read(str(reason)).message == "2 | prices: {low}"
    odd = Reason.read("below_floor: told\n{no json")
    assert (odd.message, odd.which) == ("told\n{no json", {})


def about(which, **extent):
    return Reason(guard="below_floor", message="", extent=extent or {"prices": 9, "deep": 9.0}, which=which)


def test_an_approval_covers_no_other_offers_than_were_shown_and_none_deeper():
    shown = about({NORTH: 0.5, SOUTH: 2.0})
    for within in ({NORTH: 0.5, SOUTH: 2.0}, {NORTH: 0.4}, {SOUTH: 2.0}):
        assert shown.covers(about(within))
    for beyond in ({NORTH: 0.6}, {MILK: 0.1}, {NORTH: 0.1, MILK: 0.1}, {NORTH: 0.5, SOUTH: 2.1}):
        assert not shown.covers(about(beyond)), beyond
    assert not about({}).covers(shown), "one of before offers were kept"


def deep(which):
    extent = {"prices": len(which), "deep": max(which.values())}
    return Reason.of_many("below_floor", message="", extent=extent, which=which)


def test_many_offers_are_kept_as_one_and_covered_only_as_they_were():
    many = {f"sku={at}": 1.0 + at / 1e6 for at in range(MOST_NAMED + 1)}
    shown = deep(many)
    assert len(str(shown)) < 400
    assert shown.extent == {"prices": MOST_NAMED + 1, "deep": max(many.values())}
    assert Reason.read(str(shown)).covers(deep(dict(reversed(many.items()))))
    for beyond in (many | {"sku=0": 0.5}, {**many, "sku=x": 0.1}, {"sku=0": 1.0}):
        assert not shown.covers(deep(beyond))
    named = dict(list(many.items())[:MOST_NAMED])
    assert deep(named).which == named


def test_other_offers_under_their_floor_than_were_shown_are_held_again(client, fresh_plan):
    guards = {"max_data_age_days": None, "max_share_moved": None}
    assert client.put("/v1/shops/corner", json={"guards": guards}).status_code == 200
    plan = fresh_plan(client)

    def cost(tea, milk):
        rows = f"sku,cost,category,price\ntea,{tea},drinks,{tea + 1}\nmilk,{milk},drinks,{milk + 1}\n"
        assert client.put("/v1/shops/corner/tables/catalog", content=rows, headers=CSV).status_code == 200

    cost(9.5, 0.7)
    assert client.post(f"{PLANS}/{plan}/publish").status_code == 409
    assert client.post(f"{PLANS}/{plan}/approve").status_code == 200
    cost(2.5, 5.0)  # as many as before and none deeper, but milk in the place of tea
    answer = client.post(f"{PLANS}/{plan}/publish")
    assert (answer.status_code, answer.json()["code"]) == (409, "held_for_approval")
    (told,) = answer.json()["errors"]
    assert "milk in" in told["message"]
    assert "sku=" not in told["message"]
    assert client.get(f"{PLANS}/{plan}").json()["reasons"] == [{"guard": "below_floor", "message": told["message"]}]
    assert client.post(f"{PLANS}/{plan}/approve").status_code == 200
    assert client.post(f"{PLANS}/{plan}/publish").status_code == 200


def test_a_profit_that_falls_short_of_another_plan_than_was_shown_is_held_again(planned):
    made = planned.plan()
    files = store.plan_files(planned.db, "corner", made.id)

    def take(plan, *, approve=False):
        if approve:
            store.approve_plan(planned.db, "corner", plan, by="ann")
        return publish(planned.db, "corner", plan, by="tests", guards=NO_GUARDS)

    def kept(**facts):
        document = json.loads(files["plan.json"]) | {"id": new_id()}
        copy = {**files, "plan.json": json.dumps(document).encode()}
        return store.add_plan(
            planned.db, "corner", "price", files=copy, facts=replace(made.facts, **facts), by="tests"
        ).id

    first = kept(profit=1000.0, profit_low=900.0)
    assert take(first).status == "published"
    plan = kept(profit=700.0, profit_low=600.0)
    (reason,) = map(Reason.read, take(plan).reasons)
    assert (reason.guard, reason.which) == ("profit_below", {first: 100.0})
    assert take(kept(profit=950.0, profit_low=890.0)).status == "published"
    (again,) = map(Reason.read, take(plan, approve=True).reasons)
    assert again.extent["short"] < reason.extent["short"], "less short, but of a plan that nobody was shown"
    assert again.which != reason.which
    assert take(plan, approve=True).status == "published"
