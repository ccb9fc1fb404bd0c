"""The loop closed in the service: quotes explore, feedback is folded, the law moves, pacing lasts, rows reach the next fit."""

import json
import time
from datetime import UTC, datetime, timedelta
from io import BytesIO

import numpy as np
import pyarrow.parquet as pq
import pytest
from tests.api.harness import CATALOG, CSV, Planned, load, serving
from tests.api.test_bids import BIDS, bid_home, some
from tests.api.test_quotes import FEEDBACK, QUOTES

from pricebid import store
from pricebid.live import QuoteItems, ShopPrices, Signer, build_prices, quote
from pricebid.live.explored import Explored
from pricebid.policy import Policy
from pricebid.store import DecisionRecord, FeedbackEvent
from pricebid.tables.identify import new_id
from pricebid_api.entries import Entry, encode
from pricebid_api.in_force import published_bids
from pricebid_api.pacing import DayPaces
from pricebid_api.settings import Settings
from pricebid_api.shops import load_shop, settings_of
from pricebid_api.upkeep import Upkeep
from pricebid_api.worker import quote_log
from pricebid_api.worker.attempt import attempt
from pricebid_api.worker.kinds import KINDS
from pricebid_api.worker.sales import SETTLED
from pricebid_api.worker.signals import Signals
from pricebid_api.worker.trials import read_trials
from pricebid_api.worker.work import Work

__all__ = ["bid_home"]  # a fixture
BUDGET = {"exploration_budget": 0.02}
TEA = {"sku": "tea", "region": "north"}
DAY = 86_400_000_000


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def explored_home(request, tmp_path_factory):
    """A store, on each database, whose published plan explores; gives it with what may be tried."""
    server = None if request.param == "sqlite" else request.getfixturevalue("postgres")
    url = None if server is None else server.make_migrated()
    made = Planned(tmp_path_factory.mktemp("explored"), url)
    info = made.published(learning=BUDGET)
    yield made, info
    made.db.close()
    if server is not None:
        server.take_back(url)


@pytest.fixture(autouse=True)
def _at_once(monkeypatch):
    monkeypatch.setattr(quote_log, "GRACE", 0)


def run(db, kind="learn", shop="corner"):
    job = store.submit(db, shop, kind, by="tests")
    attempt(Work(db=db, claim=store.claim(db, "w"), signals=Signals()), KINDS[kind])
    return store.get_job(db, job.id)


def ask(client, item, count):
    return client.post(QUOTES, json={"items": [item] * count}).json()["items"]


def logged(client, count, seconds=5.0):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        rows = client.get("/v1/shops/corner/decisions?limit=50").json()["items"]
        if sum(len(row["items"]) for row in rows) >= count:
            return
        time.sleep(0.05)
    raise AssertionError("the quote log was not written")


def sell(client, items, chance, rng, tag):
    """Tell what buyers do: whether one buys depends on the price alone; nothing is told of who does not."""
    bought = [one for one in items if rng.random() < chance(one["price"])]
    events = [
        {"event_id": f"{tag}-{at}", "decision_id": one["decision_id"], "units": 1, "revenue": one["price"]}
        for at, one in enumerate(bought)
    ]
    assert client.post(FEEDBACK, json={"events": events}).json()["accepted"] == len(events)
    return events


def law_of(explored, state, row):
    prices, law = explored.price[row], read_trials(state, explored).probability[row]
    return {round(float(price), 2): float(chance) for price, chance in zip(prices, law, strict=True) if chance > 0}


def tea_row(explored):
    at = [
        f"{sku}/{explored.keys.groups[group][0]}"
        for sku, group in zip(explored.keys.sku, explored.keys.group, strict=True)
    ]
    return at.index("tea/north")


def drawn_as_said(items, law):
    """Whether prices come as often as the law says: five standard errors, wrong once in two million seeds per price."""
    price, count = np.array([one["price"] for one in items]), len(items)
    assert {round(one, 2) for one in price.tolist()} <= law.keys()
    for value, chance in law.items():
        found = np.abs(price - value) < 1e-9
        assert abs(found.mean() - chance) <= 5 * np.sqrt(chance * (1 - chance) / count) + 1e-12
    assert all(one["propensity"] == pytest.approx(law[round(one["price"], 2)]) for one in items)


