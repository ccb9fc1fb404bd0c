"""A price plan against what then happened: a small shop in which every number is known by hand."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pricebid.errors import InputError
from pricebid.planning import Review, review
from pricebid.tables import Settings, Shop

if TYPE_CHECKING:
    from pathlib import Path

WEEKS = [str(day.date()) for day in pd.date_range("2024-01-01", periods=8, freq="7D")]
START, HORIZON = WEEKS[4], 4


@dataclass(frozen=True, kw_only=True)
class Offer:
    """What was planned of an offer per horizon, and what happened in each week of it."""

    sku: str
    region: str = "north"
    price: float = 2.0
    cost: float = 1.0
    units: float = 40.0
    sold: tuple[float, ...] = (10.0, 10.0, 10.0, 10.0)
    charged: tuple[float, ...] = (2.0, 2.0, 2.0, 2.0)
    discount: float = 0.0
    stock: float = 1000.0
    cost_now: float | None = None


def shop_of(offers: list[Offer], *, tax: float = 0.0, shipping: float = 0.0, **tables: pd.DataFrame) -> Shop:
    """Four weeks before the plan (ten units each at 1.90), then what happened."""
    rows = []
    for one in offers:
        before = [(week, one.sku, one.region, 10.0, 1.9, 0.0, one.stock) for week in WEEKS[:4]]
        after = [
            (week, one.sku, one.region, units, price, one.discount, one.stock)
            for week, units, price in zip(WEEKS[4:], one.sold, one.charged, strict=False)
            if np.isfinite(units)
        ]
        rows += before + after
    costs = {one.sku: one.cost if one.cost_now is None else one.cost_now for one in offers}
    regions = sorted({one.region for one in offers})
    frames = {
        "sales": pd.DataFrame(rows, columns=["date", "sku", "region", "units", "price", "discount", "stock"]),
        "catalog": pd.DataFrame({"sku": list(costs), "cost": list(costs.values())}),
        "regions": pd.DataFrame({"region": regions, "tax": tax, "shipping_cost": shipping}),
    }
    return Shop.from_frames(frames | tables, Settings(currency="EUR"))


def plan_of(
    folder: Path,
    offers: list[Offer],
    *,
    tax: float = 0.0,
    shipping: float = 0.0,
    spread: float = 0.3,
    limits: tuple[tuple[str, float, float], ...] = (),
    **document: Any,
) -> Path:
    """Write the folder that `pricebid price` would have written."""
    revenue = [one.units * (one.price - one.discount) / (1 + tax) for one in offers]
    profit = [money - one.units * (one.cost + shipping) for one, money in zip(offers, revenue, strict=True)]
    frame = pd.DataFrame(
        {
            "sku": [one.sku for one in offers],
            "region": [one.region for one in offers],
            "current_price": 1.9,
            "price": [one.price for one in offers],
            "cost": [one.cost for one in offers],
            "units": [one.units for one in offers],
            "units_low": [one.units * (1 - spread) for one in offers],
            "units_high": [one.units * (1 + spread) for one in offers],
            "revenue": revenue,
            "profit": profit,
        }
    )
    named = [{"name": name, "limit": limit, "value": value} for name, limit, value in limits]
    content = {"id": "a plan", "start": START, "horizon": HORIZON, "currency": "EUR", "limits": named}
    folder.mkdir(parents=True, exist_ok=True)
    frame.to_csv(folder / "prices.csv", index=False)
    (folder / "plan.json").write_text(json.dumps(content | document))
    return folder


def reviewed(tmp_path: Path, planned: list[Offer], happened: list[Offer] | None = None, **more: Any) -> Review:
    both = {name: more.pop(name) for name in ("tax", "shipping") if name in more}
    folder = plan_of(tmp_path / "plan", planned, **both, **more)
    return review(folder, shop_of(happened or planned, **both))


def test_a_plan_that_came_true_shows_no_difference(tmp_path: Path) -> None:
    found = reviewed(tmp_path, [Offer(sku="a"), Offer(sku="b", price=3.0, charged=(3.0,) * 4)], tax=0.19, shipping=0.2)
    prices = found.prices
    assert prices is not None
    for total in prices.totals.values():
        assert total["difference"] == pytest.approx(0.0, abs=1e-9)
    assert prices.effects == pytest.approx({"volume": 0.0, "price": 0.0, "cost": 0.0}, abs=1e-9)
    assert prices.totals["units"]["actual"] == 80.0
    assert prices.share_followed == 1.0
    assert found.notices == ()
    assert "as expected" in found.summary()
    assert prices.accuracy["followed"].wape == pytest.approx(0.0)


def test_each_cause_has_its_own_part_of_the_difference(tmp_path: Path) -> None:
    planned = [Offer(sku=name) for name in "abc"]
    happened = [
        Offer(sku="a", sold=(15.0,) * 4),  # 20 units more, at a margin of 1
        Offer(sku="b", charged=(1.5,) * 4),  # 40 units at 0.50 less
        Offer(sku="c", cost_now=1.25),  # 40 units that cost 0.25 more
    ]
    prices = reviewed(tmp_path, planned, happened).prices
    assert prices is not None
    np.testing.assert_allclose(prices.volume_effect, [20.0, 0.0, 0.0], atol=1e-9)
    np.testing.assert_allclose(prices.price_effect, [0.0, -20.0, 0.0], atol=1e-9)
    np.testing.assert_allclose(prices.cost_effect, [0.0, 0.0, -10.0], atol=1e-9)
    assert prices.totals["profit"] == pytest.approx({"expected": 120.0, "actual": 110.0, "difference": -10.0})
    notes = prices.to_frame()["note"]
    assert "sold 60 where 40 were expected, above the range of 28 to 52" in notes[0]
    assert "charged 1.50 on average, the planned 2.00 never" in notes[1]
    assert "a unit costs 1.25 where the plan reckoned with 1.00" in notes[2]


def test_tax_coupons_and_shipping_enter_as_in_the_contract(tmp_path: Path) -> None:
    one = Offer(sku="a", price=2.0, discount=0.2)
    dear = replace(one, charged=(2.5, 2.5, 2.0, 2.0), sold=(10.0, 0.0, 10.0, 10.0))
    prices = reviewed(tmp_path, [one], [dear], tax=0.25, shipping=0.1).prices
    assert prices is not None
    revenue = (10 * (2.5 - 0.2) + 20 * (2.0 - 0.2)) / 1.25
    assert prices.revenue[0] == pytest.approx(revenue)
    assert prices.profit[0] == pytest.approx(revenue - 30 * 1.1)
    assert prices.price[0] == pytest.approx((10 * 2.5 + 20 * 2.0) / 30)
    assert prices.at_plan[0] == 0.5  # rows of zero units tell a price too
    assert prices.volume_effect[0] == pytest.approx(-10 * (1.8 / 1.25 - 1.1))
    assert prices.price_effect[0] == pytest.approx(10 * 0.5 / 1.25)
    assert prices.cost_effect[0] == pytest.approx(0.0, abs=1e-12)


money = st.floats(0.01, 1000.0)


@given(
    st.lists(
        st.tuples(
            money, money, money, st.floats(0.0, 500.0), st.lists(st.integers(0, 300), min_size=4, max_size=4), money
        ),
        min_size=1,
        max_size=4,
    ),
    st.floats(0.0, 0.5),
    st.floats(0.0, 5.0),
)
@settings(max_examples=60, deadline=None)
def test_the_parts_sum_to_the_difference(tmp_path_factory: Any, drawn: list[Any], tax: float, shipping: float) -> None:
    planned = [
        Offer(sku=f"s{at}", price=price, cost=cost, units=units)
        for at, (price, cost, _, units, _, _) in enumerate(drawn)
    ]
    happened = [
        replace(one, sold=tuple(map(float, sold)), charged=(charged, charged, one.price, one.price), cost_now=now)
        for one, (_, _, charged, _, sold, now) in zip(planned, drawn, strict=True)
    ]
    folder = plan_of(tmp_path_factory.mktemp("plan"), planned, tax=tax, shipping=shipping)
    prices = review(folder, shop_of(happened, tax=tax, shipping=shipping)).prices
    assert prices is not None
    parts = prices.volume_effect + prices.price_effect + prices.cost_effect
    size = (
        np.abs(prices.volume_effect) + np.abs(prices.price_effect) + np.abs(prices.cost_effect) + prices.revenue + 1.0
    )
    off = prices.profit - prices.profit_expected - parts
    assert (np.abs(off[prices.compared]) <= 1e-9 * size[prices.compared]).all()
    if prices.effects:
        total = prices.totals["profit"]["difference"]
        assert sum(prices.effects.values()) == pytest.approx(total, abs=1e-9 * float(size[prices.compared].sum()))


def test_without_costs_profit_is_missing_and_said_to_be(tmp_path: Path) -> None:
    planned = [Offer(sku="a"), Offer(sku="b", cost=float("nan"))]
    found = reviewed(tmp_path, planned)
    assert found.prices is not None
    assert np.isnan(found.prices.volume_effect).tolist() == [False, True]
    assert found.prices.totals["profit"]["expected"] == pytest.approx(40.0)
    assert found.prices.totals["revenue"]["expected"] == pytest.approx(160.0)
    assert any("cost is not known" in notice and "1 of 2" in notice for notice in found.notices)
    nothing = reviewed(tmp_path, [Offer(sku="b", cost=float("nan"))])
    assert nothing.prices is not None
    assert "profit" not in nothing.prices.totals
    assert nothing.prices.effects == {}
    assert "EUR revenue" in nothing.summary()
    assert json.loads(nothing.to_json())["prices"]["effects"] == {}


def test_a_part_of_the_horizon_is_compared_with_that_part_of_the_plan(tmp_path: Path) -> None:
    happened = [Offer(sku="a", sold=(10.0, 10.0)), Offer(sku="b", sold=(10.0, 10.0))]
    found = reviewed(tmp_path, [Offer(sku="a"), Offer(sku="b")], happened, limits=(("min_revenue", 150.0, 160.0),))
    prices = found.prices
    assert prices is not None
    assert (len(prices.window.periods), prices.window.share) == (2, 0.5)
    np.testing.assert_allclose(prices.units_expected, 20.0)
    assert prices.totals["profit"]["difference"] == pytest.approx(0.0, abs=1e-9)
    assert any("2 of the plan's 4 weeks have sales" in notice for notice in found.notices)
    assert "In 2 of 4 weeks from 2024-01-29" in found.summary()
    # The interval shrinks, but less than the mean does: chance does not shrink with it.
    width = prices.units_high - prices.units_low
    assert (width > 0.5 * 24.0).all()
    assert (width < np.sqrt(0.5) * 24.0 + 1e-9).all()
    assert prices.limits[0].asked == 75.0


def test_nothing_sold_yet_says_until_when_sales_reach(tmp_path: Path) -> None:
    folder = plan_of(tmp_path, [Offer(sku="a")])
    with pytest.raises(InputError, match=r"starts on 2024-01-29.*until the week of 2024-01-22"):
        review(folder, shop_of([Offer(sku="a", sold=())]))


def test_another_currency_or_period_or_other_keys_are_refused(tmp_path: Path) -> None:
    shop = shop_of([Offer(sku="a")])
    with pytest.raises(InputError, match="plan counts in USD, the shop in EUR"):
        review(plan_of(tmp_path, [Offer(sku="a")], currency="USD"), shop)
    with pytest.raises(InputError, match="another period"):
        review(plan_of(tmp_path, [Offer(sku="a")], last_period="2024-02-01"), shop)
    assert review(plan_of(tmp_path, [Offer(sku="a")], last_period=WEEKS[7]), shop).prices is not None
    sales = shop.table("sales").to_frame().assign(segment="new")
    other = Shop.from_frames({"sales": sales}, Settings(currency="EUR"))
    with pytest.raises(InputError, match="keys are sku, region, those of the shop sku, region, segment"):
        review(tmp_path, other)


def test_a_folder_that_is_no_plan_is_refused(tmp_path: Path) -> None:
    shop = shop_of([Offer(sku="a")])
    with pytest.raises(InputError, match=r"no plan\.json"):
        review(tmp_path, shop)
    plan_of(tmp_path, [Offer(sku="a")])
    (tmp_path / "plan.json").write_text("{")
    with pytest.raises(InputError, match="cannot be read as JSON"):
        review(tmp_path, shop)
    (tmp_path / "plan.json").write_text("[]")
    with pytest.raises(InputError, match="not one JSON object"):
        review(tmp_path, shop)
    (tmp_path / "plan.json").write_text('{"horizon": 4}')
    with pytest.raises(InputError, match="when the plan starts"):
        review(tmp_path, shop)
    (tmp_path / "plan.json").write_text('{"start": "2024-01-29", "horizon": 0}')
    with pytest.raises(InputError, match="when the plan starts"):
        review(tmp_path, shop)
    (tmp_path / "plan.json").write_text('{"start": "", "horizon": 4}')
    with pytest.raises(InputError, match="when the plan starts"):
        review(tmp_path, shop)
    (tmp_path / "plan.json").write_text('{"start": "2024-01-29", "horizon": 4, "last_period": "soon", "limits": []}')
    with pytest.raises(InputError, match="do not read as a plan"):
        review(tmp_path, shop)
    (tmp_path / "plan.json").write_text('{"start": "2024-01-29", "horizon": 4, "limits": [7]}')
    with pytest.raises(InputError, match="do not read as a plan"):
        review(tmp_path, shop)
    (tmp_path / "plan.json").write_text('{"margin": 0.3, "period": "week"}')
    with pytest.raises(InputError, match="no plan of prices or bids"):
        review(tmp_path, shop)
    plan_of(tmp_path, [Offer(sku="a"), Offer(sku="a")])
    with pytest.raises(InputError, match="two rows for the same sku, region"):
        review(tmp_path, shop)
    table = plan_of(tmp_path, [Offer(sku="a")]) / "prices.csv"
    table.write_text(table.read_text().replace("a,north,1.9,", "a,north,one,"))
    with pytest.raises(InputError, match="do not read as a plan"):
        review(tmp_path, shop)
    table.write_text("sku,region,price\na,north,2\n")
    with pytest.raises(InputError, match="lack current_price, cost"):
        review(tmp_path, shop)


def test_offers_of_only_one_side_are_listed_and_counted(tmp_path: Path) -> None:
    planned = [Offer(sku="a"), Offer(sku="gone", units=20.0)]
    happened = [Offer(sku="a"), Offer(sku="new", sold=(5.0,) * 4)]
    found = reviewed(tmp_path, planned, happened)
    frame = found.to_frame().set_index("sku")
    assert frame["status"].to_dict() == {"a": "compared", "gone": "plan only", "new": "sales only"}
    assert frame.loc["new", "units"] == 20.0
    assert frame.loc["gone", "units_expected"] == 20.0
    assert np.isnan(frame.loc["new", "units_expected"])
    assert np.isnan(frame.loc["gone", "units"])
    assert found.prices is not None
    assert found.prices.totals["units"] == {"expected": 40.0, "actual": 40.0, "difference": 0.0}
    told = " ".join(found.notices)
    assert "without any sales row in the window: 1" in told
    assert "expected were 20 units for 40.00" in told
    assert "without being in the plan: 1" in told
    assert "sold 20 units for 40.00" in told
    assert json.loads(found.to_json())["prices"]["offers"] == {"compared": 1, "plan only": 1, "sales only": 1}
    apart = review(plan_of(tmp_path, [Offer(sku="x")]), shop_of([Offer(sku="a")]))
    assert "nothing to compare" in apart.summary()


def test_where_absent_rows_mean_nothing_sold_the_weeks_after_the_last_sale_count(tmp_path: Path) -> None:
    # Both sell where rows are there; b of the south stops after one week, as slow sellers do.
    nan = float("nan")
    planned = [Offer(sku="b"), Offer(sku="b", region="south"), Offer(sku="c", region="south")]
    slow = Offer(sku="b", region="south", sold=(1.0, nan, nan, nan))
    north = Offer(sku="b", sold=(1.0, nan, nan, nan))
    prices = reviewed(tmp_path, planned, [north, slow, Offer(sku="c", region="south")]).prices
    assert prices is not None
    south = (prices.labels[0] == "b") & (prices.labels[1] == "south")
    assert prices.periods[south] == 4
    assert prices.units[south] == 1.0
    assert prices.units_expected[south] == 40.0
    assert prices.at_plan[south] == 1.0  # the one week that tells a price
    # In the north nobody reported after that week: it is not known what sold there.
    assert prices.periods[0] == 1
    assert prices.units_expected[0] == 10.0
    assert any("scaled to those they have" in notice for notice in prices.notices)


def test_where_the_shop_says_that_absent_is_zero_regions_without_rows_sold_nothing_too(tmp_path: Path) -> None:
    nan = float("nan")
    planned = [Offer(sku="b"), Offer(sku="b", region="south")]
    happened = [Offer(sku="b", sold=(1.0, nan, nan, nan)), Offer(sku="b", region="south", sold=(1.0, nan, nan, nan))]
    happened.append(Offer(sku="c", region="south"))
    folder, shop = plan_of(tmp_path, planned), shop_of(happened)
    told = review(folder, shop).prices
    said = review(folder, replace(shop, settings=Settings(currency="EUR", absent="zero"))).prices
    assert told is not None
    assert said is not None
    assert told.periods[:2].tolist() == [1, 4]  # nobody reported from the north: not known
    assert said.periods[:2].tolist() == [4, 4]
    assert said.units[:2].tolist() == [1.0, 1.0]


def test_an_offer_that_sold_nothing_has_its_mean_shelf_price(tmp_path: Path) -> None:
    prices = reviewed(
        tmp_path, [Offer(sku="a")], [Offer(sku="a", sold=(0.0,) * 4, charged=(2.0, 2.0, 3.0, 3.0))]
    ).prices
    assert prices is not None
    assert prices.price[0] == 2.5
    assert prices.at_plan[0] == 0.5
    assert prices.units[0] == 0.0
    assert prices.volume_effect[0] == pytest.approx(-40.0)
    assert prices.price_effect[0] == 0.0


def test_what_sold_out_is_counted_and_does_not_judge_the_forecast(tmp_path: Path) -> None:
    happened = [Offer(sku="a", stock=10.0, sold=(10.0, 10.0, 5.0, 5.0)), Offer(sku="b")]
    found = reviewed(tmp_path, [Offer(sku="a"), Offer(sku="b")], happened)
    assert found.prices is not None
    assert found.prices.sold_out.tolist() == [2, 0]
    assert found.prices.accuracy["followed"].offers == 1
    assert "sold out in 2 of 4 weeks" in found.to_frame()["note"][0]
    assert any("sold out at times: 1" in notice for notice in found.notices)


def test_the_forecast_is_judged_where_the_plan_was_followed(tmp_path: Path) -> None:
    planned = [Offer(sku=f"s{at}") for at in range(5)]
    happened = [
        replace(planned[0], sold=(12.0,) * 4),
        replace(planned[1], sold=(20.0,) * 4),
        *planned[2:4],
        replace(planned[4], charged=(2.0, 2.0, 2.0, 1.5), sold=(30.0,) * 4),
    ]
    prices = reviewed(tmp_path, planned, happened).prices
    assert prices is not None
    followed, other = prices.accuracy["followed"], prices.accuracy["not followed"]
    assert (followed.offers, followed.inside, other.offers, other.inside) == (4, 3, 1, 0)
    assert followed.due == pytest.approx(3.2)
    assert followed.wape == pytest.approx((8 + 40) / (48 + 80 + 80))
    assert followed.bias == pytest.approx(-(8 + 40) / (48 + 80 + 80))
    assert prices.share_followed == pytest.approx(19 / 20)


def test_weeks_that_tell_no_price_do_not_weigh_in_the_share_that_stood(tmp_path: Path) -> None:
    # One week told and off plan, four told and on plan; both have known units in all four (absent rows are zeros).
    nan = float("nan")
    seldom = Offer(sku="a", sold=(5.0, nan, nan, nan), charged=(1.5,) * 4)
    prices = reviewed(tmp_path, [Offer(sku="a"), Offer(sku="b")], [seldom, Offer(sku="b")]).prices
    assert prices is not None
    assert prices.periods.tolist() == [4, 4]
    assert prices.told.tolist() == [1, 4]
    assert prices.share_followed == pytest.approx(4 / 5)


def test_half_a_minor_unit_is_the_planned_price_still(tmp_path: Path) -> None:
    near = Offer(sku="a", charged=(2.004, 1.996, 2.0, 2.006))
    prices = reviewed(tmp_path, [Offer(sku="a")], [near]).prices
    assert prices is not None
    assert prices.at_plan[0] == 0.75


def test_limits_are_kept_or_broken_in_reality_by_how_much(tmp_path: Path) -> None:
    planned = [Offer(sku="a", price=1.8, charged=(1.8,) * 4), Offer(sku="b")]
    happened = [replace(planned[0], charged=(1.5,) * 4), planned[1]]
    asked = (
        ("min_margin", 0.4, 0.45),
        ("min_revenue", 100.0, 152.0),
        ("max_price_changes", 1.0, 2.0),
        ("max_discount_cost", 5.0, 4.0),
        ("min_units_ratio", 0.9, 1.0),
    )
    prices = reviewed(tmp_path, planned, happened, limits=asked).prices
    assert prices is not None
    margin, revenue, changes, discount, ratio = prices.limits
    assert margin.reached == pytest.approx((140.0 - 80.0) / 140.0)
    assert margin.kept
    assert (revenue.reached, revenue.kept, revenue.beyond) == (pytest.approx(140.0), True, 0.0)
    assert (changes.reached, changes.kept, changes.beyond) == (2.0, False, 1.0)
    assert (discount.reached, discount.kept, discount.beyond) == (pytest.approx(16.0), False, pytest.approx(11.0))
    assert ratio.kept is None
    assert ratio.why == "it refers to what the old prices would have sold"
    assert (
        "max_discount_cost: 16 where 5 was asked, broken by 11"
        in reviewed(tmp_path, planned, happened, limits=asked).summary()
    )


def test_a_start_of_ones_own_moves_the_window(tmp_path: Path) -> None:
    folder = plan_of(tmp_path, [Offer(sku="a")])
    later = review(folder, shop_of([Offer(sku="a", sold=(99.0, 10.0, 10.0, 10.0))]), start=WEEKS[5])
    assert later.prices is not None
    assert str(later.prices.window.first) == WEEKS[5]
    assert later.prices.units[0] == 30.0
    for wrong in ("soon", "", "NaT", "today", "2024"):
        with pytest.raises(InputError, match="no date"):
            review(folder, shop_of([Offer(sku="a")]), start=wrong)


def test_ways_out(tmp_path: Path) -> None:
    found = reviewed(tmp_path, [Offer(sku="a")], [Offer(sku="a", sold=(3.0,) * 4, charged=(2.5,) * 4)])
    files = found.write(tmp_path / "out", file_format="parquet")
    assert {path.name for path in files} == {"review.csv", "review.parquet", "review.json"}
    assert json.loads((tmp_path / "out" / "review.json").read_text())["plan"] == "a plan"
    assert "experiment" in found.summary()
    assert "uplift" not in (found.summary() + found.to_json()).lower()
    figure = found.plot()
    assert len(figure.axes) == 2
