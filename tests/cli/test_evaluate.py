"""`evaluate`: words, files, JSON, and the refusal."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from pricebid.cli import app


@dataclass(frozen=True, kw_only=True)
class Place:
    """A log, and somewhere to write to."""

    folder: Path

    def run(self, *arguments: object, expect: int = 0) -> str:
        told = ["evaluate", self.folder / "log.csv", *arguments, "--out", self.folder / "out", "--quiet"]
        result = CliRunner().invoke(app, [str(argument) for argument in told])
        assert result.exit_code == expect, result.output
        return result.stdout

    def json(self, *arguments: object, expect: int = 0) -> dict[str, Any]:
        return json.loads(self.run(*arguments, "--json", expect=expect))

    def policy(self, text: str) -> Path:
        path = self.folder / "candidate.toml"
        path.write_text(text)
        return path


@pytest.fixture
def place(tmp_path: Path) -> Place:
    rng = np.random.default_rng(0)
    n = 3_000
    option = rng.choice(3, n, p=[0.6, 0.3, 0.1])
    frame = pd.DataFrame(
        {
            "option": np.array(["low", "middle", "high"])[option],
            "propensity": np.array([0.6, 0.3, 0.1])[option],
            "reward": option + rng.normal(size=n),
            "revenue": 1.0,
            "segment": rng.choice(["new", "old"], n),
        }
    )
    frame.to_csv(tmp_path / "log.csv", index=False)
    return Place(folder=tmp_path)


def test_it_says_whether_the_candidate_is_better_and_writes_every_estimator(place: Place) -> None:
    policy = place.policy('kind = "fixed"\noption = "high"\n')
    text = " ".join(place.run("--policy", policy).split())
    assert "Better than what was logged, by +1." in text
    assert "effective sample size" in text
    table = pd.read_csv(place.folder / "out" / "evaluation.csv")
    assert table["estimator"].tolist() == ["logged", "ips", "snips", "dm", "dr", "sndr"]
    robust = table[table["estimator"] == "dr"].iloc[0]
    assert robust["low"] < 2 < robust["high"]


def test_json_holds_estimates_difference_and_overlap(place: Place) -> None:
    said = place.json("--policy", place.policy('kind = "uniform"\n'), "--clip", 2, "--alpha", 0.1)
    assert said["alpha"] == 0.1
    assert [one["estimator"] for one in said["estimates"]][-3:] == ["clipped ips", "switch dr", "dr-os"]
    assert said["difference"]["low"] < said["difference"]["value"] < said["difference"]["high"]
    assert said["overlap"]["decisions"] == 3_000


def test_another_column_may_count(place: Place) -> None:
    said = place.json("--policy", place.policy('kind = "uniform"\n'), "--reward", "revenue", "--context", "segment")
    assert all(one["value"] == pytest.approx(1.0, abs=0.1) for one in said["estimates"])


def test_poor_overlap_is_refused_with_2_and_nothing_is_written(place: Place) -> None:
    policy = place.policy('kind = "table"\nlaw = { low = 0.5, free = 0.5 }\n')
    said = place.json("--policy", policy, expect=2)
    assert "options that the log never holds" in said["error"]
    assert "more exploration" in said["error"]
    assert not (place.folder / "out").exists()
    dear = place.policy('kind = "fixed"\noption = "high"\n')
    assert "below 5000" in place.json("--policy", dear, "--least-ess", 5_000, expect=2)["error"]


def test_faults_of_log_and_policy_end_with_2(place: Place) -> None:
    said = place.json("--policy", place.policy('kind = "fixd"\n'), expect=2)
    assert said["faults"][0]["column"] == "kind"
    (place.folder / "log.csv").write_text("option,reward\na,1\n")
    said = place.json("--policy", place.policy('kind = "uniform"\n'), expect=2)
    assert said["faults"][0]["column"] == "propensity"
