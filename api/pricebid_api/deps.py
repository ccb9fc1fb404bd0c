"""What routes ask for: the service, and a caller who may do this to this shop."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from fastapi import Depends, Path, Query, Request

from pricebid_api.auth import Caller, presented
from pricebid_api.errors import Problem
from pricebid_api.state import Service

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import Scope

    from pricebid_api.middleware import Head

T = TypeVar("T")
NAME = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$"
_NAME = re.compile(NAME)
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
    scope = request.scope
    head: Head = scope["head"]
    credential = presented(head.get(b"authorization"), head.get(b"x-api-key"))
    keys = service.gate.keys
    if not keys.fresh:
        await keys.freshen(service.db)
    caller = keys.find(credential) if credential else None
    if caller is None:
        caller = await _seldom(service, scope, credential)
    scope["caller"] = caller.name
    return caller


async def _seldom(service: Service, scope: Scope, credential: bytes | None) -> Caller:
    """Find out who calls without a key that is known: with a new key, with a token, or as anybody on this machine."""
    gate = service.gate
    client = scope["client"][0] if scope.get("client") else ""
    if credential is None:
        if gate.open and gate.keys.may_be_new:
            await gate.keys.freshen(service.db)
        return gate.anybody(scope["head"], client)
    caller = await asyncio.to_thread(gate.keys.ask, service.db, credential) if gate.may_ask() else None
    if caller is None and gate.tokens is not None:
        token = credential.decode("latin1")
        caller = gate.tokens.known(token)
        if caller is None and token.count(".") == 2:
            caller = await asyncio.to_thread(gate.tokens.verify, token)
    return caller or gate.nobody(client)


async def allow(request: Request, service: Service, scope: str, shop: str | None) -> Caller:
    """Find out who calls, and whether they may.

    Raises
    ------
    Problem
        401, 403 or 429; 422 where the shop's name is none.
    """
    caller = await identify(request, service)
    service.gate.admit(caller, scope, shop)
    if shop is not None and _NAME.fullmatch(shop) is None:
        raise Problem(
            422, "bad_request", "shop: give a letter or digit, then up to 62 letters, digits, '_', '.' or '-'."
        )
    return caller


def needs(scope: str) -> Any:  # noqa: ANN401 - FastAPI's own marker
    """Give the dependency of a route that needs a scope: the caller whom the route (`guarded.GuardedRoute`) let in for it."""

    async def dependency(request: Request) -> Caller:
        admitted: Caller = request.scope["admitted"]
        return admitted

    dependency.scope = scope  # type: ignore[attr-defined]  # the tests read it: no route without one
    return Depends(dependency)


Reader = Annotated[Caller, needs("read")]
Planner = Annotated[Caller, needs("plan")]
Publisher = Annotated[Caller, needs("publish")]
Administrator = Annotated[Caller, needs("admin")]


async def in_thread(function: Callable[..., T], *args: object, **kwargs: object) -> T:
    """Run a blocking read of the store beside the event loop."""
    return await asyncio.to_thread(function, *args, **kwargs)


def media_type(file: str) -> str:
    """Give the media type of a file's name."""
    return {"json": "application/json", "csv": "text/csv"}.get(
        file.rpartition(".")[2], "application/vnd.apache.parquet"
    )
