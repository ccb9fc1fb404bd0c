"""A bid is planned bid x multipliers x pacing, within its limits, and nothing where there is no money left."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricebid.bidding import Pacer
from pricebid.errors import InputError
from pricebid.live import (
    BidItems,
    BudgetBook,
    CampaignLimits,
    LeaseSettings,
    MemoryLeases,
    Paced,
    build_bids,
    microseconds,
    quote_bids,
    start_paces,
)
from pricebid.live.bids import MICRO
from pricebid.tables import Settings

PLAN = str(uuid.UUID(int=0x018F << 112 | 7 << 76 | 5))
BIDS = """campaign,keyword,match_type,current_bid,bid,reason
shoes,red shoes,exact,1.00,1.20,"dearer, because"
shoes,blue shoes,exact,0.80,0.80,
shoes,blue shoes,broad,0.50,0.40,
shoes,old shoes,exact,0.70,0,
shoes,new shoes,exact,0.60,,
hats,007,exact,0.10,0.10,
"""
HOURS = "campaign,hour,multiplier\nshoes,9,1.5\nshoes,10,0.05\n"
PLACES = "campaign,dimension,value,multiplier\nshoes,region,east,2.0\nshoes,device,mobile,0.5\nhats,region,west,3.0\n"
NOON = microseconds(datetime(2026, 7, 1, 10, 0, tzinfo=UTC))  # 12:00 in Berlin


class Scaled:
    """Bids so many times the planned ones at any time of the day."""

    def __init__(self, factor):
        self.factor = factor

    def bids(self, planned, *, gone):
        assert 0 <= gone < 1
        return planned * self.factor


def files(**bids):
    policy = {"bids": {"min_bid": 0.05, "max_bid": 2.0, "step": 0.01, "daily_budget": 100.0, **bids}}
    told = {
        "plan.json": json.dumps({"id": PLAN, "policy": policy}),
        "bids.csv": BIDS,
        "dayparts.csv": HOURS,
        "adjustments.csv": PLACES,
    }
    return {name: text.encode() for name, text in told.items()}


def built(*, limits=None, **bids):
    return build_bids(
        "north", Settings(currency="EUR", timezone="Europe/Berlin"), files=files(**bids), limits=limits, serial=4
    )


def ask(make, snapshot, keywords, *, campaign="shoes", now=NOON, budgets=None, paces=None, **more):
    held = budgets or BudgetBook(MemoryLeases(), clock=snapshot.clock, budgets=snapshot.budgets)
    items = BidItems(keyword=keywords, campaign=[campaign] * len(keywords), **more)
    return quote_bids(snapshot, items, now=now, signer=make.signer(), budgets=held, paces=paces)


def test_the_planned_bid_is_bid(make):
    found = ask(make, built(), ["red shoes", "old shoes", "new shoes"])
    assert found.bid == [1.2, 0.0, 0.6]
    assert found.source == ["plan", "plan", "current"]
    assert found.reasons == {1: "paused_in_plan", 2: "not_in_plan"}
    assert found.plan == PLAN
    said = make.signer().verify(found.decision_id[0])
    assert (said.kind, said.amount, said.plan, said.propensity) == ("bid", 1.2, PLAN, 1.0)
    snapshot = built()
    assert snapshot.find(np.array([said.offer, 7], dtype=np.uint64)).tolist() == [0, -1]


def test_multipliers_follow_the_local_hour_and_what_is_known_of_the_request(make):
    at = [
        microseconds(datetime(2026, 7, 1, hour, 30, tzinfo=UTC)) for hour in (7, 8, 9)
    ]  # 9:30, 10:30, 11:30 in Berlin
    found = ask(make, built(), ["blue shoes"] * 3, match_type=["exact"] * 3, at=at)
    assert found.bid == [1.2, 0.05, 0.8]  # 0.80 x 1.5; 0.80 x 0.05 is below the least bid; no multiplier
    found = ask(
        make,
        built(),
        ["red shoes"] * 4,
        region=["east", "west", None, "east"],
        device=[None, "mobile", "mobile", "mobile"],
    )
    assert found.bid == [2.0, 0.6, 0.6, 1.2]  # 1.20 x 2 is above the highest bid


def test_winter_time_moves_the_hours(make):
    at = [microseconds(datetime(2026, month, 1, 8, 30, tzinfo=UTC)) for month in (1, 7)]
    assert ask(make, built(), ["red shoes"] * 2, at=at).bid == [1.8, 0.06]


def test_a_keyword_that_says_too_little_is_an_error_of_its_item(make):
    found = ask(make, built(), ["blue shoes", "red shoes", "green shoes"])
    assert found.bid == [None, 1.2, None]
    assert {at: error.code for at, error in found.errors.items()} == {0: "ambiguous_keyword", 2: "unknown_keyword"}
    assert found.decision_id[0] is None
    assert ask(make, built(), ["blue shoes"], match_type=["broad"]).bid == [0.4]
    assert ask(make, built(), ["red shoes", "red shoes"], match_type=[None, "phrase"]).bid == [1.2, None]
    assert ask(make, built(), ["007"], campaign="hats").bid == [0.1]


def test_a_campaigns_own_limits_hold_beside_the_policys(make):
    nan = np.nan
    limits = CampaignLimits(
        campaigns=["shoes", "bags"],
        min_bid=np.array([0.5, nan]),
        max_bid=np.array([1.1, nan]),
        daily_budget=np.array([7.0, nan]),
    )
    snapshot = built(limits=limits)
    assert ask(make, snapshot, ["red shoes"]).bid == [1.1]
    assert ask(make, snapshot, ["blue shoes"], match_type=["broad"]).bid == [0.5]
    assert snapshot.budgets == {"": 100 * MICRO, "shoes": 7 * MICRO}


def test_bids_stop_when_the_money_is_gone_and_say_whose(make):
    limits = CampaignLimits(
        campaigns=["shoes"], min_bid=np.array([np.nan]), max_bid=np.array([np.nan]), daily_budget=np.array([3.0])
    )
    snapshot = built(limits=limits, daily_budget=3.2)
    held = BudgetBook(MemoryLeases(), clock=snapshot.clock, budgets=snapshot.budgets)
    found = ask(make, snapshot, ["red shoes"] * 4, budgets=held)
    assert found.bid == [1.2, 1.2, 0.0, 0.0]
    assert found.source[2:] == ["paused", "paused"]
    assert found.reasons == {2: "campaign_budget", 3: "campaign_budget"}
    assert ask(make, snapshot, ["007"] * 8, campaign="hats", budgets=held).reasons == {}
    assert ask(make, snapshot, ["007"], campaign="hats", budgets=held).reasons == {0: "shop_budget"}
    assert make.signer().verify(found.decision_id[3]).source == "paused"
    assert held.charge(found.decision_id[0], 0)
    later = NOON + held.settings.retry
    assert ask(make, snapshot, ["red shoes"], budgets=held, now=later).bid == [1.2]


def test_a_bid_for_several_clicks_is_set_aside_so_many_times(make):
    snapshot = built(daily_budget=5.0)
    assert ask(make, snapshot, ["red shoes"] * 2, quantity=[3, 3]).bid == [1.2, 0.0]
    with pytest.raises(InputError, match="at least 1 click"):
        BidItems(keyword=["x"], campaign=["y"], quantity=[0])
    with pytest.raises(InputError, match="entries of campaign"):
        BidItems(keyword=["x"], campaign=[])


def test_pacing_lowers_bids_and_says_so(make):
    half, third = Scaled(0.5), Scaled(1 / 3)
    found = ask(make, built(), ["red shoes", "old shoes"], paces={"shoes": half})
    assert (found.bid, found.source) == ([0.6, 0.0], ["paced", "plan"])
    assert ask(make, built(), ["red shoes"], paces={"shoes": half, "": third}).bid == [0.4]
    assert ask(make, built(), ["red shoes"], paces={"hats": half}).source == ["plan"]


def test_a_pacer_that_has_overspent_bids_less_and_starts_from_the_plan(make):
    snapshot = built(daily_budget=50.0)
    paces = start_paces(snapshot.budgets, {"": 1_000.0, "unknown": 5.0})
    assert set(paces) == {""}
    fresh = ask(make, snapshot, ["red shoes"], paces=paces, now=snapshot.clock.midnight(snapshot.clock.day(NOON)))
    assert fresh.bid[0] == pytest.approx(1.2, abs=0.01)
    paced, rng = paces[""], np.random.default_rng(0)
    for batch in range(20):  # a fifth of the day's bids; more than half of its money
        planned = rng.uniform(0.8, 1.2, 10)
        bid = paced.bids(planned, gone=batch / 100)
        won = rng.random(10) < 0.25
        paced = paced.updated(planned=planned, bid=bid, won=won, cost=np.where(won, 0.6 * bid, 0.0), gone=batch / 100)
    now = snapshot.clock.midnight(snapshot.clock.day(NOON)) + 24 * 3600 * 1_000_000 // 5
    assert ask(make, snapshot, ["red shoes"], paces={"": paced}, now=now).bid[0] < 1.1
    assert isinstance(paced, Paced)
    assert isinstance(paced.pacer, Pacer)


def test_a_plan_as_bidding_writes_it_is_read(make, tmp_path):
    import pandas as pd

    import pricebid
    from pricebid.policy import Policy
    from pricebid.tables import Shop

    rng = np.random.default_rng(1)
    rows = [
        (day, f"word {word}", bid)
        for word in range(4)
        for day in pd.date_range("2026-05-01", periods=30)
        for bid in [0.4 + 0.1 * int(rng.integers(5))]
    ]
    table = pd.DataFrame(rows, columns=["date", "keyword", "bid"])
    table["impressions"] = rng.poisson(400 * table["bid"])
    table["clicks"] = rng.binomial(table["impressions"], 0.1)
    table["cost"] = table["clicks"] * table["bid"] * 0.7
    table["conversions"] = rng.binomial(table["clicks"], 0.1)
    table["revenue"] = table["conversions"] * 20.0
    shop = Shop.from_frames({"keywords": table.assign(campaign="c")}, Settings(currency="EUR"))
    plan = pricebid.bid(shop, Policy.from_mapping({"objective": "revenue", "bids": {"daily_budget": 30.0}}))
    written = {path.name: path.read_bytes() for path in plan.write(tmp_path, file_format="parquet")}
    snapshot = build_bids("north", Settings(currency="EUR"), files=written)
    found = ask(make, snapshot, plan.layout.label("keyword").tolist(), campaign="c")
    assert found.bid == pytest.approx(plan.bid.tolist())
    assert snapshot.budgets == {"": 30 * MICRO}


@given(
    st.lists(
        st.tuples(st.sampled_from(["red shoes", "new shoes", "007"]), st.floats(0.1, 3.0), st.integers(1, 3)),
        max_size=40,
    ),
    st.floats(0.5, 20.0),
)
def test_bids_given_out_never_add_up_to_more_than_the_budget(make, asked, budget):
    snapshot = built(daily_budget=budget)
    held = BudgetBook(MemoryLeases(), clock=snapshot.clock, budgets=snapshot.budgets, settings=LeaseSettings(share=0.3))
    total = 0.0
    for keyword, factor, clicks in asked:
        campaign = "hats" if keyword == "007" else "shoes"
        found = ask(
            make, snapshot, [keyword], campaign=campaign, budgets=held, paces={"": Scaled(factor)}, quantity=[clicks]
        )
        assert found.bid[0] == 0 or 0.05 <= found.bid[0] <= 2.0
        assert abs(found.bid[0] * 100 - round(found.bid[0] * 100)) < 1e-6
        total += found.bid[0] * clicks
    assert total <= budget + 1e-6


def test_a_bid_that_no_token_can_hold_is_refused():
    huge = files() | {"bids.csv": b"campaign,keyword,match_type,current_bid,bid\na,b,exact,1,99999999\n"}
    with pytest.raises(InputError, match="fits into a decision token"):
        build_bids("north", Settings(), files=huge)


def test_a_foreign_signer_is_refused(make):
    snapshot = built()
    with pytest.raises(InputError, match="cannot be signed"):
        quote_bids(
            snapshot, BidItems(keyword=[], campaign=[]), now=NOON, signer=make.signer("south"),
            budgets=BudgetBook(MemoryLeases(), clock=snapshot.clock, budgets={}),
        )  # fmt: skip
