"""Price slopes at some prices: elasticities, and how an attraction model has to share the buyers to have them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import log_ndtr

from pricebid.demand.features import CROSS, DIVERTED, OWN, bent

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pricebid.demand.features import Recipe

_LEAST = -0.02
_MOST_TAKEN = 0.9
_FARTHEST = 3.0


@dataclass(frozen=True, kw_only=True)
class Local:
    """Elasticities to (own price, group's prices) at some prices.

    Parameters
    ----------
    mean : float64[offer, 2]
        Elasticity of the offer's attraction, and of the group's demand to the price index of its usual prices.
    covariance : float64[offer, 2, 2]
        Of ``mean``.
    shared : float64[category, 2, 2]
        The part of it that all offers of a category share.
    weight : float64[offer]
        What a change of the offer's price adds to the group's index, in effect: ``weight * mean[:, 1]`` is the elasticity of
        the others to it.
    within : float64[offer]
        Share of the offer in its group's usual price index; sums to 1 in each group.
    """

    mean: NDArray[np.float64]
    covariance: NDArray[np.float64]
    shared: NDArray[np.float64]
    weight: NDArray[np.float64]
    within: NDArray[np.float64]

    def total(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Own elasticity, the group's index moving along: mean and standard deviation given that it is negative."""
        w, c = self.weight, self.covariance
        mean = self.mean[:, 0] + w * self.mean[:, 1]
        variance = c[:, 0, 0] + 2.0 * w * c[:, 0, 1] + w * w * c[:, 1, 1]
        return below(mean, np.sqrt(np.maximum(variance, 1e-12)), _LEAST)

    def attraction(self, group: NDArray[np.intp]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Elasticity of each offer's attraction and its share of the group's possible buyers, float64[offer] each.

        The shares are those whose cross effects are the estimated ones: ``own_j share_j = -cross weight_j``, the cross
        slope taken at its mean over the group.
        """
        cross = np.bincount(group, weights=self.within * self.mean[:, 1])[group]
        total, _ = self.total()
        own = np.minimum(total - self.weight * cross, _LEAST)
        share = np.maximum(cross, 0.0) * self.weight / -own
        taken = np.bincount(group, weights=share)[group]
        return own, share * np.minimum(1.0, _MOST_TAKEN / np.where(taken > 0, taken, 1.0))


def local_slopes(
    recipe: Recipe,
    slopes: tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]],
    category: NDArray[np.intp],
    *,
    level: NDArray[np.float64],
    current: NDArray[np.float64],
) -> Local:
    """Give the price slopes at some prices.

    Slopes were learnt around the usual prices. There, offers share the buyers won as they share the sales: what an attraction
    model means by a share (Bell, Keeney and Little 1975; Cooper and Nakanishi 1988). Away from them shares follow the
    attractions, as far as elasticities grow with the price at all: with curvature 0 all elasticities stay, own and cross.

    Parameters
    ----------
    recipe : Recipe
        How the columns are made.
    slopes : (float64[offer, column], float64[offer, column, column], float64[category, column, column])
        Slopes to decide by, their covariance, and the part of it that a category shares.
    category : int[offer]
        Category of each offer.
    level : float64[offer]
        Log units at the usual price.
    current : float64[offer]
        Prices at which the slopes are wanted, money.

    Returns
    -------
    Local
    """
    mean, covariance, shared = slopes
    x = bent(np.log(current) - recipe.centre, recipe.curvature)
    usual = np.exp(recipe.curvature * recipe.level)
    turn = np.zeros((len(current), 2, len(recipe.names)))
    turn[:, 0, OWN] = usual * (1.0 + recipe.curvature * x)
    # Where nothing else is on offer, the own column carries no rivals' index.
    rivals = np.where(np.bincount(recipe.group)[recipe.group] > 1, 1.0, 0.0)
    turn[:, 1, OWN], turn[:, 1, CROSS] = -DIVERTED * rivals, rivals
    flat = np.bincount(category)
    mean_turn = np.stack(
        [np.bincount(category, weights=turn[:, i, j]) / flat for i in (0, 1) for j in (OWN, CROSS)], 1
    ).reshape(-1, 2, 2)
    here = np.einsum("nij,nj->ni", turn, mean)
    return Local(
        mean=here,
        covariance=turn @ covariance @ turn.transpose(0, 2, 1),
        shared=mean_turn @ shared[:, :2, :2] @ mean_turn.transpose(0, 2, 1),
        weight=_weights(recipe, here, level, x, own=usual * mean[:, OWN]),
        within=recipe.weight,
    )


def _weights(
    recipe: Recipe,
    here: NDArray[np.float64],
    level: NDArray[np.float64],
    x: NDArray[np.float64],
    *,
    own: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Weight of each price such that the elasticity of the others to it is the weight times the group's cross slope."""
    group = recipe.group

    def summed(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(np.bincount(group, weights=values)[group])

    size = np.exp(level - level.max())
    split = 0.9 * size / summed(size) + 0.1 / summed(np.ones(len(group)))
    cross = summed(recipe.weight * here[:, 1])
    # A group's cross slope is the sum of what its offers win from each other: share times elasticity.
    all_of_it = 1.0 / np.maximum(-summed(split * own), 0.1)
    taken = np.clip(cross * all_of_it, 0.0, _MOST_TAKEN)
    moved = np.exp(np.clip(recipe.curvature * own * x, -_FARTHEST, _FARTHEST))
    crowd = 1.0 + taken * (summed(split * moved) - 1.0)
    return np.asarray(np.maximum(-here[:, 0], -_LEAST) * all_of_it * split * moved / crowd)


def below(
    mean: NDArray[np.float64], sd: NDArray[np.float64], most: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and standard deviation of a normal given that it is below ``most`` (truncated normal)."""
    alpha = (most - mean) / sd
    ratio = np.exp(-0.5 * alpha**2 - 0.5 * np.log(2.0 * np.pi) - log_ndtr(alpha))
    cut = mean - sd * ratio
    variance = sd**2 * np.clip(1.0 - ratio * (alpha + ratio), 1e-4, 1.0)
    return np.minimum(cut, most - 1e-6), np.sqrt(variance)
