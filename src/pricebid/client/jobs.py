"""Following a job by server-sent events, through broken connections, until it has ended."""

from __future__ import annotations

import json
import time
from itertools import takewhile
from typing import TYPE_CHECKING, Any

import httpx

from pricebid.client.answers import Job, JobEvent
from pricebid.client.errors import BadAnswer, JobFailed, ServiceFailed, StillRunning, Unreachable
from pricebid.client.wire import problem_of, unreachable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from pricebid.client.wire import Wire

LAST = frozenset({"done", "failed", "cancelled"})
_SILENCE_SECONDS = 45.0  # the service says something every 15 s


def follow(wire: Wire, path: str, *, after: int = 0, until: float | None = None) -> Iterator[JobEvent]:
    """Yield what happens to a job until it has ended; a connection that breaks is made again where it broke off.

    Parameters
    ----------
    wire : Wire
        Asks.
    path : str
        Of the job.
    after : int
        Id of the last event already known.
    until : float, optional
        Time of the monotonic clock at which to give up.

    Raises
    ------
    StillRunning
        The time is over.
    ClientError
        The service could not be reached several times in a row, or said no.
    """
    fruitless = 0
    while True:
        silence = _SILENCE_SECONDS if until is None else min(_SILENCE_SECONDS, until - time.monotonic())
        if silence <= 0:
            raise StillRunning(f"{path.rpartition('/')[2]}: the job has not ended in the time given")
        before = after
        failed: Unreachable | ServiceFailed | None = None
        try:
            for event in _stream(wire, f"{path}/events", after, silence, until):
                after = event.id
                yield event
                if event.kind in LAST:
                    return
        except httpx.ReadTimeout:
            pass  # silence: ask again, or give up above
        except httpx.TransportError as error:
            failed = unreachable(error, "GET", f"{path}/events")
        except ServiceFailed as error:
            failed = error  # too many streams are open, or it restarts
        fruitless = 0 if after > before or failed is None else fruitless + 1
        if failed is not None:
            if fruitless >= wire.retry.attempts:
                raise failed
            wire.retry.wait(max(fruitless - 1, 0))


def _stream(wire: Wire, path: str, after: int, silence: float, until: float | None) -> Iterator[JobEvent]:
    headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": str(after)} if after else {})
    patience = httpx.Timeout(wire.http.timeout.connect, read=silence)
    with wire.http.stream("GET", path, headers=headers, timeout=patience) as answer:
        if not answer.is_success:
            answer.read()
            raise problem_of(answer)
        in_time = takewhile(lambda _: until is None or time.monotonic() < until, answer.iter_lines())
        yield from events_of(in_time)


def events_of(lines: Iterable[str]) -> Iterator[JobEvent]:
    """Read server-sent events (WHATWG HTML, 9.2.6) of the kind that the service sends.

    Raises
    ------
    BadAnswer
        They are others.
    """
    found: dict[str, str] = {}
    for line in lines:
        if not line:
            if "data" in found:
                yield _event(found)
            found = {}
            continue
        name, _, value = line.partition(":")
        if name:  # none: a comment that keeps the connection open
            found[name] = value.removeprefix(" ")


def _event(found: dict[str, str]) -> JobEvent:
    try:
        data: dict[str, Any] = json.loads(found["data"])
        return JobEvent(id=int(found["id"]), kind=found["event"], data=data)
    except (KeyError, ValueError) as error:
        raise BadAnswer(f"the service does not send events like {found!r}: {error}") from None


def wait(
    wire: Wire, path: str, *, timeout: float | None = None, on_event: Callable[[JobEvent], object] | None = None
) -> Job:
    """Wait until a job has ended, and give it as it stands then.

    Parameters
    ----------
    wire : Wire
        Asks.
    path : str
        Of the job.
    timeout : float, optional
        Seconds after which to give up, noticed with the next word of the service (one comes every 15 s); the job goes on.
    on_event : callable, optional
        Is told of everything that happens.

    Raises
    ------
    JobFailed
        It failed, or was cancelled.
    StillRunning
        The time is over.
    """
    until = None if timeout is None else time.monotonic() + timeout
    for event in follow(wire, path, until=until):
        if on_event is not None:
            on_event(event)
    job = wire.ask(Job, "GET", path)
    if job.state != "done":
        raise JobFailed(job)
    return job
