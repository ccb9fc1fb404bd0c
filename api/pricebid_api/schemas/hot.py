"""Quotes, bids and feedback over the wire, as msgspec structs: read and written in one step each."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

Label = Annotated[str, Meta(min_length=1, max_length=200)]
Moment = Annotated[datetime, Meta(tz=True, description="RFC 3339, with an offset.")]
Token = Annotated[str, Meta(min_length=1, max_length=300)]
Count = Annotated[float, Meta(ge=0, le=1e12)]
Money = Annotated[float, Meta(ge=-1e12, le=1e12)]


class QuoteItem(Struct, forbid_unknown_fields=True, frozen=True, gc=False):
    """One price that is asked for."""

    sku: Label
    region: Label = "all"
    segment: Label | None = None
    at: Moment | None = None
    quantity: Annotated[int, Meta(ge=1, le=1_000_000_000)] | None = None


class Quotes(Struct, forbid_unknown_fields=True, frozen=True, gc=False):
    """Prices that are asked for."""

    items: Annotated[list[QuoteItem], Meta(min_length=1, max_length=100_000)]


class ItemErrorOut(Struct, frozen=True, gc=False):
    """Why an item has no answer."""

    code: str
    message: str


class QuoteOut(Struct, frozen=True, gc=False):
    """One price; all but the labels are null where there is an error."""

    sku: str
    region: str
    price: float | None
    currency: str
    source: Literal["plan", "exploration", "current"] | None
    plan: Annotated[str | None, Meta(description="The plan in effect, if any.")]
    decision_id: Annotated[str | None, Meta(description="Send it back with feedback.")]
    propensity: Annotated[float | None, Meta(description="Probability with which this price was given out.")]
    segment: str | UnsetType = UNSET
    amount: Annotated[float, Meta(description="price x quantity, where a quantity was given.")] | UnsetType = UNSET
    fallback: Annotated[str, Meta(description="Why it is not the plan's price.")] | UnsetType = UNSET
    error: ItemErrorOut | UnsetType = UNSET


class QuotesOut(Struct, frozen=True, gc=False):
    """Prices, in the order asked for."""

    items: list[QuoteOut]


class BidQuoteItem(Struct, forbid_unknown_fields=True, frozen=True, gc=False):
    """One bid that is asked for."""

    keyword: Label
    campaign: Annotated[str, Meta(max_length=200)] = ""
    match_type: Annotated[str, Meta(max_length=200)] | None = None
    sku: Label | None = None
    region: Label | None = None
    segment: Label | None = None
    device: Label | None = None
    at: Moment | None = None


class BidQuotes(Struct, forbid_unknown_fields=True, frozen=True, gc=False):
    """Bids that are asked for."""

    items: Annotated[list[BidQuoteItem], Meta(min_length=1, max_length=100_000)]


class BidQuoteOut(Struct, frozen=True, gc=False):
    """One bid; all but the labels are null where there is an error."""

    keyword: str
    campaign: str
    bid: Annotated[float | None, Meta(description="Most to pay for a click, money.")]
    currency: str
    source: Literal["plan", "paced", "current", "paused"] | None
    plan: str | None
    decision_id: str | None
    propensity: float | None
    valid_seconds: Annotated[float, Meta(description="For how long the bid may be used.")]
    fallback: str | UnsetType = UNSET
    error: ItemErrorOut | UnsetType = UNSET


class BidQuotesOut(Struct, frozen=True, gc=False):
    """Bids, in the order asked for."""

    items: list[BidQuoteOut]


class Event(Struct, forbid_unknown_fields=True, frozen=True, gc=False):
    """What came of one decision."""

    event_id: Annotated[str, Meta(min_length=1, max_length=200, description="Yours; sent again, it counts once.")]
    decision_id: Token
    units: Count | None = None
    revenue: Money | None = None
    clicks: Count | None = None
    conversions: Count | None = None
    cost: Count | None = None


class Feedback(Struct, forbid_unknown_fields=True, frozen=True, gc=False):
    """What came of decisions."""

    events: Annotated[list[Event], Meta(min_length=1, max_length=10_000)]


class EventError(Struct, frozen=True, gc=False):
    """An event that was not taken."""

    event_id: str
    code: Literal["unknown_decision", "other_shop", "expired_decision", "empty", "control_characters"]
    message: str


class FeedbackOut(Struct, frozen=True, gc=False):
    """What became of the events; those accepted are on the disk."""

    accepted: Annotated[int, Meta(description="New ones, kept.")]
    duplicates: Annotated[int, Meta(description="Known already; they count once.")]
    rejected: list[EventError]
