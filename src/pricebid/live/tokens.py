"""Decision tokens: what was decided, signed, so that feedback can be credited even if the log row was lost.

A token is 96 URL-safe characters: seven little-endian 64-bit words and a keyed BLAKE2b of 128 bits (RFC 7693), in base64url
(RFC 4648). It is signed, not sealed: whoever holds it can read it.

====  ==========================================================================
word  bits, high to low
====  ==========================================================================
0     48 time (milliseconds since 1970), 16 option + 1 (0: none)
1     44 price or bid (minor units), 4 version, 8 key, 4 source, 4 decimals
2     32 serial (random), 32 hint at the shop
3, 4  UUID of the plan (0: none)
5     digest of the offer or keyword
6     propensity, float64
====  ==========================================================================
"""

from __future__ import annotations

import binascii
import hashlib
import hmac
import os
import struct
import uuid
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from pricebid.errors import InputError
from pricebid.live.errors import ExpiredToken, ForeignToken, ForgedToken, TokenError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

Source = Literal["plan", "exploration", "current", "paced", "paused"]
PRICE_SOURCES: tuple[Source, ...] = ("plan", "exploration", "current")
# What each code says: kind and source. A code, once given, stays: tokens live for weeks.
CODES: tuple[tuple[Literal["price", "bid"], Source], ...] = (
    ("price", "plan"),
    ("price", "exploration"),
    ("price", "current"),
    ("bid", "plan"),
    ("bid", "paced"),
    ("bid", "current"),
    ("bid", "paused"),
)
VERSION = 1
WORDS, MAC, LENGTH = 7, 16, 96
PAYLOAD = 8 * WORDS
MOST_MINOR = 2**44 - 1  # highest price or bid, minor units
MOST_OPTION = 2**16 - 2
_TO_URL, _FROM_URL = bytes.maketrans(b"+/", b"-_"), bytes.maketrans(b"-_", b"+/")
_UNPACK, _PACK = struct.Struct("<6Qd").unpack, struct.Struct("<6Qd").pack
_EARLY = 60_000_000  # microseconds by which clocks of two hosts may differ


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """What a token says.

    Parameters
    ----------
    id : str
        The token.
    kind : {"price", "bid"}
        What was given out.
    source : str
        Where it came from: ``plan``, ``exploration``, ``current``, ``paced``, ``paused``.
    plan : str, optional
        Id of the plan; None where no plan was in effect.
    offer : int
        64-bit digest of the offer's or keyword's labels; snapshots find its row.
    option : int
        Option of the law it was drawn from; -1 where nothing was explored.
    minor, decimals : int
        Price or bid in minor units, and how many decimals these are.
    propensity : float
        Probability with which this was given out.
    at : int
        When, microseconds since 1970, to the millisecond.
    serial : int
        32 random bits.
    """

    id: str
    kind: Literal["price", "bid"]
    source: Source
    plan: str | None
    offer: int
    option: int
    minor: int
    decimals: int
    propensity: float
    at: int
    serial: int

    @property
    def amount(self) -> float:
        """Price or bid, money."""
        return float(self.minor / 10**self.decimals)


@dataclass(frozen=True, kw_only=True, eq=False)
class Drafts:
    """Decisions to be signed, one row each.

    Parameters
    ----------
    code : uint64[decision]
        Place in `CODES`.
    plan : uint64[decision, 2]
        Words of the plan's id (`plan_words`); 0 where none.
    offer : uint64[decision]
        Digests.
    option : int64[decision]
        Options; -1 where none.
    minor : int64[decision]
        Prices or bids, minor units, 0 to 2**44 - 1.
    propensity : float64[decision]
        Probabilities.
    at : int
        Instant, microseconds.
    decimals : int
        Decimals of the minor unit.
    """

    code: NDArray[np.uint64]
    plan: NDArray[np.uint64]
    offer: NDArray[np.uint64]
    option: NDArray[np.int64]
    minor: NDArray[np.int64]
    propensity: NDArray[np.float64]
    at: int
    decimals: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Signed:
    """Signed decisions.

    Parameters
    ----------
    tokens : list of str
        One per decision.
    words : uint64[decision, 7]
        What the tokens say, for the log.
    """

    tokens: list[str]
    words: NDArray[np.uint64]


def plan_words(plan: str | None) -> tuple[int, int]:
    """Return a plan's UUID as two words; (0, 0) for none.

    Raises
    ------
    InputError
        The id is no UUID.
    """
    if plan is None:
        return 0, 0
    try:
        return struct.unpack("<2Q", uuid.UUID(plan).bytes)
    except ValueError:
        raise InputError(f"plan id {plan!r} is no UUID; give the id of plan.json") from None


