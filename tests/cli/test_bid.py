"""`pricebid bid` from end to end, on a simulated report."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from pricebid.cli import app
from pricebid.simulate import AdMarketSettings, draw_ad_market

if TYPE_CHECKING:
    from pathlib import Path

SETTINGS = AdMarketSettings(keywords=12, days=14, hourly=False, devices=2)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_ad_market(SETTINGS, np.random.default_rng(2)).write(tmp_path_factory.mktemp("ads") / "shop")


def run(*arguments: object, expect: int = 0) -> str:
    result = CliRunner().invoke(app, ["bid", *map(str, arguments)])
    assert result.exit_code == expect, result.output
    return result.stdout


def policy(folder: Path, text: str) -> Path:
    file = folder / "policy.toml"
    file.write_text(text)
    return file


def test_a_bid_plan_is_written_whole_with_its_three_tables(shop: Path, tmp_path: Path) -> None:
    text = run(shop, "--policy", policy(tmp_path, "[bids]\ndaily_budget = 20.0\n"), "--out", tmp_path / "out")
    assert "Bid plan for 12 keywords" in " ".join(text.split())
    bids = pd.read_csv(tmp_path / "out" / "bids.csv")
    assert len(bids) == 12
    assert bids["cost"].sum() <= 20.0
    assert set(pd.read_csv(tmp_path / "out" / "adjustments.csv")["dimension"]) == {"device"}
    assert len(pd.read_csv(tmp_path / "out" / "dayparts.csv")) == 0
    content = json.loads((tmp_path / "out" / "plan.json").read_text())
    assert content["limits"][0]["name"] == "daily_budget"


def test_json_is_one_object(shop: Path, tmp_path: Path) -> None:
    summary = json.loads(run(shop, "--out", tmp_path / "out", "--json", "--quiet"))
    assert summary["command"] == "bid"
    assert summary["keywords"] == 12
    assert summary["plan"]["scope"] == "exact"


def test_a_campaign_without_a_possible_bid_exits_with_3_and_writes_nothing(shop: Path, tmp_path: Path) -> None:
    campaigns = pd.read_csv(shop / "campaigns.csv").assign(min_bid=2.0)
    other = tmp_path / "other"
    other.mkdir()
    for file in shop.iterdir():
        (other / file.name).write_bytes(file.read_bytes())
    campaigns.to_csv(other / "campaigns.csv", index=False)
    chosen = policy(tmp_path, "[bids]\nmax_bid = 1.0\n")
    run(other, "--policy", chosen, "--out", tmp_path / "out", expect=3)
    assert not (tmp_path / "out").exists()


def test_profit_without_margins_is_a_fault_that_names_the_remedy(shop: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "keywords.csv").write_bytes((shop / "keywords.csv").read_bytes())
    result = CliRunner().invoke(app, ["bid", str(other), "--out", str(tmp_path / "out")])
    assert result.exit_code == 2
    assert "campaigns.margin" in result.output
    chosen = policy(tmp_path, 'objective = "revenue"\n[bids]\ndaily_budget = 15.0\n')
    run(other, "--policy", chosen, "--out", tmp_path / "out", "--quiet")
    assert pd.read_csv(tmp_path / "out" / "bids.csv")["revenue"].sum() > 0


def test_prices_of_a_shop_without_linked_skus_are_refused(shop: Path, tmp_path: Path) -> None:
    folder = tmp_path / "prices"
    folder.mkdir()
    pd.DataFrame({"sku": ["a"], "region": ["all"], "price": [1.0]}).to_csv(folder / "prices.csv", index=False)
    result = CliRunner().invoke(app, ["bid", str(shop), "--prices", str(folder), "--out", str(tmp_path / "out")])
    assert result.exit_code == 2
    assert "prices were given, but keywords lead to no sku of the shop" in " ".join(result.stderr.split())
    assert not (tmp_path / "out").exists()
