"""The report and the picture of a bid plan."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from rich.console import Console

from pricebid.bidding import BidPlan, bid, conversion_value
from pricebid.landscape import fit_landscape
from pricebid.policy import Policy
from pricebid.report.bid_plots import plot_bid_plan
from pricebid.report.bids import bid_report, bid_summary
from pricebid.simulate import AdMarketSettings, draw_ad_market

if TYPE_CHECKING:
    from pathlib import Path


def made(policy: str, **settings: object) -> BidPlan:
    market = draw_ad_market(AdMarketSettings(keywords=12, days=14, **settings), np.random.default_rng(3))
    landscape, campaigns = fit_landscape(market.shop.keyword_reports()), market.shop.campaigns()
    return bid(landscape, Policy.from_toml(policy), campaigns=campaigns, value=conversion_value(landscape, campaigns))


@pytest.fixture(scope="module")
def hourly() -> BidPlan:
    return made("[bids]\ndaily_budget = 20.0\n[bids.dayparts]\n")


@pytest.fixture(scope="module")
def daily() -> BidPlan:
    return made("", hourly=False, devices=2)


def printed(plan: BidPlan, **arguments: int) -> str:
    console = Console(width=100, record=True, file=None, force_terminal=False, quiet=False)
    with console.capture() as captured:
        console.print(bid_report(plan, **arguments))
    return captured.get()


def test_the_report_tells_totals_proof_limits_hours_and_moves(hourly: BidPlan) -> None:
    text = printed(hourly, moves=3)
    for words in ("per day", "profit", "cost / conversion", "Proof:", "daily_budget", "multipliers by hour", "21-23"):
        assert words in text
    assert "The 3 moves that change most" in text
    assert "A click costs" in text
    assert max(len(line) for line in text.splitlines()) <= 100


def test_the_report_of_a_plan_without_hours_and_limits_is_shorter(daily: BidPlan) -> None:
    text = printed(daily)
    assert "Limits" not in text
    assert "by hour" not in text


def test_the_summary_for_json_counts_actions(hourly: BidPlan) -> None:
    summary = bid_summary(hourly)
    assert summary["keywords"] == 12
    assert sum(summary["actions"].values()) == 12
    assert summary["plan"]["objective"] == pytest.approx(hourly.found.value)


def test_pictures_are_drawn_for_plans_with_hours_with_devices_and_with_neither(
    hourly: BidPlan, daily: BidPlan, tmp_path: Path
) -> None:
    bare = made("[bids]\nmin_roas = 2.0", hourly=False)
    for at, plan in enumerate((hourly, daily, bare)):
        figure = plot_bid_plan(plan)
        figure.savefig(tmp_path / f"{at}.png")
        assert (tmp_path / f"{at}.png").stat().st_size > 20_000
        left, right = figure.axes
        assert left.get_title(loc="left").startswith("Biggest changes")
        wanted = ("multipliers by hour", "multipliers by campaign", "profit against cost")[at]
        assert wanted in right.get_title(loc="left")
    assert hourly.plot().axes[0].get_yticklabels()


def test_a_plan_that_moves_nothing_can_be_drawn_and_told(hourly: BidPlan) -> None:
    from dataclasses import replace

    still = replace(hourly, range=replace(hourly.range, current=hourly.bid * hourly.mean_times))
    assert set(still.action) <= {"keep"}
    assert "moves that change most" not in printed(still)
    assert len(plot_bid_plan(still).axes) == 2
