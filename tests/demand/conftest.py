"""Simulated shops whose demand is known, as histories in memory."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pytest

from pricebid.demand import DemandModel, fit
from pricebid.demand.window import before, block
from pricebid.tables.arrays import Events, Frequency, Future, History, Offers

FIRST = {"day": np.datetime64("2021-01-04"), "week": np.datetime64("2021-01-04"), "month": np.datetime64("2017-01-01")}
YEAR = {"day": 365.25, "week": 52.18, "month": 12.0}


@dataclass(frozen=True, kw_only=True)
class Spec:
    """A shop: log demand = level + own x + cross mean(x) + lift promo + season + weekday + error, then Poisson counts."""

    categories: int = 1
    skus: int = 6
    regions: int = 4
    periods: int = 104
    horizon: int = 8
    frequency: Frequency = "week"
    mean: float = 20.0
    level_sd: float = 0.5
    own: float = -2.5
    own_sd: float = 0.0
    cross: float = 0.0
    lift: float | None = None
    season: float = 0.0
    pass_through: float = 0.0
    weekday: float = 0.0
    price_sd: float = 0.12
    spell: int = 4
    error: float = 0.2
    stock: float | None = None
    seed: int = 0


@dataclass(frozen=True, kw_only=True)
class World:
    """What a seller saw, and what was true; `whole` spans history and horizon, `demand` is before stock cut it off."""

    spec: Spec
    whole: History
    demand: np.ndarray
    expected: np.ndarray

    @property
    def history(self) -> History:
        return before(self.whole, self.spec.periods)

    @property
    def future(self) -> Future:
        return block(self.whole, self.spec.periods, self.spec.horizon)[0]

    @property
    def after(self) -> np.ndarray:
        return self.demand[:, self.spec.periods :]

    @property
    def truth(self) -> np.ndarray:
        return self.expected[:, self.spec.periods :]


def offers_of(sku: np.ndarray, region: np.ndarray, category: np.ndarray, price: np.ndarray) -> Offers:
    n = len(sku)
    unknown, text = np.full(n, np.nan), np.full(n, "", dtype=object)
    never = np.full(n, np.datetime64("NaT", "D"), dtype="datetime64[D]")
    return Offers(
        columns=("sku", "region"),
        labels=(sku.astype(object), region.astype(object)),
        category=category.astype(object),
        brand=text,
        role=text,
        stage=text,
        size=unknown,
        current_price=price,
        list_price=unknown,
        min_price=unknown,
        max_price=unknown,
        map_price=unknown,
        cost=unknown,
        shipping_cost=np.zeros(n),
        tax=np.zeros(n),
        stock=unknown,
        locked=np.zeros(n, dtype=bool),
        launch_date=never,
        season_end=never,
    )


def dates(frequency: Frequency, n: int) -> np.ndarray:
    if frequency == "month":
        return (FIRST["month"].astype("datetime64[M]") + np.arange(n)).astype("datetime64[D]")
    return FIRST[frequency] + np.arange(n) * (7 if frequency == "week" else 1)


def history_of(
    units: np.ndarray, price: np.ndarray, *, frequency: Frequency, offers: Offers, **given: object
) -> History:
    plain = {
        "censored": np.zeros(units.shape, dtype=bool),
        "driver_names": (),
        "drivers": np.zeros((0, *units.shape)),
        "events": Events(names=(), uplift=np.empty(0), active=np.zeros((0, 1, units.shape[1]), dtype=bool)),
    }
    return History(
        offers=offers,
        frequency=frequency,
        periods=dates(frequency, units.shape[1]),
        units=units,
        price=price,
        **(plain | given),
    )


def simulate(spec: Spec) -> World:
    rng = np.random.default_rng(spec.seed)
    skus, total = spec.categories * spec.skus, spec.periods + spec.horizon
    n = skus * spec.regions
    sku_of, region_of = np.divmod(np.arange(n), spec.regions)
    category_of = sku_of // spec.skus
    at = np.arange(total)
    phase = rng.uniform(0, 2 * np.pi, spec.categories)
    wave = np.sin(2 * np.pi * at / YEAR[spec.frequency] + phase[:, None])[category_of]
    changes = rng.normal(0, spec.price_sd, (n, total // spec.spell + 2))
    offset = rng.integers(0, spec.spell, n)
    x = changes[np.arange(n)[:, None], (at + offset[:, None]) // spec.spell] + spec.pass_through * wave
    usual = np.exp(rng.normal(1.0, 0.3, skus))[sku_of]
    promo = np.zeros((n, total))
    if spec.lift is not None:
        promo = (rng.random((n, total)) < 0.12).astype(float)
        x = x - 0.1 * promo
    price = np.round(usual[:, None] * np.exp(x), 2)
    x = np.log(price / usual[:, None])
    own = (spec.own + rng.normal(0, spec.own_sd, skus) if spec.own_sd else np.full(skus, spec.own))[sku_of]
    group = category_of * spec.regions + region_of
    index = np.zeros((group.max() + 1, total))
    np.add.at(index, group, x / spec.skus)
    day = rng.normal(0, spec.weekday, 7)[at % 7] if spec.weekday else 0.0
    level = np.log(spec.mean) + rng.normal(0, spec.level_sd, skus)[sku_of] + rng.normal(0, 0.2, n)
    eta = level[:, None] + own[:, None] * x + spec.cross * index[group] + (spec.lift or 0.0) * promo
    eta = eta + spec.season * wave + day
    expected = np.exp(eta)
    error = rng.normal(0, spec.error, (n, total)) - 0.5 * spec.error**2
    demand = rng.poisson(expected * np.exp(error)).astype(float)
    units, censored = demand, np.zeros(demand.shape, dtype=bool)
    if spec.stock is not None:
        limit = np.ceil(spec.stock * np.exp(level)[:, None] * rng.uniform(0.5, 1.5, demand.shape))
        units, censored = np.minimum(demand, limit), demand >= limit
    names = {"driver_names": ("promo",), "drivers": promo[None]} if spec.lift is not None else {}
    labels = np.array([f"s{i:03d}" for i in range(skus)])[sku_of]
    region, category = (
        np.array([f"{a}{i}" for i in range(9999)])[code] for a, code in (("r", region_of), ("c", category_of))
    )
    offers = offers_of(labels, region, category, price[:, spec.periods - 1])
    whole = history_of(units, price, frequency=spec.frequency, offers=offers, censored=censored, **names)
    return World(spec=spec, whole=whole, demand=demand, expected=expected)


@pytest.fixture(scope="session")
def world() -> Callable[..., World]:
    """Make a simulated shop: ``world(skus=8, season=0.3, ...)``; the same call gives the same shop."""
    known: dict[Spec, World] = {}

    def make(**given: object) -> World:
        spec = replace(Spec(), **given)
        if spec not in known:
            known[spec] = simulate(spec)
        return known[spec]

    return make


@pytest.fixture(scope="session")
def fitted(world: Callable[..., World]) -> Callable[..., DemandModel]:
    """Give the model fitted to the shop of the same call of ``world``; each shop is fitted once."""
    known: dict[Spec, DemandModel] = {}

    def make(**given: object) -> DemandModel:
        shop = world(**given)
        if shop.spec not in known:
            known[shop.spec] = fit(shop.history)
        return known[shop.spec]

    return make
