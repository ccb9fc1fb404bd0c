"""What is published reaches a worker at once, whatever else is read; what is read late never replaces what is newer."""

import asyncio
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from pricebid import store
from pricebid.errors import TableError
from pricebid.live import ShopPrices, Signer
from pricebid.live.prices import FILE
from pricebid.tables.identify import new_id
from pricebid_api import in_force, snapshots
from pricebid_api.errors import Problem
from pricebid_api.heavy import Heavy
from pricebid_api.metrics import Metrics
from pricebid_api.poller import Poller
from pricebid_api.settings import Settings
from pricebid_api.snapshots import Snapshots

MANY = [f"shop-{at}" for at in range(8)]


class Reading:
    """Stands in for the process that reads tables: ends when it is let to."""

    def __init__(self, answer):
        self.open = asyncio.Event()
        self.asked = []
        self.answer = answer

    async def run(self, seconds, function, where, shop, policy):
        assert function is in_force.shop_prices
        del seconds, where
        self.asked.append((shop, policy["price"]["max_change"] if "price" in policy else None))
        await self.open.wait()
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


class World:
    """A store with plans that need no fit, and a worker's shelves of it."""

    def __init__(self, home, files):
        self.db = store.open_store(home)
        self.files = files
        self.at = ShopPrices.from_bytes(files[FILE])
        self.reading = Reading(self.floors(3.0))
        self.shelves = self.worker()

    def worker(self, **given):
        budgets = SimpleNamespace(get=lambda _: None, drop=lambda _: None)
        return Snapshots(
            self.db,
            "nowhere",
            heavy=self.reading,
            signer=lambda shop: Signer(shop=shop, keys={0: bytes(32)}, current=0),
            budgets=budgets,
            **given,
        )

    def floors(self, least):
        """What the tables give: every floor as told, money."""
        return replace(self.at, floor=np.full(len(self.at.floor), least)).to_bytes()

    def publish(self, shop, *, inputs="", change=0.1):
        document = json.loads(self.files["plan.json"]) | {"id": new_id()}
        document["policy"]["price"]["max_change"] = change
        files = {**self.files, "plan.json": json.dumps(document).encode()}
        facts = store.PlanFacts(solution="optimal", items=4, inputs=inputs)
        store.put_shop(self.db, shop, by="tests")
        plan = store.add_plan(self.db, shop, "price", files=files, facts=facts, by="tests").id
        store.approve_plan(self.db, shop, plan, by="tests")
        return store.publish_plan(self.db, shop, plan, by="tests").id

    def load(self, shop, data=b"costs of today"):
        """Load a table, and give the digest of all."""
        store.put_table(self.db, shop, "catalog", data, rows=1, digest=data.hex(), by="tests")
        return in_force.tables_of(self.db, shop)[1]

    def shown(self, shop):
        shelf = self.shelves.get(shop)
        return None if shelf is None or not shelf.prices.plans else shelf.prices.plans[-1]

    def least(self, shop):
        return self.shelves.get(shop).prices.floor[:-1].min() / 100

    async def until(self, what, seconds=10.0):
        end = time.monotonic() + seconds
        while not what():
            assert time.monotonic() < end
            await asyncio.sleep(0.01)


@pytest.fixture
def world(tmp_path, planned):
    made = planned.plan()
    found = World(tmp_path / "home", store.plan_files(planned.db, "corner", made.id))
    yield found
    found.db.close()


def played(world, story):
    async def whole():
        try:
            await story()
        finally:
            await world.shelves.stop()

    asyncio.run(whole())


