"""The money of a shop stays while a plan is in force, and a plan of other money is not published."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from pricebid import store
from pricebid.store.money import Money
from pricebid.tables import Settings

EUR, USD = {"currency": "EUR"}, {"currency": "USD"}


def test_what_a_shop_does_not_say_is_the_same_to_the_store_and_to_tables():
    assert Money.of({}) == Money(currency=Settings().currency, decimals=Settings().decimals)


def set_to(db, settings):
    return store.put_shop(db, "acme", by="ann", settings=settings)


def published(db, makes, **facts):
    plan = makes.plan(db, approved=True, **facts).id
    return store.publish_plan(db, "acme", plan, by="ann").id


@pytest.mark.parametrize("kind", ["price", "bid", "joint"])
@pytest.mark.parametrize("settings", [USD, {}, EUR | {"decimals": 0}])
def test_the_money_of_a_plan_in_force_cannot_change_until_it_is_taken_back(db, makes, kind, settings):
    set_to(db, EUR)
    plan = published(db, makes, kind=kind, currency="EUR", decimals=2)
    rows = len(store.list_audit(db, "acme").items)
    with pytest.raises(store.InForce, match=f"the {kind} plan {plan}, which is in force: take it back first"):
        set_to(db, settings)
    assert store.get_shop(db, "acme").settings == EUR
    assert len(store.list_audit(db, "acme").items) == rows
    store.rollback_plan(db, "acme", plan, by="ann")
    assert set_to(db, settings).settings == settings


def test_what_else_is_set_may_change_while_a_plan_is_in_force(db, makes):
    set_to(db, EUR)
    published(db, makes)
    for settings in (EUR | {"decimals": 2}, EUR | {"timezone": "Europe/Berlin", "decimals": None}, EUR):
        assert set_to(db, settings).settings == settings


@pytest.mark.parametrize(("settings", "told"), [(USD, "USD with 2"), (EUR | {"decimals": 3}, "EUR with 3")])
def test_a_plan_made_in_other_money_is_not_published(db, makes, settings, told):
    set_to(db, settings)
    plan = makes.plan(db, approved=True, currency="EUR", decimals=2).id
    with pytest.raises(
        store.StepError, match=f"made in EUR with 2 decimals, and shop 'acme' counts in {told} decimals"
    ):
        store.publish_plan(db, "acme", plan, by="ann")
    assert store.published(db, "acme", "price") is None
    assert store.get_plan(db, "acme", plan).status == "approved"
    set_to(db, EUR)
    assert store.publish_plan(db, "acme", plan, by="ann").status == "published"


def test_a_plan_of_before_money_was_kept_is_published(db, makes):
    set_to(db, USD)
    assert published(db, makes)


@pytest.mark.parametrize("attempt", range(5))
def test_of_a_publish_and_a_change_of_currency_at_once_one_is_refused(db, makes, attempt):
    del attempt
    set_to(db, EUR)
    plan = makes.plan(db, approved=True, currency="EUR", decimals=2).id
    together = Barrier(2)

    def run(step):
        together.wait()
        try:
            step()
        except (store.InForce, store.StepError) as error:
            return type(error)
        return None

    steps = [lambda: store.publish_plan(db, "acme", plan, by="ann"), lambda: set_to(db, USD)]
    with ThreadPoolExecutor(2) as pool:
        ended = list(pool.map(run, steps))
    changed = store.get_shop(db, "acme").settings == USD
    assert ended == ([store.StepError, None] if changed else [None, store.InForce])
    assert (store.published(db, "acme", "price") is None) is changed
