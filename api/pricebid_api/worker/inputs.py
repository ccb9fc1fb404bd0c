"""The tables that a job works on: chosen once, when it first runs, so that whoever takes it over reads the same."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from pricebid import store
from pricebid.errors import Fault, InputError, TableError
from pricebid.tables.settings import Settings
from pricebid_api.shops import digest_of, get_shop, settings_of
from pricebid_api.worker.sales import Fed

if TYPE_CHECKING:
    from typing import Self

    from pricebid.store import Store
    from pricebid.tables import Shop

# A model is made of these; other tables may change without it being fitted anew.
_OF_MODEL = ("sales", "catalog", "offers", "regions", "calendar")


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """Versions and digests of a shop's tables, and its settings.

    Parameters
    ----------
    shop : str
        Whose.
    versions, digests : dict of str to int, dict of str to str
        By table.
    settings : Settings
        Currency, decimals, time zone, what an absent row means.
    fed : Fed
        What feedback adds to the sales.
    """

    shop: str
    versions: dict[str, int]
    digests: dict[str, str]
    settings: Settings
    fed: Fed = field(default_factory=Fed)

    @classmethod
    def now(cls, db: Store, shop: str) -> Self:
        """Choose the tables in use.

        Raises
        ------
        NotFound
            There is no such shop.
        TableError
            It has no tables, or its settings are out of range.
        """
        settings = settings_of(get_shop(db, shop).settings)
        held = store.get_tables(db, shop)
        if not held:
            raise TableError([Fault(table="sales", message=f"shop {shop} has no tables yet; PUT them first")])
        return cls(
            shop=shop,
            versions={one.name: one.version for one in held},
            digests={one.name: one.digest for one in held},
            settings=settings,
        )

    @property
    def digest(self) -> str:
        """One digest for all of it."""
        return digest_of(self.digests, self.settings)

    @property
    def model_digest(self) -> str:
        """One digest for what a demand model is fitted to."""
        made_of = {name: one for name, one in self.digests.items() if name in _OF_MODEL}
        if self.fed.rows:
            made_of["feedback"] = hashlib.sha256(self.fed.data).hexdigest()
        return digest_of(made_of, self.settings)

    def read(self, db: Store) -> Shop:
        """Read and check the shop.

        Raises
        ------
        InputError
            A table has been replaced twice, or dropped, since the job began, so that the version it began with is gone.
        TableError
            The tables contradict each other.
        """
        from pricebid.tables import Shop
        from pricebid_api.uploads import table_of

        tables = []
        for name, version in self.versions.items():
            if name == "sales" and self.fed.rows:
                tables.append(table_of(name, self.fed.data))
                continue
            try:
                tables.append(table_of(name, store.table_bytes(db, self.shop, name, version)))
            except store.NotFound:
                raise InputError(
                    f"table {name} has been loaded twice or dropped since the job began, and the rows it began with are gone; "
                    "ask for the job again"
                ) from None
        return Shop(tables=tuple(tables), settings=self.settings)

    def to_bytes(self) -> bytes:
        """Return it as a checkpoint."""
        content: dict[str, Any] = asdict(replace(self, fed=replace(self.fed, data=b"")))
        del content["fed"]["data"]
        return json.dumps(content, sort_keys=True).encode() + b"\n" + self.fed.data

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read it back."""
        head, _, rows = data.partition(b"\n")
        kept = json.loads(head)
        fed = Fed(**kept.get("fed", {}), data=rows)
        return cls(**(kept | {"settings": Settings(**kept["settings"]), "fed": fed}))
