"""The bid to place now: planned bid x multipliers x pacing, within limits, and paid for before it is given out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from pricebid.errors import InputError
from pricebid.live.answers import ItemError
from pricebid.live.bids import AMBIGUOUS, DECIMALS, MICRO
from pricebid.live.budgets import WHOLE_SHOP, Hold
from pricebid.live.tokens import CODES, Drafts, Source

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from pricebid.live.bids import BidSnapshot
    from pricebid.live.budgets import BudgetBook
    from pricebid.live.pace import Pace
    from pricebid.live.tokens import Signer

_CODE: dict[Source, int] = {source: at for at, (kind, source) in enumerate(CODES) if kind == "bid"}
_SOURCES = np.array([source for _, source in CODES], dtype=object)
_COLUMNS = ("campaign", "match_type", "sku", "region", "segment", "device", "at", "quantity")


@dataclass(frozen=True, kw_only=True, slots=True)
class BidItems:
    """What bids are asked for, one entry per item in each column.

    Parameters
    ----------
    keyword, campaign : sequence of str
        Labels.
    match_type, sku : sequence of str or None, optional
        Needed where campaign and keyword have several bids.
    region, segment, device : sequence of str or None, optional
        Where multipliers depend on them.
    at : sequence of int or None, optional
        Instant at which the bid is used, microseconds since 1970; None: now.
    quantity : sequence of int, optional
        Clicks that the bid may bring at most; 1 where not given. So many times the bid is set aside.

    Raises
    ------
    InputError
        Columns differ in length, or a quantity is below 1.
    """

    keyword: Sequence[str]
    campaign: Sequence[str]
    match_type: Sequence[str | None] | None = None
    sku: Sequence[str | None] | None = None
    region: Sequence[str | None] | None = None
    segment: Sequence[str | None] | None = None
    device: Sequence[str | None] | None = None
    at: Sequence[int | None] | None = None
    quantity: Sequence[int] | None = None

    def __post_init__(self) -> None:
        count = len(self.keyword)
        for name in _COLUMNS:
            column = getattr(self, name)
            if column is not None and len(column) != count:
                raise InputError(
                    f"{count} keywords have {len(column)} entries of {name}; give one per item, None where it has none"
                )
        if self.quantity is not None and min(self.quantity, default=1) < 1:
            raise InputError(f"quantity {min(self.quantity)}: a bid is for at least 1 click")

    def __len__(self) -> int:
        return len(self.keyword)


@dataclass(frozen=True, kw_only=True, slots=True)
class BidAnswers:
    """What is bid, one entry per item in each list; None in all of them where the item has an error.

    Parameters
    ----------
    bid : list of float or None
        Money per click; 0: do not bid.
    source : list of str or None
        ``plan``, ``paced``, ``current`` (the plan gives no bid) or ``paused`` (no money left).
    decision_id : list of str or None
        Signed tokens.
    propensity : list of float or None
        1: bids are not drawn.
    plan : str
        Id of the plan.
    reasons : dict of int to str
        By item, why a bid is 0 or not the plan's: ``campaign_budget``, ``shop_budget``, ``paused_in_plan``, ``not_in_plan``.
    errors : dict of int to ItemError
        By item, those that have one.
    valid : int
        Microseconds for which the bids may be used.
    words : uint64[answered, 7]
        What the tokens say, for the log: items without error in their order.
    """

    bid: list[float | None]
    source: list[str | None]
    decision_id: list[str | None]
    propensity: list[float | None]
    plan: str
    reasons: dict[int, str]
    errors: dict[int, ItemError]
    valid: int
    words: NDArray[np.uint64] = field(repr=False)


def quote_bids(
    snapshot: BidSnapshot,
    items: BidItems,
    *,
    now: int,
    signer: Signer,
    budgets: BudgetBook,
    paces: Mapping[str, Pace] | None = None,
) -> BidAnswers:
    """Answer what to bid for each item now.

    Parameters
    ----------
    snapshot : BidSnapshot
        What is published.
    items : BidItems
        What is asked for.
    now : int
        Instant, microseconds since 1970.
    signer : Signer
        Of the same shop.
    budgets : BudgetBook
        The worker's slices of the day's budgets.
    paces : mapping of campaign to Pace, optional
        Pacing by campaign; "" paces the whole shop. Where both do, the lower bid counts.

    Raises
    ------
    InputError
        The signer is another shop's.
    """
    if signer.shop != snapshot.shop:
        raise InputError(
            f"bids of shop {snapshot.shop!r} cannot be signed for {signer.shop!r}; give that shop's signer"
        )
    rows, errors = _rows(snapshot, items)
    item = [at for at in range(len(rows)) if at not in errors]
    row = np.array([rows[at] for at in item], dtype=np.int64)
    asked = items.at or [None] * len(rows)
    at = [now if (when := asked[one]) is None else when for one in item]
    planned = _planned(snapshot, items, item, row, at)
    campaign = snapshot.campaign[row]
    micros = snapshot.allowed(planned, campaign)
    from_plan = snapshot.from_plan[row]
    code = np.where(from_plan, _CODE["plan"], _CODE["current"])
    if paces:
        before, micros = micros, snapshot.allowed(_paced(snapshot, planned, campaign, at, paces), campaign)
        code[micros != before] = _CODE["paced"]
    reasons = {item[one]: "not_in_plan" for one in np.flatnonzero(~from_plan).tolist()}
    reasons |= {item[one]: "paused_in_plan" for one in np.flatnonzero(planned <= 0).tolist()}
    holds = _reserve(snapshot, items, item, (campaign, micros, at), budgets, now)
    for one, hold in holds.items():
        if isinstance(hold, str):
            micros[one], code[one] = 0, _CODE["paused"]
            reasons[item[one]] = hold
    count = len(item)
    signed = signer.sign(
        Drafts(
            code=code.astype(np.uint64), plan=snapshot.words,
            offer=snapshot.digest[row], option=np.full(count, -1), minor=micros, propensity=np.ones(count), at=now,
            decimals=DECIMALS,
        )
    )  # fmt: skip
    entered = {one: hold for one, hold in holds.items() if isinstance(hold, Hold)}
    budgets.enter(list(entered.values()), [signed.tokens[one] for one in entered])
    columns: list[list[Any]] = [(micros / MICRO).tolist(), _SOURCES[code].tolist(), signed.tokens, [1.0] * count]
    if errors:
        columns = [_scattered(column, item, len(rows)) for column in columns]
    bids, source, tokens, chance = columns
    return BidAnswers(
        bid=bids, source=source, decision_id=tokens, propensity=chance, plan=snapshot.plan, reasons=reasons, errors=errors,
        valid=budgets.settings.valid, words=signed.words,
    )  # fmt: skip


def _rows(snapshot: BidSnapshot, items: BidItems) -> tuple[list[int], dict[int, ItemError]]:
    """Return the row of each item, and errors of those that have none."""
    errors: dict[int, ItemError] = {}
    if items.match_type is None and items.sku is None:
        found = [snapshot.short.get(pair, -1) for pair in zip(items.campaign, items.keyword, strict=True)]
    else:
        none = [None] * len(items)
        labels = zip(items.campaign, items.keyword, items.match_type or none, items.sku or none, strict=True)
        found = [
            snapshot.rows.get((campaign, keyword, match or "", sku or ""), -1)
            if match or sku
            else snapshot.short.get((campaign, keyword), -1)
            for campaign, keyword, match, sku in labels
        ]
    for at, row in enumerate(found):
        if row >= 0:
            continue
        said = f"keyword {items.keyword[at]!r} of campaign {items.campaign[at]!r}"
        if row == AMBIGUOUS:
            errors[at] = ItemError(
                code="ambiguous_keyword", message=f"{said} has several bids; give match_type (and sku) too"
            )
        else:
            errors[at] = ItemError(
                code="unknown_keyword", message=f"{said} is not in the plan; give labels as in its table bids"
            )
    return found, errors


def _planned(
    snapshot: BidSnapshot, items: BidItems, item: list[int], row: NDArray[np.int64], at: Sequence[int]
) -> NDArray[np.float64]:
    if items.at is None:
        hour: NDArray[np.int64] | int = snapshot.clock.hour(at[0]) if at else 0
    else:
        hour = snapshot.clock.hours(np.array(at, dtype=np.int64))
    values = {}
    for name in snapshot.adjustments:
        column = getattr(items, name, None)
        if column is not None:
            values[name] = [column[one] for one in item]
    return snapshot.planned(row, hour, values)


def _paced(
    snapshot: BidSnapshot,
    planned: NDArray[np.float64],
    campaign: NDArray[np.int64],
    at: Sequence[int],
    paces: Mapping[str, Pace],
) -> NDArray[np.float64]:
    """Return planned bids as paced by campaign and by the whole shop: the lower counts."""
    if not len(planned):
        return planned
    bid, gone = planned.copy(), snapshot.clock.gone(min(at))
    asked = [(name, np.flatnonzero(campaign == one)) for one, name in enumerate(snapshot.campaigns) if name in paces]
    paced = np.full(len(planned), np.inf)
    for name, mine in asked:
        if name != WHOLE_SHOP and len(mine):
            paced[mine] = paces[name].bids(planned[mine], gone=gone)
    if WHOLE_SHOP in paces:
        paced = np.minimum(paced, paces[WHOLE_SHOP].bids(planned, gone=gone))
    return np.where(np.isfinite(paced), paced, bid)


def _reserve(
    snapshot: BidSnapshot,
    items: BidItems,
    item: list[int],
    asked: tuple[NDArray[np.int64], NDArray[np.int64], Sequence[int]],
    budgets: BudgetBook,
    now: int,
) -> dict[int, Hold | str]:
    """Set aside what each bid above 0 can cost; returns holds, or what has no money left, by place among the bids."""
    campaign, micros, at = asked
    some = np.flatnonzero(micros).tolist()
    clicks = [1] * len(some) if items.quantity is None else [items.quantity[item[one]] for one in some]
    amounts = [int(micros[one]) * count for one, count in zip(some, clicks, strict=True)]
    names = [snapshot.campaigns[one] for one in campaign[some].tolist()]
    return dict(zip(some, budgets.reserve(names, amounts, [at[one] for one in some], now), strict=True))


def _scattered(column: list[Any], item: list[int], count: int) -> list[Any]:
    whole: list[Any] = [None] * count
    for at, value in zip(item, column, strict=True):
        whole[at] = value
    return whole
