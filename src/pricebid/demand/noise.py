"""How much the single cells scatter around the fitted mean, beyond what counts must."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import nbinom

from pricebid.demand.counts import sites

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pricebid.demand.panel import Panel

_NOISES = np.geomspace(0.003, 3.0, 14)
_MOST_CELLS = 20_000


def learn_noise(panel: Panel, eta: NDArray[np.float64], sigma2: NDArray[np.float64]) -> NDArray[np.float64]:
    """Variance of the cells' own error: by sku where counts are large, by category where they are small.

    Parameters
    ----------
    panel : Panel
    eta : float64[offer, period]
        Fitted log mean.
    sigma2 : float64[offer]
        The variance assumed so far.

    Returns
    -------
    float64[offer]
    """
    history, tree, cat = panel.history, panel.tree, panel.tiers.category_of
    seen = np.isfinite(history.units) & ~history.censored
    y = np.where(seen, history.units, 0.0)
    s2 = sigma2[:, None]
    cells = sites(history.units, history.censored & False, eta, s2)
    rate = np.where(seen, 1.0 / np.maximum(cells.v - s2, 1e-12), 0.0)
    square = np.where(seen, (np.log(np.maximum(rate, 1e-9)) - eta) ** 2 + 1.0 / (rate + 1.0 / s2), 0.0).sum(1)
    cells_of_sku = np.bincount(tree.sku_of, weights=seen.sum(1), minlength=tree.skus)
    size = np.bincount(tree.sku_of, weights=y.sum(1), minlength=tree.skus) / np.maximum(cells_of_sku, 1)
    cells_of_category = np.maximum(np.bincount(cat, weights=seen.sum(1), minlength=tree.categories), 1)
    of_category = np.bincount(cat, weights=square, minlength=tree.categories) / cells_of_category
    of_sku = np.bincount(tree.sku_of, weights=square, minlength=tree.skus)
    large = (of_sku + 30.0 * of_category[tree.category_of]) / (cells_of_sku + 30.0)
    blend = np.clip(size / 20.0, 0.0, 1.0)
    if (blend < 1.0).any():
        small = _likeliest_noise(panel, eta)[tree.category_of]
        large = blend * large + (1.0 - blend) * small
    return np.asarray(np.clip(large, 1e-3, 4.0)[tree.sku_of])


def _likeliest_noise(panel: Panel, eta: NDArray[np.float64]) -> NDArray[np.float64]:
    """Variance that makes the counts of each category most likely, float64[category]: negative binomial, cut at stock."""
    history, cat = panel.history, panel.tiers.category_of
    rows, columns = np.nonzero(np.isfinite(history.units))
    keep = slice(None, None, max(1, len(rows) // _MOST_CELLS))
    rows, columns = rows[keep], columns[keep]
    y, cut = np.round(history.units[rows, columns]), history.censored[rows, columns]
    log_mean = np.minimum(eta[rows, columns], 25.0)
    fit = np.zeros((len(_NOISES), panel.tree.categories))
    for at, s2 in enumerate(_NOISES):
        size, mean = 1.0 / np.expm1(s2), np.exp(log_mean + 0.5 * s2)
        p = size / (size + mean)
        seen = nbinom.logpmf(y[~cut], size, p[~cut])
        more = np.log(np.maximum(nbinom.sf(y[cut] - 1.0, size, p[cut]), 1e-300))
        fit[at] = np.bincount(cat[rows[~cut]], weights=seen, minlength=panel.tree.categories)
        fit[at] += np.bincount(cat[rows[cut]], weights=more, minlength=panel.tree.categories)
    # Categories with few cells lean on all.
    fit += 0.1 * fit.sum(1, keepdims=True) / panel.tree.categories
    return np.asarray(_NOISES[fit.argmax(0)])
