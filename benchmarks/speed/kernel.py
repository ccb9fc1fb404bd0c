"""The optimiser kernel under four limits, one of them a ratio: seconds, gap, worst violation, memory.

Run ``python -m benchmarks.speed.kernel [--decisions N ...] [--options K] [--repeat R]``. Each size runs in a fresh
process, warm (once before it is timed), on one thread. Memory is the process's peak from before the inputs are loaded,
inputs included, as a multiple of their size.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from benchmarks.speed.market import limits, market

if TYPE_CHECKING:
    from collections.abc import Sequence

PROBE = """
import json, resource, sys
from pathlib import Path
import numpy as np
from pricebid.optimize import Limit, choose
folder, repeat = sys.argv[1], int(sys.argv[2])
asked = [Limit(**one) for one in json.load(open(f"{folder}/limits.json"))]
tiny = {name: np.random.default_rng(0).uniform(1, 2, (50, 3)) for name in ("profit", "revenue", "units", "discount")}
choose(tiny, maximise="profit", limits=[Limit("units", at_most=80.0)])
def memory_of(name):
    # ru_maxrss would count what the parent process held when it started this one.
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return next(int(line.split()[1]) * 1024 for line in status.read_text().splitlines() if line.startswith(name))
before = memory_of("VmRSS")
outcomes = {name: np.load(f"{folder}/{name}.npy") for name in tiny}
size = sum(array.nbytes for array in outcomes.values())
first = choose(outcomes, maximise="profit", limits=asked)
memory = (memory_of("VmHWM") - before) / size
runs = [choose(outcomes, maximise="profit", limits=asked) for _ in range(repeat)]
last = runs[-1]
sizes = np.array([max(1.0, abs(limit.bound)) for limit in asked])
print(json.dumps({"seconds": min(run.seconds for run in runs), "first": first.seconds, "gap": last.gap,
                  "status": last.status, "violation": float(np.maximum(-last.slacks / sizes, 0).max()),
                  "memory": memory, "value": last.value, "bound": last.bound}))
"""


def measure(decisions: int, options: int, repeat: int) -> dict[str, object]:
    """One size in a fresh process."""
    outcomes = market(decisions, options)
    asked = [
        {"name": limit.name, "at_least": limit.at_least, "at_most": limit.at_most, "per": limit.per}
        for limit in limits(outcomes)
    ]
    with tempfile.TemporaryDirectory() as folder:
        for name, array in outcomes.items():
            np.save(Path(folder) / f"{name}.npy", array)
        (Path(folder) / "limits.json").write_text(json.dumps(asked), encoding="utf-8")
        del outcomes
        command = [sys.executable, "-c", PROBE, folder, str(repeat)]
        found: dict[str, object] = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    return {"decisions": decisions, "options": decisions * options, **found}


def main(arguments: Sequence[str] | None = None) -> list[dict[str, object]]:
    """Print the table and return its rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--decisions", type=int, nargs="+", default=[50_000, 100_000, 500_000])
    parser.add_argument("--options", type=int, default=10)
    parser.add_argument("--repeat", type=int, default=3)
    asked = parser.parse_args(arguments)
    print(f"{'options':>10} {'seconds':>8} {'first':>7} {'gap':>9} {'violation':>10} {'memory':>7}  status")
    rows = []
    for decisions in asked.decisions:
        row = measure(decisions, asked.options, asked.repeat)
        rows.append(row)
        print(
            f"{row['options']:>10,} {row['seconds']:>8.3f} {row['first']:>7.3f} {row['gap']:>9.1e} "
            f"{row['violation']:>10.1e} {row['memory']:>6.2f}x  {row['status']}",
            flush=True,
        )
    return rows


if __name__ == "__main__":
    main()
