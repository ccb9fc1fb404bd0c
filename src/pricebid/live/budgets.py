"""The day's budgets, spent by several workers at once without overspending: slices leased, bids reserved up front.

A worker may give out a bid only if what a click on it can cost at most, the bid itself, fits into slices that it holds of every
budget which counts (the campaign's and the shop's). That money is set aside until feedback says what it cost, or until the bid
is too old for any click. Slices come from a ledger that never has more out than the budget; so the spend of all workers
together stays within it whatever they do, as long as no click costs more than its bid and no cost comes in after its hold.
"""

from __future__ import annotations

import heapq
from collections import OrderedDict
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, Protocol

from pricebid.errors import InputError
from pricebid.live.clock import SECOND

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from pricebid.live.clock import Clock

WHOLE_SHOP = ""
_REMEMBERED = 100_000  # closed bids whose late costs still find their slice


@dataclass(frozen=True, kw_only=True)
class Grant:
    """A slice of a budget that was leased.

    Parameters
    ----------
    id : str
        By which it is settled.
    amount : int
        Micros, at most what was asked for.
    """

    id: str
    amount: int


class Leases(Protocol):
    """The ledger from which slices come: a table that all workers share, or `MemoryLeases` for one process."""

    def lease(self, campaign: str, day: date, *, budget: int, amount: int, until: int) -> Grant | None:
        """Lease up to ``amount`` micros of a budget, to be spent before the instant ``until``; None where nothing is left.

        Less than ``amount`` is welcome: the last of a budget is spent from small slices.
        """
        ...

    def settle(self, grant: str, spent: int) -> None:
        """Say what was spent of a lease in all, micros; the rest returns. It may be said again, with more, for late costs."""
        ...


