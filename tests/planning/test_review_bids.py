"""A bid plan against what was then bid, paid and brought; by hand."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

import pricebid
from pricebid.errors import InputError
from pricebid.planning import Review, review
from pricebid.simulate import AdMarketSettings, MarketSettings
from pricebid.simulate.joint_market import draw_joint_market
from pricebid.tables import Settings, Shop

if TYPE_CHECKING:
    from pathlib import Path

START = "2024-03-04"
COLUMNS = ["date", "campaign", "keyword", "bid", "impressions", "clicks", "cost", "conversions", "revenue"]


def shop_of(rows: list[tuple[Any, ...]], **more: Any) -> Shop:
    """Two days before the plan, then the rows given: day of the plan (from 0), campaign, keyword, bid, clicks, cost, ..."""
    first = pd.Timestamp(START)
    before = [(first - pd.Timedelta(days=day), "c", "k1", 0.1, 50, 5, 1.0, 1, 9.0) for day in (1, 2)]
    since = [(first + pd.Timedelta(days=day), *row) for day, *row in rows]
    frame = pd.DataFrame(before + since, columns=COLUMNS).assign(**more)
    return Shop.from_frames({"keywords": frame}, Settings(currency="EUR"))


def plan_of(folder: Path, *, limits: tuple[tuple[str, float], ...] = (), times: str = "", **document: Any) -> Path:
    """Write the folder that `pricebid bid` would have written: k1 at 0.30, k2 paused."""
    frame = pd.DataFrame(
        {
            "campaign": ["c", "c"], "keyword": ["k1", "k2"], "match_type": ["", ""], "current_bid": [0.1, 0.2],
            "bid": [0.3, 0.0], "impressions": [100.0, 0.0], "clicks": [10.0, 0.0], "cost": [2.0, 0.0],
            "conversions": [1.0, 0.0], "revenue": [20.0, 0.0], "profit": [4.0, 0.0],
        }
    )  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    frame.to_csv(folder / "bids.csv", index=False)
    if times:
        (folder / "dayparts.csv").write_text(f"campaign,hour,multiplier\n{times}")
    (folder / "adjustments.csv").write_text("campaign,dimension,value,multiplier\n")
    named = [{"name": name, "limit": limit, "value": None} for name, limit in limits]
    content = {"id": "a bid plan", "currency": "EUR", "limits": named} | document
    (folder / "plan.json").write_text(json.dumps(content))
    return folder


AS_PLANNED = [(day, "c", "k1", 0.3, 100, 10, 2.0, 1, 20.0) for day in range(4)]


def reviewed(tmp_path: Path, rows: list[tuple[Any, ...]], *, days: int | None = None, **plan: Any) -> Review:
    return review(plan_of(tmp_path, **plan), shop_of(rows), start=START, days=days)


def test_bids_that_came_true_show_no_difference(tmp_path: Path) -> None:
    bids = reviewed(tmp_path, AS_PLANNED).bids
    assert bids is not None
    assert len(bids.days) == 4
    for total in bids.totals.values():
        assert total["difference"] == pytest.approx(0.0)
    assert bids.at_plan.tolist() == [1.0, 1.0]
    assert bids.followed == (2, 2)
    assert bids.status.tolist() == ["compared", "plan only"]


def test_means_are_per_day_and_days_without_a_row_count(tmp_path: Path) -> None:
    rows = [(0, "c", "k1", 0.4, 80, 30, 6.0, 2, 40.0), (3, "c", "k1", 0.3, 80, 10, 2.0, 0, 0.0)]
    found = reviewed(tmp_path, rows)
    assert found.bids is not None
    assert found.bids.cost[0] == 2.0
    assert found.bids.clicks[0] == 10.0
    assert found.bids.bid[0] == pytest.approx((30 * 0.4 + 10 * 0.3) / 40)
    assert found.bids.at_plan[0] == 0.5
    assert "bid 0.37 on average, the planned 0.30 in 50% of the rows" in found.to_frame()["note"][0]


def test_without_a_start_it_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"does not say from when on it holds.*--start DATE"):
        review(plan_of(tmp_path), shop_of(AS_PLANNED))
    assert review(plan_of(tmp_path, start=START), shop_of(AS_PLANNED)).bids is not None
    with pytest.raises(InputError, match="`keywords` reaches from 2024-03-02 until 2024-03-07"):
        review(tmp_path, shop_of(AS_PLANNED), start="2024-03-08")
    with pytest.raises(InputError, match="at least 1"):
        review(tmp_path, shop_of(AS_PLANNED), start=START, days=0)


def test_days_bound_the_window_and_days_that_lack_are_told(tmp_path: Path) -> None:
    two = reviewed(tmp_path, AS_PLANNED, days=2)
    assert two.bids is not None
    assert [str(day) for day in two.bids.days] == [START, "2024-03-05"]
    assert two.notices == (
        "planned keywords without a row in the window: 1; they count with nothing spent and nothing brought",
    )
    assert (two.bids.asked_days, two.bids.silent_days) == (2, 0)
    seven = reviewed(tmp_path, AS_PLANNED, days=7)
    assert any("4 of 7 days have reports" in notice for notice in seven.notices)
    assert any("late conversions" in notice for notice in seven.notices)


def test_days_without_any_report_are_told_without_days_too(tmp_path: Path) -> None:
    gap = reviewed(tmp_path, [AS_PLANNED[0], AS_PLANNED[3]])
    assert gap.bids is not None
    assert (gap.bids.asked_days, gap.bids.silent_days) == (4, 2)
    assert gap.bids.cost[0] == 1.0
    assert any("without a row of any keyword: 2 of 4" in notice for notice in gap.notices)
    early = review(plan_of(tmp_path), shop_of(AS_PLANNED), start="2024-02-27")  # reports begin on 2024-03-02
    assert early.bids is not None
    assert (early.bids.asked_days, len(early.bids.days), early.bids.silent_days) == (10, 6, 0)
    assert any("6 of 10 days have reports" in notice for notice in early.notices)
    assert not any("days have reports" in notice for notice in reviewed(tmp_path, AS_PLANNED).notices)
    with pytest.raises(InputError, match="no date"):
        review(plan_of(tmp_path, start="soon"), shop_of(AS_PLANNED))


def test_a_paused_keyword_that_ran_and_one_out_of_plan_are_told(tmp_path: Path) -> None:
    rows = [*AS_PLANNED, (0, "c", "k2", 0.2, 10, 1, 0.5, 0, 0.0), (1, "d", "k3", 0.2, 10, 1, 4.0, 0, 0.0)]
    found = reviewed(tmp_path, rows)
    assert found.bids is not None
    assert found.bids.at_plan[:2].tolist() == [1.0, 0.75]
    frame = found.to_frame()
    assert frame["keyword"].tolist() == ["k1", "k2", "k3"]
    assert frame["status"].tolist() == ["compared", "compared", "report only"]
    assert "to be paused, but ran in 25% of the days" in frame["note"][1]
    assert "without being in the plan, for 1.00 a day" in frame["note"][2]
    assert found.bids.totals["cost"]["actual"] == pytest.approx(2.125)
    assert any("without being in the plan: 1, for 1.00 a day" in notice for notice in found.notices)


def test_budgets_are_looked_at_day_by_day(tmp_path: Path) -> None:
    spent = (1.0, 3.0, 2.0, 5.5)
    rows = [(day, "c", "k1", 0.3, 100, 10, cost, 1, 20.0) for day, cost in enumerate(spent)]
    rows.append((3, "", "k9", 0.1, 10, 1, 1.0, 0, 0.0))
    limits = (("daily_budget", 2.0), ("daily_budget of campaign c", 5.0), ("daily_budget of campaign (none)", 3.0))
    found = reviewed(tmp_path, rows, limits=limits, policy={"bids": {"budget_confidence": 0.75}})
    assert found.bids is not None
    whole, one, none = found.bids.budgets
    assert (whole.campaign, whole.days, whole.above, whole.due) == (None, 4, 2, 1.0)
    assert (whole.worst, whole.over) == pytest.approx((4.5, 5.5))
    assert (one.campaign, one.above, one.worst) == ("c", 1, pytest.approx(0.5))
    assert (none.campaign, none.above, none.over) == ("", 0, 0.0)
    assert "exceeded on 2 days, by up to 4.50" in found.summary()


def test_ratios_are_those_of_the_window(tmp_path: Path) -> None:
    limits = (("min_roas", 12.0), ("max_cpa", 1.5), ("max_cpa of campaign x", 1.0))
    bids = reviewed(tmp_path, AS_PLANNED, limits=limits).bids
    assert bids is not None
    roas, cpa, other = bids.limits
    assert (roas.reached, roas.kept, roas.beyond) == (10.0, False, 2.0)
    assert (cpa.reached, cpa.kept, cpa.beyond) == (2.0, False, 0.5)
    assert other.kept is None


def test_a_bid_times_its_multiplier_is_the_planned_one(tmp_path: Path) -> None:
    rows = [
        (0, "c", "k1", 0.45, 10, 1, 0.1, 0, 0.0),
        (0, "c", "k1", 0.30, 10, 1, 0.1, 0, 0.0),
        (0, "c", "k1", 0.36, 10, 1, 0.1, 0, 0.0),
    ]
    shop = shop_of(rows, hour=[0, 0, 8, 9, 10])
    folder = plan_of(tmp_path, times="c,8,1.5\nc,9,1.2\nc,10,0.9\n")
    bids = review(folder, shop, start=START).bids
    assert bids is not None
    assert bids.at_plan[0] == pytest.approx(2 / 3)  # 0.36 is what the hour before should have had


def test_multipliers_of_several_dimensions_are_those_of_the_keywords_own_campaign(tmp_path: Path) -> None:
    rows = [
        (0, "c", "k1", 0.30 * 1.5 * 2.0, 10, 1, 0.1, 0, 0.0),  # at 8, mobile
        (1, "c", "k1", 0.30 * 2.0, 10, 1, 0.1, 0, 0.0),  # at 9, mobile
        (2, "c", "k1", 0.30 * 1.5, 10, 1, 0.1, 0, 0.0),  # at 8, mobile: the device is left out
    ]
    shop = shop_of(rows, hour=[0, 0, 8, 9, 8], device="mobile")
    folder = plan_of(tmp_path, times="c,8,1.5\nother,9,3.0\n")
    (folder / "adjustments.csv").write_text(
        "campaign,dimension,value,multiplier\nc,device,mobile,2.0\nc,region,x,9.0\n"
    )
    bids = review(folder, shop, start=START).bids
    assert bids is not None
    assert bids.at_plan[0] == pytest.approx(2 / 3)


def test_prices_and_bids_made_together_are_both_reviewed(tools: Any, tmp_path: Path) -> None:
    prices = MarketSettings(categories=1, skus=2, regions=1, periods=30)
    ads = AdMarketSettings(keywords=2, campaigns=1, days=7, hourly=False)
    shop = draw_joint_market(prices, ads, np.random.default_rng(1)).shop
    policy = pricebid.Policy.from_toml("horizon = 2\nprice.max_change = 0.1\n[bids]\ndaily_budget = 20.0\n")
    plan = pricebid.plan(shop, tools.KnownDemand(shop=shop), policy)
    frames = {table.name: table.to_frame() for table in shop.tables}
    step = (plan.prices.periods[1] - plan.prices.periods[0]).astype(int)
    days = {"sales": int(step), "keywords": 1}
    for name, table in frames.items():
        if name in days:  # what was last is so again in the plan's horizon
            last = table[table["date"] == table["date"].max()]
            start = pd.Timestamp(str(plan.prices.periods[0]))
            more = [last.assign(date=start + pd.Timedelta(days=days[name] * at)) for at in range(2)]
            frames[name] = pd.concat([table, *more], ignore_index=True)
    lived = Shop.from_frames(frames, shop.settings)
    plan.write(tmp_path)
    found = review(tmp_path, lived)
    assert list(found.tables()) == ["review", "review_bids"]
    assert found.prices is not None
    assert found.bids is not None
    assert found.bids.asked_days == plan.ads.days
    assert found.bids.totals["cost"]["expected"] == pytest.approx(plan.bids.totals["planned"]["cost"])
    assert found.prices.totals["units"]["expected"] == pytest.approx(plan.prices.totals["planned"]["units"])
    assert review(plan, lived).to_json() == found.to_json()
    assert review(plan.bids, lived, start=str(plan.prices.periods[0])).prices is None
    assert len(found.plot().axes) == 4
    # A plan of bids made later into the same folder speaks of bids alone.
    plan.bids.write(tmp_path)
    assert review(tmp_path, lived, start=str(plan.prices.periods[0])).prices is None
