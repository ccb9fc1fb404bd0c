"""What a conversion is worth: contribution at planned prices, else revenue times margin, else a fault."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from pricebid import InputError, TableError
from pricebid.bidding import ConversionValue, SkuMoney, conversion_value, sku_money
from pricebid.tables import Shop

if TYPE_CHECKING:
    from types import SimpleNamespace


def money(**given: object) -> SkuMoney:
    """Two units a conversion at 20 each, cost 8, shipping 1, tax 25 %; the second series has no sku."""
    nan = np.nan
    made = {
        "sold_at": [20.0, nan],
        "price": [20.0, nan],
        "cost": [8.0, nan],
        "shipping": [1.0, nan],
        "tax": [0.25, nan],
    }
    return SkuMoney(**{name: np.array(value, dtype=float) for name, value in {**made, **given}.items()})


def test_a_linked_sku_counts_contribution_and_others_the_margin(known: SimpleNamespace) -> None:
    landscape = known.landscape(known.axis(["c", "c"], ["a", "b"]), revenue=40.0)
    value = conversion_value(landscape, known.table(landscape, margin=0.3), money=money())
    # 40 a conversion are two units at 20; each brings 20 / 1.25 - 8 - 1 = 7.
    assert value.profit == pytest.approx([14.0, 12.0])
    assert value.revenue == pytest.approx([32.0, 40.0])


def test_planned_prices_change_the_worth_of_a_unit_not_their_number(known: SimpleNamespace) -> None:
    landscape = known.landscape(known.axis(["c", "c"], ["a", "b"]), revenue=40.0)
    value = conversion_value(landscape, known.table(landscape, margin=0.3), money=money(price=[25.0, np.nan]))
    assert value.profit[0] == pytest.approx(2 * (25.0 / 1.25 - 9.0))
    assert value.revenue[0] == pytest.approx(2 * 20.0)


def test_without_margin_and_sku_profit_is_a_fault_that_names_the_campaigns(known: SimpleNamespace) -> None:
    landscape = known.landscape(known.axis(["c", "d"], ["a", "b"]))
    with pytest.raises(TableError, match=r"campaigns column margin: no margin for d \(1 of 2 series\)"):
        conversion_value(landscape, known.table(landscape, margin=[0.3, np.nan]))
    value = conversion_value(landscape, known.table(landscape), need_profit=False)
    assert np.isnan(value.profit).all()


def test_prices_and_costs_come_from_the_offers_of_the_series_region(known: SimpleNamespace) -> None:
    import pandas as pd

    weeks = pd.date_range("2024-01-01", periods=4, freq="7D")
    sales = pd.DataFrame(
        [(day, "s", region, 5.0, price) for day in weeks for region, price in (("n", 10.0), ("z", 20.0))],
        columns=["date", "sku", "region", "units", "price"],
    )
    catalog = pd.DataFrame({"sku": ["s"], "cost": [4.0]})
    offers = Shop.from_frames({"sales": sales, "catalog": catalog}).offers
    keys = known.axis(["c"] * 4, ["a"] * 4, sku=["s", "s", "s", "?"], region=["n", "z", "elsewhere", "n"])
    found = sku_money(keys, offers, price=np.array([11.0, np.nan]))
    assert found.sold_at[:3] == pytest.approx([10.0, 20.0, 15.0])
    assert found.price[:3] == pytest.approx([11.0, 20.0, 15.5])
    assert found.cost[:3] == pytest.approx([4.0] * 3)
    assert np.isnan(found.price[3])


def test_values_that_make_no_sense_are_refused() -> None:
    with pytest.raises(InputError, match="give one of each per series"):
        ConversionValue(revenue=np.ones(2), profit=np.ones(3))
    with pytest.raises(InputError, match="finite and not negative"):
        ConversionValue(revenue=np.array([-1.0]), profit=np.ones(1))


def test_a_keyword_that_loses_money_on_every_sale_is_paused(known: SimpleNamespace) -> None:
    landscape = known.landscape(known.axis(["c", "c"], ["a", "b"]))
    plan = known.plan(landscape, margin=0.5)
    poor = known.plan(landscape, margin=-0.1)
    assert (plan.bid > 0).all()
    assert (poor.bid == 0).all()
    assert "every keyword is paused" in poor.notices[0]


def test_a_candidate_of_unknown_worth_brings_nothing_and_is_named(known: SimpleNamespace) -> None:
    keys = known.axis(["c", "d"], ["a", "new boots"])
    landscape = known.landscape(keys, candidate=np.array([False, True]))
    value = conversion_value(landscape, known.table(landscape, margin=[0.3, np.nan]))
    assert value.profit == pytest.approx([0.3 * landscape.revenue_per_conversion[0], 0.0])
    (remark,) = value.remarks
    assert remark.startswith("candidates not started (1)")
    assert remark.endswith("new boots")
