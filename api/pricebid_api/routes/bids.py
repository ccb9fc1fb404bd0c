"""Bids to place now: the published plan's, paced, and set aside from the day's budget before they are given out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from fastapi import APIRouter, Request, Response

from pricebid import store
from pricebid.live import BidItems, quote_bids
from pricebid_api.deps import ShopName, allow, get_service
from pricebid_api.entries import Entry
from pricebid_api.errors import Problem
from pricebid_api.limits import read_body
from pricebid_api.raw import JSON, RawRoute, documented, scoped
from pricebid_api.routes.quotes import bad_body, moments
from pricebid_api.schemas.hot import BidQuoteItem, BidQuoteOut, BidQuotes, BidQuotesOut, ItemErrorOut

if TYPE_CHECKING:
    from pricebid.live.bid_quote import BidAnswers
    from pricebid_api.budgets import Purse

router = APIRouter(tags=["quotes"], route_class=RawRoute)

_decode = msgspec.json.Decoder(BidQuotes).decode
_encode = msgspec.json.Encoder().encode
_LABELS = ("keyword", "campaign", "match_type", "sku", "region", "segment", "device")
_ASKED = {"items": [{"keyword": "espresso beans", "campaign": "coffee"}]}
_ANSWERED = {
    "items": [
        {
            "keyword": "espresso beans",
            "campaign": "coffee",
            "bid": 0.42,
            "currency": "EUR",
            "source": "plan",
            "plan": "019412d8-7c00-7000-8000-000000000000",
            "decision_id": "a signed token",
            "propensity": 1.0,
            "valid_seconds": 60.0,
        }
    ]
}


@router.post(
    "/v1/shops/{shop}/bids/quotes",
    summary="Quote bids",
    openapi_extra=documented("BidQuotes", "BidQuotesOut", example=_ASKED, answered=_ANSWERED),
)
@scoped("quote")
async def quote_bids_now(request: Request, shop: ShopName) -> Response:
    """Give the most to pay for a click of each keyword now, paced against the day's budget.

    A bid may be used for `valid_seconds`. Its money is set aside until feedback tells what it cost: send `clicks` and
    `cost` for each decision, `clicks: 0` for an auction that was lost. A bid of 0 (`source` is `paused`) says not to
    bid: the budget has nothing left, or the plan pauses the keyword. Where campaign and keyword have several bids, give
    `match_type` and `sku` as the plan's table `bids` has them.
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
    if service.budgets.get(shop) is None:
        await service.snapshots.need_bids(shop)
    purse = service.budgets.get(shop)
    if purse is None:
        raise store.NotFound(f"shop {shop!r} has no published plan of bids")
    now = store.now()
    asked = _columns(items)
    signer = service.signer(shop)
    answers = quote_bids(purse.snapshot, asked, now=now, signer=signer, budgets=purse.book, paces=purse.paces.paces)
    errors = {at: one.code for at, one in answers.errors.items()}
    labels = tuple([getattr(one, name) for one in items] for name in _LABELS)
    entry = Entry("bid", _LABELS, labels, answers.words, errors)
    service.recorder.add(shop, request.scope["request_id"], now, entry)
    for source in {*answers.source}:
        service.metrics.quoted("bid", source or "error").inc(answers.source.count(source))
    for reason in (*answers.reasons.values(), *errors.values()):
        service.metrics.fell_back("bid", reason).inc()
    request.scope["decisions"] = len(items) - len(errors)
    return Response(_answer(purse, items, answers), media_type=JSON)


def _answer(purse: Purse, items: list[BidQuoteItem], answers: BidAnswers) -> bytes:
    columns = zip(items, answers.bid, answers.source, answers.decision_id, answers.propensity, strict=True)
    out = []
    for at, (item, bid, source, token, chance) in enumerate(columns):
        wrong = answers.errors.get(at)
        out.append(
            BidQuoteOut(
                item.keyword,
                item.campaign,
                bid,
                purse.snapshot.currency,
                source,  # type: ignore[arg-type]
                None if wrong else answers.plan,
                token,
                chance,
                answers.valid / 1e6,
                fallback=answers.reasons.get(at, msgspec.UNSET),
                error=msgspec.UNSET if wrong is None else ItemErrorOut(wrong.code, wrong.message),
            )
        )
    return _encode(BidQuotesOut(out))


def _columns(items: list[BidQuoteItem]) -> BidItems:
    def column(name: str) -> list[Any] | None:
        found = [getattr(one, name) for one in items]
        return None if found.count(None) == len(found) else found

    return BidItems(
        keyword=[one.keyword for one in items],
        campaign=[one.campaign for one in items],
        match_type=column("match_type"),
        sku=column("sku"),
        region=column("region"),
        segment=column("segment"),
        device=column("device"),
        at=moments([one.at for one in items]),
    )
