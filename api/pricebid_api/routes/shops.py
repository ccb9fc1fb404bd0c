"""Shops: make and describe them, load and drop their tables, erase them or one customer."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Request, Response
from fastapi import Path as PathParameter

from pricebid import store
from pricebid.tables.schema import SCHEMAS
from pricebid_api import uploads
from pricebid_api.deps import NAME, Administrator, Cursor, Limit, Planner, Reader, ServiceDep, ShopName, in_thread
from pricebid_api.errors import Problem, too_large
from pricebid_api.forgetting import forget_customer_in
from pricebid_api.guarded import GuardedRoute
from pricebid_api.loading import drop, load
from pricebid_api.schemas.base import Page
from pricebid_api.schemas.shops import CustomerIn, ForgottenOut, LoadedOut, ShopDetail, ShopIn, ShopOut, TableOut
from pricebid_api.shops import get_shop, settings_of

router = APIRouter(tags=["shops"], route_class=GuardedRoute)

TABLES = tuple(one.name for one in SCHEMAS)
TableName = Annotated[
    str, PathParameter(description="The table.", examples=["sales"], json_schema_extra={"enum": list(TABLES)})
]
_KINDS: dict[str, uploads.Kind] = {
    "text/csv": "csv",
    "application/vnd.apache.parquet": "parquet",
    "application/x-parquet": "parquet",
    "application/json": "json",
}
_UPLOAD = {
    "requestBody": {
        "required": True,
        "content": {
            "text/csv": {
                "schema": {"type": "string"},
                "example": "date,sku,units,price\n2026-01-05,espresso-250,42,4.99\n",
            },
            "application/vnd.apache.parquet": {"schema": {"type": "string", "format": "binary"}},
            "application/json": {
                "schema": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "additionalProperties": {"type": ["string", "number", "boolean", "null"]},
                    },
                },
                "example": [{"date": "2026-01-05", "sku": "espresso-250", "units": 42, "price": 4.99}],
            },
        },
    }
}


@router.get("/v1/shops", summary="List shops")
async def list_shops(service: ServiceDep, caller: Reader, limit: Limit = 50, cursor: Cursor = None) -> Page[ShopOut]:
    """Give the shops that the caller may see."""
    if caller.shop is not None:
        own = await in_thread(store.get_shop, service.db, caller.shop)
        return Page(items=[] if own is None else [ShopOut.of(own)], cursor=None)
    page = await in_thread(store.list_shops, service.db, limit=limit, cursor=cursor)
    return Page(items=[ShopOut.of(one) for one in page.items], cursor=page.cursor)


@router.put(
    "/v1/shops/{shop}",
    summary="Make a shop, or set what holds for it",
    openapi_extra={
        "requestBody": {
            "content": {
                "application/json": {"example": {"currency": "EUR", "timezone": "Europe/Berlin", "decimals": 2}}
            }
        }
    },
)
async def put_shop(shop: ShopName, settings: ShopIn, service: ServiceDep, caller: Administrator) -> ShopOut:
    """Set currency, decimals, time zone and guards: all of them, those not given to their defaults.

    Currency and decimals stay while a plan is in force (409 `plan_in_force`): its numbers would be quoted in other money.
    """
    kept = settings.model_dump(exclude_none=True) if settings.guards is None else settings.model_dump()
    settings_of(kept)
    info = await service.writer.run(store.put_shop, service.db, shop, by=caller.name, settings=kept)
    return ShopOut.of(info)


@router.get("/v1/shops/{shop}", summary="Describe a shop")
async def describe_shop(shop: ShopName, service: ServiceDep, caller: Reader) -> ShopDetail:
    """Give a shop's settings, its tables and the plans in force."""
    del caller

    def read() -> ShopDetail:
        info = get_shop(service.db, shop)
        published = {kind: store.published(service.db, shop, kind) for kind in ("price", "bid", "joint")}
        return ShopDetail(
            **ShopOut.of(info).model_dump(),
            tables=[TableOut.of(one) for one in store.get_tables(service.db, shop)],
            published={kind: one.plan_id for kind, one in published.items() if one is not None and one.plan_id},
        )

    return await in_thread(read)


