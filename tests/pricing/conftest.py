"""Small problems and shops with a known demand, for the tests of pricing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from pricebid.demand.response import LogitResponse, LogLinearResponse, PriceResponse
from pricebid.policy import Policy
from pricebid.pricing.economics import Economics
from pricebid.pricing.grid import Grid, Ladder
from pricebid.pricing.problem import PriceProblem
from pricebid.pricing.side import SideRules
from pricebid.tables import Shop

if TYPE_CHECKING:
    from pricebid.optimize import Limit
    from pricebid.tables import Future


@dataclass(frozen=True, kw_only=True)
class KnownDemand:
    """A stand-in for a demand model: log-linear with given elasticities, category x region as groups."""

    shop: Shop
    own: float = -2.6
    cross: float = 1.0
    base: float = 20.0
    uncertainty: float = 0.1
    name: str = "known demand"

    def response(self, future: Future) -> PriceResponse:
        offers = self.shop.offers
        n = len(offers)
        labels = np.array([f"{a}|{b}" for a, b in zip(offers.category, offers.region, strict=True)])
        _, groups = np.unique(labels, return_inverse=True)
        rng = np.random.default_rng(0)
        steps = future.price.shape[1]
        return LogLinearResponse(
            current=future.price.mean(axis=1),
            base=np.repeat(self.base * rng.uniform(0.5, 1.5, (n, 1)), steps, axis=1),
            groups=groups,
            own_mean=np.full(n, self.own) + rng.normal(0, 0.3, n),
            cross_mean=np.full(n, self.cross),
            covariance=np.diag([self.uncertainty, self.uncertainty / 2]),
            common_level_sd=np.full(int(groups.max()) + 1, 0.05),
            level_sd=np.full(n, 0.1),
            dispersion=np.full(n, 0.1),
        )


def make_problem(
    response: PriceResponse,
    cost: np.ndarray,
    grid: Grid,
    ends: tuple[np.ndarray, np.ndarray],
    *,
    limits: tuple[Limit, ...] = (),
    side: SideRules | None = None,
    available: np.ndarray | None = None,
    weights: tuple[float, float, float] = (1.0, 0.0, 0.0),
) -> PriceProblem:
    n, none = len(cost), np.zeros(len(cost))
    economics = Economics(
        reference=response.current, cost=cost, shipping=none, discount=none, tax=none,
        available=np.full(n, np.nan) if available is None else available, weights=weights,
    )  # fmt: skip
    ladder = Ladder(
        grids=(grid,), grid_of=np.zeros(n, dtype=np.intp), first=grid.first(ends[0]), last=grid.last(ends[1]),
        current=response.current, keep=np.ones(n, dtype=bool),
    )  # fmt: skip
    return PriceProblem(response=response, economics=economics, ladder=ladder, limits=limits, side=side or SideRules())


def random_response(seed: int, kind: str, n: int = 4) -> tuple[PriceResponse, np.ndarray]:
    """A small category, or two, with strong cross effects, and costs."""
    rng = np.random.default_rng(seed)
    current = np.round(rng.uniform(2, 6, n), 2)
    groups = np.zeros(n, dtype=int) if seed % 2 else np.sort(rng.integers(0, 2, n))
    if kind == "logit":
        return LogitResponse(
            current=current, groups=groups, market=rng.uniform(100, 1000, int(groups.max()) + 1),
            attraction=rng.normal(3.5, 1.2, n), slope=rng.uniform(0.7, 1.4, n),
        ), current * rng.uniform(0.4, 0.85, n)  # fmt: skip
    return LogLinearResponse(
        current=current, base=rng.gamma(2, 20, (n, 2)), groups=groups, weight=rng.uniform(0.5, 2, n),
        own_mean=rng.normal(-2.8, 0.6, n), cross_mean=rng.normal(1.4, 0.4, n),
        covariance=np.tile(np.diag([0.15, 0.1]), (n, 1, 1)),
    ), current * rng.uniform(0.4, 0.85, n)  # fmt: skip


def make_shop(seed: int = 0, *, scale: float = 1.0, skus: int = 6, **columns: list[object]) -> Shop:
    """Twelve weeks of sales of a few skus in three regions; ``columns`` are added to the catalog."""
    rng = np.random.default_rng(seed)
    names = [f"s{at}" for at in range(skus)]
    prices = scale * (2.29 + 0.3 * np.arange(skus))
    rows = [
        (day, sku, region, int(rng.poisson(20)), round(price * (1 + rng.choice([0, 0.05])), 6), 0)
        for day in pd.date_range("2024-01-01", periods=12, freq="7D")
        for sku, price in zip(names, prices, strict=True)
        for region in ("north", "south", "west")
    ]
    catalog = {
        "sku": names, "cost": prices * np.linspace(0.55, 0.7, skus), "category": ["a", "b"] * (skus // 2),
        "brand": (["x", "x", "y", "y"] * skus)[:skus], "size": ([1.0, 1.0, 2.0, 2.0] * skus)[:skus], "price": prices,
    }  # fmt: skip
    competitors = {
        "date": ["2024-03-20"] * 2,
        "sku": ["s0"] * 2,
        "competitor": ["A", "OUR"],
        "price": [2.5 * scale, 0.5],
    }
    frames = {
        "sales": pd.DataFrame(rows, columns=["date", "sku", "region", "units", "price", "promo"]),
        "catalog": pd.DataFrame(catalog | columns),
        "competitors": pd.DataFrame(competitors),
    }
    return Shop.from_frames(frames)


def policy_of(text: str = "") -> Policy:
    return Policy.from_toml(text)


@pytest.fixture(scope="session")
def tools() -> type:
    """The builders of this file: test modules cannot import it."""
    return type(
        "Tools",
        (),
        {
            "KnownDemand": KnownDemand,
            "problem": staticmethod(make_problem),
            "random_response": staticmethod(random_response),
            "shop": staticmethod(make_shop),
            "policy": staticmethod(policy_of),
        },
    )
