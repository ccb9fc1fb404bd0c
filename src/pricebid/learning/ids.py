"""Feedback that comes twice counts once: a bounded memory of the latest outcome ids."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from pricebid.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pricebid.learning.protocol import Outcome

Array = TypeVar("Array", bound="NDArray[Any]")
WINDOW = 4_096  # ids remembered: 32 kB a state; feedback is repeated within minutes, not after thousands of others
FEW = 32  # up to so many ids, looking for each is faster than sorting all


@dataclass(frozen=True, kw_only=True, eq=False)
class SeenIds:
    """The latest ids, as a ring of 64-bit digests.

    Parameters
    ----------
    digests : int64[window]
        Of the ids seen last; 0 where there is none yet.
    count : int
        Ids seen since the start: the next one is written at ``count % window``.
    """

    digests: NDArray[np.int64]
    count: int = 0

    @classmethod
    def none(cls, window: int = WINDOW) -> SeenIds:
        """Give the memory before any feedback."""
        return cls(digests=frozen(np.zeros(window, dtype=np.int64)))


def frozen(array: Array) -> Array:
    """Give the array, no longer writeable."""
    array.flags.writeable = False
    return array


def fresh(seen: SeenIds, outcomes: Sequence[Outcome]) -> tuple[SeenIds, list[Outcome]]:
    """Leave out feedback whose id is among the latest ones, or stands twice in this batch.

    Parameters
    ----------
    seen : SeenIds
        Before these outcomes.
    outcomes : sequence of Outcome
        Those without an id always count.

    Returns
    -------
    SeenIds
        After these outcomes.
    list of Outcome
        Those that are new, in the order given.

    Raises
    ------
    InputError
        An id that is no text.

    Notes
    -----
    Two different ids have the same 64-bit digest with probability 5e-20, so that a memory of 4,096 takes new feedback
    for old once in 5e15 times.

    Examples
    --------
    >>> from pricebid.learning.protocol import Outcome
    >>> seen, new = fresh(SeenIds.none(), [Outcome(option=0, units=1.0, id="a"), Outcome(option=0, units=1.0, id="a")])
    >>> len(new), len(fresh(seen, [Outcome(option=0, units=1.0, id="a")])[1])
    (1, 0)
    """
    told: list[object] = [outcome.id for outcome in outcomes]  # a caller without a type checker may give anything
    odd = [one for one in told if not isinstance(one, str | None)]
    if odd:
        raise InputError(f"outcomes: id is {odd[0]!r}: give text, the same for the same feedback")
    named = [_digest(outcome.id) for outcome in outcomes if outcome.id is not None]
    if not named:
        return seen, list(outcomes)
    if len(named) <= FEW:
        known = {digest for digest in named if (seen.digests == digest).any()}
    else:
        known = set(np.asarray(named)[np.isin(named, seen.digests)].tolist())
    new: list[Outcome] = []
    added: list[int] = []
    digests = iter(named)
    for outcome in outcomes:
        if outcome.id is not None:
            digest = next(digests)
            if digest in known:
                continue
            known.add(digest)
            added.append(digest)
        new.append(outcome)
    ring = seen.digests.copy()
    window = len(ring)
    latest = added[-window:]
    ring[(seen.count + len(added) - len(latest) + np.arange(len(latest))) % window] = latest
    return SeenIds(digests=frozen(ring), count=seen.count + len(added)), new


def _digest(name: str) -> int:
    # Never 0, which stands for no id.
    return int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), "little", signed=True) or 1
