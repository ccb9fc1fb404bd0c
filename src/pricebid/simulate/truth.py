"""What would really sell, what it would earn, and the best that could be reached."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pricebid.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from pricebid.simulate.buyers import Buyers
    from pricebid.simulate.layout import Layout


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """Where a price may lie.

    Parameters
    ----------
    max_change : float
        ``|new / current - 1|`` at most.
    min_margin : float
        ``(price - cost) / price`` at least.
    step : float
        Prices are whole multiples, in money.
    """

    max_change: float = 0.15
    min_margin: float = 0.10
    step: float = 0.01

    def ladder(self, current: NDArray[np.float64], cost: NDArray[np.float64]) -> NDArray[np.float64]:
        """Prices allowed, float64[offer, option], ascending; short ladders repeat their dearest price.

        Where no price keeps the margin within the change, the dearest one within the change stands alone.
        """
        slack = 1e-9
        top = np.floor(current * (1 + self.max_change) / self.step + slack)
        low = np.ceil(np.maximum(current * (1 - self.max_change), cost / (1 - self.min_margin)) / self.step - slack)
        low = np.minimum(low, top)
        option = np.arange(int((top - low).max()) + 1)
        ladder: NDArray[np.float64] = np.minimum(low[:, None] + option, top[:, None]) * self.step
        return np.round(ladder, 10)


@dataclass(frozen=True, kw_only=True)
class Truth:
    """True demand over the horizon, for one price per offer.

    Parameters
    ----------
    layout : Layout
        Offers and groups.
    buyers : Buyers
        How they choose.
    visitors : float64[horizon, group]
        Expected visitors.
    reference : float64[group, sku]
        Prices that buyers remember when the horizon begins.
    memory : float
        Weight of the remembered price against the last one seen.
    current, cost : float64[offer]
        Current prices and unit costs, in money.
    """

    layout: Layout
    buyers: Buyers
    visitors: NDArray[np.float64]
    reference: NDArray[np.float64]
    memory: float
    current: NDArray[np.float64]
    cost: NDArray[np.float64]

    def units(self, price: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return expected units over the horizon, float64[..., offer].

        Parameters
        ----------
        price : float64[..., offer]
            One price per offer; leading axes are other price vectors.
        """
        if price.shape[-1] != len(self.layout):
            raise InputError(f"{price.shape[-1]} prices for {len(self.layout)} offers: give one per offer")
        return self.layout.flat(self._grouped_units(self.layout.grouped(price)))

    def _grouped_units(self, price: NDArray[np.float64]) -> NDArray[np.float64]:
        reference = np.broadcast_to(self.reference, price.shape)
        total = np.zeros(price.shape)
        lift = np.zeros(price.shape[-2:])
        for visitors in self.visitors:
            total += visitors[:, None] * self.buyers.rate(price, lift=lift, reference=reference)
            reference = self.memory * reference + (1 - self.memory) * price
        return total

    def profit(self, price: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return expected contribution over the horizon in money, float64[...]."""
        earned: NDArray[np.float64] = np.sum((price - self.cost) * self.units(price), axis=-1)
        return earned

    def elasticity(self, price: NDArray[np.float64]) -> NDArray[np.float64]:
        """Elasticities of the horizon's units by central differences, float64[group, sku, sku] (of i, price of j)."""
        at = self.layout.grouped(price)
        step = 1e-4 * np.eye(self.layout.skus)[:, None, :]
        up, down = self._grouped_units(at * np.exp(step)), self._grouped_units(at * np.exp(-step))
        elasticity: NDArray[np.float64] = np.transpose(np.log(up / down) / 2e-4, (1, 2, 0))
        return elasticity

    def best(self, bounds: Bounds | None = None, *, sweeps: int = 30) -> NDArray[np.float64]:
        """Reachable prices of highest true profit inside the bounds, float64[offer].

        Coordinate ascent over each group's ladder from four starts (current, all cheapest, all dearest, middle);
        groups do not interact, so each keeps its own best.

        Parameters
        ----------
        bounds : Bounds, optional
            The default bounds where not given.
        sweeps : int
            At most this many passes over the skus of a group.
        """
        ladder = (bounds or Bounds()).ladder(self.current, self.cost)
        grouped = np.moveaxis(self.layout.grouped(ladder.T), 0, -1)
        cost = self.layout.grouped(self.cost)

        def earn(price: NDArray[np.float64]) -> NDArray[np.float64]:
            profit: NDArray[np.float64] = np.sum((price - cost) * self._grouped_units(price), axis=-1)
            return profit

        nearest = np.argmin(np.abs(grouped - self.layout.grouped(self.current)[..., None]), axis=-1)
        options = grouped.shape[-1]
        starts = (nearest, nearest * 0, nearest * 0 + options - 1, nearest * 0 + options // 2)
        plans = np.stack([_ascend(earn, grouped, start, sweeps) for start in starts])
        value = earn(plans)
        return self.layout.flat(np.take_along_axis(plans, value.argmax(axis=0)[None, :, None], axis=0)[0])

    def score(self, price: NDArray[np.float64], bounds: Bounds | None = None) -> float:
        """Share of the reachable profit uplift that these prices capture: 1 the best, 0 as now, negative a loss."""
        now, best = self.profit(self.current), self.profit(self.best(bounds))
        return float((self.profit(price) - now) / (best - now))


def _ascend(
    earn: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    ladder: NDArray[np.float64],
    start: NDArray[np.int64],
    sweeps: int,
) -> NDArray[np.float64]:
    """Improve one sku after the other in all groups at once, until a whole sweep changes nothing."""
    price = np.take_along_axis(ladder, start[..., None], axis=-1)[..., 0]
    for _ in range(sweeps):
        before = price.copy()
        for sku in range(ladder.shape[1]):
            trial = np.repeat(price[None], ladder.shape[-1], axis=0)
            trial[:, :, sku] = ladder[:, sku, :].T
            value = earn(trial)
            pick = value.argmax(axis=0)
            price[:, sku] = np.take_along_axis(ladder[:, sku, :], pick[:, None], axis=1)[:, 0]
        if np.array_equal(before, price):
            break
    return price
