"""What a price is worth: the outcomes of every option, own and spilled onto the rest of its group."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pricebid.demand.response import PriceResponse, expected_sold, sold_slope

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pricebid.optimize import Limit

OBJECTIVE = "objective"


@dataclass(frozen=True, kw_only=True, eq=False)
class Economics:
    """Money and stock of each offer, and what is to be maximised.

    Revenue per unit is (price - discount) / (1 + tax), profit per unit is revenue - cost - shipping; units are
    E[min(demand, available)].

    Parameters
    ----------
    reference : float64[offer]
        Current price: what a change and a discount are counted from.
    cost, shipping, discount : float64[offer]
        Money per unit; cost is NaN where unknown (profit is then NaN).
    tax : float64[offer]
        Rate included in the price.
    available : float64[offer]
        Units that can be sold over the horizon; NaN where unlimited.
    weights : (float, float, float)
        Of profit, revenue and units in the objective.
    minor : float
        Smallest unit of money: a price within half of it of the reference has not changed.
    """

    reference: NDArray[np.float64]
    cost: NDArray[np.float64]
    shipping: NDArray[np.float64]
    discount: NDArray[np.float64]
    tax: NDArray[np.float64]
    available: NDArray[np.float64]
    weights: tuple[float, float, float] = (1.0, 0.0, 0.0)
    minor: float = 0.0

    def unit_revenue(self, price: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return money earned per unit sold, float64[offer] or [offer, option] as the price."""
        extra = (1,) * (price.ndim - 1)
        return np.asarray((price - self.discount.reshape(-1, *extra)) / (1.0 + self.tax.reshape(-1, *extra)))

    def unit_values(self, price: NDArray[np.float64], names: Sequence[str]) -> dict[str, NDArray[np.float64]]:
        """Return what one unit sold at ``price`` adds to each named outcome, the shape of the price."""
        extra = (1,) * (price.ndim - 1)
        revenue = self.unit_revenue(price)
        profit = revenue - (self.cost + self.shipping).reshape(-1, *extra)
        values = {"revenue": revenue, "profit": profit, "units": np.ones_like(price)}
        if "discount" in names:
            lowered = np.maximum(self.reference.reshape(-1, *extra) - price, 0.0)
            values["discount"] = np.where(self.changed(price) > 0, lowered, 0.0)
        if OBJECTIVE in names:
            parts = [w * values[n] for w, n in zip(self.weights, ("profit", "revenue", "units"), strict=True) if w]
            values[OBJECTIVE] = np.asarray(sum(parts[1:], parts[0])) if parts else np.zeros_like(price)
        return {name: values[name] for name in names if name != "changes"}

    def changed(self, price: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return 1.0 where the price differs from the reference by more than rounding, else 0.0."""
        reference = self.reference.reshape(-1, *(1,) * (price.ndim - 1))
        moved = np.abs(price - reference) > 0.5 * self.minor + 1e-9 * np.maximum(1.0, np.abs(reference))
        return moved.astype(np.float64)

    def sold(self, demand: NDArray[np.float64], dispersion: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return E[min(demand, available)], the shape of demand: [offer] or [offer, option]."""
        short = np.flatnonzero(np.isfinite(self.available))
        if not len(short):
            return demand
        sold = demand.copy()
        extra = (1,) * (demand.ndim - 1)
        sold[short] = expected_sold(
            demand[short], self.available[short].reshape(-1, *extra), dispersion[short].reshape(-1, *extra)
        )
        return sold

    def slope(self, demand: NDArray[np.float64], dispersion: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return units sold more per unit of demand more, float64[offer]; 1 where stock is unlimited."""
        slope = np.ones_like(demand)
        short = np.flatnonzero(np.isfinite(self.available))
        if len(short):
            slope[short] = sold_slope(demand[short], self.available[short], dispersion[short])
        return slope

    def outcomes(
        self, response: PriceResponse, price: NDArray[np.float64], names: Sequence[str]
    ) -> dict[str, NDArray[np.float64]]:
        """Return the outcomes of each offer at ``price`` with every cross effect, float64[offer] by name."""
        sold = self.sold(response.units(price), response.dispersion)
        found = {name: value * sold for name, value in self.unit_values(price, names).items()}
        if "changes" in names:
            found["changes"] = self.changed(price)
        return found

    def table(
        self, response: PriceResponse, price: NDArray[np.float64], ladder: NDArray[np.float64], names: Sequence[str]
    ) -> dict[str, NDArray[np.float64]]:
        """Return the outcomes of moving each offer alone, float64[offer, option] by name.

        An entry is the offer's own outcome at the option plus the change of the others of its group: at the option
        that is its present price, the sum over offers is the plan's true total. Exact for single moves, but that
        units short of stock enter the others' change by their slope.
        """
        sold = self.sold(response.options(price, ladder), response.dispersion)
        found = {name: value * sold for name, value in self.unit_values(ladder, names).items()}
        if "changes" in names:
            found["changes"] = self.changed(ladder)
        if interacts(response):
            slope = self.slope(response.units(price), response.dispersion)
            here = self.unit_values(price, names)
            spill = response.spill(price, ladder, np.stack(list(here.values())) * slope)
            for name, more in zip(here, spill, strict=True):
                found[name] += more
        return found

    def combined(
        self,
        response: PriceResponse,
        price: NDArray[np.float64],
        ladder: NDArray[np.float64],
        weights: dict[str, NDArray[np.float64]],
    ) -> NDArray[np.float64]:
        """Return ``sum_o weights[o] * table[o]``, float64[offer, option], with the weights applied before the spill.

        Parameters
        ----------
        response, price, ladder
            As in :meth:`table`.
        weights : dict of float64[offer]
            By outcome, what it counts for each offer whose outcome it is.
        """
        names = tuple(weights)
        sold = self.sold(response.options(price, ladder), response.dispersion)
        there = self.unit_values(ladder, names)
        worth = sum(weights[name][:, None] * value for name, value in there.items()) * sold
        if "changes" in names:
            worth = worth + weights["changes"][:, None] * self.changed(ladder)
        if interacts(response):
            here = self.unit_values(price, names)
            value = sum(weights[name] * one for name, one in here.items())
            value = value * self.slope(response.units(price), response.dispersion)
            worth = worth + response.spill(price, ladder, value[None])[0]
        return np.asarray(worth)


def interacts(response: PriceResponse) -> bool:
    """Return whether any group has two offers."""
    return bool(len(response.groups)) and int(np.bincount(response.groups).max()) > 1


def limit_totals(outcomes: dict[str, NDArray[np.float64]], limits: Sequence[Limit]) -> NDArray[np.float64]:
    """Return what each limit bounds, a total or a ratio, at outcomes [offer]; float64[limit]."""
    totals = np.empty(len(limits))
    for at, limit in enumerate(limits):
        within = slice(None) if limit.within is None else limit.within
        total = outcomes[limit.name][within].sum()
        if limit.per is not None:
            per = outcomes[limit.per][within].sum()
            total = total / per if per else np.nan
        totals[at] = total
    return totals


def excesses(totals: NDArray[np.float64], limits: Sequence[Limit]) -> NDArray[np.float64]:
    """Return how far each total lies beyond its bound, 0 where it holds to its tolerance (or 0 / 0); float64[limit]."""
    over = np.zeros(len(limits))
    for at, limit in enumerate(limits):
        beyond = limit.sign * (totals[at] - limit.bound)
        over[at] = beyond if beyond > limit.tolerance else 0.0
    return over
