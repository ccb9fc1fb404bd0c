"""Everything that is wrong with a shop is reported at once; what is odd is a warning; what is off is a notice."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pricebid import Shop, TableError
from pricebid.tables import Settings


def sales(**columns: object) -> pd.DataFrame:
    dates = pd.date_range("2024-01-01", periods=10, freq="7D")
    return pd.DataFrame({"date": dates, "sku": "a", "units": np.arange(10.0) + 1, "price": 2.0} | columns)


def faults_of(frames: dict[str, pd.DataFrame]) -> list[str]:
    with pytest.raises(TableError) as caught:
        Shop.from_frames(frames)
    return [str(fault) for fault in caught.value.faults]


def test_faults_of_every_table_come_together() -> None:
    bad = sales(price=[2.0] * 8 + [-1.0, 0.0], units=[-1.0] + [1.0] * 9)
    catalog = pd.DataFrame({"sku": ["a", "a"], "cost": [-1.0, 2.0], "role": ["trafic", ""], "colour": ["red", "blue"]})
    regions = pd.DataFrame({"region": ["all"], "tax": ["much"]})
    found = faults_of({"sales": bad, "catalog": catalog, "regions": regions})
    assert any("sales row 9 column price" in one and "1 more rows" in one for one in found)
    assert any("sales row 1 column units: -1 must be at least 0" in one for one in found)
    assert any("catalog column colour: unknown column" in one for one in found)
    assert any("regions row 1 column tax: 'much' is not a number" in one for one in found)
    mended = catalog.drop(columns="colour")
    found = faults_of({"sales": bad, "catalog": mended})
    assert any("catalog row 1 column cost: -1 must be at least 0" in one for one in found)
    assert any("'trafic' is none of traffic" in one for one in found)
    assert any("catalog row 2 column sku: sku a is there already in row 1" in one for one in found)


@pytest.mark.parametrize(
    ("table", "frame", "words"),
    [
        ("catalog", pd.DataFrame({"sku": ["a"], "min_price": [3.0], "max_price": [2.0]}), "3 is above max_price 2"),
        ("catalog", pd.DataFrame({"sku": ["a"], "locked": [2.0]}), "at most 1"),
        ("catalog", pd.DataFrame({"sku": ["a"], "locked": [0.5]}), "0 or 1"),
        ("catalog", pd.DataFrame({"sku": ["a"], "cst": [0.5]}), "did you mean 'cost'"),
        ("catalog", pd.DataFrame({"cost": [0.5]}), "column sku: this column is missing"),
        ("offers", pd.DataFrame({"sku": ["a"], "region": ["allx"], "price": [1.0]}), "'allx' is not in sales; add it"),
        ("offers", pd.DataFrame({"sku": ["a"], "region": ["all"]}), "column price: this column is missing"),
        ("regions", pd.DataFrame({"region": ["north"]}), "'all' is not in regions"),
        ("planned", pd.DataFrame({"date": ["2024-03-11"], "sku": ["b"]}), "'b' is not in sales, catalog or offers"),
        ("planned", pd.DataFrame({"date": ["2024-03-12"], "sku": ["a"]}), "begins on 2024-03-11"),
        ("planned", pd.DataFrame({"date": ["2024-03-11"], "sku": ["a"], "promo": [1]}), "sales has no such column"),
        ("planned", pd.DataFrame({"date": ["2024-03-11"], "sku": ["a"], "heat": [1]}), "is no driver"),
        ("calendar", pd.DataFrame({"date": ["2024-03-11"], "event": ["x"], "uplift": [0.0]}), "above 0"),
        (
            "competitors",
            pd.DataFrame({"date": ["2024-03-11"], "sku": ["a"], "competitor": [""], "price": 1.0}),
            "empty",
        ),
        ("catalogue", pd.DataFrame({"sku": ["a"]}), "did you mean 'catalog'"),
    ],
)
def test_a_contradiction_is_refused(table: str, frame: pd.DataFrame, words: str) -> None:
    found = faults_of({"sales": sales(), table: frame})
    assert len(found) == 1
    assert words in found[0]


def test_an_unknown_sku_in_offers_is_refused_once_there_is_a_catalog() -> None:
    offers = pd.DataFrame({"sku": ["a", "bb"], "region": "all", "price": 1.0})
    assert len(Shop.from_frames({"sales": sales(), "offers": offers}).offers) == 2
    catalog = pd.DataFrame({"sku": ["a", "b"]})
    assert "'bb' is not in sales or catalog" in faults_of({"sales": sales(), "offers": offers, "catalog": catalog})[0]


def test_units_above_stock_are_refused() -> None:
    assert "10 is above the row's stock 9" in faults_of({"sales": sales(stock=9.0)})[0]


def test_segments_of_offers_need_segments_of_sales() -> None:
    offers = pd.DataFrame({"sku": ["a"], "region": ["all"], "segment": ["x"], "price": [1.0]})
    assert "sales has no segments" in faults_of({"sales": sales(), "offers": offers})[0]


def test_unknown_columns_are_capped() -> None:
    frame = pd.DataFrame({"sku": ["a"]} | {f"c{at}": [1] for at in range(300)})
    found = faults_of({"sales": sales(), "catalog": frame})
    assert len(found) == 21
    assert "280 more unknown columns" in found[-1]


def test_a_jump_of_price_and_a_gap_are_warnings_with_their_place() -> None:
    frame = sales(price=[2.0] * 5 + [200.0] + [2.0] * 4).drop(index=[7, 8])
    jump, gap = sorted(str(one) for one in Shop.from_frames({"sales": frame}).warnings)[::-1]
    assert "row 6 column price: 2 becomes 200" in jump
    assert "no row at all in 2 of 10 periods, the first 2024-02-19" in gap


def test_skus_that_the_catalog_or_sales_do_not_know_are_warnings() -> None:
    rivals = pd.DataFrame({"date": ["2024-03-04"], "sku": ["z"], "competitor": ["X"], "price": [1.0]})
    shop = Shop.from_frames({"sales": sales(), "catalog": pd.DataFrame({"sku": ["b"]}), "competitors": rivals})
    words = " ".join(str(one) for one in shop.warnings)
    assert "'a' is not in catalog" in words
    assert "'z' is not ours" in words


def test_a_current_price_far_from_the_last_sales_is_a_warning() -> None:
    catalog = pd.DataFrame({"sku": ["a"], "price": [200.0]})
    words = [str(one) for one in Shop.from_frames({"sales": sales(), "catalog": catalog}).warnings]
    assert len(words) == 1
    assert "current price of a in all is 200, but it last sold at 2" in words[0]


def test_spaces_around_a_label_are_a_warning() -> None:
    words = [str(one) for one in Shop.from_frames({"sales": sales(sku="a ")}).warnings]
    assert "begins or ends with a space" in words[0]


def test_missing_tables_and_columns_switch_features_off_with_a_notice() -> None:
    notices = " | ".join(Shop.from_frames({"sales": sales()}).notices)
    for words in (
        "catalog is not given",
        "calendar is not given",
        "sales.stock is not given",
        "sales.promo is not given",
    ):
        assert words in notices
    frame = sales(promo=0, stock=50.0)
    catalog = pd.DataFrame({"sku": ["a"], "category": ["x"]})
    assert not [one for one in Shop.from_frames({"sales": frame, "catalog": catalog}).notices if "sales." in one]


def test_a_driver_that_looks_like_a_mistyped_column_is_a_notice() -> None:
    shop = Shop.from_frames({"sales": sales(discont=0.0, temperature=20.0)})
    assert [one for one in shop.notices if "discont" in one and "did you mean 'discount'" in one]
    assert shop.history().driver_names == ("discont", "temperature")


def test_text_that_is_no_known_column_of_sales_is_left_out_with_a_notice() -> None:
    shop = Shop.from_frames({"sales": sales(comment="fine")})
    assert any("sales.comment holds no numbers" in one for one in shop.notices)


def test_check_reports_without_raising(tmp_path: Path) -> None:
    sales().to_csv(tmp_path / "sales.csv", index=False)
    (tmp_path / "slaes.csv").write_text("x\n1\n")
    (tmp_path / "readme.txt").write_text("notes")
    report = Shop.check(tmp_path)
    assert report.ok
    assert any("slaes.csv belongs to no table" in one and "'sales'" in one for one in report.notices)
    assert not any("readme" in one for one in report.notices)
    sales(price=-1.0).to_csv(tmp_path / "sales.csv", index=False)
    report = Shop.check(tmp_path)
    assert not report.ok
    assert report.faults[0].count == 10


def test_offers_without_cost_are_listed_when_asked_for() -> None:
    shop = Shop.from_frames(
        {"sales": sales(), "catalog": pd.DataFrame({"sku": ["a", "b"], "price": 1.0, "cost": [1.0, None]})}
    )
    (fault,) = shop.without_cost()
    assert "no cost for b in all (1 of 2 offers)" in str(fault)
    assert (
        Shop.from_frames({"sales": sales(), "catalog": pd.DataFrame({"sku": ["a"], "cost": [1.0]})}).without_cost()
        == ()
    )


def test_settings_outside_their_range_are_all_named(tmp_path: Path) -> None:
    sales().to_csv(tmp_path / "sales.csv", index=False)
    (tmp_path / "shop.toml").write_text('curency = "EUR"\ndecimals = 9\ntimezone = "Mars"\nabsent = "none"\n')
    with pytest.raises(TableError) as caught:
        Shop.read(tmp_path)
    assert [fault.column for fault in caught.value.faults] == ["curency", "decimals", "timezone", "absent"]
    assert "did you mean 'currency'" in str(caught.value)
    (tmp_path / "shop.toml").write_text('currency = "EUR"\ndecimals = 0\ntimezone = "Europe/Berlin"\nabsent = "zero"\n')
    assert Shop.read(tmp_path).settings == Settings(currency="EUR", decimals=0, timezone="Europe/Berlin", absent="zero")


def test_the_tables_of_ads_orders_and_experiments_are_checked_too() -> None:
    keywords = pd.DataFrame(
        {
            "date": ["2024-01-01"],
            "keyword": ["x"],
            "bid": [-1.0],
            "impressions": 1,
            "clicks": 1,
            "cost": 1,
            "conversions": 0,
            "revenue": 0,
        }
    )
    assert "keywords row 1 column bid: -1 must be at least 0" in faults_of({"keywords": keywords})[0]
    touches = pd.DataFrame({"customer": ["c"], "time": ["2024-01-01 12:30:00"], "channel": ["mail"]})
    table = Shop.from_frames({"touches": touches}).table("touches")
    assert table is not None
    assert table.array("time")[0] == np.datetime64("2024-01-01T12:30:00")


def test_cells_that_cannot_be_read_hide_no_other_fault_of_their_table() -> None:
    frame = sales(units=["1"] * 9 + ["many"], price=[2.0] * 9 + [0.0], discount=[3.0] + [0.0] * 9)
    frame["date"] = frame["date"].astype(str)
    frame.loc[4, "date"] = "31/12/2024"
    found = faults_of({"sales": frame})
    assert len(found) == 4
    for words in (
        "'31/12/2024' is not an ISO date",
        "'many' is not a number",
        "0 must be above 0",
        "3 is above price 2",
    ):
        assert any(words in one for one in found)


def test_an_hour_must_be_given_once_hours_are_keys() -> None:
    assert "column hour: is empty" in faults_of({"sales": sales(hour=[1.0] * 9 + [None])})[0]
    assert "column hour: 24 must be at most 23" in faults_of({"sales": sales(hour=[1.0] * 9 + [24.0])})[0]
    assert "column hour: 1.5 must be a whole number" in faults_of({"sales": sales(hour=[1.0] * 9 + [1.5])})[0]


def test_an_offer_that_no_row_prices_is_refused_until_a_table_does() -> None:
    frame = pd.concat([sales(), sales(sku="b", units=0.0, price=np.nan)])
    assert "b in all has no price in any row" in faults_of({"sales": frame})[0]
    shop = Shop.from_frames({"sales": frame, "catalog": pd.DataFrame({"sku": ["b"], "price": [3.0]})})
    np.testing.assert_array_equal(shop.history().price[1], np.full(10, 3.0))


def test_skus_of_the_catalog_without_sales_or_price_are_a_warning() -> None:
    shop = Shop.from_frames({"sales": sales(), "catalog": pd.DataFrame({"sku": ["a", "b"], "cost": 1.0})})
    assert [str(one) for one in shop.warnings] == [
        "catalog row 2 column sku: 'b' has neither sales nor a price: it is not offered"
    ]
    assert shop.offers.sku.tolist() == ["a"]


def test_a_column_of_mostly_text_is_no_driver() -> None:
    shop = Shop.from_frames({"sales": sales(note=["7"] + ["fine"] * 9)})
    assert shop.history().driver_names == ()
    assert "'fine' is not a number" in faults_of({"sales": sales(heat=["fine"] + ["7"] * 9)})[0]


def test_a_mistyped_file_name_is_pointed_at_where_nothing_else_is_there(tmp_path: Path) -> None:
    sales().to_csv(tmp_path / "slaes.csv", index=False)
    with pytest.raises(TableError, match=r"slaes\.csv belongs to no table and is not read; did you mean 'sales'"):
        Shop.read(tmp_path)
    (tmp_path / "catalog.csv").write_text("sku,cots\na,1\n")
    report = Shop.check(tmp_path)
    assert "did you mean 'cost'" in str(report.faults[0])
    assert "did you mean 'sales'" in report.notices[0]


@pytest.mark.parametrize("backend", ["pyarrow", "numpy_nullable"])
def test_frames_of_any_pandas_type_are_read(backend: str) -> None:
    frame = sales(promo=0).convert_dtypes(dtype_backend=backend)  # type: ignore[call-overload]
    made = Shop.from_frames({"sales": frame}).history()
    np.testing.assert_array_equal(made.units[0], np.arange(10.0) + 1)
    assert made.frequency == "week"
