"""Heartbeats of one job, from a thread of their own: whatever the work does meanwhile, the lease is kept."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from pricebid import store

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from pricebid.store import Claim, Store
    from pricebid_api.worker.signals import Signals

log = logging.getLogger("pricebid.worker")


class Heart:
    """Beats three times per lease while it is entered, and sets the signals that come back.

    Parameters
    ----------
    db : Store
        Open.
    claim : Claim
        The job.
    signals : Signals
        ``cancel`` and ``lost`` are set here.
    """

    def __init__(self, db: Store, claim: Claim, signals: Signals) -> None:
        self._db, self._claim, self._signals = db, claim, signals
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._beat, name=f"heart-{claim.job.id}", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def _beat(self) -> None:
        while not self._over.wait(self._claim.seconds / 3.0):
            try:
                if store.heartbeat(self._db, self._claim):
                    self._signals.cancel.set()
            except store.LeaseLost:
                self._signals.lost.set()
                return
            except store.StoreError as error:  # the database may come back before the lease is over, or after
                log.warning("heartbeat failed: %s", error, extra={"job": self._claim.job.id})
