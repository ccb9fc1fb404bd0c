"""A what-if's change to a table: what it reaches, what it makes, and what it refuses."""

import numpy as np
import pandas as pd
import pytest

from pricebid import Shop, TableError
from pricebid.policy import Change

WEEKS = pd.date_range("2024-01-01", periods=6, freq="7D")


@pytest.fixture(scope="module")
def shop() -> Shop:
    index = pd.MultiIndex.from_product([["a", "b"], ["n", "s"], WEEKS], names=["sku", "region", "date"])
    return Shop.from_frames(
        {
            "sales": index.to_frame(index=False).assign(units=1.0, price=2.0, promo=0),
            "catalog": pd.DataFrame(
                {"sku": ["a", "b"], "cost": [1.0, 1.2], "category": ["tea", "coffee"], "stage": ["mature", ""]}
            ),
            "competitors": pd.DataFrame({"date": WEEKS[:2], "sku": "a", "competitor": ["X", "Y"], "price": [2.0, 3.0]}),
        }
    )


def test_a_factor_reaches_the_matching_rows_and_the_shop_stays_as_it_was(shop: Shop) -> None:
    dearer = shop.changed(Change(table="catalog", where=(("category", "tea"),), multiply=(("cost", 1.5),)))
    assert dearer.offers.cost.tolist() == [1.5, 1.5, 1.2, 1.2]
    assert shop.offers.cost.tolist() == [1.0, 1.0, 1.2, 1.2]


def test_without_where_every_row_changes(shop: Shop) -> None:
    cut = shop.changed(Change(table="competitors", multiply=(("price", 0.5),), assign=(("in_stock", 0.0),)))
    assert cut.competitors.price.tolist() == [1.0, 1.5]
    assert not cut.competitors.in_stock.any()


def test_conditions_are_joined_and_dates_and_numbers_are_compared_as_such(shop: Shop) -> None:
    change = Change(table="competitors", where=(("date", "2024-01-08"), ("price", 3.0)), assign=(("price", 9.0),))
    assert shop.changed(change).competitors.price.tolist() == [2.0, 9.0]


def test_where_may_name_a_column_of_the_catalog(shop: Shop) -> None:
    change = Change(table="sales", where=(("category", "coffee"), ("region", "n")), multiply=(("price", 2.0),))
    assert shop.changed(change).offers.current_price.tolist() == [2.0, 2.0, 4.0, 2.0]


def test_a_legal_column_that_is_not_there_is_made(shop: Shop) -> None:
    made = shop.changed(Change(table="catalog", where=(("sku", "a"),), assign=(("role", "traffic"), ("locked", True))))
    assert made.offers.role.tolist() == ["traffic", "traffic", "", ""]
    assert made.offers.locked.tolist() == [True, True, False, False]


def test_a_price_by_hand_is_a_planned_price_for_every_coming_period(shop: Shop) -> None:
    future = shop.changed(Change(table="planned", where=(("sku", "a"),), assign=(("price", 2.5),))).future(5)
    assert future.fixed.tolist() == [True, True, False, False]
    assert (future.price[:2] == 2.5).all()
    one = Change(
        table="planned", where=(("sku", "a"), ("region", "s"), ("date", "2024-02-19")), assign=(("price", 2.5),)
    )
    np.testing.assert_array_equal(shop.changed(one).future(3).price[1], [2.0, 2.5, 2.0])


def test_changes_to_planned_rows_add_up(shop: Shop) -> None:
    first = Change(table="planned", where=(("sku", "a"),), assign=(("price", 2.5),))
    second = Change(table="planned", where=(("sku", "b"), ("region", "n")), assign=(("promo", True),))
    third = Change(table="planned", where=(("sku", "a"),), multiply=(("price", 1.1),))
    future = shop.changed(first).changed(second).changed(third).future(2)
    np.testing.assert_array_equal(future.price[:, 0], [2.75, 2.75, 2.0, 2.0])
    np.testing.assert_array_equal(future.drivers[0][:, 0], [0, 0, 1, 0])


def test_a_row_of_offers_is_made_with_the_current_price(shop: Shop) -> None:
    made = shop.changed(Change(table="offers", where=(("sku", "b"), ("region", "s")), assign=(("cost", 0.5),)))
    assert made.offers.cost.tolist() == [1.0, 1.0, 1.2, 0.5]
    assert made.offers.current_price.tolist() == [2.0] * 4
    both = shop.changed(Change(table="offers", where=(("sku", "b"),), multiply=(("price", 1.105),)))
    assert both.offers.current_price.tolist() == [2.0, 2.0, 2.21, 2.21]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (Change(table="catalogue", assign=(("cost", 1.0),)), "did you mean 'catalog'"),
        (Change(table="regions", assign=(("tax", 0.1),)), "no such table to change"),
        (Change(table="catalog", where=(("sku", "c"),), assign=(("cost", 1.0),)), "no row has sku = 'c'"),
        (Change(table="catalog", where=(("category", "tee"),), assign=(("cost", 1.0),)), "did you mean 'tea'"),
        (Change(table="planned", where=(("sku", "c"),), assign=(("price", 1.0),)), "planned"),
        (Change(table="catalog", where=(("kategory", "tea"),), assign=(("cost", 1.0),)), "did you mean 'category'"),
        (Change(table="catalog", assign=(("costs", 1.0),)), "did you mean 'cost'"),
        (Change(table="catalog", assign=(("cost", "cheap"),)), "'cheap' is not a number"),
        (Change(table="catalog", assign=(("cost", -1.0),)), "-1 must be at least 0"),
        (Change(table="catalog", assign=(("role", "boss"),)), "'boss' is none of"),
        (Change(table="catalog", multiply=(("category", 2.0),)), "holds no numbers"),
        (Change(table="catalog", multiply=(("min_price", 2.0),)), "cannot be multiplied"),
        (Change(table="planned", where=(("sku", "a"), ("date", "2024-02-13")), assign=(("price", 1.0),)), "first day"),
        (Change(table="planned", where=(("sku", "a"), ("date", "soon")), assign=(("price", 1.0),)), "not an ISO date"),
    ],
)
def test_a_change_that_does_not_fit_is_refused(shop: Shop, change: Change, words: str) -> None:
    with pytest.raises(TableError, match=words):
        shop.changed(change)


def test_a_change_that_another_table_overrides_is_refused(shop: Shop) -> None:
    listed = shop.changed(Change(table="offers", where=(("sku", "b"), ("region", "s")), assign=(("cost", 0.5),)))
    with pytest.raises(TableError, match="overridden by the table offers"):
        listed.changed(Change(table="catalog", multiply=(("cost", 1.1),)))
    assert (
        listed.changed(Change(table="catalog", where=(("sku", "a"),), multiply=(("cost", 2.0),))).offers.cost[0] == 2.0
    )
