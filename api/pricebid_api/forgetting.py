"""One customer's rows taken out of a shop's tables; runs in a process of its own, since a table may be large."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from pricebid import store
from pricebid_api.tries import Tries
from pricebid_api.uploads import PERSONAL, without_customer

if TYPE_CHECKING:
    from pathlib import Path

    from pricebid.store import Seen, Store

_TRIES = 5


def forget_customer_in(where: str | Path, shop: str, customer: str, by: str) -> dict[str, int]:
    """Erase a customer's rows from the tables that name persons, older versions of them included.

    A table that holds nobody else is dropped: no rule across tables needs one that names persons.

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
    Erased
        The shop was erased meanwhile, and the customer with it.
    Changed
        Tables were loaded anew again and again meanwhile.
    """
    db = store.open_store(where, migrate=False)
    try:
        begun = store.see_shop(db, shop)
        if not begun.made:
            raise store.NotFound(f"there is no shop {shop!r}")
        return {name: _forget(db, begun, name, customer, by) for name in sorted(begun.tables) if name in PERSONAL}
    finally:
        db.close()


def _forget(db: Store, begun: Seen, name: str, customer: str, by: str) -> int:
    shop = begun.shop
    tries = Tries(_TRIES)
    while True:
        seen = store.see_shop(db, shop, since=begun)
        version = seen.tables.get(name)
        if version is None:  # dropped meanwhile
            return 0
        try:
            data = store.table_bytes(db, shop, name, version)
            secret = store.secret(db, "pseudonyms", shop=shop, seen=seen)
            left, rows, gone = without_customer(name, data, customer, secret)
            if left is None:
                store.drop_table(db, shop, name, by=by, over=version, seen=seen)
            else:
                digest = hashlib.sha256(left).hexdigest()
                store.put_table(
                    db,
                    shop,
                    name,
                    left,
                    rows=rows,
                    digest=digest,
                    by=by,
                    drop_versions=True,
                    over=version,
                    seen=seen,
                )
        except (store.Changed, store.NotFound) as error:
            # Loaded anew meanwhile: those rows must not be lost, and may name the customer too.
            tries.again(error)
        else:
            return gone
