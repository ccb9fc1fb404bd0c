"""For the platform: is it alive, is it ready (and if not, why), what does it count."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, Response

from pricebid_api.deps import ServiceDep
from pricebid_api.schemas.base import Out

router = APIRouter(tags=["platform"])


class Health(Out):
    """Alive."""

    status: Literal["alive"] = "alive"


class Readiness(Out):
    """Ready, or why not."""

    status: Literal["ready", "not ready"]
    reasons: list[str]


@router.get("/healthz", summary="Is it alive?")
async def healthz() -> Health:
    """Answer as long as the process can."""
    return Health()


@router.get("/readyz", summary="Is it ready?", responses={503: {"model": Readiness, "description": "Not ready: why."}})
async def readyz(service: ServiceDep, response: Response) -> Readiness:
    """Tell whether this worker can take traffic: the store answers, plans are loaded and fresh, the quote log drains."""
    reasons = service.poller.reasons()
    response.status_code = 503 if reasons else 200
    return Readiness(status="not ready" if reasons else "ready", reasons=reasons)


@router.get(
    "/metrics",
    summary="Metrics",
    response_class=Response,
    responses={
        200: {
            "description": "Prometheus' text format.",
            "content": {"text/plain": {"schema": {"type": "string"}, "example": "pricebid_quotes_total 12\n"}},
        }
    },
)
async def metrics(service: ServiceDep) -> Response:
    """Give latency, quotes, fallbacks, guard hits, ad spend, ages of model and plan, and queue depth."""
    return Response(service.metrics.render(), media_type="text/plain; version=0.0.4; charset=utf-8")
