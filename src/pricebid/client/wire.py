"""Requests and answers: encoded, sent, tried again where that is safe, decoded, and problems raised as errors."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import httpx
import msgspec

from pricebid.client.errors import BadAnswer, Problem, ServiceError, Unreachable, error_of
from pricebid.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

T = TypeVar("T")
_JSON = "application/json"
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
_BUSY = (502, 503, 504)
_TOO_MANY = 429


@dataclass(frozen=True, kw_only=True)
class Retry:
    """How often, and after which pauses, a request is tried again.

    A request that was refused for its rate, or that did not reach the service, is always tried again. One that may
    have been carried out is tried again only where doing it twice is the same as doing it once: reading, loading a table,
    feedback, the cancelling of a job.

    Parameters
    ----------
    attempts : int
        How often in all, at least 1.
    first_seconds : float
        The first pause; each further one is twice as long. The service's own `Retry-After` goes before.
    longest_seconds : float
        No pause is longer.
    sleep : callable
        What waits.
    """

    attempts: int = 5
    first_seconds: float = 0.2
    longest_seconds: float = 10.0
    sleep: Callable[[float], None] = time.sleep

    def __post_init__(self) -> None:
        if self.attempts < 1:
            raise InputError(f"attempts = {self.attempts}: a request is made at least once")
        if not 0 <= self.first_seconds <= self.longest_seconds:
            raise InputError(
                f"pauses of {self.first_seconds} to {self.longest_seconds} s: give 0 <= first_seconds <= longest_seconds"
            )

    def wait(self, attempt: int, asked: float | None = None) -> None:
        """Wait after the attempt of this number, counted from 0."""
        pause = self.first_seconds * 2.0**attempt if asked is None else asked
        self.sleep(min(pause, self.longest_seconds))


class Wire:
    """Sends requests.

    Parameters
    ----------
    http : httpx.Client
        What sends them.
    retry : Retry
        How they are tried again.
    """

    def __init__(self, http: httpx.Client, retry: Retry) -> None:
        self.http = http
        self.retry = retry

    def ask(
        self,
        kind: type[T],
        method: str,
        path: str,
        *,
        body: Any = None,  # noqa: ANN401 - any plain value
        params: Mapping[str, Any] | None = None,
        again: bool | None = None,
    ) -> T:
        """Send plain values as JSON, and give the answer as a value of the kind.

        Parameters
        ----------
        kind : type
            Dataclass that the answer is read as.
        method, path : str, str
            What to do, where.
        body : plain values, optional
            Sent as JSON.
        params : mapping, optional
            Query; what is None is left out.
        again : bool, optional
            Whether doing it twice is the same as doing it once; False for POST unless given.

        Raises
        ------
        ClientError
            No answer came, or one that says no.
        """
        content, headers = None, {}
        if body is not None:
            content, headers = encode(body), {"Content-Type": _JSON}
        safe = method != "POST" if again is None else again
        answer = self.send(method, path, content=content, headers=headers, params=params, again=safe)
        return decode(answer.content, kind)

    def send(
        self,
        method: str,
        path: str,
        *,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, Any] | None = None,
        again: bool = True,
    ) -> httpx.Response:
        """Send a request, again where that is safe, and give the answer, which is a good one.

        Raises
        ------
        ClientError
            No answer came, or one that says no.
        """
        query = {key: value for key, value in (params or {}).items() if value is not None}
        for attempt in range(self.retry.attempts):
            asked = None
            try:
                answer = self.http.request(method, path, content=content, headers=headers, params=query)
                if answer.is_success:
                    return answer
                problem = problem_of(answer)
                error: ServiceError | Unreachable = problem
                asked = problem.retry_after
                safe = problem.status == _TOO_MANY or (again and problem.status in _BUSY)
            except httpx.TransportError as failed:
                error = unreachable(failed, method, path)
                safe = again or isinstance(failed, _NOT_SENT)
            if not safe or attempt + 1 == self.retry.attempts:
                raise error
            self.retry.wait(attempt, asked)
        raise AssertionError("unreachable: the last attempt returns or raises")


def encode(body: Any) -> bytes:  # noqa: ANN401 - any plain value
    """Give plain values as JSON.

    Raises
    ------
    InputError
        Something in it has no place in JSON.
    """
    try:
        return msgspec.json.encode(body)
    except (TypeError, ValueError, msgspec.MsgspecError) as error:
        raise InputError(f"this cannot be sent as JSON: {error}") from None


def decode(content: bytes, kind: type[T]) -> T:
    """Read an answer.

    Raises
    ------
    BadAnswer
        It is not what this version of the client reads.
    """
    try:
        return msgspec.json.decode(content, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise BadAnswer(f"the answer is not what a {kind.__name__} looks like: {error}; {content[:200]!r}") from None


def problem_of(answer: httpx.Response) -> ServiceError:
    """Give the error that an answer tells of.

    Raises
    ------
    BadAnswer
        It is no problem of the service: a proxy answered in its place.
    """
    told = answer.headers.get("retry-after", "")
    retry_after = float(told) if told.isascii() and told.isdigit() else None
    try:
        problem = msgspec.json.decode(answer.content, type=Problem)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        if answer.status_code not in (*_BUSY, _TOO_MANY):
            raise BadAnswer(
                f"{answer.request.url} answered {answer.status_code} without a problem of the service: "
                f"{answer.text[:200]!r}; is it the address of a pricebid service?"
            ) from None
        text = "whatever stands before the service answered in its place"
        problem = Problem(status=answer.status_code, code="gateway", detail=text)
    return error_of(problem, retry_after)


def unreachable(error: httpx.TransportError, method: str, path: str) -> Unreachable:
    """Give the error of a request that no answer came to."""
    made = Unreachable(f"{method} {path}: no answer ({type(error).__name__}: {error})")
    made.__cause__ = error
    return made
