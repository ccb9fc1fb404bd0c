import json
import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from pricebid import store
from pricebid.errors import InputError
from pricebid.store.schema import leases

DAY = "2026-03-01"

SPEND = """
import json, random, sys
from pricebid import store
db = store.open_store(sys.argv[1])
luck = random.Random(int(sys.argv[2]))
print("ready", flush=True)
sys.stdin.readline()
spent = 0
while (lease := store.lease(db, "acme", "c", "2026-03-01", budget=20.0, amount=luck.choice([0.35, 1.1]), worker=sys.argv[2], seconds=60)):
    paid = luck.randint(0, round(lease.amount * 1e6)) if luck.random() < 0.7 else round(lease.amount * 1e6)
    spent += paid
    store.settle(db, "acme", lease.id, paid / 1e6)
print(json.dumps(spent))
"""


def lease(db, amount, *, budget=10.0, campaign="c", worker="w", seconds=60.0):
    return store.lease(db, "acme", campaign, DAY, budget=budget, amount=amount, worker=worker, seconds=seconds)


def standing(db, campaign="c"):
    return next(
        (one.budget, one.spent, one.leased) for one in store.spend_of(db, "acme", DAY) if one.campaign == campaign
    )


def test_leases_take_from_the_budget_until_nothing_is_left(db):
    first, second = lease(db, 6.0), lease(db, 6.0)
    assert (first.amount, second.amount, lease(db, 0.01)) == (6.0, 4.0, None)
    assert standing(db) == (10.0, 0.0, 10.0)
    store.record_spend(db, "acme", first.id, 1.5)
    assert standing(db) == (10.0, 1.5, 8.5)
    assert lease(db, 1.0) is None, "what is leased and not settled may yet be spent"
    assert store.settle(db, "acme", first.id, 2.0).state == "settled"
    assert standing(db) == (10.0, 2.0, 4.0)
    assert lease(db, 100.0).amount == 4.0


def test_reports_are_totals_that_may_come_twice_late_and_higher(db):
    first = lease(db, 5.0)
    for told in (2.0, 2.0, 1.0):
        store.record_spend(db, "acme", first.id, told)
    assert standing(db) == (10.0, 2.0, 3.0)
    for told in (3.0, 3.0, 2.5):
        store.settle(db, "acme", first.id, told)
    assert standing(db) == (10.0, 3.0, 0.0)
    store.settle(db, "acme", first.id, 5.5)
    assert standing(db) == (10.0, 5.5, 0.0), "what was spent beyond the lease was spent"
    assert lease(db, 9.0).amount == 4.5


def test_a_lease_that_ran_out_counts_in_full_until_it_is_settled(db):
    lost = lease(db, 4.0, seconds=1.0)
    kept = lease(db, 2.0, seconds=1000.0)
    store.record_spend(db, "acme", lost.id, 1.0)
    assert store.expire_leases(db, at=lost.expires_at - 1) == 0
    assert store.expire_leases(db, at=lost.expires_at) == 1
    assert store.expire_leases(db, at=lost.expires_at) == 0
    assert [(one.id, one.state, one.spent) for one in store.unsettled(db, "acme")] == [
        (lost.id, "expired", 1.0),
        (kept.id, "open", 0.0),
    ]
    assert lease(db, 10.0).amount == 4.0
    store.settle(db, "acme", lost.id, 1.0)
    assert lease(db, 10.0).amount == 3.0
    assert store.unsettled(db, "acme", worker="nobody") == ()


def test_budgets_of_campaigns_days_and_shops_are_their_own(db):
    store.put_shop(db, "other", by="ann")
    assert lease(db, 10.0).amount == lease(db, 10.0, campaign="").amount == 10.0
    for shop, day in (("acme", "2026-03-02"), ("other", DAY)):
        assert store.lease(db, shop, "c", day, budget=10.0, amount=10.0, worker="w", seconds=1.0).amount == 10.0
    assert [one.campaign for one in store.spend_of(db, "acme", DAY)] == ["", "c"]


def test_a_budget_that_is_cut_below_what_is_out_gives_nothing_more(db):
    first = lease(db, 8.0)
    assert lease(db, 5.0, budget=6.0) is None
    assert standing(db) == (6.0, 0.0, 8.0)
    store.settle(db, "acme", first.id, 1.0)
    assert lease(db, 9.0, budget=6.0).amount == 5.0


