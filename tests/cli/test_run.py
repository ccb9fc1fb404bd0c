"""Exit codes, streams and the JSON summary: what every command shares."""

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from pricebid.cli import app
from pricebid.cli._run import Run, add_command, console_on, exit_code, print_json
from pricebid.errors import Conflict, Fault, Infeasible, InputError, ModelError, PolicyError, TableError

FAULTS = (Fault(table="sales", column="price", row=3, message="-1 given, a price above 0 needed", count=2),)
CONFLICT = Conflict(name="min_margin", limit=0.25, reachable=0.2, relaxation=0.05)


def invoke(function: Callable[[Run], None], *options: str) -> object:
    own = typer.Typer()
    own.callback()(lambda: None)
    add_command(own, function, panel="Test", example="pricebid go")
    return CliRunner().invoke(own, [function.__name__, *options])


def failing(error: Exception) -> Callable[[Run], None]:
    def go(run: Run) -> None:
        """Fail."""
        del run
        raise error

    return go


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (InputError("no"), 2),
        (TableError(FAULTS), 2),
        (PolicyError(FAULTS), 2),
        (ModelError("no"), 2),
        (Infeasible("no", [CONFLICT]), 3),
        (ValueError("no"), 1),
        (MemoryError(), 1),
        (OSError("disk full"), 1),
    ],
)
def test_each_error_has_the_exit_code_of_the_contract(error: Exception, code: int) -> None:
    assert exit_code(error) == code
    assert invoke(failing(error)).exit_code == code


def test_every_fault_is_on_standard_error_and_nothing_on_standard_output() -> None:
    result = invoke(failing(TableError([*FAULTS, Fault(table="catalog", message="missing")])))
    assert "sales row 3 column price: -1 given" in result.stderr
    assert "(and 1 more rows)" in result.stderr
    assert "catalog: missing" in result.stderr
    assert result.stdout == ""


def test_infeasible_limits_say_which_would_have_to_give_and_by_how_much() -> None:
    result = invoke(failing(Infeasible("no plan", [CONFLICT])))
    assert "min_margin: 0.25 asked, 0.2 reachable (give 0.05)" in result.stderr


def test_an_unexpected_error_is_one_line_and_the_traceback_comes_with_debug() -> None:
    plain, debug = invoke(failing(ValueError("first\nsecond"))), invoke(failing(ValueError("first")), "--debug")
    assert "pricebid go: ValueError: first" in plain.stderr
    assert "Traceback" not in plain.stderr
    assert "Traceback" in debug.stderr


def test_the_debug_variable_shows_the_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRICEBID_DEBUG", "1")
    assert "Traceback" in invoke(failing(ValueError("no"))).stderr


def test_json_describes_an_error_too() -> None:
    result = invoke(failing(TableError(FAULTS)), "--json")
    said = json.loads(result.stdout)
    assert (said["status"], said["exit_code"]) == ("error", 2)
    assert said["faults"][0]["row"] == 3
    assert result.exit_code == 2


def test_results_go_to_standard_output_notes_to_standard_error_and_quiet_silences_notes() -> None:
    def go(run: Run) -> None:
        """Speak."""
        run.note("a note [not markup]")
        run.show("a result")
        run.finish({"n": 1})

    loud, quiet, as_json = invoke(go), invoke(go, "--quiet"), invoke(go, "--json")
    assert (loud.stdout, loud.stderr) == ("a result\n", "a note [not markup]\n")
    assert (quiet.stdout, quiet.stderr) == ("a result\n", "")
    assert json.loads(as_json.stdout) == {"command": "go", "status": "done", "n": 1}


def test_the_json_summary_takes_numpy_values_dates_and_paths(capsys: pytest.CaptureFixture[str]) -> None:
    values = {"a": np.float64(1.5), "b": np.arange(2), "c": Path("x"), "d": np.datetime64("2024-01-01")}
    print_json({**values, "e": float("nan"), "f": {"g": (np.float32("inf"), True, None)}})
    wanted = {"a": 1.5, "b": [0, 1], "c": "x", "d": "2024-01-01", "e": None, "f": {"g": [None, True, None]}}
    assert json.loads(capsys.readouterr().out) == wanted


def test_a_stream_that_is_no_terminal_gets_no_colours() -> None:
    stream = io.StringIO()
    console_on(stream).print("[bold red]hot[/]")
    assert stream.getvalue() == "hot\n"


def test_progress_writes_nothing_where_nobody_looks(capsys: pytest.CaptureFixture[str]) -> None:
    run = Run(command="go", out=Path(), file_format="csv", json_summary=False, quiet=False, debug=False)
    with run.progress("Fitting") as report:
        report("half", 0.5)
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "")
    assert sys.stdout is not None


@pytest.mark.parametrize(
    "arguments", [["price"], ["price", "x", "--horizon", "4"], ["no-such-command"], ["forecast", "x", "--horizon", "0"]]
)
def test_a_wrong_command_line_exits_with_2(arguments: list[str]) -> None:
    assert CliRunner().invoke(app, arguments).exit_code == 2


@pytest.mark.parametrize(
    "name", ["demo", "init", "check", "fit", "forecast", "backtest", "elasticities", "price", "whatif", "review"]
)
def test_every_command_has_help_with_an_example(name: str) -> None:
    result = CliRunner().invoke(app, [name, "--help"])
    assert result.exit_code == 0
    assert f"pricebid {name}" in result.stdout.split("Example:")[1]
    assert "[]" not in result.stdout  # brackets that the help's markup swallowed


def test_the_version_is_shown() -> None:
    assert CliRunner().invoke(app, ["--version"]).stdout.startswith("pricebid 0.")
