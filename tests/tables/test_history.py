"""What a row means: keys, absent rows, carried prices, stock-outs, drivers and events."""

import numpy as np
import pandas as pd
import pytest

from pricebid import Shop, TableError
from pricebid.tables import Settings

WEEKS = pd.date_range("2024-01-01", periods=6, freq="7D")


def rows(*records: tuple[object, ...], columns: str = "week sku region units price") -> pd.DataFrame:
    frame = pd.DataFrame(list(records), columns=columns.split())
    frame.insert(0, "date", [WEEKS[week] for week in frame.pop("week")])
    return frame


def history(frame: pd.DataFrame, **settings: object):
    return Shop.from_frames({"sales": frame}, Settings(**settings)).history()


SPARSE = rows(
    (0, "a", "n", 3, 2.0),
    (2, "a", "n", 1, 2.5),
    (1, "b", "n", 4, 1.0),
    (5, "b", "n", 4, 1.0),
    (0, "a", "s", 2, 2.0),
    (1, "b", "s", 1, 1.0),
    (3, "a", "s", 1, 3.0),
    (3, "b", "n", 2, 1.0),
    (4, "b", "n", 2, 1.0),
)
NAN = np.nan


def test_without_explicit_zeros_an_absent_row_is_zero_between_the_skus_first_and_last_row() -> None:
    made = history(SPARSE)
    assert made.offers.columns == ("sku", "region")
    assert list(zip(made.offers.sku, made.offers.region, strict=True)) == [
        ("a", "n"),
        ("a", "s"),
        ("b", "n"),
        ("b", "s"),
    ]
    # sku a: weeks 0 to 3; region n has rows in weeks 0 to 5, region s in weeks 0, 1 and 3.
    np.testing.assert_array_equal(made.units[0], [3, 0, 1, 0, NAN, NAN])
    np.testing.assert_array_equal(made.units[1], [2, 0, NAN, 1, NAN, NAN])
    # sku b: weeks 1 to 5.
    np.testing.assert_array_equal(made.units[2], [NAN, 4, 0, 2, 2, 4])
    np.testing.assert_array_equal(made.units[3], [NAN, 1, NAN, 0, NAN, NAN])


def test_with_explicit_zeros_an_absent_row_is_missing() -> None:
    frame = SPARSE.copy()
    frame.loc[1, "units"] = 0
    np.testing.assert_array_equal(history(frame).units[0], [3, NAN, 0, NAN, NAN, NAN])


def test_settings_override_what_an_absent_row_means() -> None:
    np.testing.assert_array_equal(history(SPARSE, absent="missing").units[0], [3, NAN, 1, NAN, NAN, NAN])
    np.testing.assert_array_equal(history(SPARSE, absent="zero").units[1], [2, 0, 0, 1, NAN, NAN])


def test_prices_are_carried_forward_then_backward() -> None:
    made = history(SPARSE)
    np.testing.assert_array_equal(made.price[0], [2.0, 2.0, 2.5, 2.5, 2.5, 2.5])
    np.testing.assert_array_equal(made.price[2], np.ones(6))
    assert not np.isnan(made.price).any()


def test_a_row_that_sold_nothing_may_have_no_price() -> None:
    frame = rows((0, "a", "n", 3, 2.0), (1, "a", "n", 0, None), (2, "a", "n", 1, 3.0))
    np.testing.assert_array_equal(history(frame).price[0], [2.0, 2.0, 3.0])


def test_units_equal_to_stock_are_censored() -> None:
    frame = rows(
        (0, "a", "n", 3, 2.0, 5),
        (1, "a", "n", 4, 2.0, 4),
        (2, "a", "n", 0, 2.0, 0),
        columns="week sku region units price stock",
    )
    np.testing.assert_array_equal(history(frame).censored, [[False, True, True]])


def test_regions_default_to_all_and_numbers_are_labels() -> None:
    frame = rows((0, 17, "x", 3, 2.0), (1, 17, "x", 4, 2.0)).drop(columns="region")
    offers = history(frame).offers
    assert offers.sku.tolist() == ["17"]
    assert offers.region.tolist() == ["all"]
    floats = frame.assign(sku=[17.0, 17.0])
    assert history(floats).offers.sku.tolist() == ["17"]