def test_the_law_is_stated_drawn_learnt_and_taken_up_within_the_budget(explored_home):
    made, info = explored_home
    explored = Explored.from_files(store.plan_files(made.db, "corner", info.id))
    row, rng = tea_row(explored), np.random.default_rng(3)
    assert explored.loss <= explored.allowance
    first = law_of(explored, None, row)
    assert len(first) > 1
    planned = float(explored.price[row, explored.planned[row]])
    best = float(np.nanmin(explored.price[row]))
    with made.serving(learn_seconds=None) as client:
        items = ask(client, TEA, 3_000)
        drawn_as_said(items, first)
        assert {one["source"] for one in items} <= {"plan", "exploration"}
        # In truth one buyer in ten buys at the plan's price, and far more as soon as it is cheaper.
        events = sell(client, items, lambda price: 0.1 * (price / planned) ** -20.0, rng, "a")
        again = client.post(FEEDBACK, json={"events": events[:50]}).json()
        assert (again["accepted"], again["duplicates"]) == (0, min(50, len(events)))
        logged(client, len(items))
        result = run(made.db).result
        assert result["folded"]["exploration"] == len(events)
        told = result["exploration"]
        assert (told["plan"], told["quotes"], told["units"]) == (info.id, 3_000, len(events))
        assert 0 < told["expected_loss"] <= told["allowance"]
        learnt_at = time.monotonic()
        state = store.get_state(made.db, "corner", "exploration").data
        kept = read_trials(state, explored)
        assert kept.shown[row].sum() == 3_000
        assert kept.sold[row].sum() == len(events)
        assert kept.loss <= explored.allowance + 1e-9
        law = law_of(explored, state, row)
        assert law.get(round(best, 2), 0.0) > max(first.get(round(best, 2), 0.0), 0.6)
        shelf = client.app_state["service"].snapshots.get("corner")
        while shelf.laws != store.get_state(made.db, "corner", "exploration").version:
            time.sleep(0.02)
            assert time.monotonic() - learnt_at < 2.0
            shelf = client.app_state["service"].snapshots.get("corner")
        drawn_as_said(ask(client, TEA, 3_000), law)
        assert run(made.db).result["folded"]["exploration"] == 0
    with made.serving(learn_seconds=None) as client:  # a worker that starts later draws from the same law
        drawn_as_said(ask(client, TEA, 2_000), law)


def test_a_worker_killed_between_folding_and_storing_leaves_nothing_folded_twice(explored_home, monkeypatch):
    made, info = explored_home
    explored = Explored.from_files(store.plan_files(made.db, "corner", info.id))
    row = tea_row(explored)
    before = read_trials(getattr(store.get_state(made.db, "corner", "exploration"), "data", None), explored)
    with made.serving(learn_seconds=None) as client:
        items = ask(client, TEA, 200)
        sold = sell(client, items, lambda _: 0.5, np.random.default_rng(4), "b")
        logged(client, len(items))
    real, calls = store.put_state, []

    def dies(db, shop, learner, *rest, **values):
        if learner == "exploration" and not calls:
            calls.append(learner)
            raise KeyboardInterrupt
        return real(db, shop, learner, *rest, **values)

    monkeypatch.setattr(store, "put_state", dies)
    job = store.submit(made.db, "corner", "learn", by="tests")
    claim = store.claim(made.db, "dies", seconds=0.01)
    with pytest.raises(KeyboardInterrupt):
        KINDS["learn"].run(Work(db=made.db, claim=claim, signals=Signals()))
    time.sleep(0.05)
    attempt(Work(db=made.db, claim=store.claim(made.db, "other"), signals=Signals()), KINDS["learn"])
    done = store.get_job(made.db, job.id)
    assert (done.state, done.result["folded"]["outcomes"], done.result["folded"]["exploration"]) == (
        "done",
        0,
        len(sold),
    )
    after = read_trials(store.get_state(made.db, "corner", "exploration").data, explored)
    assert after.sold[row].sum() - before.sold[row].sum() == len(sold)
    assert after.shown[row].sum() - before.shown[row].sum() >= 200