def test_many_shops_that_publish_at_once_are_all_quoted_before_any_table_is_read(world):
    for shop in MANY:
        world.publish(shop)

    async def story():
        await world.shelves.refresh()
        tables = {shop: world.load(shop) for shop in MANY}
        plans = {shop: world.publish(shop) for shop in MANY}
        await asyncio.wait_for(world.shelves.refresh(), 2.0)
        assert {shop: world.shown(shop) for shop in MANY} == plans
        assert len(world.reading.asked) == 1  # bounded: the others wait for their turn
        late = world.publish(MANY[3])
        await asyncio.wait_for(world.shelves.refresh(), 2.0)
        assert world.shown(MANY[3]) == late
        world.reading.open.set()
        await world.until(lambda: {shop: world.shelves.get(shop).tables for shop in MANY} == tables)
        assert {world.least(shop) for shop in MANY} == {3.0}
        assert world.shown(MANY[3]) == late

    played(world, story)


def test_plans_are_taken_up_side_by_side_and_one_that_takes_long_holds_up_no_look(world, monkeypatch):
    plain, slow, go = snapshots.look, [], threading.Event()

    def look(db, shop):
        slow.append(shop)
        if shop == MANY[0] and len(slow) > len(MANY):
            go.wait(60.0)
        return plain(db, shop)

    monkeypatch.setattr(snapshots, "look", look)
    for shop in MANY:
        world.publish(shop)

    async def story():
        await world.shelves.refresh()
        before = world.shown(MANY[0])
        plans = {shop: world.publish(shop) for shop in MANY}
        await world.shelves.refresh(0.1)
        await world.until(lambda: all(world.shown(shop) == plans[shop] for shop in MANY[1:]))
        later = world.publish(MANY[5])
        await world.shelves.refresh(0.1)
        await world.until(lambda: world.shown(MANY[5]) == later)
        assert world.shown(MANY[0]) == before
        go.set()
        await world.until(lambda: world.shown(MANY[0]) == plans[MANY[0]])

    played(world, story)


def test_tables_read_late_do_not_replace_a_newer_plan_that_was_made_from_them(world):
    world.publish("corner")

    async def story():
        await world.shelves.refresh()
        tables = world.load("corner")
        world.publish("corner")
        await world.shelves.refresh()
        await world.until(lambda: len(world.reading.asked) == 1)
        newer = world.publish("corner", inputs=tables)
        await world.shelves.refresh()
        held = world.shelves.get("corner")
        assert (world.shown("corner"), held.tables) == (newer, tables)
        world.reading.open.set()
        await world.until(lambda: not world.shelves._reading)
        assert world.shelves.get("corner") is held

    played(world, story)


@pytest.mark.parametrize("change", [0.1, 0.2])
def test_tables_read_late_are_put_beside_the_newest_plan_and_read_anew_for_another_policy(world, change):
    world.publish("corner")

    async def story():
        await world.shelves.refresh()
        tables = world.load("corner")
        world.publish("corner")
        await world.shelves.refresh()
        await world.until(lambda: len(world.reading.asked) == 1)
        newer = world.publish("corner", change=change)
        await world.shelves.refresh()
        world.reading.open.set()
        await world.until(lambda: world.shelves.get("corner").tables == tables)
        assert (world.shown("corner"), world.least("corner")) == (newer, 3.0)
        assert [asked for _, asked in world.reading.asked] == ([0.1] if change == 0.1 else [0.1, 0.2])

    played(world, story)


def test_floors_never_fall_while_a_plan_of_older_tables_waits_for_them(world):
    world.publish("corner")

    async def story():
        await world.shelves.refresh()
        world.load("corner")
        world.reading.open.set()
        await world.shelves.refresh_tables()
        await world.until(lambda: world.least("corner") == 3.0)
        world.reading.open.clear()
        world.load("corner", b"costs of tomorrow")
        plan = world.publish("corner")
        await world.shelves.refresh()
        assert (world.shown("corner"), world.least("corner")) == (plan, 3.0)
        world.reading.answer = world.floors(2.0)
        world.reading.open.set()
        await world.until(lambda: world.least("corner") == 2.0)

    played(world, story)


