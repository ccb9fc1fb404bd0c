"""Run benchmarks and keep what they print, with the machine: ``python -m benchmarks [NAME ...] [--smoke] [--out DIR]``."""

from __future__ import annotations

import argparse
import io
import json
import os
import sys
import time
from contextlib import redirect_stdout
from dataclasses import asdict, is_dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import numpy as np

from benchmarks.machine import machine
from benchmarks.registry import Benchmark, benchmarks

if TYPE_CHECKING:
    from collections.abc import Sequence


class _Tee(io.StringIO):
    """Shows and keeps what is printed."""

    def __init__(self, shown: TextIO) -> None:
        super().__init__()
        self._shown = shown

    def write(self, text: str) -> int:
        self._shown.write(text)
        self._shown.flush()
        return super().write(text)


def _plain(row: object) -> object:
    """Give a row as JSON can hold it."""
    return asdict(row) if is_dataclass(row) and not isinstance(row, type) else row


def _number(value: object) -> object:
    """Give a number of numpy as one of Python."""
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{value!r} cannot be written as JSON")


def run(benchmark: Benchmark, *, smoke: bool, out: Path) -> bool:
    """Run one benchmark and write its JSON; False where it says that it failed."""
    arguments = benchmark.smoke if smoke else benchmark.full
    print(f"\n== {benchmark.name} {' '.join(arguments)}", flush=True)
    said = _Tee(sys.stdout)
    about = machine()
    began = time.perf_counter()
    with redirect_stdout(said):
        result = benchmark.run(arguments)
    report = {
        "benchmark": benchmark.name,
        "size": "smoke" if smoke else "full",
        "arguments": list(arguments),
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": round(time.perf_counter() - began, 2),
        "machine": about,
        "rows": [_plain(row) for row in result] if isinstance(result, list) else None,
        "printed": said.getvalue().splitlines(),
    }
    out.mkdir(parents=True, exist_ok=True)
    path = out / f"{benchmark.name}{'.smoke' if smoke else ''}.json"
    path.write_text(json.dumps(report, indent=1, default=_number), encoding="utf-8")
    return not (isinstance(result, int) and result != 0)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what was asked for; 1 where a benchmark failed or lacks its data, 2 for a name that does not exist."""
    known = {benchmark.name: benchmark for benchmark in benchmarks()}
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"a benchmark or a group: {', '.join(known)}")
    parser.add_argument("--smoke", action="store_true", help="only show that each runs")
    parser.add_argument("--out", type=Path, default=Path("benchmarks-out"), help="folder for the JSON results")
    asked = parser.parse_args(arguments)
    wanted = [name for name in known if not asked.names or any(name.startswith(start) for start in asked.names)]
    if not wanted:
        parser.error(f"no benchmark named {' or '.join(asked.names)}; there are {', '.join(known)}")
    blind = [] if os.environ.get("PRICEBID_DATA") else [name for name in wanted if known[name].needs_data]
    kept = [run(known[name], smoke=asked.smoke, out=asked.out) for name in wanted if name not in blind]
    for name in blind:
        print(f"{name}: failed: it reads real data, and PRICEBID_DATA names no folder that holds them", file=sys.stderr)
    return 0 if all(kept) and not blind else 1


if __name__ == "__main__":
    sys.exit(main())
