"""Jobs give what the engine gives, and go on from their parts."""

import hashlib
import io
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pricebid import Policy, Shop, engine, store
from pricebid.demand import DemandModel, digest
from pricebid.demand import load as load_model
from pricebid.report import frames
from pricebid.store import Store
from pricebid_api.uploads import parquet_of
from pricebid_api.worker import kind_plans, kind_tables, result_files, result_pieces
from pricebid_api.worker.attempt import attempt
from pricebid_api.worker.kinds import KINDS
from pricebid_api.worker.signals import Signals
from pricebid_api.worker.work import BLOCKS, INPUTS, MODEL, PLAN, Work

POLICY = {"horizon": 2, "price": {"max_change": 0.1}}


def load(db: Store, shop: str, frames: dict[str, pd.DataFrame]) -> None:
    for table in Shop.from_frames(frames).tables:
        data = parquet_of(table)
        digest = hashlib.sha256(data).hexdigest()
        store.put_table(db, shop, table.name, data, rows=len(table), digest=digest, by="tests")


@pytest.fixture(scope="module")
def tables() -> dict[str, pd.DataFrame]:
    rng = np.random.default_rng(3)
    weeks = pd.date_range("2024-01-01", periods=16, freq="W-MON").strftime("%Y-%m-%d")
    sales = pd.DataFrame(
        [
            {"date": day, "sku": sku, "units": rng.poisson(base * (price / 2.0) ** -2.0), "price": price}
            for sku, base in (("tea", 20.0), ("mate", 30.0))
            for day, price in zip(weeks, np.resize([2.0, 2.2, 1.8], len(weeks)), strict=True)
        ]
    )
    days = pd.date_range("2024-03-01", periods=14).strftime("%Y-%m-%d")
    keywords = pd.DataFrame(
        [
            {"date": day, "keyword": word, "bid": 0.5, "impressions": 200 + at, "clicks": 10, "cost": 4.0}
            | {"conversions": 1, "revenue": 6.0, "sku": word.split()[1]}
            for at, day in enumerate(days)
            for word in ("green tea", "best mate")
        ]
    )
    catalog = pd.DataFrame({"sku": ["tea", "mate"], "cost": [1.0, 1.1], "price": [2.0, 2.0]})
    return {"sales": sales, "catalog": catalog, "keywords": keywords}


@pytest.fixture(scope="module")
def shop(tables: dict[str, pd.DataFrame]) -> Shop:
    return Shop.from_frames(tables)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory, tables: dict[str, pd.DataFrame]) -> Iterator[Store]:
    db = store.open_store(tmp_path_factory.mktemp("home"))
    store.put_shop(db, "a", by="tests")
    load(db, "a", tables)
    # Fitted by a job: all others of the same tables use it.
    assert not done(db, "fit").result["reused"]
    yield db
    db.close()


@pytest.fixture(scope="module")
def model(shop: Shop) -> DemandModel:
    """What the job that fits gets too."""
    return engine.fit(shop)


def put(db: Store, kind: str, **options: object) -> str:
    return store.submit(db, "a", kind, by="me", policy=POLICY, options=options).id


def take(db: Store, worker: str = "w") -> Work:
    return Work(db=db, claim=store.claim(db, worker), signals=Signals())


def done(db: Store, kind: str, **options: object) -> store.Job:
    job_id = put(db, kind, **options)
    attempt(take(db), KINDS[kind])
    job = store.get_job(db, job_id)
    assert job.error is None, job.error
    assert job.state == "done"
    return job


def table(db: Store, job: store.Job, name: str) -> pd.DataFrame:
    return pd.read_csv(io.BytesIO(b"".join(result_pieces(db, job, name))))


def test_a_model_is_fitted_once_for_the_same_tables(filled: Store, model: DemandModel, tmp_path: Path) -> None:
    first = store.latest_model(filled, "a")
    job = done(filled, "fit")
    assert job.result["reused"]
    assert job.result["model"] == first.id == store.latest_model(filled, "a").id
    for name, data in store.model_files(filled, "a", first.id).items():
        (tmp_path / name).write_bytes(data)
    assert digest(load_model(tmp_path)) == digest(model)


def test_a_forecast_is_the_engines_cut_into_blocks(
    filled: Store, shop: Shop, model: DemandModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kind_tables, "OFFERS_AT_ONCE", 1)
    job = done(filled, "forecast", horizon=3)
    wanted = frames.forecast_frame(model, engine.forecast(shop, model, horizon=3))
    found = table(filled, job, "forecast.csv")
    assert list(found.columns) == list(wanted.columns)
    assert found["units"].to_numpy() == pytest.approx(wanted["units"].to_numpy(), rel=1e-12)
    (file,) = result_files(job)
    assert file.parts == (BLOCKS, BLOCKS + 1)
    assert file.bytes == sum(map(len, result_pieces(filled, job, "forecast.csv")))
    with pytest.raises(store.NotFound, match=r"no result file 'x'; its files: forecast\.csv"):
        result_pieces(filled, job, "x")


