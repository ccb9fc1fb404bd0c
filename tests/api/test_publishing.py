"""An approval covers what its approver was shown, and no more."""

import json
from dataclasses import replace

import pytest
from tests.api.harness import CATALOG, CSV, NO_GUARDS, SALES
from typer.testing import CliRunner

from pricebid import engine, store
from pricebid.cli import app as cli
from pricebid.tables.identify import new_id
from pricebid_api.publishing import DAY, Reason, publish

NONE = replace(NO_GUARDS, profit_below_interval=False)
PLANS = "/v1/shops/corner/plans"


@pytest.fixture
def kept(planned):
    """Keep a copy of a plan with other facts; gives its id."""
    made = planned.plan()
    files = store.plan_files(planned.db, "corner", made.id)

    def keep(**facts):
        document = json.loads(files["plan.json"]) | {"id": new_id()}
        copy = {**files, "plan.json": json.dumps(document).encode()}
        told = replace(made.facts, **facts)
        return store.add_plan(planned.db, "corner", "price", files=copy, facts=told, by="tests").id

    return keep


@pytest.fixture
def step(planned):
    def take(plan, guards=NONE, *, approve=False):
        if approve:
            store.approve_plan(planned.db, "corner", plan, by="ann")
        return publish(planned.db, "corner", plan, by="tests", guards=guards)

    return take


def guards_of(info):
    return [Reason.read(one).guard for one in info.reasons]


def test_a_reason_reads_well_and_comes_back_from_the_store_as_it_was():
    reason = Reason(guard="below_floor", message="2 prices: low (very)", extent={"prices": 2, "deep": 7.35000000001})
    assert str(reason) == "below_floor (2 prices, 7.35 deep): 2 prices: low (very)"
    assert Reason.read(str(reason)) == reason
    plain = Reason(guard="infeasible", message="some limit (a: b) does not hold")
    assert str(plain) == "infeasible: some limit (a: b) does not hold"
    assert Reason.read(str(plain)) == plain
    assert Reason.read("data_too_old: its data end 40.0 days ago") == Reason(
        guard="data_too_old", message="its data end 40.0 days ago"
    )
    assert Reason.read("odd (of no use): told").message == "told"
    assert Reason.read("too many prices move") == Reason(guard="too many prices move", message="")


@pytest.mark.parametrize(
    ("guard", "shown", "within", "beyond"),
    [
        ("data_too_old", {"days": 40.0}, [{"days": 41.0}, {"days": 36.0}], [{"days": 41.01}]),
        ("too_many_moves", {"moved": 0.6}, [{"moved": 0.6}, {"moved": 0.55}], [{"moved": 0.600001}]),
        ("profit_below", {"short": 10.0}, [{"short": 10.0}], [{"short": 10.01}]),
        (
            "below_floor",
            {"prices": 2, "deep": 0.5},
            [{"prices": 2, "deep": 0.5}, {"prices": 1, "deep": 0.1}],
            [{"prices": 3, "deep": 0.5}, {"prices": 2, "deep": 0.51}, {"prices": 2}],
        ),
        ("infeasible", {}, [{}], []),
    ],
)
def test_an_approval_covers_the_same_guard_as_far_as_it_was_shown(guard, shown, within, beyond):
    seen = Reason(guard=guard, message="", extent=shown)
    assert all(seen.covers(Reason(guard=guard, message="", extent=one)) for one in within)
    assert not any(seen.covers(Reason(guard=guard, message="", extent=one)) for one in beyond)
    assert not seen.covers(Reason(guard="another", message="", extent=shown))


def test_data_may_grow_a_day_older_between_approval_and_publish_and_no_more(planned, kept, step, monkeypatch):
    until = 1_700_000_000_000_000
    plan, guards = kept(data_until=until), replace(NONE, max_data_age_days=35.0)
    monkeypatch.setattr(store, "now", lambda: until + 40 * DAY)
    held = step(plan, guards)
    assert held.reasons == ("data_too_old (40 days): its data end 40.0 days ago, more than 35",)
    store.approve_plan(planned.db, "corner", plan, by="ann")
    monkeypatch.setattr(store, "now", lambda: until + int(41.5 * DAY))
    held = step(plan, guards)
    assert held.reasons == ("data_too_old (41.5 days): its data end 41.5 days ago, more than 35",)
    store.approve_plan(planned.db, "corner", plan, by="ann")
    monkeypatch.setattr(store, "now", lambda: until + 42 * DAY)
    assert step(plan, guards).status == "published"
    row = next(one for one in store.list_audit(planned.db, "corner").items if one.what == "plan.published")
    assert row.detail["approved_over"] == ["data_too_old (42 days): its data end 42.0 days ago, more than 35"]


def test_moves_and_limits_that_were_shown_are_published_over(kept, step):
    plan, guards = kept(moved=0.7, solution="infeasible"), replace(NONE, max_share_moved=0.5)
    held = step(plan, guards)
    assert guards_of(held) == ["infeasible", "too_many_moves"]
    assert held.reasons[1].startswith("too_many_moves (0.7 moved): 70.0% of")
    assert step(plan, guards, approve=True).status == "published"


def test_profit_that_falls_further_short_than_was_shown_is_held_again(kept, step):
    assert step(kept(profit=1000.0, profit_low=900.0)).status == "published"
    plan = kept(profit=700.0, profit_low=600.0)
    held = step(plan, NO_GUARDS)
    assert held.reasons[0].startswith("profit_below (100 short): ")  # a horizon of two periods
    assert step(kept(profit=2000.0, profit_low=1800.0)).status == "published"  # another takes the place of that one
    held = step(plan, NO_GUARDS, approve=True)
    assert (held.status, [Reason.read(one).extent for one in held.reasons]) == ("held", [{"short": 550.0}])
    assert step(plan, NO_GUARDS, approve=True).status == "published"


