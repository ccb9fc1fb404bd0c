"""`simulate`: files, columns, words and exit codes; the loop itself is played in tests/simulate."""

import json

import pandas as pd
import pytest
import typer
from typer.testing import CliRunner

from pricebid.cli._run import add_command
from pricebid.cli._simulate import simulate

app = typer.Typer()
add_command(app, simulate, panel="Prove", example="pricebid simulate --days 30")
# A lone command takes no name: a second one gives it back.
app.command("other")(lambda: None)
QUICK = ("--days", "2", "--refit", "2", "--visitors", "40", "--keywords", "0")


def run(*arguments: object, expect: int = 0):
    result = CliRunner().invoke(app, ["simulate", *(str(one) for one in arguments)])
    assert result.exit_code == expect, result.output
    return result


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    out = tmp_path_factory.mktemp("loop")
    said = run(*QUICK, "--out", out, "--json", "--quiet", "--kind", "shock", "--shock-day", "2").stdout
    return out, json.loads(said)


def test_it_writes_the_loop_and_its_picture(played):
    out, summary = played
    frame = pd.read_csv(out / "loop.csv")
    assert {"day", "policy", "profit", "cumulative", "exploration_cost", "budget"} <= set(frame.columns)
    assert set(frame["policy"]) == {"status quo", "static plan", "no exploration", "exploration", "clairvoyant"}
    assert (out / "loop.png").read_bytes().startswith(b"\x89PNG")
    assert summary["days"] == 2


def test_the_summary_is_that_of_the_table(played):
    out, summary = played
    frame = pd.read_csv(out / "loop.csv")
    totals = frame.groupby("policy")["profit"].sum()
    for name, one in summary["policies"].items():
        assert one["profit"] == pytest.approx(totals[name])
    found = summary["exploration"]
    assert found["gain"] == pytest.approx(totals["exploration"] - totals["no exploration"])
    assert found["pays"] == (found["gain"] > 0)
    assert summary["policies"]["status quo"]["uplift"] == 0.0
    assert summary["policies"]["clairvoyant"]["reached"] == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--days", "5", "--kind", "shock", "--shock-day", "9"), "shock_day is 9"),
        (("--days", "5", "--budget", "3"), "budget is 3.0"),
        (("--days", "5", "--window", "3"), "window is 3"),
        (("--days", "5", "--visitors", "-1"), "visitors is -1.0"),
    ],
)
def test_nonsense_is_bad_input(arguments, words):
    assert words in run(*arguments, "--quiet", expect=2).stderr


def test_unknown_kinds_are_usage_errors():
    assert "'wild' is not one of" in run("--kind", "wild", expect=2).stderr
