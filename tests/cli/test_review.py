"""`pricebid review`: the same to people and to machines, and the exit codes of the contract."""

import json
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

CUT = "2025-06-02"  # the template's last four weeks are what then happened


@pytest.fixture(scope="module")
def place(unfitted: Any) -> Any:
    """A review takes no model."""
    return unfitted


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
def plan(before: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `price` would have written that expects the last four weeks again, 5 % dearer: a run of it takes long."""
    shop = {name: pd.read_csv(before / f"{name}.csv") for name in ("sales", "catalog", "regions")}
    weeks = sorted(set(shop["sales"]["date"]))[-4:]
    last = shop["sales"][shop["sales"]["date"].isin(weeks)].groupby(["sku", "region"], as_index=False)
    table = last.agg(current_price=("price", "last"), units=("units", "sum"))
    table = table.merge(shop["catalog"][["sku", "cost"]]).merge(shop["regions"])
    table["price"] = (1.05 * table["current_price"]).round(2)
    table["units_low"], table["units_high"] = 0.7 * table["units"], 1.3 * table["units"]
    table["revenue"] = table["units"] * table["price"] / (1.0 + table["tax"])
    table["profit"] = table["revenue"] - table["units"] * (table["cost"] + table["shipping_cost"])
    limit = {"name": "min_units_ratio", "limit": 0.95, "value": 1.0}
    document = {"id": "by hand", "start": CUT, "horizon": 4, "currency": "EUR", "limits": [limit]}
    return _written(tmp_path_factory.mktemp("plan"), "prices", table.drop(columns=["tax", "shipping_cost"]), document)


@pytest.fixture(scope="module")
def bid_plan(before: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `bid` would have written that leaves every bid as it is."""
    rows = pd.read_csv(before / "keywords.csv")
    days, keys = rows["date"].nunique(), ["campaign", "keyword", "match_type", "sku"]
    sums = ["impressions", "clicks", "cost", "conversions", "revenue"]
    keywords = rows.groupby(keys, dropna=False)
    table = (keywords[sums].sum() / days).assign(current_bid=keywords["bid"].last(), bid=keywords["bid"].last())
    limits = [
        {"name": name, "limit": limit, "value": None} for name, limit in (("daily_budget", 10.0), ("min_roas", 3.0))
    ]
    document = {"id": "by hand", "currency": "EUR", "limits": limits}
    return _written(tmp_path_factory.mktemp("bids"), "bids", table.reset_index(), document)


def _written(folder: Path, name: str, table: pd.DataFrame, document: dict[str, Any]) -> Path:
    table.to_csv(folder / f"{name}.csv", index=False)
    (folder / "plan.json").write_text(json.dumps(document))
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


def test_bids_need_a_start_and_are_reviewed_by_keyword(place: Any, bid_plan: Path, tmp_path: Path) -> None:
    assert "--start DATE" in place.said("review", bid_plan, place.shop, expect=2)
    assert "is no date" in place.said("review", bid_plan, place.shop, "--start", "", expect=2)
    common = ("review", bid_plan, place.shop, "--start", CUT, "--out", tmp_path / "out")
    said = place.json(*common, "--days", 7)
    bids = said["review"]["bids"]
    assert (bids["days"], bids["keywords"]) == (7, {"compared": bids["bid_told"]})
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"review_bids.csv", "review.json"}
    page = " ".join(place.run(*common).split())
    assert "Budgets, day by day" in page
    assert "min_roas" in page
    assert "late conversions" in page
