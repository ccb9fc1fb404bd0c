"""What every command shares: its common options, its exit codes, and what goes to which stream.

Results for people go to standard output, progress and notices to standard error. With ``--json`` standard output
carries one JSON object and nothing else.
"""

from __future__ import annotations

import functools
import inspect
import json
import math
import os
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_type_hints

import typer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import pandas as pd
    from rich.console import Console

    Files = tuple[Path, ...]

DONE, OTHER, BAD_INPUT, INFEASIBLE = 0, 1, 2, 3
Format = Literal["csv", "parquet"]

_COMMON = "What every command takes"
_SHARED = {
    "out": (
        Annotated[Path, typer.Option(metavar="DIR", help="Where the results go.", rich_help_panel=_COMMON)],
        Path("pricebid-out"),
    ),
    "file_format": (
        Annotated[Format, typer.Option("--format", help="How result tables are written.", rich_help_panel=_COMMON)],
        "csv",
    ),
    "json_summary": (
        Annotated[
            bool,
            typer.Option("--json", help="Print one JSON summary and nothing else.", rich_help_panel=_COMMON),
        ],
        False,
    ),
    "quiet": (
        Annotated[bool, typer.Option("--quiet", help="No progress, no notices.", rich_help_panel=_COMMON)],
        False,
    ),
    "debug": (
        Annotated[
            bool,
            typer.Option(
                "--debug", envvar="PRICEBID_DEBUG", help="Show the traceback of an error.", rich_help_panel=_COMMON
            ),
        ],
        False,
    ),
}
_WRITING = ("out", "file_format")


@dataclass(frozen=True, kw_only=True)
class Run:
    """One run of one command: where its results go and how it speaks.

    Parameters
    ----------
    command : str
        The command's name.
    out : Path
        Folder for the result tables.
    file_format : {"csv", "parquet"}
        How they are written.
    json_summary : bool
        Standard output is for one JSON object.
    quiet : bool
        Nothing but errors on standard error.
    debug : bool
        Errors show their traceback.
    """

    command: str
    out: Path
    file_format: Format
    json_summary: bool
    quiet: bool
    debug: bool

    def show(self, *renderables: object) -> None:
        """Print results for people, unless JSON was asked for."""
        if not self.json_summary:
            console = console_on(sys.stdout)
            for renderable in renderables:
                console.print(renderable)

    def note(self, message: str) -> None:
        """Say something beside the results, on standard error."""
        if not self.quiet:
            console_on(sys.stderr).print(message, markup=False, highlight=False, soft_wrap=True)

    def finish(self, summary: Mapping[str, Any]) -> None:
        """Print the JSON summary, if asked for."""
        if self.json_summary:
            print_json({"command": self.command, "status": "done", **summary})

    def write(self, frames: Mapping[str, pd.DataFrame], documents: Mapping[str, str | bytes] | None = None) -> Files:
        """Write result tables and documents to the output folder, all or none of them."""
        from pricebid.tables import write_results

        return self.under_out(write_results(self.out, frames, documents=documents, file_format=self.file_format))

    def under_out(self, files: Files) -> Files:
        """Name files of the output folder as the user named the folder, not by their absolute path."""
        return tuple(self.out / file.name for file in files)

    @contextmanager
    def progress(self, title: str) -> Iterator[Callable[[str, float], None]]:
        """Show a bar on standard error while something runs; it yields ``report(stage, share done)``."""
        if self.quiet:
            yield _say_nothing
            return
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        console = console_on(sys.stderr)
        columns = (TextColumn("{task.description}"), BarColumn(bar_width=30), TimeElapsedColumn())
        # Transient, and off where nobody watches: the bar is not part of the output, and logs keep every frame of it.
        with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
            task = bar.add_task(title, total=1.0)

            def report(stage: str, share: float) -> None:
                """Move the bar."""
                bar.update(task, description=f"{title}: {stage}" if stage else title, completed=share)

            yield report


def _say_nothing(stage: str, share: float) -> None:
    del stage, share


def console_on(stream: Any) -> Console:  # noqa: ANN401 - sys.stdout is whatever stands in for it
    """Give a rich console that is plain where the stream is no terminal, and 100 columns wide there."""
    from rich.console import Console

    # A pipe has no width; rich would take 80, in which the tables of a plan wrap.
    width = None if stream.isatty() else 100
    return Console(file=stream, width=width, highlight=False)


