"""Two server processes spend one day's budget at once, for real: `benchmarks.load.race`."""

import pytest
from benchmarks.load.race import main


@pytest.mark.slow  # a race on a slow machine may have one runner only; tests/api/test_bids.py has one that waits for both
def test_two_processes_never_spend_more_than_the_budget_and_leave_little_of_it(capsys):
    (row,) = main(["--budget", "20", "--bid", "0.5", "--databases", "sqlite"])
    assert row["spenders"] == 2, capsys.readouterr().out
    assert row["spent"] <= row["budget"] + 1e-9
    assert row["left"] <= 2 * 0.5, "each process may sit on less than one bid"
