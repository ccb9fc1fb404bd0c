"""However many workers give out bids, in whatever order things happen, no budget is overspent."""

from __future__ import annotations

import threading
from concurrent.futures import ProcessPoolExecutor
from datetime import date
from multiprocessing import get_context
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pricebid.errors import InputError
from pricebid.live import BudgetBook, Clock, Grant, LeaseSettings, MemoryLeases

SECOND = 1_000_000
NOW = 1_780_000_000 * SECOND
DAY = date(2026, 5, 28)
QUICK = LeaseSettings(valid=2 * SECOND, hold=10 * SECOND, life=20 * SECOND, idle=5 * SECOND, share=0.1, retry=SECOND)


def book(leases=None, *, budgets=None, how=QUICK, zone="UTC"):
    return BudgetBook(leases or MemoryLeases(), clock=Clock(zone), budgets=budgets or {"a": 100, "": 150}, settings=how)


def bid(book_, campaign, amount, now, name):
    (hold,) = book_.reserve([campaign], [amount], [now], now)
    if isinstance(hold, str):
        return hold
    book_.enter([hold], [name])
    return None


steps = st.lists(
    st.tuples(
        st.integers(0, 2),  # worker
        st.sampled_from(["bid", "bid", "bid", "click", "lose", "wait", "tick"]),
        st.sampled_from(["a", "b", "c"]),
        st.integers(1, 40),
    ),
    max_size=120,
)


@settings(max_examples=150)
@given(steps, st.integers(0, 2**32 - 1))
def test_no_interleaving_overspends_any_budget(script, seed):
    rng = np.random.default_rng(seed)
    budgets = {"a": 100, "b": 60, "": 130}
    leases = MemoryLeases()
    workers = [book(leases, budgets=budgets) for _ in range(3)]
    now, spent, given_out = NOW, dict.fromkeys(["a", "b", "c", ""], 0), {}
    for number, (worker, what, campaign, size) in enumerate(script):
        alive = [name for name, (_, _, at) in given_out.items() if now < at + QUICK.hold]
        if what == "bid":
            if bid(workers[worker], campaign, size, now, str(number)) is None:
                given_out[str(number)] = (campaign, size, now)
        elif what in {"click", "lose"} and alive:
            name = alive[int(rng.integers(len(alive)))]
            where, most, _ = given_out.pop(name)
            cost = int(rng.integers(most + 1)) if what == "click" else 0
            spent[where] += cost
            spent[""] += cost
            assert sum(one.charge(name, cost) for one in workers) == 1  # told to all, counted by one
        elif what == "wait":
            now += size * SECOND // 4
        else:
            workers[worker].tick(now)
        assert all(spent[name] <= budget for name, budget in budgets.items())
    # Nothing is lost either: once all bids are too old, what was not spent can be leased again.
    now += QUICK.hold + QUICK.life
    for one in workers:
        one.tick(now, closing=True)
    for name, budget in budgets.items():
        left = leases.lease(name, DAY, budget=budget, amount=budget, until=now)
        assert (left.amount if left else 0) == budget - spent[name]


def test_a_bid_is_given_out_only_if_its_click_can_be_paid():
    one = book()
    assert bid(one, "a", 60, NOW, "first") is None
    assert bid(one, "a", 60, NOW, "second") == "campaign_budget"
    assert bid(one, "b", 90, NOW, "third") is None
    assert bid(one, "b", 1, NOW, "fourth") == "shop_budget"


def test_money_set_aside_comes_back_with_feedback_and_with_age():
    one = book(budgets={"a": 100})
    assert bid(one, "a", 100, NOW, "first") is None
    assert one.charge("first", 30)
    assert bid(one, "a", 71, NOW, "too much") == "campaign_budget"
    assert bid(one, "a", 70, NOW + SECOND, "second") is None
    assert bid(one, "a", 70, NOW + 10 * SECOND, "third") == "campaign_budget"
    assert bid(one, "a", 70, NOW + 12 * SECOND, "third") is None


