"""The learner of pacing: keeps the day's pacing in the store, from which a worker that starts goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pricebid_api.in_force import published_bids
from pricebid_api.pacing import NAME, DayPaces, of_bids

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pricebid.store import FeedbackEvent
    from pricebid_api.worker.work import Work


class DayPacing:
    """Folds feedback of bids into the pacing of the shop's day, as each worker does in its memory."""

    name = NAME

    def fold(self, work: Work, state: bytes | None, events: Sequence[FeedbackEvent]) -> bytes:
        """Give the pacing after some more events; empty where no bids are published."""
        bids = of_bids(events)
        if not bids:
            return state or b""
        found = published_bids(work.db, work.job.shop)
        if found is None:
            return state or b""
        snapshot, opportunities = found
        if state:
            paces = DayPaces.from_bytes(state, snapshot, opportunities)
        else:
            paces = DayPaces.start(snapshot, opportunities, snapshot.clock.day(min(one.decided_at for one in bids)))
        return paces.folded(snapshot, opportunities, bids).to_bytes()
