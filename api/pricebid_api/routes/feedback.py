"""Feedback: what came of decisions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from fastapi import APIRouter, Request, Response

from pricebid import store
from pricebid.live.errors import ExpiredToken, ForeignToken, TokenError
from pricebid.store import FeedbackEvent
from pricebid_api.deps import ShopName, allow, get_service
from pricebid_api.errors import Problem
from pricebid_api.limits import read_body
from pricebid_api.raw import JSON, RawRoute, documented, scoped
from pricebid_api.routes.quotes import bad_body
from pricebid_api.schemas.hot import EventError, Feedback, FeedbackOut

if TYPE_CHECKING:
    from pricebid.live.tokens import Signer
    from pricebid_api.schemas.hot import Event

router = APIRouter(tags=["feedback"], route_class=RawRoute)

_decode = msgspec.json.Decoder(Feedback).decode
_encode = msgspec.json.Encoder().encode
_MAX_AGE = 400 * 86_400_000_000  # microseconds: returns come late
_OUTCOMES = ("units", "revenue", "clicks", "conversions", "cost")
_ASKED = {
    "events": [{"event_id": "order-1042-1", "decision_id": "the decision_id of a quote", "units": 2, "revenue": 10.58}]
}
_ANSWERED = {"accepted": 1, "duplicates": 0, "rejected": []}


@router.post(
    "/v1/shops/{shop}/feedback",
    summary="Tell what came of decisions",
    openapi_extra=documented("Feedback", "FeedbackOut", example=_ASKED, answered=_ANSWERED),
)
@scoped("feedback")
async def give_feedback(request: Request, shop: ShopName) -> Response:
    """Keep what came of decisions, up to 10,000 events a call; answered once they are on the disk.

    An event counts once, by its `event_id`. Events whose decision is not ours are listed under `rejected`; the others
    are kept all the same. A later event of the same decision adds to the earlier ones.
    """
    service = get_service(request)
    await allow(request, service, "feedback", shop)
    body = await read_body(request, service.settings.max_body_bytes)
    try:
        events = _decode(body).events
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise bad_body(error) from None
    if len(events) > service.settings.max_events:
        raise Problem(
            413, "too_many_items", f"{len(events):,} events: at most {service.settings.max_events:,} at once."
        )
    rejected: list[EventError] = []
    signer = service.signer(shop)
    kept = await service.feedback.put(shop, lambda: _events(events, signer, rejected))
    for outcome, count in (("accepted", kept.accepted), ("duplicate", kept.duplicates), ("rejected", len(rejected))):
        service.metrics.feedback.labels(outcome).inc(count)
    request.scope["decisions"] = len(events)
    answer = FeedbackOut(accepted=kept.accepted, duplicates=kept.duplicates, rejected=rejected)
    return Response(_encode(answer), media_type=JSON)


def _events(events: list[Event], signer: Signer, rejected: list[EventError]) -> list[FeedbackEvent]:
    """Verify each event's decision; those that are not ours go to ``rejected``."""
    now = store.now()
    found = []
    for event in events:
        made = _event(event, signer, now)
        if isinstance(made, EventError):
            rejected.append(made)
        else:
            found.append(made)
    return found


def _event(event: Event, signer: Signer, now: int) -> FeedbackEvent | EventError:
    if not event.event_id.isprintable():
        return EventError(repr(event.event_id)[:100], "control_characters", "event_id holds a control character")
    values = (event.units, event.revenue, event.clicks, event.conversions, event.cost)
    if values == (None, None, None, None, None):
        return EventError(event.event_id, "empty", f"give at least one of {', '.join(_OUTCOMES)}")
    try:
        decision = signer.verify(event.decision_id, now=now, max_age=_MAX_AGE)
    except ForeignToken as error:
        return EventError(event.event_id, "other_shop", str(error))
    except ExpiredToken as error:
        return EventError(event.event_id, "expired_decision", str(error))
    except TokenError as error:
        return EventError(event.event_id, "unknown_decision", str(error))
    units, revenue, clicks, conversions, cost = values
    return FeedbackEvent(
        event_id=event.event_id,
        decision_id=decision.id,
        decided_at=decision.at,
        kind=decision.kind,
        plan_id=decision.plan or "",
        item=f"{decision.offer:016x}",
        option=decision.option,
        value=decision.amount,
        propensity=decision.propensity,
        units=units,
        revenue=revenue,
        clicks=clicks,
        conversions=conversions,
        cost=cost,
    )
