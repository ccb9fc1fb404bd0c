import threading
import time
from datetime import date

import pytest
from tests.api.harness import serving

from pricebid import live, store
from pricebid_api import Settings
from pricebid_api.budgets import MICRO, Budgets, Stock
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
    with serving(home, lease_share=0.1) as client:  # the first slice covers them all
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
    assert store.spend_of(db, "corner", DAY.isoformat())[0].leased == 0.5
    time.sleep(0.01)
    stock.refill([DAY], {"": MICRO})
    assert store.spend_of(db, "corner", DAY.isoformat())[0].leased == 0


def test_a_purse_dropped_while_it_is_refilled_leaves_no_slice_behind(tmp_path, bid_home, monkeypatch):
    _, _, plan = bid_home
    with serving(bid_home[0]) as client:
        client.post(BIDS, json={"items": some(plan)})
        snapshot = client.app_state["service"].budgets.get("corner").snapshot
    db = store.open_store(tmp_path)
    store.put_shop(db, "corner", by="tests")
    budgets = Budgets(db, "w", Settings(home=tmp_path))
    budgets.open("corner", snapshot, {})
    day = snapshot.clock.day(store.now())
    purse = budgets.get("corner")
    while purse.stock.lease("", day, budget=0, amount=1, until=0) is not None:  # the next tick leases another
        pass
    before = standing(db, day).leased
    plain, reached, go_on = store.lease, threading.Event(), threading.Event()

    def slow(*given, **more):
        reached.set()
        assert go_on.wait(30.0)
        return plain(*given, **more)

    monkeypatch.setattr(store, "lease", slow)
    ticking, dropping = threading.Thread(target=budgets.tick), threading.Thread(target=budgets.drop, args=("corner",))
    ticking.start()
    assert reached.wait(30.0)
    dropping.start()
    dropping.join(0.2)
    go_on.set()
    for thread in (ticking, dropping):
        thread.join()
    assert budgets.get("corner") is None
    assert standing(db, day).leased <= before
    db.close()


def standing(db, day):
    return store.spend_of(db, "corner", day.isoformat())[0]


class Bidding:
    """A worker's book and stock, on a clock of their own: a tick every half second, bids in between, each told at once."""

    def __init__(self, db, budget=10_000 * MICRO):
        self.db, self.budgets, self.seconds, self.bids, self.spent = db, {"": budget}, 1_780_000_000.0, 0, 0
        store.put_shop(db, "corner", by="tests")
        self.stock = Stock(db, shop="corner", worker="w", share=0.02, idle=30.0, clock=lambda: self.seconds)
        how = live.LeaseSettings(share=0.02, retry=0)
        self.book = live.BudgetBook(self.stock, clock=live.Clock("UTC"), budgets=self.budgets, settings=how)
        self.day = live.Clock("UTC").day(self.now)
        self.stock.first([self.day], self.budgets)

    @property
    def now(self):
        return round(self.seconds * MICRO)

    def go_on(self, ticks, *, bids=7, amount=10_000, click=0.1):
        """Bid for so many ticks, a share of it clicked; gives how many bids got no money."""
        refused = 0
        for _ in range(ticks):
            self.book.tick(self.now)
            self.stock.refill([self.day], self.budgets)
            self.seconds += 0.5
            for _ in range(bids):
                (hold,) = self.book.reserve([""], [amount], [self.now], self.now)
                if isinstance(hold, str):
                    refused += 1
                    continue
                self.bids += 1
                self.book.enter([hold], [f"{self.bids}"])
                cost = amount if self.bids % round(1 / click) == 0 else 0
                self.book.charge(f"{self.bids}", cost)
                self.spent += cost
        return refused

    def held(self):
        """What would count though nobody spent it, in slices, were the worker killed now."""
        (standing,) = store.spend_of(self.db, "corner", self.day.isoformat())
        return (standing.spent + standing.leased - self.spent / MICRO) / 200.0


def test_a_worker_that_bids_calmly_holds_two_slices_at_most(db):
    worker = Bidding(db)
    most = 0
    for _ in range(30):
        worker.go_on(50)
        most = max(most, worker.held())
    assert 1 < most <= 2, "one in use, one in stock"


def test_slices_laid_in_for_a_burst_go_back_when_it_is_over_though_bids_go_on(db):
    worker = Bidding(db)
    assert worker.go_on(6, bids=100, click=1.0, amount=10 * MICRO) > 0
    worker.go_on(1, bids=0)
    assert 2 < worker.held() <= 5, "four in stock and one in use at most, however many bids come"
    refused = worker.go_on(140, bids=1, click=1.0, amount=10 * MICRO)  # a slice every ten seconds: never idle
    assert refused == 0
    assert worker.held() <= 2


def test_a_bid_that_comes_rarely_finds_a_slice_in_the_end(db):
    worker = Bidding(db)
    refused = 0
    for _ in range(10):
        refused = worker.go_on(1, bids=1)
        worker.go_on(240, bids=0)
    assert refused == 0
    worker.go_on(7_500, bids=0)
    assert worker.held() == 0, "nobody came for an hour"


def test_many_bids_at_once_get_what_is_in_stock_and_a_reason(db):
    worker = Bidding(db)
    worker.go_on(1, bids=0)
    holds = worker.book.reserve([""] * 5, [80 * MICRO] * 5, [worker.now] * 5, worker.now)
    assert [isinstance(one, str) for one in holds] == [False, False, True, True, True]
    assert holds[-1] == "shop_budget"
