"""Routes that read and answer bytes themselves: for the hot path, where FastAPI's own reading would cost more than the work."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi.routing import APIRoute

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from starlette.requests import Request
    from starlette.responses import Response

JSON = "application/json"


class RawRoute(APIRoute):
    """A documented route whose endpoint is called with the request and the path's parameters, and nothing in between.

    The endpoint lets the caller in itself (`deps.allow`), reads the body itself (`limits.read_body`) and gives a
    Response. Its scope stands in its attribute ``scope`` (`scoped`).
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Give the handler."""
        endpoint = self.endpoint

        async def handle(request: Request) -> Response:
            found: Response = await endpoint(request, **request.path_params)
            return found

        return handle


def scoped(scope: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Say which scope an endpoint of a raw route asks for."""

    def mark(endpoint: Callable[..., Any]) -> Callable[..., Any]:
        endpoint.scope = scope  # type: ignore[attr-defined]
        return endpoint

    return mark


def documented(request: str, answer: str, *, example: Any, answered: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """Give what OpenAPI says of a raw route: names of msgspec structs (`openapi.STRUCTS`) and an example of each."""
    return {
        "requestBody": {
            "required": True,
            "content": {JSON: {"schema": {"$ref": f"#/components/schemas/{request}"}, "example": example}},
        },
        "responses": {
            "200": {
                "description": "Answered.",
                "content": {JSON: {"schema": {"$ref": f"#/components/schemas/{answer}"}, "example": answered}},
            }
        },
    }
