"""Problems as `application/problem+json` (RFC 9457), and the one place where errors become them."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import orjson
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Match, Route

from pricebid.errors import FaultsError, Infeasible, InputError
from pricebid.store import errors as stored
from pricebid_api import logs

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from fastapi import APIRouter, FastAPI
    from starlette.requests import Request

MEDIA_TYPE = "application/problem+json"
_MOST = 100  # errors named one by one


class Problem(Exception):  # noqa: N818 - RFC 9457's word
    """An error that the caller is told of.

    Parameters
    ----------
    status : int
        HTTP status.
    code : str
        Stable name of the kind of problem, for programs.
    detail : str
        One sentence for people: what was got, the rule, the remedy.
    errors : iterable of mapping
        Single faults: ``field``, ``message`` and, for tables, ``table``, ``row``, ``column``, ``count``.
    headers : mapping, optional
        Further response headers.
    """

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        errors: Iterable[Mapping[str, Any]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.errors = tuple(errors)
        self.headers = dict(headers or {})

    def body(self, request_id: str = "") -> bytes:
        """Give the problem as JSON."""
        content: dict[str, Any] = {
            "type": f"urn:pricebid:problem:{self.code}",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "code": self.code,
            "detail": self.detail,
        }
        if request_id:
            content["request_id"] = request_id
        if self.errors:
            content["errors"] = [dict(one) for one in self.errors[:_MOST]]
        return orjson.dumps(content, default=str)

    def response(self, request_id: str = "") -> Response:
        """Give the problem as a response."""
        return Response(self.body(request_id), self.status, self.headers, MEDIA_TYPE)


def too_large(limit: int) -> Problem:
    """Give the problem of a body that is too large."""
    return Problem(413, "too_large", f"The body is larger than {limit:,} bytes; send less at a time.")


def problem_of(error: Exception) -> Problem:
    """Give the problem that tells a caller of an error raised on purpose; 500 for any other."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, FaultsError):
        kind = type(error).__name__.removesuffix("Error").lower()
        return faulty(error, 422, f"{kind}_faults")
    if isinstance(error, Infeasible):
        conflicts = [{"field": one.name, "message": str(one), **vars(one)} for one in error.conflicts]
        return Problem(422, "infeasible", _first(error), errors=conflicts)
    for kind_of, status, code in _KINDS:
        if isinstance(error, kind_of):
            return Problem(status, code, _first(error))
    return Problem(500, "internal", "Something failed on our side; the log has the details under this request id.")


def faulty(error: FaultsError, status: int, code: str) -> Problem:
    """Give the problem that names each fault."""
    return Problem(status, code, _first(error), errors=map(_fault, error.faults))


_KINDS: tuple[tuple[type[Exception], int, str], ...] = (
    (InputError, 422, "bad_input"),
    (stored.NotFound, 404, "not_found"),
    (stored.StepError, 409, "step_not_allowed"),
    (stored.InForce, 409, "plan_in_force"),
    (stored.Erased, 409, "shop_erased"),
    (stored.Busy, 503, "busy"),
    (stored.Unavailable, 503, "store_unavailable"),
)


def _first(error: Exception) -> str:
    return (str(error).strip().splitlines() or ["no message"])[0][:500]


def _fault(fault: Any) -> dict[str, Any]:  # noqa: ANN401 - a Fault or what looks like one
    found = {"field": fault.column or fault.table, "message": fault.message, "table": fault.table}
    if fault.column:
        found["column"] = fault.column
    if fault.row is not None:
        found |= {"row": fault.row, "count": fault.count}
    return found


def _validation(error: RequestValidationError) -> Problem:
    """Tell what FastAPI's own validation found; never repeats the value, which may be a secret."""
    faults = [
        {"field": ".".join(str(part) for part in one["loc"] if part != "body") or "body", "message": one["msg"]}
        for one in error.errors()
    ]
    if any(one["type"] == "json_invalid" for one in error.errors()):
        return Problem(400, "bad_json", "The body is no JSON.", errors=faults)
    first = faults[0]
    more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
    return Problem(422, "bad_request", f"{first['field']}: {first['message']}{more}", errors=faults)


def _allowed(routers: Sequence[APIRouter], request: Request) -> dict[str, str]:
    """Give the methods of a path: all its routes' together, where Starlette gives those of the first one."""
    every = [one for router in routers for one in router.routes if isinstance(one, Route)]
    routes = [one for one in every if one.matches(request.scope)[0] is not Match.NONE]
    return {"Allow": ", ".join(sorted({method for one in routes for method in one.methods or ()}))}


def install(app: FastAPI, routers: Sequence[APIRouter]) -> None:
    """Register the handlers: every error of every route becomes a problem here."""

    async def handle(request: Request, error: Exception) -> Response:
        problem = problem_of(error)
        if problem.status >= HTTPStatus.INTERNAL_SERVER_ERROR and not isinstance(error, Problem):
            logs.log.exception("request failed", exc_info=error)
        return problem.response(request.scope.get("request_id", ""))

    async def invalid(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)  # noqa: S101 - what it is registered for
        return _validation(error).response(request.scope.get("request_id", ""))

    async def http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101 - what it is registered for
        if "too_large" in request.scope:  # FastAPI says 400 of whatever fails while it reads a body
            return too_large(request.scope["too_large"]).response(request.scope.get("request_id", ""))
        code = {404: "no_such_route", 405: "method_not_allowed", 400: "bad_json"}.get(error.status_code, "http")
        headers = _allowed(routers, request) if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED else error.headers
        found = Problem(error.status_code, code, str(error.detail), headers=headers)
        return found.response(request.scope.get("request_id", ""))

    for kind in (Problem, InputError, Infeasible, stored.StoreError):
        app.add_exception_handler(kind, handle)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, http)
