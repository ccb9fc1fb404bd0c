"""Opening the store: one SQLite file in a folder, or a PostgreSQL database."""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DataError, DBAPIError, InterfaceError, InternalError, OperationalError
from sqlalchemy.exc import TimeoutError as AllConnectionsBusy

from pricebid.errors import InputError
from pricebid.store.errors import Busy, StoreError, Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.engine import URL

FILE = "pricebid.db"
WAIT_SECONDS = 30.0
"""How long a writer waits for another before it gives up as `Busy`."""

_WRITES = "pricebid_writes"
# SQLSTATEs of PostgreSQL: could not serialise, deadlock, lock not available or waited for too long.
_CONTENDED = {"40001", "40P01", "55P03"}
# A thousand pages of 4 KiB; a log longer than that is folded back into the file at the next commit.
_SQLITE_SETTINGS = (
    "PRAGMA synchronous = FULL",  # what is acknowledged is on the disk
    "PRAGMA foreign_keys = ON",
    "PRAGMA secure_delete = ON",  # what is erased is overwritten
    "PRAGMA recursive_triggers = ON",  # so that REPLACE cannot get round the triggers that refuse a DELETE
)


@dataclass(frozen=True, kw_only=True)
class Store:
    """A database that is open. Make one with `open_store`; threads may share it, processes may not.

    Parameters
    ----------
    engine : Engine
        SQLAlchemy's pool of connections.
    """

    engine: Engine

    @property
    def dialect(self) -> str:
        """``"sqlite"`` or ``"postgresql"``."""
        return self.engine.dialect.name

    @property
    def url(self) -> str:
        """Where the database is, its password left out."""
        return self.engine.url.render_as_string(hide_password=True)

    def close(self) -> None:
        """Close every connection of the pool."""
        self.engine.dispose()

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Give a connection in a transaction that may write; committed at the end, rolled back on an error.

        Yields
        ------
        Connection
            On SQLite the only writer from the first statement on, so that what it reads cannot change below it.

        Raises
        ------
        Busy
            Others hold what it needs for longer than `WAIT_SECONDS`.
        InputError
            A text or number that no database can hold.
        Unavailable
            The database does not answer.
        """
        with _typed_errors(), self.engine.connect().execution_options(**{_WRITES: True}) as conn, conn.begin():
            yield conn

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Give a connection in a transaction that only reads; all reads of one see the same state on SQLite.

        Yields
        ------
        Connection
            Waits for no writer.

        Raises
        ------
        Unavailable
            The database does not answer.
        """
        with _typed_errors(), self.engine.connect() as conn, conn.begin():
            yield conn


@contextmanager
def _typed_errors() -> Iterator[None]:
    try:
        yield
    except (OperationalError, InterfaceError, InternalError) as error:
        raise _typed(error) from error
    except AllConnectionsBusy as error:
        raise Busy(f"every connection to the database was in use for {WAIT_SECONDS:.0f} s; try again") from error
    except (DataError, UnicodeError, OverflowError) as error:
        # NUL, half a character, a number beyond 64 bits: whichever database it is, no other text or number fails.
        cause = error.orig if isinstance(error, DataError) else error
        raise InputError(f"a value cannot be stored: {cause}; leave out what is neither text nor a number") from error


def _typed(error: DBAPIError) -> StoreError:
    cause = error.orig
    state = getattr(cause, "sqlstate", None)
    # The low byte of SQLite's code: 5 is "the database is locked", 6 "a table is locked".
    locked = isinstance(cause, sqlite3.Error) and (getattr(cause, "sqlite_errorcode", 0) & 0xFF) in (5, 6)
    if locked or state in _CONTENDED:
        return Busy(f"others kept writing to the database for {WAIT_SECONDS:.0f} s: {cause}; try again")
    return Unavailable(f"the database does not answer: {cause}; check that it runs, has space and may be written")


def now() -> int:
    """Time of day: whole microseconds since 1970, UTC."""
    return time.time_ns() // 1000