def test_hours_segments_and_channels_are_keys_where_given() -> None:
    frame = rows(
        (0, "a", "n", 1, 2.0, 9, "new", "web"),
        (0, "a", "n", 2, 2.0, 10, "new", "web"),
        (1, "a", "n", 3, 2.0, 9, "old", "app"),
        columns="week sku region units price hour segment channel",
    )
    offers = history(frame).offers
    assert offers.columns == ("sku", "region", "hour", "segment", "channel")
    assert list(zip(*offers.labels[2:], strict=True)) == [
        ("9", "new", "web"),
        ("9", "old", "app"),
        ("10", "new", "web"),
    ]
    twice = pd.concat([frame, frame.iloc[[0]]])
    with pytest.raises(TableError, match=r"hour 9, segment new, channel web is there already in row 1"):
        history(twice)


def test_drivers_are_the_promotion_columns_then_numeric_extras_never_stock_or_visitors() -> None:
    frame = rows((0, "a", "n", 1, 2.0), (2, "a", "n", 1, 2.0)).assign(
        heat=[20.5, 19.0], visitors=9, stock=8, promo=[1, 0]
    )
    made = history(frame)
    assert made.driver_names == ("promo", "heat")
    np.testing.assert_array_equal(made.drivers[:, 0], [[1.0, 0.0, 0.0], [20.5, 0.0, 19.0]])


def test_events_reach_the_periods_and_regions_that_they_name() -> None:
    calendar = pd.DataFrame(
        {
            "date": ["2024-01-10", "2024-01-22", "2024-02-14", "2030-01-01"],
            "event": ["fair", "feast", "feast", "feast"],
            "region": ["s", "", "", ""],
            "uplift": [2.0, 1.1, 1.1, None],
        }
    )
    shop = Shop.from_frames({"sales": SPARSE, "calendar": calendar})
    events = shop.history().events
    assert events.names == ("fair", "feast")
    np.testing.assert_allclose(events.uplift, [2.0, 1.1])
    assert events.active.shape == (2, 4, 6)
    assert np.argwhere(events.active[0]).tolist() == [[1, 1], [3, 1]]
    assert np.flatnonzero(events.active[1].all(axis=0)).tolist() == [3]
    assert shop.future(2).events.active[1].any(axis=0).tolist() == [True, False]
    everywhere = Shop.from_frames({"sales": SPARSE, "calendar": calendar.drop(columns="region")})
    assert everywhere.history().events.active.shape == (2, 1, 6)


def test_what_comes_out_is_read_only_and_made_once() -> None:
    shop = Shop.from_frames({"sales": SPARSE})
    made = shop.history()
    assert made is shop.history()
    for array in (
        made.units,
        made.price,
        made.censored,
        made.drivers,
        made.periods,
        made.offers.cost,
        made.events.active,
    ):
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0


def test_a_shop_without_sales_has_offers_but_no_history() -> None:
    offers = pd.DataFrame({"sku": ["a"], "region": ["n"], "price": [1.0]})
    shop = Shop.from_frames({"offers": offers})
    assert shop.offers.current_price.tolist() == [1.0]
    with pytest.raises(TableError, match="is not there; forecasts and prices need it"):
        shop.history()
    keywords = pd.DataFrame(
        {
            "date": ["2024-01-01"],
            "keyword": ["x"],
            "bid": 1,
            "impressions": 1,
            "clicks": 1,
            "cost": 1,
            "conversions": 0,
            "revenue": 0,
        }
    )
    assert Shop.from_frames({"keywords": keywords}).warnings == ()


def test_rows_in_any_order_give_the_same_history() -> None:
    shuffled = SPARSE.sample(frac=1.0, random_state=4)
    one, other = history(SPARSE), history(shuffled)
    np.testing.assert_array_equal(one.units, other.units)
    np.testing.assert_array_equal(one.price, other.price)
    np.testing.assert_array_equal(one.offers.current_price, other.offers.current_price)
