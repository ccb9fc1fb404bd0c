"""API keys: random, shown once, kept only as their SHA-256.

A key of 256 random bits cannot be guessed, so its plain SHA-256 is enough: salts and slow hashes are for passwords
that people make up.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, select, update

from pricebid.store.audit import append
from pricebid.store.connect import now
from pricebid.store.errors import NotFound
from pricebid.store.schema import api_keys
from pricebid.tables.identify import new_id

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Row

    from pricebid.store.connect import Store

_PREFIX = "pbk_"


@dataclass(frozen=True, kw_only=True)
class KeyInfo:
    """What is known of a key.

    Parameters
    ----------
    id : str
        Names it in lists and when it is revoked.
    digest : str
        SHA-256 of the key, hexadecimal.
    shop : str, optional
        The only shop it opens; None: all.
    scopes : tuple of str
        What it allows.
    name : str
        Whose it is, in words.
    by : str
        Who made it.
    created_at : int
        Microseconds since 1970, UTC.
    revoked_at : int, optional
        When it ended; None while it is in force.
    """

    id: str
    digest: str
    shop: str | None
    scopes: tuple[str, ...]
    name: str
    by: str
    created_at: int
    revoked_at: int | None


def create_key(db: Store, *, shop: str | None, scopes: Iterable[str], name: str, by: str) -> tuple[str, KeyInfo]:
    """Make a key.

    Parameters
    ----------
    db : Store
        Open.
    shop : str, optional
        The only shop that it opens, which need not be there yet; None: all.
    scopes : iterable of str
        What it allows.
    name : str
        Whose it is.
    by : str
        Who makes it, for the audit log.

    Returns
    -------
    plain : str
        The key; it cannot be had again.
    info : KeyInfo
        What is kept.
    """
    plain = _PREFIX + secrets.token_urlsafe(32)
    allowed = tuple(sorted(set(scopes)))
    info = KeyInfo(
        id=new_id(),
        digest=key_digest(plain),
        shop=shop,
        scopes=allowed,
        name=name,
        by=by,
        created_at=now(),
        revoked_at=None,
    )
    with db.write() as conn:
        conn.execute(insert(api_keys).values(**(vars(info) | {"scopes": json.dumps(allowed)})))
        detail = {"name": name, "scopes": allowed}
        append(conn, shop=shop or "", who=by, what="key.made", subject=info.id, detail=detail)
    return plain, info


def key_digest(plain: str) -> str:
    """Give the SHA-256 of a key, hexadecimal."""
    return hashlib.sha256(plain.encode("utf8", "surrogatepass")).hexdigest()


def find_key(db: Store, plain: str) -> KeyInfo | None:
    """Give what is known of a key; None where it is unknown or revoked."""
    return find_key_digest(db, key_digest(plain))


def find_key_digest(db: Store, digest: str) -> KeyInfo | None:
    """Give what is known of a key by its SHA-256; None where it is unknown or revoked.

    The database compares digests, not keys: how far two digests agree tells nothing about a key that has the one
    looked for. The comparison that decides takes the same time whatever is found.
    """
    query = select(api_keys).where(api_keys.c.digest == digest, api_keys.c.revoked_at.is_(None))
    with db.read() as conn:
        row = conn.execute(query).one_or_none()
    found = "" if row is None else row.digest
    return _key(row) if hmac.compare_digest(found.encode(), digest.encode()) and row is not None else None


def revoke_key(db: Store, key_id: str, *, by: str, shop: str | None = None) -> KeyInfo:
    """End a key; once ended it stays so.

    Parameters
    ----------
    db : Store
        Open.
    key_id : str
        Its ``id``.
    by : str
        Who, for the audit log.
    shop : str, optional
        Only if it is a key of this shop.

    Returns
    -------
    KeyInfo
        As it now is.

    Raises
    ------
    NotFound
        There is no such key (of this shop).
    """
    with db.write() as conn:
        row = conn.execute(select(api_keys).where(api_keys.c.id == key_id).with_for_update()).one_or_none()
        if row is None or (shop is not None and row.shop != shop):
            raise NotFound(f"there is no key {key_id!r}" + (f" of shop {shop!r}" if shop is not None else ""))
        info = _key(row)
        if info.revoked_at is not None:
            return info
        moment = now()
        conn.execute(update(api_keys).where(api_keys.c.id == key_id).values(revoked_at=moment))
        append(conn, shop=info.shop or "", who=by, what="key.revoked", subject=key_id, detail={"name": info.name})
    return KeyInfo(**(vars(info) | {"revoked_at": moment}))


def list_keys(db: Store, *, shop: str | None = None) -> tuple[KeyInfo, ...]:
    """List keys, revoked ones too, oldest first.

    Parameters
    ----------
    db : Store
        Open.
    shop : str, optional
        Only the keys of this shop; None: all keys of the installation.
    """
    query = select(api_keys).order_by(api_keys.c.created_at, api_keys.c.id)
    if shop is not None:
        query = query.where(api_keys.c.shop == shop)
    with db.read() as conn:
        return tuple(_key(row) for row in conn.execute(query))


def keys_in_force(db: Store) -> tuple[KeyInfo, ...]:
    """List the keys of all shops that are not revoked: what a worker keeps in memory and asks for anew."""
    with db.read() as conn:
        return tuple(_key(row) for row in conn.execute(select(api_keys).where(api_keys.c.revoked_at.is_(None))))


def any_key(db: Store) -> bool:
    """Tell whether a key was ever made, be it revoked."""
    with db.read() as conn:
        return conn.execute(select(api_keys.c.id).limit(1)).scalar() is not None


def _key(row: Row[Any]) -> KeyInfo:
    values = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name
    return KeyInfo(**(values | {"scopes": tuple(json.loads(values["scopes"]))}))
