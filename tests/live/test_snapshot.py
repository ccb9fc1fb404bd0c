"""Snapshots are made of what a plan writes and of the shop's tables, and find their offers again."""

from __future__ import annotations

import json
import threading
from datetime import date
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import pricebid
from pricebid.errors import InputError
from pricebid.live import Clock, OfferKeys, PlanPrices, ShopPrices, SnapshotHolder
from pricebid.live.keys import OfferIndex
from pricebid.live.snapshot import Why
from pricebid.live.tokens import MOST_MINOR
from pricebid.policy import Policy
from pricebid.tables import Settings, Shop

labels = st.text(alphabet='ab ,"\n7é', min_size=1, max_size=3)
offers = st.lists(
    st.tuples(labels, labels, st.sampled_from(["", "club"]), st.integers(0, 23)), min_size=1, max_size=30, unique=True
)


@pytest.fixture(scope="module")
def planned(tmp_path_factory):
    """A shop of three skus in two regions, its plan and the plan's files, as CSV and Parquet."""
    import pandas as pd

    rng = np.random.default_rng(3)
    rows = [
        (day, sku, region)
        for day in pd.date_range("2026-01-05", periods=30, freq="W-MON")
        for sku in "abc"
        for region in ("e", "w")
    ]
    sales = pd.DataFrame(rows, columns=["date", "sku", "region"])
    sales["price"] = 10.0 + rng.integers(-2, 3, len(sales))
    sales["units"] = rng.poisson(np.exp(4 - 0.15 * sales["price"]))
    catalog = pd.DataFrame(
        {"sku": list("abc"), "cost": [5.0, 6.0, 7.0], "price": [10.0, 11.0, 6.0], "min_price": [np.nan, 9.5, np.nan],
         "max_price": [10.5, np.nan, np.nan], "locked": [0, 0, 1]}
    )  # fmt: skip
    regions = pd.DataFrame({"region": ["e", "w"], "tax": [0.0, 0.2], "shipping_cost": [0.0, 1.0]})
    shop = Shop.from_frames({"sales": sales, "catalog": catalog, "regions": regions}, Settings(currency="EUR"))
    policy = Policy.from_mapping({"price": {"min_margin": 0.1, "on_conflict": "hold"}})
    plan = pricebid.price(shop, pricebid.fit(shop), policy)
    folder = tmp_path_factory.mktemp("plan")
    paths = plan.write(folder, file_format="parquet")
    return SimpleNamespace(shop=shop, policy=policy, plan=plan, files={path.name: path.read_bytes() for path in paths})


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_plans_files_say_its_prices_and_when_they_hold(planned, kind):
    files = {name: data for name, data in planned.files.items() if name.endswith((kind, "json"))}
    clock = Clock("Europe/Berlin")
    prices = PlanPrices.from_files(files, clock=clock, period="week")
    assert prices.id == planned.plan.id
    assert prices.price.tolist() == pytest.approx(planned.plan.price.tolist())
    assert prices.keys.sku == planned.plan.offers.sku.tolist()
    assert [prices.keys.groups[at][0] for at in prices.keys.group] == planned.plan.offers.region.tolist()
    assert clock.day(prices.start) == date.fromisoformat(str(planned.plan.periods[0]))
    assert prices.end - prices.start == 28 * 86_400_000_000


def test_a_length_of_periods_is_needed(planned):
    files = dict(planned.files)
    files["plan.json"] = json.dumps(
        {name: value for name, value in json.loads(files["plan.json"]).items() if name != "period"}
    ).encode()
    with pytest.raises(InputError, match="period None"):
        PlanPrices.from_files(files, clock=Clock())


@pytest.mark.parametrize("missing", ["plan.json", "prices"])
def test_missing_files_are_named(planned, missing):
    files = {name: data for name, data in planned.files.items() if not name.startswith(missing)}
    with pytest.raises(InputError, match=missing):
        PlanPrices.from_files(files, clock=Clock(), period="week")


@pytest.mark.parametrize("name", ["prices.parquet", "plan.json"])
def test_files_that_are_something_else_are_refused(planned, name):
    with pytest.raises(InputError):
        PlanPrices.from_files({**planned.files, name: b"\x00 nothing"}, clock=Clock(), period="week")


def test_floors_come_from_the_shop_and_the_plans_policy(planned):
    now = ShopPrices.of_shop(planned.shop, planned.policy)
    place = {
        (sku, now.keys.groups[group][0]): at
        for at, (sku, group) in enumerate(zip(now.keys.sku, now.keys.group, strict=True))
    }
    floor = {key: now.floor[at] for key, at in place.items()}
    assert floor["a", "e"] == pytest.approx(5.0 / 0.9)
    assert floor["a", "w"] == pytest.approx(1.2 * 6.0 / 0.9)
    assert floor["b", "e"] == pytest.approx(9.5)
    assert now.ceiling[place["a", "e"]] == 10.5
    assert np.isnan(now.ceiling[place["b", "e"]])
    assert now.fixed[place["c", "w"]]
    assert not now.fixed[place["a", "w"]]
    assert now.current[place["b", "w"]] == 11.0


