"""Random problems, an independent solver for them, and a market at scale."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pytest

from pricebid.optimize import Limit

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, kw_only=True)
class Instance:
    outcomes: dict[str, np.ndarray]
    limits: tuple[Limit, ...]
    available: np.ndarray

    @property
    def arguments(self) -> dict[str, object]:
        return {"maximise": "profit", "limits": self.limits, "available": self.available}


def random_instance(seed: int, *, most: int = 14) -> Instance:
    """Limits pass through the totals of a random choice each: some hold together, some cannot."""
    rng = np.random.default_rng(seed)
    decisions, options = int(rng.integers(1, most + 1)), int(rng.integers(1, 7))
    outcomes = {
        name: rng.uniform(-1.0 if name == "profit" else 0.0, 1.0, (decisions, options))
        for name in ("profit", "revenue", "units")
    }
    if seed % 3 == 0:  # whole numbers: ties everywhere
        outcomes = {name: np.round(array * 5) for name, array in outcomes.items()}
    available = rng.random((decisions, options)) < 0.8
    available[np.arange(decisions), rng.integers(0, options, decisions)] = True
    limits = tuple(_limit(rng, outcomes, available) for _ in range(rng.integers(0, 5)))
    return Instance(outcomes=outcomes, limits=limits, available=available)


def _limit(rng: np.random.Generator, outcomes: dict[str, np.ndarray], available: np.ndarray) -> Limit:
    decisions = len(available)
    name = str(rng.choice(["profit", "revenue", "units"]))
    per = rng.choice([None, None, "revenue", "units"])
    within = None if rng.random() < 0.6 else rng.random(decisions) < 0.5
    counted = np.ones(decisions, dtype=bool) if within is None else within
    pick = np.array([rng.choice(np.flatnonzero(row)) for row in available])
    total = outcomes[name][np.arange(decisions), pick][counted].sum()
    if per is not None:
        under = outcomes[per][np.arange(decisions), pick][counted].sum()
        total = total / under if under > 0 else 0.0
    return Limit(name, **{str(rng.choice(["at_least", "at_most"])): float(total)}, per=per, within=within)


@pytest.fixture
def instance() -> Callable[..., Instance]:
    return random_instance


def market(decisions: int, options: int, seed: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    price = rng.lognormal(1.5, 0.6, (decisions, 1))
    cost = price * rng.uniform(0.5, 0.8, (decisions, 1))
    elasticity = -rng.uniform(1.3, 4.0, (decisions, 1))
    step = np.linspace(0.85, 1.15, options)
    units = rng.lognormal(2.0, 1.0, (decisions, 1)) * step**elasticity
    shelf = price * step
    return {
        "profit": (shelf - cost) * units,
        "revenue": shelf * units,
        "units": units,
        "discount": np.maximum(price - shelf, 0.0) * units,
    }


@pytest.fixture
def shop() -> Callable[[int, int, int], tuple[dict[str, np.ndarray], list[Limit]]]:
    """Outcomes, and four limits (one ratio) that a plan near the margin of each can hold together."""

    def make(decisions: int, options: int = 10, seed: int = 0) -> tuple[dict[str, np.ndarray], list[Limit]]:
        outcomes = market(decisions, options, seed)
        wish = 1.4 * outcomes["profit"] + 0.05 * outcomes["revenue"] + 0.2 * outcomes["units"]
        pick = (wish - 0.15 * outcomes["discount"]).argmax(axis=1)
        total = {name: array[np.arange(decisions), pick].sum() for name, array in outcomes.items()}
        return outcomes, [
            Limit("units", at_least=float(total["units"])),
            Limit("profit", at_least=float(total["profit"] / total["revenue"]), per="revenue"),
            Limit("discount", at_most=float(0.9 * total["discount"])),
            Limit("revenue", at_least=float(0.99 * total["revenue"])),
        ]

    return make
