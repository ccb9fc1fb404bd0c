"""A process that was started by another does not outlive it, however that one ended."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from multiprocessing.connection import wait
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_GRACE_SECONDS = 25.0


def when_gone(then: Callable[[], None]) -> None:
    """Call a function once the process that started this one through `multiprocessing` is gone.

    A server that is killed cannot end what it started; left alone, its workers would go on listening on its port.

    Parameters
    ----------
    then : callable
        Called in a thread of its own. Never, where this process was not started so.
    """
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch() -> None:
        wait([parent.sentinel])
        then()

    threading.Thread(target=watch, name="pricebid-parent", daemon=True).start()


def end() -> None:
    """End at once."""
    os._exit(70)


def leave() -> None:
    """End in good order, writing what is in memory; at once where that takes too long."""
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_GRACE_SECONDS)
    end()
