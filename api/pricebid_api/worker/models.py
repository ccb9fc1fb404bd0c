"""A job's demand model and bid landscape: the shop's latest where it still fits, else fitted and kept."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from pricebid import engine, store
from pricebid.errors import ModelError
from pricebid.store.models import insert_model
from pricebid.tables.identify import new_id
from pricebid_api.worker.bundle import freeze, thaw, written
from pricebid_api.worker.work import LANDSCAPE, MODEL

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from pricebid.demand import DemandModel
    from pricebid.landscape import BidLandscape
    from pricebid_api.worker.work import Work


@dataclass(frozen=True, kw_only=True)
class Fitted:
    """A model that is kept.

    Parameters
    ----------
    id : str
        Its id in the store.
    model : DemandModel
        Fits the job's shop.
    reused : bool
        It was there before the job.
    """

    id: str
    model: DemandModel
    reused: bool


def model_of(work: Work, low: float, high: float) -> Fitted:
    """Give the model of the job's shop: one part of the job, not to be cut, for all offers are fitted together.

    Parameters
    ----------
    work : Work
        The job.
    low, high : float
        Shares of the job between which fitting is.
    """
    if MODEL in work.checkpoints.done():
        kept = json.loads(work.checkpoints.load(MODEL))
        return Fitted(id=kept["model"], reused=kept["reused"], model=_load(work, kept["model"]))
    wanted = {
        "inputs": work.inputs.model_digest,
        "seed": work.request.policy.seed,
        "pricebid": version("pricebid"),
    }
    latest = store.latest_model(work.db, work.job.shop)
    if latest is not None and latest.meta == wanted:
        try:
            fitted = Fitted(id=latest.id, reused=True, model=_load(work, latest.id))
        except ModelError:
            pass  # damaged, or of another version: fitted anew
        else:
            work.checkpoints.save(MODEL, _told(fitted), name="model, as it was fitted before")
            return fitted
    model = engine.fit(work.shop, seed=work.request.policy.seed, progress=work.progress(low, high, name="fitting"))
    fitted = Fitted(id=new_id(), reused=False, model=model)
    _keep(work, fitted, wanted)
    return fitted


def _keep(work: Work, fitted: Fitted, meta: dict[str, object]) -> None:
    from pricebid import demand

    files = written(lambda folder: demand.save(fitted.model, folder))
    fed = work.inputs.fed
    if fed.rows:
        words = (
            f"\n## Rows from feedback\n\n{fed.rows:,} rows of sales, from {fed.first} to {fed.last}, were not loaded: they are what "
            "quotes showed and feedback told. Loading sales of these periods replaces them at the next fit.\n"
        )
        files["card.md"] += words.encode()

    def within(conn: Connection) -> None:
        insert_model(conn, work.job.shop, files, by=work.job.by, meta=meta, model_id=fitted.id)

    store.checkpoint(work.db, work.claim, MODEL, _told(fitted), name="model", within=within)


def _told(fitted: Fitted) -> bytes:
    return json.dumps({"model": fitted.id, "reused": fitted.reused}).encode()


def _load(work: Work, model_id: str) -> DemandModel:
    files = store.model_files(work.db, work.job.shop, model_id)
    with TemporaryDirectory(prefix="pricebid-model-") as place:
        for name, data in files.items():
            (Path(place) / name).write_bytes(data)
        return engine.load(place, work.shop)


def landscape_of(work: Work, low: float, high: float) -> BidLandscape:
    """Give the bid landscape of the job's shop: one part of the job."""
    progress = work.progress(low, high, name="learning bids")

    def make() -> bytes:
        return freeze(engine.landscape(work.shop, work.request.policy, progress=progress))

    found: BidLandscape = thaw(work.part(LANDSCAPE, "landscape", make))
    return found
