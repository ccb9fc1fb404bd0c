"""Fitted models, as the files that hold them."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, insert, select

from pricebid.store.audit import append
from pricebid.store.connect import now
from pricebid.store.errors import NotFound
from pricebid.store.schema import model_files as files_table
from pricebid.store.schema import models
from pricebid.store.shops import locked
from pricebid.tables.identify import new_id

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection, Row

    from pricebid.store.connect import Store


@dataclass(frozen=True, kw_only=True)
class ModelInfo:
    """A model that is kept.

    Parameters
    ----------
    id : str
        UUIDv7.
    shop : str
        Whose.
    serial : int
        From 1, rising by one per model of the shop.
    digest : str
        SHA-256 over names and contents of its files, hexadecimal.
    by : str
        Who had it fitted.
    created_at : int
        Microseconds since 1970, UTC.
    meta : mapping
        What its maker says about it.
    """

    id: str
    shop: str
    serial: int
    digest: str
    by: str
    created_at: int
    meta: Mapping[str, Any] = field(default_factory=dict)


def digest_of(files: Mapping[str, bytes]) -> str:
    """Give the SHA-256 over names and contents, hexadecimal; the order of the files does not count."""
    whole = hashlib.sha256()
    for name in sorted(files):
        whole.update(f"{name}\0{hashlib.sha256(files[name]).hexdigest()}\n".encode())
    return whole.hexdigest()


def put_model(
    db: Store, shop: str, files: Mapping[str, bytes], *, by: str, meta: Mapping[str, Any] | None = None
) -> ModelInfo:
    """Keep a model; it is the shop's latest from now on.

    Parameters
    ----------
    db : Store
        Open.
    shop : str
        Whose.
    files : mapping of str to bytes
        By name.
    by : str
        Who, for the audit log.
    meta : mapping, optional
        JSON values about it.

    Returns
    -------
    ModelInfo
        With its id.

    Raises
    ------
    NotFound
        There is no such shop.
    """
    with db.write() as conn:
        return insert_model(conn, shop, files, by=by, meta=meta)


def insert_model(
    conn: Connection,
    shop: str,
    files: Mapping[str, bytes],
    *,
    by: str,
    meta: Mapping[str, Any] | None = None,
    model_id: str | None = None,
) -> ModelInfo:
    """Keep a model within the caller's transaction, under an id that it may bring along; see `put_model`."""
    locked(conn, shop)
    last = conn.execute(select(func.max(models.c.serial)).where(models.c.shop == shop)).scalar()
    info = ModelInfo(
        id=model_id or new_id(),
        shop=shop,
        serial=(last or 0) + 1,
        digest=digest_of(files),
        by=by,
        created_at=now(),
        meta=dict(meta or {}),
    )
    conn.execute(insert(models).values(**(vars(info) | {"meta": json.dumps(info.meta, sort_keys=True)})))
    rows = [{"model_id": info.id, "name": name, "data": data} for name, data in files.items()]
    if rows:
        conn.execute(insert(files_table), rows)
    append(conn, shop=shop, who=by, what="model.fitted", subject=info.id, digest=info.digest)
    return info


def latest_model(db: Store, shop: str) -> ModelInfo | None:
    """Give the model that was kept last; None where the shop has none."""
    query = select(models).where(models.c.shop == shop).order_by(models.c.serial.desc()).limit(1)
    with db.read() as conn:
        row = conn.execute(query).one_or_none()
    return None if row is None else _model(row)


def get_model(db: Store, shop: str, model_id: str) -> ModelInfo:
    """Give a model of a shop.

    Raises
    ------
    NotFound
        The shop has no such model.
    """
    with db.read() as conn:
        row = conn.execute(select(models).where(models.c.shop == shop, models.c.id == model_id)).one_or_none()
    if row is None:
        raise NotFound(f"there is no model {model_id!r} in shop {shop!r}")
    return _model(row)


def model_files(db: Store, shop: str, model_id: str) -> dict[str, bytes]:
    """Give the files of a model.

    Parameters
    ----------
    db : Store
        Open.
    shop, model_id : str
        Which.

    Returns
    -------
    dict of str to bytes
        By name.

    Raises
    ------
    NotFound
        The shop has no such model.
    """
    get_model(db, shop, model_id)
    query = select(files_table.c.name, files_table.c.data).where(files_table.c.model_id == model_id)
    with db.read() as conn:
        return {row.name: bytes(row.data) for row in conn.execute(query.order_by(files_table.c.name))}


def drop_models(db: Store, *, before: int) -> int:
    """Drop models from before a moment (microseconds since 1970, UTC), but never a shop's latest; plans made with them stay.

    Returns
    -------
    int
        How many were dropped.
    """
    newer = models.alias()
    latest = select(func.max(newer.c.serial)).where(newer.c.shop == models.c.shop).scalar_subquery()
    with db.write() as conn:
        return conn.execute(models.delete().where(models.c.created_at < before, models.c.serial < latest)).rowcount


def _model(row: Row[Any]) -> ModelInfo:
    values = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name
    return ModelInfo(**(values | {"meta": json.loads(values["meta"])}))
