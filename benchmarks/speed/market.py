"""A market to optimise: outcomes of every option, and limits that bind and can be met."""

from __future__ import annotations

import numpy as np

from pricebid.optimize import Limit

Outcomes = dict[str, np.ndarray]


def market(decisions: int, options: int, *, seed: int = 0) -> Outcomes:
    """Constant-elasticity demand at prices from -15 % to +15 %; float64[decision, option] each."""
    rng = np.random.default_rng(seed)
    price = rng.lognormal(1.5, 0.6, (decisions, 1))
    cost = price * rng.uniform(0.5, 0.8, (decisions, 1))
    elasticity = -rng.uniform(1.3, 4.0, (decisions, 1))
    volume = rng.lognormal(2.0, 1.0, (decisions, 1))
    step = np.linspace(0.85, 1.15, options)
    shelf = price * step
    units = volume * step**elasticity
    return {
        "profit": (shelf - cost) * units,
        "revenue": shelf * units,
        "units": units,
        "discount": np.maximum(price - shelf, 0.0) * units,
    }


def limits(outcomes: Outcomes, *, ratio: bool = True) -> list[Limit]:
    """Units, discount and revenue, and with `ratio` profit per revenue: near a plan that exists."""
    every = np.arange(len(outcomes["profit"]))
    wish = 1.4 * outcomes["profit"] + 0.05 * outcomes["revenue"] + 0.2 * outcomes["units"]
    pick = (wish - 0.15 * outcomes["discount"]).argmax(axis=1)
    total = {name: float(array[every, pick].sum()) for name, array in outcomes.items()}
    found = [
        Limit("units", at_least=total["units"]),
        Limit("discount", at_most=0.9 * total["discount"]),
        Limit("revenue", at_least=0.99 * total["revenue"]),
    ]
    if ratio:
        found.insert(1, Limit("profit", at_least=1.002 * total["profit"] / total["revenue"], per="revenue"))
    return found


def worst(slacks: np.ndarray, asked: list[Limit]) -> float:
    """Largest violation, as a share of max(1, |bound|); 0 where all limits hold."""
    sizes = np.array([max(1.0, abs(limit.bound)) for limit in asked])
    return float(np.maximum(-slacks / sizes, 0.0).max(initial=0.0))
