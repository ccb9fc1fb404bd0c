"""Pages of a list: a cursor names the row after which the next page begins, so that new rows shift nothing."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from pricebid.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

T = TypeVar("T")
MAX_LIMIT = 1000
_LONGEST = 4096  # a cursor; JSON that nests without end breaks its reader


@dataclass(frozen=True, kw_only=True)
class Page(Generic[T]):
    """Part of a list.

    Parameters
    ----------
    items : tuple
        In the list's order.
    cursor : str, optional
        Asks for the page after this one; None at the end of the list.
    """

    items: tuple[T, ...]
    cursor: str | None


def page_of(found: Sequence[T], limit: int, place: Callable[[T], tuple[str | int, ...]]) -> Page[T]:
    """Cut what was found to one page.

    Parameters
    ----------
    found : sequence
        Up to ``limit + 1`` rows: one more than asked tells that there is another page.
    limit : int
        Rows of a page.
    place : callable
        What the list is sorted by, of one row.

    Returns
    -------
    Page
        With the cursor of its last row where there is more.
    """
    items = tuple(found[:limit])
    more = len(found) > limit
    return Page(items=items, cursor=_encode(place(items[-1])) if more else None)


def checked_limit(limit: int) -> int:
    """Give the limit back.

    Raises
    ------
    InputError
        It is not between 1 and 1000.
    """
    if not 1 <= limit <= MAX_LIMIT:
        raise InputError(f"limit is {limit}: ask for 1 to {MAX_LIMIT} rows a page, and follow the cursor for more")
    return limit


def place_of(cursor: str, *kinds: type[str | int]) -> tuple[str | int, ...]:
    """Read a cursor.

    Parameters
    ----------
    cursor : str
        As a page gave it.
    *kinds : type
        Of each part of the place.

    Raises
    ------
    InputError
        It is none of this list's cursors.
    """
    try:
        parts = json.loads(base64.urlsafe_b64decode(cursor.encode("ascii"))) if len(cursor) <= _LONGEST else None
    except (binascii.Error, ValueError):
        parts = None
    if not isinstance(parts, list) or [type(part) for part in parts] != list(kinds) or not all(map(_storable, parts)):
        raise InputError(f"{cursor[:80]!r} is no cursor of this list: use one exactly as a page of it gave it")
    return tuple(parts)


def _storable(part: str | int) -> bool:
    """Tell whether a database could have held it: numbers of 64 bits, text without NUL or half a character."""
    if isinstance(part, int):
        return abs(part) < 2**63
    return "\0" not in part and not any("\ud800" <= letter <= "\udfff" for letter in part)


def _encode(place: tuple[str | int, ...]) -> str:
    return base64.urlsafe_b64encode(json.dumps(place, separators=(",", ":")).encode()).decode("ascii")
