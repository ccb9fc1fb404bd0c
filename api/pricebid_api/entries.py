"""What the quote log keeps of one request: labels, and the signed words of each decision, from which tokens come back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from pricebid.live.tokens import WORDS, decoded

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from pricebid.live.tokens import Signer

_VERSION = 1


@dataclass(frozen=True, slots=True)
class Entry:
    """One request's record.

    Parameters
    ----------
    kind : {"price", "bid"}
        What was asked for.
    columns : tuple of str
        Names of the labels.
    labels : tuple of sequences
        One sequence per name, one entry per item.
    words : uint64[answered, 7]
        What the tokens of the answered items say, in their order.
    errors : mapping of int to str
        Code of each item that has an error.
    """

    kind: str
    columns: tuple[str, ...]
    labels: tuple[Sequence[str | None], ...]
    words: NDArray[np.uint64] = field(repr=False)
    errors: Mapping[int, str]


def encode(entry: Entry) -> bytes:
    """Give an entry as bytes."""
    words = np.ascontiguousarray(entry.words, dtype="<u8").tobytes()
    return msgspec.msgpack.encode([_VERSION, entry.columns, entry.labels, words, dict(entry.errors)])


def decode(data: bytes, signer: Signer) -> list[dict[str, Any]]:
    """Give the items of an entry, with the tokens that were handed out; None where the key that signed is not kept any more."""
    _, columns, labels, raw, errors = msgspec.msgpack.decode(data, strict=False)
    words = np.frombuffer(raw, dtype="<u8").reshape(-1, WORDS)
    said = zip(words.tolist(), words[:, 6].copy().view("<f8").tolist(), _tokens(words, signer), strict=True)
    items = []
    for at, row in enumerate(zip(*labels, strict=True)):
        item: dict[str, Any] = {name: label for name, label in zip(columns, row, strict=True) if label is not None}
        if at in errors:
            items.append(item | {"error": errors[at]})
            continue
        (*six, _), chance, token = next(said)
        decision = decoded(token or "", tuple(six), chance)
        items.append(
            item
            | {
                "amount": decision.amount,
                "source": decision.source,
                "plan": decision.plan,
                "propensity": decision.propensity,
                "decision_id": token,
            }
        )
    return items


def _tokens(words: NDArray[np.uint64], signer: Signer) -> list[str] | list[None]:
    used = {*(words[:, 1] >> np.uint64(8) & np.uint64(255)).tolist()}
    return signer.seal(words) if used <= signer.keys.keys() else [None] * len(words)


def words_of(data: bytes) -> NDArray[np.uint64]:
    """Give the words of an entry's decisions alone, uint64[answered, 7]."""
    return np.frombuffer(msgspec.msgpack.decode(data, strict=False)[3], dtype="<u8").reshape(-1, WORDS)
