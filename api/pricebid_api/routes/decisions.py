"""What was quoted, and who did what: the decision and audit logs."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BeforeValidator

from pricebid import store
from pricebid.live.clock import microseconds
from pricebid_api.deps import Cursor, Limit, Reader, ServiceDep, ShopName, in_thread
from pricebid_api.entries import decode
from pricebid_api.errors import Problem
from pricebid_api.guarded import GuardedRoute
from pricebid_api.schemas.base import Page, at_time
from pricebid_api.schemas.decisions import LogEntry
from pricebid_api.shops import get_shop
from pricebid_api.state import Service

router = APIRouter(tags=["decisions"], route_class=GuardedRoute)


def _dated(value: object) -> object:
    """Refuse numbers: which pydantic reads as seconds or milliseconds, as it guesses."""
    if isinstance(value, str) and "-" not in value[1:]:
        raise ValueError("give the time as RFC 3339, such as 2026-01-05T08:00:00Z")
    return value


@router.get("/v1/shops/{shop}/decisions", summary="Read the decision or audit log")
async def list_decisions(
    shop: ShopName,
    service: ServiceDep,
    caller: Reader,
    log: Annotated[Literal["decisions", "audit"], Query(description="What was quoted, or who did what.")] = "decisions",
    since: Annotated[
        datetime | None, BeforeValidator(_dated), Query(description="Only from then on (decisions).")
    ] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[LogEntry]:
    """Give the newest entries first. A quote is in the log within a second of its answer."""
    del caller
    if since is not None and since.tzinfo is None:
        raise Problem(422, "bad_request", "since: give the time with its offset, such as 2026-01-05T08:00:00Z.")
    await in_thread(get_shop, service.db, shop)
    if log == "audit":
        rows = await in_thread(store.list_audit, service.db, shop, limit=limit, cursor=cursor)
        return Page(items=[_audit(row) for row in rows.items], cursor=rows.cursor)
    return await in_thread(_decisions, service, shop, limit, cursor, None if since is None else microseconds(since))


def _decisions(service: Service, shop: str, limit: int, cursor: str | None, since: int | None) -> Page[LogEntry]:
    page = store.list_decisions(service.db, shop, limit=limit, cursor=cursor, since=since)
    signer = service.signer(shop)
    entries = [
        LogEntry(
            log="decisions",
            id=one.id,
            at=at_time(one.at),
            kind=one.kind,
            request_id=one.request,
            worker=one.worker,
            items=decode(one.items, signer),
        )
        for one in page.items
    ]
    return Page(items=entries, cursor=page.cursor)


def _audit(row: store.AuditRow) -> LogEntry:
    return LogEntry(
        log="audit",
        id=str(row.id),
        at=at_time(row.at),
        kind=row.what,
        who=row.who,
        subject=row.subject,
        digest=row.digest or None,
        detail=dict(row.detail),
    )