@router.delete("/v1/shops/{shop}", status_code=204, summary="Erase a shop")
async def erase_shop(shop: ShopName, service: ServiceDep, caller: Administrator) -> Response:
    """Erase everything of a shop; the audit log keeps one row that says so."""
    await service.writer.run(store.erase_shop, service.db, shop, by=caller.name)
    return Response(status_code=204)


@router.put("/v1/shops/{shop}/tables/{table}", summary="Load a table", openapi_extra=_UPLOAD)
async def load_table(
    request: Request, shop: ShopName, table: TableName, service: ServiceDep, caller: Planner
) -> LoadedOut:
    """Load a table as CSV (also with `Content-Encoding: gzip`), Parquet or JSON rows.

    It is checked as a whole, beside the tables that the shop has already; the old one stays until the new one holds.
    Rules across tables that need a table which is not there yet are checked when that one comes. A shop that is not
    there is made; one that is erased meanwhile is not made again (409 `shop_erased`). Customer ids of `touches` and
    `orders` are replaced by a keyed hash before anything is stored. Where a plan that bids is in force, `warnings` name
    the campaigns that a new table `campaigns` takes a limit from.
    """
    _known(table)
    kind = _kind(request)
    begun = await in_thread(store.see_shop, service.db, shop)
    folder = Path(await in_thread(tempfile.mkdtemp, prefix="pricebid-upload-"))
    try:
        file = folder / "body"
        await _receive(request, file, service.settings.max_upload_bytes)
        info, checked = await load(service, shop, table, file, kind, begun=begun, by=caller.name)
    finally:
        await in_thread(shutil.rmtree, folder, ignore_errors=True)
    return LoadedOut(**TableOut.of(info).model_dump(), notices=list(checked.notices), warnings=list(checked.warnings))


@router.delete("/v1/shops/{shop}/tables/{table}", status_code=204, summary="Drop a table")
async def drop_table(shop: ShopName, table: TableName, service: ServiceDep, caller: Planner) -> Response:
    """Drop a table, the version before it included; plans and models made with it stay.

    The tables that are left are checked as a whole: where they need it, it stays (409 `table_needed`), and `errors` says
    what would be wrong with them. `campaigns` stays while a plan that bids is in force (409 `plan_in_force`).
    """
    _known(table)
    await drop(service, shop, table, by=caller.name)
    return Response(status_code=204)


def _known(table: str) -> None:
    if table not in TABLES:
        raise Problem(404, "no_such_table", f"{table[:80]!r} is no table; tables are {', '.join(TABLES)}.")


def _kind(request: Request) -> uploads.Kind:
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    kind = _KINDS.get(media)
    if kind is None:
        raise Problem(415, "unknown_content", f"Content-Type {media[:80]!r} is none of {', '.join(_KINDS)}.")
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding == "gzip" and kind == "csv":
        return "csv.gz"
    if encoding != "identity":
        raise Problem(415, "unknown_content", f"Content-Encoding {encoding[:80]!r}: only gzip, and only of text/csv.")
    return kind


async def _receive(request: Request, file: Path, most: int) -> None:
    """Write the body to disk as it comes; it is never whole in this process' memory."""
    size = 0
    with await asyncio.to_thread(file.open, "wb") as sink:
        async for chunk in request.stream():
            size += len(chunk)
            if size > most:
                raise too_large(most)
            if len(chunk) > 2**16:
                await asyncio.to_thread(sink.write, chunk)
            else:
                sink.write(chunk)


@router.post(
    "/v1/shops/{shop}/customers/erase",
    summary="Forget one customer",
    openapi_extra={"requestBody": {"content": {"application/json": {"example": {"customer": "C-10442"}}}}},
)
async def forget_customer(shop: ShopName, body: CustomerIn, service: ServiceDep, caller: Administrator) -> ForgottenOut:
    """Erase every row of one customer, by the id that was loaded, from `touches` and `orders`, older versions included.

    A table that holds nobody else is dropped.
    """
    rows = await service.tables.run(600.0, forget_customer_in, service.settings.store, shop, body.customer, caller.name)
    return ForgottenOut(rows=rows)


__all__ = ["NAME", "router"]
