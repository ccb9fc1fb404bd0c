"""What a job's kind is given to work with, and what it gives back."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from pricebid import store
from pricebid_api.shops import get_shop
from pricebid_api.worker.claimed import OfJob
from pricebid_api.worker.inputs import Inputs
from pricebid_api.worker.request import Request, read_request

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Protocol

    from sqlalchemy import Connection

    from pricebid.store import Claim, Job, Store
    from pricebid.tables import Shop
    from pricebid_api.worker.signals import Signals

    class Kind(Protocol):
        """Does jobs of one kind: the seam at which another kind, or another way to do one, is put in.

        It is called again, from the start, after every failure and takeover: what it keeps as parts
        (``work.part``, ``work.checkpoints``) is there then and need not be done twice.
        """

        def __call__(self, work: Work) -> Outcome:
            """Do the job; may raise whatever it likes."""
            ...


INPUTS, MODEL, LANDSCAPE, PLAN, BLOCKS, FILES = 0, 1, 2, 3, 10, 1_000_000
"""Numbers of parts: the tables chosen, the model, the landscape, the plan; from ``BLOCKS`` on partitions, from ``FILES``
on result files."""
_TOLD_SECONDS = 0.5
_FITTING = ("fit", "forecast", "elasticities", "price", "plan", "what-if")


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of a job.

    Parameters
    ----------
    result : mapping
        What ``GET /v1/jobs/{id}`` shows, plain values.
    keep : tuple of int
        Parts that are result files.
    within : callable, optional
        Writes what belongs to the result, such as a plan, in the transaction that ends the job.
    """

    result: Mapping[str, Any]
    keep: tuple[int, ...] = ()
    within: Callable[[Connection], None] | None = None


@dataclass(kw_only=True)
class Work:
    """One try at one job.

    Parameters
    ----------
    db : Store
        Open.
    claim : Claim
        As taken.
    signals : Signals
        Whether to go on.
    """

    db: Store
    claim: Claim
    signals: Signals
    _told_at: float = field(default=0.0, init=False)
    _told_share: float = field(default=0.0, init=False)

    @property
    def job(self) -> Job:
        """The job, as taken."""
        return self.claim.job

    @cached_property
    def request(self) -> Request:
        """What it asks for; PolicyError where that cannot be."""
        return read_request(self.job.kind, self.job.policy, self.job.options)

    @cached_property
    def checkpoints(self) -> OfJob:
        """Its parts."""
        return OfJob(db=self.db, claim=self.claim)

    @cached_property
    def inputs(self) -> Inputs:
        """The tables it works on, chosen when it first ran."""
        return Inputs.from_bytes(self.part(INPUTS, "tables chosen", lambda: self._chosen().to_bytes()))

    def _chosen(self) -> Inputs:
        """Choose the tables, and where a demand model is made of them, what feedback tells of the periods since."""
        from pricebid_api.worker.learn import fold_all
        from pricebid_api.worker.sales import DaySales, with_feedback

        found = Inputs.now(self.db, self.job.shop)
        wanted = get_shop(self.db, self.job.shop).settings.get("feedback_sales") is not False
        if self.job.kind not in _FITTING or "sales" not in found.versions or not wanted:
            return found
        fold_all(self, DaySales())
        kept = store.get_state(self.db, self.job.shop, DaySales.name)
        if kept is None:
            return found
        sales = store.table_bytes(self.db, self.job.shop, "sales", found.versions["sales"])
        return replace(found, fed=with_feedback(kept.data, sales, found.settings, now=store.now()))

    @cached_property
    def shop(self) -> Shop:
        """The shop, read and checked."""
        self.report("reading tables", 0.0)
        return self.inputs.read(self.db)

    def part(self, number: int, name: str, make: Callable[[], bytes]) -> bytes:
        """Give a part, making and keeping it where it is not done yet."""
        self.signals.check()
        if number in self.checkpoints.done():
            return self.checkpoints.load(number)
        self.checkpoints.save(number, make(), name=name)
        return self.checkpoints.load(number)

    def report(self, stage: str, share: float) -> None:
        """Say what is being done, at most twice a second; ends the job where it is not to go on.

        Raises
        ------
        Cancelled, Leaving, LeaseLost
            See `Signals`.
        """
        self.signals.check()
        at = time.monotonic()
        share = max(share, self._told_share)
        if at - self._told_at < _TOLD_SECONDS:
            return
        self._told_at, self._told_share = at, share
        if store.report(self.db, self.claim, stage, share):
            self.signals.cancel.set()
            self.signals.check()

    def progress(self, low: float, high: float, *, name: str = "") -> Callable[[str, float], None]:
        """Give a callback for a step that takes the job from one share to another."""

        def told(stage: str, share: float) -> None:
            words = f"{name}: {stage}" if name and stage else name or stage
            self.report(words, low + (high - low) * min(max(share, 0.0), 1.0))

        return told
