"""Work in the background: ask for it, look at it, follow it, cancel it."""

from __future__ import annotations

import re
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Header, Path, Response
from starlette.concurrency import iterate_in_threadpool
from starlette.responses import StreamingResponse

from pricebid.store import jobs
from pricebid_api.auth import Caller
from pricebid_api.deps import Cursor, JobId, Limit, Planner, Reader, ServiceDep, ShopName, in_thread, media_type
from pricebid_api.guarded import GuardedRoute
from pricebid_api.schemas.base import Page
from pricebid_api.schemas.jobs import JobIn, JobOut
from pricebid_api.shops import get_shop
from pricebid_api.state import Service
from pricebid_api.streams import Follow
from pricebid_api.worker.files import result_pieces
from pricebid_api.worker.request import read_request

router = APIRouter(tags=["jobs"], route_class=GuardedRoute)

_EVENT_ID = re.compile(r"[0-9]{1,18}")
_EXAMPLES = {
    "price": {
        "summary": "A price plan",
        "value": {"kind": "price", "policy": {"price": {"max_change": 0.1}, "portfolio": {"min_units_ratio": 0.95}}},
    },
    "fit": {"summary": "A fresh model", "value": {"kind": "fit"}},
    "backtest": {
        "summary": "How good are forecasts?",
        "value": {"kind": "backtest", "options": {"horizon": 4, "origins": 2}},
    },
}


@router.post(
    "/v1/shops/{shop}/jobs",
    status_code=202,
    summary="Ask for a job",
    openapi_extra={"requestBody": {"content": {"application/json": {"examples": _EXAMPLES}}}},
)
async def submit_job(shop: ShopName, job: JobIn, service: ServiceDep, caller: Planner, response: Response) -> JobOut:
    """Put a job in the queue; one job of a kind runs at a time per shop, further ones wait."""
    read_request(job.kind, job.policy, job.options)  # a typing error is told now, not after a fit
    made = await service.writer.run(
        jobs.submit,
        service.db,
        shop,
        job.kind,
        by=caller.name,
        policy=job.policy,
        options=job.options,
        priority=job.priority,
    )
    response.headers["Location"] = f"/v1/jobs/{made.id}"
    return JobOut.of(made)


@router.get("/v1/shops/{shop}/jobs", summary="List jobs")
async def list_jobs(
    shop: ShopName, service: ServiceDep, caller: Reader, limit: Limit = 50, cursor: Cursor = None
) -> Page[JobOut]:
    """Give a shop's jobs, the newest first."""
    del caller
    await in_thread(get_shop, service.db, shop)
    page = await in_thread(jobs.list_jobs, service.db, shop, limit=limit, cursor=cursor)
    return Page(items=[JobOut.of(one) for one in page.items], cursor=page.cursor)


@router.get("/v1/jobs/{job}", summary="Look at a job")
async def get_job(job: JobId, service: ServiceDep, caller: Reader) -> JobOut:
    """Give a job as it stands."""
    return JobOut.of(await _of(service, job, caller))


@router.delete("/v1/jobs/{job}", summary="Cancel a job")
async def cancel_job(job: JobId, service: ServiceDep, caller: Planner) -> JobOut:
    """Cancel a job: at once where it waits; where it runs, its worker stops at the next chance."""
    await _of(service, job, caller)
    return JobOut.of(await service.writer.run(jobs.cancel, service.db, job, by=caller.name, shop=caller.shop))


@router.get(
    "/v1/jobs/{job}/events",
    summary="Follow a job",
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "Server-sent events, until the job has ended.",
            "content": {
                "text/event-stream": {
                    "schema": {},  # OpenAPI 3.1 has no words for a stream: tools read a schema here as one of each event
                    "example": 'id: 7\nevent: progress\ndata: {"job":"0194...","stage":"fitting","progress":0.4}\n\n',
                }
            },
        }
    },
)
async def job_events(
    job: JobId,
    service: ServiceDep,
    caller: Reader,
    last_event_id: Annotated[str | None, Header(description="Go on after this event.")] = None,
) -> StreamingResponse:
    """Send what happens to a job as server-sent events; a reader that broke off resumes with `Last-Event-ID`."""
    await _of(service, job, caller)
    after = int(last_event_id) if last_event_id and _EVENT_ID.fullmatch(last_event_id) else 0
    told = service.streams.follow(service.db, job, after, holds=partial(service.gate.holds, caller, service.db))
    return Follow(service.streams, caller.tenant, told)


@router.get(
    "/v1/jobs/{job}/files/{name}",
    summary="Download a result of a job",
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "The file.",
            "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
        }
    },
)
async def get_job_file(
    job: JobId,
    name: Annotated[str, Path(pattern=r"^[a-z_]{1,40}\.(json|csv|parquet)$", examples=["forecast.csv"])],
    service: ServiceDep,
    caller: Reader,
) -> StreamingResponse:
    """Give a table that a job made, such as `forecast.csv`, as its `result.files` lists them."""
    pieces = await in_thread(result_pieces, service.db, await _of(service, job, caller), name)
    return StreamingResponse(iterate_in_threadpool(pieces), media_type=media_type(name))


async def _of(service: Service, job: str, caller: Caller) -> jobs.Job:
    return await in_thread(jobs.get_job, service.db, job, shop=caller.shop)