def test_amounts_are_exact_whatever_floats_make_of_them(db):
    taken = [lease(db, 0.1, budget=1.0) for _ in range(11)]
    assert [one is None for one in taken] == [False] * 10 + [True]
    for one in taken[:10]:
        store.settle(db, "acme", one.id, 0.1)
    assert standing(db) == (1.0, 1.0, 0.0)


@pytest.mark.parametrize(
    "wrong",
    [
        {"amount": 0.0},
        {"amount": -1.0},
        {"amount": float("nan")},
        {"amount": float("inf")},
        {"amount": 1e308},
        {"budget": -1.0},
        {"budget": float("nan")},
        {"seconds": 0.0},
        {"seconds": float("inf")},
    ],
)
def test_what_is_no_amount_is_refused(db, wrong):
    ((name, value),) = wrong.items()
    with pytest.raises(InputError, match=re.escape(f"{name} is {value}: ")):
        lease(db, **({"amount": 1.0} | wrong))


def test_reports_on_what_is_not_there_are_refused(db):
    store.put_shop(db, "other", by="ann")
    mine = lease(db, 1.0)
    for shop, which in (("acme", "none"), ("other", mine.id)):
        for report in (store.settle, store.record_spend):
            with pytest.raises(store.NotFound, match=f"no lease '{which}' in shop '{shop}'"):
                report(db, shop, which, 1.0)
    with pytest.raises(InputError, match="spent is -1"):
        store.settle(db, "acme", mine.id, -1.0)
    with pytest.raises(store.NotFound, match="no shop 'gone'"):
        store.lease(db, "gone", "c", DAY, budget=1.0, amount=1.0, worker="w", seconds=1.0)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("lease"), st.integers(1, 7_000_000)),
        st.tuples(st.sampled_from(["record", "settle"]), st.integers(0, 9), st.floats(0.0, 1.0)),
        st.tuples(st.just("expire")),
    ),
    max_size=12,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS, budget=st.integers(0, 20_000_000))
def test_what_leases_allow_never_exceeds_the_budget_and_the_books_agree_with_the_leases(db, steps, budget):
    campaign = f"c{store.now()}"
    held = []
    for name, *given_ in steps:
        if name == "lease":
            got = lease(db, given_[0] / 1e6, budget=budget / 1e6, campaign=campaign)
            held += [] if got is None else [got]
        elif name == "expire":
            store.expire_leases(db, at=store.now() + 10**12)
        elif held:
            which = held[given_[0] % len(held)]
            report = store.settle if name == "settle" else store.record_spend
            report(db, "acme", which.id, round(given_[1] * which.amount, 6))
            if name == "settle":  # a cost that comes after a slice was settled is more than it was settled at
                held.remove(which)
    with db.read() as conn:
        rows = conn.execute(select(leases).where(leases.c.campaign == campaign)).all()
    owed = sum(row.spent if row.state == "settled" else max(row.amount, row.spent) for row in rows)
    assert owed <= budget
    if rows:
        _, spent, leased = standing(db, campaign)
        assert round(spent * 1e6) == sum(row.spent for row in rows)
        assert round((spent + leased) * 1e6) == owed


def test_threads_that_lease_at_once_share_the_budget_to_the_last_cent(db):
    def work(worker):
        granted = 0
        while (got := lease(db, 0.7, worker=worker)) is not None:
            granted += round(got.amount * 1e6)
        return granted

    with ThreadPoolExecutor(5) as pool:
        granted = list(pool.map(work, [f"w{k}" for k in range(5)]))
    assert sum(granted) == 10_000_000
    assert len(store.unsettled(db, "acme")) == 15  # 14 of .70 and one of .20


def test_processes_that_lease_and_spend_at_once_never_overspend(db, database_url, processes):
    started = [processes(SPEND, database_url, str(seed)) for seed in (1, 2)]
    assert [process.stdout.readline() for process in started] == ["ready\n"] * 2
    for process in started:
        process.stdin.write("go\n")
        process.stdin.flush()
    told = [process.communicate() for process in started]
    assert [err for _, err in told] == ["", ""]
    spent = sum(json.loads(out) for out, _ in told)
    budget, booked, leased = standing(db)
    assert round(booked * 1e6) == spent
    assert spent == round(budget * 1e6), "all of it is spent, since what is returned is leased again"
    assert leased == 0.0
