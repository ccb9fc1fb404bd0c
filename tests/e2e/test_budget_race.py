"""Server processes spend one day's budget, for real, at once (`benchmarks.load.race`) or until killed (`benchmarks.load.held`)."""

import pytest
from benchmarks.load import held
from benchmarks.load.race import main


@pytest.mark.slow  # a race on a slow machine may have one runner only; tests/api/test_bids.py has one that waits for both
def test_two_processes_never_spend_more_than_the_budget_and_leave_little_of_it(capsys):
    (row,) = main(["--budget", "20", "--bid", "0.5", "--databases", "sqlite"])
    assert row["spenders"] == 2, capsys.readouterr().out
    assert row["spent"] <= row["budget"] + 1e-9
    assert row["left"] <= 2 * 0.5, "each process may sit on less than one bid"


@pytest.mark.slow  # tests/api/test_bids.py holds the same without a server
def test_a_killed_worker_holds_a_slice_in_use_and_one_in_stock():
    calm, burst = held.main(["--kills", "1", "--seconds", "2", "3", "--burst", "1"])
    assert (calm["slices"], round(calm["held"], 6)) == (2, 0.04)
    assert 0.0 < burst["held"] <= 17 * 0.02
