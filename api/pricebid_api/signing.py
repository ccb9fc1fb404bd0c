"""What decision ids are signed with: the secrets that the environment gives, those of before, and the store's own."""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

from pricebid import store
from pricebid.errors import InputError
from pricebid.live.tokens import Signer
from pricebid_api import logs

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pricebid.store import Store

NOW, BEFORE = "PRICEBID_SECRET", "PRICEBID_SECRET_BEFORE"
_MOST_SIGNERS = 10_000  # names that no shop has get one too, if a key of all shops asks for them
_GOOD = re.compile(r"[^\s,]{32,}")  # a comma would end it in the list of those before
_ENDS = ("", "\n", "\r\n")  # what a secret that came of a file once ended with, and was keyed by
_OF_STORE, _UNNUMBERED, _FIRST = 0, 1, 2  # key numbers: 1 is what any secret had before each had its own


@dataclass(frozen=True, kw_only=True)
class Secrets:
    """Keys made of what the environment gives, by the number under which tokens name them.

    A number follows from its secret alone, so a token is verified wherever its secret stands in the list.

    Parameters
    ----------
    keys : mapping of int to bytes
        By number.
    current : int, optional
        The one that signs; None: the store's own.
    spare : sequence of (int, bytes)
        Keys of the same secrets with the blanks around them, by which ids were signed before these were taken off.
    """

    keys: Mapping[int, bytes] = field(repr=False)
    current: int | None
    spare: Sequence[tuple[int, bytes]] = field(default=(), repr=False)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Secrets:
        """Read ``PRICEBID_SECRET`` and ``PRICEBID_SECRET_BEFORE`` (newest first), without the blanks around them.

        Those of before only verify, so also a weak one is taken, with a warning: ids that it signed are under way.

        Raises
        ------
        InputError
            The one that signs is too short, or one is given twice, or has the number of another. Never names a secret.
        """
        env = os.environ if environment is None else environment
        texts = [text for text in (env.get(NOW, ""), *env.get(BEFORE, "").split(",")) if text.strip()]
        given = env.get(NOW, "").strip()
        named = [text.strip() for text in texts]
        _check(given, named[1:] if given else named)
        keys = [_key(one) for one in named]
        numbers = [_number(key) for key in keys]
        if len(set(numbers)) < len(numbers):
            raise InputError(
                f"{NOW} and {BEFORE}: two secrets happen to have the same key number, as one pair in 254 has; "
                "make another new one"
            )
        found = dict(zip(numbers, keys, strict=True))
        if keys:
            found[_UNNUMBERED] = keys[-1]
        spare = [(number, key) for text in texts for key in _raw_keys(text) for number in (_number(key), _UNNUMBERED)]
        return cls(keys=found, current=numbers[0] if given else None, spare=spare)


def _check(given: str, before: list[str]) -> None:
    if given and _GOOD.fullmatch(given) is None:
        raise InputError(
            f"{NOW}: a secret is at least 32 characters without commas and spaces; make one: openssl rand -hex 32; "
            f"one that was in use goes to {BEFORE}, so that feedback under way counts"
        )
    named = [*([given] if given else []), *before]
    if len(set(named)) < len(named):
        raise InputError(f"{NOW} and {BEFORE}: a secret is named twice; a rotation needs a new one")
    weak = sum(_GOOD.fullmatch(one) is None for one in before)
    if weak:
        logs.log.warning(
            "%s: %d of its secrets are shorter than 32 characters or hold spaces; who guesses one can make ids: "
            "drop them as soon as no feedback comes for quotes that they signed",
            BEFORE,
            weak,
        )


def _key(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def _raw_keys(text: str) -> list[bytes]:
    """Give the keys that a secret had with what stood around it, as given here or as the end of a file's line."""
    plain = text.strip()
    return [_key(one) for one in dict.fromkeys((text, text.lstrip(), *(plain + end for end in _ENDS)))]


def _number(key: bytes) -> int:
    digest = hashlib.blake2b(key, digest_size=8, person=b"pricebid number").digest()  # tells nothing of the key
    return _FIRST + int.from_bytes(digest, "little") % (256 - _FIRST)


def signers(db: Store, secrets: Secrets) -> Callable[[str], Signer]:
    """Give what makes the signer of a shop.

    The store's secret stays valid for verifying, so that setting a variable later breaks no feedback on its way.

    Parameters
    ----------
    db : Store
        The store, with a secret of its own.
    secrets : Secrets
        Those that the environment gives.
    """
    keys = {**secrets.keys, _OF_STORE: store.secret(db, "decision tokens")}
    current = _OF_STORE if secrets.current is None else secrets.current

    @lru_cache(_MOST_SIGNERS)
    def signer(shop: str) -> Signer:
        return Signer(shop=shop, keys=keys, current=current, spare=secrets.spare)

    return signer
