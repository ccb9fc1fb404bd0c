"""Ad reports become arrays: the latest report of each row, every campaign, and all that is odd in them."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pricebid import Shop, TableError

COLUMNS = ("bid", "impressions", "clicks", "cost", "conversions", "revenue")


def keywords(**columns: Any) -> pd.DataFrame:
    frame = pd.DataFrame({"date": pd.date_range("2024-03-01", periods=4), "keyword": ["red shoes", "boots"] * 2})
    values = (1.0, 10.0, 2.0, 1.0, 1.0, 30.0)
    return frame.assign(**dict(zip(COLUMNS, values, strict=True))).assign(**columns)


def found(frame: pd.DataFrame, kind: str, **tables: pd.DataFrame) -> list[str]:
    if kind == "warnings":
        return [str(one) for one in Shop.from_frames({"keywords": frame, **tables}).warnings]
    with pytest.raises(TableError) as caught:
        Shop.from_frames({"keywords": frame, **tables})
    return [str(one) for one in caught.value.faults]


def test_a_shop_of_keywords_alone_is_valid() -> None:
    shop = Shop.from_frames({"keywords": keywords()})
    reports = shop.keyword_reports()
    assert shop.warnings == ()
    assert reports.keywords.columns == ("campaign", "keyword", "match_type")
    assert reports.keywords.label("keyword").tolist() == ["boots", "red shoes"]
    assert (reports.hours, len(reports.days), len(reports)) == (1, 4, 4)
    assert reports.series.tolist() == [1, 0, 1, 0]
    assert reports.wait.tolist() == [4, 3, 2, 1]
    assert reports.development is None
    assert shop.campaigns().labels.tolist() == [""]
    assert len(shop.candidates()) == 0
    with pytest.raises(KeyError):
        reports.keywords.label("device")
    with pytest.raises(ValueError, match="read-only"):
        reports.bid[0] = 2.0


def test_what_a_missing_column_switches_off_is_a_notice() -> None:
    words = " | ".join(Shop.from_frames({"keywords": keywords()}).notices)
    for part in ("keywords.hour is not given", "campaigns is not given", "candidates is not given", "no adjustments"):
        assert part in words
    assert "calendar" not in words
    full = keywords(hour=[0, 1, 2, 3], campaign="c", match_type="exact", device="phone", reported="2024-03-09")
    words = " | ".join(Shop.from_frames({"keywords": full}).notices)
    assert "keywords." not in words


def test_a_shop_without_keywords_says_that_it_needs_them() -> None:
    sales = pd.DataFrame({"date": ["2024-01-01", "2024-01-08"], "sku": "a", "units": 1.0, "price": 1.0})
    shop = Shop.from_frames({"sales": sales})
    for ask in (shop.keyword_reports, shop.campaigns, shop.candidates):
        with pytest.raises(TableError, match="keywords: is not there; a bid plan needs it"):
            ask()


def test_the_latest_report_is_what_is_known_and_the_earlier_ones_are_its_development() -> None:
    frame = pd.concat(
        [
            keywords(reported="2024-03-09", conversions=[4.0, 3.0, 2.0, 1.0]),
            keywords(reported="2024-03-05", conversions=[1.0, 1.0, 0.0, 0.0]),
        ]
    )
    reports = Shop.from_frames({"keywords": frame}).keyword_reports()
    assert len(reports) == 4
    order = np.argsort(reports.day)
    assert reports.conversions[order].tolist() == [4.0, 3.0, 2.0, 1.0]
    assert reports.wait[order].tolist() == [8, 7, 6, 5]
    grown = reports.development
    assert grown is not None
    assert len(grown.row) == 8
    last = np.append(grown.row[1:] != grown.row[:-1], True)
    np.testing.assert_array_equal(grown.conversions[last], reports.conversions[grown.row[last]])
    np.testing.assert_array_equal(grown.wait[last], reports.wait[grown.row[last]])
    assert np.all(np.diff(grown.wait)[~last[:-1]] > 0)


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_every_count_of_the_table_is_found_again_on_its_axes(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, 40))
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    frame = pd.DataFrame(
        {
            "date": np.datetime64("2024-03-01") + rng.integers(0, 5, size),
            "hour": rng.integers(0, 24, size),
            "keyword": rng.choice(["a", "b b", "c"], size),
            "campaign": rng.choice(["x", ""], size),
            "device": rng.choice(["phone", "desk"], size),
        }
    ).drop_duplicates()
    frame = frame.assign(**{name: rng.integers(1, 9, len(frame)).astype(float) for name in COLUMNS})
    reports = Shop.from_frames({"keywords": frame}).keyword_reports()
    axis = reports.keywords
    again = pd.DataFrame({name: axis.label(name)[reports.series] for name in ("keyword", "campaign", "device")})
    again = again.assign(date=reports.days[reports.day], hour=reports.hour)
    again = again.assign(**{name: getattr(reports, name) for name in COLUMNS})[frame.columns]
    keys = list(frame.columns[:5])
    left, right = (one.sort_values(keys).reset_index(drop=True) for one in (frame, again))
    pd.testing.assert_frame_equal(left, right, check_dtype=False)
    labels = list(zip(*(one.tolist() for one in axis.labels), strict=True))
    assert labels == sorted(set(labels))
    bidders = list(zip(axis.label("campaign"), axis.label("keyword"), strict=True))
    assert len(set(zip(bidders, axis.numbers().tolist(), strict=True))) == len(set(bidders)) == axis.numbers().max() + 1


def test_campaigns_hold_every_name_and_what_is_given_of_each() -> None:
    table = pd.DataFrame({"campaign": ["b", "d"], "margin": [0.3, 0.4], "daily_budget": [10.0, None]})
    candidates = pd.DataFrame({"keyword": ["blue shoes"], "campaign": ["e"]})
    shop = Shop.from_frames(
        {"keywords": keywords(campaign=["a", "b", "a", "b"]), "campaigns": table, "candidates": candidates}
    )
    made = shop.campaigns()
    assert made.labels.tolist() == ["a", "b", "d", "e"]
    np.testing.assert_array_equal(made.margin, [np.nan, 0.3, 0.4, np.nan])
    np.testing.assert_array_equal(made.daily_budget, [np.nan, 10.0, np.nan, np.nan])
    assert np.isnan(made.min_roas).all()
    assert shop.candidates().label("campaign").tolist() == ["e"]


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"clicks": [2.0, 11.0, 2.0, 2.0]}, "keywords row 2 column clicks: 11 is above the row's impressions"),
        ({"clicks": [0.0, 2.0, 2.0, 2.0], "cost": 0.0}, "row 1 column conversions: 1 has conversions without a click"),
        ({"conversions": 3.0}, "column conversions: 3 is above the row's clicks (and 3 more rows)"),
        ({"conversions": [0.0, 1.0, 1.0, 1.0]}, "30 has revenue without a conversion"),
        ({"clicks": [0.0, 2.0, 2.0, 2.0], "conversions": 0.0, "revenue": 0.0}, "1 has a cost without a click"),
        ({"cost": 2.2}, "2.2 is above bid x clicks"),
        ({"bid": [0.0, 1.0, 1.0, 1.0]}, "is 0 in a row with impressions"),
        ({"date": pd.to_datetime(["2024-03-01", "2024-03-02", "2024-03-05", "2024-03-06"])}, "no row at all on 2 days"),
    ],
)
def test_what_is_odd_is_a_warning_with_its_place(columns: dict[str, Any], words: str) -> None:
    (warning,) = found(keywords(**columns), "warnings")
    assert words in warning


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"hour": [1.0, None, 2.0, 3.0]}, "keywords row 2 column hour: is empty"),
        ({"reported": ["2024-03-02", "2024-03-01", "2024-03-04", "2024-03-05"]}, "2024-03-01 is before the row's date"),
        ({"reported": ["2024-03-02", None, "2024-03-04", "2024-03-05"]}, "column reported: is empty"),
        ({"date": pd.date_range("2024-03-01", periods=4, freq="7D")}, "are mostly 7 days apart"),
        ({"date": pd.to_datetime(["2014-03-01", "2024-03-02", "2024-03-03", "2024-03-04"])}, "is mistyped"),
        ({"clicks": [-1.0, 1.0, 1.0, 1.0]}, "-1 must be at least 0"),
    ],
)
def test_what_cannot_be_is_a_fault_with_its_place(columns: dict[str, Any], words: str) -> None:
    (fault,) = found(keywords(**columns), "faults")
    assert words in fault


def test_names_that_another_table_lacks_are_warnings() -> None:
    campaigns = pd.DataFrame({"campaign": ["spring", "sumer"], "min_bid": 0.1, "max_bid": 1.0})
    catalog = pd.DataFrame({"sku": ["p1"], "price": 3.0})
    frame = keywords(campaign=["spring", "summer"] * 2, sku=["p1", "p2"] * 2)
    words = " | ".join(found(frame, "warnings", campaigns=campaigns, catalog=catalog))
    assert "'summer' is not in campaigns" in words
    assert "campaigns row 2 column campaign: 'sumer' has no keyword" in words
    assert "'p2' is not in catalog" in words
    crossed = campaigns.assign(min_bid=2.0)
    assert "2 is above max_bid" in found(keywords(), "faults", campaigns=crossed)[0]


def test_conversions_that_shrink_from_report_to_report_are_a_warning() -> None:
    frame = pd.concat([keywords(reported="2024-03-05"), keywords(reported="2024-03-06", conversions=0.0, revenue=0.0)])
    (warning,) = found(frame, "warnings")
    assert "keywords row 5 column conversions: 0 is below an earlier report" in warning