def test_tables_loaded_anew_are_read_behind_and_loaded_again_meanwhile_read_again(world):
    world.publish("corner")

    async def story():
        await world.shelves.refresh()
        world.load("corner")
        await asyncio.wait_for(world.shelves.refresh_tables(), 2.0)
        await world.until(lambda: len(world.reading.asked) == 1)
        assert world.shelves.get("corner").tables == ""
        tables = world.load("corner", b"costs of tomorrow")
        await world.shelves.refresh_tables()
        world.reading.open.set()
        await world.until(lambda: world.shelves.get("corner").tables == tables)
        assert len(world.reading.asked) == 2

    played(world, story)


def test_a_worker_is_ready_when_the_tables_of_its_first_look_are_read(world, tmp_path):
    world.publish("corner")
    world.load("corner")
    asleep = SimpleNamespace(refresh=lambda _: None, tick=lambda: None, late_seconds=0.0)

    async def story():
        poller = Poller(
            world.db,
            keys=asleep,
            snapshots=world.shelves,
            recorder=asleep,
            budgets=asleep,
            metrics=Metrics(),
            settings=Settings(home=tmp_path / "home", poll_seconds=0.05),
        )
        poller.start()
        try:
            await world.until(lambda: world.reading.asked)
            await asyncio.sleep(0.3)  # several looks
            assert poller.reasons() == ["published plans are being loaded"]
            world.reading.open.set()
            await world.until(lambda: poller.reasons() == [])
            assert world.least("corner") == 3.0
            world.reading.open.clear()  # what is published later does not make it unready
            world.load("corner", b"costs of tomorrow")
            world.publish("corner")
            await world.until(lambda: len(world.reading.asked) == 2)
            assert poller.reasons() == []
        finally:
            await poller.stop()
        assert not world.shelves._reading
        assert not world.shelves._taking

    played(world, story)


def test_without_a_shelf_before_nothing_is_quoted_until_tables_that_moved_are_read(world):
    plan = world.publish("corner")
    world.load("corner")

    async def story():
        await world.shelves.refresh()
        assert world.shelves.get("corner") is None
        assert not world.shelves.settled
        asked = [asyncio.create_task(world.shelves.need("corner")) for _ in range(20)]
        await asyncio.sleep(0.1)
        assert not any(one.done() for one in asked)
        world.reading.open.set()
        shelves = await asyncio.gather(*asked)
        assert {one.prices.plans for one in shelves} == {(plan,)}
        assert world.least("corner") == 3.0
        assert world.shelves.settled
        assert len(world.reading.asked) == 1

    played(world, story)


def test_who_needs_a_shop_whose_tables_take_long_is_told_to_come_again(world):
    world.publish("corner")
    world.load("corner")
    world.shelves = world.worker(patience=0.1)

    async def story():
        for _ in range(2):
            with pytest.raises(Problem) as refused:
                await world.shelves.need("corner")
            assert (refused.value.status, refused.value.code) == (503, "being_loaded")
            assert refused.value.headers["Retry-After"]
        with pytest.raises(store.NotFound):
            await world.shelves.need("nobody")

    played(world, story)


@pytest.mark.parametrize("error", [TableError([]), Problem(413, "too_large", "too large")])
def test_where_tables_cannot_be_read_the_plans_own_floors_hold_and_the_log_says_so(world, error, caplog):
    plan = world.publish("corner")
    tables = world.load("corner")
    world.reading.answer = error
    world.reading.open.set()

    async def story():
        await world.shelves.need("corner")
        assert (world.shown("corner"), world.shelves.get("corner").tables) == (plan, tables)
        assert world.least("corner") == pytest.approx(np.nanmin(world.at.floor), abs=0.01)
        assert "floors stay as they were when the plan was made" in caplog.text
        await world.shelves.refresh_tables()
        await world.until(lambda: not world.shelves._taking)
        assert len(world.reading.asked) == 1  # not again and again

    played(world, story)


