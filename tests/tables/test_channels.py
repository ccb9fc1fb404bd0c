"""The tables channels, touches and orders become frozen arrays."""

import numpy as np
import pandas as pd
import pytest

from pricebid import Shop, TableError


def channels(**columns: object) -> Shop:
    return Shop.from_frames({"channels": pd.DataFrame(columns)})


def test_a_channel_without_a_row_spent_nothing_and_a_period_without_any_row_is_unknown() -> None:
    history = channels(
        date=["2024-01-01", "2024-01-08", "2024-01-22", "2024-01-01"],
        channel=["a", "a", "a", "b"],
        spend=[1, 2, 3, 4],
        revenue=[5, 6, 7, None],
    ).channel_history()
    assert history.frequency == "week"
    assert history.channels.tolist() == ["a", "b"]
    assert [str(day) for day in history.periods] == ["2024-01-01", "2024-01-08", "2024-01-15", "2024-01-22"]
    assert history.spend.tolist() == [[1, 2, 0, 3], [4, 0, 0, 0]]
    np.testing.assert_array_equal(history.revenue, [[5, 6, np.nan, 7], [np.nan, 0, np.nan, 0]])
    assert history.conversions is None
    assert not history.spend.flags.writeable


def test_dates_that_are_no_periods_are_a_fault_of_the_table_channels() -> None:
    shop = channels(date=["2024-01-01", "2024-01-15", "2024-01-29", "2024-02-12"], channel="a", spend=1)
    with pytest.raises(TableError, match="channels column date"):
        shop.channel_history()


def test_what_is_needed_and_not_there_is_named() -> None:
    touches = {"customer": ["x"], "time": ["2024-01-01"], "channel": ["a"], "converted": [1]}
    shop = Shop.from_frames({"touches": pd.DataFrame(touches)})
    with pytest.raises(TableError, match="channels: is not there; the split of a budget needs it"):
        shop.channel_history()
    assert shop.purchases() is None


def test_touches_are_sorted_by_customer_and_time_with_conversions_last() -> None:
    rows = [
        ("y", "2024-01-02", "b", 0, 3.0),
        ("x", "2024-01-02T10:00", "c", 1, 9.0),
        ("x", "2024-01-02T10:00", "b", 0, 4.0),
        ("x", "2024-01-01", "a", 0, None),
    ]
    touches = Shop.from_frames(
        {"touches": pd.DataFrame(rows, columns=["customer", "time", "channel", "converted", "value"])}
    ).touches()
    assert touches.channels[touches.channel].tolist() == ["a", "b", "c", "b"]
    assert touches.customer.tolist() == [0, 0, 0, 1]
    assert touches.value.tolist() == [0, 0, 9, 0]  # the value of a touch that did not convert counts for nothing
    assert touches.cost is None
    assert len(touches) == 4


def test_order_lines_that_came_back_are_left_out_and_coupons_are_taken_off() -> None:
    orders = pd.DataFrame(
        {
            "order": ["1", "2"],
            "customer": ["x", "y"],
            "time": ["2024-01-01T09:00", "2024-01-02"],
            "sku": "a",
            "units": [2, 1],
            "price": [10.0, 10.0],
            "discount": [1.5, 0.0],
            "returned": [0, 1],
            "channel": ["mail", "search"],
        }
    )
    found = Shop.from_frames({"orders": orders}).purchases()
    assert found is not None
    assert found.money.tolist() == [17.0]
    assert found.channels[found.channel].tolist() == ["mail"]
    assert str(found.day[0]) == "2024-01-01"
    bare = Shop.from_frames({"orders": orders.drop(columns=["channel", "returned", "discount"])}).purchases()
    assert bare is not None
    assert bare.channels.tolist() == [""]
    assert bare.money.tolist() == [20.0, 10.0]


def test_a_touch_that_stands_twice_is_a_warning() -> None:
    rows = {"customer": ["x", "x", "y"], "time": ["2024-01-01"] * 3, "channel": ["a"] * 3, "converted": [1, 1, 0]}
    (warning,) = Shop.from_frames({"touches": pd.DataFrame(rows)}).warnings
    assert str(warning).startswith("touches row 2: this customer, moment and channel stand in an earlier row")
