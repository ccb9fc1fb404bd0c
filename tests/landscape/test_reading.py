"""Reading reports for the fit: spells of bids, kinds of auctions, late conversions, drift, words and candidates."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pricebid import Shop
from pricebid.landscape import fit_landscape
from pricebid.landscape.candidates import with_candidates
from pricebid.landscape.cells import clicks_of, lay_out, spells_of, told_auction
from pricebid.landscape.delay import completeness_of
from pricebid.landscape.drift import best_half_life, recent_factor
from pricebid.landscape.words import design_of, with_columns, words_of
from pricebid.simulate import AdMarketSettings, draw_ad_market
from pricebid.tables import KeywordAxis, KeywordReports


def reports_of(**columns: Any) -> KeywordReports:
    frame = pd.DataFrame({"keyword": "a", "impressions": 10.0, "clicks": 2.0, "cost": 1.0} | columns)
    frame = frame.assign(**{name: 0.0 for name in ("conversions", "revenue") if name not in frame})
    return Shop.from_frames({"keywords": frame}).keyword_reports()


def axis_of(
    *rows: tuple[str, str, str], columns: tuple[str, ...] = ("campaign", "keyword", "match_type")
) -> KeywordAxis:
    return KeywordAxis(columns=columns, labels=tuple(np.array(one, dtype=object) for one in zip(*rows, strict=True)))


# -- spells ----------------------------------------------------------------------------------------------------------


def test_a_jump_begins_a_spell_and_small_moves_do_not_until_they_add_up() -> None:
    days = np.datetime64("2024-01-01") + np.arange(9)
    jump = spells_of(reports_of(date=days, bid=[1.0, 1.05, 1.0, 1.0, 1.3, 1.3, 1.35, 0.9, 0.9]))
    assert jump.of_day[0].tolist() == [0, 0, 0, 0, 1, 1, 1, 2, 2]
    slow = spells_of(reports_of(date=days, bid=np.exp(0.09 * np.arange(9))))
    assert slow.of_day[0].tolist() == [0, 0, 0, 0, 0, 1, 1, 1, 1]


def test_days_without_a_row_belong_to_the_spell_before_and_none_to_days_outside() -> None:
    frame: dict[str, Any] = {
        "date": pd.to_datetime(["2024-01-01", "2024-01-02", "2024-01-04", "2024-01-05", "2024-01-06"]),
        "keyword": ["b", "a", "a", "a", "b"],
        "bid": [1.0, 1.0, 1.0, 2.0, 0.0],
    }
    spells = spells_of(reports_of(**frame))
    assert spells.of_day[0].tolist() == [-1, 0, 0, 0, 1, -1]
    assert spells.of_day[1].tolist() == [2, -1, -1, -1, -1, -1]
    assert spells.series.tolist() == [0, 0, 1]


def test_rows_left_out_count_as_days_bid_on_only_where_no_row_won_nothing() -> None:
    days = pd.to_datetime(["2024-01-01", "2024-01-03", "2024-01-04"])
    silent = lay_out(reports_of(date=days, bid=1.0, hour=[3, 3, 5]), np.zeros(1, dtype=np.int64))
    assert silent.silent
    assert np.all(silent.exposure(np.ones((1, 4))) == 4.0)
    np.testing.assert_array_equal(silent.won[0, [3, 5]], [20.0, 10.0])
    full = lay_out(
        reports_of(date=days, bid=1.0, hour=[3, 3, 5], impressions=[0.0, 1.0, 2.0], clicks=0.0, cost=0.0),
        np.zeros(1, dtype=np.int64),
    )
    assert full.exposure(np.ones((1, 4)))[0, [3, 4, 5]].tolist() == [2.0, 0.0, 1.0]
    won, due = full.by_day(np.full((1, 24), 2.0))
    assert won.tolist() == [[0.0, 0.0, 1.0, 2.0]]
    assert due.tolist() == [[2.0, 0.0, 2.0, 2.0]]


def test_the_auction_is_told_from_what_clicks_cost() -> None:
    days = np.datetime64("2024-01-01") + np.arange(4)
    assert told_auction(reports_of(date=days, bid=0.5, cost=1.0)) == "first"
    assert told_auction(reports_of(date=days, bid=0.8, cost=1.0)) == "second"
    assert told_auction(reports_of(date=days, bid=0.8, clicks=0.0, cost=0.0)) == "second"
    mixed = reports_of(date=days, bid=[0.5, 0.5, 0.5, 0.9], cost=1.0)
    assert told_auction(mixed) == "first"
    assert len(clicks_of(mixed, second=False)) == 0
    prices = clicks_of(reports_of(date=days, bid=[0.0, 0.4, 0.5, 0.9], cost=1.0), second=True)
    assert len(prices) == 3
    assert np.all(prices.log_price <= prices.log_bid)


@pytest.mark.parametrize("kind", ["second", "first"])
def test_the_auction_of_a_market_is_told_by_its_reports(kind: str) -> None:
    settings_ = AdMarketSettings(keywords=6, campaigns=2, days=10, auction="first" if kind == "first" else "second")
    assert told_auction(draw_ad_market(settings_, np.random.default_rng(1)).shop.keyword_reports()) == kind


# -- late conversions ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("delay", [1.0, 4.0])
def test_the_delay_is_learnt_from_successive_reports(delay: float) -> None:
    market = draw_ad_market(
        AdMarketSettings(keywords=30, days=40, delay=delay, reports=True, hourly=False, volume=200.0),
        np.random.default_rng(2),
    )
    known = completeness_of(market.shop.keyword_reports())
    wait = np.arange(len(known))
    truth = 1.0 - (delay / (1.0 + delay)) ** wait
    # About 2,000 conversions: shares to +- .03.
    np.testing.assert_allclose(known, truth, atol=0.08)
    assert np.all(np.diff(known) >= 0)


def test_a_delay_that_is_only_told_completes_after_so_many_days_and_none_means_at_once() -> None:
    reports = reports_of(date=np.datetime64("2024-01-01") + np.arange(10), bid=1.0)
    told = completeness_of(reports, delay=5.0)
    assert len(told) == 11
    assert np.all(np.diff(told[:6]) > 0)
    assert np.all(told[5:] == 1.0)
    assert 0.0 < told[0] < told[1] < 0.6
    assert np.all(completeness_of(reports) == 1.0)
    assert np.all(completeness_of(reports, delay=0.0) == 1.0)


def test_reports_that_never_grew_teach_no_delay() -> None:
    frame = pd.DataFrame({"date": ["2024-01-01"] * 2, "reported": ["2024-01-02", "2024-01-04"], "bid": 1.0})
    assert np.all(completeness_of(reports_of(**frame)) == 1.0)


def test_recent_days_without_their_conversions_do_not_lower_the_rate() -> None:
    late = draw_ad_market(
        AdMarketSettings(keywords=30, days=21, delay=5.0, reports=True, hourly=False, volume=300.0),
        np.random.default_rng(3),
    )
    landscape = fit_landscape(late.shop.keyword_reports())
    bid = np.repeat(late.logged[-1][:, None], 24, axis=1)
    truth = late.truth.outcomes_at(bid)
    got = landscape.expected(landscape.bid[:, :, None])
    true_rate = truth.conversions.sum() / truth.clicks.sum()
    reported = late.shop.keyword_reports()
    assert reported.conversions.sum() / reported.clicks.sum() < 0.9 * true_rate
    # About 1,000 conversions known: 3 %, and what the delay's tail is not known by.
    assert got.conversions.sum() / got.clicks.sum() == pytest.approx(true_rate, rel=0.12)


# -- drift -----------------------------------------------------------------------------------------------------------


def counts(kind: str) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(4)
    due = np.full((30, 56), 20.0)
    factor = {
        "steady": np.ones((30, 56)),
        "shocks": np.exp(rng.normal(0.0, 0.2, (1, 56))) * np.ones((30, 1)),
        "trend": np.exp(np.linspace(-1.0, 0.0, 56)) * np.ones((30, 1)),
        "walk": np.exp(np.cumsum(rng.normal(0.0, 0.08, (30, 56)), axis=1)),
    }[kind]
    return rng.poisson(due * factor).astype(float), due


@pytest.mark.parametrize("kind", ["steady", "shocks"])
def test_days_that_only_vary_are_not_forgotten(kind: str) -> None:
    got, due = counts(kind)
    assert best_half_life(got, due) == np.inf
    assert np.all(recent_factor(got, due, np.inf) == 1.0)


@pytest.mark.parametrize("kind", ["trend", "walk"])
def test_where_days_drift_recent_ones_tell_more(kind: str) -> None:
    got, due = counts(kind)
    half_life = best_half_life(got, due)
    assert half_life <= 14.0
    recent = recent_factor(got, due, half_life)
    last = got[:, -7:].sum(axis=1) / due[:, -7:].sum(axis=1)
    overall = got.sum(axis=1) / due.sum(axis=1)
    assert np.abs(recent - last).mean() < np.abs(overall - last).mean()


def test_few_weeks_cannot_tell_drift() -> None:
    got, due = counts("trend")
    assert best_half_life(got[:, -30:], due[:, -30:]) == np.inf


# -- words and candidates --------------------------------------------------------------------------------------------


def test_words_are_small_letters_once_each() -> None:
    row, word, labels = words_of(np.array(["Red shoes", "RED red-boots", "", "red shoes"], dtype=object))
    assert labels.tolist() == ["boots", "red", "shoes"]
    assert sorted(zip(row.tolist(), labels[word].tolist(), strict=True)) == [
        (0, "red"), (0, "shoes"), (1, "boots"), (1, "red"), (3, "red"), (3, "shoes"),
    ]  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from(["a b", "b c", "c", "a", "d e f"]), min_size=1, max_size=12), st.integers(1, 3))
def test_a_design_has_one_intercept_and_only_groups_that_some_but_not_all_share(
    texts: list[str], campaigns: int
) -> None:
    rows = sorted({(f"c{at % campaigns}", text, "exact") for at, text in enumerate(texts)})
    design = design_of(axis_of(*rows))
    table = design.matrix.toarray()
    assert table.shape[0] == len(rows)
    assert np.all(table[:, design.kind == 0] == 1.0)
    assert not design.pooled[0]
    inside = table[:, design.kind > 0].sum(axis=0)
    assert np.all((inside >= 2) & (inside <= len(rows)))
    more = with_columns(design, np.ones((len(rows), 2)))
    assert more.matrix.shape[1] == table.shape[1] + 2
    assert len(more.pooled) == len(design.pooled) + 2


def test_candidates_stand_behind_the_series_in_each_region_of_their_campaign() -> None:
    columns = ("campaign", "keyword", "match_type", "region")
    axis = KeywordAxis(
        columns=columns,
        labels=tuple(
            np.array(one, dtype=object)
            for one in (["x", "x", "y"], ["red shoes", "red shoes", "tents"], ["", "", ""], ["n", "s", "n"])
        ),
    )
    candidates = axis_of(
        ("x", "blue shoes", ""), ("y", "red tents", ""), ("", "green shoes", ""), ("x", "red shoes", "")
    )
    made = with_candidates(axis, candidates)
    added = list(zip(*(one[3:].tolist() for one in made.labels), strict=True))
    assert sorted(added) == [
        ("x", "blue shoes", "", "n"),
        ("x", "blue shoes", "", "s"),
        ("x", "green shoes", "", "n"),  # shares its word with campaign x
        ("x", "green shoes", "", "s"),
        ("y", "red tents", "", "n"),
    ]
    assert with_candidates(axis, None) is axis
    assert with_candidates(axis, axis_of(("x", "red shoes", ""))) is axis


def test_a_candidate_is_expected_to_be_like_its_words_and_less_surely_so() -> None:
    market = draw_ad_market(AdMarketSettings(keywords=60, campaigns=2, days=21, tokens=0.4), np.random.default_rng(5))
    reports = market.shop.keyword_reports()
    held = np.arange(0, 60, 6)
    kept = ~np.isin(reports.series, held)
    frame = market.frames()["keywords"][kept]
    rows = [tuple(str(one[at]) for one in reports.keywords.labels) for at in held]
    shop = Shop.from_frames(
        {"keywords": frame, "candidates": pd.DataFrame(rows, columns=["campaign", "keyword", "match_type"])}
    )
    landscape = fit_landscape(shop.keyword_reports(), candidates=shop.candidates())
    assert landscape.candidate.sum() == len(held)
    assert np.all(np.isnan(landscape.bid[landscape.candidate]))
    new, old = landscape.candidate, ~landscape.candidate
    log_variance = landscape.curves.covariance[:, 0, 0]
    assert log_variance[new].min() > np.median(log_variance[old])
    bid = np.full((len(landscape), 24), np.nanmedian(landscape.bid))
    drawn = np.log(landscape.draws(bid, np.random.default_rng(1), 200).clicks[:, new])
    true = np.log(
        market.truth.outcomes_at(bid[np.concatenate([np.setdiff1d(np.arange(60), held), held])]).clicks.sum(axis=1)[
            held
        ]
    )
    score = (true - drawn.mean(axis=0)) / drawn.std(axis=0)
    assert np.mean(np.abs(score) < 1.645) >= 0.7  # 10 candidates: 7 or more with probability .99
