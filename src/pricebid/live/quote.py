"""Quotes: the price to show now, for one item or many, without a file, a fit or a scan.

A few items are answered one by one with plain numbers, many at once with arrays: an array call costs about a microsecond, however
short the array. Both ways give the same answers from the same generator state.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pricebid.errors import InputError
from pricebid.live.answers import Answers, ItemError, QuoteItems
from pricebid.live.snapshot import Why
from pricebid.live.tokens import PRICE_SOURCES, WORDS, Drafts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from pricebid.live.snapshot import PriceSnapshot
    from pricebid.live.tokens import Signer, Source

    Places = int | NDArray[np.int64]
    Kept = slice | NDArray[np.bool_]

FEW = 8  # items up to which plain numbers are faster
_NOBODY: Mapping[str, int] = {}
_SOURCE = np.array(PRICE_SOURCES, dtype=object)
_PLAN, _NO_PLAN, _NO_PRICE = int(Why.PLAN), int(Why.NO_PLAN), int(Why.NO_PRICE)
_ERRORS = {
    Why.NO_PRICE: "neither a plan in effect nor the tables give this offer a price within its limits; give one in catalog or offers",
    Why.BELOW_FLOOR: (
        "no plan in effect gives it a price within its limits, and the current price is below its floor; "
        "raise it, or publish a plan"
    ),
    Why.ALL_BELOW_FLOOR: (
        "the price of the plan in effect is below its floor as the tables are now, and so is the current price; "
        "publish a plan made of these tables, or raise the current price"
    ),
    Why.UNKNOWN_OFFER: "no offer has these labels; give sku, region and segment as in the shop's tables",
}


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
        The signer is another shop's.
    """
    if signer.shop != snapshot.shop:
        raise InputError(
            f"quotes of shop {snapshot.shop!r} cannot be signed for {signer.shop!r}; give that shop's signer"
        )
    slots = _slots(snapshot, items)
    if len(slots) <= FEW:
        return _few(snapshot, items, slots, now, rng, signer)
    return _many(snapshot, items, np.array(slots, dtype=np.int64), now, rng, signer)


def _slots(snapshot: PriceSnapshot, items: QuoteItems) -> list[int]:
    """Return the slot of each item, -1 where none: one dictionary by region, then one by sku."""
    plain = snapshot.index.plain
    if items.segment is None and items.channel is None:
        return [plain.get(region, _NOBODY).get(sku, -1) for sku, region in zip(items.sku, items.region, strict=True)]
    none = [None] * len(items)
    slots = snapshot.index.slots
    found = []
    labels = zip(items.sku, items.region, items.segment or none, items.channel or none, strict=True)
    for sku, region, segment, channel in labels:
        slot = -1
        # The offer's own segment and channel first, then the offers that have none.
        for group in ((segment or "", channel or ""), ("", channel or ""), (segment or "", ""), ("", "")):
            slot = slots.get((region, *group), _NOBODY).get(sku, -1)
            if slot >= 0:
                break
        found.append(slot)
    return found


# -- a few ------------------------------------------------------------------------------------------------------


def _few(
    snapshot: PriceSnapshot,
    items: QuoteItems,
    slots: Sequence[int],
    now: int,
    rng: np.random.Generator,
    signer: Signer,
) -> Answers:
    hours, decimals = snapshot.index.hours, snapshot.decimals
    found: list[tuple[float, Source, str | None, str, float] | None] = []
    payloads: list[bytes] = []
    errors: dict[int, ItemError] = {}
    fallbacks: dict[int, str] = {}
    for item, slot in enumerate(slots):
        asked = None if items.at is None else items.at[item]
        at = now if asked is None else asked
        place = snapshot.in_effect(at)
        row = slot if hours == 1 else slot * hours + snapshot.clock.hour(at)
        minor, why = snapshot.minor.item(place, row), snapshot.why.item(place, row)
        if why != _PLAN:
            _tell(snapshot, items, item, place, why, at, errors, fallbacks)
        if minor < 0:
            found.append(None)
            continue
        code, option, chance = 0 if why == _PLAN else 2, -1, 1.0
        laws = snapshot.laws[place] if place < len(snapshot.plans) else None
        if laws is not None and laws.law.item(row) >= 0:
            option, drawn, chance = laws.draw_one(laws.law.item(row), rng)
            code, minor = code if drawn == minor else 1, drawn
        token, payload = signer.sign_one(
            code=code, plan=snapshot.pairs[place], offer=snapshot.index.digest.item(row), option=option, minor=minor,
            propensity=chance, at=now, decimals=decimals,
        )  # fmt: skip
        payloads.append(payload)
        plan = snapshot.plans[place] if place < len(snapshot.plans) else None
        found.append((minor / 10**decimals, PRICE_SOURCES[code], plan, token, chance))
    columns: list[list[Any]] = [[None if one is None else one[column] for one in found] for column in range(5)]
    words = np.frombuffer(b"".join(payloads), dtype="<u8").reshape(-1, WORDS)
    return _answers(columns, errors, fallbacks, words)