def bid_events(snapshot, count, *, at, cost, tag):
    item = [f"{int(one):016x}" for one in snapshot.digest]
    place = [row for row in range(len(item)) if snapshot.bid[row] > 0]
    return [
        FeedbackEvent(
            event_id=f"{tag}-{n}", decision_id=f"{tag}-{n}", decided_at=at, kind="bid", plan_id=snapshot.plan, option=-1,
            item=item[place[n % len(place)]], value=float(snapshot.bid[place[n % len(place)]]), propensity=1.0,
            clicks=1.0, cost=cost,
        )
        for n in range(count)
    ]  # fmt: skip


def test_spend_ahead_of_the_day_lowers_bids_and_a_new_day_begins_anew(bid_home):
    _, db, _ = bid_home
    snapshot, expected = published_bids(db, "corner")
    noon = datetime(2026, 5, 4, 2, 24, tzinfo=UTC)  # a tenth of the day is gone
    at = int(noon.timestamp() * 1e6)
    start = DayPaces.start(snapshot, expected, noon.date())
    budget = snapshot.budgets[""] / 1e6
    gone = snapshot.clock.gone(at)
    planned = np.full(5, 0.5)

    def told(share):
        paces = start
        for part in range(10):
            events = bid_events(snapshot, 20, at=at, cost=share * budget / 200, tag=f"{share}-{part}")
            paces = paces.folded(snapshot, expected, events)
        return paces

    fast, slow = told(0.9), told(0.05)
    assert fast.paces[""].state.spent == pytest.approx(0.9 * budget)
    assert fast.paces[""].bids(planned, gone=gone).mean() < 0.8 * slow.paces[""].bids(planned, gone=gone).mean()
    assert fast.paces[""].bids(planned, gone=gone).mean() < planned.mean()
    kept = DayPaces.from_bytes(fast.to_bytes(), snapshot, expected)
    assert kept.paces[""].bids(planned, gone=gone).tolist() == fast.paces[""].bids(planned, gone=gone).tolist()
    tomorrow = fast.folded(snapshot, expected, bid_events(snapshot, 3, at=at + DAY, cost=0.01, tag="next"))
    assert tomorrow.day == noon.date() + timedelta(days=1)
    assert tomorrow.paces[""].state.spent == pytest.approx(0.03)
    late = tomorrow.folded(snapshot, expected, bid_events(snapshot, 3, at=at, cost=1.0, tag="late"))
    assert late.paces[""].state.spent == pytest.approx(0.03)  # the ledger counts it, pacing is of the day
    assert fast.under(snapshot, expected).paces[""].state.spent == pytest.approx(0.9 * budget)


def test_a_restart_does_not_forget_the_day_and_each_worker_hears_of_each_event_once(bid_home):
    home, db, plan = bid_home
    snapshot, _ = published_bids(db, "corner")
    before = store.count_feedback(db, "corner")

    def spent(client):
        client.post(BIDS, json={"items": some(plan)})
        return client.app_state["service"].budgets.get("corner").paces.paces[""].state.spent

    with serving(home, learn_seconds=None) as client:
        base = spent(client)
        store.add_feedback(db, "corner", bid_events(snapshot, 30, at=store.now(), cost=0.02, tag="r1"))
        until = time.monotonic() + 3.0
        while spent(client) < base + 0.59 and time.monotonic() < until:
            time.sleep(0.05)
        assert spent(client) == pytest.approx(base + 0.6)
    run(db)
    assert store.get_state(db, "corner", "pacing").cursor == before + 30
    store.add_feedback(db, "corner", bid_events(snapshot, 10, at=store.now(), cost=0.02, tag="r2"))
    with serving(home, learn_seconds=None) as one, serving(home, learn_seconds=None) as two:
        for client in (one, two):
            spent(client)
        time.sleep(0.5)  # several looks
        assert [spent(client) for client in (one, two)] == pytest.approx([base + 0.8] * 2)


