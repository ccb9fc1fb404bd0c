"""A third view for forecasts: a regression of each sku's offers on all columns, with levels that stay.

The other views follow levels as they move and learn slopes from comparisons. This one takes all movement of prices and
promotions alike, between regions and over time, and lets nothing drift; its errors are other ones (Bates and Granger 1969;
Timmermann 2006: simple forecasts in a mean earn their place by being different, not by being good).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pricebid.demand.counts import quantile, sites
from pricebid.demand.hierarchy import Information, Split, pool, sum_by
from pricebid.demand.panel import known_means
from pricebid.demand.priors import time_spread_for

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pricebid.demand.fitting import Fitted
    from pricebid.demand.panel import Panel

# An offer with few sales takes its level from the other views, as if these were one such observation.
_LEVEL_TRUST = 1.0
_WEIGHTS = np.array([0.0, 0.1, 0.2, 0.3, 0.4])


@dataclass(frozen=True, kw_only=True)
class Plain:
    """Levels of the offers, float64[offer], and slopes of their skus, float64[sku, column]."""

    intercept: NDArray[np.float64]
    slopes: NDArray[np.float64]

    def log_mean(self, sku_of: NDArray[np.intp], columns: NDArray[np.float64]) -> NDArray[np.float64]:
        """Log mean for columns float64[column, offer, step]: float64[offer, step]."""
        return np.asarray(self.intercept[:, None] + np.einsum("nk,knt->nt", self.slopes[sku_of], columns))


def fit_plain(panel: Panel, state: Fitted) -> Plain:
    """Regress the pseudo-observations of the counts on the columns, skus pooled by category.

    Parameters
    ----------
    panel : Panel
    state : Fitted
        A fit of the same panel: it says how much each cell knows.
    """
    tree, k = panel.tree, len(panel.recipe.names)
    cells = sites(panel.history.units, panel.history.censored, state.eta, state.sigma2[:, None])
    moving = state.sku_level.noise + state.sku_level.variance
    weight = np.where(np.isfinite(cells.v), 1.0 / (cells.v + moving), 0.0)
    total = weight.sum(1)
    safe = np.where(total > 0, total, 1.0)
    x_mean = (panel.columns * weight).sum(2) / safe
    z_mean = (cells.z * weight).sum(1) / safe
    x, z = panel.columns - x_mean[:, :, None], cells.z - z_mean[:, None]
    # As offers x (column, period): the products over periods are then one batch of matrix products.
    rows = np.ascontiguousarray(x.transpose(1, 0, 2))
    weighed = rows * weight[:, None, :]
    matrix = sum_by(tree.sku_of, weighed @ rows.transpose(0, 2, 1), tree.skus)
    vector = sum_by(tree.sku_of, (weighed @ z[:, :, None])[:, :, 0], tree.skus)
    nothing = Information(np.zeros((tree.categories, k, k)), np.zeros((tree.categories, k)))
    guess = time_spread_for(panel.recipe.names, 0, known_means(panel))
    told = Split(matrix, matrix, matrix, vector, vector)
    slopes = pool((Split.none(len(z), 0), told, nothing), tree, guess).sku.mean
    level = z_mean - np.einsum("nk,kn->n", slopes[tree.sku_of], x_mean)
    return Plain(intercept=(total * level + _LEVEL_TRUST * state.intercept) / (total + _LEVEL_TRUST), slopes=slopes)


def weigh(
    views: tuple[NDArray[np.float64], NDArray[np.float64]],
    variance: NDArray[np.float64],
    actual: NDArray[np.float64],
    fold: NDArray[np.float64],
    *,
    whole: bool,
) -> float:
    """Weight of the plain view at which held-out medians are nearest to what was sold: the least of the blocks' weights.

    Parameters
    ----------
    views : (float64[cell], float64[cell])
        Log means of held-out cells: of the other views, and of the plain one.
    variance : float64[cell]
        Variance of the log of demand.
    actual : float64[cell]
        What was sold.
    fold : float64[cell]
        Number of the held-out block.
    whole : bool
        Units are whole numbers.

    Returns
    -------
    float
        Between 0 and 0.4: the plain view follows no level, and is never trusted most.
    """
    first, plain = views
    at = fold.astype(np.intp)
    off = []
    for weight in _WEIGHTS:
        mean = np.exp(np.minimum((1.0 - weight) * first + weight * plain + 0.5 * variance, 30.0))
        off.append(np.bincount(at, weights=np.abs(quantile(mean, variance, 0.5, whole=whole) - actual)))
    # One block may have liked it by luck.
    return float(_WEIGHTS[np.argmin(off, axis=0)].min())


__all__ = ["Plain", "fit_plain", "weigh"]
