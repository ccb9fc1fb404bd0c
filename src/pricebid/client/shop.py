"""One shop of the service: its tables, jobs, plans, quotes, feedback and logs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeVar
from urllib.parse import quote as quoted

from pricebid.client.answers import (
    Bid,
    Comparison,
    Feedback,
    Items,
    Job,
    Loaded,
    LogEntry,
    Page,
    Plan,
    PlanDetail,
    Quote,
    RolledBack,
    Shop,
    ShopDetail,
)
from pricebid.client.asked import batches, plain
from pricebid.client.feedback import MOST, FeedbackBuffer, send
from pricebid.client.tables import content_of
from pricebid.client.wire import decode

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime
    from pathlib import Path

    import pandas as pd

    from pricebid.client.asked import Asked, BidItem, Event, QuoteItem
    from pricebid.client.wire import Wire

T = TypeVar("T")
_MOST_ITEMS = 5_000  # that the service takes in one request, unless it is told otherwise
_PAGE = 200


class RemoteShop:
    """A shop as the service holds it; made by `Client.shop`, which asks nothing yet.

    Parameters
    ----------
    wire : Wire
        Asks the service.
    name : str
        The shop's.

    Raises
    ------
    ClientError
        By every method: see ``pricebid.client.errors``.
    """

    def __init__(self, wire: Wire, name: str) -> None:
        self.name = name
        self._wire = wire
        self._path = f"/v1/shops/{quoted(name, safe='')}"

    def set(self, **settings: Any) -> Shop:  # noqa: ANN401 - plain values
        """Make the shop or set what holds for it: ``currency``, ``decimals``, ``timezone``, ``absent``, ``period``, ``guards``.

        All of them are set: those not given get their defaults.
        """
        return self._wire.ask(Shop, "PUT", self._path, body=settings)

    def describe(self) -> ShopDetail:
        """Give settings, tables, and the plans in force."""
        return self._wire.ask(ShopDetail, "GET", self._path)

    def erase(self) -> None:
        """Erase everything of the shop; the audit log keeps one row that says so."""
        self._wire.send("DELETE", self._path)

    def erase_customer(self, customer: str) -> dict[str, int]:
        """Erase every row of a customer, by the id that was loaded, and give how many, by table."""
        path = f"{self._path}/customers/erase"
        return self._wire.ask(dict[str, dict[str, int]], "POST", path, body={"customer": customer})["rows"]

    def load(self, table: str, data: pd.DataFrame | Path | str | bytes) -> Loaded:
        """Load a table: checked as a whole, the one before stays until this one holds.

        Parameters
        ----------
        table : str
            Its name, such as ``sales``.
        data : DataFrame, path or bytes
            A frame is sent as Parquet, without its index; a file is told by its name.

        Raises
        ------
        Refused
            Every fault, with row and column, is in ``errors``.
        """
        content = content_of(data)
        path = f"{self._path}/tables/{quoted(table, safe='')}"
        answer = self._wire.send("PUT", path, content=content.data, headers=content.headers)
        return decode(answer.content, Loaded)

    def drop(self, table: str) -> None:
        """Drop a table, the version before it included.

        Raises
        ------
        StepRefused
            The other tables need it: what would be wrong with them is in ``errors``.
        """
        self._wire.send("DELETE", f"{self._path}/tables/{quoted(table, safe='')}")

    def submit(
        self,
        kind: str,
        *,
        policy: Mapping[str, Any] | None = None,
        options: Mapping[str, Any] | None = None,
        priority: int = 0,
    ) -> Job:
        """Ask for a job: ``fit``, ``forecast``, ``elasticities``, ``price``, ``bid``, ``plan``, ``backtest``, ``what-if``, ``learn``.

        It is not tried again where an answer was lost, since that could make two: look at `jobs` then.
        """
        body = {"kind": kind, "policy": dict(policy or {}), "options": dict(options or {}), "priority": priority}
        return self._wire.ask(Job, "POST", f"{self._path}/jobs", body=body)

    def jobs(self) -> Iterator[Job]:
        """Yield the shop's jobs, the newest first; pages are fetched as they are needed."""
        return pages(self._wire, Page[Job], f"{self._path}/jobs")

    def plans(self, *, kind: Literal["price", "bid", "joint"] | None = None) -> Iterator[Plan]:
        """Yield the shop's plans, the newest first; pages are fetched as they are needed."""
        return pages(self._wire, Page[Plan], f"{self._path}/plans", kind=kind)

    def plan(self, plan_id: str) -> PlanDetail:
        """Give a plan, where it stands, and its document."""
        return self._wire.ask(PlanDetail, "GET", self._plan(plan_id))

    def plan_file(self, plan_id: str, name: str) -> bytes:
        """Give a file of a plan, such as ``prices.csv``."""
        return self._wire.send("GET", f"{self._plan(plan_id)}/files/{quoted(name, safe='')}").content

    def plan_frame(self, plan_id: str, name: str = "prices.parquet") -> pd.DataFrame:
        """Give a table of a plan as a DataFrame."""
        from io import BytesIO

        import pandas as pd

        return pd.read_parquet(BytesIO(self.plan_file(plan_id, name)))

    def approve(self, plan_id: str) -> Plan:
        """Approve a plan that was made or held."""
        return self._wire.ask(Plan, "POST", f"{self._plan(plan_id)}/approve")

    def publish(self, plan_id: str) -> Plan:
        """Publish a plan: every worker quotes from it within two seconds.

        Raises
        ------
        PlanHeld
            A guard objects; `approve` it to publish it all the same.
        """
        return self._wire.ask(Plan, "POST", f"{self._plan(plan_id)}/publish")

    def rollback(self, plan_id: str) -> RolledBack:
        """Take the published plan back; the one that it replaced is published again. Read the ``warnings``."""
        return self._wire.ask(RolledBack, "POST", f"{self._plan(plan_id)}/rollback")

    def quote(self, items: Iterable[QuoteItem | Mapping[str, Any]]) -> tuple[Quote, ...]:
        """Give the price to show now for each item, in their order; look at ``error`` of each."""
        return self._quotes(Quote, f"{self._path}/quotes", items, again=True)

    def bids(self, items: Iterable[BidItem | Mapping[str, Any]]) -> tuple[Bid, ...]:
        """Give the bid to place now for each item, in their order; look at ``error`` of each.

        It is not tried again where an answer was lost: money is set aside for every bid that is given out.
        """
        return self._quotes(Bid, f"{self._path}/bids/quotes", items, again=False)

    def feedback(self, events: Iterable[Event | Mapping[str, Any]]) -> Feedback:
        """Tell what came of decisions, however many: sent 10,000 at a time, again where an answer was lost.

        After an error the same events may be sent again: each counts once, by its ``event_id``.
        """
        return send(self._wire, f"{self._path}/feedback", events)

    def feedback_buffer(self, size: int = MOST) -> FeedbackBuffer:
        """Give what gathers events and sends them when there are enough, and at the end of its ``with`` block."""
        return FeedbackBuffer(self._wire, f"{self._path}/feedback", size)

    def what_if(self, scenario: Mapping[str, Any], policy: Mapping[str, Any] | None = None) -> Comparison:
        """Compare a small scenario with things as they are, at once; large shops take a job of kind ``what-if``."""
        body = {"scenario": dict(scenario), "policy": dict(policy or {})}
        return self._wire.ask(Comparison, "POST", f"{self._path}/what-if", body=body, again=True)

    def decisions(
        self, *, log: Literal["decisions", "audit"] = "decisions", since: datetime | None = None
    ) -> Iterator[LogEntry]:
        """Yield the decision or audit log, the newest first; pages are fetched as they are needed."""
        begin = None if since is None else since.isoformat()
        return pages(self._wire, Page[LogEntry], f"{self._path}/decisions", log=log, since=begin)

    def _plan(self, plan_id: str) -> str:
        return f"{self._path}/plans/{quoted(plan_id, safe='')}"

    def _quotes(self, kind: type[T], path: str, items: Iterable[Asked], *, again: bool) -> tuple[T, ...]:
        found: list[T] = []
        for batch in batches(items, _MOST_ITEMS):
            body = {"items": [plain(one) for one in batch]}
            found += self._wire.ask(Items[kind], "POST", path, body=body, again=again).items  # type: ignore[valid-type]
        return tuple(found)


def pages(wire: Wire, of: type[Page[T]], path: str, **params: str | None) -> Iterator[T]:
    """Yield the items of a list, asking for its next page when it is needed."""
    cursor: str | None = None
    while True:
        page = wire.ask(of, "GET", path, params={**params, "limit": _PAGE, "cursor": cursor})
        yield from page.items
        cursor = page.cursor
        if cursor is None:
            return