def open_store(where: str | os.PathLike[str], *, migrate: bool = True) -> Store:
    """Open the store, and make or upgrade its tables.

    Parameters
    ----------
    where : str or path
        A folder (made where it is missing), in which the SQLite file ``pricebid.db`` lies; or a database URL:
        ``sqlite:///path/to/file.db`` or ``postgresql+psycopg://user:password@host/database``.
    migrate : bool
        Whether tables are made or upgraded. Any number of processes may do so at once: one works, the others wait.

    Returns
    -------
    Store
        Open; close it with ``close()``.

    Raises
    ------
    InputError
        The URL cannot be read, or names a database other than these two.
    SchemaError
        The database is newer than this pricebid, or older and ``migrate`` is off.
    Unavailable
        The database does not answer.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as home:
    ...     db = open_store(home)
    ...     print(db.dialect)
    ...     db.close()
    sqlite
    """
    from pricebid.store.migrations import ensure

    url = _url(os.fspath(where))
    store = Store(engine=_sqlite(url) if url.get_backend_name() == "sqlite" else _postgresql(url))
    try:
        ensure(store, migrate=migrate)
    except BaseException:
        store.close()
        raise
    return store


def _url(where: str) -> URL:
    if "://" not in where:
        return _private(Path(where).resolve() / FILE)
    try:
        url = make_url(where)
    except (ArgumentError, ValueError):
        # The text may hold a password, so it is not shown.
        raise InputError(
            "the database URL cannot be read: write postgresql+psycopg://user:password@host/name"
        ) from None
    if url.drivername in ("postgresql", "postgres"):
        url = url.set(drivername="postgresql+psycopg")
    if url.drivername not in ("postgresql+psycopg", "sqlite"):
        raise InputError(f"the database URL begins with {url.drivername!r}: use postgresql+psycopg:// or sqlite:///")
    if url.drivername == "sqlite":
        if url.database in (None, "", ":memory:"):
            raise InputError("a SQLite store needs a file: one in memory is lost, and each thread would see its own")
        return _private(Path(str(url.database)))
    return url


def _private(file: Path) -> URL:
    """Give the URL of a file, made where it is missing so that nobody else may read it: it holds secrets."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(file, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as error:
        raise Unavailable(f"{file} cannot be written: {error.strerror}; name a folder that may be") from error
    return make_url("sqlite://").set(database=str(file))


def _sqlite(url: URL) -> Engine:
    # One connection per thread at work, kept for the next; SQLAlchemy lets a pooled connection change threads, which
    # SQLite's serialised mode allows. More than a few gain nothing: there is one writer at a time.
    engine = create_engine(
        url,
        pool_size=8,
        max_overflow=24,
        pool_timeout=WAIT_SECONDS,
        connect_args={"timeout": WAIT_SECONDS, "check_same_thread": False, "isolation_level": None},
    )

    @event.listens_for(engine, "connect")
    def settings(connection: Any, _record: object) -> None:  # noqa: ANN401 - SQLAlchemy's own type here
        try:
            for setting in _SQLITE_SETTINGS:
                connection.execute(setting)
        except BaseException:
            connection.close()  # the pool has not taken it
            raise

    # The driver's own BEGIN comes before the first INSERT only, too late for reads that a write rests on; and one that
    # reads first and writes then fails at once where another has written between.
    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        immediate = connection.get_execution_options().get(_WRITES, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")

    return engine


def _postgresql(url: URL) -> Engine:
    engine = create_engine(
        url,
        pool_size=8,
        max_overflow=24,
        pool_timeout=WAIT_SECONDS,
        pool_pre_ping=True,  # a connection that a restart of the server has cut is replaced, not handed out
        pool_recycle=1800,
        connect_args={"connect_timeout": 10, "application_name": "pricebid"},
    )

    @event.listens_for(engine, "connect")
    def settings(connection: Any, _record: object) -> None:  # noqa: ANN401 - SQLAlchemy's own type here
        connection.autocommit = True
        connection.execute("SET synchronous_commit TO on")  # what is acknowledged is on the disk
        connection.execute(f"SET lock_timeout TO '{WAIT_SECONDS:.0f}s'")
        connection.execute("SET timezone TO 'UTC'")
        connection.autocommit = False

    return engine
