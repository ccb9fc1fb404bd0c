"""The service is killed under load, and all that it acknowledged is accounted for: `benchmarks.load.faults`."""

import pytest
from benchmarks.load.faults import main
from scripts.with_postgres import NoPostgres, programs


def accounted(*arguments):
    rows = main(arguments)  # prints its table, and exits where anything is lost or counted twice
    found = {row["what"]: row for row in rows}
    assert all(row["holds"] for row in rows)
    assert found["feedback events"]["acknowledged"] > 20
    assert found["spend"]["acknowledged"] > 0
    assert found["jobs"]["acknowledged"] >= 1
    assert found["publishes"]["acknowledged"] >= 1
    assert found["quote log"]["acknowledged"] > 50


def test_two_kills_lose_and_double_nothing():
    accounted("--kills", "2", "--databases", "sqlite", "--light", "--workers", "1", "--seed", "5")


@pytest.mark.slow
@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_fifty_kills_lose_and_double_nothing(database):
    if database == "postgresql":
        try:
            programs()
        except NoPostgres as error:
            pytest.skip(str(error))
    accounted("--kills", "50", "--databases", database)