def test_a_backtest_is_the_engines_made_origin_by_origin(filled: Store, shop: Shop) -> None:
    job = done(filled, "backtest", horizon=2, origins=2)
    wanted = engine.backtest(shop, horizon=2, origins=2)
    pd.testing.assert_frame_equal(
        table(filled, job, "metrics.csv"), wanted.metrics_frame(), check_dtype=False, rtol=1e-12
    )
    assert table(filled, job, "backtest.csv")["units"].to_numpy() == pytest.approx(
        wanted.to_frame()["units"].to_numpy()
    )
    assert job.result["scores"][0]["wape"] == pytest.approx(wanted.scores[0].wape)


def test_a_price_plan_is_the_engines_and_is_in_the_store_with_its_facts(
    filled: Store, shop: Shop, model: DemandModel
) -> None:
    job = done(filled, "price")
    plan = engine.price(shop, model, Policy.from_mapping(POLICY))
    info = store.get_plan(filled, "a", job.result["plan"])
    kept = pd.read_csv(io.BytesIO(store.plan_files(filled, "a", info.id)["prices.csv"]))
    assert kept["price"].to_numpy() == pytest.approx(plan.price)
    assert (info.kind, info.status, info.by, info.facts.items) == ("price", "made", "me", 2)
    assert info.facts.profit == pytest.approx(plan.totals["planned"]["profit"])
    assert info.facts.profit_low < info.facts.profit < info.facts.profit_high
    assert info.facts.moved == pytest.approx(plan.changed.mean())
    assert info.facts.model == store.latest_model(filled, "a").id
    assert pd.Timestamp(info.facts.data_until, unit="us") == pd.Timestamp("2024-04-22"), "the day after the last week"


def test_bids_are_planned_at_the_prices_of_a_plan(filled: Store, shop: Shop) -> None:
    prices = done(filled, "price").result["plan"]
    job = done(filled, "bid", prices=prices)
    sold_at = pd.read_csv(io.BytesIO(store.plan_files(filled, "a", prices)["prices.csv"]))
    plan = engine.bid(shop, Policy.from_mapping(POLICY), prices=sold_at)
    kept = pd.read_csv(io.BytesIO(store.plan_files(filled, "a", job.result["plan"])["bids.csv"]))
    assert kept["bid"].to_numpy() == pytest.approx(plan.to_frame()["bid"].to_numpy())
    facts = store.get_plan(filled, "a", job.result["plan"]).facts
    assert facts.profit == pytest.approx(plan.totals["planned"]["profit"])
    assert pd.Timestamp(facts.data_until, unit="us") == pd.Timestamp("2024-03-15")


@pytest.mark.slow
def test_prices_and_bids_are_planned_together(filled: Store) -> None:
    job = done(filled, "plan")
    files = store.plan_files(filled, "a", job.result["plan"])
    assert {"prices.csv", "bids.csv", "dayparts.csv", "adjustments.csv", "plan.json"} <= set(files)
    facts = store.get_plan(filled, "a", job.result["plan"]).facts
    assert (facts.items, job.result["plan_kind"]) == (4, "joint")
    assert facts.profit_low < facts.profit < facts.profit_high


def test_a_what_if_gives_both_plans_and_the_difference(filled: Store) -> None:
    dearer = [{"table": "catalog", "where": {"sku": "tea"}, "multiply": {"cost": 1.2}}]
    job = done(filled, "what-if", scenario={"change": dearer})
    assert {one.name for one in result_files(job)} == {"comparison.csv", "comparison.json", "diff.csv", "prices.csv"}
    profit = next(one for one in job.result["differences"] if one["outcome"] == "profit")
    assert profit["difference"] < 0
    assert table(filled, job, "comparison.csv")["difference"].to_list() == pytest.approx(
        [one["difference"] for one in job.result["differences"]]
    )


def test_elasticities_are_the_models(filled: Store, model: DemandModel) -> None:
    job = done(filled, "elasticities")
    assert table(filled, job, "elasticities.csv")["own"].to_numpy() == pytest.approx(model.elasticities().own)


class Died(BaseException):
    """The process is gone: nothing of it runs any more."""


