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

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pricebid.store import Store

NOW, BEFORE = "PRICEBID_SECRET", "PRICEBID_SECRET_BEFORE"
_MOST_SIGNERS = 10_000  # names that no shop has get one too, if a key of all shops asks for them
_GOOD = re.compile(r"[^\s,]{32,}")  # a comma would end it in the list of those before
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
    """

    keys: Mapping[int, bytes] = field(repr=False)
    current: int | None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Secrets:
        """Read ``PRICEBID_SECRET`` and ``PRICEBID_SECRET_BEFORE`` (newest first).

        Raises
        ------
        InputError
            One is too short, is given twice, or has the number of another. Never names a secret.
        """
        env = os.environ if environment is None else environment
        given = env.get(NOW) or None
        before = [one.strip() for one in env.get(BEFORE, "").split(",") if one.strip()]
        _check(given, before)
        named = [*([given] if given else []), *before]
        keys = [hashlib.sha256(one.encode()).digest() for one in named]
        numbers = [_number(key) for key in keys]
        if len(set(numbers)) < len(numbers):
            raise InputError(
                f"{NOW} and {BEFORE}: two secrets happen to have the same key number, as one pair in 254 has; "
                "make another new one"
            )
        found = dict(zip(numbers, keys, strict=True))
        if keys:
            found[_UNNUMBERED] = keys[-1]
        return cls(keys=found, current=numbers[0] if given else None)


def _check(given: str | None, before: list[str]) -> None:
    named = [*([(NOW, given)] if given else []), *((BEFORE, one) for one in before)]
    for name, one in named:
        if _GOOD.fullmatch(one) is None:
            raise InputError(
                f"{name}: a secret is at least 32 characters without commas and spaces; make one: openssl rand -hex 32"
            )
    if len({one for _, one in named}) < len(named):
        raise InputError(f"{NOW} and {BEFORE}: a secret is named twice; a rotation needs a new one")


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
        return Signer(shop=shop, keys=keys, current=current)

    return signer
