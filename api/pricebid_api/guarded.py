"""Routes whose caller is let in before anything of the body is read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi.routing import APIRoute

from pricebid_api.deps import allow, get_service
from pricebid_api.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from fastapi.dependencies.models import Dependant
    from starlette.requests import Request
    from starlette.responses import Response


def scope_of(route: APIRoute) -> str | None:
    """Give the scope that a route asks for; None where anybody may call it."""
    own = getattr(route.endpoint, "scope", None)
    asked = [getattr(one.call, "scope", None) for one in route.dependant.dependencies]
    return own or next((scope for scope in asked if scope), None)


class GuardedRoute(APIRoute):
    """Lets the caller in first: FastAPI itself reads and parses a body before it asks any dependency who sent it.

    The dependency of the route (`deps.needs`) then gives the caller who was let in here.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Give the handler."""
        handle = super().get_route_handler()

        async def guarded(request: Request) -> Response:
            scope = scope_of(self)
            if scope is not None:
                shop = request.path_params.get("shop")
                request.scope["admitted"] = await allow(request, get_service(request), scope, shop)
            if request.scope["query_string"]:
                _refuse_unknown(request, _query_of(self.dependant))
            return await handle(request)

        return guarded


def _query_of(dependant: Dependant) -> set[str]:
    """Give the names of the query parameters of a route."""
    own = {one.alias for one in dependant.query_params}
    return own.union(*(_query_of(one) for one in dependant.dependencies))


def _refuse_unknown(request: Request, known: set[str]) -> None:
    """Refuse parameters that the route does not have: a limit that is misspelt would else be none."""
    unknown = [name for name in request.query_params if name not in known]
    if unknown:
        has = f"this route has {', '.join(sorted(known))}" if known else "this route has none"
        detail = f"No such query parameter: {', '.join(repr(name[:80]) for name in unknown[:5])}; {has}."
        raise Problem(422, "bad_request", detail, errors=[{"field": "query", "message": detail}])
