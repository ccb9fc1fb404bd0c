"""`experiment`: words, files, JSON and exit codes."""

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
    """A shop with two experiments, and somewhere to write to."""

    shop: Path
    out: Path

    def run(self, *arguments: object, expect: int = 0) -> str:
        told = ["experiment", self.shop, *arguments, "--out", self.out, "--quiet"]
        result = CliRunner().invoke(app, [str(argument) for argument in told])
        assert result.exit_code == expect, result.output
        return result.stdout

    def json(self, *arguments: object, expect: int = 0) -> dict[str, Any]:
        return json.loads(self.run(*arguments, "--json", expect=expect))


@pytest.fixture
def place(tmp_path: Path) -> Place:
    rng = np.random.default_rng(0)
    n = 3_000
    variant = rng.choice(["control", "button", "banner"], n)
    before = rng.normal(10, 3, n)
    parallel = pd.DataFrame(
        {
            "experiment": "checkout",
            "unit": [f"u{at}" for at in range(n)],
            "variant": variant,
            "outcome": before + rng.normal(0, 2, n) + 0.6 * (variant == "button"),
            "covariate": before,
            "time": (np.datetime64("2024-05-01") + rng.integers(0, 14, n)).astype(str),
        }
    )
    small = parallel.iloc[:60].assign(experiment="small", covariate=np.nan)
    shop = tmp_path / "shop"
    shop.mkdir()
    pd.concat([parallel, small]).to_csv(shop / "experiments.csv", index=False)
    return Place(shop=shop, out=tmp_path / "out")


def test_it_says_what_to_do_and_writes_a_row_per_variant(place: Place) -> None:
    text = " ".join(place.run("--name", "checkout").split())
    assert "Stop, use button: it beats control by +" in text
    assert "The covariate removed" in text
    assert "Shares of units as meant?" in text
    table = pd.read_csv(place.out / "experiment.csv")
    assert table["variant"].tolist() == ["control", "banner", "button"]
    assert {"units", "value", "difference", "low", "high", "lift", "p", "decision"} <= set(table)
    assert not (place.out / "looks.csv").exists()


def test_json_holds_the_decision_and_its_numbers(place: Place) -> None:
    said = place.json("--name", "checkout", "--sequential", "--planned", 14)
    assert said["decision"]["kind"] == "winner"
    assert said["decision"]["variant"] == "button"
    assert said["sequential"] is True
    assert said["mismatch"]["alarm"] is False
    assert said["variants"][0]["low"] is None
    looks = pd.read_csv(place.out / "looks.csv")
    assert set(looks["variant"]) == {"banner", "button"}
    assert looks["units"].max() == 3_000


def test_options_reach_the_readout(place: Place) -> None:
    plain = place.json("--name", "checkout", "--no-covariate", "--correction", "holm", "--alpha", 0.1)
    assert plain["variance_removed"] == 0
    assert plain["alpha"] == 0.1
    other = place.json("--name", "checkout", "--control", "button", "--lower-is-better")
    assert other["variants"][0]["variant"] == "button"
    assert other["decision"]["kind"] == "winner"
    waits = place.json("--name", "checkout", "--planned", 30)
    assert waits["decision"]["kind"] == "wait"
    shares = [
        option for name in ("control", "banner", "button") for option in ("--share", f"{name}={1 + (name == 'banner')}")
    ]
    assert place.json("--name", "checkout", *shares)["decision"]["kind"] == "distrust"


def test_what_it_takes_is_planned_from_an_earlier_control(place: Place) -> None:
    text = " ".join(place.run("--name", "checkout", "--plan", 0.02).split())
    assert "To see a difference of 2 % with probability 80 %" in text
    table = pd.read_csv(place.out / "needs.csv")
    assert table["test"].tolist() == ["fixed", "sequential"]
    assert (table["days"] > 0).all()


def test_a_switchback_is_scheduled_and_read_back(place: Place, tmp_path: Path) -> None:
    pd.DataFrame({"region": [f"r{at}" for at in range(6)]}).to_csv(place.shop / "regions.csv", index=False)
    told = ("--schedule", 28, "--block", 2, "--carry-over", 1, "--name", "prices", "--seed", 3)
    said = place.json(*told)
    assert said["schedule"]["regions"] == 6
    assert said["schedule"]["power"] is None
    table = pd.read_csv(place.out / "schedule.csv")
    assert len(table) == 6 * 28
    rng = np.random.default_rng(1)
    table["outcome"] = 50 + 5.0 * (table["variant"] == "treatment") + rng.normal(0, 1, len(table))
    done = Place(shop=tmp_path / "done", out=tmp_path / "done-out")
    done.shop.mkdir()
    table.to_csv(done.shop / "experiments.csv", index=False)
    found = done.json()
    assert found["design"] == "switchback"
    assert found["carry_over"]["left_out"] == table["burn_in"].sum()
    assert found["decision"]["variant"] == "treatment"
    assert "Randomisation p-value" in done.run()


def test_sales_tell_what_a_switchback_would_see(place: Place) -> None:
    rng = np.random.default_rng(2)
    days = pd.date_range("2024-01-01", periods=60).astype(str)
    frames = [
        pd.DataFrame(
            {"date": days, "sku": "s", "region": f"r{at}", "units": rng.poisson(100 + 20 * at, 60), "price": 2.0}
        )
        for at in range(5)
    ]
    pd.concat(frames).to_csv(place.shop / "sales.csv", index=False)
    said = place.json("--schedule", 28, "--block", 2, "--plan", 0.05, "--metric", "units", "--name", "checkout")
    power = said["schedule"]["power"]
    # Poisson noise of 1 / sqrt(140) per cell, 140 cells in two halves.
    assert power["error"] / power["base"] == pytest.approx(2 / np.sqrt(140 * 140), rel=0.25)
    assert said["schedule"]["start"] == "2024-03-01"
    assert [one["test"] for one in said["needs"]] == ["fixed", "sequential"]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ((), "holds 2 experiments"),
        (("--name", "chekout"), "did you mean 'checkout'"),
        (("--name", "checkout", "--control", "A"), "no variant 'A'"),
        (("--name", "checkout", "--alpha", 2), "alpha 2.0 must lie between 0 and 1"),
        (("--name", "checkout", "--share", "control"), "must read VARIANT=SHARE"),
        (("--name", "checkout", "--share", "control=1"), "give a share for each"),
        (("--name", "checkout", "--schedule", 10), "regions: is not there"),
    ],
)
def test_what_cannot_be_read_ends_with_2_and_writes_nothing(place: Place, wrong, words) -> None:
    said = place.json(*wrong, expect=2)
    assert words in said["error"]
    assert not place.out.exists()
