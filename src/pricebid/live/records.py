"""The decision log's record of one request: compact bytes in, what was asked and answered out."""

from __future__ import annotations

import json
import struct
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pricebid.errors import InputError
from pricebid.live.answers import QuoteItems
from pricebid.live.tokens import WORDS, Decision

if TYPE_CHECKING:
    from pricebid.live.answers import Answers
    from pricebid.live.bid_quote import BidAnswers, BidItems
    from pricebid.live.tokens import Signer

_MAGIC = b"PBR1"
_PRICE, _BID = (
    ("sku", "region", "segment", "channel", "at"),
    ("keyword", "campaign", "match_type", "sku", "region", "segment", "device", "at"),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Logged:
    """One item of a request, as the log knows it.

    Parameters
    ----------
    asked : dict of str to str or int
        Labels and instant, those that were given.
    decision : Decision, optional
        What was answered, with its token; None where the item had an error.
    error : str, optional
        Code of the error.
    reason : str, optional
        Why not the plan's price or bid was given.
    """

    asked: dict[str, str | int]
    decision: Decision | None = None
    error: str | None = None
    reason: str | None = None


def encode_record(items: QuoteItems | BidItems, answers: Answers | BidAnswers) -> bytes:
    """Encode what one request asked and was answered; off the hot path."""
    names = _PRICE if isinstance(items, QuoteItems) else _BID
    reasons = answers.fallbacks if isinstance(items, QuoteItems) else answers.reasons  # type: ignore[union-attr]
    told = {
        "asked": {name: list(column) for name in names if (column := getattr(items, name)) is not None},
        "errors": {str(at): error.code for at, error in answers.errors.items()},
        "reasons": {str(at): reason for at, reason in reasons.items()},
    }
    head = json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()
    words = np.ascontiguousarray(answers.words, dtype="<u8").tobytes()
    return _MAGIC + zlib.compress(struct.pack("<I", len(head)) + head + words, level=1)


def decode_record(data: bytes, signer: Signer) -> list[Logged]:
    """Decode a record; tokens are signed anew, and are those that were handed out.

    Parameters
    ----------
    data : bytes
        What `encode_record` gave.
    signer : Signer
        Of the shop, with the keys of then.

    Raises
    ------
    InputError
        The bytes are something else.
    """
    try:
        if data[:4] != _MAGIC:
            raise ValueError("does not begin as a record")  # noqa: TRY301 - one message for whatever is wrong
        plain = zlib.decompress(data[4:])
        size = struct.unpack_from("<I", plain)[0]
        told = json.loads(plain[4 : 4 + size])
        words = np.frombuffer(plain[4 + size :], dtype="<u8").reshape(-1, WORDS)
        tokens = iter(signer.seal(words))
    except (ValueError, KeyError, struct.error, zlib.error) as error:
        raise InputError(
            f"record of the decision log cannot be read: {error!r}; give bytes of encode_record and the keys of then"
        ) from None
    count = len(next(iter(told["asked"].values())))
    found = []
    for at in range(count):
        asked = {name: column[at] for name, column in told["asked"].items() if column[at] is not None}
        wrong = told["errors"].get(str(at))
        decision = None if wrong else signer.verify(next(tokens))
        found.append(Logged(asked=asked, decision=decision, error=wrong, reason=told["reasons"].get(str(at))))
    return found
