"""Ad markets: same seed same market, tables that read back, words and swings that carry information, the anchors."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from pricebid.errors import InputError
from pricebid.simulate import AdMarket, AdMarketSettings, draw_ad_market
from pricebid.tables import Shop

if TYPE_CHECKING:
    from pathlib import Path

SMALL = AdMarketSettings(keywords=9, campaigns=3, days=10)


def market(settings: AdMarketSettings = SMALL, seed: int = 0) -> AdMarket:
    return draw_ad_market(settings, np.random.default_rng(seed))


def test_same_seed_same_market_and_another_seed_another() -> None:
    one, two, other = market(), market(), market(seed=1)
    assert one.frames()["keywords"].equals(two.frames()["keywords"])
    np.testing.assert_array_equal(one.best().bid, two.best().bid)
    assert not one.frames()["keywords"].equals(other.frames()["keywords"])


@pytest.mark.parametrize(
    ("change", "columns"),
    [
        ({}, {"hour"}),
        ({"hourly": False}, set()),
        ({"regions": 2, "devices": 3}, {"hour", "region", "device"}),
        ({"skus": 4}, {"hour", "sku"}),
        ({"delay": 2.0, "reports": True}, {"hour", "reported"}),
        ({"auction": "first", "shock_scope": "campaign"}, {"hour"}),
    ],
)
def test_every_kind_passes_the_shops_checks(change: dict[str, object], columns: set[str], tmp_path: Path) -> None:
    drawn = market(replace(SMALL, **change))
    frames = drawn.frames()
    optional = {"hour", "sku", "region", "segment", "device", "reported"}
    assert optional & set(frames["keywords"].columns) == columns
    assert ("catalog" in frames) == ("sku" in columns)
    shop = Shop.from_frames(frames)
    assert shop.warnings == ()
    read = Shop.read(drawn.write(tmp_path / "shop"))
    made, found = shop.table("keywords"), read.table("keywords")
    assert made is not None
    assert found is not None
    for name in ("cost", "clicks", "bid", "conversions"):
        np.testing.assert_array_equal(made.array(name), found.array(name), err_msg=name)


def test_a_report_by_day_adds_up_the_hours() -> None:
    hourly = market().frames()["keywords"].groupby(["date", "campaign", "keyword", "match_type"], as_index=False)
    daily = market(replace(SMALL, hourly=False)).frames()["keywords"]
    for name in ("impressions", "clicks", "conversions", "cost"):
        np.testing.assert_allclose(
            hourly[name].sum()[name], daily.sort_values(["date", "campaign", "keyword", "match_type"])[name]
        )


def test_late_conversions_are_missing_from_recent_days_and_come_with_later_reports() -> None:
    settings = replace(SMALL, delay=3.0, days=40, volume=3000.0)
    prompt, late = market(replace(settings, delay=0.0)).frames(), market(settings).frames()
    shares = (
        late["keywords"].groupby("date")["conversions"].sum() / prompt["keywords"].groupby("date")["conversions"].sum()
    )
    # Of geometric lags of mean 3, a quarter comes on the first day; some hundred conversions a day leave .05.
    assert shares.iloc[-1] == pytest.approx(0.25, abs=0.12)
    assert shares.iloc[:20].min() > 0.97
    again = market(replace(settings, reports=True)).frames()["keywords"]
    wait = again["reported"].astype("datetime64[ns]") - again["date"].astype("datetime64[ns]")
    assert sorted(wait.dt.days.unique()) == [1, 3, 7, 14]
    early = again[again["date"] <= again["date"].iloc[0]].groupby("reported")["conversions"].sum()
    assert (np.diff(early) >= 0).all()
    # No report is from the future: the last morning is that after the last day.
    assert again["reported"].max() == str(np.datetime64(again["date"].max()) + 1)


def test_words_carry_conversion_rates_and_rival_bids() -> None:
    drawn = market(AdMarketSettings(keywords=600, campaigns=2, days=2, own=0.2))
    rate = np.log(drawn.truth.conversion_rate.mean(axis=1))
    level = drawn.truth.level.mean(axis=1)
    campaign, words = drawn.keywords.campaign, drawn.keywords.words
    design = np.zeros((600, words.max() + 3))
    np.put_along_axis(design, words, 1.0, axis=1)
    design[np.arange(600), words.max() + 1 + campaign] = 1.0
    for target, least in ((rate, 0.5), (level, 0.3)):
        left = target - design @ np.linalg.lstsq(design, target, rcond=None)[0]
        inside = target - np.array([target[campaign == c].mean() for c in (0, 1)])[campaign]
        assert 1 - left.var() / inside.var() > least
    text = drawn.keywords.keyword
    labels = list(zip(drawn.keywords.campaigns[campaign], text, drawn.keywords.match_type, strict=True))
    assert len(set(labels)) == 600
    assert drawn.keywords.locate([labels[7], labels[3]]).tolist() == [7, 3]


def test_conversion_rates_peak_at_other_hours_than_traffic() -> None:
    truth = market().truth
    apart = np.abs(truth.auctions.argmax(axis=1) - truth.conversion_rate.argmax(axis=1))
    assert (np.minimum(apart, 24 - apart) >= 3).all()


def test_bids_were_raised_when_traffic_was_good() -> None:
    # 60 keywords x 200 days of waves with memory .9, about 600 independent days in all: the correlation of 0 has a
    # standard error of .04.
    settings = AdMarketSettings(keywords=60, campaigns=2, days=200, wave=0.4, bid_move=0.1, shock=0.0, volume=500.0)

    def correlation(drawn: AdMarket) -> float:
        paid = np.log(drawn.days.impressions.sum(axis=2) + 1.0)
        # Impressions rise with the bid itself: what is left of it there is taken out by the truth.
        won = np.stack([np.log(drawn.truth.outcomes(bid).impressions + 1.0) for bid in drawn.logged])
        traffic, bid = paid - won, np.log(drawn.logged)
        return float(np.corrcoef((traffic - traffic.mean(0)).ravel(), (bid - bid.mean(0)).ravel())[0, 1])

    assert correlation(market(settings)) > 0.4
    assert abs(correlation(market(replace(settings, pull=0.0)))) < 0.2


def test_played_days_feed_back_as_rows_of_the_same_table() -> None:
    from datetime import date

    drawn = market()
    best = drawn.best()
    days = drawn.play(best.bid, best.multiplier, np.random.default_rng(1), days=3)
    rows = drawn.report(days, date(2024, 5, 1))
    past = drawn.frames()
    assert list(rows.columns) == list(past["keywords"].columns)
    assert rows["date"].min() == "2024-05-01"
    assert rows["cost"].sum() == pytest.approx(days.cost.sum())
    effective = drawn.truth.effective(best.bid, best.multiplier)
    np.testing.assert_allclose(rows["bid"].to_numpy()[: effective.size], effective.ravel())


def test_the_default_market_is_as_hard_as_markets_of_its_kind() -> None:
    # Half of the smoothed value per click, and the best without dayparts; a seed of each is looked at loosely.
    drawn = draw_ad_market(AdMarketSettings(), np.random.default_rng(3))
    truth, campaign, days = drawn.truth, drawn.keywords.campaign, drawn.days
    clicks, conversions = days.clicks.sum(axis=(0, 2)), days.conversions.sum(axis=(0, 2))
    pooled = (np.bincount(campaign, conversions) / np.bincount(campaign, clicks))[campaign]
    value = (conversions + 100 * pooled) / (clicks + 100) * truth.revenue * truth.margin
    best = drawn.best()
    rule = drawn.score(np.round(value / 2, 2), best=best)
    assert 0.7 < rule.share < 1.05
    assert 0.9 < rule.spend < 1.6
    assert 0.75 < drawn.best(dayparts=False).profit / best.profit < 0.9
    assert 0.25 < (conversions <= 3).mean() < 0.7


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"auction": "third"}, "auction"),
        ({"shock_scope": "keyword"}, "shock_scope"),
        ({"campaigns": 0}, "campaigns"),
        ({"campaigns": 10}, "campaigns"),
        ({"dispersion": -0.1}, "dispersion"),
        ({"conversion_rate": 1.0}, "conversion_rate"),
        ({"spread": 0.0}, "spread"),
        ({"reports": True}, "reports"),
    ],
)
def test_settings_outside_their_range_are_refused_by_name(change: dict[str, object], says: str) -> None:
    with pytest.raises(InputError, match=says):
        replace(SMALL, **change)


def test_more_keywords_than_words_can_make_are_refused() -> None:
    with pytest.raises(InputError, match="at most"):
        market(AdMarketSettings(keywords=100_000, campaigns=1, days=1))
