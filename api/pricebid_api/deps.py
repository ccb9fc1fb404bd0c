"""What routes ask for: the service, and a caller who may do this to this shop."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from fastapi import Depends, Path, Query, Request

from pricebid_api.auth import Caller, presented
from pricebid_api.state import Service

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")
NAME = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$"
UUID = r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"

ShopName = Annotated[
    str, Path(pattern=NAME, description="The shop: letters, digits, `_`, `.`, `-`; at most 63.", examples=["corner"])
]
PlanId = Annotated[str, Path(pattern=UUID, examples=["019412d8-7c00-7000-8000-000000000000"])]
JobId = Annotated[str, Path(pattern=UUID, examples=["019412d8-7c00-7000-8000-000000000000"])]
Limit = Annotated[int, Query(ge=1, le=1000, description="Most items on this page.")]
Cursor = Annotated[str | None, Query(max_length=500, description="Where to go on: the `cursor` of the page before.")]


def get_service(request: Request) -> Service:
    """Give the worker's parts."""
    return request.scope["state"]["service"]  # type: ignore[no-any-return]


ServiceDep = Annotated[Service, Depends(get_service)]


async def identify(request: Request, service: Service) -> Caller:
    """Find out who calls; waits only where keys are stale or a token is new.

    Raises
    ------
    Problem
        401 or 429.
    """
    headers = request.headers
    credential = presented(headers.get("authorization"), headers.get("x-api-key"))
    gate = service.gate
    if not gate.keys.fresh or (credential and gate.keys.find(credential) is None and gate.keys.may_be_new):
        await asyncio.to_thread(gate.keys.refresh, service.db)
    tokens = gate.tokens
    if credential and tokens is not None and credential.count(".") == 2 and tokens.known(credential) is None:
        await asyncio.to_thread(tokens.verify, credential)
    client = request.client.host if request.client else ""
    caller = gate.identify(credential, headers.get("host", ""), client)
    request.scope["caller"] = caller.name
    return caller


async def allow(request: Request, service: Service, scope: str, shop: str | None) -> Caller:
    """Find out who calls, and whether they may.

    Raises
    ------
    Problem
        401, 403 or 429.
    """
    caller = await identify(request, service)
    service.gate.admit(caller, scope, shop)
    return caller


def needs(scope: str) -> Any:  # noqa: ANN401 - FastAPI's own marker
    """Give the dependency of a route that needs a scope; the shop is the one in the path, if any."""

    async def dependency(request: Request, service: ServiceDep) -> Caller:
        return await allow(request, service, scope, request.path_params.get("shop"))

    dependency.scope = scope  # type: ignore[attr-defined]  # the tests read it: no route without one
    return Depends(dependency)


Reader = Annotated[Caller, needs("read")]
Planner = Annotated[Caller, needs("plan")]
Publisher = Annotated[Caller, needs("publish")]
Administrator = Annotated[Caller, needs("admin")]


async def in_thread(function: Callable[..., T], *args: object, **kwargs: object) -> T:
    """Run a blocking read of the store beside the event loop."""
    return await asyncio.to_thread(function, *args, **kwargs)
