"""`pricebid serve`: the web server's processes, and the background job workers beside them."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import uvicorn

from pricebid import store
from pricebid.errors import InputError
from pricebid_api import logs
from pricebid_api.counting import counting_folder, sweep
from pricebid_api.metrics import SEVERAL
from pricebid_api.settings import PREFIX, Settings
from pricebid_api.signing import Secrets

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import FrameType

_GRACE_SECONDS = 20.0
_SLOWEST_RESTART = 30.0


def serve(settings: Settings) -> None:
    """Serve until told to stop (SIGTERM, SIGINT): then finish what runs, write what is in memory, and end the workers.

    Raises
    ------
    InputError
        It would listen beyond loopback, and nobody could prove who they are; or a secret of decision ids will not do.
    """
    logs.configure(settings.log_format)
    Secrets.from_environment()  # told once, before several workers would each fail over it
    _check_access(settings)
    _export(settings)
    options: dict[str, Any] = {
        "factory": True,
        "host": settings.host,
        "port": settings.port,
        "log_config": None,
        "access_log": False,
        "server_header": False,
        "timeout_graceful_shutdown": int(_GRACE_SECONDS),
        "timeout_keep_alive": 30,
        "h11_max_incomplete_event_size": 64 * 1024,
    }
    signal.signal(signal.SIGTERM, _leave)
    with _job_workers(settings.job_workers), _shared_metrics(settings.workers, settings.home):
        uvicorn.run("pricebid_api.app:from_environment", workers=settings.workers, **options)


def _leave(_number: int, _frame: FrameType | None) -> None:
    """Leave in good order: uvicorn sends its signal on once it has stopped, and job workers are to be ended then."""
    raise SystemExit(0)


def _check_access(settings: Settings) -> None:
    db = store.open_store(settings.store)  # makes and upgrades the tables, before several processes would
    try:
        keys = store.any_key(db)
        where = db.url
    finally:
        db.close()
    refuse_open(settings, keys=keys)
    if not keys and not settings.jwt:
        logs.log.warning(
            "no API key exists: anybody on this machine may do everything; make one: pricebid keys create --scope admin"
        )
    logs.log.info("state is in %s", where)


def refuse_open(settings: Settings, *, keys: bool) -> None:
    """Refuse to listen beyond loopback without keys.

    Raises
    ------
    InputError
        No key exists and no identity provider is set.
    """
    if not settings.loopback and not keys and not settings.jwt:
        raise InputError(
            f"host {settings.host}: beyond this machine the service listens only with API keys or an identity provider; "
            "make a key first: pricebid keys create --name admin --scope admin"
        )


def _export(settings: Settings) -> None:
    """Hand what the command line said to the processes that are started."""
    from dataclasses import fields

    for one in fields(settings):
        value = getattr(settings, one.name)
        if value != one.default:
            os.environ[PREFIX + one.name.upper()] = "none" if value is None else str(value)


@contextlib.contextmanager
def _shared_metrics(workers: int, home: Path) -> Iterator[None]:
    """Give several workers a folder in which they count together."""
    if workers <= 1:
        sweep(home)
        yield
        return
    with counting_folder(home) as folder:
        os.environ[SEVERAL] = str(folder)
        yield


@contextlib.contextmanager
def _job_workers(count: int) -> Iterator[None]:
    stop = threading.Event()
    keepers = [threading.Thread(target=_keep, args=(stop,), daemon=True) for _ in range(count)]
    for keeper in keepers:
        keeper.start()
    try:
        yield
    finally:
        stop.set()
        for keeper in keepers:
            keeper.join(_GRACE_SECONDS + 5)


def _keep(stop: threading.Event) -> None:
    """Keep one job worker running: one that dies is started again, slower each time that it dies young."""
    wait = 0.5
    environment = {**os.environ, "PRICEBID_PARENT": str(os.getpid())}
    while not stop.is_set():
        begun = time.monotonic()
        with subprocess.Popen([sys.executable, "-m", "pricebid", "worker"], env=environment) as process:
            while process.poll() is None and not stop.wait(0.2):
                pass
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(_GRACE_SECONDS)
                process.kill()
                return
        wait = 0.5 if time.monotonic() - begun > 60 else min(2 * wait, _SLOWEST_RESTART)
        logs.log.warning("a job worker ended with code %s; another starts in %.1f s", process.returncode, wait)
        stop.wait(wait)
