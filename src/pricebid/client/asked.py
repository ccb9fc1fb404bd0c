"""What is asked of the service, item by item; a mapping with the same keys may stand in the place of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class QuoteItem:
    """One price that is asked for; ``at`` (with an offset) asks for another time than now."""

    sku: str
    region: str = "all"
    segment: str | None = None
    at: datetime | None = None
    quantity: int | None = None


@dataclass(frozen=True, kw_only=True)
class BidItem:
    """One bid that is asked for."""

    keyword: str
    campaign: str = ""
    match_type: str | None = None
    sku: str | None = None
    region: str | None = None
    segment: str | None = None
    device: str | None = None
    at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Event:
    """What came of one decision.

    Parameters
    ----------
    event_id : str
        The caller's own, such as an order line: sent again, it counts once.
    decision_id : str
        As a quote gave it.
    units, revenue, clicks, conversions, cost : float, optional
        At least one of them.
    """

    event_id: str
    decision_id: str
    units: float | None = None
    revenue: float | None = None
    clicks: float | None = None
    conversions: float | None = None
    cost: float | None = None


Asked = QuoteItem | BidItem | Event | Mapping[str, Any]


def plain(item: Asked) -> dict[str, Any]:
    """Give an item as it is sent: what is None is left out."""
    if isinstance(item, Mapping):
        return {key: value for key, value in item.items() if value is not None}
    found = ((one.name, getattr(item, one.name)) for one in fields(item))
    return {name: value for name, value in found if value is not None}


def batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Yield the items in lists of at most so many."""
    rest = iter(items)
    while batch := list(islice(rest, size)):
        yield batch
