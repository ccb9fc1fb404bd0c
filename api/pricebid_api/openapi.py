"""The OpenAPI document: FastAPI's own, with the structs of the hot routes, problems as they are, and who may call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from pricebid import __version__
from pricebid_api.errors import MEDIA_TYPE
from pricebid_api.guarded import scope_of
from pricebid_api.routes import ROUTERS
from pricebid_api.schemas import hot
from pricebid_api.schemas.base import ProblemOut

if TYPE_CHECKING:
    from fastapi import FastAPI

STRUCTS = (hot.Quotes, hot.QuotesOut, hot.BidQuotes, hot.BidQuotesOut, hot.Feedback, hot.FeedbackOut)
_ABOUT = (
    "Prices and keyword bids: tables in, plans made in the background, quotes and feedback. "
    "Errors are `application/problem+json` with a stable `code`."
)
_REF = "#/components/schemas/{name}"


def describe(app: FastAPI) -> dict[str, Any]:
    """Give the document, made once."""
    if app.openapi_schema is None:
        app.openapi_schema = _made(app)
    return app.openapi_schema


def _made(app: FastAPI) -> dict[str, Any]:
    document = get_openapi(title="pricebid", version=__version__, description=_ABOUT, routes=app.routes)
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    _, structs = msgspec.json.schema_components(STRUCTS, ref_template=_REF)
    schemas |= structs
    problem = ProblemOut.model_json_schema(ref_template=_REF.replace("{name}", "{model}"))
    schemas |= problem.pop("$defs", {})
    schemas["ProblemOut"] = problem
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    refer = {
        "description": "Refused or failed.",
        "content": {MEDIA_TYPE: {"schema": {"$ref": _REF.format(name="ProblemOut")}}},
    }
    components["responses"] = {"Problem": refer}
    components["securitySchemes"] = {
        "key": {"type": "http", "scheme": "bearer", "description": "An API key, or a token of the identity provider."}
    }
    scopes = {route.name: scope_of(route) for route in _routes()}
    for path in document["paths"].values():
        for operation in path.values():
            _finish(operation, scopes.get(operation["operationId"]))
    return document


def _routes() -> list[APIRoute]:
    return [route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)]


def _finish(operation: dict[str, Any], scope: str | None) -> None:
    responses = operation["responses"]
    responses.pop("422", None)
    responses["default"] = {"$ref": "#/components/responses/Problem"}
    operation["security"] = [] if scope is None else operation.get("security", [{"key": []}])
    operation["x-scope"] = scope
    if scope is not None:
        operation["description"] = f"{operation.get('description', '')}\n\nScope: `{scope}`.".strip()
