"""Each command writes the files and columns of the contract, and says the same to people and to machines."""

import csv
import json
import math
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import pricebid
from pricebid import demand
from pricebid.cli import app
from pricebid.cli._demo import picture
from pricebid.cli._run import Run

PRICES = (
    "sku region current_price price cost units_now units units_low units_high revenue_now revenue profit_now profit "
    "margin lost_units reason"
)


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf8", newline="") as file:
        return list(csv.DictReader(file))


def numbers(path: Path, column: str) -> np.ndarray:
    return np.array([float(row[column]) for row in rows(path)])


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_init_makes_a_shop_that_check_finds_no_fault_in(place: Any, tmp_path: Path) -> None:
    said = place.run("init", tmp_path / "new" / "shop")
    assert "check" in said
    assert "No faults." in place.run("check", tmp_path / "new" / "shop", "--policy", place.policy)


def test_init_overwrites_nothing(place: Any, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    place.run("init", tmp_path, expect=2)
    assert names(tmp_path) == {"mine.txt"}


def test_check_lists_every_fault_and_exits_with_2(place: Any, tmp_path: Path) -> None:
    shutil.copytree(place.shop, tmp_path / "shop")
    text = (tmp_path / "shop" / "sales.csv").read_text().splitlines()
    text[1] = text[1].replace(",40,", ",-40,")
    text[3] = "no date" + text[3][10:]
    (tmp_path / "shop" / "sales.csv").write_text("\n".join(text))
    (tmp_path / "shop" / "catalog.csv").write_text("sku,cost\na,1\na,2\n")
    result = CliRunner().invoke(app, ["check", str(tmp_path / "shop")])
    assert result.exit_code == 2
    for part in ("units", "date", "catalog"):
        assert part in result.stderr


def test_check_reads_the_policy_too(place: Any, tmp_path: Path) -> None:
    (tmp_path / "policy.toml").write_text("[price]\nmin_margn = 0.1\n")
    result = CliRunner().invoke(app, ["check", str(place.shop), "--policy", str(tmp_path / "policy.toml")])
    assert result.exit_code == 2
    assert "min_margin" in result.stderr


def test_fit_writes_a_model_without_pickle(place: Any) -> None:
    assert names(place.model) == {"params.npz", "meta.json", "card.md"}
    with np.load(place.model / "params.npz", allow_pickle=False) as arrays:
        assert all(arrays[name].dtype != object for name in arrays)


def test_forecast_has_a_row_per_offer_and_period(place: Any, tmp_path: Path) -> None:
    said = place.json("forecast", place.shop, "--model", place.model, "--horizon", 3, "--out", tmp_path)
    table = rows(tmp_path / "forecast.csv")
    assert list(table[0]) == ["date", "sku", "region", "units", "p10", "p50", "p90", "price"]
    assert len(table) == 14 * 3
    assert {row["date"] for row in table} == {"2025-06-30", "2025-07-07", "2025-07-14"}
    low, mid, high = (numbers(tmp_path / "forecast.csv", name) for name in ("p10", "p50", "p90"))
    assert (low <= mid).all()
    assert (mid <= high).all()
    assert math.isclose(said["units"], numbers(tmp_path / "forecast.csv", "units").sum(), rel_tol=1e-9)


def test_forecast_uses_what_is_planned(place: Any, tmp_path: Path) -> None:
    place.run("forecast", place.shop, "--model", place.model, "--out", tmp_path)
    units = {
        (row["date"], row["sku"]): float(row["units"])
        for row in rows(tmp_path / "forecast.csv")
        if row["region"] == "north"
    }
    assert units["2025-07-07", "filter-250"] > 1.1 * units["2025-06-30", "filter-250"]


def test_start_moves_the_first_period(place: Any, tmp_path: Path) -> None:
    place.run(
        "forecast", place.shop, "--model", place.model, "--start", "2025-07-14", "--horizon", 1, "--out", tmp_path
    )
    assert {row["date"] for row in rows(tmp_path / "forecast.csv")} == {"2025-07-14"}
    place.run("forecast", place.shop, "--model", place.model, "--start", "next week", expect=2)


@pytest.mark.parametrize("command", ["forecast", "price"])
def test_a_start_that_cannot_be_is_refused_before_anything_is_fitted(
    place: Any, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pricebid.engine.fit", lambda *_, **__: pytest.fail("was fitted"))
    refused = place.json(command, place.shop, "--start", "2025-06-23", expect=2)
    assert "2025-06-30" in refused["error"]


def test_parquet_comes_beside_csv_and_holds_the_same(place: Any, tmp_path: Path) -> None:
    place.run("forecast", place.shop, "--model", place.model, "--format", "parquet", "--out", tmp_path)
    assert names(tmp_path) == {"forecast.csv", "forecast.parquet"}
    table = pd.read_parquet(tmp_path / "forecast.parquet")
    assert np.allclose(table["units"], numbers(tmp_path / "forecast.csv", "units"))


def test_backtest_scores_the_engine_beside_naive(place: Any, tmp_path: Path) -> None:
    said = place.json("backtest", place.shop, "--horizon", 4, "--origins", 2, "--out", tmp_path)
    assert names(tmp_path) == {"backtest.csv", "metrics.csv"}
    table = rows(tmp_path / "backtest.csv")
    assert {"origin", "date", "sku", "region", "actual", "units", "p10", "p50", "p90"} <= set(table[0])
    assert len({row["origin"] for row in table}) == 2
    wape = {one["forecaster"]: one["wape"] for one in said["scores"]}
    assert wape["pricebid"] < wape["naive"]
    # The figures printed are those of the cells written.
    kept = [row for row in table if row["censored"] == "0"]
    actual = np.array([float(row["actual"]) for row in kept])
    median = np.array([float(row["p50"]) for row in kept])
    assert math.isclose(wape["pricebid"], np.abs(median - actual).sum() / actual.sum(), rel_tol=1e-9)


def test_backtest_refuses_drivers_that_nobody_can_know(place: Any) -> None:
    assert "'stock': it is never known ahead" in place.said("backtest", place.shop, "--planned", "stock", expect=2)
    assert "at most 24 such blocks fit" in place.said("backtest", place.shop, "--origins", 100, expect=2)


def test_elasticities_are_negative_and_cross_pairs_share_region_and_category(place: Any, tmp_path: Path) -> None:
    place.run("elasticities", place.shop, "--model", place.model, "--out", tmp_path)
    own, cross = rows(tmp_path / "elasticities.csv"), rows(tmp_path / "cross.csv")
    assert list(own[0]) == ["sku", "region", "own", "own_low", "own_high"]
    assert list(cross[0]) == ["sku", "of_sku", "region", "value"]
    assert len(own) == 14
    assert (numbers(tmp_path / "elasticities.csv", "own") < 0).all()
    assert len(cross) == 2 * (4 * 3 + 3 * 2)
    assert all(
        ("tea" in row["sku"] or "rooibos" in row["sku"]) == ("tea" in row["of_sku"] or "rooibos" in row["of_sku"])
        for row in cross
    )


def test_price_writes_prices_and_a_plan_that_agree(place: Any, tmp_path: Path) -> None:
    said = place.json("price", place.shop, "--policy", place.policy, "--model", place.model, "--out", tmp_path)
    assert names(tmp_path) == {"prices.csv", "plan.json"}
    table = rows(tmp_path / "prices.csv")
    assert list(table[0]) == PRICES.split()
    plan = json.loads((tmp_path / "plan.json").read_text())
    assert said["plan"] == plan
    assert {
        "id",
        "status",
        "objective",
        "bound",
        "gap",
        "scope",
        "totals",
        "limits",
        "model",
        "seed",
        "seconds",
        "policy",
    } <= set(plan)
    fitted = json.loads((place.model / "meta.json").read_text())
    assert plan["model"] == f"DemandModel {fitted['digest'][:16]}"
    assert plan["bound"] >= plan["objective"] - 1e-9 * abs(plan["objective"])
    for name in ("profit", "revenue", "units"):
        total = numbers(tmp_path / "prices.csv", name).sum()
        assert math.isclose(plan["totals"]["planned"][name], total, rel_tol=1e-9)
    assert plan["totals"]["planned"]["profit"] >= plan["totals"]["now"]["profit"]
    assert plan["totals"]["planned"]["units"] >= 0.95 * plan["totals"]["now"]["units"] * (1 - 1e-9)


def test_every_price_keeps_the_policy(place: Any, tmp_path: Path) -> None:
    place.run("price", place.shop, "--policy", place.policy, "--model", place.model, "--out", tmp_path)
    for row in rows(tmp_path / "prices.csv"):
        price, current = float(row["price"]), float(row["current_price"])
        assert abs(price / current - 1) <= 0.15 + 1e-9
        assert price == current or round(price % 1, 2) in (0.99, 0.49)
        assert float(row["margin"]) >= 0.10
        assert row["reason"]


def test_previous_adds_what_differs(place: Any, tmp_path: Path) -> None:
    common = ("price", place.shop, "--model", place.model)
    place.run(*common, "--policy", place.policy, "--out", tmp_path / "a")
    place.run(*common, "--policy", place.policy, "--out", tmp_path / "same", "--previous", tmp_path / "a")
    assert rows(tmp_path / "same" / "diff.csv") == []
    (tmp_path / "tight.toml").write_text("[price]\nmax_change = 0.03\n")
    place.run(*common, "--policy", tmp_path / "tight.toml", "--out", tmp_path / "b", "--previous", tmp_path / "a")
    before = {(row["sku"], row["region"]): row["price"] for row in rows(tmp_path / "a" / "prices.csv")}
    after = {(row["sku"], row["region"]): row["price"] for row in rows(tmp_path / "b" / "prices.csv")}
    diff = {(row["sku"], row["region"]) for row in rows(tmp_path / "b" / "diff.csv")}
    assert diff == {key for key in before if float(before[key]) != float(after[key])}
    assert diff


def test_limits_that_cannot_hold_exit_with_3_and_write_nothing(place: Any, tmp_path: Path) -> None:
    (tmp_path / "policy.toml").write_text("[price]\nmax_change = 0.02\n[portfolio]\nmin_units_ratio = 1.5\n")
    arguments = [
        "price",
        place.shop,
        "--model",
        place.model,
        "--policy",
        tmp_path / "policy.toml",
        "--out",
        tmp_path / "o",
    ]
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == 3
    assert "min_units_ratio" in result.stderr
    assert not (tmp_path / "o").exists()


def test_a_model_of_another_shop_is_refused(place: Any, tmp_path: Path) -> None:
    shutil.copytree(place.shop, tmp_path / "shop")
    sales = (tmp_path / "shop" / "sales.csv").read_text().splitlines()
    kept = [line for line in sales if "rooibos" not in line]
    (tmp_path / "shop" / "sales.csv").write_text("\n".join(kept) + "\n")
    result = CliRunner().invoke(app, ["forecast", str(tmp_path / "shop"), "--model", str(place.model)])
    assert result.exit_code == 2
    assert "does not fit" in result.stderr


def test_the_same_seed_gives_the_same_files(place: Any, tmp_path: Path) -> None:
    for name in ("a", "b"):
        out = ("--policy", place.policy, "--model", place.model, "--seed", 7, "--out", tmp_path / name)
        place.run("price", place.shop, *out)
    assert (tmp_path / "a" / "prices.csv").read_bytes() == (tmp_path / "b" / "prices.csv").read_bytes()
    assert json.loads((tmp_path / "a" / "plan.json").read_text())["seed"] == 7


def test_a_terminal_without_unicode_gets_words_all_the_same(place: Any, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pricebid", "price", place.shop, "--policy", place.policy, "--model", place.model]
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "TERM": "dumb"}
    out = subprocess.run([*command, "--out", tmp_path / "o"], capture_output=True, check=True, env=environment)
    assert b"over the horizon" in out.stdout
    assert b"\x1b[" not in out.stdout + out.stderr
    assert max(map(len, out.stdout.splitlines())) <= 200


@pytest.mark.parametrize("command", ["forecast", "elasticities", "price", "backtest", "fit"])
def test_a_folder_that_is_no_shop_exits_with_2(place: Any, tmp_path: Path, command: str) -> None:
    more = ["--model", tmp_path / "m"] if command == "fit" else []
    assert "nowhere: is not there; a shop is a folder" in place.said(command, tmp_path / "nowhere", *more, expect=2)


def test_python_and_the_command_give_the_same_prices(place: Any, tmp_path: Path) -> None:
    place.run("price", place.shop, "--policy", place.policy, "--model", place.model, "--out", tmp_path)
    shop = pricebid.Shop.read(place.shop)
    plan = pricebid.price(shop, pricebid.fit(shop), pricebid.Policy.read(place.policy))
    assert np.array_equal(numbers(tmp_path / "prices.csv", "price"), plan.price)
    assert np.allclose(numbers(tmp_path / "prices.csv", "profit"), plan.to_frame()["profit"], rtol=1e-9)


def test_whatif_writes_the_scenario_beside_the_baseline(place: Any, tmp_path: Path) -> None:
    common = (place.shop, "--policy", place.policy, "--model", place.model)
    said = place.json("whatif", *common, "--scenario", place.shop / "scenario.toml", "--out", tmp_path / "w")
    assert names(tmp_path / "w") == {"comparison.csv", "prices.csv", "diff.csv", "comparison.json"}
    table = {row["outcome"]: row for row in rows(tmp_path / "w" / "comparison.csv")}
    assert list(table["profit"]) == ["outcome", "baseline", "scenario", "difference", "low", "high"]
    assert float(table["profit"]["difference"]) < 0, "dearer coffee cannot earn more within limits this close"
    place.run("price", *common, "--out", tmp_path / "p")
    baseline = numbers(tmp_path / "p" / "prices.csv", "profit").sum()
    assert math.isclose(float(table["profit"]["baseline"]), baseline, rel_tol=1e-9)
    assert math.isclose(
        numbers(tmp_path / "w" / "prices.csv", "profit").sum(), float(table["profit"]["scenario"]), rel_tol=1e-9
    )
    assert {one["outcome"] for one in said["differences"]} == {"profit", "revenue", "units"}


def test_a_scenario_with_a_fault_names_it(place: Any, tmp_path: Path) -> None:
    (tmp_path / "s.toml").write_text('[[change]]\ntable = "catalogue"\nset = { cost = 1 }\n')
    arguments = ["whatif", place.shop, "--model", place.model, "--scenario", tmp_path / "s.toml"]
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == 2
    assert "catalog" in result.stderr


def test_without_matplotlib_the_demo_goes_on_and_says_how_to_get_it(
    place: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    shop = pricebid.Shop.read(place.shop)
    plan = pricebid.price(shop, demand.load(place.model), pricebid.Policy())
    run = Run(command="demo", out=Path(), file_format="csv", json_summary=False, quiet=False, debug=False)
    assert picture(run, plan, "plan.png") == {}
    assert "pip install matplotlib" in capsys.readouterr().err


def test_a_plan_without_a_bound_on_changes_says_so(place: Any, tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["price", str(place.shop), "--model", str(place.model), "--out", str(tmp_path)])
    assert result.exit_code == 0
    assert "no max_change" in result.stderr
