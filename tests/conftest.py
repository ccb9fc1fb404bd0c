"""Databases for tests: each test has one of its own, once in SQLite and once in PostgreSQL.

PostgreSQL is the server that PRICEBID_TEST_POSTGRES_URL names, else one that is started for the tests (one for each
of their processes), from Debian's packages or from a wheel. Where there is none, its tests skip and say so.
"""

import os
import shutil
from contextlib import ExitStack
from uuid import uuid4

import psycopg
import pytest
from hypothesis import settings
from scripts.with_postgres import VARIABLE, NoPostgres, running
from sqlalchemy import make_url

from pricebid import store
from pricebid.store.schema import HEAD, metadata

DATABASES = ("sqlite", "postgresql")


class Postgres:
    """A server, and one connection to it that makes and drops databases."""

    def __init__(self, url: str, admin: psycopg.Connection) -> None:
        self.url = make_url(url)
        self.admin = admin
        self.clean: list[str] = []

    def make(self) -> str:
        """Make a database, and give its URL."""
        name = f"pricebid_{uuid4().hex}"
        self.admin.execute(f'CREATE DATABASE "{name}" TEMPLATE template0')
        return self.url.set(database=name).render_as_string(hide_password=False)

    def make_migrated(self) -> str:
        """Give a database with the tables of the store: one that a test before has left, where there is one."""
        if self.clean:
            return self.clean.pop()
        url = self.make()
        store.open_store(url).close()
        return url

    def take_back(self, url: str) -> None:
        """Empty a database for the next test, which takes a thousandth of the time of making one."""
        name = make_url(url).database
        self.admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
        try:
            with psycopg.connect(driver_url(url), autocommit=True) as conn:
                (version,) = conn.execute("SELECT version_num FROM pricebid_schema").fetchone()
                conn.execute("SET session_replication_role TO replica")  # neither triggers nor foreign keys
                for table in reversed(metadata.sorted_tables):
                    conn.execute(f'DELETE FROM "{table.name}"')  # noqa: S608 - names of the schema
                conn.execute("ALTER SEQUENCE job_events_id_seq RESTART")
        except psycopg.Error:
            version = None  # the test has changed the tables, or only a superuser may do this
        if version == HEAD:
            self.clean.append(url)
        else:
            self.drop(url)

    def drop(self, url: str) -> None:
        """Drop a database, whoever is connected to it."""
        self.admin.execute(f'DROP DATABASE IF EXISTS "{make_url(url).database}" WITH (FORCE)')


def driver_url(url: str) -> str:
    """Give a URL as the driver itself reads it."""
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


@pytest.fixture(scope="session")
def postgres():
    with ExitStack() as stack:
        try:
            url = os.environ.get(VARIABLE) or stack.enter_context(running())
        except NoPostgres as error:
            pytest.skip(f"the tests on PostgreSQL need one: {error}")
        server = Postgres(url, stack.enter_context(psycopg.connect(driver_url(url), autocommit=True)))
        yield server
        for left in server.clean:
            server.drop(left)


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory):
    home = tmp_path_factory.mktemp("migrated")
    db = store.open_store(home)
    db.close()  # the last connection to close folds the log into the file
    return home / "pricebid.db"


@pytest.fixture(params=DATABASES)
def database_url(request, tmp_path):
    """The URL of a database of this test's own that has the store's tables, all empty."""
    if request.param == "sqlite":
        file = tmp_path / "home" / "pricebid.db"
        file.parent.mkdir()
        shutil.copy(request.getfixturevalue("migrated_file"), file)
        yield f"sqlite:///{file}"
    else:
        server = request.getfixturevalue("postgres")
        url = server.make_migrated()
        yield url
        server.take_back(url)


@pytest.fixture(params=DATABASES)
def empty_database_url(request, tmp_path):
    """The URL of a database of this test's own with nothing in it."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'home' / 'pricebid.db'}"
    else:
        server = request.getfixturevalue("postgres")
        url = server.make()
        yield url
        server.drop(url)


# The same examples in every run: what lands is what was tried. `--hypothesis-profile random` looks further.
settings.register_profile("same", derandomize=True)
settings.register_profile("random")
settings.load_profile("same")
