"""What holds for every shop: nothing sold is lost, and the format of a file does not matter."""

import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from pricebid import Policy, Shop
from pricebid.policy import Order, PriceRules, Rule


@st.composite
def sales(draw: st.DrawFn) -> pd.DataFrame:
    seed = draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    frequency = draw(st.sampled_from(["D", "7D", "MS"]))
    periods = pd.date_range("2023-01-01", periods=draw(st.integers(4, 12)), freq=frequency)
    index = pd.MultiIndex.from_product([["a", "b", "c"], ["n", "s"], periods], names=["sku", "region", "date"])
    frame = index.to_frame(index=False)
    frame["units"] = rng.poisson(2.0, len(frame)) + draw(st.integers(0, 1))
    frame["price"] = np.round(rng.uniform(1.0, 3.0, len(frame)), 2)
    frame["promo"] = rng.integers(0, 2, len(frame))
    keep = rng.random(len(frame)) < draw(st.floats(0.5, 1.0))
    keep |= frame["sku"] == "a"  # some offer sells in every period: the period can be told
    return frame[keep].sample(frac=1.0, random_state=seed % 2**32).reset_index(drop=True)


@given(sales())
@settings(max_examples=60, deadline=None)
def test_every_row_is_found_again_and_no_unit_is_lost(frame: pd.DataFrame) -> None:
    shop = Shop.from_frames({"sales": frame})
    history = shop.history()
    assert np.nansum(history.units) == frame["units"].sum()
    assert int((history.units > 0).sum()) == int((frame["units"] > 0).sum())
    keys = list(zip(*history.offers.labels, strict=True))
    assert keys == sorted(set(zip(frame["sku"], frame["region"], strict=True)))
    offer = np.array([keys.index(pair) for pair in zip(frame["sku"], frame["region"], strict=True)])
    step = np.searchsorted(history.periods, frame["date"].to_numpy().astype("datetime64[D]"))
    np.testing.assert_array_equal(history.units[offer, step], frame["units"])
    np.testing.assert_array_equal(history.price[offer, step], frame["price"])
    np.testing.assert_array_equal(history.drivers[0][offer, step], frame["promo"])
    usual = frame[frame["promo"] == 0].sort_values("date").groupby(["sku", "region"])["price"].last()
    for pair, price in usual.items():
        assert history.offers.current_price[keys.index(pair)] == price
    assert shop.future(3).periods[0] > history.periods[-1]


@given(sales())
@settings(max_examples=25, deadline=None)
def test_the_format_of_a_file_does_not_matter(frame: pd.DataFrame) -> None:
    expected = Shop.from_frames({"sales": frame}).history()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for suffix in ("csv", "csv.gz", "parquet", "parts", "bom"):
            shop = folder / suffix
            shop.mkdir()
            if suffix == "parquet":
                frame.astype({"sku": "category"}).to_parquet(shop / "sales.parquet")
            elif suffix == "parts":
                (shop / "sales").mkdir()
                frame.iloc[::2].to_parquet(shop / "sales" / "0.parquet")
                frame.iloc[1::2].astype({"units": float}).to_parquet(shop / "sales" / "1.parquet")
            else:
                coding = "utf-8-sig" if suffix == "bom" else "utf-8"
                frame.to_csv(shop / f"sales.{suffix.replace('bom', 'csv')}", index=False, encoding=coding)
            made = Shop.read(shop).history()
            np.testing.assert_array_equal(made.units, expected.units)
            np.testing.assert_array_equal(made.price, expected.price)
            assert made.frequency == expected.frequency


SHARES = st.floats(0.0, 0.99)
PRICES = st.builds(
    PriceRules,
    min_margin=st.none() | SHARES,
    max_change=st.none() | SHARES,
    max_region_spread=st.none() | SHARES,
    endings=st.none() | st.lists(SHARES, min_size=1, max_size=3).map(tuple),
    prior_low_days=st.none() | st.integers(1, 90),
    on_conflict=st.sampled_from(["fail", "hold"]),
    never_below_cost=st.booleans(),
)
RULES = st.builds(
    Rule,
    sku=st.none() | st.text(min_size=1, max_size=5),
    role=st.none() | st.sampled_from(["traffic", "image"]),
    market_average=st.just((-0.1, 0.1)),
    order=st.none() | st.builds(Order, per_unit=st.booleans(), min_gap=SHARES),
    price=st.none() | PRICES,
)


@given(st.lists(RULES, max_size=3).map(tuple), PRICES, st.integers(1, 99))
@settings(max_examples=100, deadline=None)
def test_a_policy_comes_back_from_its_mapping(rules: tuple[Rule, ...], price: PriceRules, horizon: int) -> None:
    policy = Policy.from_mapping(Policy(rules=rules, price=price, horizon=horizon).to_mapping())
    assert policy == Policy.from_mapping(policy.to_mapping())
    assert policy.rules == rules
    assert policy.horizon == horizon
    if price.endings is not None:
        assert policy.price == price
