"""Every benchmark runs at its smoke size, and leaves its figures with the machine they were measured on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NAMES = ("speed.kernel", "speed.rules", "speed.tables")
SLOWER = ("speed.bandits", "speed.feedback", "speed.pacing", "speed.quotes", "speed.rivals")
EXTRA = ("lightgbm", "statsforecast")


def run(*arguments: str, without: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchmarks", *arguments]
    environment = {name: value for name, value in os.environ.items() if name != without}
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300, env=environment)


@pytest.mark.parametrize("name", [*NAMES, *(pytest.param(name, marks=pytest.mark.slow) for name in SLOWER)])
def test_a_speed_benchmark_runs_and_leaves_its_figures(name, tmp_path):
    done = run(name, "--smoke", "--out", str(tmp_path))
    assert done.returncode == 0, done.stderr
    report = json.loads((tmp_path / f"{name}.smoke.json").read_text(encoding="utf-8"))
    assert report["benchmark"] == name
    assert report["machine"]["cores"] >= 1
    assert report["machine"]["python"]
    assert report["printed"]
    if name in {"speed.kernel", "speed.rules"}:
        assert all(row["violation"] <= 1e-9 for row in report["rows"])


@pytest.mark.slow
@pytest.mark.parametrize("name", ["load.cpu", "load.capacity"])
def test_a_load_benchmark_runs_and_leaves_its_figures(name, tmp_path):
    done = run(name, "--smoke", "--out", str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / f"{name}.smoke.json").read_text(encoding="utf8"))["rows"]


@pytest.mark.slow
@pytest.mark.parametrize("group", ["quality.known_truth", "quality.recovery"])
def test_a_quality_benchmark_runs(group, tmp_path):
    done = run(group, "--smoke", "--out", str(tmp_path))
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
@pytest.mark.realdata
@pytest.mark.parametrize("group", ["quality.backtests", "quality.elasticities"])
def test_a_quality_benchmark_on_real_data_runs(group, tmp_path):
    if "PRICEBID_DATA" not in os.environ:
        pytest.skip("PRICEBID_DATA names no folder with the real data")
    missing = [package for package in EXTRA if find_spec(package) is None]
    if missing:
        pytest.skip(f"the bench extra is not installed: {', '.join(missing)}")
    done = run(group, "--smoke", "--out", str(tmp_path))
    assert done.returncode == 0, done.stderr


def test_a_name_that_does_not_exist_is_refused_with_the_list():
    done = run("speed.light")
    assert done.returncode == 2
    assert "speed.kernel" in done.stderr


def test_a_benchmark_on_real_data_fails_and_says_why_where_no_folder_is_named(tmp_path):
    done = run("quality.backtests", "--out", str(tmp_path), without="PRICEBID_DATA")
    assert done.returncode == 1
    assert "quality.backtests" in done.stderr
    assert "PRICEBID_DATA" in done.stderr
    assert not list(tmp_path.iterdir())
