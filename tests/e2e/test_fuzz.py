"""schemathesis over every route, for a short while; ``python -m benchmarks.load.fuzz --minutes 10`` goes on for longer."""

from benchmarks.load.fuzz import main


def test_no_route_answers_against_its_document_whatever_it_is_sent(capfd):
    code = main(["--examples", "6", "--phases", "examples,fuzzing"])
    said = capfd.readouterr().out
    assert code == 0, said[-6000:]
    assert "Operations:       " in said
    statuses = dict(one.split(": ") for one in said.splitlines()[-1].removeprefix("answers by status: ").split(", "))
    assert {"200", "202", "404", "422"} <= statuses.keys(), "it did not get beyond the edge"
