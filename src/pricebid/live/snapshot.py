"""The published prices of a shop as they lie in memory: immutable, swapped whole."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import IntEnum
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from pricebid.errors import InputError
from pricebid.live.clock import Clock
from pricebid.live.exploration import make_laws
from pricebid.live.keys import OfferIndex
from pricebid.live.tokens import MOST_MINOR, plan_words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pricebid.live.exploration import Exploration, Laws
    from pricebid.live.prices import PlanPrices, ShopPrices
    from pricebid.tables import Settings

_ROUNDING = 1e-6  # of a minor unit: what decimal fractions of money may be off as floats


class Why(IntEnum):
    """Why a row is quoted as it is; from `NO_PRICE` on it cannot be."""

    PLAN = 0
    NO_PLAN = 1
    NOT_STARTED = 2
    ENDED = 3
    NOT_IN_PLAN = 4
    PLAN_BELOW_FLOOR = 5
    PLAN_ABOVE_CEILING = 6
    NO_PRICE = 7
    BELOW_FLOOR = 8
    UNKNOWN_OFFER = 9
    ALL_BELOW_FLOOR = 10  # the plan's price too: another sentence, the same code

    @property
    def code(self) -> str:
        """The name that answers carry, such as ``below_floor``."""
        return (Why.BELOW_FLOOR if self is Why.ALL_BELOW_FLOOR else self).name.lower()


@dataclass(frozen=True, kw_only=True, eq=False)
class PriceSnapshot:
    """What one shop quotes until the next publish.

    Rows are those of ``index``: offers (by local hour, where prices depend on it) and, last, those of no offer.

    Parameters
    ----------
    shop : str
        The shop.
    currency : str
        Of all money.
    decimals : int
        Decimals of the minor unit.
    clock : Clock
        The shop's local time.
    index : OfferIndex
        Rows by labels.
    plans : tuple of str
        Ids of the plans, the last published last.
    start, end : int64[plan]
        When each is in effect, microseconds.
    minor : int64[plan + 1, row]
        Price to quote under each plan, floors and ceilings checked; its last row is for times without a plan. -1: none.
    why : uint8[plan + 1, row]
        `Why` of each of them.
    floor, current : int64[row]
        Least price and current price, minor units; -1 where there is no current price.
    laws : tuple of Laws or None
        Exploration under each plan.
    serial : int
        Of the publish that it shows.
    """

    shop: str
    currency: str
    decimals: int
    clock: Clock
    index: OfferIndex = field(repr=False)
    plans: tuple[str, ...]
    start: NDArray[np.int64] = field(repr=False)
    end: NDArray[np.int64] = field(repr=False)
    minor: NDArray[np.int64] = field(repr=False)
    why: NDArray[np.uint8] = field(repr=False)
    floor: NDArray[np.int64] = field(repr=False)
    current: NDArray[np.int64] = field(repr=False)
    laws: tuple[Laws | None, ...] = field(repr=False)
    serial: int = 0

    def __len__(self) -> int:
        """Return how many offers (by hour) can be asked for."""
        return len(self.index.sku) * self.index.hours

    @cached_property
    def words(self) -> NDArray[np.uint64]:
        """Words of each plan's id in tokens, uint64[plan + 1, 2]; the last row is for no plan."""
        return np.array(self.pairs, dtype=np.uint64)

    @cached_property
    def spans(self) -> tuple[tuple[int, int], ...]:
        """When each plan is in effect, as plain numbers."""
        return tuple(zip(self.start.tolist(), self.end.tolist(), strict=True))

    @cached_property
    def explores(self) -> bool:
        """Whether any plan has laws."""
        return any(laws is not None for laws in self.laws)

    @cached_property
    def pairs(self) -> tuple[tuple[int, int], ...]:
        """`words` as plain numbers."""
        return tuple(plan_words(plan) for plan in (*self.plans, None))

    def in_effect(self, at: int) -> int:
        """Return the place of the last published plan that is in effect at an instant; the place after the last for none."""
        place = len(self.spans)
        for start, end in reversed(self.spans):
            place -= 1
            if start <= at < end:
                return place
        return len(self.spans)

    def silent(self, at: int) -> Why:
        """Return why no plan is in effect at an instant."""
        if not self.plans:
            return Why.NO_PLAN
        return Why.NOT_STARTED if at < self.start[-1] else Why.ENDED

    def weighted(self, plan: str, probability: NDArray[np.float64]) -> PriceSnapshot:
        """Return the snapshot that explores around a plan with other probabilities, float64[offer, option]; cheap.

        The offers and prices are those of the plan's `Exploration`. Without laws of that plan the snapshot is returned as it is.
        """
        laws = tuple(
            found.weighted(probability) if one == plan and found is not None else found
            for one, found in zip(self.plans, self.laws, strict=True)
        )
        return replace(self, laws=laws)

    @property
    def nbytes(self) -> int:
        """Bytes of the arrays; dictionaries and labels come on top."""
        arrays: list[NDArray[Any]] = [
            self.minor,
            self.why,
            self.floor,
            self.current,
            self.index.digest,
            self.index.group,
        ]
        for laws in self.laws:
            arrays += [] if laws is None else [laws.law, laws.minor, laws.probability, laws.given, laws.allowed]
        return sum(array.nbytes for array in arrays)


