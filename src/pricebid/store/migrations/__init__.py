"""Bringing a database to the tables that this version of pricebid reads and writes."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text

from pricebid.store.errors import Busy, SchemaError, Unavailable
from pricebid.store.schema import HEAD

if TYPE_CHECKING:
    from collections.abc import Iterator

    from alembic.config import Config

    from pricebid.store.connect import Store

_HERE = Path(__file__).parent
_VERSION_TABLE = "pricebid_schema"
# Any number that nobody else uses as an advisory lock of the same database.
_LOCK = 7_221_406_519
_PATIENCE_SECONDS = 60.0


def revision(db: Store) -> str | None:
    """Give the revision of a database; none where the tables of pricebid are not in it."""
    with db.read() as conn:
        return _revision(conn)


def ensure(db: Store, *, migrate: bool) -> None:
    """Upgrade a database to the newest revision, or make sure that it is there.

    Parameters
    ----------
    db : Store
        Just opened.
    migrate : bool
        Whether it may be changed.

    Raises
    ------
    SchemaError
        It is newer, or older and may not be changed.
    """
    if db.dialect == "sqlite":
        _write_ahead(db)
    found = revision(db)
    if found == HEAD:
        return
    if found is not None and found not in known():
        raise SchemaError(
            f"the database is at revision {found}, which this pricebid (up to {HEAD}) does not know: "
            "it was made by a newer version; upgrade pricebid"
        )
    if not migrate:
        raise SchemaError(
            f"the database is at revision {found or 'none'}, this pricebid needs {HEAD}: open it once with migrations on"
        )
    upgrade(db)


def known() -> tuple[str, ...]:
    """All revisions that this version can upgrade from, oldest first."""
    from alembic.script import ScriptDirectory

    script = ScriptDirectory.from_config(_config())
    return tuple(step.revision for step in reversed(list(script.walk_revisions())))


def upgrade(db: Store, to: str = "head") -> None:
    """Upgrade, in one transaction: all of it happens or nothing.

    Parameters
    ----------
    db : Store
        Open, perhaps in other processes too: they wait.
    to : str
        Revision, the newest unless given.

    Raises
    ------
    SchemaError
        The database is newer.
    """
    from alembic import command

    with _alone(db) as conn:
        found = _revision(conn)
        if found is not None and found not in known():
            raise SchemaError(f"the database is at revision {found}: it was made by a newer version; upgrade pricebid")
        command.upgrade(_config(conn), to)


def downgrade(db: Store, to: str) -> None:
    """Go back to an older revision, in one transaction. What only the newer tables can hold is lost: back up first.

    Parameters
    ----------
    db : Store
        Open here and in no other process.
    to : str
        Revision, or ``"base"`` for a database without pricebid's tables.
    """
    from alembic import command

    with _alone(db) as conn:
        command.downgrade(_config(conn), to)


def _revision(conn: Connection) -> str | None:
    if not inspect(conn).has_table(_VERSION_TABLE):
        return None
    found = conn.execute(text(f"SELECT version_num FROM {_VERSION_TABLE}")).scalar()  # noqa: S608 - a constant
    return None if found is None else str(found)


def _config(conn: Connection | None = None) -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_HERE).replace("%", "%%"))
    config.attributes["connection"] = conn
    config.attributes["version_table"] = _VERSION_TABLE
    return config


@contextmanager
def _alone(db: Store) -> Iterator[Connection]:
    """Give a transaction that no other process migrates beside: SQLite has one writer, PostgreSQL a lock for it."""
    with db.write() as conn:
        if db.dialect == "postgresql":
            conn.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        yield conn


def _write_ahead(db: Store) -> None:
    """Turn on SQLite's write-ahead log; it stays on in the file.

    SQLite does not wait for others here, whatever the timeout, so that processes which open a new folder at once
    would fail.
    """
    end = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            with closing(db.engine.raw_connection()) as connection:
                cursor = connection.cursor()
                if cursor.execute("PRAGMA journal_mode").fetchone() == ("wal",):
                    return
                if cursor.execute("PRAGMA journal_mode = WAL").fetchone() == ("wal",):
                    return
        except sqlite3.DatabaseError as error:
            if "locked" not in str(error) and "busy" not in str(error):
                raise Unavailable(
                    f"{db.url} cannot be opened: {error}; if it is damaged, restore it from a backup"
                ) from error
        if time.monotonic() > end:
            raise Busy("others kept the new database locked: try again")
        time.sleep(0.02)
