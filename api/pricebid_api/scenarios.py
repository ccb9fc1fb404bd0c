"""A what-if answered at once: the shop's tables, its newest model, both plans; runs in a process of its own."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pricebid import store
from pricebid.errors import InputError, ModelError
from pricebid_api.shops import load_shop

if TYPE_CHECKING:
    import pandas as pd

    from pricebid.demand import DemandModel
    from pricebid.store import Store
    from pricebid.tables import Shop

_MOST_PRICES = 1_000


def what_if(
    where: str | Path, shop: str, policy: dict[str, Any], scenario: dict[str, Any], most: int
) -> dict[str, Any]:
    """Plan as things are and as in the scenario, and compare.

    Parameters
    ----------
    where : str or Path
        The store.
    shop : str
        Which shop.
    policy, scenario : mapping
        As a policy file and a scenario file say it.
    most : int
        Most offers of a shop for which this is done at once.

    Raises
    ------
    InputError
        The shop is too large, or the scenario does not fit it.
    Infeasible
        One of the two has no plan.
    """
    from pricebid import engine
    from pricebid.policy import Policy

    begun = time.perf_counter()
    db = store.open_store(where, migrate=False)
    try:
        loaded = load_shop(db, shop).shop
        offers = len(loaded.offers)
        if offers > most:
            raise InputError(f"the shop has {offers:,} offers; at once at most {most:,}: use a job of kind what-if")
        aim = Policy.from_mapping(policy)
        model = _model(db, shop, loaded, aim.seed)
    finally:
        db.close()
    both = engine.what_if(loaded, model, aim, scenario)
    return {
        "differences": [vars(one) for one in both.differences],
        "prices": _changed(both.prices(), both.scenario.offers.columns),
        "seconds": round(time.perf_counter() - begun, 3),
    }


def _model(db: Store, shop: str, loaded: Shop, seed: int) -> DemandModel:
    """Give the newest stored model where it fits the tables as they are, else fit one."""
    from pricebid import engine

    info = store.latest_model(db, shop)
    if info is not None:
        with tempfile.TemporaryDirectory(prefix="pricebid-model-") as folder:
            for name, data in store.model_files(db, shop, info.id).items():
                (Path(folder) / Path(name).name).write_bytes(data)
            try:
                return engine.load(folder, loaded)
            except ModelError:
                pass  # it belongs to other offers
    return engine.fit(loaded, seed=seed)


def _changed(frame: pd.DataFrame, keys: tuple[str, ...]) -> list[dict[str, Any]]:
    rows = frame.head(_MOST_PRICES).to_dict("records")
    return [
        {
            "labels": {name: str(row[name]) for name in keys if name in row},
            "baseline": _number(row.get("previous_price")),
            "scenario": _number(row.get("price")),
            "reason": str(row.get("reason", "")),
        }
        for row in rows
    ]


def _number(value: Any) -> float | None:  # noqa: ANN401 - a cell
    return None if value is None or value != value else float(value)  # noqa: PLR0124 - NaN
