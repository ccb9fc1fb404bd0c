"""What the store keeps of a plan: its files, and the facts that guards read; the same for jobs and `price --publish`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from pricebid import engine, store
from pricebid.live.explored import FILE as EXPLORED
from pricebid.live.explored import Explored
from pricebid.live.prices import FILE, ShopPrices
from pricebid_api.worker.bundle import written
from pricebid_api.worker.facts import price_facts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pricebid.policy import Policy
    from pricebid.pricing import PricePlan
    from pricebid.store import PlanInfo, Store
    from pricebid.tables import Shop


def quotable(files: Mapping[str, bytes], shop: Shop, policy: Policy) -> dict[str, bytes]:
    """Give the files of a price or joint plan with what quotes need beside them.

    That is ``quotes.parquet`` (current prices, floors and ceilings of each offer, so that a worker needs no tables), and
    in ``plan.json`` the length of a period, without which nobody knows when the plan ends; in that of a joint plan also
    its start and horizon.

    Parameters
    ----------
    files : mapping of str to bytes
        As the plan wrote them.
    shop : Shop
        That it was made for.
    policy : Policy
        That it was made under.
    """
    document = json.loads(files["plan.json"])
    when = document.get("prices", document)  # of a joint plan, the half that sets prices says for when
    document |= {"start": when["start"], "horizon": when["horizon"], "period": shop.period.frequency}
    prices = ShopPrices.of_shop(shop, policy, start=document["start"])
    return {**files, "plan.json": json.dumps(document, indent=2).encode(), FILE: prices.to_bytes()}


def tried(plan: PricePlan, *, plan_id: str | None = None) -> dict[str, bytes]:
    """Give the file that says which other prices quotes may try, where the policy has an exploration budget.

    Parameters
    ----------
    plan : PricePlan
        As made.
    plan_id : str, optional
        Of the plan that it is a half of.
    """
    learning = plan.policy.learning
    if learning is None or not learning.exploration_budget:
        return {}
    found = Explored.of(plan, engine.explore(plan), plan_id=plan_id)
    return {} if found is None else {EXPLORED: found.to_bytes()}


def record_prices(
    db: Store, shop: str, plan: PricePlan, *, made_for: Shop, by: str, inputs: str = "", model: str = ""
) -> PlanInfo:
    """Keep a price plan in the store.

    Parameters
    ----------
    db : Store
        Open.
    shop : str
        Name of the shop in the store; it must be there.
    plan : PricePlan
        As made.
    made_for : Shop
        The tables that it was made for.
    by : str
        Who, for the audit log.
    inputs, model : str
        Digest of tables and settings in the store, and id of the model there, where they are there.

    Raises
    ------
    NotFound
        There is no such shop.
    """
    files = quotable(written(lambda folder: plan.write(folder, file_format="parquet")), made_for, plan.policy)
    files |= tried(plan)
    facts = price_facts(plan, made_for, inputs=inputs, model=model)
    return store.add_plan(db, shop, "price", files=files, facts=facts, by=by)
