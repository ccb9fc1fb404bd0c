import threading
import time
from datetime import date

import pytest
from tests.api.harness import serving

from pricebid import store
from pricebid_api.budgets import MICRO, Stock
from pricebid_api.worker.facts import bid_facts

BIDS = "/v1/shops/corner/bids/quotes"
DAY = date(2026, 5, 1)


@pytest.fixture(scope="module")
def bid_home(tmp_path_factory, bid_plan):
    """A store with a published plan of bids, as the engine makes it of the template's reports."""
    home = tmp_path_factory.mktemp("bids")
    shop, plan, files = bid_plan
    db = store.open_store(home)
    store.put_shop(db, "corner", by="tests", settings={"currency": "EUR"})
    info = store.add_plan(db, "corner", "bid", files=files, facts=bid_facts(plan, shop, inputs=""), by="tests")
    store.approve_plan(db, "corner", info.id, by="tests")
    store.publish_plan(db, "corner", info.id, by="tests")
    yield home, db, plan
    db.close()


def some(plan, count=3):
    frame = plan.to_frame()
    frame = frame[frame["bid"] > 0].head(count)
    columns = [name for name in ("keyword", "campaign", "match_type", "sku") if name in frame.columns]
    return [{name: row[name] for name in columns if row[name]} for row in frame.to_dict("records")]


def test_bids_are_the_plans_set_aside_from_the_budget_and_released_by_feedback(bid_home):
    home, db, plan = bid_home
    with serving(home) as client:
        answer = client.post(BIDS, json={"items": [*some(plan), {"keyword": "no such"}]})
        assert answer.status_code == 200, answer.text
        *found, unknown = answer.json()["items"]
        assert unknown["error"]["code"] == "unknown_keyword"
        assert all(one["source"] in ("plan", "paced") and one["bid"] > 0 and one["currency"] == "EUR" for one in found)
        day = client.app_state["service"].budgets.get("corner").snapshot.clock.day(store.now()).isoformat()
        (standing,) = store.spend_of(db, "corner", day)
        assert standing.campaign == ""
        assert standing.budget == 20.0
        assert standing.leased >= sum(one["bid"] for one in found)
        events = [
            {"event_id": one["decision_id"][-20:], "decision_id": one["decision_id"], "clicks": 1, "cost": one["bid"]}
            for one in found
        ]
        told = client.post("/v1/shops/corner/feedback", json={"events": events}).json()
        assert told["accepted"] == len(events)
        time.sleep(0.5)
        logged = client.get("/v1/shops/corner/decisions?limit=1").json()["items"][0]
        assert [one.get("decision_id") for one in logged["items"]] == [one["decision_id"] for one in found] + [None]
    (after,) = store.spend_of(db, "corner", day)  # what was leased and not used is given back when the worker stops
    assert after.spent == pytest.approx(sum(one["bid"] for one in found))
    assert after.leased == 0


def test_without_a_published_plan_there_is_no_bid(local):
    answer = local.post(BIDS, json={"items": [{"keyword": "x"}]})
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_workers_that_race_never_hold_more_than_the_budget(db):
    store.put_shop(db, "corner", by="tests")
    budget = 10 * MICRO
    stocks = [Stock(db, shop="corner", worker=f"w{at}", share=0.1, idle=60.0) for at in range(2)]
    spent = [0, 0]

    def spend(at):
        stock = stocks[at]
        for _ in range(40):
            grant = stock.lease("", DAY, budget=budget, amount=300_000, until=0)
            if grant is None:
                stock.refill([DAY], {"": budget})
                continue
            spent[at] += grant.amount
            stock.settle(grant.id, grant.amount)

    threads = [threading.Thread(target=spend, args=(at,)) for at in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for stock in stocks:
        stock.close()
    (standing,) = store.spend_of(db, "corner", DAY.isoformat())
    assert sum(spent) <= budget
    assert sum(spent) > 0.9 * budget
    assert standing.spent == pytest.approx(sum(spent) / MICRO)
    assert standing.leased == 0


def test_a_slice_that_nobody_uses_goes_back(db):
    store.put_shop(db, "corner", by="tests")
    stock = Stock(db, shop="corner", worker="w", share=0.5, idle=0.0)
    stock.first([DAY], {"": MICRO})
    stock.refill([DAY], {"": MICRO})
    assert store.spend_of(db, "corner", DAY.isoformat())[0].leased == 1.0
    time.sleep(0.01)
    stock.refill([DAY], {"": MICRO})
    assert store.spend_of(db, "corner", DAY.isoformat())[0].leased == 0