def test_a_real_plan_is_quoted_as_planned(planned, make):
    now = ShopPrices.from_bytes(ShopPrices.of_shop(planned.shop, planned.policy).to_bytes())
    prices = PlanPrices.from_files(planned.files, clock=Clock(), period="week")
    snapshot = make.snapshot(now, [prices])
    rows = snapshot.index.slots_of(prices.keys)
    assert (snapshot.minor[0, rows] == np.rint(planned.plan.price * 100)).all()
    assert (snapshot.why[0, rows] == Why.PLAN).all()


def test_current_prices_are_stored_and_read_back(planned):
    now = ShopPrices.of_shop(planned.shop, planned.policy)
    back = ShopPrices.from_bytes(now.to_bytes())
    for name in ("current", "floor", "ceiling", "fixed"):
        np.testing.assert_array_equal(getattr(back, name), getattr(now, name))
    assert back.keys.sku == now.keys.sku
    with pytest.raises(InputError):
        ShopPrices.from_bytes(b"nothing")


def test_without_the_shops_tables_a_plan_gives_current_prices_and_costs(planned):
    now = ShopPrices.of_plan(planned.files)
    assert now.current.tolist() == pytest.approx(planned.plan.now.tolist())
    assert now.floor.tolist() == pytest.approx((planned.plan.offers.cost / 0.9).tolist())


@given(offers, st.booleans(), st.randoms())
def test_every_offer_is_found_by_its_labels_and_by_its_digest(rows, hourly, order):
    if not hourly:
        rows = list(dict.fromkeys((*row[:3], 0) for row in rows))
    first, second = rows, order.sample(rows, len(rows))
    axes = []
    for axis in (first, second):
        columns = dict(zip(("sku", "region", "segment", "hour"), map(list, zip(*axis, strict=True)), strict=True))
        if not hourly:
            del columns["hour"]
        axes.append(OfferKeys.of(columns))
    index = OfferIndex.build(*axes)
    values = np.arange(len(rows)) + 1.0
    spread = index.spread(axes[0], values, -1.0)
    assert sorted(spread[spread > 0].tolist()) == values.tolist()
    for (sku, region, segment, hour), value in zip(rows, values, strict=True):
        row = index.slots[region, segment, ""][sku] * index.hours + (hour if hourly else 0)
        assert spread[row] == value
        assert index.find(index.digest[row : row + 1]).tolist() == [row]
        told = index.labels(row)
        assert (told["sku"], told["region"], told.get("segment", "")) == (sku, region, segment)
    other = OfferIndex.build(axes[1])
    assert set(other.digest.tolist()) >= set(index.digest[np.flatnonzero(spread > 0)].tolist())
    assert index.find(np.array([12345], dtype=np.uint64)).tolist() == [-1]


def test_the_index_is_used_on_where_offers_are_the_same(make):
    first = make.snapshot(make.shop([1.0, 2.0]), [make.plan([1.0])], serial=1)
    same = make.snapshot(make.shop([3.0, 4.0]), [make.plan([1.0])], serial=2, previous=first)
    assert same.index is first.index
    assert same.current[:2].tolist() == [300, 400]
    for other in (make.shop([1.0, 2.0, 3.0]), make.shop([1.0])):
        grown = make.snapshot(other, serial=3, previous=first)
        assert grown.index is not first.index
        assert len(grown) == len(other.keys)


def test_prices_that_no_token_can_hold_are_refused(make):
    with pytest.raises(InputError, match="fits into a decision token"):
        make.snapshot(make.shop([MOST_MINOR / 100 + 1]))


def test_a_snapshot_cannot_be_written_to(make):
    snapshot = make.snapshot(make.shop([1.0]), [make.plan([1.0])])
    for array in (snapshot.minor, snapshot.why, snapshot.floor, snapshot.current):
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0


def test_readers_never_see_half_of_a_swap(make):
    holder = SnapshotHolder()
    snapshots = [make.snapshot(make.shop([float(at + 1)]), [make.plan([at + 1.0])], serial=at) for at in range(20)]
    holder.swap(snapshots[0])
    torn, stop = [], threading.Event()

    def read():
        last = 0
        while not stop.is_set():
            held = holder.get()
            if held.minor[0, 0] != (held.serial + 1) * 100 or held.serial < last:
                torn.append(held.serial)
            last = held.serial

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for snapshot in [*snapshots, *reversed(snapshots)]:
        holder.swap(snapshot)
    stop.set()
    for reader in readers:
        reader.join()
    assert not torn
    assert holder.get().serial == 19
