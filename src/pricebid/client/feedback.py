"""Feedback in portions that the service takes, each sent until it is on the service's disk."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from pricebid.client.answers import Feedback
from pricebid.client.asked import Event, batches, plain
from pricebid.client.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from types import TracebackType

    from pricebid.client.wire import Wire

MOST = 10_000
"""Events that the service takes in one request."""
_TOO_LARGE = 413


def send(wire: Wire, path: str, events: Iterable[Event | Mapping[str, Any]], *, size: int = MOST) -> Feedback:
    """Send events, and give what became of them all.

    An event counts once by its ``event_id``, so a portion whose answer was lost is sent again, and so may the caller do
    after an error: what was taken before is a duplicate then.
    """
    total = Feedback()
    for batch in batches(events, size):
        total += _send(wire, path, [plain(one) for one in batch])
    return total


def _send(wire: Wire, path: str, events: list[dict[str, Any]]) -> Feedback:
    try:
        return wire.ask(Feedback, "POST", path, body={"events": events}, again=True)
    except Refused as error:
        if error.status != _TOO_LARGE or len(events) == 1:
            raise
    half = len(events) // 2  # this service takes less at a time
    return _send(wire, path, events[:half]) + _send(wire, path, events[half:])


class FeedbackBuffer:
    """Gathers events and sends them when there are enough; the rest when it is closed.

    What has been added and not yet sent is lost with the process: keep events until ``flush`` has returned where that
    matters, and send them again; each counts once.

    Parameters
    ----------
    wire : Wire
        Sends.
    path : str
        Of the shop's feedback.
    size : int
        Events of one request.
    """

    def __init__(self, wire: Wire, path: str, size: int = MOST) -> None:
        self._wire = wire
        self._path = path
        self._size = size
        self._waiting: list[Event | Mapping[str, Any]] = []
        self.result = Feedback()

    def add(self, event: Event | Mapping[str, Any]) -> None:
        """Add an event; sends those that wait, where they are enough."""
        self._waiting.append(event)
        if len(self._waiting) >= self._size:
            self.flush()

    def flush(self) -> Feedback:
        """Send what waits, and give what became of it; what could not be sent waits on."""
        done = send(self._wire, self._path, self._waiting, size=self._size)
        self._waiting = []
        self.result += done
        return done

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Send the rest, also after an error of the caller's: what was added has happened."""
        self.flush()
