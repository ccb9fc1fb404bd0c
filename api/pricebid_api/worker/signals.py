"""How a running job is told to stop: by whoever cancels it, by a worker that shuts down, or because its lease is lost."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from pricebid.store import LeaseLost


class Cancelled(Exception):  # noqa: N818 - it is no fault
    """Somebody wants the job cancelled."""


class Leaving(Exception):  # noqa: N818 - same
    """The worker shuts down; the job is to go on elsewhere."""


@dataclass(frozen=True)
class Signals:
    """Flags that another thread sets and the running job looks at between two steps."""

    cancel: threading.Event = field(default_factory=threading.Event)
    leave: threading.Event = field(default_factory=threading.Event)
    lost: threading.Event = field(default_factory=threading.Event)

    def check(self) -> None:
        """Go on, or not.

        Raises
        ------
        LeaseLost
            The job is another worker's by now.
        Cancelled
            It is to be cancelled.
        Leaving
            It is to go on elsewhere.
        """
        if self.lost.is_set():
            raise LeaseLost("the lease is lost: another worker has taken the job over, or it has ended")
        if self.cancel.is_set():
            raise Cancelled
        if self.leave.is_set():
            raise Leaving