def test_an_objection_of_another_guard_holds_again_with_all_there_is_to_object(kept, step):
    plan = kept(moved=0.7, solution="infeasible")
    moves = replace(NONE, max_share_moved=0.5)
    assert guards_of(step(plan)) == ["infeasible"]
    held = step(plan, moves, approve=True)
    assert (held.status, guards_of(held)) == ("held", ["infeasible", "too_many_moves"])
    assert step(plan, moves, approve=True).status == "published"


def test_an_approval_of_before_extents_were_kept_is_asked_for_again(planned, kept, step):
    plan, guards = kept(moved=0.7), replace(NONE, max_share_moved=0.5)
    old = ["too_many_moves: 70.0% of 4 prices move, more than 50.0%"]
    store.hold_plan(planned.db, "corner", plan, by="tests", reasons=old)
    assert step(plan, guards, approve=True).status == "held"
    assert step(plan, guards, approve=True).status == "published"


def test_prices_further_under_their_floors_than_was_shown_are_held_again(client, fresh_plan):
    guards = {"max_data_age_days": None, "max_share_moved": None}
    assert client.put("/v1/shops/corner", json={"guards": guards}).status_code == 200
    plan = fresh_plan(client)

    def cost(tea, milk=0.7):
        rows = f"sku,cost,category,price\ntea,{tea},drinks,{tea + 1}\nmilk,{milk},drinks,{milk + 1}\n"
        assert client.put("/v1/shops/corner/tables/catalog", content=rows, headers=CSV).status_code == 200

    def publish_over(*, approve=True):
        if approve:
            assert client.post(f"{PLANS}/{plan}/approve").status_code == 200
        answer = client.post(f"{PLANS}/{plan}/publish").json()
        return [one["message"] for one in answer.get("errors", [])]

    cost(9.5)
    (first,) = publish_over(approve=False)
    assert "2 prices are under their floor" in first
    assert "at most by" in first
    cost(9.6)  # deeper
    (second,) = publish_over()
    assert "under 9.60" in second
    cost(9.6, milk=5.0)  # more of them
    (third,) = publish_over()
    assert "4 prices are under their floor" in third
    cost(9.55, milk=5.0)  # a little better than shown
    assert publish_over() == []
    assert client.get(f"{PLANS}/{plan}").json()["status"] == "published"


def test_currency_and_decimals_stay_while_a_plan_is_in_force_and_then_plans_are_made_anew(client, fresh_plan):
    guards = {"max_data_age_days": None, "max_share_moved": None}
    assert client.put("/v1/shops/corner", json={"guards": guards}).status_code == 200
    plan, other = fresh_plan(client, currency="", decimals=2), fresh_plan(client, currency="", decimals=2)
    assert client.post(f"{PLANS}/{plan}/publish").status_code == 200
    for changed in ({"currency": "USD"}, {"decimals": 3}):
        answer = client.put("/v1/shops/corner", json={"guards": guards, **changed})
        assert (answer.status_code, answer.json()["code"]) == (409, "plan_in_force")
        assert f"price plan {plan}" in answer.json()["detail"]
        assert "take it back first" in answer.json()["detail"]
    assert client.post(f"{PLANS}/{plan}/rollback").status_code == 200
    assert client.put("/v1/shops/corner", json={"guards": guards, "currency": "USD"}).status_code == 200
    answer = client.post(f"{PLANS}/{other}/publish")
    assert (answer.status_code, answer.json()["code"]) == (409, "step_not_allowed")
    assert "make it anew" in answer.json()["detail"]
    assert client.get(f"{PLANS}/{other}").json()["status"] == "made"  # neither held nor approved


def test_facts_of_each_plan_keep_its_money(planned):
    facts = planned.plan().facts
    assert (facts.currency, facts.decimals) == (planned.shop.settings.currency, planned.shop.settings.decimals)


def test_a_plan_of_before_facts_kept_money_is_known_by_its_document(local, local_db, planned):
    del local
    store.put_shop(local_db, "corner", by="tests", settings={"currency": "USD"})
    made = planned.plan()
    files = store.plan_files(planned.db, "corner", made.id)
    facts = replace(made.facts, currency=None, decimals=None)
    plan = store.add_plan(local_db, "corner", "price", files=files, facts=facts, by="tests").id
    with pytest.raises(store.StepError, match="no named currency"):
        publish(local_db, "corner", plan, by="tests", guards=NONE)


def test_the_command_line_publishes_no_plan_of_other_money(tmp_path, planned, monkeypatch):
    monkeypatch.setattr(engine, "fit", lambda *_, **__: planned.model)
    shop, home = tmp_path / "shop", tmp_path / "home"
    shop.mkdir()
    for table, text in (("sales", SALES), ("catalog", CATALOG)):
        (shop / f"{table}.csv").write_text(text)
    for name, value in (("HOME", str(home)), ("MAX_DATA_AGE_DAYS", "none"), ("MAX_SHARE_MOVED", "none")):
        monkeypatch.setenv(f"PRICEBID_{name}", value)
    db = store.open_store(home)
    store.put_shop(db, "corner", by="tests", settings={"currency": "SEK"})
    command = ["price", str(shop), "--publish", "--as", "corner", "--quiet", "--out", str(tmp_path / "out")]
    refused = CliRunner().invoke(cli, command)
    assert refused.exit_code == 1
    assert "counts in SEK with 2 decimals" in " ".join(refused.output.split())
    assert store.published(db, "corner", "price") is None
    db.close()
