"""What is due without anybody asking: learning from feedback that waits, and dropping what nobody needs any more."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from pricebid import store

if TYPE_CHECKING:
    from pricebid.store import Store
    from pricebid_api.settings import Settings

LEARNERS = ("outcomes", "exploration", "pacing")
"""Those that somebody waits for; the rows for the next fit are folded when it begins."""
BY = "upkeep"
_LOOK_SECONDS = 1.0
_DROP_SECONDS = 600.0
_PORTIONS = 50
_HOUR, _DAY = 3_600_000_000, 86_400_000_000


class Upkeep:
    """Looks every so often whether something is due. Every worker does; what one has asked for, the others leave be.

    Parameters
    ----------
    db : Store
        The store.
    settings : Settings
        How long feedback waits, and how long ended jobs are kept.
    """

    def __init__(self, db: Store, settings: Settings) -> None:
        self._db = db
        self._settings = settings
        self._looked = self._dropped = float("-inf")

    def look(self) -> None:
        """Ask for what is due; blocking."""
        at = time.monotonic()
        due = self._settings.learn_seconds
        if due is not None and at - self._looked >= min(_LOOK_SECONDS, due):
            self._looked = at
            self.learn(due)
        if at - self._dropped >= _DROP_SECONDS:
            self._dropped = at
            self.drop()

    def learn(self, seconds: float) -> int:
        """Ask for a learning job of each shop whose feedback waits for longer; gives how many."""
        before = store.now() - round(seconds * 1e6)
        asked = 0
        for shop, since in store.waiting_since(self._db, LEARNERS).items():
            if since <= before:
                asked += store.submit_unless_open(self._db, shop, "learn", by=BY) is not None
        return asked

    def drop(self) -> None:
        """Drop jobs that ended long ago and models that others have superseded; plans, and a shop's latest model, stay."""
        old = store.now() - round(self._settings.keep_jobs_days * _DAY)
        hour = max(old, store.now() - _HOUR)
        for _ in range(_PORTIONS):  # a portion at a time, so that others can write between two
            if not store.drop_ended(self._db, before=hour, kind="learn") + store.drop_ended(self._db, before=old):
                break
        store.drop_models(self._db, before=old)