def test_the_log_is_read_forward_each_record_once(db):
    store.put_shop(db, "corner", by="tests")
    records = [
        DecisionRecord(id=f"{at}-{seq}", at=at, worker="w", seq=seq, kind=kind, request="r", items=b"")
        for seq, (at, kind) in enumerate([(5, "price"), (5, "price"), (6, "bid"), (7, "price"), (9, "price")], 1)
    ]
    store.add_decisions(db, "corner", records[::-1])
    found, place = [], (0, "")
    while part := store.next_decisions(db, "corner", kind="price", after=place, before=9, limit=2):
        found += part
        place = (part[-1].at, part[-1].id)
    assert found == [records[0], records[1], records[3]]


def test_feedback_that_waits_is_learnt_from_without_anybody_asking(db, tmp_path):
    store.put_shop(db, "corner", by="tests")
    upkeep = Upkeep(db, Settings(home=tmp_path, learn_seconds=5.0))
    given = {
        "decision_id": "t",
        "decided_at": 5,
        "kind": "price",
        "plan_id": "p",
        "item": "x",
        "option": -1,
        "value": 2.0,
    }
    event = FeedbackEvent(event_id="e", propensity=1.0, units=1.0, **given)
    assert upkeep.learn(5.0) == 0
    store.add_feedback(db, "corner", [event])
    assert upkeep.learn(5.0) == 0  # it has not waited long enough
    assert store.waiting_since(db, ["outcomes"]).keys() == {"corner"}
    assert upkeep.learn(0.0) == 1
    assert upkeep.learn(0.0) == 0  # one waits already
    attempt(Work(db=db, claim=store.claim(db, "w"), signals=Signals()), KINDS["learn"])
    assert store.waiting_since(db, ["outcomes", "exploration", "pacing"]) == {}
    assert store.state_versions(db, "outcomes") == {"corner": 1}
    store.add_feedback(db, "corner", [event])  # a duplicate is no news
    assert upkeep.learn(0.0) == 0
    (job,) = store.list_jobs(db, "corner").items
    assert (job.kind, job.state, job.by) == ("learn", "done", "upkeep")
    assert store.drop_ended(db, before=store.now(), kind="fit") == 0
    assert store.drop_ended(db, before=store.now() + 1, kind="learn") == 1
    old, new = (store.put_model(db, "corner", {"a": b"1"}, by="tests") for _ in range(2))
    assert store.drop_models(db, before=store.now() + 1) == 1
    assert store.latest_model(db, "corner").id == new.id != old.id


def test_the_service_asks_for_learning_by_itself(tmp_path):
    with serving(tmp_path, learn_seconds=0.2) as client:
        load(client)
        (item,) = ask(client, TEA, 1)
        sell(client, [item], lambda _: 1.0, np.random.default_rng(0), "s")
        until = time.monotonic() + 5.0
        jobs = []
        while not jobs and time.monotonic() < until:
            jobs = client.get("/v1/shops/corner/jobs").json()["items"]
            time.sleep(0.05)
        assert [one["kind"] for one in jobs] == ["learn"]


# -- rows for the next fit ---------------------------------------------------------------------------------------


def midnight(back):
    """Give when a day began that lies so far back; today begins when yesterday's feedback is taken to be whole."""
    today = datetime.now(UTC) - timedelta(microseconds=SETTLED)
    return today.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=back)


@pytest.fixture
def daily(database_url, tmp_path):
    """A shop whose sales were loaded up to three days ago, and quotes and feedback of every day since."""
    with serving(tmp_path / "state", database_url=database_url, learn_seconds=None) as client:
        days = [f"{midnight(back):%Y-%m-%d}" for back in range(40, 2, -1)]
        rows = "".join(
            f"{day},{sku},north,{units},{price}\n"
            for day in days
            for sku, units, price in (("tea", 10, 4.0), ("milk", 20, 1.2))
        )
        for table, text in (("sales", f"date,sku,region,units,price\n{rows}"), ("catalog", CATALOG)):
            assert client.put(f"/v1/shops/corner/tables/{table}", content=text, headers=CSV).status_code == 200
        db = store.open_store(database_url)
        yield client, db
        db.close()


