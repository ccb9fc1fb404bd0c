"""A table on its way into a shop or out of it: checked beside the others, and stored only while these are as they were."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from pricebid import store
from pricebid.errors import TableError
from pricebid_api import uploads
from pricebid_api.campaigns import CAMPAIGNS, lost_limits
from pricebid_api.deps import in_thread
from pricebid_api.errors import faulty
from pricebid_api.shops import settings_of
from pricebid_api.tries import Tries

if TYPE_CHECKING:
    from pathlib import Path

    from pricebid.store import Seen, Store
    from pricebid_api.state import Service

_TRIES = 3  # checks of one table: another one where what it stands beside was changed during the one before
_SECONDS = 600.0


async def load(
    service: Service, shop: str, table: str, file: Path, kind: uploads.Kind, *, begun: Seen, by: str
) -> tuple[store.TableInfo, uploads.Checked]:
    """Check a table that was received, and store it.

    Parameters
    ----------
    service : Service
        This worker's.
    shop, table : str
        Which.
    file : Path
        What was sent, on disk.
    kind : {"csv", "csv.gz", "parquet", "json"}
        What it is said to be.
    begun : Seen
        The shop as it was seen before anything was received.
    by : str
        Who, for the audit log.

    Raises
    ------
    TableError
        With every fault.
    Erased
        The shop was erased meanwhile.
    Changed
        Other tables were loaded during every check.
    """
    tries = Tries(_TRIES)
    while True:
        seen = await in_thread(store.see_shop, service.db, shop, since=begun)
        try:
            checked = await _checked(service, seen, table, file, kind)
            info = await service.writer.run(
                store.put_table,
                service.db,
                shop,
                table,
                checked.data,
                rows=checked.rows,
                digest=checked.digest,
                by=by,
                seen=seen,
            )
        except store.Changed as error:
            tries.again(error)
        else:
            if table == CAMPAIGNS:
                lost = await in_thread(lost_limits, service.db, shop, info.version)
                checked = replace(checked, warnings=(*checked.warnings, *lost))
            return info, checked


async def drop(service: Service, shop: str, table: str, *, by: str) -> None:
    """Drop a table of a shop, where the others hold without it.

    Raises
    ------
    NotFound
        There is no such shop, or no such table in it.
    Problem
        409: the other tables need it; with what would be wrong with them.
    InForce
        A plan in force needs it.
    Erased, Changed
        As `load`.
    """
    begun = await in_thread(store.see_shop, service.db, shop)
    if begun.made and table not in begun.tables:
        raise store.NotFound(f"there is no table {table!r} in shop {shop!r}")
    tries = Tries(_TRIES)
    while True:
        seen = await in_thread(store.see_shop, service.db, shop, since=begun)
        try:
            others = await in_thread(_others, service.db, seen, table)
            if others:
                settings = settings_of(json.loads(seen.settings))
                await service.tables.run(_SECONDS, uploads.check_without, others, settings)
            await service.writer.run(store.drop_table, service.db, shop, table, by=by, seen=seen)
        except TableError as error:
            raise faulty(error, 409, "table_needed") from None
        except store.Changed as error:
            tries.again(error)
        else:
            return


async def _checked(service: Service, seen: Seen, table: str, file: Path, kind: uploads.Kind) -> uploads.Checked:
    def held() -> tuple[dict[str, bytes], bytes]:
        personal = table in uploads.PERSONAL
        secret = store.secret(service.db, "pseudonyms", shop=seen.shop, seen=seen) if personal else b""
        return _others(service.db, seen, table), secret

    others, secret = await in_thread(held)
    limits = uploads.Ceilings(unpacked=service.settings.max_unpacked_bytes, rows=service.settings.max_rows)
    return await service.tables.run(
        _SECONDS,
        uploads.check_table,
        table,
        file,
        kind,
        others=others,
        settings=settings_of(json.loads(seen.settings)),
        ceilings=limits,
        secret=secret,
    )


def _others(db: Store, seen: Seen, table: str) -> dict[str, bytes]:
    try:
        return {
            name: store.table_bytes(db, seen.shop, name, version)
            for name, version in seen.tables.items()
            if name != table
        }
    except store.NotFound as error:  # loaded twice, or dropped, since it was seen
        raise store.Changed(f"{error} any more; try again") from None
