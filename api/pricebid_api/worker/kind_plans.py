"""Jobs that make plans: `price`, `bid`, `plan` (both together) and `what-if`."""

from __future__ import annotations

import json
from dataclasses import asdict
from io import BytesIO
from typing import TYPE_CHECKING, Any, Literal

from pricebid import engine, store
from pricebid.errors import InputError
from pricebid.store import PlanFacts
from pricebid.store.plans import insert_plan
from pricebid_api.recording import quotable, tried
from pricebid_api.worker.bundle import bundle, unbundle, written
from pricebid_api.worker.facts import bid_facts, joint_facts, price_facts
from pricebid_api.worker.files import keep_files
from pricebid_api.worker.models import landscape_of, model_of
from pricebid_api.worker.work import FILES, PLAN, Outcome, Work

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import pandas as pd
    from sqlalchemy import Connection

_FACTS = "facts.json"


def price(work: Work) -> Outcome:
    """Plan prices. Parts: the model, then the plan.

    A plan is one part, with portfolio limits or without: its totals, its bound and the draws behind its intervals are of
    all offers together, and finding it takes far less time than the fit.
    """

    def make() -> bytes:
        fitted = model_of(work, 0.02, 0.6)
        plan = engine.price(
            work.shop,
            fitted.model,
            work.request.policy,
            start=work.request.start,
            progress=work.progress(0.6, 0.95, name="planning"),
        )
        facts = price_facts(plan, work.shop, inputs=work.inputs.digest, model=fitted.id)
        files = written(lambda folder: plan.write(folder, file_format="parquet"))
        return _bundled({**quotable(files, work.shop, work.request.policy), **tried(plan)}, facts)

    return _planned(work, "price", make)


def bid(work: Work) -> Outcome:
    """Plan bids. Parts: the landscape, then the plan."""

    def make() -> bytes:
        engine.check_ads(work.shop, work.request.policy)
        plan = engine.bid(
            work.shop,
            work.request.policy,
            prices=_prices(work),
            known=landscape_of(work, 0.02, 0.5),
            progress=work.progress(0.5, 0.95, name="planning"),
        )
        facts = bid_facts(plan, work.shop, inputs=work.inputs.digest)
        return _bundled(written(lambda folder: plan.write(folder, file_format="parquet")), facts)

    return _planned(work, "bid", make)


def plan(work: Work) -> Outcome:
    """Plan prices and bids together. Parts: the model, the landscape, then the plan."""

    def make() -> bytes:
        work.shop.keyword_reports()  # missing ads are told before anybody waits for a fit
        fitted = model_of(work, 0.02, 0.4)
        found = engine.plan(
            work.shop,
            fitted.model,
            work.request.policy,
            start=work.request.start,
            known=landscape_of(work, 0.4, 0.5),
            progress=work.progress(0.5, 0.95, name="planning"),
        )
        facts = joint_facts(found, work.shop, inputs=work.inputs.digest, model=fitted.id)
        files = written(lambda folder: found.write(folder, file_format="parquet"))
        trial = tried(found.prices, plan_id=found.id)
        return _bundled({**quotable(files, work.shop, work.request.policy), **trial}, facts)

    return _planned(work, "joint", make)


def what_if(work: Work) -> Outcome:
    """Compare a scenario with things as they are. Parts: the model, then the comparison's files."""
    from pricebid.tables import write_results

    def make() -> bytes:
        fitted = model_of(work, 0.02, 0.5)
        both = engine.what_if(
            work.shop,
            fitted.model,
            work.request.policy,
            work.request.scenario,
            start=work.request.start,
            progress=work.progress(0.5, 0.95, name="planning both"),
        )
        tables = {"comparison": both.to_frame(), "prices": both.scenario.to_frame(), "diff": both.prices()}
        documents = {"comparison.json": both.to_json()}
        return bundle(written(lambda folder: write_results(folder, tables, documents=documents)))

    files = unbundle(work.part(PLAN, "comparison", make))
    kept = keep_files(work, files, first=FILES)
    differences: list[Any] = json.loads(files["comparison.json"])["differences"]
    return Outcome(
        result={"differences": differences, "inputs": work.inputs.digest, "files": [one.told() for one in kept]},
        keep=tuple(part for one in kept for part in one.parts),
    )


def _planned(work: Work, kind: Literal["price", "bid", "joint"], make: Callable[[], bytes]) -> Outcome:
    """Make a plan once: its id is in the part that is kept, so a takeover adds the same plan or none."""
    files = unbundle(work.part(PLAN, "plan", make))
    facts = PlanFacts.from_json(files.pop(_FACTS))
    document = json.loads(files["plan.json"])

    def within(conn: Connection) -> None:
        insert_plan(conn, work.job.shop, kind, files=files, facts=facts, by=work.job.by)

    told = {name: document[name] for name in ("status", "objective", "bound", "gap", "totals", "notices")}
    result = {"plan": document["id"], "plan_kind": kind, "inputs": facts.inputs, "items": facts.items, **told}
    return Outcome(result=result | ({"model": facts.model} if facts.model else {}), within=within)


def _bundled(files: Mapping[str, bytes], facts: PlanFacts) -> bytes:
    return bundle({**files, _FACTS: json.dumps(asdict(facts)).encode()})


def _prices(work: Work) -> pd.DataFrame | None:
    """Give the table ``prices`` of the plan that the job names."""
    wanted = work.request.prices
    if wanted is None:
        return None
    import pandas as pd

    try:
        files = store.plan_files(work.db, work.job.shop, wanted)
    except store.NotFound:
        raise InputError(f"options.prices: the shop has no plan {wanted!r:.80}") from None
    if "prices.parquet" not in files:
        raise InputError(f"options.prices: plan {wanted!r:.80} is a plan of bids and holds no prices")
    return pd.read_parquet(BytesIO(files["prices.parquet"]))
