"""The edge of the service, as one plain ASGI middleware: request ids, security headers, size limits, metrics, log lines."""

from __future__ import annotations

import itertools
import re
import time
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from starlette.requests import ClientDisconnect, Request

from pricebid_api import logs
from pricebid_api.errors import problem_of, too_large

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from pricebid_api.logs import RequestLog
    from pricebid_api.metrics import Metrics
    from pricebid_api.raw import RawRoute

_GIVEN_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_SECURITY = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"strict-transport-security", b"max-age=31536000"),
)
Head = dict[bytes, bytes]
"""Headers of a request by lower-case name, the last of a name: made once, read by whoever needs one (``scope["head"]``)."""

SHOPS = "/v1/shops/"
_FAILED, _LEFT = 500, 499  # the second as web servers log a caller who left before the answer
_UPLOAD = re.compile(r"/v1/shops/[^/]+/tables/[^/]+")  # these bodies have a limit of their own


class Edge:
    """Wraps the whole application.

    Parameters
    ----------
    app : ASGI application
        What is wrapped.
    metrics : Metrics
        Gets latency and count of each request.
    log : RequestLog
        Gets one line per request.
    max_body : int
        Largest body in bytes, but for uploads of tables.
    hot : mapping of str to RawRoute
        Routes by what follows the shop in their path: a quote costs less than finding its route does.
    """

    def __init__(
        self, app: ASGIApp, *, metrics: Metrics, log: RequestLog, max_body: int, hot: Mapping[str, RawRoute]
    ) -> None:
        self._hot = hot
        self._app = app
        self._metrics = metrics
        self._log = log
        self._max_body = max_body
        self._ids = uuid4().hex[:16]
        self._count = itertools.count(1)
        self._seen: dict[tuple[str, int], tuple[Any, Any]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        start = time.perf_counter()
        head = scope["head"] = Head(scope["headers"])
        request_id = head.get(b"x-request-id", b"").decode("latin1")
        if not _GIVEN_ID.fullmatch(request_id):
            request_id = f"{self._ids}{next(self._count):x}"
        scope["request_id"] = request_id
        headers = (*_SECURITY, (b"x-request-id", request_id.encode()))
        status, begun = 500, False

        async def answer(message: Message) -> None:
            nonlocal status, begun
            if message["type"] == "http.response.start":
                begun = True
                status = message["status"]
                message["headers"].extend(headers)
            await send(message)

        try:
            upload = scope["method"] == "PUT" and _UPLOAD.fullmatch(scope["path"]) is not None
            declared = head.get(b"content-length")
            if declared is not None and not upload and not (declared.isdigit() and int(declared) <= self._max_body):
                await too_large(self._max_body).response(request_id)(scope, receive, answer)
            else:
                counted = b"transfer-encoding" in head and not upload
                await self._pass(scope, self._counted(scope, receive) if counted else receive, answer)
        except ClientDisconnect:
            status = _LEFT
        except Exception as error:
            problem = problem_of(error)
            if (
                problem.status >= _FAILED and problem is not error
            ):  # what nobody raised on purpose: told to the log, not to the caller
                logs.log.exception("request failed", extra={"request_id": request_id})
            if begun:
                raise
            await problem.response(request_id)(scope, receive, answer)
        finally:
            self._note(scope, status, time.perf_counter() - start)

    async def _pass(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand a request on: to its endpoint straight away where it is a hot one, else to the application's router."""
        path: str = scope["path"]
        if path.startswith(SHOPS) and scope["method"] == "POST":
            shop, _, rest = path[len(SHOPS) :].partition("/")
            route = self._hot.get(rest)
            if route is not None:
                scope["route"] = route
                response = await route.endpoint(Request(scope, receive, send), shop)
                await response(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _counted(self, scope: Scope, receive: Receive) -> Receive:
        """Count a body that does not say its length; one that does is not longer than it says."""
        left = self._max_body

        async def counted() -> Message:
            nonlocal left
            message = await receive()
            left -= len(message.get("body", b""))
            if left < 0:
                scope["too_large"] = self._max_body
                raise too_large(self._max_body)
            return message

        return counted

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        route = scope.get("route")
        name = getattr(route, "path", "none")
        try:
            latency, count = self._seen[name, status]
        except KeyError:
            latency = self._metrics.latency.labels(name)
            count = self._metrics.requests.labels(name, str(status))
            self._seen[name, status] = (latency, count)
        latency.observe(seconds)
        count.inc()
        line = {
            "time": time.time(),
            "message": "request",
            "method": scope["method"],
            "path": scope["path"],
            "status": status,
            "seconds": round(seconds, 6),
            "request_id": scope["request_id"],
        }
        if "decisions" in scope:
            line["decisions"] = scope["decisions"]
        if "caller" in scope:
            line["caller"] = scope["caller"]
        self._log.add(line)
