"""`price --publish`: the plan goes into the store of the service, and takes the steps that the service's routes take."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pricebid.cli._run import Run
from pricebid.errors import InputError, PricebidError

if TYPE_CHECKING:
    from pricebid.pricing import PricePlan
    from pricebid.tables import Shop

Publish = Annotated[
    bool,
    typer.Option("--publish", help="Publish the plan in the store of PRICEBID_HOME too, guards and all, as over HTTP."),
]
StoredAs = Annotated[
    str | None, typer.Option("--as", metavar="NAME", help="The shop's name in that store; the folder's if not given.")
]


class HeldError(PricebidError):
    """The plan was kept, and is held for approval."""


def publish_prices(run: Run, plan: PricePlan, shop: Shop, *, name: str) -> dict[str, Any]:
    """Keep a price plan in the store and publish it; gives what the JSON summary says of that.

    Raises
    ------
    HeldError
        A guard objects: the plan is kept, and waits for approval.
    """
    try:
        from pricebid import store
        from pricebid_api import publishing, recording
        from pricebid_api.settings import Settings
    except ModuleNotFoundError as error:
        message = f"publishing needs more packages ({error.name} is missing): pip install 'pricebid[api]'"
        raise InputError(message) from None
    settings = Settings.from_environment()
    db = store.open_store(settings.store)
    try:
        if store.get_shop(db, name) is None:
            given = {key: value for key, value in asdict(shop.settings).items() if value is not None}
            store.put_shop(db, name, by="pricebid price", settings=given)
        made = recording.record_prices(db, name, plan, made_for=shop, by="pricebid price")
        info = publishing.publish(
            db,
            name,
            made.id,
            by="pricebid price",
            guards=settings.guards,
            require_approval=settings.require_approval,
        )
    finally:
        db.close()
    if info.status == "held":
        reasons = "; ".join(info.reasons)
        raise HeldError(f"plan {info.id} of shop {name} is kept and held for approval: {reasons}")
    run.note(f"published: plan {info.id} of shop {name}")
    return {"published": {"shop": name, "plan": info.id, "replaced": info.replaced}}


def name_in_store(shop: Path, given: str | None) -> str:
    """Give the shop's name in the store."""
    return given or shop.resolve().name
