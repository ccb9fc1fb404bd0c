"""`pricebid review`: the same to people and to machines, and the exit codes of the contract."""

import json
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

CUT = "2025-06-02"  # the template's last four weeks are what then happened


@pytest.fixture(scope="module")
def before(place: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The template shop as it was four weeks earlier."""
    folder = tmp_path_factory.mktemp("before") / "shop"
    shutil.copytree(place.shop, folder)
    for name in ("sales", "keywords"):
        table = pd.read_csv(folder / f"{name}.csv")
        table[table["date"] < CUT].to_csv(folder / f"{name}.csv", index=False)
    return folder


@pytest.fixture(scope="module")
def plan(place: Any, before: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("plan")
    place.run("price", before, "--policy", place.policy, "--out", folder, "--quiet")
    return folder


def test_review_writes_the_offers_and_says_the_same_to_all(place: Any, plan: Path, tmp_path: Path) -> None:
    said = place.json("review", plan, place.shop, "--out", tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"review.csv", "review.json"}
    assert said["review"] == json.loads((tmp_path / "review.json").read_text())
    table = pd.read_csv(tmp_path / "review.csv")
    assert list(table.columns) == [
        "sku",
        "region",
        "status",
        "periods",
        "current_price",
        "planned_price",
        "price",
        "at_plan",
        "units_expected",
        "units_low",
        "units_high",
        "units",
        "within",
        "sold_out",
        "revenue_expected",
        "revenue",
        "profit_expected",
        "profit",
        "planned_cost",
        "cost",
        "volume_effect",
        "price_effect",
        "cost_effect",
        "note",
    ]
    prices = said["review"]["prices"]
    assert len(table) == 14
    assert prices["first"] == CUT
    assert table["profit"].sum() == pytest.approx(prices["totals"]["profit"]["actual"])
    assert sum(prices["effects"].values()) == pytest.approx(prices["totals"]["profit"]["difference"])
    sales = pd.read_csv(place.shop / "sales.csv")
    assert table["units"].sum() == sales[sales["date"] >= CUT]["units"].sum()
    page = " ".join(place.run("review", plan, place.shop, "--out", tmp_path).split())
    assert prices["verdict"] in page
    for words in (
        "14 offers compared",
        "from other volumes",
        "surprise most",
        "takes an experiment",
        "min_units_ratio",
    ):
        assert words in page


def test_a_plan_whose_horizon_has_not_begun_exits_with_2(place: Any, plan: Path, before: Path, tmp_path: Path) -> None:
    refused = place.json("review", plan, before, "--out", tmp_path / "new", expect=2)
    assert f"starts on {CUT}" in refused["error"]
    assert "until the week of 2025-05-26" in refused["error"]
    assert not (tmp_path / "new").exists()
    assert "no plan.json" in place.said("review", tmp_path, place.shop, expect=2)
    place.run("review", plan, expect=2)


def test_bids_need_a_start_and_are_reviewed_by_keyword(place: Any, before: Path, tmp_path: Path) -> None:
    place.run("bid", before, "--policy", place.policy, "--out", tmp_path / "bids", "--quiet")
    assert "--start DATE" in place.said("review", tmp_path / "bids", place.shop, expect=2)
    common = ("review", tmp_path / "bids", place.shop, "--start", CUT, "--out", tmp_path / "out")
    said = place.json(*common, "--days", 7)
    assert said["review"]["bids"]["days"] == 7
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"review_bids.csv", "review.json"}
    page = " ".join(place.run(*common).split())
    assert "Budgets, day by day" in page
    assert "min_roas" in page
    assert "late conversions" in page
