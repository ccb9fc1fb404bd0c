"""How sure a plan is: draws of the demand parameters, the same for current and planned prices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import special

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pricebid.demand.response import PriceResponse
    from pricebid.pricing.economics import Economics

OUTCOMES = ("profit", "revenue", "units")
_CELLS_AT_ONCE = 1_000_000


@dataclass(frozen=True, kw_only=True, eq=False)
class Spread:
    """Uncertainty of a plan beside the current prices.

    Parameters
    ----------
    totals : float64[plan, draw, outcome]
        Totals of profit, revenue and units at current prices (plan 0) and planned prices (plan 1).
    deviation : float64[plan, offer]
        Standard deviation of each offer's expected units.
    """

    totals: NDArray[np.float64]
    deviation: NDArray[np.float64]


def draw_totals(
    response: PriceResponse,
    economics: Economics,
    prices: NDArray[np.float64],
    rng: np.random.Generator,
    *,
    n: int = 200,
) -> Spread:
    """Draw the demand parameters n times and total the outcomes of each plan.

    Where stock is short, units sold answer to a draw by the slope of E[min(demand, available)] at the mean.

    Parameters
    ----------
    response, economics
        As planned with.
    prices : float64[plan, offer]
        Prices of each plan.
    rng : numpy.random.Generator
        The same state gives the same draws, also for another shop with as many offers: differences are then between
        like and like.
    n : int
        Draws.
    """
    plans, offers = prices.shape
    block = max(1, min(n, _CELLS_AT_ONCE // max(1, plans * offers)))
    values = [economics.unit_values(price, OUTCOMES) for price in prices]
    mean = np.stack([response.units(price) for price in prices])
    sold = np.stack([economics.sold(one, response.dispersion) for one in mean])
    slope = np.stack([economics.slope(one, response.dispersion) for one in mean])
    totals, square, total = np.empty((plans, n, len(OUTCOMES))), np.zeros_like(mean), np.zeros_like(mean)
    for start in range(0, n, block):
        here = slice(start, min(n, start + block))
        units = response.draws(prices, rng, here.stop - here.start)
        square += ((units - mean[:, None, :]) ** 2).sum(axis=1)
        total += (units - mean[:, None, :]).sum(axis=1)
        if np.isfinite(economics.available).any():
            units = np.maximum(sold[:, None, :] + slope[:, None, :] * (units - mean[:, None, :]), 0.0)
        for plan in range(plans):
            for at, name in enumerate(OUTCOMES):
                totals[plan, here, at] = units[plan] @ values[plan][name]
    return Spread(totals=totals, deviation=np.sqrt(np.maximum(square / n - (total / n) ** 2, 0.0)))


def predictive(
    mean: NDArray[np.float64], deviation: NDArray[np.float64], chance: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the 10 % and 90 % points of demand, uncertain mean and chance together, the shape of ``mean``.

    A gamma distribution with the right mean and variance: ``mean + chance * mean**2`` of demand about its mean, and the
    variance of that mean (times 1 + chance), which ``deviation`` has whole: levels and slopes.
    """
    variance = mean + chance * mean**2 + (1.0 + chance) * deviation**2
    some = mean > 0
    shape = np.where(some, mean**2 / np.maximum(variance, 1e-300), 1.0)
    scale = np.where(some, variance / np.where(some, mean, 1.0), 0.0)
    low, high = (special.gammaincinv(shape, point) * scale for point in (0.1, 0.9))
    return np.asarray(low, dtype=np.float64), np.asarray(high, dtype=np.float64)


def interval(draws: NDArray[np.float64]) -> tuple[float, float]:
    """Return the 10 % and 90 % points of draws, float64[draw]."""
    low, high = np.quantile(draws, [0.1, 0.9])
    return float(low), float(high)