def _answers(
    columns: Sequence[list[Any]], errors: dict[int, ItemError], fallbacks: dict[int, str], words: NDArray[np.uint64]
) -> Answers:
    price, source, plan, token, chance = columns
    return Answers(
        price=price, source=source, plan=plan, decision_id=token, propensity=chance,
        errors=errors, fallbacks=fallbacks, words=words,
    )  # fmt: skip


def _tell(
    snapshot: PriceSnapshot,
    items: QuoteItems,
    item: int,
    place: int,
    why: int,
    at: int,
    errors: dict[int, ItemError],
    fallbacks: dict[int, str],
) -> None:
    """Note why an item has no answer, or not the plan's price."""
    if why >= _NO_PRICE:
        columns = (items.sku, items.region, items.segment, items.channel)
        labels = [str(column[item]) for column in columns if column and column[item]]
        one = Why(why)
        errors[item] = ItemError(code=one.code, message=f"{' / '.join(labels)}: {_ERRORS[one]}")
        return
    if why == _NO_PLAN and place == len(snapshot.plans):
        why = snapshot.silent(at)
    fallbacks[item] = _CODES[why]


_CODES = {int(why): why.code for why in Why}


# -- many -------------------------------------------------------------------------------------------------------


def _many(
    snapshot: PriceSnapshot,
    items: QuoteItems,
    slot: NDArray[np.int64],
    now: int,
    rng: np.random.Generator,
    signer: Signer,
) -> Answers:
    place, row = _when(snapshot, items, slot, now)
    minor, why = snapshot.minor[place, row], snapshot.why[place, row]
    code = (why != _PLAN) * np.uint64(2)
    option, propensity = np.full(len(slot), -1), np.ones(len(slot))
    if snapshot.explores:
        _explore(snapshot, place, row, rng, (minor, code, option, propensity))
    good = minor >= 0
    full = bool(good.all())
    kept: Kept = slice(None) if full else good
    plans = place[kept] if isinstance(place, np.ndarray) else np.full(len(slot), place)[kept]
    signed = signer.sign(
        Drafts(
            code=code[kept], plan=snapshot.words[plans], offer=snapshot.index.digest[row[kept]], option=option[kept],
            minor=minor[kept], propensity=propensity[kept], at=now, decimals=snapshot.decimals,
        )
    )  # fmt: skip
    names = np.array([*snapshot.plans, None], dtype=object)
    columns: list[list[Any]] = [
        (minor[kept] / 10**snapshot.decimals).tolist(),
        _SOURCE[code[kept].view(np.int64)].tolist(),
        names[plans].tolist(),
        signed.tokens,
        propensity[kept].tolist(),
    ]
    if not full:
        columns = [_scattered(column, good) for column in columns]
    errors: dict[int, ItemError] = {}
    fallbacks: dict[int, str] = {}
    for item in np.flatnonzero(why).tolist():
        here = int(place[item]) if isinstance(place, np.ndarray) else place
        asked = None if items.at is None else items.at[item]
        at = now if asked is None else asked
        _tell(snapshot, items, item, here, int(why[item]), at, errors, fallbacks)
    return _answers(columns, errors, fallbacks, signed.words)


def _when(
    snapshot: PriceSnapshot, items: QuoteItems, slot: NDArray[np.int64], now: int
) -> tuple[Places, NDArray[np.int64]]:
    """Return the place of the plan in effect (one for all items where none names a time) and the row of each item."""
    hours = snapshot.index.hours
    if items.at is None or all(at is None for at in items.at):
        return snapshot.in_effect(now), slot if hours == 1 else slot * hours + snapshot.clock.hour(now)
    at = np.array([now if one is None else one for one in items.at], dtype=np.int64)
    place = np.full(len(at), len(snapshot.plans), dtype=np.int64)
    for one, (start, end) in enumerate(snapshot.spans):
        place[(start <= at) & (at < end)] = one
    return place, slot if hours == 1 else slot * hours + snapshot.clock.hours(at)


def _explore(
    snapshot: PriceSnapshot,
    place: Places,
    row: NDArray[np.int64],
    rng: np.random.Generator,
    into: tuple[NDArray[np.int64], NDArray[np.uint64], NDArray[np.int64], NDArray[np.float64]],
) -> None:
    """Draw the prices of items whose offer has a law, and write them into price, code, option and propensity."""
    minor, code, option, propensity = into
    law = np.full(len(row), -1, dtype=np.int32)
    for one, laws in enumerate(snapshot.laws):
        if laws is not None:
            law = np.where(place == one, laws.law[row], law)
    some = np.flatnonzero(law >= 0)
    mark = rng.random(len(some))  # one per item in their order, whatever its plan: the same as one by one
    where = place[some] if isinstance(place, np.ndarray) else np.full(len(some), place)
    for one, laws in enumerate(snapshot.laws):
        mine = where == one
        if laws is None or not mine.any():
            continue
        rows = some[mine]
        drawn, price, chance = laws.draw(law[rows], mark[mine])
        code[rows] = np.where(price == minor[rows], code[rows], 1)
        minor[rows], option[rows], propensity[rows] = price, drawn, chance


def _scattered(column: list[Any], good: NDArray[np.bool_]) -> list[Any]:
    """Return a column of the items without error as one of all items."""
    values = iter(column)
    return [next(values) if one else None for one in good.tolist()]
