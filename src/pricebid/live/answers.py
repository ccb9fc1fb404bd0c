"""What is asked of the prices of a snapshot, and what is answered."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pricebid.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray


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

    Raises
    ------
    InputError
        Columns differ in length.
    """

    sku: Sequence[str]
    region: Sequence[str]
    segment: Sequence[str | None] | None = None
    channel: Sequence[str | None] | None = None
    at: Sequence[int | None] | None = None

    def __post_init__(self) -> None:
        count = len(self.sku)
        for name in ("region", "segment", "channel", "at"):
            column = getattr(self, name)
            if column is not None and len(column) != count:
                raise InputError(
                    f"{count} items have {len(column)} entries of {name}; give one per item, None where it has none"
                )

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
