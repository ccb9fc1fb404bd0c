"""How buyers choose: the known truths of the simulated markets.

Each is a frozen value with one method, ``rate``: expected units per visitor, given prices, a lift of the appeal
(promotion, drift) and the reference prices that buyers remember. All arrays are ``[..., group, sku]``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Buyers(Protocol):
    """A known truth: expected units per visitor."""

    def rate(
        self, price: NDArray[np.float64], *, lift: NDArray[np.float64], reference: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return expected units per visitor, float64[..., group, sku].

        Parameters
        ----------
        price, reference : float64[..., group, sku]
            Shelf prices, and the prices buyers compare them with, in money.
        lift : float64[..., group, sku]
            Added to the utility (logit kinds) or to the log of demand.
        """
        ...


def _shares(utility: NDArray[np.float64]) -> NDArray[np.float64]:
    """Logit shares with an outside option of utility 0; the maximum is taken out so that nothing overflows."""
    top = np.maximum(utility.max(axis=-1, keepdims=True), 0.0)
    weight = np.exp(utility - top)
    shares: NDArray[np.float64] = weight / (np.exp(-top) + weight.sum(axis=-1, keepdims=True))
    return shares


@dataclass(frozen=True, kw_only=True)
class LogitBuyers:
    """Multinomial logit with an outside option (McFadden 1974).

    Parameters
    ----------
    appeal : float64[group, sku]
        Utility at price 0.
    slope : float64[group, 1]
        Utility lost per unit of money, positive.
    """

    appeal: NDArray[np.float64]
    slope: NDArray[np.float64]

    def rate(
        self, price: NDArray[np.float64], *, lift: NDArray[np.float64], reference: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return expected units per visitor; the reference price plays no part."""
        del reference
        return _shares(self.appeal + lift - self.slope * price)


@dataclass(frozen=True, kw_only=True)
class NestedBuyers:
    """Nested logit: skus of one nest are closer substitutes than skus of another (Train 2009, ch. 4).

    Parameters
    ----------
    appeal, slope
        As in `LogitBuyers`.
    nest : float64[nest, sku]
        1 where the sku is in the nest; each sku in one nest.
    dissimilarity : float
        In (0, 1]; 1 is the plain logit.
    """

    appeal: NDArray[np.float64]
    slope: NDArray[np.float64]
    nest: NDArray[np.float64]
    dissimilarity: float

    def rate(
        self, price: NDArray[np.float64], *, lift: NDArray[np.float64], reference: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return expected units per visitor; the reference price plays no part."""
        del reference
        scaled = (self.appeal + lift - self.slope * price) / self.dissimilarity
        top = scaled.max(axis=-1, keepdims=True)
        weight = np.exp(scaled - top)
        total = weight @ self.nest.T
        inclusive = self.dissimilarity * (np.log(total) + top)
        within = weight / (total @ self.nest)
        rate: NDArray[np.float64] = within * (_shares(inclusive) @ self.nest)
        return rate


@dataclass(frozen=True, kw_only=True)
class LogLogBuyers:
    """Constant elasticities, own and cross: log demand is linear in the log prices of the group.

    Parameters
    ----------
    base : float64[group, sku]
        Units per visitor at the usual prices.
    usual : float64[group, sku]
        Usual prices.
    elasticity : float64[group, sku, sku]
        ``elasticity[g, i, j]``: of the demand of i with respect to the price of j.
    """

    base: NDArray[np.float64]
    usual: NDArray[np.float64]
    elasticity: NDArray[np.float64]

    def rate(
        self, price: NDArray[np.float64], *, lift: NDArray[np.float64], reference: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return expected units per visitor; the reference price plays no part."""
        del reference
        move = np.log(price / self.usual)
        rate: NDArray[np.float64] = self.base * np.exp(lift + np.einsum("gij,...gj->...gi", self.elasticity, move))
        return rate


@dataclass(frozen=True, kw_only=True)
class ReferenceBuyers:
    """A logit whose buyers also weigh the price against what they remember, losses more than gains.

    Putler (1992), Winer (1986): utility loses ``loss`` x slope per unit of money above the reference price and wins
    ``gain`` x slope per unit below it.

    Parameters
    ----------
    logit : LogitBuyers
        The choice between offers.
    gain, loss : float
        Weights of a price below and above the reference, relative to the slope.
    """

    logit: LogitBuyers
    gain: float
    loss: float

    def rate(
        self, price: NDArray[np.float64], *, lift: NDArray[np.float64], reference: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return expected units per visitor."""
        above = price - reference
        felt = np.where(above > 0, self.loss, self.gain) * above
        return self.logit.rate(price, lift=lift - self.logit.slope * felt, reference=reference)
