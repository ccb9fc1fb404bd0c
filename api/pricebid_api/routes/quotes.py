"""Quotes: the price to show now. The hot path: bytes in, bytes out, all else lies in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from fastapi import APIRouter, Request, Response

from pricebid import store
from pricebid.live.answers import QuoteItems
from pricebid.live.clock import microseconds
from pricebid.live.quote import quote
from pricebid_api.deps import ShopName, allow, get_service
from pricebid_api.entries import Entry
from pricebid_api.errors import Problem
from pricebid_api.limits import read_body
from pricebid_api.raw import JSON, RawRoute, documented, scoped
from pricebid_api.schemas.hot import ItemErrorOut, QuoteOut, Quotes, QuotesOut

if TYPE_CHECKING:
    from datetime import datetime

    from pricebid.live.answers import Answers
    from pricebid_api.metrics import Metrics
    from pricebid_api.schemas.hot import QuoteItem
    from pricebid_api.shelves import Shelf

router = APIRouter(tags=["quotes"], route_class=RawRoute)

_decode = msgspec.json.Decoder(Quotes).decode
_encode = msgspec.json.Encoder().encode
_END = 7_258_118_400_000_000  # 2200-01-01, microseconds
_LABELS = ("sku", "region", "segment")
_TOKEN = "AAAAAAAAAAB7FAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"  # noqa: S105 - of no use

_ASKED = {"items": [{"sku": "espresso-250", "region": "north", "quantity": 2}]}
_ANSWERED = {
    "items": [
        {
            "sku": "espresso-250",
            "region": "north",
            "price": 5.29,
            "currency": "EUR",
            "source": "plan",
            "plan": "019412d8-7c00-7000-8000-000000000000",
            "decision_id": _TOKEN,
            "propensity": 1.0,
            "amount": 10.58,
        }
    ]
}


def bad_body(error: Exception) -> Problem:
    """Give the problem of a body that could not be decoded: where, and what was expected."""
    if isinstance(error, msgspec.ValidationError):
        text, _, place = str(error).partition(" - at `")
        path = place.rstrip("`").removeprefix("$.") or "body"
        return Problem(422, "bad_request", f"{path}: {text}", errors=[{"field": path, "message": text}])
    return Problem(400, "bad_json", f"The body is no JSON: {error}")


@router.post(
    "/v1/shops/{shop}/quotes",
    summary="Quote prices",
    openapi_extra=documented("Quotes", "QuotesOut", example=_ASKED, answered=_ANSWERED),
)
@scoped("quote")
async def quote_prices(request: Request, shop: ShopName) -> Response:
    """Give the price to show now for each item: the published plan's, one that it explores, or the current one.

    An item that has no price, or only one below its floor, has an `error` instead. Send `decision_id` back with feedback.
    """
    service = get_service(request)
    await allow(request, service, "quote", shop)
    body = await read_body(request, service.settings.max_body_bytes)
    try:
        items = _decode(body).items
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise bad_body(error) from None
    if len(items) > service.settings.max_items:
        raise Problem(413, "too_many_items", f"{len(items):,} items: at most {service.settings.max_items:,} at once.")
    shelf = service.snapshots.get(shop) or await service.snapshots.need(shop)
    now = store.now()
    asked = _columns(items)
    answers = quote(shelf.prices, asked, now=now, rng=service.rng, signer=shelf.signer)
    errors = {at: one.code for at, one in answers.errors.items()}
    labels = (asked.sku, asked.region, asked.segment or [None] * len(items))
    request_id = request.scope["request_id"]
    service.recorder.add(shop, request_id, now, Entry("price", _LABELS, labels, answers.words, errors))
    _count(service.metrics, answers)
    request.scope["decisions"] = len(items) - len(errors)
    return Response(_answer(shelf, items, asked, answers), media_type=JSON)


def moments(given: list[datetime | None]) -> list[int | None] | None:
    """Give times as instants; None where no item has one.

    Raises
    ------
    Problem
        422 where a time lies outside 1970 to 2200.
    """
    if given.count(None) == len(given):
        return None
    found = [None if one is None else microseconds(one) for one in given]
    if any(one is not None and not 0 <= one < _END for one in found):
        raise Problem(422, "bad_request", "items: a time must lie between 1970 and 2200.")
    return found


def _columns(items: list[QuoteItem]) -> QuoteItems:
    segment = [one.segment for one in items]
    return QuoteItems(
        sku=[one.sku for one in items],
        region=[one.region for one in items],
        segment=None if segment.count(None) == len(items) else segment,
        at=moments([one.at for one in items]),
    )


def _answer(shelf: Shelf, items: list[QuoteItem], asked: QuoteItems, answers: Answers) -> bytes:
    currency = shelf.prices.currency
    columns = zip(
        items, answers.price, answers.source, answers.plan, answers.decision_id, answers.propensity, strict=True
    )
    found = [
        QuoteOut(item.sku, item.region, price, currency, source, plan, token, chance)
        for item, price, source, plan, token, chance in columns
    ]
    plain = asked.segment is None and not answers.errors and not answers.fallbacks
    if not plain or [item.quantity for item in items].count(None) < len(items):
        found = [_more(at, one, item, shelf, answers) for at, (one, item) in enumerate(zip(found, items, strict=True))]
    return _encode(QuotesOut(found))


def _more(at: int, out: QuoteOut, item: QuoteItem, shelf: Shelf, answers: Answers) -> QuoteOut:
    """Add what only some items have."""
    changes: dict[str, object] = {}
    if item.segment:
        changes["segment"] = item.segment
    if item.quantity and out.price is not None:
        changes["amount"] = round(out.price * item.quantity, shelf.prices.decimals)
    if at in answers.fallbacks:
        changes["fallback"] = answers.fallbacks[at]
    if at in answers.errors:
        error = answers.errors[at]
        changes["error"] = ItemErrorOut(error.code, error.message)
    return msgspec.structs.replace(out, **changes) if changes else out


def _count(metrics: Metrics, answers: Answers) -> None:
    sources = answers.source
    for source in {*sources}:
        metrics.quoted("price", source or "error").inc(sources.count(source))
    for reason in answers.fallbacks.values():
        metrics.fell_back("price", reason).inc()
    for error in answers.errors.values():
        metrics.fell_back("price", error.code).inc()
