"""What is known of an offer: the offers table over the catalog over what the sales show."""

import numpy as np
import pandas as pd

from pricebid import Shop
from pricebid.tables import Offers

WEEKS = pd.date_range("2024-01-01", periods=4, freq="7D")


def panel(promo: list[int] | None = None) -> pd.DataFrame:
    index = pd.MultiIndex.from_product([["a", "b"], ["n", "s"], WEEKS], names=["sku", "region", "date"])
    frame = index.to_frame(index=False)
    frame["units"] = np.where(frame["region"] == "n", 3.0, 1.0)
    frame["price"] = np.tile([2.0, 2.2, 2.4, 1.0], 4)
    frame["promo"] = np.tile(promo or [0, 0, 0, 1], 4)
    return frame


def offers(**tables: pd.DataFrame) -> Offers:
    return Shop.from_frames({"sales": panel()} | tables).offers


def test_the_current_price_is_the_offers_else_the_catalogs_else_the_last_without_promotion() -> None:
    listed = pd.DataFrame({"sku": ["a"], "region": ["s"], "price": [9.0]})
    catalog = pd.DataFrame({"sku": ["a"], "price": [5.0]})
    assert offers().current_price.tolist() == [2.4] * 4
    assert offers(catalog=catalog).current_price.tolist() == [5.0, 5.0, 2.4, 2.4]
    assert offers(catalog=catalog, offers=listed).current_price.tolist() == [5.0, 9.0, 2.4, 2.4]


def test_an_offer_always_on_promotion_has_its_last_price() -> None:
    shop = Shop.from_frames({"sales": panel(promo=[1, 1, 1, 1])})
    assert shop.offers.current_price.tolist() == [1.0] * 4


def test_offers_override_the_catalog_cell_by_cell() -> None:
    catalog = pd.DataFrame({"sku": ["a", "b"], "cost": [1.0, 1.1], "min_price": [1.5, None], "locked": [1, 0]})
    listed = pd.DataFrame(
        {"sku": ["a", "a"], "region": ["n", "s"], "price": 2.0, "cost": [0.9, None], "locked": [0, None]}
    )
    made = offers(catalog=catalog, offers=listed)
    np.testing.assert_array_equal(made.cost, [0.9, 1.0, 1.1, 1.1])
    np.testing.assert_array_equal(made.min_price, [1.5, 1.5, np.nan, np.nan])
    np.testing.assert_array_equal(made.locked, [False, True, False, False])


def test_regions_bring_shipping_and_tax_and_default_to_nothing() -> None:
    regions = pd.DataFrame({"region": ["s", "n"], "shipping_cost": [0.3, None], "tax": [0.07, 0.19]})
    made = offers(regions=regions)
    assert made.shipping_cost.tolist() == [0.0, 0.3, 0.0, 0.3]
    assert made.tax.tolist() == [0.19, 0.07, 0.19, 0.07]
    assert offers().tax.tolist() == [0.0] * 4


def test_labels_dates_and_sizes_come_from_the_catalog() -> None:
    catalog = pd.DataFrame(
        {
            "sku": ["b"],
            "category": ["tea"],
            "brand": ["X"],
            "role": ["image"],
            "stage": ["launch"],
            "size": [20],
            "launch_date": ["2024-01-01"],
        }
    )
    made = offers(catalog=catalog)
    assert made.category.tolist() == ["", "", "tea", "tea"]
    assert made.role.tolist() == ["", "", "image", "image"]
    assert made.launch_date[2] == np.datetime64("2024-01-01")
    assert np.isnat(made.launch_date[0])
    assert np.isnan(made.size[0])


def test_a_skus_stock_is_shared_out_by_recent_units() -> None:
    catalog = pd.DataFrame({"sku": ["a", "b"], "stock": [80.0, None], "inbound": [20.0, 20.0]})
    np.testing.assert_allclose(offers(catalog=catalog).stock, [75.0, 25.0, np.nan, np.nan])


def test_an_offers_own_stock_is_taken_from_the_skus_first() -> None:
    catalog = pd.DataFrame({"sku": ["a"], "stock": [80.0], "inbound": [20.0]})
    listed = pd.DataFrame({"sku": ["a"], "region": ["n"], "price": [2.0], "stock": [90.0]})
    np.testing.assert_allclose(offers(catalog=catalog, offers=listed).stock[:2], [90.0, 10.0])


def test_stock_of_a_sku_that_sold_nothing_is_shared_evenly() -> None:
    catalog = pd.DataFrame({"sku": ["c"], "price": [3.0], "stock": [10.0]})
    made = offers(catalog=catalog)
    np.testing.assert_allclose(made.stock[made.sku == "c"], [5.0, 5.0])


def test_a_new_sku_with_a_price_is_offered_wherever_something_sold() -> None:
    catalog = pd.DataFrame({"sku": ["c", "d"], "price": [3.0, None], "category": "tea"})
    shop = Shop.from_frames({"sales": panel(), "catalog": catalog})
    made = shop.offers
    assert made.sku.tolist() == ["a", "a", "b", "b", "c", "c"]
    assert made.region.tolist() == ["n", "s"] * 3
    history = shop.history()
    assert np.isnan(history.units[4:]).all()
    assert np.isnan(history.price[4:]).all()
    assert not np.isnan(history.price[:4]).any()
    assert shop.future(2).price[4:].tolist() == [[3.0, 3.0]] * 2


def test_a_new_sku_in_the_offers_table_is_offered_there_only() -> None:
    listed = pd.DataFrame({"sku": ["c"], "region": ["s"], "price": [3.0]})
    catalog = pd.DataFrame({"sku": ["c"], "price": [4.0]})
    made = offers(offers=listed, catalog=catalog)
    assert list(zip(made.sku, made.region, strict=True))[4:] == [("c", "s")]
    assert made.current_price[4] == 3.0


def test_new_offers_get_every_combination_of_the_other_keys() -> None:
    sales = panel().assign(hour=lambda frame: np.where(frame["region"] == "n", 9, 17))
    shop = Shop.from_frames(
        {
            "sales": sales,
            "offers": pd.DataFrame({"sku": ["c"], "region": ["n"], "price": [3.0]}),
            "catalog": pd.DataFrame({"sku": ["c", "d"], "price": [3.0, 4.0]}),
        }
    )
    made = shop.offers
    pairs = list(zip(*made.labels, strict=True))
    assert pairs[:4] == [("a", "n", "9"), ("a", "s", "17"), ("b", "n", "9"), ("b", "s", "17")]
    assert ("c", "n", "9") in pairs
    assert ("c", "n", "17") in pairs
    assert ("d", "s", "17") in pairs
    assert len(set(pairs)) == len(pairs)


def test_segment_prices_reach_their_segment_only() -> None:
    sales = pd.concat([panel().assign(segment="new"), panel().assign(segment="old")])
    listed = pd.DataFrame({"sku": ["a"], "region": ["n"], "segment": ["old"], "price": [7.0]})
    made = Shop.from_frames({"sales": sales, "offers": listed}).offers
    assert made.current_price[(made.label("segment") == "old") & (made.sku == "a") & (made.region == "n")].tolist() == [
        7.0
    ]
    assert (made.current_price == 7.0).sum() == 1