class MemoryLeases:
    """A ledger in memory, for one process.

    Examples
    --------
    >>> from datetime import date
    >>> leases, day = MemoryLeases(), date(2026, 5, 1)
    >>> first = leases.lease("", day, budget=100, amount=80, until=0)
    >>> leases.lease("", day, budget=100, amount=80, until=0).amount
    20
    >>> leases.settle(first.id, 30)
    >>> leases.lease("", day, budget=100, amount=80, until=0).amount
    50
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._out: dict[tuple[str, date], int] = {}  # spent and leased
        self._grants: dict[str, tuple[tuple[str, date], int]] = {}

    def lease(self, campaign: str, day: date, *, budget: int, amount: int, until: int) -> Grant | None:  # noqa: ARG002
        """Lease a slice; see `Leases`."""
        with self._lock:
            key = (campaign, day)
            granted = min(amount, budget - self._out.get(key, 0))
            if granted <= 0:
                return None
            self._out[key] = self._out.get(key, 0) + granted
            grant = str(len(self._grants))
            self._grants[grant] = (key, granted)
            return Grant(id=grant, amount=granted)

    def settle(self, grant: str, spent: int) -> None:
        """Settle a slice; see `Leases`."""
        with self._lock:
            key, counted = self._grants[grant]
            self._out[key] += spent - counted
            self._grants[grant] = (key, spent)


@dataclass(frozen=True, kw_only=True)
class LeaseSettings:
    """How a worker leases.

    Parameters
    ----------
    valid : int
        Microseconds for which a bid may be used.
    hold : int
        Microseconds for which its money stays set aside: while it may be used, and until clicks on it are surely reported.
    share : float
        Share of the budget that a slice has, where a bid does not need more; small enough that all workers get some.
    life : int
        Microseconds for which a slice is used.
    idle : int
        Microseconds after which a slice that is not used is given back.
    retry : int
        Microseconds until a budget that had nothing left is asked again.

    Raises
    ------
    InputError
        Outside these ranges.
    """

    valid: int = 60 * SECOND
    hold: int = 900 * SECOND
    share: float = 0.02
    life: int = 600 * SECOND
    idle: int = 30 * SECOND
    retry: int = SECOND

    def __post_init__(self) -> None:
        for name in ("hold", "life", "idle"):
            if getattr(self, name) <= 0:
                raise InputError(f"{name} is {getattr(self, name)}: microseconds above 0")
        if not 0 < self.valid <= self.hold:
            raise InputError(
                f"valid is {self.valid} and hold {self.hold}: a bid's money is set aside for at least as long as it is used"
            )
        if self.retry < 0 or not 0 < self.share <= 1:
            raise InputError(
                f"retry is {self.retry} and share {self.share}: retry at least 0, share above 0 and at most 1"
            )


@dataclass(kw_only=True, slots=True)
class _Slice:
    grant: str
    free: int
    until: int
    used: int
    spent: int = 0
    open: int = 0
    settled: bool = False


@dataclass(slots=True)
class _Part:
    """What is still set aside of one slice, micros."""

    slice: _Slice
    amount: int


@dataclass(kw_only=True, slots=True)
class Hold:
    """Money set aside for one bid.

    Parameters
    ----------
    expires : int
        Instant at which it is released.
    """

    expires: int
    parts: tuple[tuple[_Part, ...], ...] = field(repr=False)  # by budget


class BudgetBook:
    """One worker's slices of the day's budgets, and what is set aside of them. Safe for threads.

    Parameters
    ----------
    leases : Leases
        The ledger.
    clock : Clock
        Local time of the shop: a day's budget begins at local midnight.
    budgets : mapping of campaign to int
        Micros per day; "" is the whole shop's.
    settings : LeaseSettings
        How to lease.
    """

    def __init__(
        self, leases: Leases, *, clock: Clock, budgets: Mapping[str, int], settings: LeaseSettings | None = None
    ) -> None:
        self.settings = settings or LeaseSettings()
        self._leases, self._clock, self._budgets = leases, clock, dict(budgets)
        self._lock = Lock()
        self._slices: dict[tuple[str, date], list[_Slice]] = {}
        self._dry: dict[tuple[str, date], int] = {}
        self._holds: dict[str, Hold] = {}
        self._closed: OrderedDict[str, tuple[_Slice, ...]] = OrderedDict()
        self._queue: list[tuple[int, str]] = []

    def set_budgets(self, budgets: Mapping[str, int]) -> None:
        """Change the budgets, as when another plan is published; slices that are out stay out."""
        with self._lock:
            self._budgets = dict(budgets)
            self._dry.clear()

    def reserve(
        self, campaigns: Sequence[str], amounts: Sequence[int], at: Sequence[int], now: int
    ) -> list[Hold | str]:
        """Set money aside for bids, in their order.

        Parameters
        ----------
        campaigns : sequence of str
            Of each bid.
        amounts : sequence of int
            What it can cost at most, micros.
        at : sequence of int
            Instants at which they are used: the local day says which budget.
        now : int
            Instant.

        Returns
        -------
        list of Hold or str
            Hold to be given to `enter`; else whose budget has not enough left: ``campaign_budget`` or ``shop_budget``.
        """
        with self._lock:
            self._expire(now)
            return [self._reserved(*one, now) for one in zip(campaigns, amounts, at, strict=True)]

    def _reserved(self, campaign: str, amount: int, at: int, now: int) -> Hold | str:
        expires = max(at, now) + self.settings.hold
        budgets: list[tuple[_Part, ...]] = []
        for name in dict.fromkeys((campaign, WHOLE_SHOP)):
            if name in self._budgets:
                parts = self._parts((name, self._clock.day(at)), amount, expires, now)
                if parts is None:
                    return "shop_budget" if name == WHOLE_SHOP else "campaign_budget"
                budgets.append(parts)
        for part in (part for parts in budgets for part in parts):
            part.slice.free -= part.amount
            part.slice.open += 1
            part.slice.used = now
        return Hold(expires=expires, parts=tuple(budgets))

    def _parts(self, key: tuple[str, date], amount: int, expires: int, now: int) -> tuple[_Part, ...] | None:
        """Return whose free money makes up the amount: slices that last as long as the bid, a new one where they do not do."""
        held = self._slices.setdefault(key, [])
        parts, lacking = [], amount
        for one in held:
            if one.free > 0 and one.until >= expires:
                parts.append(_Part(one, min(one.free, lacking)))
                lacking -= parts[-1].amount
                if not lacking:
                    return tuple(parts)
        more = self._leased(key, lacking, expires, now)
        return None if more is None else (*parts, _Part(more, lacking))

    def _leased(self, key: tuple[str, date], lacking: int, expires: int, now: int) -> _Slice | None:
        """Lease a slice of at least so much; None where the budget has not so much left."""
        if self._dry.get(key, now) > now:
            return None
        budget, until = self._budgets[key[0]], expires + self.settings.life
        wanted = max(lacking, int(budget * self.settings.share))
        grant = self._leases.lease(*key, budget=budget, amount=wanted, until=until)
        if grant is None:
            self._dry[key] = now + self.settings.retry
            return None
        found = _Slice(grant=grant.id, free=grant.amount, until=until, used=now)
        self._slices[key].append(found)
        if grant.amount >= lacking:
            return found
        self._dry[key] = now + self.settings.retry  # what there was is kept for smaller bids, and goes back when idle
        return None

    def enter(self, holds: Sequence[Hold], decisions: Sequence[str]) -> None:
        """Put down under which decision ids money was set aside."""
        with self._lock:
            for hold, decision in zip(holds, decisions, strict=True):
                self._holds[decision] = hold
                heapq.heappush(self._queue, (hold.expires, decision))

    def charge(self, decision: str, cost: int, *, final: bool = True) -> bool:
        """Count what a bid cost, and release what it did not where nothing more will come.

        Parameters
        ----------
        decision : str
            Its id. Feedback may go to every worker: one that did not make the bid ignores it.
        cost : int
            Micros. Each event once: whoever calls leaves duplicates out.
        final : bool
            No more cost will come, as when the auction was lost.

        Returns
        -------
        bool
            Whether it was this worker's.
        """
        with self._lock:
            hold = self._holds.get(decision)
            if hold is None:
                return self._late(decision, cost)
            for parts in hold.parts:
                self._pay(parts, cost)
            if final:
                self._release(decision, hold)
            return True

    @staticmethod
    def _pay(parts: tuple[_Part, ...], cost: int) -> None:
        """Take a cost from what is set aside, and what goes beyond that from free money."""
        for part in parts:
            paid = min(cost, part.amount)
            part.amount -= paid
            part.slice.spent += paid
            cost -= paid
        parts[0].slice.spent += cost
        parts[0].slice.free -= cost

    def _late(self, decision: str, cost: int) -> bool:
        """Count a cost of a bid whose money is not set aside any more: it still counts in full against the budget."""
        slices = self._closed.get(decision)
        for one in slices or ():
            one.spent += cost
            one.free -= cost
            if one.settled:
                self._leases.settle(one.grant, one.spent)
        return slices is not None

    def _release(self, decision: str, hold: Hold) -> None:
        del self._holds[decision]
        for part in (part for parts in hold.parts for part in parts):
            part.slice.free += part.amount
            part.slice.open -= 1
        self._closed[decision] = tuple(parts[0].slice for parts in hold.parts)
        if len(self._closed) > _REMEMBERED:
            self._closed.popitem(last=False)

    def _expire(self, now: int) -> None:
        while self._queue and self._queue[0][0] <= now:
            _, decision = heapq.heappop(self._queue)
            hold = self._holds.get(decision)
            if hold is not None:
                self._release(decision, hold)

    def tick(self, now: int, *, closing: bool = False) -> None:
        """Release bids that are too old, and give back slices that are not used. To be called every second or so.

        Parameters
        ----------
        now : int
            Instant.
        closing : bool
            The worker stops: give back every slice of which nothing is set aside. The others count in full until somebody settles
            them, as do those of a worker that was killed.
        """
        with self._lock:
            self._expire(now)
            self._dry = {key: until for key, until in self._dry.items() if until > now}
            for key, held in list(self._slices.items()):
                kept = []
                for one in held:
                    worn = one.until < now + self.settings.hold or now - one.used >= self.settings.idle
                    if one.open == 0 and (worn or closing or one.free <= 0):  # of a used-up one nothing comes back
                        one.settled = True
                        self._leases.settle(one.grant, one.spent)
                    else:
                        kept.append(one)
                if kept:
                    self._slices[key] = kept
                else:
                    del self._slices[key]

    def standing(self) -> dict[tuple[str, date], tuple[int, int, int]]:
        """Return free money, money set aside and money spent of the slices held, micros, by campaign and day."""
        with self._lock:
            aside: dict[str, int] = {}
            for part in (part for hold in self._holds.values() for parts in hold.parts for part in parts):
                aside[part.slice.grant] = aside.get(part.slice.grant, 0) + part.amount
            return {
                key: (
                    sum(one.free for one in held),
                    sum(aside.get(one.grant, 0) for one in held),
                    sum(one.spent for one in held),
                )
                for key, held in self._slices.items()
            }
