"""What `pricebid worker` does: several workers in one process, until it is told to stop or its parent is gone."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TYPE_CHECKING

from pricebid import store
from pricebid_api import logs

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    from pricebid_api.settings import Settings

PARENT = "PRICEBID_PARENT"
_LOOK_SECONDS = 0.5


def run_workers(settings: Settings, *, count: int = 1, once: bool = False, lease_seconds: float = 15.0) -> int:
    """Do jobs until SIGTERM or SIGINT, or until the process named in ``PRICEBID_PARENT`` is gone.

    What runs then is given back, to go on elsewhere from its last part.

    Parameters
    ----------
    settings : Settings
        Where the store is.
    count : int
        Jobs at a time, each in a process of its own.
    once : bool
        Stop as soon as there is nothing to do.
    lease_seconds : float
        How long a job stays a worker's without a heartbeat.

    Returns
    -------
    int
        How many jobs were taken.
    """
    from pricebid_api.worker.loop import Worker

    logs.configure(settings.log_format)
    stop, where = threading.Event(), str(settings.store)
    with _until_told(stop):  # from here on it leaves in good order
        db = store.open_store(settings.store)
        workers = [
            Worker(db=db, where=where, lease_seconds=lease_seconds, log_format=settings.log_format)
            for _ in range(count)
        ]
        try:
            with ThreadPoolExecutor(count, thread_name_prefix="worker") as pool:
                running = [pool.submit(worker.run, stop, once=once) for worker in workers]
                while not all(one.done() for one in running):
                    if _orphan():
                        stop.set()
                    wait(running, timeout=_LOOK_SECONDS)
                return sum(one.result() for one in running)
        finally:
            db.close()


def _orphan() -> bool:
    parent = os.environ.get(PARENT, "")
    return parent.isdigit() and os.name == "posix" and os.getppid() != int(parent)


@contextlib.contextmanager
def _until_told(stop: threading.Event) -> Iterator[None]:
    def told(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    kept = {number: signal.signal(number, told) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)
