"""What the service answers, as frozen values. A field that a newer service adds is passed over."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime  # noqa: TC003 - msgspec reads the annotations when it runs
from typing import Any, Generic, Literal, TypeVar

from pricebid.client.errors import Detail  # noqa: TC001 - as above

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Page(Generic[T]):
    """One page of a list; ``cursor`` is None on the last."""

    items: tuple[T, ...]
    cursor: str | None = None


@dataclass(frozen=True, kw_only=True)
class Readiness:
    """Whether a worker takes traffic, and if not, why."""

    status: Literal["ready", "not ready"]
    reasons: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table that a shop holds; ``digest`` is the SHA-256 of what is stored."""

    name: str
    version: int
    rows: int
    bytes: int
    digest: str
    loaded_at: datetime


@dataclass(frozen=True, kw_only=True)
class Loaded(Table):
    """A table that was loaded now: ``notices`` say what is not read or switched off, ``warnings`` what is odd but usable."""

    notices: tuple[str, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Shop:
    """A shop, and what holds for it."""

    shop: str
    settings: dict[str, Any]
    created_at: datetime


@dataclass(frozen=True, kw_only=True)
class ShopDetail(Shop):
    """A shop with its tables, and the id of the plan in force by kind."""

    tables: tuple[Table, ...]
    published: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class JobError:
    """Why a job failed."""

    code: str
    detail: str
    errors: tuple[Detail, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Job:
    """A job as it stands; ``progress`` is the share done, ``stage`` what is being done."""

    id: str
    shop: str
    kind: str
    state: Literal["queued", "running", "done", "failed", "cancelled"]
    priority: int
    progress: float
    stage: str
    attempts: int
    cancel_requested: bool
    policy: dict[str, Any]
    options: dict[str, Any]
    result: dict[str, Any] | None
    error: JobError | None
    by: str
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None

    @property
    def ended(self) -> bool:
        """True where nothing more will happen to it."""
        return self.state in {"done", "failed", "cancelled"}

    @property
    def plan(self) -> str | None:
        """Id of the plan that it made, if it made one."""
        return None if self.result is None else self.result.get("plan")


@dataclass(frozen=True, kw_only=True)
class JobEvent:
    """Something that happened to a job.

    Parameters
    ----------
    id : int
        Rises from event to event.
    kind : str
        ``queued``, ``started``, ``progress``, ``part``, ``taken_over``, ``released``, ``retry``, ``cancel_requested``,
        ``done``, ``failed``, ``cancelled``.
    data : dict
        What it says: of ``progress``, ``stage`` and ``share``.
    """

    id: int
    kind: str
    data: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What guards and lists need to know of a plan; money is over the horizon (bid plans: per day)."""

    solution: str
    items: int
    moved: float
    objective: str
    profit: float | None
    profit_low: float | None
    profit_high: float | None
    data_until: datetime | None
    inputs: str
    model: str
    totals: dict[str, float]


@dataclass(frozen=True, kw_only=True)
class Reason:
    """Why a guard held a plan."""

    guard: str
    message: str


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A plan, and where it stands; ``replaced`` is the plan that it took over from."""

    id: str
    shop: str
    kind: Literal["price", "bid", "joint"]
    status: Literal["made", "held", "approved", "published", "retired"]
    facts: Facts
    digest: str
    reasons: tuple[Reason, ...]
    replaced: str | None
    by: str
    made_at: datetime
    changed_at: datetime


@dataclass(frozen=True, kw_only=True)
class RolledBack(Plan):
    """A plan that was taken back; ``warnings`` say what to know of the one in force again."""

    warnings: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class PlanDetail(Plan):
    """A plan with its document (plan.json) and the names of its files."""

    document: dict[str, Any]
    files: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class ItemError:
    """Why an item has no answer."""

    code: str
    message: str


@dataclass(frozen=True, kw_only=True)
class Quote:
    """The price to show now. Where ``error`` is set, all but the labels is None.

    Parameters
    ----------
    price : float, optional
        Money per unit.
    source : {"plan", "exploration", "current"}, optional
        Where the price is from; ``fallback`` says why it is not the plan's.
    decision_id : str, optional
        Send it back with feedback.
    propensity : float, optional
        Probability with which this price was given out.
    amount : float, optional
        Price x quantity, where a quantity was given.
    """

    sku: str
    region: str
    price: float | None
    currency: str
    source: Literal["plan", "exploration", "current"] | None
    plan: str | None
    decision_id: str | None
    propensity: float | None
    segment: str | None = None
    amount: float | None = None
    fallback: str | None = None
    error: ItemError | None = None


@dataclass(frozen=True, kw_only=True)
class Bid:
    """The bid to place now: the most to pay for a click, for ``valid_seconds``. 0 (``paused``) says not to bid."""

    keyword: str
    campaign: str
    bid: float | None
    currency: str
    source: Literal["plan", "paced", "current", "paused"] | None
    plan: str | None
    decision_id: str | None
    propensity: float | None
    valid_seconds: float
    fallback: str | None = None
    error: ItemError | None = None


@dataclass(frozen=True, kw_only=True)
class Items(Generic[T]):
    """Answers, in the order asked for."""

    items: tuple[T, ...]


@dataclass(frozen=True, kw_only=True)
class Rejected:
    """An event that was not taken, and why."""

    event_id: str
    code: str
    message: str


@dataclass(frozen=True, kw_only=True)
class Feedback:
    """What became of events: accepted ones are on the service's disk, duplicates were there before."""

    accepted: int = 0
    duplicates: int = 0
    rejected: tuple[Rejected, ...] = ()

    def __add__(self, other: Feedback) -> Feedback:
        return Feedback(
            accepted=self.accepted + other.accepted,
            duplicates=self.duplicates + other.duplicates,
            rejected=self.rejected + other.rejected,
        )


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One total in both plans, with the 80 % interval of the difference."""

    outcome: str
    baseline: float
    scenario: float
    difference: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Change:
    """A price that differs between the two."""

    labels: dict[str, str]
    baseline: float | None
    scenario: float | None
    reason: str


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """A scenario beside the plan as things are."""

    differences: tuple[Difference, ...]
    prices: tuple[Change, ...]
    seconds: float


@dataclass(frozen=True, kw_only=True)
class LogEntry:
    """One row of the decision log (``items``: what was asked and given) or of the audit log (``who``, ``subject``)."""

    log: Literal["decisions", "audit"]
    id: str
    at: datetime
    kind: str
    request_id: str | None = None
    worker: str | None = None
    items: tuple[dict[str, Any], ...] | None = None
    who: str | None = None
    subject: str | None = None
    digest: str | None = None
    detail: dict[str, Any] | None = None
