"""`pricebid plan`, and every command of advertising, on the template shop."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

if TYPE_CHECKING:
    from pathlib import Path


def test_prices_and_bids_are_written_together_and_keep_both_kinds_of_limits(place: Any, tmp_path: Path) -> None:
    out = tmp_path / "out"
    said = place.json("plan", place.shop, "--policy", place.policy, "--model", place.model, "--out", out)
    assert {path.name for path in out.iterdir()} == {
        "prices.csv", "bids.csv", "dayparts.csv", "adjustments.csv", "plan.json",
    }  # fmt: skip
    plan = said["plan"]
    prices, bids = pd.read_csv(out / "prices.csv"), pd.read_csv(out / "bids.csv")
    assert {"ad_units_now", "ad_units"} <= set(prices.columns)
    assert bids["cost"].sum() <= 10.0 * (1 + 1e-9)
    assert prices["units"].sum() >= 0.95 * prices["units_now"].sum() * (1 - 1e-9)
    limits = [*plan["prices"]["limits"], *plan["bids"]["limits"]]
    assert all(one["slack"] is None or one["slack"] >= -1e-9 * max(1.0, abs(one["limit"])) for one in limits)
    assert plan["turns"][0]["what"] == "prices first, bids after"
    spent = 28 * bids["cost"].sum()
    assert plan["totals"]["planned"]["ad_cost"] == pytest.approx(spent, rel=1e-6)
    assert plan["totals"]["planned"]["profit"] == pytest.approx(prices["profit"].sum() - spent, rel=1e-6)


def test_a_shop_whose_ads_lead_to_no_sku_is_told_so(place: Any, tmp_path: Path) -> None:
    shop = tmp_path / "shop"
    shutil.copytree(place.shop, shop)
    pd.read_csv(shop / "keywords.csv").drop(columns="sku").groupby(
        ["date", "campaign", "keyword", "match_type", "device", "bid"], as_index=False
    ).sum().to_csv(shop / "keywords.csv", index=False)
    pd.read_csv(shop / "candidates.csv").drop(columns="sku").to_csv(shop / "candidates.csv", index=False)
    said = place.json("plan", shop, "--policy", place.policy, "--model", place.model, "--out", tmp_path / "o", expect=2)
    assert "no column sku" in said["error"]
    assert not (tmp_path / "o").exists()


def test_a_shop_without_keywords_is_told_before_a_model_is_fitted(place: Any, tmp_path: Path) -> None:
    shop = tmp_path / "shop"
    shutil.copytree(place.shop, shop)
    for name in ("keywords", "candidates"):
        (shop / f"{name}.csv").unlink()
    said = place.json("plan", shop, "--policy", place.policy, "--out", tmp_path / "o", expect=2)
    assert "keywords" in said["error"]


def test_bids_follow_the_prices_of_a_price_plan(place: Any, tmp_path: Path) -> None:
    dear = tmp_path / "dear"
    place.run("price", place.shop, "--policy", place.policy, "--model", place.model, "--out", dear, "--quiet")
    prices = pd.read_csv(dear / "prices.csv")
    prices.assign(price=1.3 * prices["price"]).to_csv(dear / "prices.csv", index=False)
    now = place.json("bid", place.shop, "--policy", place.policy, "--out", tmp_path / "now")
    then = place.json("bid", place.shop, "--policy", place.policy, "--prices", dear, "--out", tmp_path / "then")
    profit = [one["plan"]["totals"]["planned"]["profit"] for one in (now, then)]
    assert profit[1] > profit[0]


@pytest.mark.parametrize("command", ["channels", "attribute"])
def test_the_other_commands_of_advertising_run_on_the_template(place: Any, tmp_path: Path, command: str) -> None:
    policy = ("--policy", place.policy) if command == "channels" else ()
    said = place.json(command, place.shop, *policy, "--out", tmp_path / "out")
    assert said["status"] == "done"
    assert said["files"]
