from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from pricebid import store

STEPS = {
    "approve": lambda db, plan: store.approve_plan(db, "acme", plan, by="bea"),
    "hold": lambda db, plan: store.hold_plan(db, "acme", plan, by="bea", reasons=["too many prices move"]),
    "publish": lambda db, plan: store.publish_plan(db, "acme", plan, by="bea"),
    "rollback": lambda db, plan: store.rollback_plan(db, "acme", plan, by="bea"),
}
LEADS_TO = {
    ("made", "approve"): "approved",
    ("made", "hold"): "held",
    ("held", "approve"): "approved",
    ("approved", "hold"): "held",
    ("approved", "publish"): "published",
    ("published", "rollback"): "retired",
}
WAY_TO = {
    "made": [],
    "held": ["hold"],
    "approved": ["approve"],
    "published": ["approve", "publish"],
    "retired": ["approve", "publish", "rollback"],
}


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("status", WAY_TO)
def test_a_plan_takes_the_steps_of_its_life_and_no_others(db, makes, status, step):
    plan = makes.plan(db)
    for before in WAY_TO[status]:
        STEPS[before](db, plan.id)
    rows = len(store.list_audit(db, "acme").items)
    if (status, step) in LEADS_TO:
        assert STEPS[step](db, plan.id).status == LEADS_TO[status, step]
        assert len(store.list_audit(db, "acme").items) == rows + 1
    else:
        with pytest.raises(store.StepError, match=f"plan {plan.id} is {status}: only a plan that is "):
            STEPS[step](db, plan.id)
        assert len(store.list_audit(db, "acme").items) == rows
        assert store.get_plan(db, "acme", plan.id).status == status


def test_the_reasons_of_a_held_plan_stay_when_somebody_approves_it_all_the_same(db, makes):
    plan = makes.plan(db)
    STEPS["hold"](db, plan.id)
    approved = STEPS["approve"](db, plan.id)
    assert approved.reasons == ("too many prices move",)
    assert store.list_audit(db, "acme", limit=1).items[0].detail["reasons"] == ["too many prices move"]


def test_publishing_retires_the_plan_before_and_a_rollback_brings_it_back_step_by_step(db, makes):
    one, two, three = (makes.plan(db, approved=True).id for _ in range(3))
    for plan in (one, two, three):
        STEPS["publish"](db, plan)
    bid = makes.plan(db, kind="bid", approved=True).id
    STEPS["publish"](db, bid)
    assert store.get_plan(db, "acme", two).status == "retired"

    def now():
        return store.published(db, "acme", "price")

    assert (now().plan_id, store.published(db, "acme", "bid").plan_id) == (three, bid)
    serials = [now().serial]
    for back, restored in ((three, two), (two, one)):
        taken = STEPS["rollback"](db, back)
        assert (taken.status, taken.replaced) == ("retired", restored)
        assert store.get_plan(db, "acme", restored).status == "published"
        assert now().plan_id == restored
        serials.append(now().serial)
    STEPS["rollback"](db, one)
    assert now() is None
    assert serials == sorted(set(serials))
    assert store.published(db, "acme", "bid").plan_id == bid


def test_workers_see_each_change_since_the_last_that_they_saw(db, makes):
    assert store.published_since(db, 0) == []
    one, two = (makes.plan(db, approved=True).id for _ in range(2))
    STEPS["publish"](db, one)
    (first,) = store.published_since(db, 0)
    assert (first.shop, first.kind, first.plan_id) == ("acme", "price", one)
    assert store.published_since(db, first.serial) == []
    STEPS["publish"](db, two)
    (second,) = store.published_since(db, first.serial)
    assert (second.plan_id, second.serial > first.serial) == (two, True)
    STEPS["rollback"](db, two)
    STEPS["rollback"](db, one)
    (third,) = store.published_since(db, second.serial)
    assert third.plan_id is None
    STEPS["publish"](db, makes.plan(db, approved=True).id)
    store.erase_shop(db, "acme", by="ann")
    gone = store.published_since(db, third.serial)
    assert {(one.shop, one.kind, one.plan_id) for one in gone} == {("acme", k, None) for k in ("price", "bid", "joint")}
    assert store.published_since(db, max(one.serial for one in gone)) == []


def test_a_shop_made_anew_after_its_erasure_shows_its_new_plan(db, makes):
    STEPS["publish"](db, makes.plan(db, approved=True).id)
    store.erase_shop(db, "acme", by="ann")
    store.put_shop(db, "acme", by="ann")
    plan = makes.plan(db, approved=True).id
    STEPS["publish"](db, plan)
    assert {one.kind: one.plan_id for one in store.published_since(db, 0)} == {
        "bid": None,
        "joint": None,
        "price": plan,
    }


def together(*calls):
    barrier = Barrier(len(calls))

    def run(call):
        barrier.wait()
        try:
            return call()
        except store.StepError as error:
            return error

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


@pytest.mark.parametrize("step", ["publish", "rollback", "approve", "hold"])
def test_of_workers_who_take_the_same_step_at_once_one_does_it_and_the_others_are_told(db, makes, step):
    plan = makes.plan(db)
    for before in {"publish": ["approve"], "rollback": ["approve", "publish"]}.get(step, []):
        STEPS[before](db, plan.id)
    done = together(*[lambda: STEPS[step](db, plan.id)] * 4)
    assert sum(isinstance(one, store.PlanInfo) for one in done) == 1
    assert sum(isinstance(one, store.StepError) for one in done) == 3
    word = {
        "publish": "plan.published",
        "rollback": "plan.rolled-back",
        "approve": "plan.approved",
        "hold": "plan.held",
    }
    assert len(store.list_audit(db, "acme", what=word[step]).items) == 1


def test_of_a_publish_and_a_rollback_that_both_rest_on_the_same_plan_one_wins(db, makes):
    for _ in range(5):
        old, new = (makes.plan(db, approved=True).id for _ in range(2))
        STEPS["publish"](db, old)
        done = together(
            lambda new=new, old=old: store.publish_plan(db, "acme", new, by="ann", over=old),
            lambda old=old: store.rollback_plan(db, "acme", old, by="bea"),
        )
        assert sorted(type(one).__name__ for one in done) == ["PlanInfo", "StepError"]
        in_force = store.published(db, "acme", "price")
        statuses = [plan.status for plan in store.list_plans(db, "acme").items]
        assert statuses.count("published") == (0 if in_force is None else 1)
        assert (in_force is not None and in_force.plan_id == new) == isinstance(done[0], store.PlanInfo)
        if in_force is not None:
            STEPS["rollback"](db, new)
            STEPS["rollback"](db, old)


def test_a_publish_that_was_weighed_against_another_plan_is_refused(db, makes):
    one, two, three = (makes.plan(db, approved=True).id for _ in range(3))
    store.publish_plan(db, "acme", one, by="ann", over=None)
    with pytest.raises(store.StepError, match=f"was to replace none, but {one} is published by now"):
        store.publish_plan(db, "acme", two, by="ann", over=None)
    store.publish_plan(db, "acme", two, by="ann", over=one, detail={"guard": "passed"})
    assert store.list_audit(db, "acme", limit=1).items[0].detail["guard"] == "passed"
    with pytest.raises(store.StepError, match=f"but {two} is published by now"):
        store.publish_plan(db, "acme", three, by="ann", over=one)
