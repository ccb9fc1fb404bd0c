"""What one worker holds while it runs: made when it starts, taken down when it stops, typed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.random import Generator

    from pricebid.live.tokens import Signer
    from pricebid.store import Store
    from pricebid_api.auth import Gate
    from pricebid_api.budgets import Budgets
    from pricebid_api.heavy import Heavy
    from pricebid_api.inbox import Inbox
    from pricebid_api.logs import RequestLog
    from pricebid_api.metrics import Metrics
    from pricebid_api.poller import Poller
    from pricebid_api.recorder import Recorder
    from pricebid_api.settings import Settings
    from pricebid_api.snapshots import Snapshots
    from pricebid_api.streams import Streams
    from pricebid_api.writer import Writer


@dataclass(kw_only=True, slots=True)
class Service:
    """One worker's parts.

    Parameters
    ----------
    settings : Settings
        As started with.
    db : Store
        The store.
    gate : Gate
        Lets callers in.
    metrics : Metrics
        Counters.
    log : RequestLog
        Lines of finished requests.
    writer : Writer
        The one thread that writes to the store.
    snapshots : Snapshots
        Published plans in memory.
    recorder : Recorder
        The quote log on its way to the store.
    budgets : Budgets
        Leased slices of the day's ad budgets.
    tables, scenarios : Heavy
        Processes that check tables, and that compute scenarios.
    streams : Streams
        Progress streams that are open.
    poller : Poller
        Keeps keys, plans and figures fresh.
    feedback : Inbox
        Feedback on its way to the store.
    signer : callable
        Gives what signs and verifies the decisions of a shop.
    rng : numpy Generator
        Draws explored prices; seeded by the system, another in each worker.
    """

    settings: Settings
    db: Store
    gate: Gate
    metrics: Metrics
    log: RequestLog
    writer: Writer
    snapshots: Snapshots
    recorder: Recorder
    budgets: Budgets
    tables: Heavy
    scenarios: Heavy
    streams: Streams
    poller: Poller
    feedback: Inbox
    signer: Callable[[str], Signer]
    rng: Generator


class State(TypedDict):
    """What the lifespan yields; requests see it as ``request.state``."""

    service: Service
