"""Secrets of the installation and of its shops: made once, whoever asks first, and the same for all who ask."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from sqlalchemy import select, text

from pricebid.store.connect import now
from pricebid.store.schema import secrets
from pricebid.store.tables import unless_erased

if TYPE_CHECKING:
    from pricebid.store.connect import Store
    from pricebid.store.tables import Seen

_BYTES = 32
_MAKE = text(
    "INSERT INTO secrets (shop, name, value, created_at) VALUES (:shop, :name, :value, :at) "
    "ON CONFLICT (shop, name) DO NOTHING"
)


def secret(db: Store, name: str, *, shop: str = "", seen: Seen | None = None) -> bytes:
    """Give a secret, made of 256 random bits the first time that it is asked for.

    Parameters
    ----------
    db : Store
        Open.
    name : str
        What it is for, such as ``"decision tokens"``.
    shop : str
        Whose; it goes when the shop is erased, and with it the meaning of every pseudonym that was made by it.
        Empty: the installation's.
    seen : Seen, optional
        What was seen of the shop before: where it was erased since, no new secret is made for it.

    Returns
    -------
    bytes
        32 of them; never in a log or an error.

    Raises
    ------
    Erased
        The shop was erased since it was seen, and its secret with it.
    """
    query = select(secrets.c.value).where(secrets.c.shop == shop, secrets.c.name == name)
    with db.read() as conn:
        value = conn.execute(query).scalar()
    if value is None:
        with db.write() as conn:
            if seen is not None:
                unless_erased(conn, seen)
            conn.execute(_MAKE, {"shop": shop, "name": name, "value": os.urandom(_BYTES), "at": now()})
            value = conn.execute(query).scalar_one()  # ours, or that of whoever came first
    return bytes(value)
