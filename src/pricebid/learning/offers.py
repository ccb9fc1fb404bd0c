"""Options that sell from shared stock: what each needs, what may still be picked, and which law follows from shares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pricebid.errors import InputError
from pricebid.learning.ids import frozen

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]
    Bools = NDArray[np.bool_]

SLACK = 1e-9  # relative rounding of stock that counts as enough


@dataclass(frozen=True, kw_only=True, eq=False)
class Offers:
    """Checked options, usage and inventory.

    Parameters
    ----------
    price : float64[option, product]
        0 where closed.
    open : bool[option, product]
        Where a product has a price.
    usage : float64[product, resource]
        Of one sale.
    inventory : float64[resource]
        At the start.
    need : float64[option, resource]
        What must be left so that an option cannot sell more than there is.
    closed : bool[option]
        Options that close every product.
    """

    price: Floats
    open: Bools
    usage: Floats
    inventory: Floats
    need: Floats
    closed: Bools

    def allowed(self, left: Floats, mask: Bools | None) -> Bools:
        """Give what may be picked, bool[state, option], with float64[state, resource] left.

        Raises
        ------
        InputError
            Where nothing may.
        """
        enough = left[:, None, :] >= self.need * (1.0 - SLACK)
        may: Bools = np.asarray(enough.all(axis=2))
        if mask is not None:
            may &= mask
        none = ~may.any(axis=1)
        if none.any():
            may[none] = self._partly(left[none], mask)
        return may

    def law(self, shares: Floats, may: Bools) -> Floats:
        """Turn shares float64[state, option] that sum to 1 at most into laws: the rest goes to what closes everything."""
        rest = np.maximum(1.0 - shares.sum(axis=1, keepdims=True), 0.0)
        shut = may & self.closed
        # Without a share for anything, all that may be picked are alike.
        spare = np.where(shut.any(axis=1, keepdims=True), shut, may & (rest >= 1.0))
        law = shares + rest * spare / np.maximum(spare.sum(axis=1, keepdims=True), 1)
        scaled: Floats = law / law.sum(axis=1, keepdims=True)
        return scaled

    def _partly(self, left: Floats, mask: Bools | None) -> Bools:
        """Options of which something can still be sold, where no option can be shown without turning buyers away."""
        fits: Bools = np.asarray((left[:, None, :] >= self.usage * (1.0 - SLACK)).all(axis=2))
        may: Bools = np.asarray((fits[:, None, :] & self.open).any(axis=2))
        if mask is not None:
            may &= mask
        # Who offers a way to close everything means it to be used.
        if self.closed.any() or not may.any(axis=1).all():
            raise InputError(
                "no option may be picked: what is left of the inventory sells none of those available; stop, or make an "
                "option available whose prices are all inf"
            )
        return may


def read_offers(*, prices: ArrayLike, usage: ArrayLike, inventory: ArrayLike, horizon: float, single: bool) -> Offers:
    """Check the parameters of a policy under resource limits.

    Parameters
    ----------
    prices, usage, inventory, horizon
        As given to the policy.
    single : bool
        At most one unit of all products together is sold per period.

    Raises
    ------
    InputError
        Every fault.
    """
    price = np.asarray(prices, dtype=np.float64)
    price = price[:, None] if price.ndim == 1 else price
    use = np.asarray(usage, dtype=np.float64)
    stock = np.asarray(inventory, dtype=np.float64)
    use = use.reshape(-1, 1) if use.ndim <= 1 and stock.size == 1 else use
    stock = stock.reshape(-1) if stock.ndim <= 1 else stock
    faults = []
    if price.ndim != 2 or not price.size:
        faults.append(f"prices have shape {list(price.shape)}: give float[option, product]")
    elif np.isnan(price).any() or np.isneginf(price).any():
        faults.append("prices must be numbers, or inf where a product is closed")
    if price.ndim == 2 and stock.ndim == 1 and use.shape != (price.shape[1], len(stock)):
        faults.append(
            f"usage has shape {list(use.shape)}: give float[product, resource], {[price.shape[1], len(stock)]} here"
        )
    if not (np.isfinite(use) & (use >= 0)).all():
        faults.append("usage must be finite and at least 0")
    if stock.ndim != 1 or not (stock >= 0).all():
        faults.append(f"inventory is {stock.tolist()}: give float[resource], at least 0")
    if not (np.isfinite(horizon) and horizon > 0):
        faults.append(f"horizon is {horizon!r}: give a number of periods above 0")
    if faults:
        raise InputError("; ".join(faults))
    is_open = np.isfinite(price)
    each = np.where(is_open[:, :, None], use, 0.0)
    return Offers(
        price=frozen(np.where(is_open, price, 0.0)),
        open=frozen(is_open),
        usage=frozen(use.copy()),
        inventory=frozen(stock.copy()),
        need=frozen(each.max(axis=1) if single else each.sum(axis=1)),
        closed=frozen(np.asarray(~is_open.any(axis=1))),
    )
