"""For the platform: is it alive, is it ready (and if not, why), what does it count."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, Request, Response

from pricebid_api.auth import presented, unknown
from pricebid_api.deps import ServiceDep, allow
from pricebid_api.errors import Problem
from pricebid_api.raw import scoped
from pricebid_api.schemas.base import Out
from pricebid_api.state import Service

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
    openapi_extra={"security": [{"key": []}, {}]},  # none is asked of this machine itself
)
@scoped("read")
async def metrics(request: Request, service: ServiceDep) -> Response:
    """Give latency, quotes, fallbacks, guard hits, ad spend, ages of model and plan, and queue depth, of all shops.

    Asks for a key of all shops, but not of a caller on the service's own machine.
    """
    await _watch(request, service)
    return Response(service.metrics.render(), media_type="text/plain; version=0.0.4; charset=utf-8")


async def _watch(request: Request, service: Service) -> None:
    """Let in who may see figures of all shops.

    A Prometheus on the same machine is the usual case, and needs no key also where keys exist: who can read loopback there
    has a place on the machine already. What came through a proxy may be anybody.
    """
    scope = request.scope
    head = scope["head"]
    client = scope["client"][0] if scope.get("client") else ""
    nothing = presented(head.get(b"authorization"), head.get(b"x-api-key")) is None
    away = service.gate.away(head, client) if nothing else None
    if nothing and away is None:
        scope["caller"] = "local"
        return
    try:
        caller = await allow(request, service, "read", None)
    except Problem as problem:
        if problem.status == 401 and away is not None:
            raise unknown(
                f"{problem.detail} Only a request of the service's own machine needs none for this, and {away}."
            ) from None
        raise
    if caller.shop is not None:
        raise Problem(403, "other_shop", "Metrics tell of every shop: this needs a key for all shops.")
