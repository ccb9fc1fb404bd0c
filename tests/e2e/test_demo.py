"""The main job on real data, as a newcomer runs it."""

import json
import os
import resource
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True, kw_only=True)
class Demo:
    """One run of the demo: where it wrote, what it said, and the processor time it took (on an idle machine: the time)."""

    folder: Path
    said: str
    seconds: float


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    folder = tmp_path_factory.mktemp("demo")
    command = [sys.executable, "-m", "pricebid", "demo", "--out", str(folder / "out")]
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "PYTHONUTF8": "1"}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    out = subprocess.run(
        command, capture_output=True, text=True, check=True, cwd=folder, env=environment, encoding="utf8"
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Demo(folder=folder / "out", said=out.stdout, seconds=spent)


def test_the_demo_ends_within_a_minute_and_leaves_its_files(demo: Demo) -> None:
    assert demo.seconds < 60
    wanted = {"prices.csv", "plan.json", "forecast.csv", "backtest.csv", "metrics.csv", "elasticities.csv", "cross.csv"}
    ads = {"simulated_bids.csv", "simulated_dayparts.csv", "simulated_bid_plan.json", "simulated_bids.png"}
    assert {path.name for path in demo.folder.iterdir()} == {*wanted, *ads, "plan.png"}
    assert (demo.folder / "plan.png").read_bytes().startswith(b"\x89PNG")


def test_the_demo_prints_what_it_promises_in_a_hundred_columns(demo: Demo) -> None:
    for part in (
        "naive",
        "Elasticities",
        "Tropicana",
        "profit",
        "80 % interval",
        "Proof",
        "10 moves",
        "plan.png",
        "SIMULATED",
    ):
        assert part in demo.said
    assert max(len(line) for line in demo.said.splitlines() if str(demo.folder) not in line) <= 100


def test_the_engine_beats_naive_and_the_plan_gains_within_its_limits(demo: Demo) -> None:
    plan = json.loads((demo.folder / "plan.json").read_text())
    assert plan["totals"]["planned"]["profit"] > plan["totals"]["now"]["profit"]
    assert all(limit["slack"] >= -1e-9 * max(1.0, abs(limit["limit"])) for limit in plan["limits"])
    assert 0 <= plan["gap"] < 1e-3
    metrics = (demo.folder / "metrics.csv").read_text().replace('"', "").splitlines()
    wape = {row.split(",")[1]: float(row.split(",")[3]) for row in metrics[1:] if row.startswith("all,")}
    assert wape["pricebid"] < 0.5 * wape["naive"]


def test_the_bids_on_the_simulated_report_keep_their_budget(demo: Demo) -> None:
    plan = json.loads((demo.folder / "simulated_bid_plan.json").read_text())
    (budget,) = (limit for limit in plan["limits"] if limit["name"] == "daily_budget")
    assert plan["totals"]["planned"]["cost"] <= budget["limit"] < plan["totals"]["now"]["cost"]
    assert plan["objective"] <= plan["bound"]
