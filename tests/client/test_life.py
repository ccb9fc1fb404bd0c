"""The client against the service itself: every route has a method, every answer is read whole, a plan's life is lived."""

import dataclasses
import os
import subprocess
import sys
import warnings
from datetime import UTC, date, datetime, timedelta
from io import BytesIO

import pandas as pd
import pytest
from tests.api.harness import CATALOG, SALES, TestClient

from pricebid import client as surface
from pricebid.client import (
    BidItem,
    Client,
    Event,
    Feedback,
    NotAllowed,
    NotThere,
    PlanHeld,
    QuoteItem,
    Refused,
    StepRefused,
)
from pricebid_api import Settings, create_app

POLICY = {"price": {"max_change": 0.1}, "horizon": 2}
NEVER = "019412d8-7c00-7000-8000-000000000000"


@pytest.fixture(scope="module")
def shop(client):
    shop = client.shop("corner")
    shop.set(currency="EUR", guards={"max_data_age_days": None, "max_share_moved": 0.5})
    shop.load("sales", pd.read_csv(BytesIO(SALES.encode())))
    shop.load("catalog", CATALOG.encode())
    return shop


@pytest.fixture(scope="module")
def work(home):
    """Have what waits done beside the service, as `pricebid worker` does."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PRICEBID_")}

    def begin():
        command = [sys.executable, "-m", "pricebid", "worker", "--once"]
        return subprocess.Popen(command, env=kept | {"PRICEBID_HOME": str(home)})

    return begin


@pytest.fixture(scope="module")
def plan(client, shop, work):
    start = f"{date.today():%Y-%m-01}"  # noqa: DTZ011 - a day on which a plan can be in effect
    job = shop.submit("price", policy=POLICY, options={"start": start})
    seen = []
    with work() as worker:
        done = client.wait(job, timeout=120.0, on_event=seen.append)
        assert worker.wait() == 0
    kinds = [one.kind for one in seen]
    assert kinds[0] == "queued"
    assert kinds[-1] == "done"
    assert "progress" in kinds
    assert [one.id for one in client.follow(job.id, after=seen[-2].id)] == [seen[-1].id]
    return shop.plan(done.plan)


def test_a_plan_lives_from_tables_to_feedback(shop, plan):
    assert plan.status == "made"
    assert plan.document["id"] == plan.id
    with pytest.raises(PlanHeld, match="prices move") as held:
        shop.publish(plan.id)
    assert [one.field for one in held.value.errors] == ["too_many_moves"]
    assert shop.plan(plan.id).reasons[0].guard == "too_many_moves"
    assert shop.approve(plan.id).status == "approved"
    assert shop.publish(plan.id).status == "published"
    assert shop.describe().published == {"price": plan.id}

    begun = datetime.now(UTC) - timedelta(minutes=1)
    quotes = shop.quote([QuoteItem(sku="tea", region="north", quantity=3), {"sku": "cocoa", "region": "north"}])
    assert (quotes[0].source, quotes[0].plan, quotes[0].currency) == ("plan", plan.id, "EUR")
    assert quotes[0].amount == pytest.approx(3 * quotes[0].price)
    assert quotes[1].price is None
    assert quotes[1].error.code == "unknown_offer"
    frame = shop.plan_frame(plan.id).set_index(["sku", "region"])
    assert frame.loc[("tea", "north"), "price"] == quotes[0].price
    assert shop.plan_file(plan.id, "prices.csv").startswith(b"sku,")

    event = Event(event_id="o1", decision_id=quotes[0].decision_id, units=3.0)
    wrong = Event(event_id="o2", decision_id="A" * 96, units=1.0)
    answer = shop.feedback([event, wrong])
    assert (answer.accepted, answer.rejected[0].event_id, answer.rejected[0].code) == (1, "o2", "other_shop")
    assert shop.feedback([event]) == Feedback(duplicates=1)

    audit = [one.kind for one in shop.decisions(log="audit")]
    assert audit[:4] == ["plan.published", "plan.approved", "plan.held", "plan.made"]
    assert list(shop.decisions(since=datetime.now(UTC) + timedelta(hours=1))) == []
    while not (logged := list(shop.decisions(since=begun))):
        pass
    assert logged[0].items[0]["sku"] == "tea"
    assert shop.rollback(plan.id).status == "retired"
    with pytest.raises(StepRefused):
        shop.rollback(plan.id)


def test_lists_are_read_page_by_page(shop, monkeypatch):
    monkeypatch.setattr("pricebid.client.shop._PAGE", 2)
    kinds = [one.kind for one in shop.decisions(log="audit")]
    assert len(kinds) > 2
    assert kinds[-1] == "shop.made"
    assert len({one.id for one in shop.decisions(log="audit")}) == len(kinds)


def test_every_fault_of_a_table_comes_back_with_its_row(shop):
    with pytest.raises(Refused) as told:
        shop.load("catalog", b"sku,cost\ntea,1\ntea,-2\n")
    assert told.value.code == "table_faults"
    assert {(one.table, one.row) for one in told.value.errors} >= {("catalog", 2)}
    assert shop.load("catalog", CATALOG.encode()).rows == 2


def test_a_scenario_is_compared_at_once(shop, plan):
    del plan  # it has left a model
    dearer = {"change": [{"table": "catalog", "where": {"sku": "tea"}, "multiply": {"cost": 1.1}}]}
    found = shop.what_if(dearer, POLICY)
    profit = next(one for one in found.differences if one.outcome == "profit")
    assert profit.difference < 0
    assert profit.low <= profit.difference <= profit.high


def test_jobs_are_listed_looked_at_and_cancelled(client, shop):
    with pytest.raises(Refused, match="horizon"):
        shop.submit("price", policy={"horizon": -1})
    job = shop.submit("fit", priority=3)
    assert next(shop.jobs()).id == job.id
    assert client.job(job.id).state == "queued"
    assert client.cancel(job.id).state == "cancelled"
    with pytest.raises(NotThere):
        client.job(NEVER)
    with pytest.raises(NotThere):
        client.job_file(job.id, "forecast.csv")
    with pytest.raises(NotThere):
        shop.bids([BidItem(keyword="tea")])


def test_a_key_is_asked_for_and_a_customer_forgotten(client, url):
    with Client(url) as nobody, pytest.raises(NotAllowed) as told:
        nobody.shop("corner").describe()
    assert told.value.status == 401
    assert client.ready().status == "ready"
    gone = client.shop("gone")
    gone.load("touches", b"customer,time,channel\nann,2026-01-01T10:00:00,mail\nbea,2026-01-01T11:00:00,mail\n")
    assert gone.erase_customer("ann") == {"touches": 1}
    assert "gone" in {one.shop for one in client.shops()}
    gone.erase()
    assert "gone" not in {one.shop for one in client.shops()}


def test_any_transport_of_httpx_will_do(tmp_path):
    app = create_app(Settings(home=tmp_path, heavy="thread", log_format="text"))
    with TestClient(app) as inside, Client("http://localhost", transport=inside._transport) as client:
        assert client.ready().status == "ready"
        assert client.shop("a").set(currency="EUR").settings["currency"] == "EUR"


def document(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return create_app(Settings(home=tmp_path)).openapi()


def test_every_route_of_the_service_has_a_method(tmp_path, answering):
    import httpx

    client = answering(lambda _: httpx.Response(404, json={"status": 404, "code": "not_found", "detail": "no"}))
    shop = client.shop("{shop}")
    calls = [
        shop.set,
        shop.describe,
        shop.erase,
        lambda: shop.erase_customer("c"),
        lambda: shop.load("{table}", b"a\n"),
        lambda: shop.drop("{table}"),
        lambda: shop.submit("fit"),
        lambda: list(shop.jobs()),
        lambda: list(shop.plans(kind="price")),
        lambda: shop.plan("{plan}"),
        lambda: shop.plan_file("{plan}", "{name}"),
        lambda: shop.approve("{plan}"),
        lambda: shop.publish("{plan}"),
        lambda: shop.rollback("{plan}"),
        lambda: shop.quote([{"sku": "a"}]),
        lambda: shop.bids([{"keyword": "a"}]),
        lambda: shop.feedback([{"event_id": "a"}]),
        lambda: shop.what_if({}),
        lambda: list(shop.decisions()),
        lambda: list(client.shops()),
        client.metrics,
        lambda: client.job("{job}"),
        lambda: client.cancel("{job}"),
        lambda: list(client.follow("{job}")),
        lambda: client.job_file("{job}", "{name}"),
    ]
    for call in calls:
        with pytest.raises(NotThere):
            call()
    reached = {(one.method.lower(), one.url.path) for one in client.requests}
    there = {(method, path) for path, methods in document(tmp_path)["paths"].items() for method in methods}
    platform = {("get", path) for path in ("/healthz", "/readyz")}
    assert reached == there - platform


SCHEMAS = {
    "Readiness": "Readiness",
    "Table": "TableOut",
    "Loaded": "LoadedOut",
    "Shop": "ShopOut",
    "ShopDetail": "ShopDetail",
    "Job": "JobOut",
    "Plan": "PlanOut",
    "PlanDetail": "PlanDetail",
    "RolledBack": "RolledBack",
    "Quote": "QuoteOut",
    "Bid": "BidQuoteOut",
    "QuoteItem": "QuoteItem",
    "BidItem": "BidQuoteItem",
    "Event": "Event",
    "Feedback": "FeedbackOut",
    "Rejected": "EventError",
    "Difference": "DifferenceOut",
    "Change": "ChangedPrice",
    "Comparison": "WhatIfOut",
    "LogEntry": "LogEntry",
}


def test_every_answer_has_the_fields_that_the_service_describes(tmp_path):
    schemas = document(tmp_path)["components"]["schemas"]
    for ours, theirs in SCHEMAS.items():
        fields = {one.name for one in dataclasses.fields(getattr(surface, ours))}
        assert fields == set(schemas[theirs]["properties"]), ours


def test_the_exported_names_are_all_there_and_documented():
    for name in surface.__all__:
        assert getattr(surface, name).__doc__
    assert list(surface.__all__) == sorted(surface.__all__)
