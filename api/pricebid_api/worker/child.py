"""One job in a process of its own: ``python -m pricebid_api.worker.child``, told over standard input what to do.

The first line is the order, as JSON; later ones are ``cancel``, ``leave`` or ``lost``. Where standard input ends, the
worker is gone, however it went, and so is this process: what it has not kept yet, another will do.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Self, TextIO

    from pricebid_api.worker.signals import Signals


@dataclass(frozen=True, kw_only=True)
class Order:
    """What a worker tells the process.

    Parameters
    ----------
    store : str
        Folder or URL; not on the command line, where others could read a password.
    job, worker, attempt : str, str, int
        The claim.
    seconds : float
        Length of its lease.
    kinds : str
        Where kinds are found, ``module:name``.
    log_format : str
        How log lines are written.
    """

    store: str
    job: str
    worker: str
    attempt: int
    seconds: float
    kinds: str
    log_format: str = "json"

    def line(self) -> str:
        """Return it as a line."""
        return json.dumps(asdict(self)) + "\n"

    @classmethod
    def read(cls, line: str) -> Self:
        """Read it back."""
        return cls(**json.loads(line))


def main() -> None:
    """Do the one job."""
    order = Order.read(sys.stdin.readline())
    from pricebid import store
    from pricebid_api import logs
    from pricebid_api.worker.attempt import attempt
    from pricebid_api.worker.kinds import find_kinds
    from pricebid_api.worker.signals import Signals
    from pricebid_api.worker.work import Work

    logs.configure(order.log_format)
    signals = Signals()
    threading.Thread(target=_listen, args=(sys.stdin, signals), name="listen", daemon=True).start()
    db = store.open_store(order.store, migrate=False)
    try:
        job = store.get_job(db, order.job)
        if (job.worker, job.attempts) != (order.worker, order.attempt):
            return  # lost before it began
        work = Work(db=db, claim=store.Claim(job=job, seconds=order.seconds), signals=signals)
        attempt(work, find_kinds(order.kinds).get(job.kind))
    finally:
        db.close()


def _listen(stream: TextIO, signals: Signals) -> None:
    for line in stream:
        word = line.strip()
        if word in ("cancel", "leave", "lost"):
            getattr(signals, word).set()
    os._exit(70)  # the worker is gone: end at once, nothing is half written


if __name__ == "__main__":
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    main()
    # Threads of libraries may still wait for something; all that counts is in the store.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)
