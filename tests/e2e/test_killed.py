"""Killed at any moment, a command leaves the old results or the new ones, whole."""

import json
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

# Writes results for 1, 2, 3, 4 periods in turn, as fast as it can, until it is killed.
LOOP = """
import itertools, sys
from typer.testing import CliRunner
from pricebid.cli import app
shop, model, out = sys.argv[1:]
for horizon in itertools.cycle((1, 2, 3, 4)):
    with open(shop + "/policy-now.toml", "w") as file:
        file.write(f"horizon = {horizon}")
    command = ["price", shop, "--model", model, "--policy", shop + "/policy-now.toml", "--out", out, "--quiet"]
    assert CliRunner().invoke(app, command).exit_code == 0
    print(horizon, flush=True)
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("killed")
    for command in (["init", "shop"], ["fit", "shop", "--model", "model", "--quiet"]):
        subprocess.run([sys.executable, "-m", "pricebid", *command], cwd=folder, check=True, capture_output=True)
    return folder


def test_kill_at_random_moments_leaves_results_that_belong_together(place: Path) -> None:
    rng = random.Random(0)  # noqa: S311 - moments to kill at, no secrets
    seen = set()
    for _ in range(4):
        command = [sys.executable, "-c", LOOP, "shop", "model", "out"]
        with subprocess.Popen(command, cwd=place, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            process.stdout.readline()  # one result is there; from now on every moment is fair
            time.sleep(rng.uniform(0.0, 0.6))
            process.send_signal(signal.SIGKILL)
        plan = json.loads((place / "out" / "plan.json").read_text())
        prices = (place / "out" / "prices.csv").read_text().splitlines()
        assert {path.name for path in (place / "out").iterdir()} == {"plan.json", "prices.csv"}
        assert len(prices) == 1 + 14
        units = [row.split(",") for row in prices[1:]]
        at = prices[0].replace('"', "").split(",").index("units_now")
        total = sum(float(row[at]) for row in units)
        assert abs(total - plan["totals"]["now"]["units"]) < 1e-6 * total, "prices and plan are of different runs"
        seen.add(plan["horizon"])
    assert seen <= {1, 2, 3, 4}
