"""The shops that ship with the package are sound, and say what their source says."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pricebid import InputError, Policy, Shop
from pricebid.datasets import orange_juice_path, template_path, write_template
from pricebid.policy import Scenario


@pytest.fixture(scope="module")
def orange_juice() -> Shop:
    return Shop.read(orange_juice_path())


def test_orange_juice_is_sound_and_small(orange_juice: Shop) -> None:
    assert orange_juice.warnings == ()
    assert orange_juice.without_cost() == ()
    assert sum(path.stat().st_size for path in orange_juice_path().iterdir()) < 1_200_000
    assert {"LICENSE", "SOURCE.md", "policy.toml"} <= {path.name for path in orange_juice_path().iterdir()}
    assert Policy.read(orange_juice_path() / "policy.toml").horizon == 4


def test_orange_juice_has_913_weekly_series_and_unrecorded_weeks_are_missing(orange_juice: Shop) -> None:
    history = orange_juice.history()
    assert history.frequency == "week"
    assert history.units.shape == (913, 121)
    assert int(np.isfinite(history.units).sum()) == 106_139
    assert not np.any(history.units == 0.0)
    assert history.driver_names == ("promo", "feature")
    assert set(orange_juice.offers.size) == {64.0, 96.0, 128.0}


@pytest.mark.realdata
@pytest.mark.skipif("PRICEBID_DATA" not in os.environ, reason="PRICEBID_DATA names no folder")
def test_orange_juice_says_what_its_source_says(orange_juice: Shop) -> None:
    raw = pd.read_csv(Path(os.environ["PRICEBID_DATA"]) / "oj_dominicks" / "oj_weekly.csv.gz")
    history = orange_juice.history()
    assert np.nansum(history.units) == raw["units"].sum()
    one = raw[(raw["store"] == 86) & (raw["brand"] == 2)].sort_values("week")
    at = (orange_juice.offers.sku == "Tropicana Premium 96 oz") & (orange_juice.offers.region == "store 086")
    units = history.units[at][0]
    np.testing.assert_array_equal(units[np.isfinite(units)], one["units"])
    usual = one[one["deal"] == 0].iloc[-1]
    assert orange_juice.offers.current_price[at][0] == pytest.approx(usual["price"], abs=0.005)
    cost = (one["price"] * (1 - one["gross_margin_pct"] / 100))[one["week"] > 147].median()
    assert orange_juice.offers.cost[at][0] == pytest.approx(cost, abs=1e-4)


def test_the_template_is_sound_with_its_policy_and_scenario(tmp_path: Path) -> None:
    write_template(tmp_path / "shop")
    shop = Shop.read(tmp_path / "shop")
    assert shop.warnings == ()
    assert shop.without_cost() == ()
    policy = Policy.read(tmp_path / "shop" / "policy.toml")
    scenario = Scenario.read(tmp_path / "shop" / "scenario.toml")
    for change in scenario.changes:
        shop = shop.changed(change)
    scenario.policy(policy)
    assert len(shop.future(policy.horizon).periods) == policy.horizon
    assert {path.name for path in template_path().iterdir()} == {path.name for path in (tmp_path / "shop").iterdir()}


def test_the_template_overwrites_nothing(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match="not empty"):
        write_template(tmp_path)