@pytest.mark.parametrize(("kind", "broken"), [("price", "price"), pytest.param("bid", "bid", marks=pytest.mark.slow)])
def test_a_takeover_uses_the_parts_that_are_done(
    filled: Store, monkeypatch: pytest.MonkeyPatch, kind: str, broken: str
) -> None:
    job_id = put(filled, kind)
    work = take(filled, "first")

    def die(*_: object, **__: object) -> None:
        raise Died

    with monkeypatch.context() as patch:
        patch.setattr(engine, broken, die)
        with pytest.raises(Died):
            attempt(work, KINDS[kind])
    parts = store.parts(filled, job_id)
    assert parts[0].part == INPUTS
    assert len(parts) == 2, "tables and the model or landscape; no plan yet"
    store.release(filled, work.claim)

    with monkeypatch.context() as patch:
        patch.setattr(engine, "fit", die)
        patch.setattr(engine, "landscape", die)
        attempt(take(filled, "second"), KINDS[kind])
    assert store.get_job(filled, job_id).state == "done"


def test_a_plan_that_was_kept_but_not_ended_is_added_once_under_its_own_id(filled: Store) -> None:
    job_id = put(filled, "price")
    first = take(filled, "first")
    one = kind_plans.price(first)  # all is done but the last step
    assert PLAN in {part.part for part in store.parts(filled, job_id)}
    store.release(filled, first.claim)
    before = len(store.list_plans(filled, "a").items)
    attempt(take(filled, "second"), KINDS["price"])
    assert store.get_job(filled, job_id).result["plan"] == one.result["plan"]
    with pytest.raises(store.LeaseLost):
        store.finish(filled, first.claim, one.result, within=one.within)
    assert len(store.list_plans(filled, "a").items) == before + 1


def test_a_job_reads_the_tables_it_began_with_or_says_that_they_are_gone(
    tmp_path: Path, tables: dict[str, pd.DataFrame]
) -> None:
    db = store.open_store(tmp_path)
    store.put_shop(db, "a", by="tests")
    load(db, "a", tables)
    job_id = put(db, "backtest", horizon=2, origins=1)
    work = take(db, "first")
    chosen = work.inputs
    store.release(db, work.claim)
    more = {**tables, "catalog": tables["catalog"].assign(cost=[1.2, 1.3])}
    load(db, "a", more)
    again = take(db, "second")
    assert again.inputs == chosen
    assert again.shop.table("catalog").array("cost").tolist() == [1.0, 1.1]
    store.release(db, again.claim)
    load(db, "a", tables)
    attempt(take(db, "third"), KINDS["backtest"])
    job = store.get_job(db, job_id)
    assert (job.state, job.error.code) == ("failed", "bad-input")
    assert "loaded twice or dropped since the job began" in job.error.sentence
    db.close()


@pytest.mark.parametrize(
    ("kind", "policy", "options", "code", "words"),
    [
        ("price", {"portfolio": {"min_units_ratio": 9.0}}, {}, "infeasible", "min_units_ratio"),
        ("price", {"horizn": 2}, {}, "bad-input", "horizn"),
        ("forecast", {}, {"start": "2020-01-01"}, "bad-input", "not after the last period"),
        ("bid", {}, {"prices": "none"}, "bad-input", "no plan 'none'"),
        ("backtest", {}, {"horizon": 8, "origins": 9}, "bad-input", "9 blocks"),
    ],
)
@pytest.mark.usefixtures("model")
def test_a_job_that_cannot_be_done_says_why(
    filled: Store,
    kind: str,
    policy: dict[str, object],
    options: dict[str, object],
    code: str,
    words: str,
) -> None:
    job_id = store.submit(filled, "a", kind, by="me", policy=policy, options=options).id
    attempt(take(filled), KINDS[kind])
    job = store.get_job(filled, job_id)
    assert (job.state, job.error.code) == ("failed", code)
    assert words in job.error.sentence
    assert bool(job.error.conflicts) == (code == "infeasible")


def test_a_shop_without_tables_says_what_to_do(tmp_path: Path) -> None:
    db = store.open_store(tmp_path)
    store.put_shop(db, "a", by="tests")
    job_id = put(db, "fit")
    attempt(take(db), KINDS["fit"])
    assert "has no tables yet; PUT them first" in store.get_job(db, job_id).error.sentence
    db.close()


@pytest.mark.slow
def test_a_worker_runs_a_real_job_in_a_process_of_its_own(filled: Store) -> None:
    from pricebid_api.worker.loop import Worker

    job_id = put(filled, "elasticities")
    Worker(db=filled, where=str(filled.engine.url), lease_seconds=5.0).run(threading.Event(), once=True)
    assert store.get_job(filled, job_id).state == "done"
    assert MODEL not in {part.part for part in store.parts(filled, job_id)}, "only results stay"
