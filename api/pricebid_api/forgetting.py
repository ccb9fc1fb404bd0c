"""One customer's rows taken out of a shop's tables; runs in a process of its own, since a table may be large."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from pricebid import store
from pricebid_api.shops import get_shop
from pricebid_api.uploads import PERSONAL, without_customer

if TYPE_CHECKING:
    from pathlib import Path

    from pricebid.store import Store

_TRIES = 5


def forget_customer_in(where: str | Path, shop: str, customer: str, by: str) -> dict[str, int]:
    """Erase a customer's rows from the tables that name persons, older versions of them included.

    Parameters
    ----------
    where : str or Path
        The store.
    shop : str
        Which.
    customer : str
        The id as it stood in the tables that were loaded; it is written nowhere.
    by : str
        Who, for the audit log.

    Returns
    -------
    dict of str to int
        Rows erased, by table.

    Raises
    ------
    NotFound
        There is no such shop.
    StepError
        A table holds this customer alone; nothing was erased from it.
    Busy
        A table was loaded anew again and again meanwhile.
    """
    db = store.open_store(where, migrate=False)
    try:
        get_shop(db, shop)
        names = [one.name for one in store.get_tables(db, shop) if one.name in PERSONAL]
        return {name: _forget(db, shop, name, customer, by) for name in names}
    finally:
        db.close()


def _forget(db: Store, shop: str, name: str, customer: str, by: str) -> int:
    secret = store.secret(db, "pseudonyms", shop=shop)
    for left_tries in reversed(range(_TRIES)):
        info = next(one for one in store.get_tables(db, shop) if one.name == name)
        data = store.table_bytes(db, shop, name, info.version)
        left, gone = without_customer(name, data, customer, secret)
        if left is None:
            raise store.StepError(
                f"table {name} holds this customer alone: load another one in its place, or erase the shop"
            )
        digest = hashlib.sha256(left).hexdigest()
        try:
            store.put_table(
                db, shop, name, left, rows=info.rows - gone, digest=digest, by=by, drop_versions=True, over=info.version
            )
        except store.Busy:  # loaded anew meanwhile: those rows must not be lost, and may name the customer too
            if not left_tries:
                raise
        else:
            return gone
    raise AssertionError  # pragma: no cover - the last try returns or raises