def test_a_reading_that_found_no_turn_is_tried_again(world):
    world.publish("corner")
    world.load("corner")
    world.reading.answer = Problem(503, "busy", "others first")
    world.reading.open.set()

    async def story():
        with pytest.raises(Problem, match="being read"):
            await world.shelves.need("corner")
        world.reading.answer = world.floors(3.0)
        await world.shelves.refresh()
        await world.until(lambda: world.shelves.get("corner") is not None)

    played(world, story)


def test_what_could_not_be_taken_up_while_the_store_was_away_is_taken_up_when_it_is_back(world, monkeypatch):
    plain, away = snapshots.look, [True]

    def look(db, shop):
        if away:
            raise store.Unavailable("the database does not answer")
        return plain(db, shop)

    monkeypatch.setattr(snapshots, "look", look)
    plan = world.publish("corner")

    async def story():
        await world.shelves.refresh()
        assert world.shown("corner") is None
        with pytest.raises(Problem, match="being read"):
            await world.shelves.need("corner")
        away.clear()
        await world.shelves.refresh()
        assert world.shown("corner") == plan

    played(world, story)


def test_a_plan_taken_back_is_quoted_no_more_while_tables_are_read(world):
    plan = world.publish("corner")
    world.load("corner")
    world.reading.open.set()

    async def story():
        await world.shelves.need("corner")
        world.reading.open.clear()
        store.rollback_plan(world.db, "corner", plan, by="tests")
        await world.shelves.refresh()
        held = world.shelves.get("corner").prices
        assert (held.plans, held.serial, len(held.minor), world.least("corner")) == ((), 0, 1, 3.0)
        world.reading.answer = world.floors(2.0)
        world.reading.open.set()
        await world.until(lambda: world.least("corner") == 2.0)
        assert world.reading.asked[-1] == ("corner", None)

    played(world, story)


def test_no_price_of_another_currency_is_quoted_while_tables_are_read(world):
    store.put_shop(world.db, "corner", by="tests", settings={"currency": "EUR"})
    world.load("corner")
    world.reading.open.set()

    async def story():
        await world.shelves.need("corner")
        world.reading.open.clear()
        store.put_shop(world.db, "corner", by="tests", settings={"currency": "USD"})
        await world.shelves.refresh_tables()
        await world.until(lambda: world.shelves.get("corner") is None)
        world.reading.open.set()
        assert (await world.shelves.need("corner")).prices.currency == "USD"

    played(world, story)


def test_work_that_nobody_waits_for_any_more_is_ended():
    heavy = Heavy("process", 2**40)

    async def leave():
        await heavy.run(60.0, time.sleep, 0.0)  # it has started
        task = asyncio.create_task(heavy.run(60.0, time.sleep, 30.0))
        await asyncio.sleep(0.3)
        task.cancel()
        await asyncio.wait({task})

    asyncio.run(leave())
    began = time.monotonic()
    heavy.close()
    assert time.monotonic() - began < 5.0


class Purses(dict):
    """Stands in for the budgets of a worker."""

    def drop(self, shop):
        self.pop(shop, None)

    def open(self, shop, *_):
        self[shop] = self.get(shop, 0) + 1


def asked_at_once(world, monkeypatch, bids):
    """What five requests of one moment see, and the purses then."""
    store.put_shop(world.db, "corner", by="tests")
    purses = Purses()
    worker = Snapshots(world.db, "nowhere", heavy=world.reading, signer=None, budgets=purses)
    monkeypatch.setattr(snapshots, "published_bids", bids)

    async def ask():
        await worker.need_bids("corner")
        return purses.get("corner")

    async def story():
        try:
            return await asyncio.gather(*(ask() for _ in range(5)), return_exceptions=True)
        finally:
            await worker.stop()

    return asyncio.run(story()), purses


def test_bids_that_several_ask_for_at_once_are_there_for_all_of_them(world, monkeypatch):
    found, purses = asked_at_once(world, monkeypatch, lambda *_: time.sleep(0.1) or (1, 2))
    assert found == [1] * 5
    assert purses == {"corner": 1}