@dataclass(frozen=True, kw_only=True)
class Signer:
    """Signs decisions of one shop and verifies their tokens.

    Parameters
    ----------
    shop : str
        The shop; its tokens are refused by every other shop.
    keys : mapping of int to bytes
        Secrets by key id, 0 to 255, each of at least 16 bytes. Old ones are kept for as long as feedback may come.
    current : int
        The key that signs.
    spare : sequence of (int, bytes)
        Further secrets of key ids among ``keys`` or of others: tried where the signature is not that of the first.

    Raises
    ------
    InputError
        A key id is out of range, a secret too short, or the current key is not there.

    Examples
    --------
    >>> signer = Signer(shop="north", keys={1: bytes(32)}, current=1)
    >>> one = np.ones(1, dtype=np.int64)
    >>> drafts = Drafts(code=np.zeros(1, dtype=np.uint64), plan=np.zeros((1, 2), dtype=np.uint64), offer=one.astype(np.uint64),
    ...     option=-one, minor=1299 * one, propensity=np.ones(1), at=1_700_000_000_000_000, decimals=2)
    >>> token = signer.sign(drafts).tokens[0]
    >>> len(token), signer.verify(token).amount
    (96, 12.99)
    """

    shop: str
    keys: Mapping[int, bytes] = field(repr=False)
    current: int
    spare: Sequence[tuple[int, bytes]] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        bad = [number for number, _ in (*self.keys.items(), *self.spare) if not 0 <= number <= 255]
        if bad:
            raise InputError(f"key ids {bad} of the token secrets: each must be from 0 to 255")
        short = [number for number, secret in (*self.keys.items(), *self.spare) if len(secret) < 16]
        if short:
            raise InputError(
                f"token secrets of key ids {short} are shorter than 16 bytes; make them of 32 random bytes"
            )
        if self.current not in self.keys:
            raise InputError(f"current token key {self.current} is not among the key ids {sorted(self.keys)}")

    @cached_property
    def _hashers(self) -> dict[int, Any]:
        """Keyed hash of each key id, ready to be copied: a third faster than keying anew for every token.

        The shop is part of the key, so that a token is never valid elsewhere, whatever its hint says.
        """
        return {number: self._hasher(secret) for number, secret in self.keys.items()}

    @cached_property
    def _verifiers(self) -> dict[int, list[Any]]:
        found = {number: [hasher] for number, hasher in self._hashers.items()}
        for number, secret in self.spare:
            found.setdefault(number, []).append(self._hasher(secret))
        return found

    def _hasher(self, secret: bytes) -> Any:  # noqa: ANN401 - hashlib's type has no public name
        key = hashlib.blake2b(self.shop.encode(), key=secret[:64], digest_size=32, person=b"pricebid token").digest()
        return hashlib.blake2b(key=key, digest_size=MAC)

    @cached_property
    def _hint(self) -> int:
        return int.from_bytes(hashlib.blake2b(self.shop.encode(), digest_size=4).digest(), "little")

    @cached_property
    def _pool(self) -> list[tuple[int, Iterator[tuple[int]]]]:
        """Random serials kept in stock, and the process that they are of."""
        return [(0, iter(()))]

    def _serial(self) -> int:
        """Return 32 random bits, by the thousand from the system: each call of it would let other threads go first."""
        process, stock = self._pool[0]
        found = next(stock, None) if process == os.getpid() else None  # a forked process must not have its parent's
        if found is None:
            stock = struct.iter_unpack("<I", os.urandom(4096))
            found = next(stock)
            self._pool[0] = (os.getpid(), stock)
        return found[0]

    def sign(self, drafts: Drafts) -> Signed:
        """Sign decisions, all of them in one go."""
        count = len(drafts.minor)
        words = np.empty((count, WORDS), dtype="<u8")
        words[:, 0] = (drafts.option + ((drafts.at // 1_000 << 16) + 1)).view(np.uint64)
        words[:, 1] = (drafts.minor << 20).view(np.uint64)
        words[:, 1] |= drafts.code << np.uint64(4)
        words[:, 1] |= np.uint64(VERSION << 16 | self.current << 8 | drafts.decimals)
        words[:, 2] = np.frombuffer(os.urandom(4 * count), dtype="<u4")
        words[:, 2] <<= np.uint64(32)
        words[:, 2] |= np.uint64(self._hint)
        words[:, 3:5] = drafts.plan
        words[:, 5] = drafts.offer
        words[:, 6] = drafts.propensity.view(np.uint64)
        return Signed(tokens=self.seal(words), words=words)

    def sign_one(
        self,
        *,
        code: int,
        plan: tuple[int, int],
        offer: int,
        option: int,
        minor: int,
        propensity: float,
        at: int,
        decimals: int,
    ) -> tuple[str, bytes]:
        """Sign one decision as `sign` does, without arrays; return its token and its payload."""
        payload = _PACK(
            (at // 1_000 << 16) + option + 1,
            minor << 20 | VERSION << 16 | self.current << 8 | code << 4 | decimals,
            self._serial() << 32 | self._hint,
            *plan,
            offer,
            propensity,
        )
        mac = self._hashers[self.current].copy()
        mac.update(payload)
        return binascii.b2a_base64(payload + mac.digest(), newline=False).translate(_TO_URL).decode(), payload

    def seal(self, words: NDArray[np.uint64]) -> list[str]:
        """Return the tokens of words, uint64[decision, 7], that this signer made (as the log holds them).

        Signing is deterministic: words give back the very tokens that were handed out, as long as their keys are kept.
        """
        raw = np.ascontiguousarray(words, dtype="<u8").tobytes()
        hashers = self._hashers
        number = (words[:, 1] >> np.uint64(8) & np.uint64(255)).tolist()
        parts: list[bytes] = []
        for at, key in zip(range(0, len(raw), PAYLOAD), number, strict=True):
            payload = raw[at : at + PAYLOAD]
            mac = hashers[key].copy()
            mac.update(payload)
            parts += (payload, mac.digest())
        text = binascii.b2a_base64(b"".join(parts), newline=False).translate(_TO_URL).decode()
        return [text[at : at + LENGTH] for at in range(0, len(text), LENGTH)]

    def verify(self, token: str, *, now: int | None = None, max_age: int | None = None) -> Decision:
        """Return what a token says, after checking that it is ours.

        Parameters
        ----------
        token : str
            As it was handed out.
        now : int, optional
            Instant, microseconds; without it age is not checked.
        max_age : int, optional
            Microseconds for which a token is good.

        Raises
        ------
        ForgedToken, ForeignToken, ExpiredToken
            It is not ours, another shop's, or too old.
        """
        raw = _raw(token)
        payload = raw[:PAYLOAD]
        first, second, third, *plan, offer, propensity = _UNPACK(payload)
        if third & 0xFFFFFFFF != self._hint:
            raise ForeignToken(f"decision id {token[:12]}...: made for another shop than {self.shop!r}")
        hashers = self._verifiers.get(second >> 8 & 0xFF)
        if hashers is None:
            raise ForgedToken(
                f"decision id {token[:12]}...: its key is not kept (any more); keep old keys while feedback may come"
            )
        if not any(_fits(hasher, payload, raw[PAYLOAD:]) for hasher in hashers):
            raise ForgedToken(
                f"decision id {token[:12]}...: its signature is wrong; give decision_id exactly as the quote gave it"
            )
        at = (first >> 16) * 1_000
        if now is not None:
            _check_age(token, at, now, max_age)
        return decoded(token, (first, second, third, *plan, offer), propensity)

    def verify_many(
        self, tokens: Sequence[str], *, now: int | None = None, max_age: int | None = None
    ) -> list[Decision | TokenError]:
        """Return what each token says, or what is wrong with it; see `verify`."""
        found: list[Decision | TokenError] = []
        for token in tokens:
            try:
                found.append(self.verify(token, now=now, max_age=max_age))
            except TokenError as error:
                found.append(error)
        return found


def _fits(hasher: Any, payload: bytes, given: bytes) -> bool:  # noqa: ANN401 - same
    mac = hasher.copy()
    mac.update(payload)
    return hmac.compare_digest(mac.digest(), given)


def decoded(token: str, words: tuple[int, ...], propensity: float) -> Decision:
    """Return what words 0 to 5 and the propensity of a token say."""
    first, second, third, high, low, offer = words
    kind, source = CODES[second >> 4 & 0xF]
    plan = str(uuid.UUID(bytes=struct.pack("<2Q", high, low))) if high or low else None
    return Decision(
        id=token, kind=kind, source=source, plan=plan, offer=offer, option=(first & 0xFFFF) - 1, minor=second >> 20,
        decimals=second & 0xF, propensity=propensity, at=(first >> 16) * 1_000, serial=third >> 32,
    )  # fmt: skip


def _raw(token: str) -> bytes:
    # One spelling per token: "+" and "/" are the other alphabet's, and 96 characters need no padding.
    if len(token) == LENGTH and token.isascii() and not ("+" in token or "/" in token):
        try:
            return binascii.a2b_base64(token.encode().translate(_FROM_URL), strict_mode=True)
        except binascii.Error:
            pass
    raise ForgedToken(
        f"decision id {token[:12]!r}...: not {LENGTH} URL-safe characters; give decision_id exactly as the quote gave it"
    )


def _check_age(token: str, at: int, now: int, max_age: int | None) -> None:
    if at > now + _EARLY:
        raise ExpiredToken(f"decision id {token[:12]}...: made {(at - now) / 1e6:,.0f} s in the future; set the clocks")
    if max_age is not None and now - at > max_age:
        raise ExpiredToken(
            f"decision id {token[:12]}...: {(now - at) / 1e6:,.0f} s old, and feedback is taken for {max_age / 1e6:,.0f} s"
        )