def test_a_cost_that_is_not_the_last_keeps_the_rest_set_aside():
    one = book(budgets={"a": 100})
    bid(one, "a", 90, NOW, "first")
    one.charge("first", 30, final=False)
    assert one.standing()["a", DAY] == (0, 60, 30)
    one.charge("first", 20)
    assert one.standing()["a", DAY] == (40, 0, 50)


def test_late_and_excessive_costs_count_in_full():
    leases = MemoryLeases()
    one = book(leases, budgets={"a": 100})
    bid(one, "a", 40, NOW, "late")
    bid(one, "a", 20, NOW, "dear")
    one.charge("dear", 25)
    one.tick(NOW + 60 * SECOND)
    assert one.charge("late", 40)
    assert leases.lease("a", DAY, budget=100, amount=100, until=0).amount == 35


def test_a_decision_of_another_worker_is_left_alone():
    one, other = book(), book()
    bid(one, "a", 10, NOW, "mine")
    assert not other.charge("mine", 5)
    assert one.charge("mine", 5)


def test_a_slice_that_is_not_used_is_given_back_to_other_workers():
    leases = MemoryLeases()
    first, second = (book(leases, budgets={"a": 100}, how=LeaseSettings(share=1.0, idle=5 * SECOND)) for _ in range(2))
    bid(first, "a", 10, NOW, "one")
    assert bid(second, "a", 10, NOW, "two") == "campaign_budget"
    first.charge("one", 10)
    first.tick(NOW + 6 * SECOND)
    assert bid(second, "a", 90, NOW + 7 * SECOND, "three") is None
    assert bid(second, "a", 1, NOW + 7 * SECOND, "four") == "campaign_budget"


def test_a_slice_that_is_used_up_is_accounted_for_at_the_next_tick():
    leases = MemoryLeases()
    one = book(leases, budgets={"a": 100})
    bid(one, "a", 10, NOW, "all of it")
    bid(one, "a", 10, NOW, "still out")
    one.charge("all of it", 10)
    one.tick(NOW)
    assert one.standing()["a", DAY] == (0, 10, 0), "the other slice waits for its bid"
    one.charge("all of it", 5)  # late: it counts all the same
    one.charge("still out", 0)
    one.tick(NOW + 60 * SECOND)
    assert leases.lease("a", DAY, budget=100, amount=100, until=0).amount == 85


def test_what_a_killed_worker_held_stays_out_of_the_budget():
    leases = MemoryLeases()
    bid(book(leases, budgets={"a": 100}), "a", 60, NOW, "lost")
    left = book(leases, budgets={"a": 100})
    assert bid(left, "a", 41, NOW + 1_000 * SECOND, "more") == "campaign_budget"
    assert bid(left, "a", 40, NOW + 1_002 * SECOND, "rest") is None


def test_a_new_day_begins_at_local_midnight_with_its_whole_budget():
    clock = Clock("Europe/Berlin")
    midnight = clock.midnight(date(2026, 10, 26))  # the day after the one of 25 hours
    one = book(budgets={"a": 100}, zone="Europe/Berlin")
    assert bid(one, "a", 100, midnight - 1, "before") is None
    assert bid(one, "a", 100, midnight - 1, "more") == "campaign_budget"
    assert bid(one, "a", 100, midnight, "after") is None
    one.charge("before", 100)
    assert bid(one, "a", 1, midnight + 5 * SECOND, "still") == "campaign_budget"


def test_a_dry_budget_is_not_asked_again_at_once():
    asked = []
    leases = SimpleNamespace(lease=lambda *_, **more: asked.append(more), settle=None)
    one = book(leases, budgets={"a": 100})
    for _ in range(5):
        assert bid(one, "a", 10, NOW, "x") == "campaign_budget"
    assert len(asked) == 1
    bid(one, "a", 10, NOW + 2 * SECOND, "x")
    assert len(asked) == 2


def test_campaigns_without_a_budget_are_free_to_bid():
    assert bid(book(budgets={"a": 1}), "b", 10**9, NOW, "x") is None