def test_bids_of_a_store_that_does_not_answer_are_not_taken_for_none(world, monkeypatch):
    def away(*_):
        raise store.Unavailable("the database does not answer")

    found, _ = asked_at_once(world, monkeypatch, away)
    assert all(isinstance(one, store.Unavailable) for one in found)


def test_an_erased_shop_is_quoted_no_more_though_its_laws_were_being_read(world, monkeypatch):
    go = threading.Event()
    world.publish("corner")

    async def story():
        await world.shelves.refresh()
        shelf = world.shelves.get("corner")
        explores = replace(shelf, prices=SimpleNamespace(explores=True))
        world.shelves._shelves["corner"] = explores
        monkeypatch.setattr(store, "state_versions", lambda *_: {"corner": 1})
        monkeypatch.setattr(snapshots, "learned", lambda _, found: go.wait(60.0) and found)
        laws = asyncio.create_task(world.shelves.refresh_laws())
        await world.until(lambda: world.shelves._lock("corner").locked())
        store.erase_shop(world.db, "corner", by="tests")
        world.shelves._read("corner")
        taken = world.shelves._take_up("corner")
        go.set()
        await laws
        await taken
        await world.until(lambda: not world.shelves._reading)
        assert world.shelves.get("corner") is None

    played(world, story)


def test_a_plan_that_failed_for_a_reason_nobody_foresaw_is_tried_again(world, monkeypatch):
    plain, broken = snapshots.look, [True]

    def look(db, shop):
        if broken:
            raise MemoryError
        return plain(db, shop)

    monkeypatch.setattr(snapshots, "look", look)
    monkeypatch.setattr(snapshots, "_RETRY_SECONDS", 0.0)
    plan = world.publish("corner")

    async def story():
        await world.shelves.refresh()
        assert world.shown("corner") is None
        broken.clear()
        await world.shelves.refresh()
        assert world.shown("corner") == plan

    played(world, story)


def test_plans_being_taken_up_leave_threads_for_others(world, monkeypatch):
    go = threading.Event()
    monkeypatch.setattr(snapshots, "look", lambda *_: go.wait(60.0) and None)
    for shop in MANY:
        world.publish(shop)

    async def story():
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))  # as on a machine with hardly a core
        world.shelves._first = frozenset()
        await world.shelves.refresh(0.05)
        assert await asyncio.wait_for(asyncio.to_thread(lambda: "keys"), 30.0) == "keys"
        go.set()

    played(world, story)


@pytest.mark.parametrize("priced", [True, False], ids=["beside prices", "alone"])
def test_a_lower_cap_reaches_bids_though_prices_are_being_read(world, monkeypatch, priced):
    purses, seen = Purses(), []

    def bids(db, shop):
        seen.append({one.name: one.version for one in store.get_tables(db, shop)}.get("campaigns"))
        return 1, 2

    monkeypatch.setattr(snapshots, "published_bids", bids)
    store.put_shop(world.db, "corner", by="tests")
    tables = world.load("corner")
    if priced:
        world.publish("corner", inputs=tables)
    else:  # nothing to quote a price from
        monkeypatch.setattr(snapshots, "look", lambda *_: (_ for _ in ()).throw(store.NotFound("no prices")))
    worker = world.shelves = world.worker()
    worker._budgets = purses

    async def story():
        await worker.load("corner")
        if priced:
            world.load("corner", b"costs of tomorrow")
            await worker.refresh_tables()
            await world.until(lambda: world.reading.asked)  # and goes on
        assert seen[-1] is None
        store.put_table(world.db, "corner", "campaigns", b"lower caps", rows=1, digest="aa", by="tests")
        await worker.refresh_tables()
        await world.until(lambda: seen[-1] == 1)
        await world.until(lambda: not worker._taking)
        asked = len(seen)
        await worker.refresh_tables()
        assert len(seen) == asked, "what is taken up is not taken up again"

    played(world, story)
