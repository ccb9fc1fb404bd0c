"""Pacing of a shop's day: folded from feedback the same way by each worker and by the learning job, so that a restart forgets nothing."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import date
from typing import TYPE_CHECKING

import numpy as np

from pricebid import live
from pricebid.bidding import PacerState

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pricebid.live.bids import BidSnapshot
    from pricebid.store import FeedbackEvent

NAME = "pacing"


@dataclass(frozen=True, kw_only=True, eq=False)
class DayPaces:
    """Where pacing stands, by campaign. A value: nothing in it is changed.

    Parameters
    ----------
    day : date
        The shop's day.
    paces : mapping of campaign to Paced
        Of each budget with expected traffic; "" is the whole shop's.
    """

    day: date
    paces: Mapping[str, live.Paced] = field(repr=False)

    @classmethod
    def start(cls, snapshot: BidSnapshot, opportunities: Mapping[str, float], day: date) -> DayPaces:
        """Give the beginning of a day: bids as the plan has them."""
        return cls(day=day, paces=live.start_paces(snapshot.budgets, opportunities))

    def under(self, snapshot: BidSnapshot, opportunities: Mapping[str, float]) -> DayPaces:
        """Go on under newly published bids: what the day has cost and shown so far is not forgotten."""
        fresh = live.start_paces(snapshot.budgets, opportunities)
        return replace(
            self,
            paces={
                name: replace(pace, state=self.paces[name].state) if name in self.paces else pace
                for name, pace in fresh.items()
            },
        )

    def folded(
        self, snapshot: BidSnapshot, opportunities: Mapping[str, float], events: Sequence[FeedbackEvent]
    ) -> DayPaces:
        """Give where pacing stands after feedback of bids: a later day begins anew, what comes of an earlier one is past.

        Parameters
        ----------
        snapshot : BidSnapshot
            The bids in force, for what was planned.
        opportunities : mapping of campaign to float
            Expected in a day.
        events : sequence of FeedbackEvent
            Of bids, in the order of their commits.
        """
        clock = snapshot.clock
        of_day = [clock.day(one.decided_at) for one in events]
        last = max([self.day, *of_day])
        here = self if last == self.day else DayPaces.start(snapshot, opportunities, last)
        today = [one for one, day in zip(events, of_day, strict=True) if day == last]
        return replace(here, paces=_folded(here.paces, snapshot, today)) if today else here

    def to_bytes(self) -> bytes:
        """Give it as JSON."""
        states = {name: pace.state.to_dict() for name, pace in self.paces.items()}
        return json.dumps({"day": self.day.isoformat(), "paces": states}).encode()

    @classmethod
    def from_bytes(cls, data: bytes, snapshot: BidSnapshot, opportunities: Mapping[str, float]) -> DayPaces:
        """Read what `to_bytes` gave, under the bids in force."""
        kept = json.loads(data)
        fresh = live.start_paces(snapshot.budgets, opportunities)
        return cls(
            day=date.fromisoformat(kept["day"]),
            paces={
                name: replace(pace, state=PacerState.from_dict(kept["paces"][name])) if name in kept["paces"] else pace
                for name, pace in fresh.items()
            },
        )


def of_bids(events: Sequence[FeedbackEvent]) -> list[FeedbackEvent]:
    """Give the events that say what a bid cost, or that it was not clicked on."""
    return [one for one in events if one.kind == "bid" and (one.cost is not None or one.clicks is not None)]


def _folded(
    paces: Mapping[str, live.Paced], snapshot: BidSnapshot, events: Sequence[FeedbackEvent]
) -> Mapping[str, live.Paced]:
    """Take up what was planned for each bid, what was bid, whether it was clicked on, and its cost."""
    row = snapshot.find(np.array([int(one.item, 16) for one in events], dtype=np.uint64))
    known = np.flatnonzero(row >= 0)
    if not len(known) or not paces:
        return paces
    row, some = row[known], [events[at] for at in known.tolist()]
    decided = np.array([one.decided_at for one in some], dtype=np.int64)
    planned = snapshot.planned(row, snapshot.clock.hours(decided), {})
    bid = np.array([one.value for one in some])
    cost = np.array([one.cost or 0.0 for one in some])
    won = np.array([bool(one.clicks) for one in some]) | (cost > 0)
    gone = snapshot.clock.gone(int(decided.max()))
    campaign = snapshot.campaign[row]
    found = dict(paces)
    for name, pace in paces.items():
        mine = np.ones(len(some), dtype=bool) if name == "" else campaign == _place(snapshot, name)
        if mine.any():
            found[name] = pace.updated(planned=planned[mine], bid=bid[mine], won=won[mine], cost=cost[mine], gone=gone)
    return found


def _place(snapshot: BidSnapshot, campaign: str) -> int:
    return snapshot.campaigns.index(campaign) if campaign in snapshot.campaigns else -1