def print_json(summary: Mapping[str, Any]) -> None:
    """Print one JSON object on standard output, in plain values: no numpy, dates and paths as text, NaN as null."""
    sys.stdout.write(json.dumps(_plain(summary), ensure_ascii=False, indent=2, allow_nan=False) + "\n")


def _plain(value: Any) -> Any:  # noqa: ANN401 - plain trees of anything
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, dict):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, bool | int | str) else str(value)


def add_command(
    app: typer.Typer, function: Callable[..., None], *, panel: str, example: str, writes: bool = True
) -> None:
    """Make a function ``(run, ...)`` a command: adds the common options, builds the Run, turns errors into exits.

    Parameters
    ----------
    app : typer.Typer
        Where to register.
    function : callable
        Its docstring is the command's help; a trailing underscore of its name is dropped.
    panel : str
        Heading under which ``pricebid --help`` lists the command.
    example : str
        One command line that works, shown at the end of the command's help.
    writes : bool
        The command writes result tables, and so takes ``--out`` and ``--format``.
    """
    name = function.__name__.removesuffix("_")

    @functools.wraps(function)
    def guarded(**arguments: Any) -> None:  # noqa: ANN401 - typer passes what the signature says
        """Run the command; errors become exit codes here and nowhere else."""
        run = Run(command=name, **{key: arguments.pop(key, default) for key, (_, default) in _SHARED.items()})
        try:
            function(run, **arguments)
        except Exception as error:
            raise typer.Exit(_report(error, run)) from error

    # Typer reads the signature: with the common options put into it here, no command can forget or bend one.
    hints = get_type_hints(function, include_extras=True)
    own = [
        parameter.replace(annotation=hints[parameter.name])
        for parameter in list(inspect.signature(function).parameters.values())[1:]
    ]
    shared = [
        inspect.Parameter(key, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
        for key, (annotation, default) in _SHARED.items()
        if writes or key not in _WRITING
    ]
    guarded.__signature__ = inspect.Signature([*own, *shared])  # type: ignore[attr-defined]
    guarded.__annotations__ = {}
    # One line per paragraph: the terminal wraps it, at its own width.
    paragraphs = [" ".join(part.split()) for part in (inspect.getdoc(function) or "").split("\n\n")]
    app.command(name, help="\n\n".join(paragraphs), rich_help_panel=panel, epilog=f"Example:  {example}")(guarded)


def exit_code(error: Exception) -> int:
    """Give the exit code of an error: 2 bad input, 3 infeasible, 1 anything else."""
    from pricebid.errors import Infeasible, InputError

    if isinstance(error, InputError):
        return BAD_INPUT
    return INFEASIBLE if isinstance(error, Infeasible) else OTHER


def _report(error: Exception, run: Run) -> int:
    code = exit_code(error)
    if run.debug:
        import traceback

        traceback.print_exception(error)
    elif code == OTHER:
        where = type(error).__name__
        first = (str(error).strip().splitlines() or ["no message"])[0]
        sys.stderr.write(f"pricebid {run.command}: {where}: {first}\n(`--debug` shows where it happened)\n")
    else:
        heading = "infeasible" if code == INFEASIBLE else "bad input"
        sys.stderr.write(f"pricebid {run.command}: {heading}\n{error}\n")
    if run.json_summary:
        print_json({"command": run.command, "status": "error", "exit_code": code, **_described(error)})
    return code


def _described(error: Exception) -> dict[str, Any]:
    from dataclasses import asdict

    parts = {key: [asdict(part) for part in getattr(error, key, ())] for key in ("faults", "conflicts")}
    return {"error": str(error), **{key: value for key, value in parts.items() if value}}


def prepare() -> None:
    """Make the process fit for a command line, before anything heavy is imported.

    Characters that the terminal's encoding lacks are replaced instead of failing. OpenBLAS gets one thread unless the
    user says otherwise: the model's matrices are many and small, and threads that wait for each other took four times
    the processor time (orange juice on two cores: 17 s instead of 4 s).
    """
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    if os.environ.get("TERM") == "dumb":
        os.environ.setdefault("NO_COLOR", "1")
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
