"""`channels` and `attribute`: files, columns, streams and exit codes."""

import csv
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import typer
from typer.testing import CliRunner

from pricebid.cli._channels import attribute, channels
from pricebid.cli._run import add_command
from pricebid.landscape import channel_response
from pricebid.simulate.channels import ChannelSettings, draw_channels

app = typer.Typer()
for function in (channels, attribute):
    add_command(app, function, panel="Decide", example=f"pricebid {function.__name__} my-shop")


@dataclass(frozen=True, kw_only=True)
class Place:
    """A shop with channels and touches, and somewhere to write to."""

    shop: Path
    out: Path

    def run(self, *arguments: object, expect: int = 0) -> str:
        result = CliRunner().invoke(app, [str(argument) for argument in arguments])
        assert result.exit_code == expect, result.output
        return result.stdout

    def json(self, command: str, *arguments: object, expect: int = 0) -> dict[str, Any]:
        said = self.run(command, self.shop, *arguments, "--out", self.out, "--json", "--quiet", expect=expect)
        return json.loads(said)

    def policy(self, text: str) -> Path:
        path = self.shop.parent / "policy.toml"
        path.write_text(text)
        return path


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    for name, sweeps in (("_COARSE", 40), ("_WARM_UP", 30), ("_DRAWS", 60)):
        monkeypatch.setattr(channel_response, name, sweeps)
    shop = tmp_path / "shop"
    shop.mkdir()
    market = draw_channels(ChannelSettings(channels=3, weeks=40), np.random.default_rng(0))
    market.frame().to_csv(shop / "channels.csv", index=False)
    rng = np.random.default_rng(1)
    touches = pd.DataFrame(
        {
            "customer": rng.integers(0, 80, 400).astype(str),
            "time": (np.datetime64("2024-01-01") + rng.integers(0, 90, 400)).astype(str),
            "channel": rng.choice(["mail", "search", "direct"], 400),
            "converted": (rng.random(400) < 0.15).astype(int),
            "value": rng.lognormal(3, 1, 400).round(2),
            "cost": rng.random(400).round(2),
        }
    )
    touches.to_csv(shop / "touches.csv", index=False)
    return Place(shop=shop, out=tmp_path / "out")


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf8", newline="") as file:
        return list(csv.DictReader(file))


def test_channels_writes_a_row_per_channel_and_the_plan(place: Place) -> None:
    policy = place.policy('objective = "revenue"\n[channels]\nbudget = 30000\ncaps = { "channel 1" = 0.4 }\n')
    said = place.json("channels", "--policy", policy, "--margin", 0.5)
    table = rows(place.out / "channels.csv")
    assert [row["channel"] for row in table] == ["channel 1", "channel 2", "channel 3"]
    spend = [float(row["spend"]) for row in table]
    assert sum(spend) <= 30_000
    assert spend[0] <= 12_000 + 1e-6
    assert {"marginal_return", "roi", "cac", "reason", "revenue_low"} <= set(table[0])
    plan = json.loads((place.out / "plan.json").read_text())
    assert said["plan"]["id"] == plan["id"]
    assert said["channels"] == 3
    assert sum(said["spend"].values()) == pytest.approx(sum(spend))
    assert plan["limits"][0]["slack"] >= -1e-6


def test_channels_tells_people_what_to_do_and_why(place: Place) -> None:
    text = place.run("channels", place.shop, "--out", place.out, "--quiet")
    assert "Plan for 3 channels, per week" in text
    assert "the next unit of money brings" in " ".join(text.split())
    assert "no margin is known" in text
    assert "Proof: no split is worth more" in text


def test_limits_that_cannot_hold_end_with_3_and_write_nothing(place: Place) -> None:
    policy = place.policy('[channels]\nbudget = 1000\nmax_change = { "channel 1" = 0.01 }\n')
    said = place.json("channels", "--policy", policy, expect=3)
    assert said["exit_code"] == 3
    assert said["conflicts"][0]["name"] == "channels.budget"
    assert not place.out.exists()


def test_an_unknown_channel_ends_with_2(place: Place) -> None:
    policy = place.policy('[channels]\nbudget = 1000\nfloors = { "chanel 1" = 0.5 }\n')
    said = place.json("channels", "--policy", policy, expect=2)
    assert "did you mean 'channel 1'" in said["error"]


def test_attribute_writes_every_rule_with_one_total(place: Place) -> None:
    said = place.json("attribute", "--window", 30)
    table = pd.read_csv(place.out / "attribution.csv")
    totals = table.groupby("rule")["conversions"].sum()
    assert len(totals) == 9
    np.testing.assert_allclose(totals, said["conversions"])
    assert set(table["channel"]) == {"mail", "search", "direct"}
    graph = pd.read_csv(place.out / "transitions.csv")
    np.testing.assert_allclose(graph.groupby("from")["probability"].sum(), 1.0)
    assert said["removal_effects"].keys() == {"mail", "search", "direct"}


def test_attribute_takes_rules_by_name(place: Place) -> None:
    said = place.json("attribute", "--rule", "last", "--rule", "markov", "--order", 2)
    assert list(said["rules"]) == ["last", "markov"]
    assert " > " in pd.read_csv(place.out / "transitions.csv")["from"].str.cat()
    text = place.run("attribute", place.shop, "--rule", "last", "--out", place.out, "--quiet")
    assert "in all" in text
    assert "lost without" in text


@pytest.mark.parametrize("wrong", [("--rule", "best"), ("--window", 0), ("--half-life", 0), ("--order", 0)])
def test_attribute_refuses_what_makes_no_sense(place: Place, wrong: tuple[str, object]) -> None:
    said = place.json("attribute", *wrong, expect=2)
    assert said["exit_code"] == 2
    assert not place.out.exists()


def test_a_shop_without_the_table_ends_with_2(place: Place) -> None:
    (place.shop / "touches.csv").unlink()
    assert "touches: is not there" in place.json("attribute", expect=2)["error"]