def test_a_budget_that_is_raised_is_used_at_once():
    one = book(budgets={"a": 10})
    assert bid(one, "a", 20, NOW, "x") == "campaign_budget"
    one.set_budgets({"a": 30})
    assert bid(one, "a", 20, NOW, "x") is None


@pytest.mark.parametrize("wrong", [{"share": 0.0}, {"hold": 0}, {"valid": 20, "hold": 10}, {"idle": -1}])
def test_settings_out_of_range_are_refused(wrong):
    with pytest.raises(InputError):
        LeaseSettings(**wrong)


def spend(one, rng, name, count):
    """Give out bids and let clicks cost up to them; returns what was spent."""
    spent, now = 0, NOW
    for number in range(count):
        now += SECOND // 50
        amount = int(rng.integers(1, 50))
        if bid(one, "a", amount, now, f"{name} {number}") is None:
            cost = int(rng.integers(amount + 1)) if rng.random() < 0.5 else 0
            spent += cost
            one.charge(f"{name} {number}", cost)
        if number % 20 == 0:
            one.tick(now)
    one.tick(now, closing=True)
    return spent


def test_threads_share_a_budget_and_strand_none_of_it():
    leases, total = MemoryLeases(), [0] * 4

    def run(at):
        total[at] = spend(book(leases, budgets={"a": 20_000, "": 18_000}), np.random.default_rng(at), str(at), 1_500)

    threads = [threading.Thread(target=run, args=(at,)) for at in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(total) <= 18_000
    # How much four reach together depends on who holds a slice when another asks. What they gave back does not.
    rest = spend(book(leases, budgets={"a": 20_000, "": 18_000}), np.random.default_rng(9), "last", 3_000)
    assert 18_000 - 50 < sum(total) + rest <= 18_000


def test_threads_share_one_book():
    one, results = book(budgets={"a": 2_000}), [0] * 4

    def run(at):
        results[at] = spend(one, np.random.default_rng(at), str(at), 300)

    threads = [threading.Thread(target=run, args=(at,)) for at in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(results) <= 2_000
    rest = spend(one, np.random.default_rng(9), "last", 1_500)
    assert 2_000 - 50 < sum(results) + rest <= 2_000


class StoreLeases:
    """The shop's budgets in the database, as the service leases from them."""

    def __init__(self, url, worker):
        from pricebid import store

        self.store, self.db, self.worker = store, store.open_store(url), worker

    def lease(self, campaign, day, *, budget, amount, until):
        found = self.store.lease(
            self.db,
            "north",
            campaign,
            day.isoformat(),
            budget=budget / 1e6,
            amount=amount / 1e6,
            worker=self.worker,
            seconds=3600.0,
        )
        del until
        return None if found is None else Grant(id=found.id, amount=round(found.amount * 1e6))

    def settle(self, grant, spent):
        self.store.settle(self.db, "north", grant, spent / 1e6)


def process(url, at, count=400):
    return spend(
        book(StoreLeases(url, f"worker {at}"), budgets={"a": 4_000, "": 3_500}),
        np.random.default_rng(at),
        str(at),
        count,
    )


def test_processes_share_a_budget_in_the_database(tmp_path):
    store = pytest.importorskip("pricebid.store")
    url = f"sqlite:///{tmp_path / 'shared.db'}"
    db = store.open_store(url)
    store.put_shop(db, "north", by="test")
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        spent = sum(pool.map(process, [url] * 2, range(2)))
    (whole, campaign) = store.spend_of(db, "north", DAY.isoformat())
    assert (whole.campaign, campaign.campaign) == ("", "a")
    assert round(whole.spent * 1e6) == round(campaign.spent * 1e6) == spent <= 3_500
    # How much both reach together depends on who holds a slice when the other asks. What they gave back does not.
    rest = process(url, 2, count=1_500)
    (whole, _) = store.spend_of(db, "north", DAY.isoformat())
    db.close()
    assert round(whole.spent * 1e6) == spent + rest
    assert 3_500 - 50 < spent + rest <= 3_500
