"""The worker: takes jobs, has each done, keeps its lease meanwhile, and leaves in good order when told to."""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pricebid import store
from pricebid_api.worker.attempt import attempt
from pricebid_api.worker.child import Order
from pricebid_api.worker.heart import Heart
from pricebid_api.worker.kinds import BUILT_IN, find_kinds
from pricebid_api.worker.signals import Signals
from pricebid_api.worker.work import Work

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pricebid.store import Claim, Store

log = logging.getLogger("pricebid.worker")

_LOOK_SECONDS = 0.1
_WORST_WAIT = 10.0


def worker_name() -> str:
    """Give a name that no other worker has: host, process, and some chance."""
    return f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}"


@dataclass(frozen=True, kw_only=True)
class Worker:
    """Does one job at a time, until told to stop.

    Parameters
    ----------
    db : Store
        Open.
    where : str
        What `open_store` took, for the processes that jobs run in.
    name : str
        No other worker has it.
    kinds : str
        Where kinds are found, ``module:name``; it takes these only.
    lease_seconds : float
        How long a job stays its own without a heartbeat; heartbeats come three times as often.
    poll_seconds : float
        How often it looks for work when there is none.
    grace_seconds : float
        How long a job that must end has to end by itself.
    log_format : str
        Of the processes that jobs run in.
    """

    db: Store
    where: str
    name: str = field(default_factory=worker_name)
    kinds: str = BUILT_IN
    lease_seconds: float = 15.0
    poll_seconds: float = 0.5
    grace_seconds: float = 10.0
    log_format: str = "json"

    def run(self, stop: threading.Event, *, once: bool = False) -> int:
        """Take and do jobs until told to stop; with ``once`` until there is none.

        Returns
        -------
        int
            How many it has taken.
        """
        known, taken, wait = find_kinds(self.kinds), 0, self.poll_seconds
        while not stop.is_set():
            try:
                claim = store.claim(self.db, self.name, seconds=self.lease_seconds, kinds=tuple(known))
            except store.StoreError as error:  # the database is busy or away: ask again, more and more seldom
                log.warning("cannot ask for work: %s", error)
                wait = min(2.0 * wait, _WORST_WAIT)
                stop.wait(wait)
                continue
            wait = self.poll_seconds
            if claim is None:
                if once:
                    break
                stop.wait(wait)
                continue
            taken += 1
            self.do(claim, stop)
        return taken

    def do(self, claim: Claim, stop: threading.Event) -> None:
        """Do a job that has been taken; whatever goes wrong is in the store or comes with the end of the lease."""
        extra = {"job": claim.job.id, "kind": claim.job.kind, "shop": claim.job.shop, "attempt": claim.job.attempts}
        log.info("job taken", extra=extra)
        begun = time.monotonic()
        signals = Signals()
        handler = find_kinds(self.kinds).get(claim.job.kind)
        try:
            with Heart(self.db, claim, signals):
                if handler is not None and handler.own_process:
                    self._elsewhere(claim, signals, stop)
                else:
                    with _passed_on(stop, signals.leave):
                        attempt(Work(db=self.db, claim=claim, signals=signals), handler)
        except store.StoreError as error:
            log.warning("how the job ended could not be written: %s", error, extra=extra)
        log.info("job left", extra=extra | {"seconds": round(time.monotonic() - begun, 3)})

    def _elsewhere(self, claim: Claim, signals: Signals, stop: threading.Event) -> None:
        job = claim.job
        order = Order(
            store=self.where,
            job=job.id,
            worker=self.name,
            attempt=job.attempts,
            seconds=claim.seconds,
            kinds=self.kinds,
            log_format=self.log_format,
        )
        command = [sys.executable, "-m", "pricebid_api.worker.child"]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, text=True)  # noqa: S603 - this interpreter, our module
        try:
            _tell(process, order.line())
            killed = self._watch(process, signals, stop)
        finally:
            process.kill()
            process.wait()
            _close(process)
        if killed == "cancel":
            store.stop(self.db, claim)
        elif killed == "leave":
            store.release(self.db, claim)
        elif killed is None and process.returncode != 0:
            code = process.returncode
            how = f"was ended by signal {-code}, perhaps for lack of memory" if code < 0 else f"ended with code {code}"
            problem = store.Problem(code="process-died", sentence=f"the process that the job ran in {how}")
            store.fail(self.db, claim, problem, retry=True)

    def _watch(self, process: subprocess.Popen[str], signals: Signals, stop: threading.Event) -> str | None:
        """Wait for the process to end and pass on what it is told; give what it was ended for, where it would not."""
        told: str | None = None
        until = float("inf")
        while process.poll() is None:
            if stop.is_set():
                signals.leave.set()
            word = next((name for name in ("lost", "cancel", "leave") if getattr(signals, name).is_set()), None)
            if word is not None and told is None:
                told, until = word, time.monotonic() + self.grace_seconds
                _tell(process, f"{word}\n")
            if time.monotonic() > until:
                process.kill()
                process.wait()
                return told
            try:
                process.wait(_LOOK_SECONDS)
            except subprocess.TimeoutExpired:
                continue
        return None


@contextlib.contextmanager
def _passed_on(source: threading.Event, target: threading.Event) -> Iterator[None]:
    """Have the one event set the other for as long as this is entered."""
    over = threading.Event()

    def watch() -> None:
        while not over.is_set():
            if source.wait(_LOOK_SECONDS):
                target.set()
                return

    thread = threading.Thread(target=watch, name="pass-on", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _tell(process: subprocess.Popen[str], words: str) -> None:
    with contextlib.suppress(OSError):  # it may have ended already
        assert process.stdin is not None  # noqa: S101 - opened as a pipe
        process.stdin.write(words)
        process.stdin.flush()


def _close(process: subprocess.Popen[str]) -> None:
    with contextlib.suppress(OSError):
        assert process.stdin is not None  # noqa: S101 - opened as a pipe
        process.stdin.close()
