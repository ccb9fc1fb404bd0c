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
from scripts.with_postgres import VARIABLE, NoPostgres, running
from sqlalchemy import make_url

from pricebid import store

DATABASES = ("sqlite", "postgresql")


class Postgres:
    """A server, and one connection to it that makes and drops databases."""

    def __init__(self, url: str, admin: psycopg.Connection) -> None:
        self.url = make_url(url)
        self.admin = admin
        self.migrated: str | None = None

    def make(self, template: str = "template0") -> str:
        """Make a database, and give its URL."""
        name = f"pricebid_{uuid4().hex}"
        self.admin.execute(f'CREATE DATABASE {name} TEMPLATE "{template}"')
        return self.url.set(database=name).render_as_string(hide_password=False)

    def make_migrated(self) -> str:
        """Make a database with the tables of the store: a copy, which takes less time than migrating."""
        if self.migrated is None:
            self.migrated = self.make()
            store.open_store(self.migrated).close()
        return self.make(make_url(self.migrated).database)

    def drop(self, url: str) -> None:
        """Drop a database, whoever is connected to it."""
        self.admin.execute(f'DROP DATABASE IF EXISTS "{make_url(url).database}" WITH (FORCE)')


@pytest.fixture(scope="session")
def postgres():
    with ExitStack() as stack:
        try:
            url = os.environ.get(VARIABLE) or stack.enter_context(running())
        except NoPostgres as error:
            pytest.skip(f"the tests on PostgreSQL need one: {error}")
        plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
        server = Postgres(url, stack.enter_context(psycopg.connect(plain, autocommit=True)))
        yield server
        if server.migrated is not None:
            server.drop(server.migrated)


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory):
    home = tmp_path_factory.mktemp("migrated")
    db = store.open_store(home)
    with db.engine.connect() as conn:
        conn.exec_driver_sql("SELECT 1")
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
        server.drop(url)


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
