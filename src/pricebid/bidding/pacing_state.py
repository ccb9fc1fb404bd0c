"""What a pacer remembers: a frozen value that can be stored as JSON and replayed."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from pricebid.bidding.pacing_curve import Wins
from pricebid.bidding.pacing_scale import Scale
from pricebid.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

Part = TypeVar("Part")
_PARTS = {"wins": Wins, "scale": Scale}


@dataclass(frozen=True, kw_only=True, eq=False)
class PacerState:
    """Where the pacing of a budget stands.

    Parameters
    ----------
    seen, solved : int
        Auctions so far, and when the multiplier was last set.
    spent, value : float
        Money paid and value obtained so far.
    expected : float
        Value expected of what was won so far.
    multiplier : float
        Bid per unit of expected value, elapsed time aside; NaN until a scale is known.
    level : float
        Mean bid that a batch is held to until the scale of values and costs is known, money; NaN from then on.
    remaining : float64[point]
        Logs of auctions that may remain, rising.
    plan : float64[point]
        Log of the multiplier that each would ask for.
    floor, base, rise : float
        Lowest log multiplier until the next solution, the one from which it may rise, and how far.
    wins : Wins
        What own wins tell of the market.
    scale : Scale
        What they tell of the values.
    """

    seen: int
    solved: int
    spent: float
    value: float
    expected: float
    multiplier: float
    level: float
    remaining: NDArray[np.float64]
    plan: NDArray[np.float64]
    floor: float
    base: float
    rise: float
    wins: Wins
    scale: Scale

    def to_dict(self) -> dict[str, object]:
        """Give plain numbers, lists and dicts, as JSON holds them; ``from_dict`` turns them back without loss."""
        return _plain(self)

    @classmethod
    def from_dict(cls, plain: Mapping[str, object]) -> PacerState:
        """Turn what ``to_dict`` gave back into a state.

        Raises
        ------
        InputError
            Where a name is missing or unknown.
        """
        return _read(cls, plain)


def _plain(state: object) -> dict[str, object]:
    # JSON knows no NaN: what is not known yet is null.
    plain: dict[str, object] = {}
    for entry in fields(state):  # type: ignore[arg-type]
        held = getattr(state, entry.name)
        if entry.name in _PARTS:
            plain[entry.name] = _plain(held)
        elif isinstance(held, np.ndarray):
            plain[entry.name] = _listed(held)
        else:
            plain[entry.name] = None if np.isnan(held) else held
    return plain


def _listed(array: NDArray[np.float64]) -> list[object]:
    held = array.astype(object)
    held[np.isnan(array)] = None
    listed: list[object] = held.tolist()
    return listed


def _read(kind: type[Part], plain: Mapping[str, object]) -> Part:
    names = {entry.name for entry in fields(kind)}  # type: ignore[arg-type]
    if set(plain) != names:
        odd = ", ".join(sorted(names.symmetric_difference(plain)))
        raise InputError(f"stored pacer state: {odd} missing or unknown; give what to_dict gave")
    held: dict[str, object] = {}
    for name, value in plain.items():
        if name in _PARTS:
            held[name] = _read(_PARTS[name], value)  # type: ignore[arg-type]
        elif isinstance(value, list):
            held[name] = np.array(value, dtype=np.float64)
        else:
            held[name] = np.nan if value is None else value
    return kind(**held)
