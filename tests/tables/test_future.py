"""What is decided or known for the periods to come."""

import numpy as np
import pandas as pd
import pytest

from pricebid import InputError, Shop

WEEKS = pd.date_range("2024-01-01", periods=6, freq="7D")
NEXT = ["2024-02-12", "2024-02-19", "2024-02-26"]


def frames(planned: pd.DataFrame | None = None) -> dict[str, pd.DataFrame]:
    index = pd.MultiIndex.from_product([["a", "b"], ["n", "s"], WEEKS], names=["sku", "region", "date"])
    sales = index.to_frame(index=False).assign(units=1.0, price=2.0, promo=0, heat=np.tile(np.arange(6.0), 4))
    return {"sales": sales} | ({} if planned is None else {"planned": planned})


def test_it_begins_with_the_period_after_the_last_sale() -> None:
    future = Shop.from_frames(frames()).future(3)
    assert future.periods.astype(str).tolist() == NEXT
    assert (future.price == 2.0).all()
    assert not future.fixed.any()
    assert future.driver_names == ("promo", "heat")
    assert (future.drivers[0] == 0.0).all()
    assert (future.drivers[1] == 5.0).all()


def test_a_start_moves_it_and_may_lie_inside_a_period() -> None:
    shop = Shop.from_frames(frames())
    assert shop.future(1, start="2024-02-21").periods.astype(str).tolist() == ["2024-02-19"]
    assert shop.future(1, start=np.datetime64("2024-03-04")).periods.astype(str).tolist() == ["2024-03-04"]


@pytest.mark.parametrize("start", ["2024-02-05", "2020-01-01", "soon", "", "NaT", "2025"])
def test_a_start_before_the_last_sale_or_no_date_is_refused(start: str) -> None:
    with pytest.raises(InputError, match=r"start .*(is not after|is no date)"):
        Shop.from_frames(frames()).future(1, start=start)


def test_a_horizon_below_one_is_refused() -> None:
    with pytest.raises(InputError, match="horizon 0 must be at least 1"):
        Shop.from_frames(frames()).future(0)


def test_planned_rows_of_a_region_lie_over_those_for_every_region() -> None:
    planned = pd.DataFrame(
        {
            "date": [NEXT[0], NEXT[0], NEXT[1], "2023-12-04"],
            "sku": ["a", "a", "b", "b"],
            "region": ["s", "", "n", ""],
            "price": [1.0, 1.5, None, 0.1],
            "promo": [1, None, 1, 1],
            "heat": [30.0, None, None, None],
        }
    )
    future = Shop.from_frames(frames(planned)).future(2)
    np.testing.assert_array_equal(future.price, [[1.5, 2.0], [1.0, 2.0], [2.0, 2.0], [2.0, 2.0]])
    assert future.fixed.tolist() == [True, True, False, False]
    np.testing.assert_array_equal(future.drivers[0], [[0, 0], [1, 0], [0, 1], [0, 0]])
    assert future.drivers[1].tolist() == [[5.0, 5.0], [30.0, 5.0], [5.0, 5.0], [5.0, 5.0]]


def test_rows_beyond_the_horizon_are_left_for_later() -> None:
    planned = pd.DataFrame({"date": [NEXT[2]], "sku": ["a"], "price": [1.0]})
    shop = Shop.from_frames(frames(planned))
    assert not shop.future(2).fixed.any()
    assert shop.future(3).fixed.sum() == 2


def test_planned_rows_reach_every_hour_of_the_offer() -> None:
    tables = frames(pd.DataFrame({"date": [NEXT[0]], "sku": ["b"], "region": ["s"], "price": [1.0]}))
    sales = tables["sales"]
    tables["sales"] = pd.concat([sales.assign(hour=8), sales.assign(hour=12)])
    shop = Shop.from_frames(tables)
    touched = shop.future(1).fixed
    assert touched.sum() == 2
    assert set(shop.offers.sku[touched]) == {"b"}
    assert set(shop.offers.region[touched]) == {"s"}


def test_rivals_prices_are_delivered_prices() -> None:
    rivals = pd.DataFrame(
        {
            "date": "2024-02-05",
            "sku": ["a", "b"],
            "competitor": "X",
            "price": [2.0, 3.0],
            "shipping_cost": [0.5, None],
            "in_stock": [0, None],
            "region": ["", "s"],
        }
    )
    made = Shop.from_frames(frames() | {"competitors": rivals}).competitors
    assert made.price.tolist() == [2.5, 3.0]
    assert made.in_stock.tolist() == [False, True]
    assert made.region.tolist() == ["", "s"]
    assert len(Shop.from_frames(frames()).competitors) == 0