def build_prices(
    shop: str,
    settings: Settings,
    *,
    now: ShopPrices,
    plans: Sequence[PlanPrices] = (),
    exploration: Sequence[Exploration] = (),
    serial: int = 0,
    previous: PriceSnapshot | None = None,
) -> PriceSnapshot:
    """Build a snapshot, off the hot path: seconds for a million offers.

    Parameters
    ----------
    shop : str
        The shop.
    settings : Settings
        Currency, decimals, time zone.
    now : ShopPrices
        Current prices and floors.
    plans : sequence of PlanPrices
        Those that may be in effect now or later, the last published last: it goes before the others where both are in effect.
    exploration : sequence of Exploration
        At most one per plan.
    serial : int
        Of the publish.
    previous : PriceSnapshot, optional
        What is quoted now: where its offers are the same, its index is used on, which spares most of the time and memory.

    Raises
    ------
    InputError
        A price is above what a decision token can hold.
    """
    axes = (now.keys, *(plan.keys for plan in plans))
    index = _kept(previous, axes) or OfferIndex.build(*axes)
    index.digest  # noqa: B018 - made here, not by the first request
    scale = 10**settings.decimals
    slot = index.slots_of(now.keys)
    floor = index.spread(now.keys, _minor(np.where(now.fixed, np.nan, now.floor), scale, "up", 0), 0, slot)
    ceiling = index.spread(now.keys, _minor(now.ceiling, scale, "down", MOST_MINOR), MOST_MINOR, slot)
    current = index.spread(now.keys, _minor(now.current, scale, "near", -1), -1, slot)
    minor = np.empty((len(plans) + 1, index.rows), dtype=np.int64)
    why = np.empty(minor.shape, dtype=np.uint8)
    for place, plan in enumerate(plans):
        planned = index.spread(plan.keys, _minor(plan.price, scale, "near", -1), -1)
        minor[place], why[place] = _checked(planned, current, floor, ceiling)
    minor[-1], why[-1] = _checked(np.full(index.rows, -1), current, floor, ceiling)
    why[-1, why[-1] == Why.NOT_IN_PLAN] = Why.NO_PLAN
    why[:, -index.hours :] = Why.UNKNOWN_OFFER
    fixed = index.spread(now.keys, now.fixed, False, slot)
    by_plan = {laws.plan: laws for laws in exploration}
    laws = [_laws(index, by_plan.get(plan.id), scale, fixed, floor, ceiling) for plan in plans]
    for array in (minor, why, floor, current):
        array.flags.writeable = False
    return PriceSnapshot(
        shop=shop, currency=settings.currency, decimals=settings.decimals, clock=Clock(settings.timezone), index=index,
        plans=tuple(plan.id for plan in plans),
        start=np.array([plan.start for plan in plans], dtype=np.int64), end=np.array([plan.end for plan in plans], dtype=np.int64),
        minor=minor, why=why, floor=floor, current=current, laws=tuple(laws), serial=serial,
    )  # fmt: skip


def _kept(previous: PriceSnapshot | None, axes: Sequence[object]) -> OfferIndex | None:
    """Return the index of the snapshot before where it knows exactly the offers of all axes."""
    if previous is None:
        return None
    index, known = previous.index, np.zeros(len(previous.index.sku) + 1, dtype=bool)
    for keys in axes:
        if (keys.hour is not None) > (index.hours > 1):  # type: ignore[attr-defined]
            return None
        slots = index.slots_of(keys)  # type: ignore[arg-type]
        if (slots < 0).any():
            return None
        known[slots] = True
    return index if known[:-1].all() else None


def _minor(money: NDArray[np.float64], scale: int, to: Literal["up", "down", "near"], empty: int) -> NDArray[np.int64]:
    """Return money as whole minor units: floors rounded up, ceilings down, prices to the nearest; ``empty`` for NaN."""
    units = money * scale
    if to == "near":
        most = np.nanmax(units, initial=0.0)
        if most > MOST_MINOR:
            raise InputError(f"price {most / scale:,.2f}: at most {MOST_MINOR / scale:,.2f} fits into a decision token")
        units = np.rint(units)
    else:
        units = np.ceil(units - _ROUNDING) if to == "up" else np.floor(units + _ROUNDING)
    return np.where(np.isnan(units), empty, np.clip(np.nan_to_num(units), 0, MOST_MINOR)).astype(np.int64)


def _checked(
    planned: NDArray[np.int64], current: NDArray[np.int64], floor: NDArray[np.int64], ceiling: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """Return what is quoted and why: the plan's price, else the current one, else nothing; nothing lies below its floor."""
    in_plan = planned > 0
    low = in_plan & (planned < floor)
    # The current price may stay above a ceiling, as in plans: only a move to above it is refused.
    high = in_plan & (planned > ceiling) & (planned != current)
    good = in_plan & ~low & ~high
    why = np.full(len(planned), Why.NOT_IN_PLAN, dtype=np.uint8)
    why[low], why[high], why[good] = Why.PLAN_BELOW_FLOOR, Why.PLAN_ABOVE_CEILING, Why.PLAN
    why[~good & (current <= 0)] = Why.NO_PRICE
    under = ~good & (current > 0) & (current < floor)
    why[under], why[under & low] = Why.BELOW_FLOOR, Why.ALL_BELOW_FLOOR
    return np.where(why < Why.NO_PRICE, np.where(good, planned, current), -1), why


def _laws(
    index: OfferIndex,
    exploration: Exploration | None,
    scale: int,
    fixed: NDArray[np.bool_],
    floor: NDArray[np.int64],
    ceiling: NDArray[np.int64],
) -> Laws | None:
    if exploration is None:
        return None
    law = index.spread(exploration.keys, np.arange(len(exploration.keys), dtype=np.int32), -1)
    if index.hours > 1 and exploration.keys.hour is None:
        raise InputError(
            "prices of this shop depend on the hour, and so must its exploration: give its keys an hour column"
        )
    law[fixed] = -1
    minor = _minor(exploration.price, scale, "near", -1)
    return make_laws(law, minor, exploration.probability, floor=floor, ceiling=ceiling)
