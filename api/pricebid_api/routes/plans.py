"""The life of a plan: look, approve, publish, roll back; each step is one row of the audit log."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Response

from pricebid import store
from pricebid_api import publishing
from pricebid_api.deps import Cursor, Limit, PlanId, Publisher, Reader, ServiceDep, ShopName, in_thread, media_type
from pricebid_api.errors import Problem
from pricebid_api.guarded import GuardedRoute
from pricebid_api.publishing import Reason
from pricebid_api.schemas.base import Page
from pricebid_api.schemas.plans import PlanDetail, PlanOut, RolledBack
from pricebid_api.shops import get_shop

router = APIRouter(tags=["plans"], prefix="/v1/shops/{shop}/plans", route_class=GuardedRoute)


@router.get("", summary="List plans")
async def list_plans(
    shop: ShopName,
    service: ServiceDep,
    caller: Reader,
    kind: Literal["price", "bid", "joint"] | None = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[PlanOut]:
    """Give a shop's plans, the newest first."""
    del caller
    await in_thread(get_shop, service.db, shop)
    page = await in_thread(store.list_plans, service.db, shop, kind=kind, limit=limit, cursor=cursor)
    return Page(items=[PlanOut.of(one) for one in page.items], cursor=page.cursor)


@router.get("/{plan}", summary="Look at a plan")
async def get_plan(shop: ShopName, plan: PlanId, service: ServiceDep, caller: Reader) -> PlanDetail:
    """Give a plan, where it stands, and its document."""
    del caller

    def read() -> PlanDetail:
        info = store.get_plan(service.db, shop, plan)
        files = store.plan_files(service.db, shop, plan)
        document: dict[str, Any] = json.loads(files["plan.json"])
        return PlanDetail(**PlanOut.of(info).model_dump(), document=document, files=sorted(files))

    return await in_thread(read)


@router.get(
    "/{plan}/files/{name}",
    summary="Download a file of a plan",
    response_class=Response,
    responses={
        200: {
            "description": "The file, as it was made.",
            "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
        }
    },
)
async def get_plan_file(
    shop: ShopName,
    plan: PlanId,
    name: Annotated[str, Path(pattern=r"^[a-z_]{1,40}\.(json|csv|parquet)$", examples=["prices.parquet"])],
    service: ServiceDep,
    caller: Reader,
) -> Response:
    """Give a file of a plan, such as `plan.json` or `prices.parquet`."""
    del caller
    files = await in_thread(store.plan_files, service.db, shop, plan, [name])
    return Response(files[name], media_type=media_type(name))


@router.post("/{plan}/approve", summary="Approve a plan")
async def approve_plan(shop: ShopName, plan: PlanId, service: ServiceDep, caller: Publisher) -> PlanOut:
    """Approve a plan that was made or held; the reasons for which it was held stay with it."""
    return PlanOut.of(await service.writer.run(store.approve_plan, service.db, shop, plan, by=caller.name))


@router.post("/{plan}/publish", summary="Publish a plan")
async def publish_plan(shop: ShopName, plan: PlanId, service: ServiceDep, caller: Publisher) -> PlanOut:
    """Publish a plan: every worker quotes from it within two seconds, and the one before it retires.

    Where a guard objects the plan is held and the answer is a problem `held_for_approval` that lists the reasons:
    its data are too old, it is infeasible, more prices move than allowed, it expects less than the plan in force may
    fall to, a price is under its floor, or a campaign's budget that its bids were made within is gone. Approve it to
    publish it all the same.
    """
    info = await service.tables.run(
        300.0,
        publish_in,
        service.settings.store,
        shop,
        plan,
        caller.name,
        guards=service.settings.guards,
        require_approval=service.settings.require_approval,
    )
    if info.status == "held":
        reasons = [Reason.read(text) for text in info.reasons]
        for one in reasons:
            service.metrics.guard_hits.labels(one.guard).inc()
        raise Problem(
            409,
            "held_for_approval",
            f"The plan is held: {'; '.join(one.message for one in reasons)}. Approve it to publish it all the same.",
            errors=[{"field": one.guard, "message": one.message} for one in reasons],
        )
    await service.snapshots.load(shop)
    return PlanOut.of(info)


def publish_in(where: Any, shop: str, plan: str, by: str, **how: Any) -> store.PlanInfo:  # noqa: ANN401 - see publishing
    """Publish in a process of its own: guards read the shop's tables, which takes time that quotes shall not lack."""
    db = store.open_store(where, migrate=False)
    try:
        return publishing.publish(db, shop, plan, by=by, **how)
    finally:
        db.close()


@router.post("/{plan}/rollback", summary="Take a published plan back")
async def rollback_plan(shop: ShopName, plan: PlanId, service: ServiceDep, caller: Publisher) -> RolledBack:
    """Take the published plan back; the one that it replaced is published again.

    No guard stops that. `warnings` tell of budgets that the plan in force again was made within and that the table
    `campaigns` has no more, so that they keep none of its bids.
    """
    info, warnings = await service.writer.run(publishing.roll_back, service.db, shop, plan, by=caller.name)
    await service.snapshots.load(shop)
    return RolledBack(**PlanOut.of(info).model_dump(), warnings=[*warnings])