def live_through(db, *, units, first=4):
    """Quote and sell from the evening before the first day without sales until now, as workers would have."""
    loaded = load_shop(db, "corner").shop
    prices = build_prices(
        "corner", settings_of({}), now=ShopPrices.of_shop(loaded, Policy.from_mapping({"objective": "units"}))
    )
    signer, records, events = Signer(shop="corner", keys={0: b"k" * 32}, current=0), [], []
    begin = int(midnight(first).timestamp() * 1e6) + 20 * 3_600_000_000
    for seq, at in enumerate(range(begin, store.now() - 1, 4 * 3_600_000_000), 1):
        asked = QuoteItems(sku=["tea", "milk"], region=["north", "north"])
        found = quote(prices, asked, now=at, rng=np.random.default_rng(0), signer=signer)
        entry = Entry("price", ("sku", "region"), (asked.sku, asked.region), found.words, {})
        records.append(
            DecisionRecord(id=new_id(), at=at, worker="w", seq=seq, kind="price", request="r", items=encode(entry))
        )
        said = signer.verify(found.decision_id[0])
        events.append(
            FeedbackEvent(
                event_id=f"{seq}", decision_id=said.id, decided_at=said.at, kind="price", plan_id="", option=-1,
                item=f"{said.offer:016x}", value=said.amount, propensity=1.0, units=units,
            )
        )  # fmt: skip
    store.add_decisions(db, "corner", records)
    store.add_feedback(db, "corner", events)


def chosen(db, kind="fit"):
    job = store.submit(db, "corner", kind, by="tests")
    work = Work(db=db, claim=store.claim(db, "w"), signals=Signals())
    found = work.inputs
    store.cancel(db, job.id, by="tests")
    attempt(work, KINDS[kind])
    return found, work


def test_days_that_only_feedback_tells_of_join_the_next_fit_until_sales_are_loaded(daily):
    client, db = daily
    live_through(db, units=5.0)
    job = run(db, "fit")
    assert job.error is None, job.error
    assert job.result["feedback"] == {
        "rows": 4, "first": f"{midnight(2):%Y-%m-%d}", "last": f"{midnight(1):%Y-%m-%d}",
    }  # fmt: skip
    card = store.model_files(db, "corner", job.result["model"])["card.md"].decode()
    assert "4 rows of sales" in card
    meta = json.loads(store.model_files(db, "corner", job.result["model"])["meta.json"])
    assert meta["last"] == f"{midnight(1):%Y-%m-%d}"
    found, _ = chosen(db)
    table = pq.read_table(BytesIO(found.fed.data)).slice(38 * 2).to_pylist()
    assert {(row["sku"], row["units"], round(row["price"], 9)) for row in table} == {
        ("tea", 30.0, 4.2),
        ("milk", 0.0, 1.25),
    }
    assert found.from_bytes(found.to_bytes()) == found
    assert run(db, "fit").result["reused"]  # nothing new was told
    client.put("/v1/shops/corner", json={"feedback_sales": False})
    assert chosen(db)[0].fed.rows == 0
    client.put("/v1/shops/corner", json={})
    assert chosen(db)[0].fed.rows == 4
    more = "date,sku,region,units,price\n" + "".join(
        f"{midnight(back):%Y-%m-%d},{sku},north,{units},{price}\n"
        for back in range(40, 1, -1) for sku, units, price in (("tea", 10, 4.0), ("milk", 20, 1.2))
    )  # fmt: skip
    assert client.put("/v1/shops/corner/tables/sales", content=more, headers=CSV).status_code == 200
    found, _ = chosen(db)
    assert (found.fed.rows, found.fed.first) == (2, f"{midnight(1):%Y-%m-%d}")


def test_feedback_of_a_part_of_the_sales_is_left_out_and_says_so(daily):
    _, db = daily
    live_through(db, units=0.5)
    fed = chosen(db)[0].fed
    assert fed.rows == 0
    assert "not all of what was sold" in fed.why


def test_days_of_which_only_a_part_was_quoted_do_not_count(daily):
    _, db = daily
    live_through(db, units=5.0, first=2)  # from the evening of the day before yesterday on
    fed = chosen(db)[0].fed
    assert (fed.rows, fed.first, fed.last) == (2, *[f"{midnight(1):%Y-%m-%d}"] * 2)


def test_a_plan_without_a_budget_tries_nothing(planned):
    assert "exploration.parquet" not in store.plan_files(planned.db, "corner", planned.plan().id)
