"""Quotes: the price to show now, for one item or many, without a file, a fit or a scan."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from pricebid.errors import InputError
from pricebid.live.snapshot import Why
from pricebid.live.tokens import PRICE_SOURCES, Drafts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from pricebid.live.snapshot import PriceSnapshot
    from pricebid.live.tokens import Signer

_NOBODY: Mapping[str, int] = {}
_SOURCE = np.array(PRICE_SOURCES, dtype=object)
_ERRORS = {
    Why.NO_PRICE: "neither a plan nor the tables give this offer a price; give one in catalog or offers",
    Why.BELOW_FLOOR: "no plan's price is in effect, and the current price is below its floor; raise it, or publish a plan",
    Why.UNKNOWN_OFFER: "no offer has these labels; give sku, region and segment as in the shop's tables",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class QuoteItems:
    """What is asked for, one entry per item in each column.

    Parameters
    ----------
    sku, region : sequence of str
        Labels.
    segment, channel : sequence of str or None, optional
        Labels, where the shop's prices have them; an offer without segment answers for a segment that has no price of its own.
    at : sequence of int or None, optional
        Instant for which the price is wanted, microseconds since 1970; None: now.
    """

    sku: Sequence[str]
    region: Sequence[str]
    segment: Sequence[str | None] | None = None
    channel: Sequence[str | None] | None = None
    at: Sequence[int | None] | None = None

    def __len__(self) -> int:
        return len(self.sku)


@dataclass(frozen=True, kw_only=True, slots=True)
class ItemError:
    """Why an item has no answer.

    Parameters
    ----------
    code : str
        ``unknown_offer``, ``no_price``, ``below_floor``; for bids ``unknown_keyword``, ``ambiguous_keyword``.
    message : str
        The rule and the remedy.
    """

    code: str
    message: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Answers:
    """What is answered, one entry per item in each list; None in all of them where the item has an error.

    Parameters
    ----------
    price : list of float or None
        Money, whole minor units.
    source : list of str or None
        ``plan``, ``exploration`` or ``current``.
    plan : list of str or None
        Id of the plan in effect; None also where there is none.
    decision_id : list of str or None
        Signed tokens.
    propensity : list of float or None
        Probability with which this price was given out.
    errors : dict of int to ItemError
        By item, those that have one.
    fallbacks : dict of int to str
        By item, why not the plan's price was given: ``no_plan``, ``not_started``, ``ended``, ``not_in_plan``, ``plan_below_floor``,
        ``plan_above_ceiling``.
    words : uint64[answered, 7]
        What the tokens say, for the log: items without error in their order.
    """

    price: list[float | None]
    source: list[str | None]
    plan: list[str | None]
    decision_id: list[str | None]
    propensity: list[float | None]
    errors: dict[int, ItemError]
    fallbacks: dict[int, str]
    words: NDArray[np.uint64] = field(repr=False)


def quote(snapshot: PriceSnapshot, items: QuoteItems, *, now: int, rng: np.random.Generator, signer: Signer) -> Answers:
    """Answer what each item costs now.

    The plan in effect gives the price, or a draw of its exploration; where it gives none that keeps its floor, the current price
    does; where that is below its floor, the item has an error. Nothing is ever guessed.

    Parameters
    ----------
    snapshot : PriceSnapshot
        What is published.
    items : QuoteItems
        What is asked for.
    now : int
        Instant, microseconds since 1970.
    rng : Generator
        The worker's, used for exploration only: the same state gives the same answers, tokens' random serials aside.
    signer : Signer
        Of the same shop.

    Raises
    ------
    InputError
        Columns differ in length, or the signer is another shop's.
    """
    if signer.shop != snapshot.shop:
        raise InputError(f"quotes of shop {snapshot.shop!r} cannot be signed for {signer.shop!r}")
    slot = np.array(_slots(snapshot, items), dtype=np.int64)
    place, row = _when(snapshot, items, slot, now)
    minor, why = snapshot.minor[place, row], snapshot.why[place, row]
    code = (why != Why.PLAN) * np.uint64(2)
    option, propensity = np.full(len(slot), -1), np.ones(len(slot))
    if snapshot.plans and any(snapshot.laws):
        _explore(snapshot, place, row, rng, (minor, code, option, propensity))
    good = minor >= 0
    full = bool(good.all())
    kept = slice(None) if full else good
    words = (
        snapshot.words[place]
        if isinstance(place, np.ndarray)
        else np.broadcast_to(snapshot.words[place], (len(slot), 2))
    )
    signed = signer.sign(
        Drafts(
            code=code[kept],
            plan=words[kept],
            offer=snapshot.index.digest[row[kept]],
            option=option[kept],
            minor=minor[kept],
            propensity=propensity[kept],
            at=now,
            decimals=snapshot.decimals,
        )
    )
    columns: tuple[list[object], ...] = (
        (minor[kept] / 10**snapshot.decimals).tolist(),
        _SOURCE[code[kept].view(np.int64)].tolist(),
        _plans(snapshot, place, len(slot), kept),
        list(signed.tokens),
        propensity[kept].tolist(),
    )
    if not full:
        columns = tuple(_scattered(column, good) for column in columns)
    price, source, plan, tokens, chance = columns
    errors, fallbacks = _told(snapshot, items, place, why, now) if why.any() else ({}, {})
    return Answers(
        price=price, source=source, plan=plan, decision_id=tokens, propensity=chance,  # type: ignore[arg-type]
        errors=errors, fallbacks=fallbacks, words=signed.words,
    )  # fmt: skip


def _slots(snapshot: PriceSnapshot, items: QuoteItems) -> list[int]:
    """Return the slot of each item, -1 where none: one dictionary by region, then one by sku."""
    count = len(items.sku)
    if any(
        column is not None and len(column) != count for column in (items.region, items.segment, items.channel, items.at)
    ):
        raise InputError(f"{count} skus, and another column of the same request is longer or shorter")
    plain = snapshot.index.plain
    if items.segment is None and items.channel is None:
        return [plain.get(region, _NOBODY).get(sku, -1) for sku, region in zip(items.sku, items.region, strict=True)]
    none = [None] * count
    slots = snapshot.index.slots
    found = []
    for sku, region, segment, channel in zip(
        items.sku, items.region, items.segment or none, items.channel or none, strict=True
    ):
        slot = -1
        # The offer's own segment and channel first, then the offer that has none.
        for group in ((segment or "", channel or ""), ("", channel or ""), (segment or "", ""), ("", "")):
            slot = slots.get((region, *group), _NOBODY).get(sku, -1)
            if slot >= 0:
                break
        found.append(slot)
    return found


def _when(
    snapshot: PriceSnapshot, items: QuoteItems, slot: NDArray[np.int64], now: int
) -> tuple[int | NDArray[np.int64], NDArray[np.int64]]:
    """Return the place of the plan in effect (one for all items where none names a time) and the row of each item."""
    hours = snapshot.index.hours
    if items.at is None or all(at is None for at in items.at):
        return snapshot.in_effect(now), slot if hours == 1 else slot * hours + snapshot.clock.hour(now)
    at = np.array([now if one is None else one for one in items.at], dtype=np.int64)
    place = np.full(len(at), len(snapshot.plans), dtype=np.int64)
    for one, (start, end) in enumerate(zip(snapshot.start.tolist(), snapshot.end.tolist(), strict=True)):
        place[(start <= at) & (at < end)] = one
    return place, slot if hours == 1 else slot * hours + snapshot.clock.hours(at)


def _explore(
    snapshot: PriceSnapshot,
    place: int | NDArray[np.int64],
    row: NDArray[np.int64],
    rng: np.random.Generator,
    into: tuple[NDArray[np.int64], NDArray[np.uint64], NDArray[np.int64], NDArray[np.float64]],
) -> None:
    """Draw the prices of items whose offer has a law, and write them into price, code, option and propensity."""
    minor, code, option, propensity = into
    for one, laws in enumerate(snapshot.laws):
        if laws is None:
            continue
        if isinstance(place, np.ndarray):
            law = np.where(place == one, laws.law[row], -1)
        elif place == one:
            law = laws.law[row]
        else:
            continue
        some = np.flatnonzero(law >= 0)
        if len(some):
            drawn, price, chance = laws.draw(law[some], rng)
            code[some] = np.where(price == minor[some], code[some], 1)
            minor[some], option[some], propensity[some] = price, drawn, chance


def _plans(
    snapshot: PriceSnapshot, place: int | NDArray[np.int64], count: int, kept: slice | NDArray[np.bool_]
) -> list[object]:
    names = (*snapshot.plans, None)
    if not isinstance(place, np.ndarray):
        return [names[place]] * (count if isinstance(kept, slice) else int(kept.sum()))
    return [names[one] for one in place[kept].tolist()]


def _scattered(column: list[object], good: NDArray[np.bool_]) -> list[object]:
    """Return a column of the items without error as one of all items."""
    values = iter(column)
    return [next(values) if one else None for one in good.tolist()]


def _told(
    snapshot: PriceSnapshot, items: QuoteItems, place: int | NDArray[np.int64], why: NDArray[np.uint8], now: int
) -> tuple[dict[int, ItemError], dict[int, str]]:
    """Return the errors, and the reasons of what is not the plan's price, by item."""
    errors: dict[int, ItemError] = {}
    fallbacks: dict[int, str] = {}
    none = len(snapshot.plans)
    for item in np.flatnonzero(why).tolist():
        one = Why(int(why[item]))
        if one >= Why.NO_PRICE:
            labels = [
                str(column[item]) for column in (items.sku, items.region, items.segment) if column and column[item]
            ]
            errors[item] = ItemError(code=one.code, message=f"{' / '.join(labels)}: {_ERRORS[one]}")
            continue
        if one == Why.NO_PLAN and (place if isinstance(place, int) else place[item]) == none:
            asked = None if items.at is None else items.at[item]
            one = snapshot.silent(now if asked is None else asked)
        fallbacks[item] = one.code
    return errors, fallbacks
