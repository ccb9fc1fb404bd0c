"""A small shop's prices, as many times as a test wants them, and what quotes of it need."""

from __future__ import annotations

import uuid
from types import SimpleNamespace

import numpy as np
import pytest

from pricebid.live import Clock, OfferKeys, PlanPrices, ShopPrices, Signer, build_prices
from pricebid.tables import Settings

DAY = 86_400_000_000
NOW = 1_780_000_000_000_000  # an instant of May 2026
PLAN, LATER = (str(uuid.UUID(int=0x018F << 112 | 7 << 76 | number)) for number in (1, 2))


@pytest.fixture(scope="session")
def make():
    """What makes snapshots: `make.snapshot(current=..., plans=...)` with prices by offer number."""

    def keys(count, **columns):
        return OfferKeys.of({"sku": [f"sku {at}" for at in range(count)], "region": ["east"] * count, **columns})

    def shop(current, *, floor=None, ceiling=None, fixed=None, axis=None):
        current = np.asarray(current, dtype=np.float64)
        none = np.full(len(current), np.nan)
        return ShopPrices(
            keys=axis or keys(len(current)),
            current=current,
            floor=none if floor is None else np.asarray(floor, dtype=np.float64),
            ceiling=none if ceiling is None else np.asarray(ceiling, dtype=np.float64),
            fixed=np.zeros(len(current), dtype=bool) if fixed is None else np.asarray(fixed, dtype=bool),
        )

    def plan(price, *, name=PLAN, start=NOW - DAY, end=NOW + DAY, axis=None):
        price = np.asarray(price, dtype=np.float64)
        return PlanPrices(id=name, keys=axis or keys(len(price)), price=price, start=start, end=end)

    def snapshot(now, plans=(), settings=None, **more):
        return build_prices("north", settings or Settings(currency="EUR"), now=now, plans=plans, **more)

    def signer(name="north", keys_of=None, current=1):
        return Signer(shop=name, keys=keys_of or {1: b"1" * 32}, current=current)

    return SimpleNamespace(
        keys=keys,
        shop=shop,
        plan=plan,
        snapshot=snapshot,
        signer=signer,
        clock=Clock,
        now=NOW,
        day=DAY,
        ids=(PLAN, LATER),
    )
